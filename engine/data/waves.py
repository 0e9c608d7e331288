"""Waves: series that go on by a rule, cut into windows; what comes next is to be told."""

import math
from typing import Annotated, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import SEED, Seed, drawn, source
from engine.data.windows import Windowed


def _sines(length: int, random: torch.Generator) -> torch.Tensor:
    """Return three sines whose periods have no common measure."""
    at = torch.arange(length, dtype=torch.double)
    periods, phases = (25.0, 40.0 * math.sqrt(2), 11.0 * math.sqrt(5)), 2 * math.pi * torch.rand(3, generator=random)
    waves = [(2 * math.pi * at / period + phase).sin() for period, phase in zip(periods, phases.tolist(), strict=True)]
    return torch.stack(waves).sum(dim=0)


def _sawtooth(length: int, random: torch.Generator) -> torch.Tensor:
    """Return teeth of one length, begun anywhere."""
    begin = float(torch.rand(1, generator=random))
    return 2 * (torch.arange(length, dtype=torch.double) / 24 + begin).remainder(1) - 1


def _mackey_glass(length: int, random: torch.Generator) -> torch.Tensor:
    """Return a series that hangs on itself 17 time units ago (Mackey and Glass, 1977), by Runge and Kutta's steps."""
    steps, delay, around = 10, 170, 100  # steps a time unit; in steps; time units until nothing tells how it began
    values = [0.9 + 0.6 * float(torch.rand(1, generator=random))] * (delay + 1)

    def slope(now: float, then: float) -> float:
        return 0.2 * then / (1 + then**10) - 0.1 * now

    for _ in range(steps * (length + around)):
        now, then, later = values[-1], values[-1 - delay], values[-delay]
        half = (then + later) / 2
        one = slope(now, then)
        two = slope(now + one / steps / 2, half)
        three = slope(now + two / steps / 2, half)
        four = slope(now + three / steps, later)
        values.append(now + (one + 2 * two + 2 * three + four) / steps / 6)
    return torch.tensor(values[-steps * length :: steps], dtype=torch.double)


def _lorenz(length: int, random: torch.Generator) -> torch.Tensor:
    """Return the first coordinate of Lorenz's attractor (1963), by Runge and Kutta's steps."""
    steps, around = 10, 200
    width = 0.05 / steps
    state = [
        begin + more for begin, more in zip((1.0, 1.0, 20.0), torch.rand(3, generator=random).tolist(), strict=True)
    ]

    def slope(at: list[float]) -> list[float]:
        x, y, z = at
        return [10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z]

    def moved(by: float, along: list[float]) -> list[float]:
        return [place + by * way for place, way in zip(state, along, strict=True)]

    found = []
    for _ in range(steps * (length + around)):
        one = slope(state)
        two = slope(moved(width / 2, one))
        three = slope(moved(width / 2, two))
        four = slope(moved(width, three))
        every = zip(one, two, three, four, strict=True)
        state = moved(width / 6, [a + 2 * b + 2 * c + d for a, b, c, d in every])
        found.append(state[0])
    return torch.tensor(found[steps * around :: steps], dtype=torch.double)


RULES = {"sines": _sines, "sawtooth": _sawtooth, "Mackey–Glass": _mackey_glass, "Lorenz": _lorenz}


@source("waves")
class Waves(Windowed):
    """One long series of numbers, read through a window; the numbers behind the window are to be told.

    It is split in the order of time: the last stretch is for the test, the one before it for validation. No window
    reaches over such a border, and the scale is that of the stretch that is learned from.
    """

    title, licence, origin = "Waves", "Apache-2.0", "worked out by Vitrine"

    shape: Literal["sines", "sawtooth", "Mackey–Glass", "Lorenz"] = option(
        "sines",
        "Three sines together; teeth; a series that hangs on its own past; one that nobody can foretell for long.",
    )
    length: Annotated[int, Field(ge=50, le=20_000)] = option(2000, "How many numbers the series has.")
    noise: Annotated[float, Field(ge=0, le=2)] = option(0.0, "How far each number strays, in deviations of the series.")
    seed: Seed = SEED

    def series(self):
        """Work the series out."""
        random = drawn(self.seed)
        values = RULES[self.shape](self.length, random)
        return values + self.noise * values.std() * torch.randn(self.length, generator=random, dtype=torch.double), ()
