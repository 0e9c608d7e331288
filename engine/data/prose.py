"""Prose: the English text that every Python carries about itself, character by character."""

from collections import Counter
from typing import Annotated, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import Dataset, Portion, Source, Split, source
from engine.data.splitting import stretches
from engine.errors import VitrineError

STRANGE = "�"  # stands for every character that is too rare to be known


@source("prose")
class Prose(Source):
    """What Python's own manual says of the language; at every character the next one is to be told.

    Windows lie behind one another; the last stretch of the text is for the test, the one before it for validation.
    """

    title, example, licence, origin = "Python's manual", "tokens", "PSF-2.0", "pydoc_data, part of Python"

    characters: Annotated[int, Field(ge=2, le=200)] = option(
        90, "How many different characters are known: the commonest; one sign stands for all others."
    )
    window: Annotated[int, Field(ge=2, le=1000)] = option(64, "How many characters are read at a time.")
    length: Annotated[int, Field(ge=1000, le=400_000)] = option(200_000, "How much of the text is used, in characters.")
    validation: Portion = option(0.05, "The share of the text before the test's that is kept aside to validate on.")
    test: Portion = option(0.05, "The share at the end that is kept aside to test on.")
    divided: Literal["in order"] = option("in order", "The last of the text is for the test.", rare=True)

    def load(self):
        """Cut the text into windows; what is known of it comes from what is learned."""
        text = manual()[: self.length]
        learned, *_ = parts = stretches(text, self)
        common = [sign for sign, _ in Counter(learned).most_common(self.characters - 1)]
        known = (*sorted(common), STRANGE, *self._spare(len(common)))
        places = {sign: place for place, sign in enumerate(known)}
        strange = places[STRANGE]
        numbers = ([places.get(sign, strange) for sign in part] for part in parts)
        train, validation, test = (self._windows(torch.tensor(part, dtype=torch.long)) for part in numbers)
        if not len(train):
            raise VitrineError(
                f"No window of {self.window} characters fits into the {len(learned):,} that are learned from.",
                cure="Choose a smaller window, or more of the text.",
            )
        return Dataset(self.title, "tokens", known, train, validation, test, self.divided, words=("", *known))

    def _spare(self, found: int) -> tuple[str, ...]:
        """Return signs for the places that are left where the text has fewer characters than are known."""
        return tuple(chr(0xE000 + place) for place in range(self.characters - 1 - found))

    def _windows(self, stretch: torch.Tensor) -> Split:
        """Return windows that lie behind one another, and of each the characters one further on."""
        many = max(0, (len(stretch) - 1) // self.window)
        whole = many * self.window
        return Split(
            1 + stretch[:whole].reshape(many, self.window), stretch[1 : whole + 1].reshape(many, self.window).clone()
        )


def manual() -> str:
    """Return the text, its topics in the order of the alphabet."""
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))
