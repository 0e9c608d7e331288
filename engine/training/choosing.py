"""Choosing: which tasks graphs and data leave open."""

import dataclasses
from collections.abc import Mapping

from engine.data import Dataset
from engine.graph.graph import Graph
from engine.tasks import TASKS
from engine.training.experiment import Experiment
from engine.training.unfit import of_other_roles


def refusals(graphs: Mapping[str, Graph], dataset: Dataset) -> dict[str, str]:
    """Return for each task why it is not for these data and roles, or nothing; a graph's sizes can be made to fit."""
    return {
        kind: of_other_roles(graphs, task) or task().unlearnable(dataset) or task().unsuited(graphs)
        for kind, task in TASKS.items()
    }


def suited(experiment: Experiment, dataset: Dataset) -> Experiment:
    """Return the experiment with its own task, or with the only one left where that is not for the dataset."""
    left = [kind for kind, words in refusals(experiment.graphs, dataset).items() if not words]
    meant = [kind for kind in left if dataset.goal in TASKS[kind].goals] or left
    if experiment.task.kind in left or len(meant) != 1:
        return experiment
    return dataclasses.replace(experiment, task=TASKS[meant[0]]())
