"""Schedules: by what the rate is multiplied at each step."""

import math
from dataclasses import dataclass

from engine.training.recipe import Recipe

RISING = 0.3  # the part of one cycle in which the rate goes up
WITH_MOMENTUM = ("momentum", "nesterov", "adam", "adamw")
SWAY = 0.05  # how far momentum goes up and down meanwhile


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


def momentum(recipe: Recipe, step: int, total: int) -> float | None:
    """Return the momentum of a step where the schedule moves it: one-cycle takes it down as the rate goes up."""
    if recipe.schedule != "one_cycle" or recipe.optimiser not in WITH_MOMENTUM:
        return None
    high, low = min(0.999, recipe.momentum + SWAY), max(0.0, recipe.momentum - SWAY)
    top = RISING * total - 1
    along = step / max(1e-9, top) if step <= top else 1 - (step - top) / max(1e-9, total - 1 - top)
    return high + (low - high) * 0.5 * (1 - math.cos(math.pi * max(0.0, along)))


@dataclass
class Plateau:
    """Counts, as torch does, epochs without a better score, and how often the rate was lowered for that."""

    lowered: int = 0
    best: float = -math.inf
    bad: int = 0  # epochs since there was a better one, or since the rate was lowered

    def take(self, score: float, patience: int) -> None:
        """Take in an epoch's score, which is better if it is higher by more than a ten-thousandth."""
        if self.best == -math.inf or score > self.best + 1e-4 * abs(self.best):
            self.best, self.bad = score, 0
        else:
            self.bad += 1
        if self.bad > patience:
            self.lowered, self.bad = self.lowered + 1, 0


def one_cycle(step: int, total: int, rising: float = RISING, start: float = 25.0, end: float = 10_000.0) -> float:
    """Return Smith's cycle: from 1/25 up to 1 over the first 30 %, then down to almost nothing, along cosines."""
    top = rising * total - 1
    if step <= top:
        low, high, along = 1 / start, 1.0, step / max(1e-9, top)
    else:
        low, high, along = 1 / (start * end), 1.0, 1 - (step - top) / max(1e-9, total - 1 - top)
    return low + (high - low) * 0.5 * (1 - math.cos(math.pi * max(0.0, along)))
