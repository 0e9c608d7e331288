"""Changes: what may be set anew while an experiment is learned, and what becomes of it at once."""

import dataclasses
import re
from typing import Any

import torch

from engine.errors import VitrineError
from engine.registry import did_you_mean, shortened
from engine.tasks import Task
from engine.training.address import SIGN, address, of_role, place, weights
from engine.training.average import average_of
from engine.training.best import Best
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.optimiser import is_within
from engine.training.recipe import Recipe
from engine.training.schedule import Plateau
from engine.training.unfit import unfit

LIVE = (
    "rate",
    "momentum",
    "decay",
    "l1",
    "clip",
    "average",
    "batch",
    "epochs",
    "steps",
    "seconds",
    "patience",
    "augment",
    "frozen",
)
OWN = ("rate", "momentum", "decay", "l1", "clip", "average", "interval")  # what of them a network may have of its own
MOST = 1e6  # what may be typed for a weight
NODES = ("freeze", "thaw")  # a node, by its path
OF_NODES = (*NODES, "NODE.rate", "NODE.weight[ROW,COLUMN]", "NODE.bias[ROW]")
WORDS = (*LIVE, *(f"ROLE{SIGN}{name}" for name in OWN), "speed", "dropout", *OF_NODES)
TYPED = re.compile(r"((?:\w+:)?[\w.]+\.(?:weight|bias))\[(\d{1,9})(?:,\s*(\d{1,9}))?\]")  # one number of a network


NO_MOMENTUM = ("sgd", "adagrad", "rmsprop", "lbfgs")


def changeable(recipe: Recipe) -> tuple[str, ...]:
    """Return the options of a recipe that may be set anew while it is learned."""
    without = {"momentum"} if recipe.optimiser in NO_MOMENTUM else set()
    without |= {"batch"} if recipe.carry else set()  # other stretches would lie side by side
    return tuple(name for name in LIVE if name not in without)


def change(learner: Learner, settings: dict[str, Any]) -> None:
    """Set these anew from the next step on, all of them or, where one cannot be, none."""
    of_task = {name: value for name, value in settings.items() if name in learner.task.live}
    if any(isinstance(value, bool) for value in of_task.values()):
        raise VitrineError("An option of the task that may change is a number or a word; received true or false.")
    task = learner.task.but(**of_task)
    settings = {name: value for name, value in settings.items() if name not in of_task}
    recipe, dropout = wanted(learner.recipe, settings, learner.task), settings.get("dropout", learner.dropout)
    _check(learner, task, recipe, settings)
    typed = [(_numbers_of(learner, name), value) for name, value in settings.items() if TYPED.fullmatch(name)]
    if task != learner.task:  # scores by another measure are not to be compared with
        learner.best, learner.plateau = Best(), Plateau(learner.plateau.lowered)
        learner.task = task
    before = learner.batch_size, learner.recipe.epochs
    reached = learner.step, learner.epochs
    if recipe.patience and not learner.recipe.patience:
        learner.best = Best()  # from here on the best weights are kept
    if {"epochs", "steps", "seconds"} & settings.keys():
        learner.best.epochs = 0  # whoever wants it to last longer wants it to go on
    learner.follow(recipe)
    if before != (learner.batch_size, recipe.epochs):
        learner.origin = reached
    learner.drop(dropout)
    learner.forget_counts()
    with torch.no_grad():
        for numbers, value in typed:
            for number in numbers:
                number.fill_(value)


def _numbers_of(learner: Learner, name: str) -> list[torch.Tensor]:
    """Return the one number of a weight or bias that a name such as dense1.weight[0,2] stands for, and its average."""
    found = TYPED.fullmatch(name)
    assert found
    path, *places = found.groups()
    place(path, learner.task.roles)
    every = dict(weights(learner.networks))
    if path not in every:
        raise VitrineError(f"The network has no {shortened(path)}.{did_you_mean(path, every)}")
    index = tuple(int(place) for place in places if place is not None)
    sizes = tuple(every[path].shape)
    if len(index) != len(sizes) or any(place >= size for place, size in zip(index, sizes, strict=True)):
        raise VitrineError(f"{path} has {'×'.join(map(str, sizes))} numbers, so there is no {shortened(name)}.")
    role, inner = place(path, learner.task.roles)
    average = average_of(learner.networks[role])
    return [every[path].data[index], *([average.kept[inner][index]] if average else [])]


def wanted(recipe: Recipe, settings: dict[str, Any], task: Task) -> Recipe:
    """Return the recipe with these settings, or say which of them nobody can make while it is learned."""
    options: dict[str, Any] = {}
    frozen, rates = list(recipe.frozen), dict(recipe.rates)
    for name, value in settings.items():
        node, _, what = name.rpartition(".")
        role, _, own = name.partition(SIGN)
        if TYPED.fullmatch(name):
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST:
                raise VitrineError(f"{name} must be a number up to {MOST:,.0f}; received {shortened(value)}.")
        elif name in LIVE:
            options[name] = value
        elif own in OWN:
            recipe = recipe.owning(role, **{own: value})
        elif name == "freeze":
            frozen = [*frozen, value] if value not in frozen else frozen
        elif name == "thaw":
            frozen = [one for one in frozen if one != value]
        elif what == "rate" and node:
            rates[node] = value
        elif name == "dropout":
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
                raise VitrineError(f"dropout must be at least 0 and less than 1; received {shortened(value)}.")
        else:
            known = name in Recipe.model_fields or name in type(task).model_fields
            new = " A new run or a branch can have another." if known else ""
            near = did_you_mean(name, (*WORDS, *task.live))
            raise VitrineError(f"{shortened(name)} cannot be changed while it is learned.{new or near}")
    changed = recipe.but(**options)
    if {"freeze", "thaw"} & settings.keys():
        changed = changed.but(frozen=tuple(frozen))
    return changed.but(rates=tuple(rates.items()))


def otherwise(experiment: Experiment, settings: dict[str, Any]) -> Experiment:
    """Return an experiment that learns by these settings from its first step on."""
    task = experiment.task
    of_task = {name: value for name, value in settings.items() if name in task.live}
    rest = {name: value for name, value in settings.items() if name not in of_task}
    own = {address(role, name, task.roles) for role in task.roles for name in OWN}
    if not rest.keys() <= {*LIVE, *own}:
        raise VitrineError("Only options of the recipe and of the task can be set beforehand.")
    return dataclasses.replace(experiment, task=task.but(**of_task), recipe=wanted(experiment.recipe, rest, task))


def _check(learner: Learner, task: Task, recipe: Recipe, settings: dict[str, Any]) -> None:
    """Refuse what this network and its data cannot do."""
    if words := unfit(learner.experiment.graphs, task, recipe, learner.dataset):
        raise VitrineError(words)
    ends = {"epochs": learner.epochs, "steps": learner.step, "seconds": learner.seconds}
    for name, so_far in ends.items():
        end = getattr(recipe, name)
        if name in settings and end is not None and end <= so_far:
            raise VitrineError(
                f"{so_far:,.4g} {name} are done already: {end:g} would end the run.", cure="Stop it instead."
            )
    if "momentum" in settings and "momentum" not in changeable(recipe):
        raise VitrineError(f"The optimiser {recipe.optimiser} has no momentum.", cure="Train anew with another.")
    if "batch" in settings and recipe.carry and recipe.batch != learner.recipe.batch:
        raise VitrineError("While state is kept, batches stay as large as they are.", cure="Branch off with others.")
    if "dropout" in settings and not any("Dropout" in type(m).__name__ for m in _modules(learner)):
        raise VitrineError("The network has no dropout layer.", cure="Add one, and train anew.")
    roles = learner.task.roles
    nodes = {
        address(role, name.replace("_orig_mod.", ""), roles)
        for role, network in learner.networks.items()
        for name, _ in network.named_modules()
        if name or len(roles) > 1  # the whole of one network among several, but not of the only one
    }
    for node in (*recipe.frozen, *(name for name, _ in recipe.rates), *filter(None, [settings.get("thaw")])):
        place(node, roles)
        if node not in nodes:
            raise VitrineError(f"The network has no node {shortened(node)}.{did_you_mean(node, nodes)}")
    frozen = {role: of_role(recipe.frozen, role, roles) for role in roles}
    moved = ((role, name) for role, network in learner.networks.items() for name, _ in network.named_parameters())
    if recipe.frozen and all(any(is_within(name, node) for node in frozen[role]) for role, name in moved):
        raise VitrineError("Every weight would be frozen: nothing could learn.", cure="Leave one node to learn.")


def _modules(learner: Learner) -> Any:
    return (module for network in learner.networks.values() for module in network.modules())
