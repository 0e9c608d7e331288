"""Part: one network of an experiment while it learns, and everything that moves its weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from engine.training.address import of_role, of_role_with
from engine.training.average import average_of, hang
from engine.training.modes import hold
from engine.training.optimiser import Pull, optimiser, remade, restore, set_rate, stepping
from engine.training.recipe import Recipe


def of_part(recipe: Recipe, role: str, roles: Sequence[str]) -> Recipe:
    """Return what a recipe says of one network: what it has of its own, and only its own nodes."""
    if len(roles) == 1:
        return recipe
    rates, frozen = of_role_with(recipe.rates, role, roles), of_role(recipe.frozen, role, roles)
    return recipe.but(**recipe.own_of(role).chosen, own=(), frozen=tuple(frozen), rates=tuple(rates))


class Part:
    """A role's network, its own recipe, its optimiser, and what pulls its weights to zero."""

    def __init__(self, network: nn.Module, role: str, roles: Sequence[str], common: Recipe, device: torch.device):
        self.network, self.role, self.roles, self.device = network, role, roles, device
        self.called: bool | None = None  # whether it moves in the next step, where somebody says which network does
        self._take(common)
        self.optimiser = optimiser(self.recipe, network, device)
        self._lay_out()

    def _take(self, common: Recipe) -> None:
        """Take of a recipe what concerns this network."""
        self.recipe = of_part(common, self.role, self.roles)
        self.interval = common.own_of(self.role).interval  # of so many steps it takes its turn in one
        hold([self.network], self.recipe.frozen)
        hang(self.network, self.recipe.average)

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

    def due(self, step: int) -> bool:
        """Return whether it takes its turn in a step, counted from 0: in the last of a round, or when it is called."""
        if self.called is not None:
            return self.called
        return step % self.interval == self.interval - 1

    def trail(self) -> None:
        """Let the average of its weights follow a step, where there is one."""
        if not self.rests and (average := average_of(self.network)):
            average.follow(self.network)

    def begin_average(self, state: Mapping[str, Any]) -> None:
        """Let the average of its weights be what a state says, or begin anew with them, where there is one."""
        if average := average_of(self.network):
            average.restore(self.network, state)

    def follow(self, common: Recipe) -> None:
        """Go on by another recipe; what the optimiser knows of each weight stays."""
        was = self.recipe
        self._take(common)
        self.optimiser = remade(self.optimiser, was, self.recipe, self.network, self.device)
        self._lay_out()

    def restore(self, state: Mapping[str, Any], average: Mapping[str, Any]) -> None:
        """Go on with what an optimiser knew, and with an average."""
        self.called = None
        restore(self.optimiser, dict(state))
        self.begin_average(average)
        self._lay_out()
