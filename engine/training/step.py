"""One step of one network, from a loss to moved weights."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from engine.training.optimiser import moved
from engine.training.part import Part

Loss = Callable[[], torch.Tensor]  # works a loss out, with the weights as they are


def move(part: Part, loss: Loss, scaler: torch.amp.GradScaler | None = None) -> torch.Tensor:
    """Let one network's weights move, and return the loss that they moved by; one that rests only tells it."""
    if part.rests:
        with torch.no_grad():
            return loss()
    if isinstance(part.optimiser, torch.optim.LBFGS):
        return search(part, part.optimiser, loss)
    found = loss()
    descend(part, found, scaler)
    return found.detach()


def descend(part: Part, loss: torch.Tensor, scaler: torch.amp.GradScaler | None) -> None:
    """Step along the gradient of a loss."""
    one, pull = part.optimiser, part.pull
    for group in one.param_groups:
        for weight in group["params"]:
            weight.grad = None
    mine = {} if part.alone else {"inputs": list(moved([one]))}  # others' gradients are not asked for
    if scaler:
        scaler.scale(loss).backward(**mine)
        scaler.unscale_(one)
    else:
        loss.backward(**mine)
    if part.recipe.clip:
        nn.utils.clip_grad_norm_(list(moved([one])), part.recipe.clip)
    if pull and scaler and not _finite(one):
        pull = None  # the scaler leaves such a step out, and so does all that belongs to it
    if pull:
        pull.before()
    if scaler:
        scaler.step(one)
        scaler.update()
    else:
        part.step()
    if pull:
        pull.after()


def _finite(one: torch.optim.Optimizer) -> bool:
    gradients = [weight.grad for weight in moved([one]) if weight.grad is not None]
    return bool(torch.stack([gradient.isfinite().all() for gradient in gradients]).all())


def search(part: Part, one: torch.optim.LBFGS, loss: Loss) -> torch.Tensor:
    """Step as L-BFGS does, which asks for the loss several times; what pulls weights to zero is part of it."""
    asked: list[torch.Tensor] = []

    def closure() -> Any:
        one.zero_grad()
        found = loss()
        found.backward()
        asked.append(found.detach())
        return found + part.pull.penalty().to(found.device) if part.pull else found

    one.step(closure)
    return asked[0]
