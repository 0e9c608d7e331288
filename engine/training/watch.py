"""Watchers: what one step did inside every node; they read, and change nothing."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from engine.training.learner import Learner

Watched = dict[str, dict[str, float]]  # by node: what was measured


@contextmanager
def watching(learner: Learner) -> Generator[Watched, None, None]:
    """While entered, one step is taken and watched; afterwards the result holds what it did in every node."""
    found: Watched = {}
    activations: dict[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = {}
    before = {name: p.detach().clone() for name, p in _named(learner)}
    handles = [node.register_forward_hook(_look(name, activations)) for name, node in _nodes(learner)]
    try:
        yield found
        measured = {name: _measure(name, node, before, activations) for name, node in _nodes(learner)}
    finally:
        for handle in handles:
            handle.remove()
    _fetch(found, measured)


def _nodes(learner: Learner) -> Generator[tuple[str, nn.Module], None, None]:
    """Yield the modules of layers, with the names of their nodes; of several networks, role first."""
    many = len(learner.networks) > 1
    for role, network in learner.networks.items():
        for name, module in network.named_modules():
            if type(module).__module__ != "engine.graph.network" and name and _is_node(network, name):
                yield f"{role}.{name}" if many else name, module


def _is_node(network: nn.Module, name: str) -> bool:
    """Return whether a module is a layer's own, rather than a repeat's list or a part of a layer."""
    parent = network.get_submodule(name.rpartition(".")[0])
    if isinstance(network.get_submodule(name), nn.Sequential):
        return False
    return type(parent).__module__ == "engine.graph.network"


def _named(learner: Learner) -> Generator[tuple[str, nn.Parameter], None, None]:
    for name, node in _nodes(learner):
        for inner, parameter in node.named_parameters():
            yield f"{name}/{inner}", parameter


def _look(name: str, activations: dict[str, Any]) -> Any:
    def look(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.is_floating_point():
            values = output.detach().float()
            units = values.flatten(2).amax(dim=2) if values.dim() > 2 else values
            silent = (units.amax(dim=0) <= 0).float().mean()  # units that stayed at or below zero for the whole batch
            activations[name] = (values.mean(), values.std(), silent)

    return look


def _measure(
    name: str, node: nn.Module, before: dict[str, torch.Tensor], activations: dict[str, Any]
) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    if name in activations:
        mean, deviation, silent = activations[name]
        found |= {"activation mean": mean, "activation deviation": deviation, "dead units": silent}
    weights = list(node.named_parameters())
    gradients = [p.grad.flatten().float() for _, p in weights if p.grad is not None]
    if weights:
        old = torch.cat([before[f"{name}/{inner}"].flatten() for inner, _ in weights]).float()
        new = torch.cat([p.detach().flatten() for _, p in weights]).float()
        found["weight norm"] = new.norm()
        found["update ratio"] = (new - old).norm() / old.norm().clamp_min(1e-12)
    if gradients:
        every = torch.cat(gradients)
        found |= {"gradient norm": every.norm(), "gradient mean": every.abs().mean()}
    return found


def _fetch(found: Watched, measured: dict[str, dict[str, torch.Tensor]]) -> None:
    """Bring all numbers from the device at once."""
    places = [(node, what) for node, numbers in measured.items() for what in numbers]
    if not places:
        return
    values = torch.stack([measured[node][what].detach() for node, what in places]).tolist()
    for (node, what), value in zip(places, values, strict=True):
        found.setdefault(node, {})[what] = value
