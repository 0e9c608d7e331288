"""Cost: what every layer of a graph, and all of them together, have and need."""

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.graph.field import Field, fields
from engine.graph.graph import Graph
from engine.graph.trace import Step, trace
from engine.layers import Formula, Layer, Shape
from engine.layers.base import blank
from engine.layers.entry import Given


@dataclass(frozen=True)
class Counts:
    """Numbers that add up over layers."""

    weights: int = 0
    weights_without_biases: int = 0
    neurons: int = 0
    connections: int = 0
    connections_with_biases: int = 0
    multiply_adds: int = 0
    weight_bytes: int = 0
    activation_bytes: int = 0  # for one example

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(a + b for a, b in zip(self._all(), other._all(), strict=True)))

    def _all(self) -> tuple[int, ...]:
        return tuple(vars(self).values())

    @property
    def memory_bytes(self) -> int:
        """Return the memory of the weights, and of one example on its way through."""
        return self.weight_bytes + self.activation_bytes


@dataclass(frozen=True)
class LayerCost:
    """One layer's counts, formulas and receptive field."""

    step: Step
    counts: Counts
    field: Field | None

    def write(self) -> dict[str, Any]:
        """Return plain values."""
        head = {"id": self.step.path, "kind": self.step.layer.kind, "shape": list(self.step.gives.sizes)}
        return head | asdict(self.counts) | {"receptive_field": self.field.write() if self.field else None}


@dataclass(frozen=True)
class Cost:
    """The costs of all layers, and their sum."""

    layers: tuple[LayerCost, ...]
    total: Counts

    def within(self, place: str) -> tuple[LayerCost, ...]:
        """Return the layers at a place of the graph: the node itself, or all that is in the block."""
        inside = place + "."
        return tuple(c for c in self.layers if c.step.place == place or c.step.place.startswith(inside))


@functools.lru_cache(maxsize=256)
def cost(graph: Graph) -> Cost:
    """Count everything that can be counted, without allocating any of it."""
    found = trace(graph)
    seen = fields(found)
    layers = tuple(LayerCost(s, counts(s.layer, s.given, s.gives), seen.get(s.path)) for s in found.steps)
    return Cost(layers, sum((layer.counts for layer in layers), Counts()))


@functools.lru_cache(maxsize=8192)
def counts(layer: Layer, given: tuple[Shape, ...], gives: Shape) -> Counts:
    """Return one layer's counts: weights from torch's own parameters, the rest from its formulas."""
    module = None if isinstance(layer, Given) else blank(layer, given)
    sizes = [(name, p.numel(), p.element_size()) for name, p in module.named_parameters()] if module else []
    kept = [b.numel() * b.element_size() for b in module.buffers()] if module else []
    worked_out = {formula.name: formula.value for formula in _formulas(layer, given, gives)}
    connections = worked_out.get("connections", 0)
    return Counts(
        weights=sum(number for _, number, _ in sizes),
        weights_without_biases=sum(number for name, number, _ in sizes if "bias" not in name),
        neurons=worked_out.get("neurons", 0),
        connections=connections,
        connections_with_biases=worked_out.get("connections with biases", connections),
        multiply_adds=worked_out.get("multiply-adds", 0),
        weight_bytes=sum(number * size for _, number, size in sizes) + sum(kept),
        activation_bytes=0 if gives.weight else gives.bytes,
    )


def formulas(step: Step) -> tuple[Formula, ...]:
    """Return how a step's counts come about, with the numbers put in."""
    return _formulas(step.layer, step.given, step.gives)


def _formulas(layer: Layer, given: tuple[Shape, ...], gives: Shape) -> tuple[Formula, ...]:
    """Return a layer's formulas; of what slides along a sequence they are the same whichever axis is time."""
    if layer.along_time:
        given, gives = tuple(shape.turned for shape in given), gives.turned
    return layer.formulas(given, gives)


def together(graphs: Mapping[str, Graph]) -> Counts:
    """Return what several networks have and need altogether."""
    return sum((cost(graph).total for graph in graphs.values()), Counts())


def learning_bytes(graphs: Mapping[str, Graph], examples: int) -> int:
    """Return about how much memory is taken while so many examples are learned from at once.

    Weights, their gradients and up to two more numbers each for the optimiser; activations there and back; and of
    cells all gates at every place.
    """
    total, inside = together(graphs), 0
    for layer in (layer for graph in graphs.values() for layer in cost(graph).layers):
        if gates := getattr(layer.step.layer, "gates", 0):
            inside += 4 * layer.counts.neurons * layer.step.given[0].sizes[0] * (gates + 2)
    return 4 * total.weight_bytes + examples * (2 * total.activation_bytes + inside)


def describe(graph: Graph, name: str) -> dict[str, Any]:
    """Return the whole cost as plain values."""
    found = cost(graph)
    totals = asdict(found.total) | {"memory_bytes": found.total.memory_bytes}
    return {"name": name, "nodes": [layer.write() for layer in found.layers], "totals": totals}
