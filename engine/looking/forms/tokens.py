"""Tokens: text, in the pieces that the network knows."""

import re
from collections.abc import Iterable

import torch

from engine.data import Dataset
from engine.errors import VitrineError
from engine.looking.form import FORMS, Form, laid_out
from engine.registry import did_you_mean, shortened

WORD = re.compile(r"\w+(?:'\w+)?|[^\w\s]")


class Tokens(Form):
    """Words or letters."""

    ways, names = ("write",), ("text",)
    hint = "Write or paste text: the network is shown it as you write, in the pieces that it knows."

    def brought(self, learner, how, text):
        """Return text as tokens."""
        return laid_out(learner, torch.tensor(tokens(learner.dataset, text), dtype=torch.long), 0)

    def shown(self, dataset, values):
        """Return the pieces up to the end."""
        there = values.nonzero().flatten()
        return {"pieces": [dataset.words[token] for token in values[: int(there[-1]) + 1 if len(there) else 0]]}


def are_letters(pieces: Iterable[str]) -> bool:
    """Return whether pieces of text are letters, which stand side by side, rather than words."""
    return all(len(piece) == 1 for piece in pieces)


def tokens(dataset: Dataset, text: str) -> list[int]:
    """Return the tokens of a text: its letters where the dataset knows letters, else its words."""
    known = {word: place for place, word in enumerate(dataset.words) if place}
    letters = are_letters(known)
    pieces = list(text) if letters else WORD.findall(text)
    found = [known.get(piece, known.get(piece.lower())) for piece in pieces]
    if None in found:
        strange, number = pieces[found.index(None)], len(known)
        what = "letters" if letters else "words"
        near = did_you_mean(strange, known)
        raise VitrineError(f"{shortened(strange)} is not among the {number:,} {what} that the network knows.{near}")
    return [place for place in found if place]


FORMS.add("tokens", Tokens())
