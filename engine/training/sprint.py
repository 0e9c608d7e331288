"""Sprint: many steps of a small network in one compiled call; much faster, and not equal to the last bit."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from torch.fx.experimental.proxy_tensor import make_fx

from engine.data import Split
from engine.errors import VitrineError
from engine.layers.modules import PlaneFeatures, Sign, Sine, Step
from engine.tasks import Task
from engine.tasks.task import Direct
from engine.training.device import Place
from engine.training.optimiser import pulled, stepping
from engine.training.part import Part
from engine.training.recipe import Recipe

MOST_WEIGHTS = 20_000  # beyond, a step takes longer than calling it
LEAST, MOST = 4, 10  # steps in one call: more take long to compile
STATES = {  # what each optimiser keeps of every weight
    "sgd": (),
    "momentum": ("momentum_buffer",),
    "nesterov": ("momentum_buffer",),
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
}
TASKS = ("classify", "regress")  # which ask a network as a function, and nothing else of it
EPSILON = 1e-8
ZERO = torch.zeros(())
PLAIN = ("engine.graph.", "torch.nn.modules.activation", "torch.nn.modules.linear", "torch.nn.modules.container")
OURS = (Sign, Sine, Step, PlaneFeatures)  # modules of ours that keep nothing and draw nothing either


def sprint_of(
    networks: Mapping[str, nn.Module], task: Task, recipe: Recipe, place: Place, train: Split
) -> "Sprint | None":
    """Return what takes many steps at once: of a small plain network on the processor whose recipe says 'compile'."""
    network = networks.get("network")
    if network is None or task.roles != ("network",) or not recipe.compile:
        return None
    others = [m for m in network.modules() if not (type(m).__module__.startswith(PLAIN) or isinstance(m, OURS))]
    suits = (
        place.device.type == "cpu"
        and recipe.precision == "fp32"
        and task.kind in TASKS
        and not (isinstance(task, Direct) and task.incomplete)
        and recipe.optimiser in STATES
        and recipe.batch != "all"
        and recipe.schedule != "one_cycle"  # which moves the momentum too
        and not (recipe.augment or recipe.frozen or recipe.rates or recipe.average)
        and sum(weight.numel() for weight in network.parameters()) <= MOST_WEIGHTS
        and not others
        and isinstance(train.inputs, torch.Tensor)
    )
    batches = len(train) // int(recipe.batch) if suits else 0
    return Sprint(network, task, recipe, batches) if suits and batches >= LEAST else None


class Sprint:
    """The steps of one network by one recipe, compiled when they are first taken.

    Weights, and what the optimiser keeps of each, become parts of one row of numbers, so that a step moves one tensor.
    """

    def __init__(self, network: nn.Module, task: Task, recipe: Recipe, batches: int):
        self.network, self.task, self.recipe = network, task, recipe
        self.names = [name for name, _ in network.named_parameters()]
        self.weights = list(network.parameters())
        chosen = pulled(recipe, network)
        self.pulled = torch.cat([torch.full((weight.numel(),), float(weight in chosen)) for weight in self.weights])
        # As many steps as divide an epoch best: what is left over is taken one by one.
        self.steps = min(range(LEAST, MOST + 1), key=lambda number: (batches % number, -number))
        self.compiled: dict[int, Callable[..., Any]] = {}  # by the number of examples
        self.rests = False
        self.known: torch.optim.Optimizer | None = None
        self.rows: list[torch.Tensor] = []
        self.laid: list[torch.Tensor] = []  # the parts of the rows, as network and optimiser hold them

    def follow(self, recipe: Recipe) -> None:
        """Rest where a recipe asks for other steps than were compiled; rates and lengths are given to each call."""
        free = {name: getattr(self.recipe, name) for name in ("rate", "schedule", "epochs", "steps", "seconds")}
        self.rests = recipe.but(**free) != self.recipe

    def piece(self, one: torch.optim.Optimizer, size: int, left: int, number: int, room: int) -> int:
        """Return how many examples the next call takes: those of one step, or of many if there is room for them."""
        steps = self.steps
        if self.rests or left < steps * size or not self._knows(one):
            return min(size, left)
        # What is no whole batch goes with the last ones, unless single examples have shifted where it begins.
        last = left - steps * size in (0, number % size)
        if steps + (last and left > steps * size) > room:
            return min(size, left)
        return left if last else steps * size

    def _knows(self, one: torch.optim.Optimizer) -> bool:
        """Return whether the optimiser has begun with every weight, and with all at once."""
        if one is not self.known:
            states = [one.state.get(weight, {}) for weight in self.weights]
            begun = all(set(STATES[self.recipe.optimiser]) <= state.keys() for state in states)
            together = len({float(state.get("step", 0)) for state in states}) == 1
            self.known = one if begun and together else None
        return self.known is not None

    def advance(
        self, part: Part, inputs: torch.Tensor, targets: torch.Tensor, rates: list[float]
    ) -> list[torch.Tensor]:
        """Take the steps of a stride, each at its rate; return their losses."""
        if self._lay(part.optimiser):
            part.step = stepping(part.optimiser)  # which had laid out what was there before
        return list(self._run(part.optimiser, inputs, targets, rates).unbind())

    def _lay(self, one: torch.optim.Optimizer) -> bool:
        """Lay everything that a step moves into rows, unless it lies there; return whether that was needed."""
        states = [one.state[weight] for weight in self.weights]
        names = STATES[self.recipe.optimiser]
        held = [w.data for w in self.weights] + [state[name] for name in names for state in states]
        if [tensor.data_ptr() for tensor in held] == [part.data_ptr() for part in self.laid]:
            return False
        number = len(self.weights)
        groups = [held[at : at + number] for at in range(0, len(held), number)]
        self.rows = [torch.cat([tensor.reshape(-1) for tensor in group]) for group in groups]
        self.laid = [part for row in self.rows for part in self._apart(row)]
        for weight, part in zip(self.weights, self.laid, strict=False):
            weight.data = part
        for place, name in enumerate(names, 1):
            for state, part in zip(states, self.laid[place * number :], strict=False):
                state[name] = part
        return True

    def _run(self, one: torch.optim.Optimizer, inputs: torch.Tensor, targets: torch.Tensor, rates: list[float]) -> Any:
        """Take the steps, everything laid; return their losses."""
        counts = {id(state["step"]): state["step"] for state in one.state.values() if "step" in state}
        count = next(iter(counts.values()), ZERO)
        given = [*self.rows, count, inputs, targets, torch.tensor(rates)]
        if len(inputs) not in self.compiled:
            self.compiled[len(inputs)] = _compiled(self._unrolled, given)
        *found, losses = self.compiled[len(inputs)](*given)
        for row, new in zip(self.rows, found, strict=True):
            row.copy_(new)
        for counted in counts.values():
            counted += len(rates)
        return losses

    def _unrolled(self, *given: torch.Tensor) -> list[torch.Tensor]:
        """Take the steps one after another."""
        weights, *states, count, inputs, targets, rates = given
        losses = []
        size = int(self.recipe.batch)
        for step, (x, y) in enumerate(zip(inputs.split(size), targets.split(size), strict=True)):
            weights = weights.detach().requires_grad_()
            loss = self._loss(self._apart(weights), x, y)
            (gradient,) = torch.autograd.grad(loss, weights)
            weights, states = self._moved(weights.detach(), states, gradient, count + step + 1, rates[step])
            losses.append(loss.detach())
        return [weights, *states, torch.stack(losses)]

    def _apart(self, flat: torch.Tensor) -> list[torch.Tensor]:
        sizes = [weight.numel() for weight in self.weights]
        parts = zip(flat.split(sizes), self.weights, strict=True)
        return [part.reshape(weight.shape) for part, weight in parts]

    def _loss(self, weights: list[torch.Tensor], inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        named = dict(zip(self.names, weights, strict=True))
        networks: Any = {"network": lambda x: functional_call(self.network, named, (x,))}
        return next(iter(self.task.turns(networks, inputs, targets))).loss()

    def _moved(
        self, weights: torch.Tensor, states: list[torch.Tensor], gradient: torch.Tensor, count: Any, rate: torch.Tensor
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return weights and states after one step, as torch's own optimisers take it."""
        recipe = self.recipe
        if recipe.clip:
            gradient = gradient * (recipe.clip / (gradient.norm() + 1e-6)).clamp(max=1.0)
        if recipe.decay and not recipe.couples:
            weights = weights * (1 - rate * recipe.decay * self.pulled)
        if recipe.decay and recipe.couples:
            gradient = gradient + recipe.decay * self.pulled * weights
        weights, states = self._stepped(weights, states, gradient, count, rate)
        if recipe.l1:
            reach = rate * recipe.l1 * self.pulled
            weights = weights.sign() * (weights.abs() - reach).clamp(min=0.0)
        return weights, states

    def _stepped(
        self, weights: torch.Tensor, states: list[torch.Tensor], gradient: torch.Tensor, count: Any, rate: torch.Tensor
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return weights and states after the optimiser's own step along a gradient."""
        recipe = self.recipe
        if recipe.optimiser == "sgd":
            return weights - rate * gradient, []
        if recipe.optimiser in ("momentum", "nesterov"):
            speed = recipe.momentum * states[0] + gradient
            ahead = gradient + recipe.momentum * speed if recipe.optimiser == "nesterov" else speed
            return weights - rate * ahead, [speed]
        mean = states[0] + (1 - recipe.momentum) * (gradient - states[0])
        square = 0.999 * states[1] + 0.001 * gradient * gradient
        size = square.sqrt() / (1 - 0.999**count).sqrt() + EPSILON
        return weights - rate / (1 - recipe.momentum**count) * mean / size, [mean, square]


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return the product of small matrices as a plain sum, which becomes part of the loops around it."""
    return (a.unsqueeze(2) * b.unsqueeze(0)).sum(dim=1)


SUMS = {
    torch.ops.aten.mm.default: _product,
    torch.ops.aten.addmm.default: lambda c, a, b, **scales: c + _product(a, b),
}


def _compiled(steps: Callable[..., Any], given: list[torch.Tensor]) -> Callable[..., Any]:
    """Return the steps compiled for inputs of these sizes."""
    from torch._inductor import compile as compiled
    from torch._inductor.exc import InductorError, InvalidCxxCompiler

    traced = make_fx(steps, decomposition_table=SUMS)(*given)
    for node in traced.graph.nodes:
        node.meta.clear()  # the compiler finds the sizes itself
    try:
        return compiled(traced, [*given], options={"cpp_wrapper": True})
    except (InvalidCxxCompiler, InductorError) as error:
        raise VitrineError(
            f"The steps could not be compiled ({type(error).__name__}).",
            cure="Install a C++ compiler, or switch 'compile' off.",
        ) from None
