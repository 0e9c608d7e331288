"""Your own distribution: drawn by hand, or the ink of a picture; it is part of the experiment, so a link carries it."""

import base64
import binascii
import zlib
from typing import Annotated

import numpy as np
import torch
from PIL import Image
from pydantic import Field, field_validator

from engine.choice import option
from engine.data.dataset import CALLED, SEED, Called, Dataset, Portion, Seed, Size, Source, Split, drawn, source
from engine.data.pictures import Picture
from engine.data.splitting import split
from engine.errors import VitrineError

MOST_POINTS = 2_000  # more would not fit into a link
CELLS, LEVELS = 64, 16  # of a picture along each side, and of darkness
BYTES = CELLS * CELLS // 2  # two cells a byte
EMPTY = "Nothing is drawn yet"
HALF = 2.5  # how far from the middle a picture's longer side reaches
Place = Annotated[float, Field(ge=-100, le=100)]


@source("own-density")
class OwnDensity(Source):
    """Your own distribution in the plane, drawn by hand or taken from the ink of a picture: to be made again, out of
    noise.
    """

    title, example, licence, origin = "Your own distribution", "points", "yours", "your own"

    rows: Annotated[tuple[tuple[Place, Place], ...], Field(max_length=MOST_POINTS)] = option(
        (), "Where something was drawn.", hidden=True
    )
    called: Called = CALLED
    ink: Annotated[str, Field(max_length=4000)] = option(
        "", "How dark a picture is, cell by cell, packed.", hidden=True
    )
    spread: Annotated[float, Field(ge=0.005, le=1)] = option(0.1, "How far points stray from what was drawn.")
    number: Size = option(5000, "How many points.")
    test: Portion = option(0.2, "The share of the points that is kept aside to test on.", rare=True)
    validation: Portion = option(0.1, "The share of the others that is kept aside to compare with.", rare=True)
    seed: Seed = SEED

    @field_validator("rows", mode="before")
    @classmethod
    def _rows(cls, rows: object) -> object:
        return tuple(tuple(row) if isinstance(row, list) else row for row in rows) if isinstance(rows, list) else rows

    @field_validator("ink")
    @classmethod
    def _ink(cls, ink: str) -> str:
        if ink:
            unpacked(ink)
        return ink

    def load(self):
        """Draw points where something was drawn, and split them."""
        chance = drawn(self.seed)
        if self.ink:
            at = self._of_ink(chance)
        elif self.rows:
            rows = torch.tensor(self.rows, dtype=torch.float32)
            at = rows[torch.randint(len(rows), (self.number,), generator=chance)]
        else:
            raise VitrineError(f"{EMPTY}.", cure="Draw into the plane, or take the ink of a picture.")
        points = at + self.spread * torch.randn(self.number, 2, generator=chance)
        everything = Split(points, torch.zeros(self.number, 0))
        return Dataset(self.name, "points", (), *split(everything, self), self.divided)

    def _of_ink(self, chance: torch.Generator) -> torch.Tensor:
        """Return places drawn as often as a picture is dark there."""
        dark = torch.from_numpy(unpacked(self.ink)).flatten().float()
        cell = torch.multinomial(dark, self.number, replacement=True, generator=chance)
        within = torch.rand(self.number, 2, generator=chance)
        across, down = cell % CELLS + within[:, 0], cell // CELLS + within[:, 1]
        return torch.stack([across / CELLS - 0.5, 0.5 - down / CELLS], dim=1) * 2 * HALF


def packed(picture: Picture) -> str:
    """Return how dark a picture is, cell by cell, as text; what is light on dark ground counts as ink, too."""
    grey = picture.image.convert("L")
    grey.thumbnail((CELLS, CELLS), Image.Resampling.BOX)
    ink = 255.0 - np.asarray(grey, np.float64)
    if ink.mean() > 127.5:
        ink = 255.0 - ink
    ink -= np.quantile(ink, 0.2)  # the ground, which is hardly ever quite white
    if ink.max() < 10:
        raise VitrineError("The picture is of one tone: there is no ink in it.", cure="Choose another.")
    steps = np.round(np.clip(ink / ink.max(), 0, 1) * (LEVELS - 1)).astype(np.uint8)
    sheet = np.zeros((CELLS, CELLS), np.uint8)
    top, left = (CELLS - steps.shape[0]) // 2, (CELLS - steps.shape[1]) // 2
    sheet[top : top + steps.shape[0], left : left + steps.shape[1]] = steps
    both = sheet.reshape(-1, 2)
    body = (both[:, 0] * LEVELS + both[:, 1]).astype(np.uint8).tobytes()
    return base64.urlsafe_b64encode(zlib.compress(body, 9)).decode()


def unpacked(ink: str) -> np.ndarray:
    """Return how dark each cell is, from 0 to 15, or say that this is no ink; no more is read than there can be."""
    try:
        reader = zlib.decompressobj()
        body = reader.decompress(base64.urlsafe_b64decode(ink.encode("ascii", "replace")), BYTES + 1)
    except (binascii.Error, zlib.error):
        raise ValueError("it is no packed picture") from None
    if len(body) != BYTES or not any(body):
        raise ValueError("it is no packed picture")
    both = np.frombuffer(body, np.uint8)
    return np.stack([both // LEVELS, both % LEVELS], axis=1).reshape(CELLS, CELLS)
