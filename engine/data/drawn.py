"""Own points: drawn by hand, pasted or uploaded; they are part of the experiment, so a link carries them."""

from typing import Annotated

import torch
from pydantic import AfterValidator, Field, field_validator, model_validator

from engine.choice import option
from engine.data.dataset import CALLED, SEED, Called, Dataset, Portion, Seed, Source, Split, source
from engine.data.points import CLASSES
from engine.data.splitting import split
from engine.errors import VitrineError
from engine.registry import printable

MOST_POINTS = 2_000  # more would not fit into a link
MOST_COLUMNS = 8
Word = Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=40)]
Number = Annotated[float, Field(ge=-1e6, le=1e6)]


@source("own-points")
class OwnPoints(Source):
    """Your own points: drawn by hand, or rows of a table of which the first two columns are plotted."""

    title, example, licence, origin = "Your own points", "points", "yours", "your own"

    rows: Annotated[tuple[tuple[Number, ...], ...], Field(max_length=MOST_POINTS)] = option(
        (), "Of each point its coordinates, then its class as a number from 0, or its height.", hidden=True
    )
    names: Annotated[tuple[Word, ...], Field(min_length=2, max_length=MOST_COLUMNS)] = option(
        ("x1", "x2"), "What the coordinates are called.", hidden=True
    )
    classes: Annotated[tuple[Word, ...], Field(max_length=5)] = option(
        CLASSES[:2], "What the classes are called; none where points have a height.", hidden=True
    )
    called: Called = CALLED
    scaled: bool = option(False, "Bring every coordinate to mean 0 and deviation 2, in which networks learn best.")
    test: Portion = option(0.0, "The share of the points that is kept aside to test on.")
    validation: Portion = option(0.0, "The share of the training points that is kept aside to validate on.", rare=True)
    seed: Seed = SEED

    @field_validator("rows", mode="before")
    @classmethod
    def _rows(cls, rows: object) -> object:
        return tuple(tuple(row) if isinstance(row, list) else row for row in rows) if isinstance(rows, list) else rows

    @model_validator(mode="after")
    def _whole(self) -> "OwnPoints":
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("two classes have the same name")
        width = len(self.names) + 1
        for number, row in enumerate(self.rows, 1):
            if len(row) != width:
                raise ValueError(f"point {number} has {len(row)} numbers, not {width}")
            if self.classes and (row[-1] != int(row[-1]) or not 0 <= row[-1] < len(self.classes)):
                raise ValueError(f"point {number} is of class {row[-1]:g}, and there are {len(self.classes)}")
        return self

    def load(self):
        """Lay the points out and split them."""
        if len(self.rows) < 4:
            raise VitrineError(f"There are {len(self.rows)} points: at least 4 are needed.", cure="Draw or paste some.")
        table = torch.tensor(self.rows, dtype=torch.float64 if self.scaled else torch.float32)
        inputs, last = table[:, :-1], table[:, -1]
        if self.classes and len(last.unique()) < 2:
            raise VitrineError("All points are of one class.", cure="Draw points of another class too.")
        everything = Split(inputs, last.long() if self.classes else last.float().unsqueeze(1))
        return Dataset(self.name, "points", self.classes, *split(everything, self), self.divided, deviation=2.0)
