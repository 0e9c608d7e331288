"""Sentences: English-like ones by a small grammar, in which what a verb is like is decided words before."""

import random
from typing import Annotated

import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import SEED, TEST, UNKNOWN, VALIDATION, Dataset, Portion, Seed, Size, Source, Split, source
from engine.data.splitting import split

ONE = ("dog", "cat", "child", "teacher", "bird", "farmer")
MANY = ("dogs", "cats", "children", "teachers", "birds", "farmers")
ALONE = (("sleeps", "sleep"), ("sings", "sing"), ("runs", "run"), ("waits", "wait"))
TO = (("sees", "see"), ("likes", "like"), ("follows", "follow"), ("hears", "hear"))
LIKE = ("young", "small", "happy", "quiet")
STOP = "."
PLAIN = ("the", "a", "that", "near", STOP)
MOST_INSIDE = 3  # clauses and places that a subject may have, each of up to five words
LONGEST = 3 + 5 * MOST_INSIDE + 1 + 3 + 1  # words of a sentence: subject, what is inside, verb, object, full stop


def words() -> tuple[str, ...]:
    """Return every word of the grammar in the order of the alphabet."""
    verbs = [form for verb in (*ALONE, *TO) for form in verb]
    return tuple(sorted({*ONE, *MANY, *verbs, *LIKE, *PLAIN}))


class _Speaker:
    """Says sentences; every verb agrees with the noun that it belongs to, however far away that is."""

    def __init__(self, seed: int, inside: float):
        self.random, self.inside = random.Random(seed), inside

    def sentence(self) -> list[str]:
        """Return one sentence."""
        many = self.random.random() < 0.5
        said = [*self.somebody(many), *self.more(MOST_INSIDE), *self.does(many)]
        return [*said, STOP]

    def somebody(self, many: bool) -> list[str]:
        """Return one or several of whom something is said."""
        pick = self.random.choice
        like = [pick(LIKE)] if self.random.random() < 0.3 else []
        return [pick(("the",) if many else ("the", "a")), *like, pick(MANY if many else ONE)]

    def does(self, many: bool) -> list[str]:
        """Return what they do, some of the time to somebody."""
        if self.random.random() < 0.5:
            return [self.random.choice(ALONE)[many]]
        return [self.random.choice(TO)[many], *self.somebody(self.random.random() < 0.5)]

    def more(self, left: int) -> list[str]:
        """Return what stands between a noun and its verb: where it is, or what it does besides to others."""
        if not left or self.random.random() >= self.inside:
            return []
        other = self.random.random() < 0.5
        if self.random.random() < 0.5:
            said = ["near", *self.somebody(other)]
        else:
            said = ["that", *self.somebody(other), self.random.choice(TO)[other]]
        return [*said, *self.more(left - 1)]


@source("sentences")
class Sentences(Source):
    """English-like sentences, word by word; a verb agrees with its noun, and more and more may stand between."""

    title, example, licence, origin = "Sentences", "tokens", "Apache-2.0", "written by a grammar of Vitrine's"
    foretells = True

    number: Size = option(4000, "How many sentences.")
    inside: Annotated[float, Field(ge=0, le=1)] = option(
        0.5, "How often something stands between a noun and its verb, and again behind that."
    )
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def load(self):
        """Say sentences; at each place the next word is to be told, the first one behind the end of another."""
        speaker, known = _Speaker(self.seed, self.inside), words()
        number = {word: place for place, word in enumerate(known)}
        said = [torch.tensor([number[word] for word in (STOP, *speaker.sentence())]) for _ in range(self.number)]
        tokens = torch.zeros(self.number, LONGEST, dtype=torch.long)
        labels = torch.full_like(tokens, UNKNOWN)
        for row, places in enumerate(said):
            tokens[row, : len(places) - 1] = 1 + places[:-1]
            labels[row, : len(places) - 1] = places[1:]
        everything = split(Split(tokens, labels), self)
        return Dataset(self.title, "tokens", known, *everything, self.divided, words=("", *known))
