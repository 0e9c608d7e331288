"""Points in the plane: the sets on which one sees what a network can and cannot separate."""

import math
from collections.abc import Callable
from typing import Annotated, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import SEED, Dataset, Portion, Seed, Size, Source, Split, drawn, source, split

Noise = Annotated[float, Field(ge=0, le=1)]
Pairs = tuple[torch.Tensor, torch.Tensor]  # points (n, 2), targets (n)


def _gauss(n: int, noise: float, g: torch.Generator) -> Pairs:
    label = torch.arange(n) % 2
    centre = torch.stack([label * 4.0 - 2.0] * 2, dim=1)
    return centre + (0.6 + 2.4 * noise) * torch.randn(n, 2, generator=g), label


def _circle(n: int, noise: float, g: torch.Generator) -> Pairs:
    label = torch.arange(n) % 2
    radius = torch.where(label == 0, 2.5 * torch.rand(n, generator=g), 3.5 + 1.5 * torch.rand(n, generator=g))
    angle = 2 * math.pi * torch.rand(n, generator=g)
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    return points + 2.5 * noise * torch.randn(n, 2, generator=g), label


def _xor(n: int, noise: float, g: torch.Generator) -> Pairs:
    points = 10 * torch.rand(n, 2, generator=g) - 5
    points = points + 0.3 * points.sign()  # a gap along the axes
    label = (points[:, 0] * points[:, 1] < 0).long()
    return points + 2.5 * noise * torch.randn(n, 2, generator=g), label


def _spiral(n: int, noise: float, g: torch.Generator) -> Pairs:
    label = torch.arange(n) % 2
    along = torch.rand(n, generator=g)
    angle = 1.75 * 2 * math.pi * along + math.pi * label
    points = 5 * along.unsqueeze(1) * torch.stack([angle.sin(), angle.cos()], dim=1)
    return points + noise * torch.randn(n, 2, generator=g), label


def _moons(n: int, noise: float, g: torch.Generator) -> Pairs:
    label = torch.arange(n) % 2
    angle = math.pi * torch.rand(n, generator=g)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
    points = 3 * (torch.where(label.unsqueeze(1) == 0, upper, lower) - torch.tensor([0.5, 0.25]))
    return points + 1.5 * noise * torch.randn(n, 2, generator=g), label


def _plane(n: int, noise: float, g: torch.Generator) -> Pairs:
    points = 10 * torch.rand(n, 2, generator=g) - 5
    return points, points.sum(dim=1) / 10 + noise * torch.randn(n, generator=g)


def _hills(n: int, noise: float, g: torch.Generator) -> Pairs:
    points = 10 * torch.rand(n, 2, generator=g) - 5
    tops = torch.tensor([[-2.5, -2.5, 1.0], [2.5, 2.5, 1.0], [-2.5, 2.5, -1.0], [2.5, -2.5, -1.0]])
    far = (points.unsqueeze(1) - tops[:, :2]).pow(2).sum(dim=2)  # n, tops
    return points, (tops[:, 2] * torch.exp(-far / 4)).sum(dim=1) + noise * torch.randn(n, generator=g)


SHAPES: dict[str, Callable[[int, float, torch.Generator], Pairs]] = {
    "gauss": _gauss,
    "circle": _circle,
    "xor": _xor,
    "spiral": _spiral,
    "moons": _moons,
    "plane": _plane,
    "hills": _hills,
}
NUMBERS = ("plane", "hills")


@source("points")
class Points(Source):
    """Points in the plane, of two classes, or with a height to be learned."""

    title, example, licence, origin = "Points", "points", "Apache-2.0", "drawn by Vitrine"

    shape: Literal["gauss", "circle", "xor", "spiral", "moons", "plane", "hills"] = option(
        "circle", "How the points lie; plane and hills have a height instead of a class."
    )
    number: Size = option(500, "How many points.")
    noise: Noise = option(0.0, "How far points stray, or heights err.")
    test: Portion = option(0.5, "The share of the points that is kept aside to test on.")
    validation: Portion = option(0.0, "The share of the training points that is kept aside to validate on.", rare=True)
    seed: Seed = SEED

    def load(self):
        """Draw the points and split them."""
        inputs, targets = SHAPES[self.shape](self.number, self.noise, drawn(self.seed))
        regress = self.shape in NUMBERS
        everything = Split(inputs.float(), targets.float().unsqueeze(1) if regress else targets)
        classes = () if regress else ("orange", "blue")
        return Dataset(self.title, "points", classes, *split(everything, self.seed, self.validation, self.test))
