"""Running text: read window after window; at every place it is to be told what comes next."""

from dataclasses import replace
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, model_validator

from engine.choice import option
from engine.data.dataset import Dataset, Portion, Source, Split
from engine.data.splitting import stretches
from engine.data.wording import By, composed, in_pieces, numbers, vocabulary
from engine.errors import VitrineError

LONG = 64  # signs that a word and the blank behind it may have on the average
MOST_SPARE = 6400  # places of the private signs that stand for what a text does not have


class Running(Source):
    """A text that goes on, in windows behind one another; its last stretch is for the test."""

    example, foretells = "tokens", True

    reads: By = option("letters", "Whether it is read by letters or by words.")
    vocabulary: Annotated[int, Field(ge=2, le=50_000)] = option(
        90, "How many different ones are known: the commonest; one sign stands for all others."
    )
    window: Annotated[int, Field(ge=2, le=1000)] = option(64, "How many are read at a time.")
    length: Annotated[int, Field(ge=1000, le=5_000_000)] = option(200_000, "How many of the text are used.")
    validation: Portion = option(0.05, "The share of the text before the test's that is kept aside to validate on.")
    test: Portion = option(0.05, "The share at the end that is kept aside to test on.")
    divided: Literal["in order"] = option("in order", "The last of the text is for the test.", rare=True)

    @model_validator(mode="before")
    @classmethod
    def _as_before(cls, options: Any) -> Any:
        """Take the vocabulary by the name that it had while texts were read by letters only."""
        if isinstance(options, dict) and "characters" in options:
            options = {"vocabulary" if name == "characters" else name: value for name, value in options.items()}
        return options

    def text(self) -> str:
        """Return the whole text."""
        raise NotImplementedError(self.kind)

    def load(self):
        """Cut the text into windows; what is known of it comes from what is learned."""
        most = self.length * (4 if self.reads == "letters" else LONG)  # of what is longer nothing is needed
        pieces = in_pieces(composed(self.text()[:most]), self.reads, lines=True)[: self.length]
        every = torch.arange(len(pieces))
        learned, *_ = spans = [[pieces[i] for i in part.tolist()] for part in stretches(every, self)]
        known = vocabulary([learned], self.vocabulary)
        known = (*known, *self._spare(len(known)))
        places = {piece: place for place, piece in enumerate(known)}
        train, validation, test = (self._windows(torch.tensor(numbers(span, places))) for span in spans)
        if not len(train):
            raise VitrineError(
                f"No window of {self.window} {self.reads} fits into the {len(learned):,} that are learned from.",
                cure="Choose a smaller window, or more of the text.",
            )
        found = Dataset(self.name, "tokens", known, train, validation, test, self.divided, words=("", *known))
        return replace(found, goes_on=True)

    def _spare(self, found: int) -> tuple[str, ...]:
        """Return signs for the places that are left where the text has fewer letters than are known."""
        spare = self.vocabulary - found if self.reads == "letters" else 0
        return tuple(chr(0xE000 + place) for place in range(min(spare, MOST_SPARE)))

    def _windows(self, stretch: torch.Tensor) -> Split:
        """Return windows that lie behind one another, and of each the pieces one further on."""
        stretch = stretch.long()
        many = max(0, (len(stretch) - 1) // self.window)
        whole = many * self.window
        return Split(
            1 + stretch[:whole].reshape(many, self.window), stretch[1 : whole + 1].reshape(many, self.window).clone()
        )
