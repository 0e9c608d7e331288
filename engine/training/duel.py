"""Duel: the same experiment with other recurrent cells, so that what remembers is all that differs."""

import dataclasses
import re

from engine.errors import VitrineError
from engine.graph import edits
from engine.graph.graph import Graph
from engine.graph.trace import trace
from engine.layers import LAYERS
from engine.layers.base import Layer
from engine.layers.sequence import GRU, LSTM, RNN
from engine.training.experiment import Experiment

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
NEUTRAL = "cell"  # what a layer is called whose cells are exchanged, so that all runs have a node of its name
OPEN = 3.0  # at which forget gates begin that come new: they keep what they know


def has_cells(experiment: Experiment) -> bool:
    """Return whether there are cells to be exchanged."""
    return any(_paths(graph) for graph in experiment.graphs.values())


def with_cells(experiment: Experiment, kind: str) -> Experiment:
    """Return the experiment with cells of this kind in place of all others; everything else stays."""
    if kind not in CELLS:
        raise VitrineError(f"There are no cells {kind!r}.", cure=f"Choose {', '.join(CELLS)}.")
    if not has_cells(experiment):
        raise VitrineError("This network has no recurrent layer.", cure="Add one, such as LSTM.")
    named = bool(experiment.recipe.frozen or experiment.recipe.rates)  # then nodes must keep their names
    graphs = {role: _exchanged(graph, kind, not named) for role, graph in experiment.graphs.items()}
    titles = {cell: layer.title.removeprefix("Vanilla ") for cell, layer in CELLS.items()}
    first, sign, rest = experiment.name.partition(": ")
    name = f"{titles[kind]}: {rest if sign and first in titles.values() else experiment.name}"[:80]
    return dataclasses.replace(experiment, graphs=graphs, name=name)


def _paths(graph: Graph) -> list[str]:
    """Return the nodes with cells, by their places in the graph."""
    return list(dict.fromkeys(step.place for step in trace(graph).steps if step.layer.kind in CELLS))


def _exchanged(graph: Graph, kind: str, renamed: bool) -> Graph:
    """Return the graph with other cells; layers that bear the name of their old ones are called neutrally."""
    paths = _paths(graph)
    old = {step.place: step.layer for step in trace(graph).steps}  # of the whole graph, before any size is another
    for path in paths:
        graph = edits.replace(graph, path, _remade(old[path], kind))
    named = [path for path in paths if re.fullmatch(rf"(?:{'|'.join(CELLS)})\d*", path.rpartition(".")[2])]
    new = [NEUTRAL if len(named) == 1 else f"{NEUTRAL}{place}" for place in range(1, len(named) + 1)]
    taken = {step.place.rpartition(".")[2] for step in trace(graph).steps}
    if renamed and not taken & set(new):
        for path, name in zip(named, new, strict=True):
            graph = edits.rename(graph, path, name)
    return graph


def _remade(old: Layer, kind: str) -> Layer:
    """Return a layer of other cells with all that both kinds have in common."""
    if old.kind == kind:
        return old
    new = LAYERS[kind]
    shared = {name: getattr(old, name) for name in type(old).model_fields if name in new.model_fields}
    return new(**shared | ({"forget_bias": OPEN} if kind == "lstm" else {}))
