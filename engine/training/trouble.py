"""Trouble: where a loss that is no longer a number came from, found by living the last moments again."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from engine.graph.capture import Look, hooked
from engine.training.address import address, role_of, weights
from engine.training.learner import Learner
from engine.training.twin import copied

LARGE = 50 * 2**20  # bytes from which on keeping a copy takes a while
EXPLODED = 10  # a step this many times longer than the weights it moves


class Keepsake:
    """A copy of a learner's state from when all was well."""

    def __init__(self, learner: Learner):
        self.at = 0.0
        size = sum(p.nbytes for network in learner.networks.values() for p in network.parameters())
        self.rest = 0.0 if size < LARGE else 20.0
        self.renew(learner)

    def renew(self, learner: Learner, now: bool = False) -> None:
        """Copy the state: now, or where it is large, now and then."""
        if now or time.monotonic() - self.at >= self.rest:
            self.state, self.at = copied(learner.state()), time.monotonic()


def trouble(learner: Learner, keepsake: Keepsake) -> str:
    """Return in words at which step and node numbers first went wrong; leaves the learner there."""
    end = learner.step
    learner.restore(copied(keepsake.state))
    learner.enter()
    exploded = ""
    while not learner.finished and learner.step < end:
        for inputs, targets in learner.batches():
            sizes = _sizes(learner)
            with first_bad_output(learner.networks) as bad:
                learner.advance(inputs, targets)
            if bad:
                learner.leave()
                before = f" {exploded}" if exploded else ""
                return f"At step {learner.step}, {bad[0]} gave numbers that are not finite.{before} {CURE}"
            exploded = exploded or _exploded(learner, sizes)
            if not all(torch.isfinite(losses[-1][1]) for losses in learner.losses.values() if losses):
                learner.leave()
                return f"The loss of step {learner.step} is not finite. {exploded} {CURE}".replace("  ", " ")
        learner.end_epoch()
    learner.leave()
    return f"The loss became infinite or no number. {CURE}"


CURE = "Lower the rate, clip the gradient, or begin with smaller weights; the run can go on from an earlier step."


@contextmanager
def first_bad_output(networks: dict[str, nn.Module]) -> Generator[list[str], None, None]:
    """While entered, note the first node whose output is not finite."""
    bad: list[str] = []

    def watch(name: str) -> Look:
        def look(output: Any) -> None:
            if not bad and isinstance(output, torch.Tensor) and not torch.isfinite(output).all():
                bad.append(name)

        return look

    named = [
        (address(role, name, networks), m) for role, n in networks.items() for name, m in n.named_modules() if name
    ]
    inside = "parametrizations"  # of a module whose weight is normed
    leaves = [
        (name, module)
        for name, module in named
        if inside not in name.split(".") and all(child == inside for child, _ in module.named_children())
    ]
    with hooked([(module, watch(name)) for name, module in leaves]):
        yield bad


def _sizes(learner: Learner) -> dict[str, float]:
    """Return how long each weight matrix is."""
    return {
        name: parameter.detach().norm().item() for name, parameter in weights(learner.networks) if parameter.dim() >= 2
    }


def _exploded(learner: Learner, sizes: dict[str, float]) -> str:
    """Return which node's last step was out of all proportion to its weights before, if any."""
    for name, parameter in weights(learner.networks):
        if parameter.grad is None or name not in sizes:
            continue
        length = parameter.grad.norm().item()
        rate = learner.rate_at(learner.step, learner.parts[role_of(name, learner.task.roles)].recipe)
        if not rate * length <= EXPLODED * max(sizes[name], 1e-6):
            node = name.rpartition(".")[0]
            return f"The gradient of {node} had exploded at step {learner.step} (length {length:.3g})."
    return ""
