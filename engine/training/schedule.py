"""Schedules: by what the rate is multiplied at each step."""

import math

from engine.training.recipe import Recipe


def factor(recipe: Recipe, step: int, total: int, steps_an_epoch: int, plateaus: int = 0) -> float:
    """Return the factor for a step, counted from 0, of a run of so many; `plateaus` is how often learning got stuck."""
    warm = min(1.0, (step + 1) / recipe.warm_up) if recipe.warm_up else 1.0
    along = min(1.0, step / max(1, total))
    match recipe.schedule:
        case "step":
            return warm * recipe.factor ** (step // (recipe.every * steps_an_epoch))
        case "cosine":
            return warm * 0.5 * (1 + math.cos(math.pi * along))
        case "one_cycle":
            return one_cycle(step, total)
        case "plateau":
            return warm * recipe.factor**plateaus
    return warm


def one_cycle(step: int, total: int, rising: float = 0.3, start: float = 25.0, end: float = 10_000.0) -> float:
    """Return Smith's cycle: from 1/25 up to 1 over the first 30 %, then down to almost nothing, along cosines."""
    top = rising * total - 1
    if step <= top:
        low, high, along = 1 / start, 1.0, step / max(1e-9, top)
    else:
        low, high, along = 1 / (start * end), 1.0, 1 - (step - top) / max(1e-9, total - 1 - top)
    return low + (high - low) * 0.5 * (1 - math.cos(math.pi * max(0.0, along)))
