"""Spoiled: training examples of which some bear a wrong class, or of which some classes are rare; all others stay."""

import dataclasses

import torch

from engine.data import Dataset, Split
from engine.data.dataset import UNKNOWN, drawn
from engine.training.recipe import Recipe


def spoils(recipe: Recipe) -> bool:
    """Return whether a recipe spoils what is learned from."""
    return recipe.mislabelled > 0 or recipe.imbalance > 1


def spoiled(dataset: Dataset, recipe: Recipe) -> Dataset:
    """Return the dataset with its training examples as the recipe spoils them; of validation and test nothing."""
    if not spoils(recipe) or dataset.goal != "class":
        return dataset
    train, classes = dataset.train, len(dataset.classes)
    if recipe.imbalance > 1:
        train = train.take(_uneven(train.targets, classes, recipe))
    return dataclasses.replace(dataset, train=_mislabelled(train, classes, recipe))


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
    number = round(len(known) * recipe.mislabelled) if classes > 1 else 0
    chance = drawn(recipe.seed, 43)
    wrong = known[torch.randperm(len(known), generator=chance)[:number]]
    targets = train.targets.clone()
    targets[wrong] = (targets[wrong] + torch.randint(1, max(2, classes), (number,), generator=chance)) % classes
    return dataclasses.replace(train, targets=targets)
