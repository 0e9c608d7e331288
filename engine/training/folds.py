"""Folds: cross-validation, in which every example is held out once; and learning from fewer examples."""

import dataclasses
import itertools
from typing import Any

import torch

from engine.data import Dataset, Split
from engine.data.dataset import drawn
from engine.data.splitting import cut, in_time, mixed
from engine.errors import VitrineError
from engine.fields import joined
from engine.training.recipe import Recipe


def number_of_folds(dataset: Dataset, recipe: Recipe) -> int:
    """Return into how many parts training and validation examples are split; 'all' leaves one out at a time.

    Where time matters each part is told from all that came before it, so the first is only learned from.
    """
    groups = _both(dataset.train.groups, dataset.validation.groups)
    examples = len(dataset.train) + len(dataset.validation) if groups is None else len(groups.unique())
    examples -= dataset.divided == "in order"
    number = examples if recipe.folds == "all" else int(recipe.folds or 1)
    if number > examples:
        what = "examples" if groups is None else "groups"
        raise VitrineError(f"{number:,} folds are more than the {examples:,} {what}.", cure="Use fewer folds.")
    return number


def folded(dataset: Dataset, recipe: Recipe) -> Dataset:
    """Return the dataset with the recipe's fold as validation, and all others to train on: in order, those before."""
    if recipe.folds is None or recipe.fold is None:
        return dataset
    pool = Split(
        joined([dataset.train.inputs, dataset.validation.inputs]),
        joined([dataset.train.targets, dataset.validation.targets]),
        _both(dataset.train.groups, dataset.validation.groups),
        _both(dataset.train.bases, dataset.validation.bases),
        _both(dataset.train.facts, dataset.validation.facts),
    )
    order = mixed(pool.targets, dataset.divided, drawn(recipe.seed, 29), pool.groups)
    number, forward = number_of_folds(dataset, recipe), dataset.divided == "in order"
    order = order.flip(0) if forward else order
    sizes = [len(part) for part in order.tensor_split(number + forward)]
    if recipe.folds == "all" and pool.groups is not None:
        sizes = pool.groups[order].unique_consecutive(return_counts=True)[1].tolist()
    parts = cut(order, list(itertools.accumulate(sizes))[:-1], pool.groups)
    held_out = parts[recipe.fold + forward]
    others = parts[: recipe.fold + 1] if forward else [part for part in parts if part is not held_out]
    rest = torch.cat(others)
    if forward and dataset.overlap:  # what reaches over the border is neither learned from nor held out
        rest = rest[: max(0, len(rest) - dataset.overlap)]
    if not len(rest) or not len(held_out):
        what = "windows reach too far" if dataset.overlap else "groups are too large"
        raise VitrineError(f"Fold {recipe.fold + 1} has nothing in it: the {what}.", cure="Use fewer folds.")
    rest, held_out = (in_time(rest), in_time(held_out)) if forward else (rest, held_out)
    found = dataclasses.replace(dataset, train=pool.take(rest), validation=pool.take(held_out))
    return _scaled_anew(found) if forward and dataset.overlap else found


def _scaled_anew(dataset: Dataset) -> Dataset:
    """Return windows of a series scaled by what is learned from, and by nothing that comes later."""
    mean, deviation = dataset.scale
    windows = dataset.train.inputs[:, :, 0].double()
    bases = dataset.train.bases  # of changes, only those of the first season are what windows hold
    last = dataset.train.targets[-1, : None if bases is None else bases.shape[1]].double()
    learned = mean + deviation * torch.cat([windows[0], windows[1:, -1], last])
    new, spread = float(learned.mean()), float(learned.std().nan_to_num())
    spread = spread if spread > 1e-12 * abs(new) else 1.0

    def scaled(values: torch.Tensor) -> torch.Tensor:
        return ((mean + deviation * values.double() - new) / spread).float()

    parts = {
        name: dataclasses.replace(split, inputs=scaled(split.inputs), targets=scaled(split.targets))
        for name, split in dataset.splits().items()
    }
    return dataclasses.replace(dataset, scale=(new, spread), **parts)


def _both(*parts: Any) -> Any:
    """Return what is known of training and validation examples, where there is any."""
    found = [part for part in parts if part is not None]
    return joined(found) if found else None


def fewer(dataset: Dataset, recipe: Recipe) -> Dataset:
    """Return the dataset with as many training examples as the recipe asks for."""
    if recipe.examples is None or recipe.examples >= len(dataset.train):
        return dataset
    order = mixed(dataset.train.targets, dataset.divided, drawn(recipe.seed, 31))
    kept = order[: recipe.examples]
    return dataclasses.replace(
        dataset, train=dataset.train.take(in_time(kept) if dataset.divided == "in order" else kept)
    )
