"""Reviews: what people say of films, made by a small grammar, so that it is known why each is kind or not."""

import random
from typing import Annotated, ClassVar

import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import SEED, TEST, VALIDATION, Dataset, Portion, Seed, Source, Split, source
from engine.data.splitting import split

GOOD = ("good", "great", "funny", "moving", "clever", "lovely", "superb", "warm")
POOR = ("bad", "boring", "silly", "flat", "dull", "awful", "clumsy", "cold")
THINGS = ("film", "story", "plot", "music", "acting", "ending", "dialogue", "camera")
STRONG = ("", "", "very", "really", "quite")
ASIDES = (
    "which my sister saw last week",
    "which runs for three hours",
    "that everybody talks about",
    "from the same writer",
)
PLAIN = "was I found not nobody who saw would call it thought be , but at first and in the end the"
KINDS = ("unkind", "kind")


class _Writer:
    """Writes reviews; how each sentence turns the word in it is what its rule says."""

    def __init__(self, seed: int, asides: float):
        self.random, self.asides = random.Random(seed), asides
        self.known: set[str] = set()

    def new(self, kind: bool) -> str:
        """Return a sentence that it has not written before."""
        while (found := self.sentence(kind)) in self.known:
            pass
        self.known.add(found)
        return found

    def word(self, kind: bool) -> str:
        """Return a word of praise or of blame, with or without weight."""
        return f"{self.random.choice(STRONG)} {self.random.choice(GOOD if kind else POOR)}"

    def thing(self) -> str:
        """Return what is spoken of, some of the time with an aside that says nothing of it."""
        more = self.random.choice(ASIDES) if self.random.random() < self.asides else ""
        return f"the {self.random.choice(THINGS)} {more}"

    def sentence(self, kind: bool) -> str:
        """Return a sentence that is kind or not in the end, straight or turned round."""
        choose = self.random.choice
        return choose(
            (
                lambda: f"{self.thing()} was {self.word(kind)}",
                lambda: f"I found {self.thing()} {self.word(kind)}",
                lambda: f"{self.thing()} was not {self.word(not kind)}",
                lambda: f"nobody who saw {self.thing()} would call it {self.word(not kind)}",
                lambda: f"I thought {self.thing()} would be {self.word(not kind)} , but it was {self.word(kind)}",
                lambda: f"{self.thing()} was {self.word(not kind)} at first , and {self.word(kind)} in the end",
            )
        )()


def vocabulary() -> tuple[str, ...]:
    """Return every word that the grammar can write, in the order of the alphabet."""
    return tuple(sorted({*PLAIN.split(), *GOOD, *POOR, *THINGS, *filter(None, STRONG), *" ".join(ASIDES).split()}))


@source("reviews")
class Reviews(Source):
    """Sentences about films that end kindly or not: a "not" or "nobody" turns round what may come much later."""

    title, example, licence, origin = "Reviews", "tokens", "Apache-2.0", "written by a grammar of Vitrine's"
    longest: ClassVar[int] = 20  # words of a review, at most

    number: Annotated[int, Field(ge=10, le=20_000)] = option(4000, "How many reviews, each of them another.")
    asides: Annotated[float, Field(ge=0, le=1)] = option(
        0.4, "How often an aside stands between what belongs together."
    )
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def load(self):
        """Write reviews, every second one kind."""
        writer, words = _Writer(self.seed, self.asides), ("", *vocabulary())
        number = {word: place for place, word in enumerate(words)}
        written = [[number[word] for word in writer.new(bool(row % 2)).split()] for row in range(self.number)]
        tokens = torch.zeros(self.number, self.longest, dtype=torch.long)
        for row, review in enumerate(written):
            tokens[row, : len(review)] = torch.tensor(review)
        everything = split(Split(tokens, torch.arange(self.number) % 2), self)
        return Dataset(self.title, "tokens", KINDS, *everything, self.divided, words=words)
