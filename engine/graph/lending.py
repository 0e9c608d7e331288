"""Lending: layers of one network that go through the weights of another's."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.graph import edits
from engine.graph.graph import Graph
from engine.graph.network import Network
from engine.graph.trace import borrowed, lenders, trace
from engine.layers.base import Shape, blank
from engine.layers.entry import Lent
from engine.layers.tied import Borrowing
from engine.registry import did_you_mean, shortened


def networks(graphs: Mapping[str, Graph], roles: Iterable[str], bring: Callable[[Network], Any]) -> dict[str, Any]:
    """Return the networks of these roles, brought to where they are to be; weights are lent from one to another."""
    made = {role: bring(Network(graphs[role])) for role in roles}
    for network in made.values():
        if asks := borrowed(network.graph).values():
            network.borrow(
                {layer.of: made[role].get_submodule(path) for layer in asks for role, path in [layer.lender]}
            )
    return made


def lent_weights(network: Network) -> dict[str, Any]:
    """Return the weights that others lend a network, by their addresses."""
    return {of: module.weight for of, (module, _) in zip(network.asks, network.lent, strict=True)}


def following(graphs: Mapping[str, Graph]) -> dict[str, Graph]:
    """Return the graphs, in which what is lent has the sizes of the layers whose it is, as far as there are such."""
    found = dict(graphs)
    for role, graph in graphs.items():
        for name, layer in borrowed(graph).items():
            shape = _weight(graphs, layer)
            if isinstance(shape, Shape) and shape != layer.shape:
                found[role] = edits.replace(found[role], name, layer.but(sizes=shape.sizes))
    return found


def called_anew(graphs: Mapping[str, Graph], role: str, names: Mapping[str, str]) -> dict[str, Graph]:
    """Return the graphs, in which what a network's layers lend is told by their new names, where they have such."""
    found = dict(graphs)
    for taker, graph in graphs.items():
        for name, layer in borrowed(graph).items():
            lender, path = layer.lender
            if lender == role and path in names:
                found[taker] = edits.replace(found[taker], name, layer.but(of=f"{role}:{names[path]}"))
    return found


def runs(graphs: Mapping[str, Graph]) -> bool:
    """Return whether every network can run."""
    return all(trace(graph).sound for graph in graphs.values()) and not unlent(graphs)


def unlent(graphs: Mapping[str, Graph]) -> dict[str, tuple[str, str]]:
    """Return what keeps weights from being lent: by role the node, and in words why."""
    found: dict[str, tuple[str, str]] = {}
    for role, graph in graphs.items():
        for name, layer in borrowed(graph).items():
            if words := _refused(graphs, role, name, layer):
                found.setdefault(role, (name, words))
    return found


def _refused(graphs: Mapping[str, Graph], role: str, name: str, layer: Lent) -> str:
    lender, path = layer.lender
    graph = graphs[role]
    if lender not in graphs or lender == role:
        others = [one for one in graphs if one != role]
        if not others:
            return f"{name} is for weights of another network, and there is none. Connect the layer itself instead."
        return f"{name} must name a layer of {' or '.join(others)}, such as {others[0]}:dense1. Name one."
    if role in lenders(graphs[lender]):
        return f"{role} and {lender} cannot lend weights to each other. Let only one of them lend."
    shape = _weight(graphs, layer)
    if isinstance(shape, str):
        return f"{name}: {shape}"
    if shape != layer.shape:
        return f"{name} says {layer.shape}, but {layer.of} has {shape}. Mirror anew, or name another layer."
    for taker in (graph[one] for one in graph.consumers[name]):
        other = graphs[lender][_place(graphs[lender], path)].layer
        if isinstance(taker.layer, Borrowing) and not taker.layer.takes_of(other):
            return f"{taker.id} cannot go through the weights of {layer.of}, {other.title.lower()}. Name another layer."
    return ""


def _weight(graphs: Mapping[str, Graph], layer: Lent) -> Shape | str:
    """Return the sizes of the weight that is lent, or why there is none."""
    role, path = layer.lender
    if role not in graphs:
        return f"There is no network {shortened(role)}."
    steps = {step.path: step for step in trace(graphs[role]).steps}
    if path not in steps:
        return f"There is no {shortened(path)} in {role}.{did_you_mean(path, steps)}"
    step = steps[path]
    if isinstance(step.layer, Lent) or not step.given or step.layer.kind not in ("dense", "conv2d"):
        return f"{layer.of} has no weights to lend. Name a dense layer or a convolution 2-D."
    weight: Any = blank(step.layer, step.given).weight
    return Shape(tuple(weight.shape), weight=True)


def _place(graph: Graph, path: str) -> str:
    """Return how a graph calls the layer whose module has this path."""
    return next(step.place for step in trace(graph).steps if step.path == path)
