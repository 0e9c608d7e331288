"""Telling: networks that are told the class of an example, beside what they take."""

from collections.abc import Mapping
from typing import Any

import torch

from engine.choice import option
from engine.data import Dataset
from engine.graph.graph import Graph
from engine.tasks.task import Task

LABEL = "label"  # what an input is called by which a network is told the class of an example
NOISE = "noise"  # and what numbers are called of which an example is made
UNTOLD = 0.1  # of the time it is not told while it learns, so that it can do without


class Telling(Task):
    """What is learned by networks that may ask for an example's class."""

    told: bool = option(False, "Whether networks are told classes; follows from the graphs.", hidden=True)

    def suited(self, graphs, dataset):
        """Return the task as it must be for these networks: whether any of them is told classes."""
        return self.but(told=any(LABEL in graph.inputs for graph in graphs.values()))

    def untellable(self, graphs: Mapping[str, Graph], dataset: Dataset) -> str:
        """Return why classes cannot be told to networks that ask for them, or nothing."""
        asking = {role: graph.inputs[LABEL] for role, graph in graphs.items() if LABEL in graph.inputs}
        if asking and dataset.goal != "class":
            return f"The networks are to be told classes, and {dataset.title} has none. Take the input {LABEL} out."
        number = len(dataset.classes)
        wrong = next((role for role, layer in asking.items() if layer.sizes != (number,)), "")
        return f"{dataset.title} has {number} classes. Let {LABEL} of the {wrong} take {number}." if wrong else ""

    def entering(self, network: Any, values: torch.Tensor, classes: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
        """Return what a network is given: values, and a column for each class where it asks for that."""
        if not self.told or LABEL not in network.graph.inputs:
            return (values,)
        label = values.new_zeros(len(values), network.graph.inputs[LABEL].sizes[0])
        if classes is not None:
            known = classes >= 0
            label[known, classes[known]] = 1.0
        return tuple(label if name == LABEL else values for name in network.graph.inputs)

    def sometimes(self, classes: torch.Tensor) -> torch.Tensor | None:
        """Return the classes that networks are told of a batch while they learn: −1 where they must do without."""
        if not self.told:
            return None
        untold = torch.rand(len(classes), device=classes.device) < UNTOLD
        return torch.where(untold, -1, classes)


def taken(graph: Graph) -> list[Any]:
    """Return the shapes of what a network takes, besides a class."""
    return [layer.shape for name, layer in graph.inputs.items() if name != LABEL]


def size_of_code(graph: Graph) -> int:
    """Return how many numbers a network takes that makes an example of them."""
    return next(layer for name, layer in graph.inputs.items() if name != LABEL).sizes[0]
