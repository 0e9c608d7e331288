"""Watchers: what one step did inside every node; they read, and change nothing."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from engine.graph.capture import Look, hooked
from engine.graph.units import unit_axes
from engine.training.address import address, role_of
from engine.training.average import idle
from engine.training.evaluating import evaluating
from engine.training.learner import Learner

BINS = 32
FEW = 1_000  # weights
MORE = 3  # batches, besides the one that is learned, in which a unit must be silent to be dead,
MOST = 1_024  # and how many examples they have at most


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
    quiet, given, axes = _silent(learner), {}, axes_of(learner)
    handles = [p.register_post_accumulate_grad_hook(_keep(given, name, learner)) for name, p in _named(learner)]
    with (
        _released(handles),
        hooked([(node, _look(name, axes.get(name, 0), activations, quiet, found)) for name, node in nodes(learner)]),
    ):
        ready = time.perf_counter()
        yield found
    done = time.perf_counter()
    with torch.no_grad():
        found.weights = _weights(learner)
        named = nodes(learner)
        clipped = {role: _clipped(learner, role, given) for role in learner.networks}
        measured = {
            name: _measure(name, node, before, given, activations, clipped[role_of(name, learner.task.roles)])
            for name, node in named
        }
        _fetch(found, measured)
    found.step = learner.step
    found.seconds += ready - began + time.perf_counter() - done


@contextmanager
def _released(handles: list[Any]) -> Generator[None, None, None]:
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _keep(given: dict[str, torch.Tensor], name: str, learner: Learner) -> Any:
    """Return what keeps a parameter's gradient as backpropagation gives it, before anything is done to it."""
    scale = learner.scaler.get_scale() if learner.scaler else 1.0

    def keep(parameter: torch.Tensor) -> None:
        if name not in given and parameter.grad is not None:  # where a line is searched, of its beginning
            given[name] = parameter.grad.detach().clone() / scale if scale != 1.0 else parameter.grad.detach().clone()

    return keep


def _silent(learner: Learner) -> dict[str, torch.Tensor]:
    """Return which units of each node are silent for all of some training examples, as the network stands."""
    found: dict[str, torch.Tensor] = {}

    def look(name: str) -> Look:
        def note(output: Any) -> None:
            if isinstance(output, torch.Tensor) and output.is_floating_point():
                mask = silent(output.detach(), axes.get(name, 0))
                found[name] = found[name] & mask if name in found else mask

        return note

    axes = axes_of(learner)
    some = learner.train.inputs[: min(MOST, MORE * learner.batch_size)]
    looks = [(node, look(name)) for name, node in nodes(learner)]
    with hooked(looks), idle(learner.networks), evaluating(learner.networks), learner.place.precision():
        for piece in learner.pieces(some):
            learner.answer(piece)
    return found


def nodes(learner: Learner) -> Generator[tuple[str, nn.Module], None, None]:
    """Yield the modules of layers, with the names of their nodes; of several networks, role first."""
    for role, network in learner.networks.items():
        for name, module in network.named_modules():
            if type(module).__module__ != "engine.graph.network" and name and _is_node(network, name):
                yield address(role, name, learner.networks), module


def axes_of(learner: Learner) -> dict[str, int]:
    """Return along which axis the units of each node lie, by the names that `nodes` gives."""
    graphs = learner.experiment.graphs
    return {
        address(role, path, learner.networks): axis
        for role in learner.networks
        for path, axis in unit_axes(graphs[role]).items()
    }


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


def _look(
    name: str,
    along: int,
    activations: dict[str, dict[str, torch.Tensor]],
    others: dict[str, torch.Tensor],
    watched: Watched,
) -> Look:
    def look(output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.is_floating_point():
            began = time.perf_counter()
            values = output.detach().float()
            mean, deviation, quiet = gist(values, along)
            activations[name] = {
                "activation mean": mean,
                "activation deviation": deviation,
                "dead units": (quiet & others[name]).float().mean() if name in others else quiet.float().mean(),
                "of activations": _histogram(values),
            }
            watched.seconds += time.perf_counter() - began

    return look


def gist(values: torch.Tensor, along: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return mean and deviation of what a node gave, and which of its units are silent."""
    return values.mean(), values.std(correction=0), silent(values, along)


def silent(values: torch.Tensor, along: int) -> torch.Tensor:
    """Return which units, which lie along an axis, are at or below zero for every example and at every place."""
    return values.movedim(1 + along, 0).flatten(1).amax(dim=1) <= 0


def _clipped(learner: Learner, role: str, given: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return which share of a network's gradient clipping leaves, which goes by the length of all of it."""
    mark = address(role, "", learner.networks)
    lengths = [gradient.float().norm() for name, gradient in given.items() if name.startswith(mark)]
    clip = learner.parts[role].recipe.clip
    if not clip or not lengths:
        return torch.ones((), device=learner.place.device)
    return (clip / (torch.stack(lengths).norm() + 1e-6)).clamp(max=1.0)


def _measure(
    name: str,
    node: nn.Module,
    before: dict[str, torch.Tensor],
    given: dict[str, torch.Tensor],
    activations: dict[str, dict[str, torch.Tensor]],
    clipped: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Return numbers by name, and under 'of …' histograms; gradients as backpropagation gave them."""
    found = dict(activations.get(name, {}))
    weights = list(node.named_parameters())
    gradients = [given[kept].flatten().float() for inner, _ in weights if (kept := f"{name}/{inner}") in given]
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
        found["clipped gradient"] = every.norm() * clipped
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
