"""Part: one network of an experiment while it learns, and everything that moves its weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from engine.training.address import of_role, place
from engine.training.modes import hold
from engine.training.optimiser import Pull, optimiser, remade, restore, set_rate, stepping
from engine.training.recipe import Recipe


def of_part(recipe: Recipe, role: str, roles: Sequence[str]) -> Recipe:
    """Return what a recipe says of one network: only its own nodes are frozen there, or have rates of their own."""
    if len(roles) == 1:
        return recipe
    rates = [(path, rate) for name, rate in recipe.rates for where, path in [place(name, roles)] if where == role]
    return recipe.but(frozen=tuple(of_role(recipe.frozen, role, roles)), rates=tuple(rates))


class Part:
    """A role's network, its own recipe, its optimiser, and what pulls its weights to zero."""

    def __init__(self, network: nn.Module, recipe: Recipe, device: torch.device):
        self.network, self.recipe, self.device = network, recipe, device
        hold([network], recipe.frozen)
        self.optimiser = optimiser(recipe, network, device)
        self._lay_out()

    def _lay_out(self) -> None:
        """Work out anew what follows from optimiser and recipe."""
        self.rests = not any(weight.requires_grad for weight in self.network.parameters())  # and takes no step
        self.step = stepping(self.optimiser)
        self.pull = Pull(self.optimiser, self.recipe, self.network)
        self.told: tuple[float, float | None] | None = None  # rate and momentum: what the optimiser was last told

    def tell(self, rate: float, momentum: float | None) -> None:
        """Step by this rate and momentum from now on."""
        if (rate, momentum) != self.told:
            set_rate(self.optimiser, rate, momentum)
            self.told = rate, momentum

    def follow(self, recipe: Recipe) -> None:
        """Go on by another recipe; what the optimiser knows of each weight stays."""
        self.optimiser = remade(self.optimiser, self.recipe, recipe, self.network, self.device)
        self.recipe = recipe
        hold([self.network], recipe.frozen)
        self._lay_out()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with what an optimiser knew."""
        restore(self.optimiser, dict(state))
        self._lay_out()
