"""Augmentation: fresh variations of each batch, made all at once on the device."""

import math
from typing import Annotated, Any

import torch
from pydantic import Field
from torch.nn import functional as F

from engine.choice import Choice, option
from engine.data.dataset import Dataset
from engine.fields import Fields

Degrees = Annotated[float, Field(ge=0, le=180)]
Part = Annotated[float, Field(ge=0, le=1)]
Strength = Annotated[float, Field(ge=0, le=5)]
Kept = Annotated[float, Field(gt=0, le=1)]


ANYWHERE = ("noise", "mix_up")  # what varies numbers of any kind; all else is for images


class Augment(Choice):
    """How every example is varied each time it is seen; zero leaves a thing as it is."""

    kind = "augment"

    shift: Part = option(0.0, "How far images move, as a share of their side.")
    rotation: Degrees = option(0.0, "How far they turn, in degrees.")
    scale: Part = option(0.0, "How much larger or smaller they become; 0.2 is from 0.8 to 1.2.")
    shear: Degrees = option(0.0, "How far they slant, in degrees.")
    flip: bool = option(False, "Whether half of them are mirrored left to right.")
    crop: Kept = option(1.0, "The smallest share of the side that is cut out and enlarged; 1 is all.")
    perspective: Part = option(0.0, "How far they tilt away.")
    elastic: Part = option(0.0, "How far places stray by themselves, like handwriting on rubber.")
    noise: Strength = option(0.0, "Grain that is added, in deviations of the data.")
    brightness: Strength = option(0.0, "How much brighter or darker they become, in deviations of the data.")
    contrast: Part = option(0.0, "How much flatter or harder they become.")
    cutout: Part = option(0.0, "The side of a square that is blanked, as a share of theirs.")
    mix_up: Annotated[float, Field(ge=0, le=10)] = option(
        0.0, "Blend pairs of examples and their classes; the higher, the more evenly.", rare=True
    )

    @property
    def moves(self) -> bool:
        """Return whether pixels change places."""
        still = (self.shift, self.rotation, self.scale, self.shear, self.perspective, self.elastic)
        return any(still) or self.flip or self.crop < 1

    def apply(self, inputs: torch.Tensor, targets: torch.Tensor, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the batch varied; with mix-up, targets become shares of classes, or numbers between two."""
        if inputs.dim() == 4:
            if self.moves:
                grid = self._grid(inputs)
                targets = _moved(targets, inputs, grid)
                inputs = F.grid_sample(inputs, grid, padding_mode="border", align_corners=False)
            inputs = self._shade(inputs)
        if self.noise:
            inputs = inputs + self.noise * torch.randn_like(inputs)
        return self._mix(inputs, targets, classes) if self.mix_up else (inputs, targets)

    def refuses(self, dataset: Dataset, blends: bool) -> str:
        """Return what cannot be done to the examples of a dataset, or nothing."""
        changed = [
            name for name in type(self).model_fields if getattr(self, name) != type(self).model_fields[name].default
        ]
        others = [name for name in changed if name not in ANYWHERE]
        if others and dataset.example != "image":
            words = " and ".join(name.replace("_", "-") for name in others)
            return f"{dataset.title}: these are no images, so {words} cannot vary them. Take that out; noise can."
        if changed and dataset.example in ("fields", "tokens"):
            what = "several fields" if dataset.example == "fields" else "words"
            words = " and ".join(name.replace("_", "-") for name in changed)
            return f"{dataset.title}: an example is made of {what}, which {words} cannot vary. Take that out."
        if self.mix_up and not blends:
            return "Mix-up blends two examples, and this task learns from single ones. Take it out."
        if self.mix_up and dataset.incomplete:
            return "Mix-up blends what is right of two examples, and of some that is not known. Take it out."
        return ""

    def _grid(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return, for every place of the result, where it comes from: n, height, width, 2."""
        n, device = len(inputs), inputs.device

        def spread(reach: float) -> torch.Tensor:
            return (2 * torch.rand(n, device=device) - 1) * reach

        angle, slant = spread(math.radians(self.rotation)), spread(math.radians(self.shear)).tan()
        zoom = 1 / (1 + spread(min(self.scale, 0.95)))
        kept = self.crop + (1 - self.crop) * torch.rand(n, device=device)
        mirror = (
            torch.where(torch.rand(n, device=device) < 0.5, -1.0, 1.0) if self.flip else torch.ones(n, device=device)
        )
        size = zoom * kept
        first = torch.stack([mirror * size * angle.cos(), size * (slant * angle.cos() - angle.sin())], dim=1)
        second = torch.stack([mirror * size * angle.sin(), size * (slant * angle.sin() + angle.cos())], dim=1)
        room = 1 - kept
        moved = [spread(2 * self.shift) + spread(1.0) * room for _ in range(2)]
        theta = torch.stack(
            [torch.cat([first, moved[0][:, None]], 1), torch.cat([second, moved[1][:, None]], 1)], dim=1
        )
        grid = F.affine_grid(theta, list(inputs.shape), align_corners=False)
        if self.perspective:
            tilt = torch.stack([spread(0.5 * self.perspective), spread(0.5 * self.perspective)], dim=1)
            grid = grid / (1 + (grid * tilt[:, None, None, :]).sum(dim=3, keepdim=True)).clamp_min(0.2)
        if self.elastic:
            coarse = torch.randn(n, 2, 5, 5, device=device) * 0.15 * self.elastic
            grid = grid + F.interpolate(coarse, inputs.shape[2:], mode="bicubic").movedim(1, 3)
        return grid

    def _shade(self, inputs: torch.Tensor) -> torch.Tensor:
        n, device = len(inputs), inputs.device
        if self.contrast:
            inputs = inputs * (1 + self.contrast * (2 * torch.rand(n, 1, 1, 1, device=device) - 1))
        if self.brightness:
            inputs = inputs + self.brightness * (2 * torch.rand(n, 1, 1, 1, device=device) - 1)
        if self.cutout:
            height, width = inputs.shape[2:]
            y, x = (torch.rand(n, 1, device=device) * size for size in (height, width))
            rows = (torch.arange(height, device=device) - y).abs() < self.cutout * height / 2
            columns = (torch.arange(width, device=device) - x).abs() < self.cutout * width / 2
            inputs = inputs.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)
        return inputs

    def _mix(self, inputs: torch.Tensor, targets: torch.Tensor, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
        # Beta(a, a) as a ratio of two gammas, whose random numbers torch's own state draws.
        gammas = torch._standard_gamma(torch.full((2,), self.mix_up))
        share = (gammas[0] / gammas.sum().clamp_min(1e-12)).item()
        other = torch.randperm(len(inputs), device=inputs.device)
        shares = targets if targets.is_floating_point() else F.one_hot(targets, classes).to(inputs.dtype)
        return share * inputs + (1 - share) * inputs[other], share * shares + (1 - share) * shares[other]


def _moved(targets: Any, inputs: torch.Tensor, grid: torch.Tensor) -> Any:
    """Return what is right for every dot of pictures, moved as they are; all else stays as it is."""
    if isinstance(targets, Fields):
        return targets.each(lambda _, values: _moved(values, inputs, grid))
    labels = not targets.is_floating_point()
    if targets.dim() != (3 if labels else 4):
        return targets
    if targets.shape[-2:] != inputs.shape[-2:]:  # coarser or finer than the picture
        sized = F.interpolate(grid.movedim(3, 1), targets.shape[-2:], mode="bilinear", align_corners=False)
        grid = sized.movedim(1, 3)
    if not labels:
        return F.grid_sample(targets, grid, padding_mode="border", align_corners=False)
    values = targets.to(grid.dtype).unsqueeze(1)  # single precision holds as many as there can be
    return F.grid_sample(values, grid, "nearest", "border", align_corners=False)[:, 0].to(targets.dtype)
