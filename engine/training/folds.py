"""Folds: cross-validation, in which every example is held out once; and learning from fewer examples."""

import dataclasses

import torch

from engine.data import Dataset, Split
from engine.data.dataset import drawn, mixed
from engine.errors import VitrineError
from engine.fields import joined
from engine.training.recipe import Recipe


def number_of_folds(dataset: Dataset, recipe: Recipe) -> int:
    """Return into how many parts training and validation examples are split; 'all' leaves one out at a time."""
    examples = len(dataset.train) + len(dataset.validation)
    number = examples if recipe.folds == "all" else int(recipe.folds or 1)
    if number > examples:
        raise VitrineError(f"{number:,} folds are more than the {examples:,} examples.", cure="Use fewer folds.")
    return number


def folded(dataset: Dataset, recipe: Recipe) -> Dataset:
    """Return the dataset with the recipe's fold as validation, and all other folds to train on."""
    if recipe.folds is None or recipe.fold is None:
        return dataset
    pool = Split(
        joined([dataset.train.inputs, dataset.validation.inputs]),
        joined([dataset.train.targets, dataset.validation.targets]),
    )
    order = mixed(pool.targets, dataset.divided, drawn(recipe.seed, 29))
    parts = order.tensor_split(number_of_folds(dataset, recipe))
    held_out = parts[recipe.fold]
    rest = torch.cat([part for place, part in enumerate(parts) if place != recipe.fold])
    return dataclasses.replace(dataset, train=pool.take(rest), validation=pool.take(held_out))


def fewer(dataset: Dataset, recipe: Recipe) -> Dataset:
    """Return the dataset with as many training examples as the recipe asks for."""
    if recipe.examples is None or recipe.examples >= len(dataset.train):
        return dataset
    order = mixed(dataset.train.targets, dataset.divided, drawn(recipe.seed, 31))
    return dataclasses.replace(dataset, train=dataset.train.take(order[: recipe.examples]))
