"""Series: experiments that are learned one after another, because a recipe asks for folds or a sweep."""

import dataclasses
from collections.abc import Callable

from engine.data import Dataset
from engine.errors import VitrineError
from engine.training.experiment import Experiment
from engine.training.folds import number_of_folds
from engine.training.recipe import Recipe
from engine.training.varied import varied


def several(recipe: Recipe) -> bool:
    """Return whether a recipe asks for more than one run."""
    return recipe.sweep is not None or (recipe.folds is not None and recipe.fold is None)


def number_of_parts(recipe: Recipe, data: Callable[[], Dataset]) -> int:
    """Return of how many parts a series is made; the data are asked for only where their number decides."""
    if recipe.sweep:
        return len(recipe.sweep.steps) * recipe.sweep.seeds
    return number_of_folds(data(), recipe) if recipe.folds == "all" else int(recipe.folds or 1)


def parts(experiment: Experiment, dataset: Dataset) -> list[Experiment]:
    """Return what a series is made of, in the order in which it is learned."""
    recipe = experiment.recipe
    if recipe.sweep and recipe.folds:
        raise VitrineError("Folds and a sweep cannot be had at once.", cure="Take one of them out of the recipe.")
    if not recipe.sweep:
        number = number_of_folds(dataset, recipe)
        return [dataclasses.replace(experiment, recipe=recipe.but(fold=fold)) for fold in range(number)]
    sweep, plain = recipe.sweep, dataclasses.replace(experiment, recipe=recipe.but(sweep=None))
    found = []
    for value in sweep.steps:
        one = varied(plain, sweep, value, len(dataset.train))
        for turn in range(sweep.seeds):
            found.append(dataclasses.replace(one, recipe=one.recipe.but(seed=recipe.seed + turn)))
    return found
