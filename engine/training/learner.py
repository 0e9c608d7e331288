"""Learner: everything that changes while an experiment is learned, and the one step that changes it."""

import functools
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from engine.data import Dataset, Split
from engine.data.dataset import drawn
from engine.errors import VitrineError
from engine.graph.lending import networks
from engine.training.answering import Answering
from engine.training.average import averages
from engine.training.best import Best
from engine.training.device import Place, place
from engine.training.evaluating import resting
from engine.training.experiment import Experiment
from engine.training.material import Material, steps_an_epoch
from engine.training.memory import held, hold_again, remember, streams
from engine.training.modes import drop
from engine.training.of_first import recipe_of
from engine.training.part import Part
from engine.training.recipe import NO_END, Recipe
from engine.training.schedule import Plateau, factor, momentum
from engine.training.spoiled import as_learned
from engine.training.sprint import sprint_of
from engine.training.step import take
from engine.training.unfit import impossible

Losses = dict[str, list[tuple[int, torch.Tensor]]]  # by role: a step, and its loss


class Learner(Answering):
    """Networks, optimisers, random state and the place in the data, between two steps."""

    def __init__(self, experiment: Experiment, dataset: Dataset):
        self.experiment, self.recipe = experiment, experiment.recipe
        self.dataset = dataset = as_learned(dataset, self.recipe)
        task = experiment.task
        self.task = task.suited(experiment.graphs, dataset)
        if words := impossible(experiment.graphs, task, self.recipe, dataset):
            raise VitrineError(words)
        self.place: Place = place(self.recipe)
        torch.manual_seed(self.recipe.seed)
        self.networks: dict[str, nn.Module] = networks(experiment.graphs, task.roles, self.place.bring)
        remember(self.networks.values(), self.recipe)
        self.parts = {
            role: Part(network, role, task.roles, self.recipe, self.place.device)
            for role, network in self.networks.items()
        }
        if all(part.rests for part in self.parts.values()):
            raise VitrineError("Nothing can learn: every weight is frozen, or there are none.")
        self.scaler = self.place.scaler()
        self.material = Material(dataset, self.place, task.within)
        self.step = self.epoch = 0
        self.plateau = Plateau()
        self.seen = 0  # training examples of this epoch that steps have used up
        self.origin = (0, 0.0)  # step and epochs from which the recipe's epochs are counted in today's batches
        self.dropout: float | None = None  # of all dropout layers, where it was changed on the way
        self.settled = self.called = False  # whether a whole pass made no mistake; whether somebody waits for a report
        self.rest_at = -1  # the step after which to report at once
        self.speed: float | None = None  # steps a second, where somebody slows it down
        self.rearranged = False  # whether the rest of the epoch must be laid out anew
        self.seconds = 0.0
        self.plain = self.recipe.precision == "fp32"
        self.best = Best()
        self.sprint = sprint_of(self.networks, self.task, self.recipe, self.place, self.train)
        if self.recipe.compile and not self.sprint:
            for network in self.networks.values():
                network.compile()
        self.lasting: dict[Any, Any] = {}  # what views keep that stays the same while it learns
        self.losses: Losses = {role: [] for role in task.losses or task.roles}  # as `take_losses` tells
        self.leave()

    # -- the data ------------------------------------------------------------------------------------------------

    @property
    def train(self) -> Split:
        """Return the training examples on the device."""
        return self.data["train"]

    @functools.cached_property
    def batch_size(self) -> int:
        """Return how many examples a step sees."""
        whole = self.recipe.batch == "all" or self.recipe.optimiser == "lbfgs"
        return len(self.train) if whole else int(self.recipe.batch)

    @functools.cached_property
    def steps_an_epoch(self) -> int:
        """Return how many steps see all training examples once."""
        return steps_an_epoch(len(self.train), self.batch_size)

    @property
    def epoch_over(self) -> bool:
        """Return whether no batch of this epoch is left."""
        left = len(self.train) - self.seen
        return left < (2 if self.batch_size > 1 else 1)

    @property
    def epochs(self) -> float:
        """Return how often all training examples have been seen."""
        return self.epoch + min(1.0, self.seen / (self.steps_an_epoch * self.batch_size))

    @functools.cached_property
    def total(self) -> int:
        """Return after how many steps learning ends, as far as steps and epochs tell."""
        step, epochs = self.origin
        by_epochs = [step + round((self.recipe.epochs - epochs) * self.steps_an_epoch)] if self.recipe.epochs else []
        return max(1, min([*by_epochs, *([self.recipe.steps] if self.recipe.steps else [])], default=NO_END))

    def batches(self, strides: bool = False) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the rest of this epoch, its order follows from seed and epoch alone; with strides, where steps are
        taken many at once, so many batches in one piece.
        """
        size, number, generator = self.batch_size, len(self.train), drawn(self.recipe.seed, self.epoch)
        if self.recipe.carry:
            order = streams(number, size)
        else:
            order = self.material.bucketed(torch.randperm(number, generator=generator), size, generator)
        left_over = size > 1 and (number - self.seen) % size == 1

        def piece(left: int) -> int:
            if not (strides and self.sprint):
                return min(size, left)
            room = min(self.total, self.rest_at if self.rest_at > self.step else self.total) - self.step
            return self.sprint.piece(self.parts["network"].optimiser, size, left, number, room)

        return self.material.batches(order, piece, self.seen, number - left_over)

    # -- one step ------------------------------------------------------------------------------------------------

    def advance(self, inputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Take one step, every network has its turn; or all those of a stride."""
        if len(inputs) > self.batch_size:
            self._stride(inputs, targets)
            return
        if augment := self.recipe.augment:
            inputs, targets = augment.apply(inputs, targets, len(self.dataset.classes))
            inputs = inputs.clamp(*ends) if (ends := self.task.within) and self.dataset.example == "image" else inputs
        losses: dict[str, list[torch.Tensor]] = {}
        for turn in self.task.turns(self.networks, inputs, targets, self.step):
            parts = [part for role in turn.roles if (part := self.parts[role]).due(self.step)]
            for part in parts:
                part.tell(self.rate_at(self.step, part.recipe), momentum(part.recipe, self.step, self.total))
            if parts:
                loss = turn.loss if self.plain else functools.partial(self.place.precise, turn.loss)
                losses.setdefault(turn.roles[0], []).append(take(turn, parts, loss, self.scaler))
        self.step += 1
        for role, several in losses.items():
            self.losses[role].append((self.step, several[0] if len(several) == 1 else torch.stack(several).mean()))
        self.seen += self.batch_size

    def _stride(self, inputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Take many steps at once."""
        assert self.sprint
        steps = -(-len(inputs) // self.batch_size)
        rates = [self.rate_at(self.step + ahead) for ahead in range(steps)]
        losses = self.sprint.advance(self.parts["network"], inputs, targets, rates)
        self.losses["network"] += enumerate(losses, self.step + 1)
        self.step += steps
        self.seen += steps * self.batch_size

    @property
    def rate(self) -> float:
        """Return the rate of the next step."""
        return self.rate_at(self.step)

    def rate_at(self, step: int, recipe: Recipe | None = None) -> float:
        """Return the rate of a step, by the common recipe or by a network's own."""
        recipe = recipe or self.recipe
        return recipe.rate * factor(recipe, step, self.total, self.steps_an_epoch, self.plateau.lowered)

    def take_losses(self) -> Losses:
        """Return the losses since they were last taken, by role, each with its step, still on the device."""
        taken, self.losses = self.losses, {role: [] for role in self.losses}
        return taken

    # -- between epochs ------------------------------------------------------------------------------------------

    def end_epoch(self) -> dict[str, dict[str, float]]:
        """Go on to the next epoch; return the validation scores, and remember the best weights."""
        self.epoch, self.seen = self.epoch + 1, 0
        hold_again(self.networks, {})
        scores = self.score(watched := "validation" if "validation" in self.data else "train")
        self.settled = self.task.settles and self.score("train")["accuracy"] == 1.0
        value = scores[self.task.best] * (-1 if self.task.best == "loss" else 1)
        if any(part.recipe.schedule == "plateau" for part in self.parts.values()):
            self.plateau.take(value, self.recipe.every)
        if value > self.best.score:
            with resting(self.networks):  # what answered so well
                weights = self.weights() if self.recipe.patience else {}
            self.best = Best(value, 0, weights)
        else:
            self.best.epochs += 1
        return {watched: scores}

    @property
    def finished(self) -> bool:
        """Return whether the recipe's end is reached."""
        late = bool(self.recipe.seconds) and self.seconds >= (self.recipe.seconds or 0)
        return self.step >= self.total or late or self.best.stuck(self.recipe) or self.settled

    def keep_best(self) -> None:
        """Go back to the best weights, where the recipe kept them."""
        for role, weights in self.best.weights.items():
            self.networks[role].load_state_dict(weights)
            self.parts[role].begin_average({})

    @property
    def data_words(self) -> str:
        """Return what tells its data from all others."""
        recipe = self.recipe
        return f"{self.experiment.data and self.experiment.data.write()} {recipe.examples} {recipe.folds} {recipe.fold}"

    # -- its whole state -----------------------------------------------------------------------------------------

    def weights(self) -> dict[str, dict[str, torch.Tensor]]:
        """Return copies of all weights, by role."""
        return {role: {k: v.detach().clone() for k, v in n.state_dict().items()} for role, n in self.networks.items()}

    def state(self) -> dict[str, Any]:
        """Return everything that continuing needs; the tensors are the learner's own."""
        return {
            "networks": {role: network.state_dict() for role, network in self.networks.items()},
            "optimisers": {role: part.optimiser.state_dict() for role, part in self.parts.items()},
            "averages": averages(self.networks),
            "scaler": self.scaler.state_dict() if self.scaler else {},
            "random": self.random,
            "held": held(self.networks),
            "data": self.data_words,
            "best": {"score": self.best.score, "epochs": self.best.epochs, "weights": self.best.weights},
            "recipe": self.recipe.write(),
            "dropout": self.dropout,
            "task": {name: getattr(self.task, name) for name in self.task.live},
            "at": {
                "step": self.step,
                "epoch": self.epoch,
                "seen": self.seen,
                "origin": self.origin,
                "plateau": vars(self.plateau),
                "settled": self.settled,
                "seconds": self.seconds,
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what a state says, so that going on equals never having stopped."""
        for role, network in self.networks.items():
            network.load_state_dict(state["networks"][role])
        self.follow(recipe_of(state, self.experiment.recipe))
        for role, part in self.parts.items():
            part.restore(state["optimisers"][role], state.get("averages", {}).get(role, {}))
        self.task = self.task.but(**state.get("task", {}))
        self.drop(state["dropout"])
        if self.scaler and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        self.best = Best(**state["best"])
        self.random = dict(state["random"])
        hold_again(self.networks, state.get("held", {}))
        self.place_at(state["at"])
        self.forget_counts()
        self.take_losses()

    def place_at(self, place: dict[str, Any]) -> None:
        """Stand where a state stood: its step, its epoch, and what schedules count."""
        rest = dict(place)
        lowered = rest.pop("plateaus", 0)  # as states from before say it
        self.plateau = Plateau(**rest.pop("plateau", {"lowered": lowered}))
        vars(self).update(rest)

    # -- changes on the way --------------------------------------------------------------------------------------

    def follow(self, recipe: Recipe) -> None:
        """Go on by another recipe; what the optimisers know of each weight stays."""
        if recipe == self.recipe:
            return
        self.recipe = recipe
        remember(self.networks.values(), recipe)
        for part in self.parts.values():
            part.follow(recipe)
        if self.sprint:
            self.sprint.follow(recipe)
        self.forget_counts()

    def drop(self, share: float | None) -> None:
        """Let every dropout layer drop this share, from now on; None leaves each its own."""
        self.dropout = share
        if share is not None:
            drop(self.networks.values(), share)

    def forget_counts(self) -> None:
        """Work out anew what follows from batch size and length."""
        for name in ("batch_size", "steps_an_epoch", "total"):
            vars(self).pop(name, None)
        self.rearranged = True

    def leave(self) -> None:
        """Keep the random state, so that whoever computes meanwhile changes nothing."""
        self.random = self.place.random()

    def enter(self) -> None:
        """Take the kept random state up again, and go on learning."""
        self.place.draw_as(self.random)
        self.began = time.perf_counter() - self.seconds

    def clock_due(self, at: float) -> bool:
        """Tell the time, and return whether it is past a moment."""
        now = time.perf_counter()
        self.seconds = now - self.began
        return now > at

    def clock(self) -> float:
        """Return for how long has been learned, pauses left out."""
        self.seconds = time.perf_counter() - self.began
        return self.seconds
