"""Splitting: which examples are learned from, which are for validation, and which to test on."""

from collections.abc import Sequence
from typing import Any, TypeVar

import torch

from engine.data.dataset import Divided, Source, Split, drawn
from engine.errors import VitrineError

Series = TypeVar("Series", torch.Tensor, str)  # what has places in the order of time


def mixed(
    targets: Any, divided: Divided, generator: torch.Generator, groups: torch.Tensor | None = None
) -> torch.Tensor:
    """Return an order of examples, of which the first are to be held out; groups stay together.

    Drawn at random; by class, any stretch of it has about the share of each class that all have; or the latest first.
    """
    if groups is not None:
        return _by_group(groups, divided, generator)
    if divided == "in order":
        return torch.arange(len(targets)).flip(0)
    order = torch.randperm(len(targets), generator=generator)
    plain = isinstance(targets, torch.Tensor) and targets.dtype == torch.long and targets.dim() == 1
    if divided == "at random" or not plain:
        return order
    labels = targets[order]
    along = torch.empty(len(order), dtype=torch.double)
    for label in labels.unique():  # each class is spread evenly from the beginning to the end
        mine = (labels == label).nonzero().flatten()
        along[mine] = (torch.arange(len(mine), dtype=torch.double) + 0.5) / len(mine)
    return order[along.argsort(stable=True)]


def _by_group(groups: torch.Tensor, divided: Divided, generator: torch.Generator) -> torch.Tensor:
    """Return an order in which groups stand one behind another: drawn at random, or the latest begun first."""
    names, member = groups.unique(return_inverse=True)
    if divided != "in order":
        return torch.randperm(len(names), generator=generator)[member].argsort(stable=True)
    begun = torch.full((len(names),), len(groups)).scatter_reduce(0, member, torch.arange(len(groups)), "amin")
    return (-begun[member]).argsort(stable=True)


def cut(order: torch.Tensor, at: Sequence[int], groups: torch.Tensor | None) -> list[torch.Tensor]:
    """Return an order in pieces that end there, or where no group is torn apart, at the nearest end of one."""
    if groups is None:
        return list(order.tensor_split(list(at)))
    along = groups[order]
    ends = torch.cat([torch.tensor([0]), (along[1:] != along[:-1]).nonzero().flatten() + 1, torch.tensor([len(order)])])
    return list(order.tensor_split([int(ends[(ends - place).abs().argmin()]) for place in at]))


def parts(
    targets: Any, source: Source, test: float | None = None, groups: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return which examples are for training, validation and test, as the source's options say."""
    given: Any = source
    order = mixed(targets, source.divided, drawn(given.seed, 17), groups)
    tested, rest = cut(order, [round(len(order) * (given.test if test is None else test))], groups)
    valid, train = cut(rest, [round(len(rest) * given.validation)], groups)
    if len(train) < 1:
        raise VitrineError("Nothing is left to train on.", cure="Keep less aside, or draw more examples.")
    return (train, valid, tested) if source.divided != "in order" else (in_time(train), in_time(valid), in_time(tested))


def in_time(places: torch.Tensor) -> torch.Tensor:
    """Return places in the order in which the examples came."""
    return places.sort().values


def stretches(values: Series, source: Source) -> tuple[Series, Series, Series]:
    """Return the stretches of a series to learn from, for validation and, at its end, to test on."""
    given: Any = source
    tested = len(values) - round(len(values) * given.test)
    valid = tested - round(tested * given.validation)
    return values[:valid], values[valid:tested], values[tested:]


def split(everything: Split, source: Source) -> tuple[Split, Split, Split]:
    """Split examples into training, validation and test, as the source's options say."""
    every = parts(everything.targets, source, groups=everything.groups)
    train, valid, tested = (everything.take(part) for part in every)
    return train, valid, tested


def hold_out(train: Split, source: Source) -> tuple[Split, Split]:
    """Keep a share of the training examples aside, where the test examples are given."""
    kept, valid, _ = (train.take(part) for part in parts(train.targets, source, 0.0, train.groups))
    return kept, valid
