"""Branches: a learner that begins where another one stood, with something changed."""

from typing import Any

import torch

from engine.errors import VitrineError
from engine.training.learner import Learner
from engine.training.memory import hold_again
from engine.training.recipe import Recipe


def adopt(learner: Learner, state: dict[str, Any]) -> list[str]:
    """Begin with the weights and the place of another learner's state; return the weights that begin anew.

    Where nothing was changed, going on equals the other's going on, to the last bit.
    """
    fresh = [name for role, network in learner.networks.items() for name in _taken(network, state["networks"][role])]
    before = Recipe.read({k: v for k, v in state["recipe"].items() if k != "kind"})
    groups = ("optimiser", "frozen", "rates")
    if not fresh and all(getattr(before, name) == getattr(learner.recipe, name) for name in groups):
        for role, part in learner.parts.items():
            own = part.optimiser.state_dict()["param_groups"]
            part.restore({"state": state["optimisers"][role]["state"], "param_groups": own}, {})
    for role, part in learner.parts.items():
        part.begin_average(state.get("averages", {}).get(role, {}))
    learner.random = dict(state["random"])
    learner.place_at(state["at"])
    if learner.recipe.carry:
        alike = before.carry and before.batch == learner.recipe.batch and state.get("data") == learner.data_words
        if not alike:
            learner.seen = 0  # other stretches lie side by side now: this epoch begins anew
        hold_again(learner.networks, state.get("held", {}) if alike and not fresh else {})
    if (before.batch, before.epochs) != (learner.recipe.batch, learner.recipe.epochs):
        learner.origin = learner.step, learner.epochs
    learner.settled = False  # what was at rest there need not be so here
    learner.drop(state["dropout"])
    learner.forget_counts()
    if learner.finished:
        raise VitrineError(
            f"The branch would begin at step {learner.step:,}, and its recipe ends at step {learner.total:,}.",
            cure="Give it more epochs or steps, or begin at an earlier moment.",
        )
    return fresh


def _taken(network: torch.nn.Module, given: dict[str, torch.Tensor]) -> list[str]:
    """Put the given weights in where name and shape are the same; return the names of all others."""
    own = network.state_dict()
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    network.load_state_dict(fitting, strict=False)
    return [name for name in own if name not in fitting]
