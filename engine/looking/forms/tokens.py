"""Tokens: text, in the pieces that the network knows."""

from collections.abc import Iterable

import torch

from engine.data import Dataset
from engine.data.wording import STRANGE, composed, in_pieces
from engine.errors import VitrineError
from engine.looking.form import FORMS, Form, laid_out
from engine.registry import did_you_mean, shortened


class Tokens(Form):
    """Words or letters."""

    ways, names = ("write",), ("text",)
    hint = "Write or paste text: the network is shown it as you write, in the pieces that it knows."

    def brought(self, learner, how, text):
        """Return text as tokens."""
        found, strange = tokens(learner.dataset, text)
        values, done = laid_out(learner, torch.tensor(found, dtype=torch.long), 0)
        unknown = f"not known: {', '.join(map(shortened, strange[:5]))}{' …' * (len(strange) > 5)}" if strange else ""
        return values, ", ".join(filter(None, (done, unknown)))

    def shown(self, dataset, values):
        """Return the pieces up to the end."""
        there = values.nonzero().flatten()
        return {"pieces": [dataset.words[token] for token in values[: int(there[-1]) + 1 if len(there) else 0]]}


def are_letters(pieces: Iterable[str]) -> bool:
    """Return whether pieces of text are letters, which stand side by side, rather than words."""
    return all(len(piece) == 1 for piece in pieces)


def tokens(dataset: Dataset, text: str) -> tuple[list[int], list[str]]:
    """Return the tokens of a text, its letters where the dataset knows letters, else its words; and what of it is not
    known, for which one sign stands where the dataset has one.
    """
    known = {word: place for place, word in enumerate(dataset.words) if place}
    letters = are_letters(known)
    pieces = in_pieces(composed(text), "letters" if letters else "words", lines="\n" in known)
    found = [known.get(piece, known.get(piece.lower(), known.get(STRANGE))) for piece in pieces]
    if None in found:
        strange, number = pieces[found.index(None)], len(known)
        what = "letters" if letters else "words"
        near = did_you_mean(strange, known)
        raise VitrineError(f"{shortened(strange)} is not among the {number:,} {what} that the network knows.{near}")
    unknown = [piece for piece, place in zip(pieces, found, strict=True) if place == known.get(STRANGE)]
    return [place for place in found if place], list(dict.fromkeys(unknown))


FORMS.add("tokens", Tokens())
