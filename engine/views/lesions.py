"""Lesions: a network with layers, or single units of them, switched off; the network itself stays as it is."""

from collections.abc import Callable, Sequence

import torch

from engine.errors import VitrineError
from engine.graph.capture import node
from engine.graph.units import number_of_units, unit_axes
from engine.views.session import Session
from engine.views.shared import steps


def without(session: Session, off: Sequence[str]) -> Session:
    """Return the session with these switched off: 'conv1' all of a layer, 'conv1:3' its fourth unit."""
    if not off:
        return session
    if (key := ("without", *off)) not in session.kept:
        for old in [key for key in session.kept if key[0] == "without"]:  # one copy of the network is enough
            del session.kept[old]
        maimed = session.still()
        network = maimed.network.networks["network"]
        graph, off_units = session.experiment.graph, parsed(session, off)
        for step in steps(graph):  # of a block that repeats, in every turn
            if (units := off_units.get(step.path, off_units.get(step.place))) is not None:
                node(network, step.path).register_forward_hook(_hook(units, unit_axes(graph)[step.path]))
        session.kept[key] = maimed
    return session.kept[key]


def parsed(session: Session, off: Sequence[str]) -> dict[str, list[int]]:
    """Return which units of which layers are meant; none listed means all."""
    sizes = {}
    for step in steps(session.experiment.graph):
        sizes[step.path] = sizes.setdefault(step.place, number_of_units(step, session.experiment.graph))
    found: dict[str, list[int]] = {}
    for words in off:
        name, _, unit = words.strip().partition(":")
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


def _hook(units: list[int], along: int) -> Callable[..., torch.Tensor]:
    return lambda module, inputs, output: silenced(output, units, along)
