"""Varied: an experiment in which one thing is otherwise, and everything else stays."""

import dataclasses
from collections.abc import Mapping

from engine.errors import VitrineError
from engine.graph import edits
from engine.graph.graph import Graph, Node
from engine.graph.lending import following
from engine.graph.trace import trace
from engine.layers.entry import Entry
from engine.layers.tied import Borrowing
from engine.training.experiment import Experiment
from engine.training.material import steps_an_epoch
from engine.training.sweep import Sweep

WIDTHS = ("units", "channels")  # what the options are called that say how wide a layer is


def varied(experiment: Experiment, sweep: Sweep, value: float, examples: int) -> Experiment:
    """Return the experiment with this value of what a sweep varies; fewer examples are learned in as many steps."""
    if sweep.vary == "size":
        return dataclasses.replace(experiment, graphs=widened(experiment.graphs, value))
    if sweep.vary == "noise":
        assert experiment.data
        if "noise" not in type(experiment.data).model_fields:
            raise VitrineError(f"{experiment.data.title} have no noise to vary.", cure="Vary size or examples.")
        return dataclasses.replace(experiment, data=experiment.data.but(noise=value))
    recipe = experiment.recipe
    few = max(2, min(examples, round(examples * value)))
    if recipe.batch == "all" or recipe.optimiser == "lbfgs":  # a step is an epoch, however many there are
        return dataclasses.replace(experiment, recipe=recipe.but(examples=few))
    batch = min(int(recipe.batch), few)
    longer = steps_an_epoch(examples, int(recipe.batch)) / steps_an_epoch(few, batch)
    counted = {name: value * longer for name in ("epochs", "every", "patience") if (value := getattr(recipe, name))}
    counted |= {name: max(1, round(counted[name])) for name in ("every", "patience") if name in counted}
    return dataclasses.replace(experiment, recipe=recipe.but(examples=few, batch=batch, **counted))


def widened(graphs: Mapping[str, Graph], factor: float) -> dict[str, Graph]:
    """Return the graphs with all hidden layers that many times as wide; those that decide what they give stay."""
    found = {role: _grown(graph, factor) for role, graph in graphs.items()}
    if not any(map(_hidden, graphs.values())):
        raise VitrineError("No hidden layer has a width to vary.", cure="Vary noise or examples, or add a layer.")
    found = following(found)
    for graph in found.values():
        if not (traced := trace(graph)).sound:
            words = next(problem.text for problem in traced.problems if problem.stops)
            raise VitrineError(f"At {factor:g} times its width the network cannot run: {words}")
    return found


def _hidden(graph: Graph) -> list[tuple[str, str]]:
    """Return the layers that have a width and do not decide what the graph gives, with the option that says it."""
    stay = _deciding(graph)
    return [(path, name) for path in graph.paths() if (name := _width(graph[path])) and path not in stay]


def _grown(graph: Graph, factor: float) -> Graph:
    """Return a graph with its hidden layers that many times as wide."""
    for path, name in _hidden(graph):
        layer = graph[path].layer
        graph = edits.replace(graph, path, layer.but(**{name: max(1, round(getattr(layer, name) * factor))}))
    return graph


def _width(node: Node) -> str:
    """Return the option that says how wide a layer is, or nothing."""
    fields = () if node.block else type(node.layer).model_fields
    return next((name for name in WIDTHS if name in fields), "")


def _deciding(graph: Graph) -> set[str]:
    """Return the layers whose widths are those of the outputs; what goes through others' weights has no width."""
    found, waiting = set(), list(graph.outputs)
    while waiting:
        path = waiting.pop()
        node, outer = graph[path], path.rpartition(".")[0]
        prefix = f"{outer}." if outer else ""
        if node.block:
            waiting += [f"{path}.{name}" for name in node.block.graph.outputs]
        elif _width(node):
            found.add(path)
        elif isinstance(node.layer, Entry):
            before = outer.rpartition(".")[0]
            waiting += [f"{before}.{name}" if before else name for name in graph[outer].inputs]
        elif not isinstance(node.layer, Borrowing):
            waiting += [prefix + name for name in node.inputs]
    return found
