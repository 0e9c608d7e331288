"""Lending: layers of one network that go through the weights of another's."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.graph import edits
from engine.graph.graph import Graph
from engine.graph.network import Network
from engine.graph.trace import Step, borrowed, lenders, trace
from engine.layers.base import Shape, blank
from engine.layers.entry import Lent
from engine.layers.tied import Borrowing
from engine.registry import did_you_mean, shortened

LENDING = ("dense", "conv2d")  # the kinds of layer that lend their weights


def networks(graphs: Mapping[str, Graph], roles: Iterable[str], bring: Callable[[Network], Any]) -> dict[str, Any]:
    """Return the networks of these roles, brought to where they are to be; weights are lent from one to another."""
    made = {role: bring(Network(graphs[role])) for role in roles}
    for network in made.values():
        asked = {layer.of: layer.lender for layer in borrowed(network.graph).values()}
        if asked:
            network.borrow({of: made[role].get_submodule(path) for of, (role, path) in asked.items()})
    return made


def lent_weights(network: Network) -> dict[str, Any]:
    """Return the weights that others lend a network, by their addresses."""
    return {of: module.weight for of, (module, _) in zip(network.asks, network.lent, strict=True)}


def following(graphs: Mapping[str, Graph]) -> dict[str, Graph]:
    """Return the graphs, in which what is lent has the sizes of the layers whose it is, as far as there are such."""
    found = dict(graphs)
    for role, graph in graphs.items():
        for name, layer in borrowed(graph).items():
            step = _lent_by(graphs, layer)
            if not isinstance(step, str) and (shape := _weight(step)) != layer.shape:
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
    (lender, _), graph = layer.lender, graphs[role]
    if lender not in graphs or lender == role:
        others = [one for one in graphs if one != role]
        if not others:
            return f"{name} is for weights of another network, and there is none. Connect the layer itself instead."
        return f"{name} must name a layer of {' or '.join(others)}, such as {others[0]}:dense1. Name one."
    if role in lenders(graphs[lender]):
        return f"{role} and {lender} cannot lend weights to each other. Let only one of them lend."
    step = _lent_by(graphs, layer)
    if isinstance(step, str):
        return f"{name}: {step}"
    if (shape := _weight(step)) != layer.shape:
        return f"{name} says {layer.shape}, but {layer.of} has {shape}. Mirror anew, or name another layer."
    for taker in (graph[one] for one in graph.consumers[name]):
        if isinstance(taker.layer, Borrowing) and not taker.layer.takes_of(step.layer):
            what = step.layer.title.lower()
            return f"{taker.id} cannot go through the weights of {layer.of}, {what}. Name another layer."
    return ""


def _lent_by(graphs: Mapping[str, Graph], layer: Lent) -> Step | str:
    """Return the layer that lends, as data meets it, or why there is none."""
    role, path = layer.lender
    if role not in graphs:
        return f"There is no network {shortened(role)}."
    steps = {step.path: step for step in trace(graphs[role]).steps}
    if path not in steps:
        return f"There is no {shortened(path)} in {role}.{did_you_mean(path, steps)}"
    if steps[path].layer.kind not in LENDING:
        return f"{layer.of} has no weights to lend. Name a dense layer or a convolution 2-D."
    return steps[path]


def _weight(step: Step) -> Shape:
    """Return the sizes of the weight that a layer lends."""
    module: Any = blank(step.layer, step.given)
    return Shape(tuple(module.weight.shape), weight=True)
