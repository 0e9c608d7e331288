"""Sweep: one thing about an experiment is varied, and everything else stays."""

import dataclasses
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from engine.choice import Choice, option
from engine.errors import VitrineError
from engine.graph import edits
from engine.graph.graph import Graph, Node
from engine.graph.trace import trace

if TYPE_CHECKING:
    from engine.training.experiment import Experiment

USUAL = {
    "size": (0.25, 0.5, 1.0, 2.0, 4.0),
    "noise": (0.0, 0.05, 0.1, 0.2, 0.4),
    "examples": (0.05, 0.1, 0.2, 0.5, 1.0),
}
WIDTHS = ("units", "channels")  # what the options are called that say how wide a layer is


class Sweep(Choice):
    """Learn again and again with one thing varied."""

    kind = "sweep"

    seeds: Annotated[int, Field(ge=1, le=50)] = option(
        3, "How often each value is learned: with other first weights, in another order."
    )
    vary: Literal["size", "noise", "examples"] = option(
        "size", "What is varied: the width of all hidden layers, the noise of the data, or how many examples train."
    )
    values: tuple[Annotated[float, Field(ge=0, le=1e7)], ...] | None = option(
        None,
        "Widths and examples as a factor of what they are, noise as it is; empty: five usual values.",
        none="usual values",
    )

    @field_validator("values", mode="before")
    @classmethod
    def _tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @property
    def steps(self) -> tuple[float, ...]:
        """Return the values, from the least to the largest."""
        return tuple(sorted(set(self.values or USUAL[self.vary])))[:50]

    def apply(self, experiment: "Experiment", value: float, examples: int) -> "Experiment":
        """Return the experiment with this value; with fewer examples it takes as many steps as with all."""
        if self.vary == "size":
            graphs = {role: widened(graph, value) for role, graph in experiment.graphs.items()}
            return dataclasses.replace(experiment, graphs=graphs)
        if self.vary == "noise":
            assert experiment.data
            if "noise" not in type(experiment.data).model_fields:
                raise VitrineError(f"{experiment.data.title} have no noise to vary.", cure="Vary size or examples.")
            return dataclasses.replace(experiment, data=experiment.data.but(noise=value))
        recipe = experiment.recipe
        few = max(2, min(examples, round(examples * value)))
        if recipe.batch == "all" or recipe.optimiser == "lbfgs":  # a step is an epoch, however many there are
            return dataclasses.replace(experiment, recipe=recipe.but(examples=few))
        batch = min(int(recipe.batch), few)
        longer = batches(examples, int(recipe.batch)) / batches(few, batch)
        counted = {name: value * longer for name in ("epochs", "every", "patience") if (value := getattr(recipe, name))}
        counted |= {name: max(1, round(counted[name])) for name in ("every", "patience") if name in counted}
        return dataclasses.replace(experiment, recipe=recipe.but(examples=few, batch=batch, **counted))


def batches(examples: int, size: int) -> int:
    """Return in how many steps all examples are seen once.

    A single example left over is passed by: batch normalisation cannot tell its variance.
    """
    return max(1, examples // size + (examples % size > 1))


def widened(graph: Graph, factor: float) -> Graph:
    """Return the graph with all hidden layers that many times as wide; the last one, which answers, stays."""
    hidden = [(path, name) for path in graph.paths() if (name := _width(graph[path]))][:-1]
    if not hidden:
        raise VitrineError("No hidden layer has a width to vary.", cure="Vary noise or examples, or add a layer.")
    for path, name in hidden:
        layer = graph[path].layer
        graph = edits.replace(graph, path, layer.but(**{name: max(1, round(getattr(layer, name) * factor))}))
    if not (found := trace(graph)).sound:
        words = next(problem.text for problem in found.problems if problem.stops)
        raise VitrineError(f"At {factor:g} times its width the network cannot run: {words}")
    return graph


def _width(node: Node) -> str:
    """Return the option that says how wide a layer is, or nothing."""
    fields = () if node.block else type(node.layer).model_fields
    return next((name for name in WIDTHS if name in fields), "")
