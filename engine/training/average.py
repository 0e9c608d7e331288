"""Average: weights that follow a network's own from far, and answer in their place whenever it is asked at rest."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

FOUND = "parametrizations."  # a norm's directions are of length 1, which means of them are not: the latest are kept
HUNG = "_average"  # what it is called there: no node can be


class Average:
    """A moving average of a network's weights and of what its normalisation has gathered.

    It hangs on the network, so that whoever lets that rest lets the average answer, copies of it included.
    """

    def __init__(self, network: nn.Module, share: float):
        self.share = share  # how much of it stays at each step; less in the first ones
        self.steps = 0
        self.answers = False  # whether it stands in the network's place now, which then lies here
        self.idle = False  # whether it is to be left out for now, since somebody asks about what learns
        self.kept = {name: value.detach().clone() for name, value in _numbers(network)}

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        """Take in the weights as they are after a step; the first count for more, else it would remember its start."""
        stays = min(self.share, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        every = _numbers(network)
        torch._foreach_lerp_(list(self.kept.values()), [value for _, value in every], 1 - stays)
        for name, value in every:
            if FOUND in name and not isinstance(value, nn.Parameter):
                self.kept[name].copy_(value)

    @torch.no_grad()
    def swap(self, network: nn.Module) -> None:
        """Stand in the network's place, or go back from there."""
        for name, value in _numbers(network):
            self.kept[name], value.data = value.data, self.kept[name]
        self.answers = not self.answers

    def state(self) -> dict[str, Any]:
        """Return what going on needs."""
        return {"steps": self.steps, "kept": self.kept}

    @torch.no_grad()
    def restore(self, network: nn.Module, state: Mapping[str, Any]) -> None:
        """Become what a state says; of what it does not know, the weights as they are."""
        known = state.get("kept", {})
        self.steps = int(state.get("steps", 0))
        for name, value in _numbers(network):
            there = name in known and known[name].shape == value.shape
            self.kept[name] = (known[name] if there else value).detach().to(value.device, copy=True)


def _numbers(network: nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Return what can be averaged: weights and gathered statistics, but no counters."""
    every = [*network.named_parameters(), *network.named_buffers()]
    return [(name, value) for name, value in every if value.is_floating_point()]


def average_of(network: nn.Module) -> Average | None:
    """Return the average that hangs on a network, if any."""
    return vars(network).get(HUNG)


def hang(network: nn.Module, share: float | None) -> None:
    """Let an average follow the network from now on, as closely as told, or none any more."""
    average = average_of(network)
    if share is None:
        vars(network).pop(HUNG, None)
    elif average:
        average.share = share
    else:
        vars(network)[HUNG] = Average(network, share)


@contextmanager
def idle(networks: Mapping[str, nn.Module]) -> Generator[None, None, None]:
    """While entered, networks answer by the weights that learn, even at rest."""
    every = [average for network in networks.values() if (average := average_of(network)) and not average.idle]
    for average in every:
        average.idle = True
    try:
        yield
    finally:
        for average in every:
            average.idle = False


def averages(networks: Mapping[str, nn.Module]) -> dict[str, dict[str, Any]]:
    """Return all averages by role, as a checkpoint keeps them."""
    return {role: found.state() for role, network in networks.items() if (found := average_of(network))}


def answering(state: Mapping[str, Any]) -> dict[str, dict[str, torch.Tensor]]:
    """Return of a learner's state the weights, by role, that answer: averages, where they are kept."""
    kept = state.get("averages", {})
    return {role: {**weights, **kept.get(role, {}).get("kept", {})} for role, weights in state["networks"].items()}
