"""Stripes: oriented bars, on which one sees edge filters appear."""

import math
from typing import Annotated, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import SEED, TEST, VALIDATION, Dataset, Portion, Seed, Size, Source, Split, drawn, source
from engine.data.splitting import split
from engine.fields import Fields

Directions = Annotated[int, Field(ge=2, le=8)]


@source("stripes")
class Stripes(Source):
    """Stripes in several directions, of random width, place and contrast."""

    title, licence, origin = "Stripes", "Apache-2.0", "drawn by Vitrine"
    knows = ("angle", "width", "phase", "contrast")

    number: Size = option(4000, "How many images.")
    size: Literal[16, 28, 32] = option(28, "The side of each image.")
    directions: Directions = option(4, "How many directions, which are the classes.")
    noise: Annotated[float, Field(ge=0, le=1)] = option(0.1, "How much grain is added.")
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def load(self):
        """Draw waves along each direction."""
        g = drawn(self.seed)
        label = torch.arange(self.number) % self.directions
        angle = label * math.pi / self.directions + 0.12 * torch.randn(self.number, generator=g)
        wide = 4 + 6 * torch.rand(self.number, generator=g)
        phase = 2 * math.pi * torch.rand(self.number, generator=g)
        contrast = 0.4 + 0.6 * torch.rand(self.number, generator=g)
        y, x = torch.meshgrid(torch.arange(self.size), torch.arange(self.size), indexing="ij")
        # The stripes run along the angle: the wave goes across it.
        across = -angle.sin()[:, None, None] * x + angle.cos()[:, None, None] * y
        waves = torch.sin(2 * math.pi * across / wide[:, None, None] + phase[:, None, None])
        images = 0.5 + 0.5 * contrast[:, None, None] * waves
        images = images + 0.3 * self.noise * torch.randn(images.shape, generator=g)
        known = {"angle": angle.rad2deg(), "width": wide, "phase": phase, "contrast": contrast}
        pictures = (images.clamp(0, 1) * 255).round().to(torch.uint8).unsqueeze(1)
        everything = Split(pictures, label, facts=Fields(known))
        classes = tuple(f"{round(180 * d / self.directions)}°" for d in range(self.directions))
        told = dict.fromkeys(self.knows, ())
        return Dataset(self.title, "image", classes, *split(everything, self), self.divided, facts=told)
