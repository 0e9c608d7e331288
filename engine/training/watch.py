"""Watchers: what one step did inside every node; they read, and change nothing."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from engine.graph.capture import Look, hooked
from engine.training.learner import Learner

BINS = 32
FEW = 1_000  # weights


@dataclass
class Watched:
    """What one step did: by node, numbers by name, and histograms as counts, lowest and highest value."""

    step: int = 0
    seconds: float = 0.0  # that looking took, beside the step itself
    numbers: dict[str, dict[str, float]] = field(default_factory=dict)
    histograms: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    weights: dict[str, torch.Tensor] = field(default_factory=dict)  # by parameter, of small networks only

    def __bool__(self) -> bool:
        return bool(self.numbers)


@contextmanager
def watching(learner: Learner) -> Generator[Watched, None, None]:
    """While entered, one step is taken and watched; afterwards the result holds what it did in every node."""
    found, began = Watched(), time.perf_counter()
    activations: dict[str, dict[str, torch.Tensor]] = {}
    before = {name: p.detach().clone() for name, p in _named(learner)}
    with hooked([(node, _look(name, activations, found)) for name, node in nodes(learner)]):
        ready = time.perf_counter()
        yield found
    done = time.perf_counter()
    with torch.no_grad():
        found.weights = _weights(learner)
        _fetch(found, {name: _measure(name, node, before, activations) for name, node in nodes(learner)})
    found.step = learner.step
    found.seconds += ready - began + time.perf_counter() - done


def nodes(learner: Learner) -> Generator[tuple[str, nn.Module], None, None]:
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
    for name, node in nodes(learner):
        for inner, parameter in node.named_parameters():
            yield f"{name}/{inner}", parameter


def _weights(learner: Learner) -> dict[str, torch.Tensor]:
    """Return copies of all weights by name, where they are few enough to be kept with every look."""
    every = {f"{n.replace('/', '.')}": p for n, p in _named(learner)}
    few = sum(p.numel() for p in every.values()) <= FEW
    return {name: p.detach().float().cpu().clone() for name, p in every.items()} if few else {}


def _look(name: str, activations: dict[str, dict[str, torch.Tensor]], watched: Watched) -> Look:
    def look(output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.is_floating_point():
            began = time.perf_counter()
            values = output.detach().float()
            mean, deviation, silent = gist(values)
            activations[name] = {
                "activation mean": mean,
                "activation deviation": deviation,
                "dead units": silent,
                "of activations": _histogram(values),
            }
            watched.seconds += time.perf_counter() - began

    return look


def gist(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return mean and deviation of what a node gave, and the share of units at or below zero for the whole batch."""
    units = values.flatten(2).amax(dim=2) if values.dim() > 2 else values
    return values.mean(), values.std(correction=0), (units.amax(dim=0) <= 0).float().mean()


def _measure(
    name: str, node: nn.Module, before: dict[str, torch.Tensor], activations: dict[str, dict[str, torch.Tensor]]
) -> dict[str, torch.Tensor]:
    """Return numbers by name, and under 'of …' histograms."""
    found = dict(activations.get(name, {}))
    weights = list(node.named_parameters())
    gradients = [p.grad.flatten().float() for _, p in weights if p.grad is not None]
    if weights:
        old = torch.cat([before[f"{name}/{inner}"].flatten() for inner, _ in weights]).float()
        new = torch.cat([p.detach().flatten() for _, p in weights]).float()
        found["weight norm"] = new.norm()
        found["update ratio"] = (new - old).norm() / old.norm().clamp_min(1e-12)
        found["of weights"] = _histogram(new)
    if gradients:
        every = torch.cat(gradients)
        found |= {"gradient norm": every.norm(), "gradient mean": every.abs().mean()}
        found["of gradients"] = _histogram(every)
    return found


def _histogram(values: torch.Tensor) -> torch.Tensor:
    """Return counts in equal bins, then the lowest and the highest value."""
    values = values.flatten()
    low, high = values.aminmax()
    if not torch.isfinite(low + high):
        return torch.full((BINS + 2,), torch.nan, device=values.device)
    counts = torch.histc(values, BINS) if low < high else torch.histc(values, BINS, low.item() - 0.5, high.item() + 0.5)
    return torch.cat([counts, torch.stack([low, high])])


def _fetch(found: Watched, measured: dict[str, dict[str, torch.Tensor]]) -> None:
    """Bring everything from the device at once."""
    places = [(node, what) for node, things in measured.items() for what in things]
    if not places:
        return
    flat = torch.cat([measured[node][what].detach().float().reshape(-1) for node, what in places]).tolist()
    at = 0
    for node, what in places:
        size = measured[node][what].numel()
        if what.startswith("of "):
            found.histograms.setdefault(node, {})[what.removeprefix("of ")] = flat[at : at + size]
        else:
            found.numbers.setdefault(node, {})[what] = flat[at]
        at += size
