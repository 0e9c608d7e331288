"""Points in the plane: the sets on which one sees what a network can and cannot separate."""

import math
from collections.abc import Callable
from typing import Annotated, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import SEED, Dataset, Portion, Seed, Size, Source, Split, drawn, source
from engine.data.splitting import split
from engine.errors import VitrineError

Noise = Annotated[float, Field(ge=0, le=1)]
CLASSES = ("orange", "blue", "green", "pink", "yellow")
Pairs = tuple[torch.Tensor, torch.Tensor]  # points (n, 2), targets (n)


def _labels(n: int, classes: int, share: float | None) -> torch.Tensor:
    """Return the class of each point: in turn, or the first class with its share and the others in turn."""
    if share is None:
        return torch.arange(n) % classes
    first = round(n * share)
    return torch.cat([torch.zeros(first, dtype=torch.long), 1 + torch.arange(n - first) % (classes - 1)])


def _gauss(label: torch.Tensor, classes: int, noise: float, g: torch.Generator) -> torch.Tensor:
    angle = math.pi * (1.25 + 2 * label / classes)
    centre = math.sqrt(8) * torch.stack([angle.cos(), angle.sin()], dim=1)
    return centre + (0.6 + 2.4 * noise) * torch.randn(len(label), 2, generator=g)


def _circle(label: torch.Tensor, classes: int, noise: float, g: torch.Generator) -> torch.Tensor:
    n = len(label)
    low, high = (5 * label + 2 * (label > 0)) / classes, 5 * (label + 1) / classes  # a disc, and rings with gaps
    radius = low + (high - low) * torch.rand(n, generator=g)
    angle = 2 * math.pi * torch.rand(n, generator=g)
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    return points + 2.5 * noise * torch.randn(n, 2, generator=g)


def _xor(label: torch.Tensor, classes: int, noise: float, g: torch.Generator) -> torch.Tensor:
    points = 10 * torch.rand(len(label), 2, generator=g) - 5
    points = points + 0.3 * points.sign()  # a gap along the axes
    wrong = (points[:, 0] * points[:, 1] < 0).long() != label
    points[wrong, 0] = -points[wrong, 0]
    return points + 2.5 * noise * torch.randn(len(label), 2, generator=g)


def _spiral(label: torch.Tensor, classes: int, noise: float, g: torch.Generator) -> torch.Tensor:
    along = torch.rand(len(label), generator=g)
    angle = 2 * math.pi * (1.75 * along + label / classes)
    points = 5 * along.unsqueeze(1) * torch.stack([angle.sin(), angle.cos()], dim=1)
    return points + noise * torch.randn(len(label), 2, generator=g)


def _moons(label: torch.Tensor, classes: int, noise: float, g: torch.Generator) -> torch.Tensor:
    n = len(label)
    angle = math.pi * torch.rand(n, generator=g)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
    points = 3 * (torch.where(label.unsqueeze(1) == 0, upper, lower) - torch.tensor([0.5, 0.25]))
    return points + 1.5 * noise * torch.randn(n, 2, generator=g)


def _plane(n: int, noise: float, g: torch.Generator) -> Pairs:
    points = 10 * torch.rand(n, 2, generator=g) - 5
    return points, points.sum(dim=1) / 10 + noise * torch.randn(n, generator=g)


def _hills(n: int, noise: float, g: torch.Generator) -> Pairs:
    points = 10 * torch.rand(n, 2, generator=g) - 5
    tops = torch.tensor([[-2.5, -2.5, 1.0], [2.5, 2.5, 1.0], [-2.5, 2.5, -1.0], [2.5, -2.5, -1.0]])
    far = (points.unsqueeze(1) - tops[:, :2]).pow(2).sum(dim=2)  # n, tops
    return points, (tops[:, 2] * torch.exp(-far / 4)).sum(dim=1) + noise * torch.randn(n, generator=g)


SHAPES: dict[str, Callable[[torch.Tensor, int, float, torch.Generator], torch.Tensor]] = {
    "gauss": _gauss,
    "circle": _circle,
    "xor": _xor,
    "spiral": _spiral,
    "moons": _moons,
}
HEIGHTS: dict[str, Callable[[int, float, torch.Generator], Pairs]] = {"plane": _plane, "hills": _hills}
OF_TWO = ("xor", "moons")  # shapes that have no more classes


@source("points")
class Points(Source):
    """Points in the plane, of two classes, or with a height to be learned."""

    title, example, licence, origin = "Points", "points", "Apache-2.0", "drawn by Vitrine"

    shape: Literal["gauss", "circle", "xor", "spiral", "moons", "plane", "hills"] = option(
        "circle", "How the points lie; plane and hills have a height instead of a class."
    )
    classes: Annotated[int, Field(ge=2, le=5)] = option(2, "Into how many classes the points fall.")
    number: Size = option(500, "How many points.")
    noise: Noise = option(0.0, "How far points stray, or heights err.", felt=(0.0, 0.5))
    share: Annotated[float, Field(ge=0.02, le=0.98)] | None = option(
        None, "The share of the first class; empty: all classes alike.", rare=True, none="alike"
    )
    test: Portion = option(0.3, "The share of the points that is kept aside to test on, at the end.")
    validation: Portion = option(0.3, "The share of the others by which the curves tell how well it does elsewhere.")
    seed: Seed = SEED

    def load(self):
        """Draw the points and split them."""
        if self.shape in HEIGHTS:
            inputs, heights = HEIGHTS[self.shape](self.number, self.noise, drawn(self.seed))
            everything, classes = Split(inputs.float(), heights.float().unsqueeze(1)), ()
        else:
            if self.shape in OF_TWO and self.classes > 2:
                raise VitrineError(
                    f"There are 2 classes of {self.shape}; received {self.classes}.", cure="Choose gauss."
                )
            label, classes = _labels(self.number, self.classes, self.share), CLASSES[: self.classes]
            everything = Split(SHAPES[self.shape](label, self.classes, self.noise, drawn(self.seed)).float(), label)
        return Dataset(self.title, "points", classes, *split(everything, self), self.divided)
