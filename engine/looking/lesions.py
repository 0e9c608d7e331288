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


def without(session: Session, off: Sequence[str]) -> Session:
    """Return the session with these switched off: 'conv1' all of a layer, 'conv1:3' its fourth unit."""
    if not off:
        return session
    if (key := ("without", *off)) not in session.kept:
        for old in [key for key in session.kept if key[0] == "without"]:  # one copy of the network is enough
            del session.kept[old]
        maimed = session.still()
        graphs = session.network.experiment.graphs
        units_off = parsed(graphs, off)
        for role, graph in graphs.items():
            for step in steps(graph):  # of a block that repeats, in every turn
                here, every = (address(role, path, graphs) for path in (step.path, step.place))
                if (units := units_off.get(here, units_off.get(every))) is not None:
                    module = node(maimed.network.networks[role], step.path)
                    module.register_forward_hook(_hook(units, unit_axes(graph)[step.path]))
        session.kept[key] = maimed
    return session.kept[key]


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
