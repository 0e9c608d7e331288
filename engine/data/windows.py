"""Windows: a series of numbers cut into windows along time; what comes behind each is to be told."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from engine.choice import option
from engine.data.dataset import Dataset, Portion, Source, Split
from engine.data.splitting import stretches
from engine.errors import VitrineError
from engine.fields import Fields

MOST_NUMBERS = 20_000_000  # in all windows together
Told = Literal["the numbers", "changes since the last", "changes since a season ago"]


class Windowed(Source):
    """One long series of numbers, read through a window; the numbers behind the window are to be told.

    It is split in the order of time: the last stretch is for the test, the one before it for validation. No window
    reaches over such a border, and the scale is that of the stretch that is learned from.
    """

    example = "series"
    knows = ("place",)
    seasonal: ClassVar[bool] = False  # whether it is known how long a season is

    window: Annotated[int, Field(ge=1, le=1000)] = option(40, "How many numbers the network sees at a time.")
    ahead: Annotated[int, Field(ge=1, le=200)] = option(1, "How many of the next ones are to be told.")
    tells: Told = option(
        "the numbers",
        "What is read and told: the numbers; or by how much they differ from the last one, which takes a steady rise "
        "away; or from the one a season ago, which takes what comes back every season away too.",
    )
    season: Annotated[int, Field(ge=2, le=1000)] = option(
        12, "How many numbers a season has: 12 for months of a year, 7 for days of a week.", rare=True
    )
    validation: Portion = option(0.15, "The share of the series before the test's that is kept aside to validate on.")
    test: Portion = option(0.15, "The share at the end that is kept aside to test on.")
    divided: Literal["in order"] = option("in order", "Time matters: the last numbers are for the test.", rare=True)

    def series(self) -> tuple[Tensor, tuple[str, ...]]:
        """Return all numbers in the order of time, in double precision, and what was done to them."""
        raise NotImplementedError(self.kind)

    @property
    def lag(self) -> int:
        """Return from which number before each differs, as it is told; 0 where the numbers themselves are."""
        return {"the numbers": 0, "changes since the last": 1}.get(self.tells, self.season)

    def load(self):
        """Cut the series, scaled by what is learned from, into windows."""
        values, notes = self.series()
        told = values[self.lag :] - values[: -self.lag] if self.lag else values
        learned, *_ = parts = stretches(told, self)
        mean, deviation = float(learned.mean()), float(learned.std().nan_to_num())
        scale = mean, deviation if deviation > 1e-12 * abs(mean) else 1.0  # what never varies is only centred
        begins = (self.lag, self.lag + len(learned), self.lag + len(learned) + len(parts[1]))  # in the whole series
        train, validation, test = (
            self._windows(part, values, begin, scale) for part, begin in zip(parts, begins, strict=True)
        )
        if not len(train):
            raise VitrineError(
                f"No window of {self.window} numbers with {self.ahead} behind it fits into the {len(learned)} "
                "to learn from.",
                cure="Choose a longer series, or a smaller window.",
            )
        season = self.season if self.seasonal or self.lag == self.season else 0
        found = Dataset(self.name, "series", (), train, validation, test, self.divided, notes=notes, season=season)
        return replace(found, overlap=self.window + self.ahead - 1, scale=scale, facts={"place": ()})

    def _windows(self, stretch: Tensor, values: Tensor, begin: int, scale: tuple[float, float]) -> Split:
        """Return every window of a stretch, what comes behind it, and from which numbers of all that is told."""
        many, whole = max(0, len(stretch) - self.window - self.ahead + 1), self.window + self.ahead
        if (numbers := many * max(whole, self.lag)) > MOST_NUMBERS:
            raise VitrineError(
                f"All windows together would hold {numbers:,} numbers, more than {MOST_NUMBERS:,}.",
                cure="Choose a smaller window or season, or a shorter series.",
            )
        mean, deviation = scale
        scaled = ((stretch - mean) / deviation).float()
        cut = scaled.unfold(0, whole, 1) if many else scaled.new_zeros(0, whole)
        inputs, targets = cut[:, : self.window, None].clone(), cut[:, self.window :].clone()
        place = Fields({"place": torch.arange(begin, begin + many).float()})  # in the series, where it begins
        if not self.lag:
            return Split(inputs, targets, facts=place)
        steps, first = torch.arange(self.ahead), begin + self.window + torch.arange(many)[:, None]
        bases = values[first - self.lag + torch.arange(self.lag)]  # the last season that is known by then
        told = values[first + steps] - bases[:, steps % self.lag]
        return Split(inputs, ((told - mean) / deviation).float(), bases=bases, facts=place)
