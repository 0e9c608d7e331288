"""Spoiled: what a recipe makes of data before it learns: folds, fewer examples, rare classes, wrong labels."""

import dataclasses

import torch

from engine.data import Dataset, Split
from engine.data.dataset import UNKNOWN, drawn
from engine.training.folds import fewer, folded
from engine.training.recipe import Recipe


def spoils(recipe: Recipe) -> bool:
    """Return whether a recipe spoils what is learned from."""
    return recipe.mislabelled > 0 or recipe.imbalance > 1


def as_learned(dataset: Dataset, recipe: Recipe) -> Dataset:
    """Return the dataset as a recipe learns from it: its fold, with classes that are rare, as few examples as it asks
    for, and some of those with a wrong class. What is held out is as it was.
    """
    found, told = folded(dataset, recipe), dataset.goal == "class"
    if told and recipe.imbalance > 1:
        kept = _uneven(found.train.targets, len(dataset.classes), recipe)
        found = dataclasses.replace(found, train=found.train.take(kept))
    found = fewer(found, recipe)
    if told and recipe.mislabelled:
        found = dataclasses.replace(found, train=_mislabelled(found.train, len(dataset.classes), recipe))
    return found


def wrong(dataset: Dataset, recipe: Recipe) -> int:
    """Return how many of the examples that are learned bear a wrong class."""
    return _share(int((dataset.train.targets != UNKNOWN).sum()), len(dataset.classes), recipe)


def _share(known: int, classes: int, recipe: Recipe) -> int:
    return round(known * recipe.mislabelled) if classes > 1 else 0


def _uneven(targets: torch.Tensor, classes: int, recipe: Recipe) -> torch.Tensor:
    """Return which examples are kept: of each class fewer than of the one before, by the same factor."""
    first = int((targets == 0).sum())
    order = torch.randperm(len(targets), generator=drawn(recipe.seed, 41))
    kept = [order[targets[order] == UNKNOWN]]
    for kind in range(classes):
        share = recipe.imbalance ** (-kind / max(1, classes - 1))
        kept.append(order[targets[order] == kind][: max(1, round(first * share))])
    return torch.cat(kept).sort().values


def _mislabelled(train: Split, classes: int, recipe: Recipe) -> Split:
    """Return a split of which a share bears another class than its own, each other class alike."""
    known = (train.targets != UNKNOWN).nonzero().flatten()
    number = _share(len(known), classes, recipe)
    chance = drawn(recipe.seed, 43)
    mistaken = known[torch.randperm(len(known), generator=chance)[:number]]
    targets = train.targets.clone()
    targets[mistaken] = (targets[mistaken] + torch.randint(1, max(2, classes), (number,), generator=chance)) % classes
    return dataclasses.replace(train, targets=targets)
