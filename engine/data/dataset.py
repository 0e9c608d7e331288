"""What a dataset is, and what every source of one answers."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import Choice, kinds, option
from engine.fields import Fields
from engine.layers.modules import lengths_of
from engine.registry import Registry

DATASETS: Registry[type["Source"]] = Registry("dataset")

Size = Annotated[int, Field(ge=10, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Portion = Annotated[float, Field(ge=0.0, le=0.9)]

MOST_COMPARED = 2**29  # bytes of examples that are looked through for copies
Divided = Literal["by class", "at random", "in order"]

SEED = option(0, "Draws the same examples, and splits them in the same way, whenever it is the same.", rare=True)
VALIDATION = option(0.1, "The share of the training examples that is kept aside to validate on.", rare=True)
TEST = option(0.2, "The share of all examples that is kept aside to test on.", rare=True)


Called = Annotated[str, Field(max_length=60)]
CALLED = option("", "What you call these data.", rare=True)

UNKNOWN = -1  # a class, or a place's label, that nobody knows; of numbers, NaN says so
NOT_KNOWN = "not known"  # in words


@dataclass(frozen=True)
class Split:
    """Examples and what is to be learned of them; images are bytes, channels×height×width."""

    inputs: Any  # a tensor, or several `Fields`
    targets: Any
    groups: torch.Tensor | None = None  # of each example, the number of those that must not be torn apart
    bases: torch.Tensor | None = None  # of differences: the numbers before, from which they are told in turn
    facts: Fields | None = None  # what else is known of each example, which nobody is asked to tell

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, index: torch.Tensor) -> "Split":
        """Return the examples at these places."""
        more = ("groups", "bases", "facts")
        taken = {name: values[index] for name in more if (values := getattr(self, name)) is not None}
        return Split(self.inputs[index], self.targets[index], **taken)


# What an example is, or a field of one. Tokens and series may end in padding: token 0, or no numbers (NaN).
Form = Literal["image", "points", "numbers", "tokens", "series"]
SEQUENCES = ("tokens", "series")
# What there is to learn of an example: its class; of every class whether it has it; a class for each of its places;
# numbers; several of these by name; or nothing.
Goal = Literal["class", "classes", "labels", "numbers", "several", "nothing"]


@dataclass(frozen=True)
class Dataset:
    """A split set of examples."""

    title: str
    example: Form | Literal["fields"]  # several of them, each with a form of its own
    classes: tuple[str, ...]  # empty where the target is a number
    train: Split
    validation: Split
    test: Split
    divided: Divided = "by class"
    forms: Mapping[str, Form] = field(default_factory=dict)  # of fields, by name
    goals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of several to learn, by name: their classes
    words: tuple[str, ...] = ()  # of tokens: what each stands for, the padding first
    overlap: int = 0  # how many neighbours have something of one example in them, as windows of one series do
    deviation: float = 1.0  # to which columns are brought that come as they stand in a table, in double precision
    scale: tuple[float, float] = (0.0, 1.0)  # mean and deviation that numbers had, before they were brought to 0 and 1
    season: int = 0  # how many numbers of a series come back in the same way, where that is known
    cut: Literal["the end", "the beginning"] = "the end"  # what is left out of a text that is too long
    goes_on: bool = False  # whether each example begins where the one before it ended
    notes: tuple[str, ...] = ()  # what was done to what somebody brought, in sentences
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # what else is known, and its classes, if any

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the sizes of one example; of several fields there are none in common."""
        return () if isinstance(self.train.inputs, Fields) else tuple(self.train.inputs.shape[1:])

    @functools.cached_property
    def goal(self) -> Goal:
        """Return what there is to learn of an example."""
        targets = self.train.targets
        if isinstance(targets, Fields):
            return "several"
        if not targets.shape[1:].numel():
            return "nothing"
        if not self.classes:
            return "numbers"
        return "classes" if targets.is_floating_point() else "class" if targets.dim() == 1 else "labels"

    @property
    def foretells(self) -> bool:
        """Return whether what is right for a place is a piece of text, as the one that comes next is."""
        return self.goal == "labels" and bool(self.words) and self.words[1:] == self.classes

    @functools.cached_property
    def incomplete(self) -> bool:
        """Return whether of some examples it is not known, wholly or in part, what is right."""
        return any(bool(unknown(split.targets).any()) for split in self.splits().values())

    def about(self, name: str) -> "Dataset":
        """Return the dataset with one of several things to learn."""
        parts = [replace(part, targets=part.targets[name]) for part in (self.train, self.validation, self.test)]
        kept: dict[str, Any] = dict(zip(("train", "validation", "test"), parts, strict=True))
        return replace(self, classes=self.goals[name], goals={}, **kept)

    def named(self, target: Any) -> str:
        """Return in words what is right for an example."""
        if self.goal == "several":
            return ", ".join(f"{name} {self.about(name).named(target[name])}" for name in self.goals)
        if self.goal in ("nothing", "labels"):
            return ""
        if bool(unknown(target).all()):
            return NOT_KNOWN
        if self.goal == "classes":
            return " and ".join(name for name, has in zip(self.classes, target, strict=True) if has > 0) or "none"
        return self.classes[int(target)] if self.goal == "class" else f"{float(target.flatten()[0]):.3g}"

    def pieces(self, split: Split) -> dict[str, tuple[str, torch.Tensor]]:
        """Return the form and the values of each field of a split; of examples of one piece, under no name."""
        if isinstance(split.inputs, Fields):
            return {name: (self.forms[name], split.inputs[name]) for name in split.inputs}
        return {"": (self.example, split.inputs)}

    @functools.cached_property
    def uneven(self) -> frozenset[str]:
        """Return the fields of which some sequences end before others."""
        every = [(name, *piece) for split in self.splits().values() for name, piece in self.pieces(split).items()]
        return frozenset(
            name
            for name, form, values in every
            if form in SEQUENCES and bool((lengths_of(values) < values.shape[1]).any())
        )

    @property
    def varies(self) -> bool:
        """Return whether some sequences end before others."""
        return bool(self.uneven)

    def splits(self) -> dict[str, Split]:
        """Return the splits that are not empty, by name."""
        every = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in every.items() if len(split)}


class Source(Choice):
    """A kind of dataset with its options."""

    title: ClassVar[str] = ""
    example: ClassVar[Form | Literal["fields"]] = "image"
    licence: ClassVar[str] = ""
    origin: ClassVar[str] = ""
    foretells: ClassVar[bool] = False  # whether at every place of a text it is to be told what comes next
    knows: ClassVar[tuple[str, ...]] = ()  # what else is known of each example: the names of a dataset's facts
    fetched: ClassVar[bool] = False  # whether it must be fetched, or placed by hand, before use

    divided: Divided = option(
        "by class",
        "How examples come into the splits: with the same share of every class, by chance alone, or in their order: "
        "the last are kept to test on, as where time matters.",
        rare=True,
    )

    @property
    def name(self) -> str:
        """Return what these data are called: as a person did, or as their kind is."""
        return getattr(self, "called", "").strip() or self.title

    def load(self) -> Dataset:
        """Return the dataset."""
        raise NotImplementedError(self.kind)

    def fetch(self, told: "Callable[[str, int, int], None] | None" = None) -> None:
        """Fetch what is not here, if it comes from elsewhere."""

    def here(self) -> bool:
        """Return whether it can be loaded without being fetched."""
        return True


source = kinds(DATASETS)  # registers a class of datasets under its kind


def unknown(targets: Any) -> torch.Tensor:
    """Return where nobody knows what is right."""
    if isinstance(targets, Fields):
        return torch.stack([unknown(targets[name]).unsqueeze(1).flatten(1).any(dim=1) for name in targets]).any(dim=0)
    return targets.isnan() if targets.is_floating_point() else targets == UNKNOWN


def drawn(seed: int, stream: int = 0) -> torch.Generator:
    """Return a generator of its own for each stream of a seed."""
    return torch.Generator().manual_seed(seed * 1_000_003 + stream)


def copies(dataset: Dataset) -> int:
    """Return how many test examples stand among the training ones too, to the last dot; of very large sets, 0."""
    if not len(dataset.test) or dataset.train.inputs.nbytes > MOST_COMPARED:
        return 0
    test = digests(dataset.test)
    again = set(test) & set(digests(dataset.train))
    return sum(digest in again for digest in test)


def digests(part: Split) -> list[bytes]:
    """Return a short name for each example of a split, the same for those that are the same to the last number."""
    return [_digest(row) for row in part.inputs.flatten(1).contiguous().numpy()]


def _digest(row: np.ndarray) -> bytes:
    return hashlib.blake2b(row.tobytes(), digest_size=16).digest()
