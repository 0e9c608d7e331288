"""Lesions: a network with layers, or single units of them, switched off; the network itself stays as it is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from engine.errors import VitrineError
from engine.graph.capture import node
from engine.graph.graph import Graph
from engine.graph.units import number_of_units, unit_axes
from engine.looking.session import Session
from engine.looking.shared import steps
from engine.training.address import address, place

# In the order in which torch lays out their weights; what is no gate has no name.
GATES = {"lstm": ("input", "forget", "", "output"), "gru": ("reset", "update", "")}
OPEN = {
    "input": 50.0,
    "forget": 50.0,
    "output": 50.0,
    "reset": 50.0,
    "update": -50.0,
}  # an update gate shuts the new out


def without(session: Session, off: Sequence[str]) -> Session:
    """Return the session with these switched off: 'conv1' all of a layer, 'conv1:3' its fourth unit, 'lstm:forget' a
    gate, which then stands open.
    """
    if not off:
        return session
    if (key := ("without", *off)) not in session.kept:
        for old in [key for key in session.kept if key[0] == "without"]:  # one copy of the network is enough
            del session.kept[old]
        maimed = session.still()
        graphs = session.network.experiment.graphs
        known = {address(role, path, graphs) for role, graph in graphs.items() for path in _paths(graph)}
        gates = {words.strip() for words in off if ":" in words and words.strip().rpartition(":")[2] in OPEN} - known
        units_off = parsed(graphs, [words for words in off if words.strip() not in gates])
        layers = parsed(graphs, [words.rpartition(":")[0] for words in gates])
        opened: dict[str, list[str]] = {name: [] for name in layers}
        for words in sorted(gates):
            opened[words.rpartition(":")[0].strip()].append(words.rpartition(":")[2])
        for role, graph in graphs.items():
            for step in steps(graph):  # of a block that repeats, in every turn
                here, every = (address(role, path, graphs) for path in (step.path, step.place))
                for gate in opened.get(here, opened.get(every, [])):
                    stand_open(node(maimed.network.networks[role], step.path), here, gate)
                if (units := units_off.get(here, units_off.get(every))) is not None:
                    module = node(maimed.network.networks[role], step.path)
                    module.register_forward_hook(_hook(units, unit_axes(graph)[step.path]))
        session.kept[key] = maimed
    return session.kept[key]


def _paths(graph: Graph) -> set[str]:
    """Return what layers are called: as modules and as the graph does."""
    return {name for step in steps(graph) for name in (step.path, step.place)}


def parsed(graphs: Mapping[str, Graph], off: Sequence[str]) -> dict[str, list[int]]:
    """Return which units of which layers are meant, by address; none listed means all."""
    sizes, roles = dict[str, int](), list(graphs)
    for role, graph in graphs.items():
        for step in steps(graph):
            size = sizes.setdefault(address(role, step.place, graphs), number_of_units(step, graph))
            sizes[address(role, step.path, graphs)] = size
    found: dict[str, list[int]] = {}
    for words in off:
        role, path = place(words.strip(), roles) if len(roles) > 1 else (roles[0], words.strip())
        name, _, unit = path.partition(":")
        name = address(role, name, roles)
        if name not in sizes:
            raise VitrineError(f"There is no layer {name!r} to switch off.", cure="Write a layer, or one of its units.")
        if not unit:
            found[name] = []
            continue
        if not unit.isdecimal() or int(unit) >= sizes[name]:
            raise VitrineError(f"{name} has units 0 to {sizes[name] - 1}; received {unit[:30]!r}.")
        if found.get(name) != []:
            found.setdefault(name, []).append(int(unit))
    return found


def gates_of(kind: str) -> tuple[str, ...]:
    """Return the gates that cells of a kind of layer have."""
    return tuple(gate for gate in GATES.get(kind, ()) if gate)


def stand_open(module: nn.Module, name: str, gate: str) -> None:
    """Let a gate of a recurrent layer stand open whatever comes in: nothing weighs, and its bias holds it."""
    cell: Any = getattr(module, "cell", None)
    order = GATES.get(getattr(cell, "mode", "").lower(), ())
    if gate not in order:
        have = ", ".join(filter(None, order)) or "no gates"
        raise VitrineError(f"{name} has no {gate} gate.", cure=f"It has: {have}.")
    if not cell.bias:
        raise VitrineError(f"{name} has no biases, which could hold a gate open.", cure="Switch off units.")
    units, place = cell.hidden_size, order.index(gate)
    rows = slice(place * units, (place + 1) * units)
    with torch.no_grad():
        for weight, values in cell.named_parameters():
            values[rows] = OPEN[gate] if "bias_ih" in weight else 0.0


def silenced(output: torch.Tensor, units: list[int], along: int = 0) -> torch.Tensor:
    """Return what a layer gives without some of its units, which lie along an axis; none listed means all."""
    if not units:
        return torch.zeros_like(output)
    axis = 1 + along
    kept = torch.ones(output.shape[axis], dtype=output.dtype, device=output.device)
    kept[units] = 0
    return output * kept.reshape([-1 if place == axis else 1 for place in range(output.dim())])


def _hook(units: list[int], along: int) -> Callable[..., Any]:
    def hook(module: nn.Module, inputs: Any, output: Any) -> Any:
        if isinstance(output, tuple):  # what is handed on beside the values stays
            return silenced(output[0], units, along), *output[1:]
        return silenced(output, units, along)

    return hook
