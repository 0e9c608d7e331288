"""Pairing: a generator and a discriminator made to fit other data."""

import dataclasses
import math

from engine.data import Dataset
from engine.errors import VitrineError
from engine.graph import edits
from engine.graph.graph import Graph, Node
from engine.graph.trace import sources, trace
from engine.layers.activation import Tanh
from engine.layers.reshaping import Flatten, Reshape
from engine.tasks.telling import LABEL
from engine.training.experiment import Experiment

BOUNDS = ("tanh", "sigmoid", "softmax", "hardtanh")
PASSING = ("activation", "normalisation", "regularisation")  # families whose layers give what they take, in size


def paired(experiment: Experiment, dataset: Dataset) -> Experiment:
    """Return the experiment with a discriminator that takes the dataset's examples, and a generator that gives such."""
    task = experiment.task
    judge, maker = experiment.graphs[task.answering], experiment.graphs[task.unfolds]
    graphs = {
        task.answering: _taking(_spread(_told(judge, dataset), dataset.sizes), dataset.sizes),
        task.unfolds: giving(_told(maker, dataset), dataset.sizes, dataset.example == "image"),
    }
    return dataclasses.replace(experiment, graphs={role: graphs[role] for role in experiment.graphs})


def _told(graph: Graph, dataset: Dataset) -> Graph:
    """Return a network that is told as many classes as there are, where it is told any."""
    if LABEL not in graph.inputs or not dataset.classes:
        return graph
    return edits.replace(graph, LABEL, graph.inputs[LABEL].but(sizes=(len(dataset.classes),)))


def _spread(graph: Graph, sizes: tuple[int, ...]) -> Graph:
    """Return a discriminator whose class is laid out as maps as large as the pictures it stands beside."""
    if LABEL not in graph.inputs or len(sizes) != 3:
        return graph
    behind = [LABEL]
    for name in behind:
        behind += [reader for reader in graph.consumers[name] if len(graph[reader].inputs) == 1]
    laid = [graph[name] for name in behind if isinstance(graph[name].layer, Reshape)]
    for node in laid:
        maps = node.layer.sizes  # ty: ignore[missing-attribute]
        graph = _laid(graph, node, (maps[0], *sizes[1:])) if len(maps) == 3 else graph
    return graph


def _taking(graph: Graph, sizes: tuple[int, ...]) -> Graph:
    """Return a discriminator that takes examples of these sizes, laid out in a row where it did without that."""
    names = [name for name in graph.inputs if name != LABEL]
    if len(names) != 1:
        raise VitrineError("Only a discriminator with one input can be fitted.", cure="Change it by hand.")
    graph = edits.replace(graph, names[0], graph.inputs[names[0]].but(sizes=sizes))
    bare = len(sizes) > 1 and all(graph[reader].layer.kind == "dense" for reader in graph.consumers[names[0]])
    return edits.insert_after(graph, names[0], Flatten()) if bare else graph


def giving(graph: Graph, sizes: tuple[int, ...], picture: bool) -> Graph:
    """Return a generator that gives examples of these sizes; pictures behind a tanh."""
    made = trace(graph).outputs
    if made and made[0].sizes == sizes:
        return graph
    graph = graph if picture else _unbounded(graph)
    end = _sized(graph, graph[graph.outputs[0]])
    if end.layer.kind == "reshape":
        graph = _laid(graph, end, sizes)
    elif "channels" in type(end.layer).model_fields and len(sizes) == 3:
        graph = _grown(edits.replace(graph, end.id, end.layer.but(channels=sizes[0])), sizes)
    elif end.layer.kind == "dense":
        graph = edits.replace(graph, end.id, end.layer.but(units=math.prod(sizes)))
        if picture and graph[graph.outputs[0]].layer.kind != "tanh":
            graph = edits.add(graph, Tanh())
        graph = edits.add(graph, Reshape(sizes=sizes)) if len(sizes) > 1 else graph
    if (made := trace(graph).outputs) and made[0].sizes == sizes:
        return graph
    wanted = "×".join(map(str, sizes))
    raise VitrineError(f"No layer of the generator could be made to give {wanted}.", cure="Change its last layers.")


def _unbounded(graph: Graph) -> Graph:
    """Return a generator without a bound at its end: numbers other than pictures' lie anywhere."""
    node = graph[graph.outputs[0]]
    while node.layer.kind in BOUNDS or node.layer.family == "reshaping":
        before = sources(graph, node)[0]
        graph = edits.remove(graph, node.id) if node.layer.kind in BOUNDS else graph
        node = graph[before]
    return graph


def _sized(graph: Graph, node: Node) -> Node:
    """Return the layer, at a node or before it, that tells the size of what comes out there."""
    while node.layer.family in PASSING and not node.block and len(before := sources(graph, node)) == 1:
        node = graph[before[0]]
    return node


def _laid(graph: Graph, reshape: Node, sizes: tuple[int, ...]) -> Graph:
    """Return a network that lays out in these sizes at a reshape, from a dense layer with as many units."""
    graph = edits.replace(graph, reshape.id, reshape.layer.but(sizes=sizes))
    before = _sized(graph, graph[reshape.inputs[0]])
    if before.layer.kind != "dense":
        return graph
    return edits.replace(graph, before.id, before.layer.but(units=math.prod(sizes)))


def _grown(graph: Graph, sizes: tuple[int, ...]) -> Graph:
    """Return a network whose first small maps are as much larger or smaller as its last ones should be."""
    made = trace(graph).outputs
    laid = ((node, node.layer.sizes) for node in graph.nodes if isinstance(node.layer, Reshape))
    first, (maps, *sides) = next(laid, (None, (0,)))
    if not made or made[0].rank != 3 or first is None or len(sides) != 2:
        return graph
    wanted = [side * want / has for side, want, has in zip(sides, sizes[1:], made[0].sizes[1:], strict=True)]
    if any(side != int(side) or side < 1 for side in wanted):
        return graph
    return _laid(graph, first, (maps, *map(int, wanted)))
