"""What a dataset is, and what every source of one answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field

from engine.choice import Choice, kinds, option
from engine.errors import VitrineError
from engine.registry import Registry

DATASETS: Registry[type["Source"]] = Registry("dataset")

Size = Annotated[int, Field(ge=10, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Portion = Annotated[float, Field(ge=0.0, le=0.9)]

SEED = option(0, "Draws the same examples, and splits them in the same way, whenever it is the same.", rare=True)
VALIDATION = option(0.1, "The share of the training examples that is kept aside to validate on.", rare=True)
TEST = option(0.2, "The share of all examples that is kept aside to test on.", rare=True)


@dataclass(frozen=True)
class Split:
    """Examples and what is to be learned of them; images are bytes, channels×height×width."""

    inputs: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, index: torch.Tensor) -> "Split":
        """Return the examples at these places."""
        return Split(self.inputs[index], self.targets[index])


@dataclass(frozen=True)
class Dataset:
    """A split set of examples."""

    title: str
    example: Literal["image", "points", "numbers"]
    classes: tuple[str, ...]  # empty where the target is a number
    train: Split
    validation: Split
    test: Split

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the sizes of one example."""
        return tuple(self.train.inputs.shape[1:])

    def splits(self) -> dict[str, Split]:
        """Return the splits that are not empty, by name."""
        every = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in every.items() if len(split)}


class Source(Choice):
    """A kind of dataset with its options."""

    title: ClassVar[str] = ""
    example: ClassVar[Literal["image", "points", "numbers"]] = "image"
    licence: ClassVar[str] = ""
    origin: ClassVar[str] = ""
    fetched: ClassVar[bool] = False  # whether it must be fetched, or placed by hand, before use

    def load(self) -> Dataset:
        """Return the dataset."""
        raise NotImplementedError(self.kind)

    def fetch(self, told: "Callable[[str, int, int], None] | None" = None) -> None:
        """Fetch what is not here, if it comes from elsewhere."""

    def here(self) -> bool:
        """Return whether it can be loaded without being fetched."""
        return True


source = kinds(DATASETS)  # registers a class of datasets under its kind


def drawn(seed: int, stream: int = 0) -> torch.Generator:
    """Return a generator of its own for each stream of a seed."""
    return torch.Generator().manual_seed(seed * 1_000_003 + stream)


def parts(number: int, seed: int, validation: float, test: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return which of so many examples are for training, validation and test."""
    order = torch.randperm(number, generator=drawn(seed, 17))
    tests = round(number * test)
    rest = order[tests:]
    validations = round(len(rest) * validation)
    if len(rest) - validations < 1:
        raise VitrineError("Nothing is left to train on.", cure="Keep less aside, or draw more examples.")
    return rest[validations:], rest[:validations], order[:tests]


def split(everything: Split, seed: int, validation: float, test: float) -> tuple[Split, Split, Split]:
    """Split examples at random into training, validation and test."""
    train, valid, tested = (everything.take(part) for part in parts(len(everything), seed, validation, test))
    return train, valid, tested


def scaled(parts: tuple[Split, Split, Split], deviation: float = 1.0) -> tuple[Split, ...]:
    """Bring every column to mean 0 and this deviation, as the first part, the training one, has them."""
    train = parts[0].inputs
    mean, own = train.mean(dim=0), train.std(dim=0).nan_to_num().clamp_min(1e-6)
    return tuple(Split(deviation * (part.inputs - mean) / own, part.targets) for part in parts)


def hold_out(train: Split, seed: int, validation: float) -> tuple[Split, Split]:
    """Keep a share of the training examples aside, where the test examples are given."""
    kept, valid, _ = split(train, seed, validation, 0.0)
    return kept, valid
