"""Texts that others gathered, fetched on request or placed by hand: reviews, Shakespeare, names."""

import tarfile
import zlib
from pathlib import PurePosixPath
from typing import Annotated

import torch
from pydantic import Field

from engine.choice import option
from engine.data import progress
from engine.data.dataset import SEED, TEST, UNKNOWN, VALIDATION, Dataset, Portion, Seed, Split, source
from engine.data.fetched import Fetched
from engine.data.rows import decoded, opened_text
from engine.data.running import Running
from engine.data.splitting import hold_out, split
from engine.data.wording import Worded
from engine.errors import VitrineError

KINDS = {"neg": "unkind", "pos": "kind"}
MOST_REVIEW = 2**20  # bytes of one
MOST_REVIEWS = 100_000
IMDB = 50_000
END = "\n"  # where a name begins and ends


@source("rt-polarity")
class RtPolarity(Worded, Fetched):
    """10,662 sentences from film reviews, half of them kind, half not."""

    title, licence, origin = "Film sentences", "not stated", "B. Pang, L. Lee (2005)"
    address = "https://raw.githubusercontent.com/yoonkim/CNN_sentence/master/"
    files = {
        "rt-polarity.neg": "1e35b7f7c5df24a135ca62b8eecded53",
        "rt-polarity.pos": "afcc7ff580b3b4df4bdb6528e6558ab5",
    }

    test: Portion = TEST
    validation: Portion = VALIDATION
    seed: Seed = SEED

    def load(self):
        """Read both files, a sentence a line."""
        folder = self.opened()
        texts, labels = [], []
        for name in self.files:
            lines = [line for line in opened_text(folder / name).splitlines() if line.strip()]
            texts += lines
            labels += [KINDS[name.rpartition(".")[2]]] * len(lines)
        return self._divided(texts, labels)


@source("imdb")
class Imdb(Worded, Fetched):
    """50,000 long reviews of films, half of them kind, half not; half are for the test."""

    title, licence, origin = "IMDB reviews", "not stated", "A. Maas and others (2011)"
    address = "https://ai.stanford.edu/~amaas/data/sentiment/"
    files = {"aclImdb_v1.tar.gz": "7c2ac02c03563afcf9b574c7e56c153a"}

    longest: Annotated[int, Field(ge=1, le=5000)] = option(200, "How many of a review are read.")
    validation: Portion = VALIDATION
    seed: Seed = SEED

    def load(self):
        """Read the reviews out of their archive."""
        (archive,) = self.files
        train, test = self._reviews(self.opened() / archive)
        classes = self._classes([kind for _, kind in (*train, *test)])
        read = [self._pieces([text for text, _ in part]) for part in (train, test)]
        right = [torch.tensor([classes.index(kind) for _, kind in part]) for part in (train, test)]
        places = torch.arange(len(train))
        kept, valid = hold_out(Split(places, right[0]), self)
        every = [[read[0][i] for i in kept.inputs.tolist()], [read[0][i] for i in valid.inputs.tolist()], read[1]]
        return self._laid(every, [kept.targets, valid.targets, right[1]], classes)

    def _reviews(self, archive) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return what is in files such as aclImdb/train/pos/0_9.txt, in the order of their names."""
        found: dict[str, dict[str, tuple[str, str]]] = {"train": {}, "test": {}}
        try:
            with tarfile.open(archive) as packed:
                for number, member in enumerate(packed):
                    parts = PurePosixPath(member.name).parts
                    split, kind = parts[-3:-1] if len(parts) >= 3 else ("", "")
                    if not (member.isfile() and split in found and kind in KINDS and member.size <= MOST_REVIEW):
                        continue
                    content = packed.extractfile(member)
                    assert content
                    text = decoded(content.read()).replace("<br />", "\n")
                    found[split]["/".join(parts)] = (text, KINDS[kind])
                    progress.done(min(1.0, number / IMDB))
                    if len(found["train"]) + len(found["test"]) > MOST_REVIEWS:
                        raise VitrineError(f"{archive.name} holds more than {MOST_REVIEWS:,} reviews.")
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            words = f"{archive.name} cannot be unpacked ({type(error).__name__})."
            raise VitrineError(words, cure="Remove it, and fetch it again.") from None
        train, test = ([found[split][name] for name in sorted(found[split])] for split in ("train", "test"))
        if not train or not test:
            raise VitrineError(f"{archive.name} does not hold reviews to learn from and to test on.")
        return train, test


@source("tiny-shakespeare")
class TinyShakespeare(Running, Fetched):
    """40,000 lines of Shakespeare; at every place it is to be told what comes next."""

    title, licence, origin = "Tiny Shakespeare", "public domain", "A. Karpathy (2015)"
    address = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"
    files = {"input.txt": "6fb458f1232090904fb40fe944165e91"}

    length: Annotated[int, Field(ge=1000, le=5_000_000)] = option(1_200_000, "How many of the text are used.")

    def text(self):
        """Read the one file."""
        (name,) = self.files
        return opened_text(self.opened() / name)


@source("names")
class Names(Fetched):
    """32,033 first names, letter by letter; after each letter it is to be told which comes next, or that it ends."""

    title, example, licence, origin = "Names", "tokens", "MIT", "A. Karpathy, from ssa.gov"
    foretells = True
    address = "https://raw.githubusercontent.com/karpathy/makemore/master/"
    files = {"names.txt": "401b3c4cac9e28a586ed15e81256680d"}

    test: Portion = TEST
    validation: Portion = VALIDATION
    seed: Seed = SEED

    def load(self):
        """Read a name a line; each begins behind an end, so that one can be written from nothing."""
        (file,) = self.files
        names = [name.strip() for name in opened_text(self.opened() / file).splitlines() if name.strip()]
        letters = (END, *sorted(set("".join(names))))
        if not names or len(letters) > 1000 or max(map(len, names)) > 1000:
            raise VitrineError(f"{file} does not hold a name a line.", cure="Fetch it again.")
        number = {letter: place for place, letter in enumerate(letters)}
        tokens = torch.zeros(len(names), 1 + max(map(len, names)), dtype=torch.long)
        labels = torch.full_like(tokens, UNKNOWN)
        for row, name in enumerate(names):
            places = torch.tensor([number[letter] for letter in (END, *name, END)])
            tokens[row, : len(name) + 1] = 1 + places[:-1]
            labels[row, : len(name) + 1] = places[1:]
        everything = split(Split(tokens, labels), self)
        return Dataset(self.title, "tokens", letters, *everything, self.divided, words=("", *letters))
