"""One step of a network, or of several by one loss, from the loss to moved weights."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from engine.tasks.task import Turn
from engine.training.optimiser import moved
from engine.training.part import Part

Loss = Callable[[], torch.Tensor]  # works a loss out, with the weights as they are


def move(parts: Sequence[Part], loss: Loss, scaler: torch.amp.GradScaler | None = None) -> torch.Tensor:
    """Let the weights of networks move by one loss, and return it; those that rest only take part in it.

    Where a line is searched, each network searches its own, one behind the other.
    """
    moving = [part for part in parts if not part.rests]
    if not moving:
        with torch.no_grad():
            return loss()
    told = [search(part, part.optimiser, loss) for part in moving if isinstance(part.optimiser, torch.optim.LBFGS)]
    if len(told) < len(moving):
        told.append(found := loss())
        descend([part for part in moving if not isinstance(part.optimiser, torch.optim.LBFGS)], found, scaler)
    return told[0].detach()


def take(turn: Turn, parts: Sequence[Part], loss: Loss, scaler: torch.amp.GradScaler | None) -> torch.Tensor:
    """Take a turn with the networks that move in it, and all that follows upon that; return its loss."""
    found = move(parts, loss, scaler)
    if turn.after:
        turn.after()
    for part in parts:
        part.trail()
    return found


def descend(parts: Sequence[Part], loss: torch.Tensor, scaler: torch.amp.GradScaler | None) -> None:
    """Step along the gradient of a loss."""
    for part in parts:
        for group in part.optimiser.param_groups:
            for weight in group["params"]:
                weight.grad = None
    alone = len(parts) == len(parts[0].roles)  # else others' gradients are not asked for
    mine = {} if alone else {"inputs": list(moved([part.optimiser for part in parts]))}
    if scaler:
        scaler.scale(loss).backward(**mine)
    else:
        loss.backward(**mine)
    for part in parts:
        _step(part, scaler)
    if scaler:
        scaler.update()


def _step(part: Part, scaler: torch.amp.GradScaler | None) -> None:
    """Step along the gradient that a network's weights have."""
    one, pull = part.optimiser, part.pull
    if scaler:
        scaler.unscale_(one)
    if part.recipe.clip:
        nn.utils.clip_grad_norm_(list(moved([one])), part.recipe.clip)
    if pull and scaler and not _finite(one):
        pull = None  # the scaler leaves such a step out, and so does all that belongs to it
    if pull:
        pull.before()
    if scaler:
        scaler.step(one)
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
