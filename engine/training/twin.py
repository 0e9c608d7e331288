"""Twin: a copy of a learner that takes the steps which the other would take next, so that they are seen beforehand."""

import copy
from collections.abc import Iterator
from typing import Any

import torch

from engine.training.average import average_of
from engine.training.learner import Learner
from engine.training.memory import hold_again
from engine.training.part import Part


def copied(value: Any) -> Any:
    """Return a copy of nested values, tensors included."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


def twin(learner: Learner) -> Learner:
    """Return a learner that stands where another one stands, on the same data, and goes on without it."""
    other = copy.copy(learner)
    other.networks = copy.deepcopy(learner.networks)  # in one piece, for one may go through another's weights
    other.parts, other.sprint, other.lasting = {}, None, {}
    for role, network in other.networks.items():
        network.train()  # whoever looks may have found it at rest,
        average = average_of(network)
        if average and average.answers:  # and its average in its place
            average.swap(network)
        part = Part(network, role, learner.task.roles, learner.recipe, learner.place.device)
        part.restore(copied(learner.parts[role].optimiser.state_dict()), average.state() if average else {})
        part.called = learner.parts[role].called
        other.parts[role] = part
    other.scaler = learner.place.scaler()
    if other.scaler and learner.scaler:
        other.scaler.load_state_dict(learner.scaler.state_dict())
    other.take_losses()
    return other


def following(learner: Learner) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the batches that come next, epoch after epoch, for whoever takes a step with each."""
    while True:
        if learner.epoch_over:
            learner.epoch, learner.seen = learner.epoch + 1, 0
            hold_again(learner.networks, {})
        yield from learner.batches()
