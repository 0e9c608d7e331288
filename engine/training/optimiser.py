"""Optimisers: torch's own, by the recipe, with decay, rates and freezing by node."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from engine.errors import VitrineError
from engine.training.recipe import Recipe

Groups = list[dict]


def optimiser(recipe: Recipe, network: nn.Module, device: torch.device) -> torch.optim.Optimizer:
    """Return the recipe's optimiser over the weights that may move; freezes the others."""
    groups = _groups(recipe, network)
    shared: dict[str, Any] = {"lr": recipe.rate}
    # One kernel for all weights, where torch has one: small networks gain half as much again.
    fused: dict[str, Any] = {"fused": True} if device.type in ("cpu", "cuda") else {}
    betas = (recipe.momentum, 0.999)
    match recipe.optimiser:
        case "sgd":
            return torch.optim.SGD(groups, **shared, **fused)
        case "momentum" | "nesterov":
            nesterov = recipe.optimiser == "nesterov"
            return torch.optim.SGD(groups, momentum=recipe.momentum, nesterov=nesterov, **shared, **fused)
        case "adagrad":
            return torch.optim.Adagrad(groups, **shared, **(fused if device.type == "cpu" else {}))
        case "rmsprop":
            return torch.optim.RMSprop(groups, **shared)
        case "adam" | "adamw":
            return torch.optim.Adam(groups, betas=betas, **shared, **fused)
    weights = [p for group in groups for p in group["params"]]
    return torch.optim.LBFGS(weights, lr=recipe.rate, line_search_fn="strong_wolfe")


def remade(
    before: torch.optim.Optimizer, was: Recipe, recipe: Recipe, network: nn.Module, device: torch.device
) -> torch.optim.Optimizer:
    """Return another recipe's optimiser, with what the one before knew of each weight, if it is of the same kind."""
    made = optimiser(recipe, network, device)
    if recipe.optimiser == was.optimiser:
        kept = set(moved([made]))
        made.state.update({weight: known for weight, known in before.state.items() if weight in kept})
    return made


def restore(optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Give an optimiser the state that another one had; what pulls weights to zero is not its business."""
    optimiser.load_state_dict(state)
    for group in optimiser.param_groups:
        if "weight_decay" in group:
            group["weight_decay"] = 0.0


def _groups(recipe: Recipe, network: nn.Module) -> Groups:
    """Return the weights in groups of the same rate; those of frozen nodes in none."""
    names = {name.replace("_orig_mod.", "") for name, _ in network.named_modules()}
    for node in (*recipe.frozen, *(node for node, _ in recipe.rates)):
        if node not in names:
            raise VitrineError(f"The recipe names the node {node}, which the network does not have.")
    factors = dict(recipe.rates)
    by_factor: dict[float, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        name = name.replace("_orig_mod.", "")
        frozen = any(is_within(name, node) for node in recipe.frozen)
        parameter.requires_grad_(not frozen)
        if not frozen:
            own = (factors[node] for node in factors if is_within(name, node))
            by_factor.setdefault(next(own, 1.0), []).append(parameter)
    if not by_factor:  # the network rests as a whole: what its optimiser knows stays until it goes on
        return [{"params": list(network.parameters()), "factor": 1.0}]
    return [{"params": weights, "factor": factor} for factor, weights in by_factor.items()]


def is_within(name: str, node: str) -> bool:
    """Return whether a weight or module lies within a node; without a name, the node is the whole network."""
    return not node or f"{name}.".startswith(f"{node}.")


def set_rate(optimiser: torch.optim.Optimizer, rate: float, momentum: float | None = None) -> None:
    """Give every group the rate, times its own factor; and a momentum, where a schedule moves that too."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("factor", 1.0)
        if momentum is not None and "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        elif momentum is not None:
            group["momentum"] = momentum


NORMALISATION = ("batchnorm", "instancenorm", "normalization")  # modules of torch.nn that hold such layers


def pulled(recipe: Recipe, network: nn.Module) -> set[nn.Parameter]:
    """Return what decay and L1 pull to zero: weights, but of biases and normalisation only if the recipe says so."""
    if recipe.pulled == "everything":
        return set(network.parameters())
    return {
        parameter
        for module in network.modules()
        if not type(module).__module__.endswith(NORMALISATION)
        for name, parameter in module.named_parameters(recurse=False)
        if parameter.dim() > 1 and not name.startswith("bias")
    }


class Pull:
    """What decay and L1 do to weights: to the gradient before a step, and to the weights before and after it."""

    def __init__(self, optimiser: torch.optim.Optimizer, recipe: Recipe, network: nn.Module):
        self.decay, self.l1, self.couples = recipe.decay, recipe.l1, recipe.couples
        chosen = pulled(recipe, network) if self else set()
        self.optimiser = optimiser  # whose groups are made anew whenever it takes up a state
        self.weights = [[p for p in group["params"] if p in chosen] for group in optimiser.param_groups]

    def __bool__(self) -> bool:
        return bool(self.decay or self.l1)

    def _each(self) -> Iterable[tuple[float, list[Any]]]:
        """Yield the rate of each group today, and what is pulled of it."""
        for group, weights in zip(self.optimiser.param_groups, self.weights, strict=True):
            yield group["lr"], [p for p in weights if p.grad is not None]

    @torch.no_grad()
    def before(self) -> None:
        """Add coupled decay to the gradients, or shrink the weights by a decoupled one."""
        for rate, weights in self._each() if self.decay else ():
            if weights and self.couples:
                torch._foreach_add_([p.grad for p in weights], weights, alpha=self.decay)
            elif weights:
                torch._foreach_mul_(weights, 1 - rate * self.decay)

    @torch.no_grad()
    def after(self) -> None:
        """Bring weights closer to zero by rate × L1, and no further: the proximal step, which reaches it."""
        for rate, weights in self._each() if self.l1 else ():
            for weight in weights:
                weight.copy_(nn.functional.softshrink(weight, rate * self.l1))

    @torch.no_grad()
    def penalty(self) -> torch.Tensor:
        """Add what the penalties' own gradients are to the weights' gradients, and return the penalties.

        Where a weight is zero, |w| has many slopes: the one that moves it least is taken.
        """
        total = torch.zeros(())
        for weight in (p for _, weights in self._each() for p in weights):
            if self.decay:
                total = total + self.decay / 2 * weight.square().sum().cpu()
                weight.grad.add_(weight, alpha=self.decay)
            if self.l1:
                total = total + self.l1 * weight.abs().sum().cpu()
                resting = nn.functional.softshrink(weight.grad, self.l1)
                weight.grad.copy_(torch.where(weight == 0, resting, weight.grad + self.l1 * weight.sign()))
        return total


def moved(optimisers: Iterable[torch.optim.Optimizer]) -> Iterable[nn.Parameter]:
    """Yield all weights that the optimisers move."""
    for one in optimisers:
        for group in one.param_groups:
            yield from group["params"]


class SwiftAdam:
    """Takes Adam's steps by torch's own fused kernel, without gathering all state anew each time.

    For networks of a few thousand weights, gathering takes longer than the step itself. The optimiser's state stays
    the optimiser's: it is saved and restored as ever.
    """

    def __init__(self, adam: torch.optim.Adam):
        self.adam = adam
        self.weights: list[nn.Parameter] = []
        self.first: Any = None

    def step(self) -> None:
        """Step; the ordinary way where anything is new or missing."""
        group = self.adam.param_groups[0]
        gradients = [weight.grad for weight in self.weights]
        state = self.adam.state
        if not gradients or any(g is None for g in gradients) or self.first is not state.get(self.weights[0]):
            for one in state.values():  # each weight counts for itself again
                one["step"] = one["step"].clone()
            self.adam.step()
            self._gather()
            return
        self.count += 1
        kernel: Any = torch._fused_adam_
        kernel(
            self.weights,
            gradients,
            self.means,
            self.squares,
            [],
            self.counts,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )

    def _gather(self) -> None:
        """Lay the state out, with one step count for all weights."""
        self.weights = [w for w in self.adam.param_groups[0]["params"] if w in self.adam.state]
        states = [self.adam.state[weight] for weight in self.weights]
        self.first = states[0] if states else None
        if len({float(state["step"]) for state in states}) != 1:
            self.weights = []  # weights that began at different times keep the ordinary way
            return
        self.count = states[0]["step"]
        for state in states:
            state["step"] = self.count
        self.counts = [self.count] * len(states)
        self.means = [state["exp_avg"] for state in states]
        self.squares = [state["exp_avg_sq"] for state in states]


def stepping(one: torch.optim.Optimizer) -> Callable[[], object]:
    """Return how the optimiser steps best."""
    swift = type(one) is torch.optim.Adam and len(one.param_groups) == 1 and one.defaults["fused"]
    on_cpu = all(weight.device.type == "cpu" for weight in one.param_groups[0]["params"])
    return SwiftAdam(one).step if swift and on_cpu else one.step
