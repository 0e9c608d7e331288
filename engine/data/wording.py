"""Wording: texts in pieces, the vocabulary of what is learned from, and texts as rows of numbers."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Literal

import regex
import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import Dataset, Source, Split
from engine.data.splitting import parts
from engine.errors import VitrineError
from engine.registry import printable, shortened

STRANGE = "�"  # stands for every piece that is too rare to be known
WORD = regex.compile(r"\w+(?:['’]\w+)*|[^\w\s]")  # whose letters have their vowel signs, as not in Python's own
WORD_OR_LINE = regex.compile(rf"{WORD.pattern}|\n")
MOST_TOKENS = 50_000_000  # of all examples together
MOST_CLASSES = 1000
By = Literal["words", "letters"]


def composed(text: str) -> str:
    """Return a text in which each letter with its accents is one sign, lines end in one way, and nothing is unseen."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "\n".join(map(printable, text.split("\n")))


def in_pieces(text: str, by: By, lines: bool = False) -> list[str]:
    """Return the letters of a text, or its words and punctuation; the ends of its lines too, if asked for."""
    if by == "letters":
        return list(text)
    return (WORD_OR_LINE if lines else WORD).findall(text)


def vocabulary(texts: Iterable[Sequence[str]], most: int) -> tuple[str, ...]:
    """Return the commonest pieces in the order of the alphabet, and behind them what stands for all others."""
    counts: Counter[str] = Counter()
    for pieces in texts:
        counts.update(pieces)
    counts.pop(STRANGE, None)
    return (*sorted(piece for piece, _ in counts.most_common(most - 1)), STRANGE)


def numbers(pieces: Iterable[str], places: dict[str, int]) -> list[int]:
    """Return the number of each piece, of those that are not known that of the sign that stands for them."""
    strange = places[STRANGE]
    return [places.get(piece, strange) for piece in pieces]


class Worded(Source):
    """Texts that are each of a class; what is known of words is known from those that are learned from."""

    example = "tokens"

    reads: By = option("words", "Whether a network reads words or letters.")
    vocabulary: Annotated[int, Field(ge=2, le=200_000)] = option(
        5000, "How many different ones are known: the commonest that are learned from; one sign stands for all others."
    )
    longest: Annotated[int, Field(ge=1, le=5000)] = option(60, "How many of a text are read.")
    cut: Literal["the end", "the beginning"] = option("the end", "What is left out of a longer text.")
    lower: bool = option(True, "Read capital letters as small ones.", rare=True)

    def _read(self, text: str) -> list[str]:
        """Return the pieces of a text that are read."""
        text = composed(text)
        pieces = in_pieces(text.lower() if self.lower else text, self.reads)
        return pieces[: self.longest] if self.cut == "the end" else pieces[-self.longest :]

    def _divided(self, texts: Sequence[str], labels: Sequence[str], notes: tuple[str, ...] = ()) -> Dataset:
        """Return texts and their classes, split by the source's options."""
        classes = self._classes(labels)
        order = {name: place for place, name in enumerate(classes)}
        targets = torch.tensor([order[label] for label in labels])
        read = self._pieces(texts)
        every = parts(targets, self)
        pieces = [[read[i] for i in part.tolist()] for part in every]
        return replace(self._laid(pieces, [targets[part] for part in every], classes), notes=notes)

    def _classes(self, labels: Sequence[str]) -> tuple[str, ...]:
        classes = tuple(sorted(set(labels)))
        if not 2 <= len(classes) <= MOST_CLASSES:
            found = f"only one class, {shortened(classes[0])}" if len(classes) == 1 else f"{len(classes):,} classes"
            raise VitrineError(f"The texts are of {found}: 2 to {MOST_CLASSES:,} are needed.")
        return classes

    def _pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return every text in pieces; refuse what has none, or more than fit."""
        read = [self._read(text) for text in texts]
        if not all(read):
            raise VitrineError(f"Text {read.index([]) + 1:,} has no {self.reads} in it.", cure="Leave it out.")
        longest = max(map(len, read))
        if len(read) * longest > MOST_TOKENS:
            said = f"{len(read):,} texts of up to {longest:,} {self.reads} are more than fit."
            raise VitrineError(said, cure="Read less of each.")
        return read

    def _laid(
        self, read: Sequence[Sequence[Sequence[str]]], targets: Sequence[torch.Tensor], classes: tuple[str, ...]
    ) -> Dataset:
        """Return the splits, which are given in pieces, as rows of numbers."""
        known = vocabulary(read[0], self.vocabulary)
        places = {piece: place for place, piece in enumerate(known, 1)}
        longest = max((len(pieces) for split in read for pieces in split), default=1)
        train, validation, test = (
            Split(_padded([numbers(pieces, places) for pieces in split], longest), right)
            for split, right in zip(read, targets, strict=True)
        )
        found = Dataset(self.name, "tokens", classes, train, validation, test, self.divided, words=("", *known))
        return replace(found, cut=self.cut)


def _padded(rows: Sequence[Sequence[int]], longest: int) -> torch.Tensor:
    found = torch.zeros(len(rows), longest, dtype=torch.long)
    for place, row in enumerate(rows):
        found[place, : len(row)] = torch.tensor(row, dtype=torch.long)
    return found
