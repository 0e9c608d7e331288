"""One step of one optimiser, from a loss to moved weights."""

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from engine.tasks import Turn
from engine.training.optimiser import moved

if TYPE_CHECKING:
    from engine.training.learner import Learner


def move(
    learner: "Learner", turn: Turn, one: torch.optim.Optimizer, inputs: torch.Tensor, targets: torch.Tensor
) -> None:
    """Let one network's weights move by its turn."""
    if isinstance(one, torch.optim.LBFGS):
        search(learner, turn.role, one, inputs, targets)
    else:
        descend(learner, turn.role, one, turn.loss)


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
    pull = learner.pulls[role]
    if pull and learner.scaler and not _finite(one):
        pull = None  # the scaler leaves such a step out, and so does all that belongs to it
    if pull:
        pull.before()
    if learner.scaler:
        learner.scaler.step(one)
        learner.scaler.update()
    else:
        learner.steps[role]()
    if pull:
        pull.after()


def _finite(one: torch.optim.Optimizer) -> bool:
    gradients = [weight.grad for weight in moved([one]) if weight.grad is not None]
    return bool(torch.stack([gradient.isfinite().all() for gradient in gradients]).all())


def search(learner: "Learner", role: str, one: torch.optim.LBFGS, inputs: torch.Tensor, targets: torch.Tensor) -> None:
    """Step as L-BFGS does, which asks for the loss several times; what pulls weights to zero is part of it."""
    pull = learner.pulls[role]

    def closure() -> Any:
        one.zero_grad()
        turn = next(iter(learner.task.turns(learner.networks, inputs, targets)))
        turn.loss.backward()
        return turn.loss + pull.penalty().to(turn.loss.device) if pull else turn.loss

    one.step(closure)
