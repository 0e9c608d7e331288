"""Memory: sequences in which what came early decides much later, drawn from a seed."""

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import (
    SEED,
    TEST,
    UNKNOWN,
    VALIDATION,
    Dataset,
    Portion,
    Seed,
    Size,
    Source,
    Split,
    drawn,
    source,
)
from engine.data.splitting import split
from engine.errors import VitrineError

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BLANK, GO = "·", "→"
OPENING, CLOSING = "([{<", ")]}>"

Symbols = Annotated[int, Field(ge=2, le=26)]
Places = Annotated[int, Field(ge=1, le=500)]
SYMBOLS = option(10, "How many different letters there are.")
SHORTEST = option(None, "The fewest; where it is less, sequences are of unequal length.", none="all alike")


class _Memory(Source):
    licence, origin = "Apache-2.0", "drawn by Vitrine"
    example = "tokens"

    number: Size = option(6000, "How many sequences.")
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def _parts(
        self, inputs: torch.Tensor, targets: torch.Tensor, classes: Sequence[str] = (), words: Sequence[str] = ()
    ) -> Dataset:
        named = ("", *words) if words else ()
        everything = split(Split(inputs, targets), self)
        return Dataset(self.title, self.example, tuple(classes), *everything, self.divided, words=named)

    def _ends(self, most: int, fewest: int | None, random: torch.Generator) -> torch.Tensor:
        """Return a number for each sequence, from the fewest to the most."""
        if fewest is not None and fewest > most:
            raise VitrineError(f"The fewest, {fewest}, are more than the most, {most}.", cure="Choose fewer.")
        return torch.randint(most if fewest is None else fewest, most + 1, (self.number,), generator=random)


@source("recall")
class Recall(_Memory):
    """Letters of which only the first counts; at the end it is to be named."""

    title = "First letter"

    symbols: Symbols = SYMBOLS
    delay: Places = option(30, "How many letters come behind the one that counts.")
    shortest: Places | None = SHORTEST
    between: Literal["other letters", "the same letters"] = option(
        "the same letters", "What comes behind it: the same letters, or small ones, which are easily told apart."
    )

    def load(self):
        """Draw the letters; all of them are equally likely."""
        random = drawn(self.seed)
        letters = LETTERS[: self.symbols]
        tokens = 1 + torch.randint(self.symbols, (self.number, 1 + self.delay), generator=random)
        labels = tokens[:, 0] - 1
        if self.between == "other letters":
            tokens[:, 1:] += self.symbols
        ends = 1 + self._ends(self.delay, self.shortest, random)
        tokens[torch.arange(1 + self.delay) >= ends[:, None]] = 0
        return self._parts(tokens, labels, letters, letters + letters.lower())


class _Echo(_Memory):
    symbols: Symbols = SYMBOLS
    length: Places = option(5, "How many letters are to be said again.")
    delay: Places = option(10, "How long it has to wait before it may answer.")
    shortest: Places | None = SHORTEST

    def _answers(self, said: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def load(self):
        """Draw the letters, and let the answer stand where it is asked for: from the sign on."""
        random = drawn(self.seed)
        said = torch.randint(self.symbols, (self.number, self.length), generator=random)
        begins = self.length + self._ends(self.delay, self.shortest, random)  # where the answer does
        tokens = torch.full((self.number, 2 * self.length + self.delay), self.symbols + 1)
        tokens[:, : self.length] = 1 + said
        tokens.scatter_(1, begins[:, None], self.symbols + 2)
        tokens[torch.arange(tokens.shape[1]) >= begins[:, None] + self.length] = 0
        labels = torch.full_like(tokens, UNKNOWN)
        labels.scatter_(1, begins[:, None] + torch.arange(self.length), self._answers(said))
        letters = LETTERS[: self.symbols]
        return self._parts(tokens, labels, letters, letters + BLANK + GO)


@source("copy")
class Copy(_Echo):
    """Letters, a wait, a sign: then say them again."""

    title = "Copy"

    def _answers(self, said):
        return said


@source("reverse")
class Reverse(_Echo):
    """Letters, a wait, a sign: then say them backwards."""

    title = "Reverse"

    def _answers(self, said):
        return said.flip(1)


@source("sort")
class Sort(_Echo):
    """Letters, a wait, a sign: then say them in the order of the alphabet."""

    title = "Sort"

    def _answers(self, said):
        return said.sort(dim=1).values


@source("parity")
class Parity(_Memory):
    """Zeros and ones; at every place it is asked whether the number of ones so far is odd."""

    title = "Parity"

    length: Places = option(20, "How many signs there are.")
    shortest: Places | None = SHORTEST

    def load(self):
        """Draw the signs and count."""
        random = drawn(self.seed)
        ones = torch.randint(2, (self.number, self.length), generator=random)
        behind = torch.arange(self.length) >= self._ends(self.length, self.shortest, random)[:, None]
        odd = ones.cumsum(1).remainder(2).masked_fill(behind, UNKNOWN)
        return self._parts((1 + ones).masked_fill(behind, 0), odd, ("even", "odd"), "01")


@source("brackets")
class Brackets(_Memory):
    """Brackets that open and close; they match where each closes the one that was opened last."""

    title = "Brackets"

    pairs: Annotated[int, Field(ge=1, le=10)] = option(8, "How many pairs there are at most.")
    fewest: Annotated[int, Field(ge=1, le=10)] = option(2, "How many there are at least.")
    kinds: Annotated[int, Field(ge=1, le=4)] = option(2, "How many sorts of brackets.")

    def load(self):
        """Draw pairs inside and beside each other; in every second sequence one bracket is another."""
        random = drawn(self.seed)
        halves = self._ends(self.pairs, self.fewest, random).tolist()
        tokens = torch.zeros(self.number, 2 * self.pairs, dtype=torch.long)
        for row, many in enumerate(halves):
            tokens[row, : 2 * many] = torch.tensor(self._matched(many, random))
        wrong = torch.arange(self.number) % 2
        for row in wrong.nonzero().flatten().tolist():
            place = int(torch.randint(2 * halves[row], (1,), generator=random))
            more = int(torch.randint(1, 2 * self.kinds, (1,), generator=random))
            tokens[row, place] = 1 + (tokens[row, place] - 1 + more) % (2 * self.kinds)
        signs = OPENING[: self.kinds] + CLOSING[: self.kinds]
        return self._parts(tokens, wrong, ("matched", "not matched"), signs)

    def _matched(self, pairs: int, random: torch.Generator) -> list[int]:
        """Return a sequence in which every bracket closes the last one that was opened."""
        found: list[int] = []
        opened: list[int] = []
        left = pairs
        while left or opened:
            closes = opened and (not left or float(torch.rand(1, generator=random)) < 0.5)
            if closes:
                found.append(self.kinds + opened.pop())
            else:
                opened.append(1 + int(torch.randint(self.kinds, (1,), generator=random)))
                found.append(opened[-1])
                left -= 1
        return found


@source("adding")
class Adding(_Memory):
    """Numbers of which two are marked, one in each half; their sum is to be told."""

    title, example = "Adding", "series"

    length: Annotated[int, Field(ge=2, le=500)] = option(40, "How many numbers there are.")
    shortest: Annotated[int, Field(ge=2, le=500)] | None = SHORTEST

    def load(self):
        """Draw numbers from 0 to 1 and mark two."""
        random = drawn(self.seed)
        values = torch.rand(self.number, self.length, 2, generator=random)
        ends = self._ends(self.length, self.shortest, random)
        half = ends // 2
        first = (torch.rand(self.number, generator=random) * half).long()
        second = half + (torch.rand(self.number, generator=random) * (ends - half)).long()
        marked = torch.stack([first, second], dim=1)
        values[:, :, 1] = torch.zeros(self.number, self.length).scatter(1, marked, 1.0)
        sums = values[:, :, 0].gather(1, marked).sum(dim=1, keepdim=True)
        values[torch.arange(self.length) >= ends[:, None]] = torch.nan
        return self._parts(values, sums)
