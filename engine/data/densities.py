"""Densities: distributions in the plane, from which points are drawn and to which there is nothing to be told."""

import math
from collections.abc import Callable
from typing import Annotated, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import SEED, Dataset, Portion, Seed, Size, Source, Split, drawn, source
from engine.data.splitting import split
from engine.errors import VitrineError
from engine.fields import Fields

HALF = 2.0  # about how far from the middle points lie


def _uniform(number: int, chance: torch.Generator) -> torch.Tensor:
    return torch.rand(number, generator=chance)


def _on(angle: torch.Tensor, radius: torch.Tensor | float) -> torch.Tensor:
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def _line(number: int, chance: torch.Generator) -> torch.Tensor:
    along = 2 * _uniform(number, chance) - 1
    return HALF * torch.stack([along, along / 2], dim=1)


def _ring(number: int, chance: torch.Generator) -> torch.Tensor:
    return _on(2 * math.pi * _uniform(number, chance), HALF)


def _spiral(number: int, chance: torch.Generator) -> torch.Tensor:
    share = _uniform(number, chance).sqrt()  # so that the arm is as dense outside as inside
    return _on(3 * math.pi * share, HALF * share)


def _moons(number: int, chance: torch.Generator) -> torch.Tensor:
    angle = math.pi * _uniform(number, chance)
    upper, lower = _on(angle, 1.0), torch.tensor([1.0, 0.5]) - _on(angle, 1.0)
    turn = (torch.arange(number) % 2 == 0)[:, None]
    return 1.3 * (torch.where(turn, upper, lower) - torch.tensor([0.5, 0.25]))


# Distributions along a curve, and the middles of those that lie in heaps.
CURVES: dict[str, Callable[[int, torch.Generator], torch.Tensor]] = {
    "line": _line,
    "ring": _ring,
    "spiral": _spiral,
    "moons": _moons,
}
HEAPS: dict[str, torch.Tensor] = {
    "two": torch.tensor([[-1.2, 0.0], [1.2, 0.0]]),
    "eight": _on(torch.arange(8) * math.pi / 4, HALF),
    "grid": torch.cartesian_prod(torch.arange(-2.0, 3.0), torch.arange(-2.0, 3.0)),
}


@source("density")
class Density(Source):
    """Points drawn from a distribution in the plane: to be made again, out of noise."""

    title, example, licence, origin = "A distribution", "points", "Apache-2.0", "drawn by Vitrine"
    knows = ("mode",)

    shape: Literal["line", "two", "eight", "ring", "grid", "spiral", "moons"] = option(
        "eight", "How points lie: along a line, a ring, a spiral or two moons, or in two, eight or 5×5 heaps."
    )
    spread: Annotated[float, Field(ge=0.005, le=1)] = option(0.1, "How far points stray: the deviation.")
    tell: Literal["nothing", "which heap"] = option(
        "nothing", "What is known of a point beside where it lies; networks may be told it."
    )
    number: Size = option(5000, "How many points.")
    test: Portion = option(0.2, "The share of the points that is kept aside to test on.", rare=True)
    validation: Portion = option(0.1, "The share of the others that is kept aside to compare with.", rare=True)
    seed: Seed = SEED

    def load(self):
        """Draw the points and split them."""
        chance = drawn(self.seed)
        middles, facts = HEAPS.get(self.shape), None
        if middles is None and self.tell != "nothing":
            raise VitrineError(
                f"A {self.shape} has no heaps to tell.", cure=f"Choose one of {', '.join(HEAPS)}, or tell nothing."
            )
        targets, classes = torch.zeros(self.number, 0), ()
        if middles is not None:
            of = torch.arange(self.number) % len(middles)
            at, facts = middles[of], Fields({"mode": of})
            names = tuple(f"heap {place}" for place in range(1, len(middles) + 1))
            if self.tell != "nothing":
                targets, classes = of, names
        else:
            at, names = CURVES[self.shape](self.number, chance), ()
        points = at + self.spread * torch.randn(self.number, 2, generator=chance)
        known = {"mode": names} if facts else {}
        halves = split(Split(points, targets, facts=facts), self)
        return Dataset(self.title, "points", classes, *halves, self.divided, facts=known)
