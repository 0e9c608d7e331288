"""One step of one optimiser, from a loss to moved weights."""

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from engine.training.optimiser import moved, pull

if TYPE_CHECKING:
    from engine.training.learner import Learner


def descend(learner: "Learner", role: str, one: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    """Step along the gradient of a loss."""
    for group in one.param_groups:
        for weight in group["params"]:
            weight.grad = None
    if learner.scaler:
        learner.scaler.scale(loss).backward()
        learner.scaler.unscale_(one)
    else:
        loss.backward()
    if learner.recipe.clip:
        nn.utils.clip_grad_norm_(list(moved([one])), learner.recipe.clip)
    if learner.recipe.decay or learner.recipe.l1:
        pull(one, learner.recipe)
    if learner.scaler:
        learner.scaler.step(one)
        learner.scaler.update()
    else:
        learner.steps[role]()


def search(learner: "Learner", one: torch.optim.LBFGS, inputs: torch.Tensor, targets: torch.Tensor) -> None:
    """Step as L-BFGS does, which asks for the loss several times."""

    def closure() -> Any:
        one.zero_grad()
        turn = next(iter(learner.task.turns(learner.networks, inputs, targets)))
        turn.loss.backward()
        if learner.recipe.decay or learner.recipe.l1:
            pull(one, learner.recipe)
        return turn.loss

    one.step(closure)
