"""Refusal: why what is on the table cannot be trained; asked with every run of a page, so remembered."""

import functools

from engine.errors import VitrineError
from engine.live.house import house
from engine.training.experiment import load
from engine.training.series import parts, several
from engine.training.spoiled import as_learned
from engine.training.unfit import unfit

PATIENCE = 2.0  # seconds that a page waits for data before it says how far they are read

loaded = functools.lru_cache(maxsize=256)(load)


def refusal(text: str) -> str:
    """Return why an experiment cannot be trained, or nothing."""
    experiment = loaded(text)
    if experiment.data is None:
        return "Choose data to learn from."
    try:
        house().hub.past.dataset(
            experiment.data, PATIENCE
        )  # what is wrong with data may be mended, so is not remembered
        return refused(text)
    except VitrineError as error:
        return str(error)


@functools.lru_cache(maxsize=64)
def refused(text: str) -> str:
    """Return why an experiment cannot be trained with data that are at hand, or nothing."""
    experiment = loaded(text)
    assert experiment.data
    dataset = house().hub.past.dataset(experiment.data, PATIENCE)
    recipe = (parts(experiment, dataset)[0] if several(experiment.recipe) else experiment).recipe
    return unfit(experiment.graphs, experiment.task, recipe, as_learned(dataset, recipe))
