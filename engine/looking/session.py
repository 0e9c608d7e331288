"""Session: what a view may look at: a network at one step, its data, and what was recorded on the way there."""

import copy
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from engine.data import Split
from engine.errors import VitrineError
from engine.fields import Fields, joined
from engine.graph.capture import entered
from engine.graph.graph import Graph
from engine.looking.frame import Frame
from engine.tasks.task import Networks, Turn
from engine.training.evaluating import evaluating
from engine.training.experiment import Experiment
from engine.training.learner import Learner

LONG = 0.2  # seconds after which somebody is told how far it is
T = TypeVar("T")
Curves = dict[tuple[str, str], list[tuple[int, float]]]  # by split and metric: steps and values


@dataclass(frozen=True)
class Part:
    """One run of a series: what it learned, and its scores at the end, by split and metric."""

    experiment: Experiment
    scores: dict[str, dict[str, float]]


class Record(Protocol):
    """What a run left behind on its way."""

    run: str  # its name, or nothing

    def curves(self, run: str = "") -> Curves:
        """Return the metrics of this run, or of another."""
        ...

    def last(self, split: str, metric: str, step: int) -> float | None:
        """Return the latest value of one curve of this run, up to a step."""
        ...

    def title(self, run: str = "") -> str:
        """Return what this run, or another, is called in words."""
        ...

    def pulses(self) -> Sequence[tuple[int, Frame]]:
        """Return what steps did in every node, in order."""
        ...

    def weights(self, step: int, role: str) -> tuple[int, dict[str, torch.Tensor]]:
        """Return a network's weights as they were at the checkpoint before a step, and that one's step."""
        ...

    def before(self) -> tuple[Curves, Sequence[tuple[int, Frame]]]:
        """Return the metrics and pulses of the run from which this one began, as far as that."""
        ...

    def changes(self) -> Sequence[tuple[int, str]]:
        """Return what was set anew on the way: at which step, and in words."""
        ...

    def parts(self) -> Sequence[Part]:
        """Return the parts of a series that are done, in order."""
        ...


@dataclass
class Session:
    """A learner at one step, and the record of its run; views that read records only need no learner."""

    experiment: Experiment
    step: int
    record: Record
    learner: Learner | None = None
    kept: dict[Any, Any] = field(default_factory=dict)  # what several views of this step need

    @property
    def network(self) -> Learner:
        """Return the learner, which must be there."""
        assert self.learner, "this view needs a network"
        return self.learner

    @property
    def role(self) -> str:
        """Return which network is looked at."""
        return next(iter(self.experiment.graphs))

    @property
    def graph(self) -> Graph:
        """Return the graph of the network that is looked at."""
        return self.experiment.graph

    @property
    def module(self) -> nn.Module:
        """Return the network that is looked at, as torch knows it."""
        return self.network.networks[self.role]

    def of(self, role: str) -> "Session":
        """Return the session with a look at another of its networks."""
        if role == self.role:
            return self
        return replace(self, experiment=self.experiment.of(role), kept=self.kept.setdefault(("of", role), {}))

    def run(self, inputs: torch.Tensor) -> torch.Tensor:
        """Let examples through as far as the network that is looked at, and return what comes out in the end."""
        learner = self.network
        return learner.task.run(learner.networks, self.role, inputs)

    def entering(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return what of these examples enters the network that is looked at."""
        if len(self.experiment.graphs) == 1:
            return (inputs,)
        with entered(self.module) as given:
            self.run(inputs)
        if not given:
            raise VitrineError(f"Nothing of an example enters {self.role}.", cure="Look at another network.")
        return given[0]

    def turn(self, networks: Networks, inputs: torch.Tensor, targets: torch.Tensor) -> Turn:
        """Return the turn in a step of the network that is looked at."""
        turns = self.network.task.turns(networks, inputs, targets, self.step)
        return next(turn for turn in turns if self.role in turn.roles)

    def still(self) -> "Session":
        """Return the session with networks of its own, which stay as they are however long somebody looks."""
        learner = copy.copy(self.network)
        learner.networks = copy.deepcopy(learner.networks)  # in one piece, for one may go through another's weights
        return replace(self, learner=learner, kept={})

    def split(self, name: str) -> tuple[str, Split]:
        """Return a split of the data, or the training examples where the dataset has none of that name."""
        name = name if name in self.network.data else "train"
        return name, self.network.data[name]

    def outputs(self, name: str, most: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the network answers to the first examples of a split, and what is right."""
        for _ in self.asked(name, most):
            pass
        name, split = self.split(name)
        return self.kept["outputs", name, most], split.targets[:most].cpu()

    def asked(self, name: str, most: int) -> Iterator[Frame]:
        """Ask for those outputs, piece by piece, on a copy of the network where there are several."""
        name, split = self.split(name)
        if (key := ("outputs", name, most)) in self.kept:
            return
        examples = split.inputs[:most]
        learner = self.still().network if len(self.network.pieces(examples)) > 1 else self.network
        found = (yield from answered(learner, examples)).cpu()
        self.kept[key] = found if isinstance(found, Fields) else found.float()

    def examples(self, name: str, places: Sequence[int]) -> torch.Tensor:
        """Return examples as the dataset holds them: images as bytes."""
        name, _ = self.split(name)
        return self.network.dataset.splits()[name].inputs[torch.as_tensor(list(places), dtype=torch.long)].cpu()


def in_turn(
    pieces: Sequence[Any], ask: Callable[[Any], T], first: float = 0.0, last: float = 1.0
) -> Generator[Frame, None, list[T]]:
    """Return what is answered to piece after piece; where that takes long, yield how far it is, from first to last."""
    answers, told = [], time.monotonic()
    for number, piece in enumerate(pieces, 1):
        answers.append(ask(piece))
        if number < len(pieces) and time.monotonic() - told > LONG:
            yield Frame({}, {"progress": first + (last - first) * number / len(pieces)})
            told = time.monotonic()
    return answers


def answered(
    learner: Learner, examples: torch.Tensor, first: float = 0.0, last: float = 1.0
) -> Generator[Frame, None, torch.Tensor]:
    """Return what a learner answers to examples, asked about in turn."""

    def ask(piece: torch.Tensor) -> torch.Tensor:
        with looking(learner):
            return learner.answer(piece)

    return joined((yield from in_turn(learner.pieces(examples), ask, first, last)))


@contextmanager
def looking(learner: Learner) -> Generator[None, None, None]:
    """While entered, networks answer without learning; afterwards nothing tells that they were asked."""
    with learner.place.aside(), evaluating(learner.networks), learner.place.precision():
        yield


@contextmanager
def asking_back(learner: Learner) -> Generator[None, None, None]:
    """While entered, networks answer without learning and can be asked for gradients, which cuDNN's cells, that give
    none at rest, are kept out of.
    """
    with looking(learner), torch.backends.cudnn.flags(enabled=False), torch.enable_grad():
        yield
