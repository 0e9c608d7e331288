"""What a task answers: which networks take turns, their losses, and how outputs are scored."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

import torch
from torch import nn

from engine.choice import Choice, kinds, option
from engine.data import Dataset
from engine.data.dataset import Goal
from engine.graph.diagram import Between
from engine.graph.graph import Graph
from engine.graph.trace import trace
from engine.registry import Registry

TASKS: Registry[type["Task"]] = Registry("task")

Networks = Mapping[str, nn.Module]
Scores = dict[str, float]
# A column for each class of which one is right, or several may be; a column for each class at every place; the numbers
# that were to be learned; the example itself; or nothing of these.
Answers = Literal["classes", "several", "labels", "numbers", "example", "neither"]
WHAT: dict[Goal, str] = {
    "class": "classes",
    "classes": "several classes at once",
    "labels": "a class for every place",
    "numbers": "numbers to learn",
    "several": "several things to learn",
    "nothing": "nothing to learn but itself",
}


@dataclass(frozen=True)
class Turn:
    """A part of a step: whose weights move, and how the loss is worked out that moves them."""

    roles: tuple[str, ...]
    loss: Callable[[], torch.Tensor]
    after: Callable[[], None] | None = None  # what is done to the weights that have moved


class Tally(Protocol):
    """What is gathered of answers, piece by piece, so that no split need ever be held whole."""

    def take(self, outputs: Any, targets: Any) -> None:
        """Take the answers to some examples, and what is right."""
        ...

    def scores(self) -> Scores:
        """Return the scores of all that was taken, 'loss' among them."""
        ...


class Task(Choice):
    """What is learned, with its options."""

    title: ClassVar[str] = ""
    goals: ClassVar[tuple[Goal, ...]] = ()  # what there must be to learn of an example
    roles: ClassVar[tuple[str, ...]] = ("network",)  # the graphs an experiment must have
    flow: ClassVar[tuple[tuple[str, str], ...]] = ()  # from which network to which what is given goes on
    between: ClassVar[tuple[Between, ...]] = ()  # what stands between the networks, in a drawing of them
    answering: ClassVar[str] = "network"  # the role of the network whose output is the answer
    best: ClassVar[str] = "loss"  # the score by which a better network is told; loss falls, others rise
    blends: ClassVar[bool] = True  # whether it can learn from a blend of two examples
    answers: ClassVar[Answers] = "numbers"
    by_gradient: ClassVar[bool] = True  # whether a loss's gradient is what weights move by
    losses: ClassVar[tuple[str, ...]] = ()  # the first role of each turn, where several networks move by one loss
    folds: ClassVar[str] = ""  # the role that makes codes of examples,
    unfolds: ClassVar[str] = ""  # and the one that makes examples of codes
    noisy: ClassVar[bool] = False  # whether examples are made of noise, rather than of codes of other examples
    draws: ClassVar[bool] = False  # whether codes are drawn by chance
    within: ClassVar[tuple[float, float] | None] = None  # between which numbers pictures lie, if not around 0
    live: ClassVar[tuple[str, ...]] = ()  # options that may be set anew while it is learned

    def unlearnable(self, dataset: Dataset) -> str:
        """Return in words why there is nothing of the kind in the dataset, whatever the graphs, or nothing."""
        if not self.goals or dataset.goal in self.goals:
            return ""
        others = [kind for kind, other in TASKS.items() if dataset.goal in other.goals]
        cure = f" Choose the task {others[0]!r}." if others else ""
        return f"{dataset.title} has {WHAT[dataset.goal]}, but no {WHAT[self.goals[0]]}.{cure}"

    def unsuited(self, graphs: Mapping[str, Graph]) -> str:
        """Return in words why graphs built like these cannot learn this from any data, or nothing."""
        return ""

    def refuses(self, graphs: Mapping[str, Graph], dataset: Dataset) -> str:
        """Return in words why these graphs cannot learn this from the dataset, or nothing."""
        raise NotImplementedError(self.kind)

    @property
    def classifies(self) -> bool:
        """Return whether answers have a column for each class."""
        return self.answers == "classes"

    @property
    def settles(self) -> bool:
        """Return whether it is over when a whole pass makes no mistake."""
        return False

    def suited(self, graphs: Mapping[str, Graph], dataset: Dataset) -> Self:
        """Return the task as it must be for these graphs and data."""
        return self

    def right(self, inputs: Any, targets: Any) -> Any:
        """Return what is right for these examples."""
        return targets

    def unwise(self, graphs: Mapping[str, Graph]) -> str:
        """Return in words what can be learned but will hardly teach anything, or nothing."""
        return ""

    def forbids(self, recipe: Any) -> str:
        """Return in words what of a recipe cannot be had with it, or nothing."""
        return ""

    def turns(self, networks: Networks, inputs: Any, targets: Any, step: int = 0) -> Iterable[Turn]:
        """Yield the turns of one step; a loss is worked out when its turn has come, with weights that earlier turns
        moved, and perhaps several times, or never.
        """
        raise NotImplementedError(self.kind)

    def answer(self, networks: Networks, inputs: Any) -> Any:
        """Return what is scored: of most tasks, the network's output."""
        return networks[self.answering](inputs)

    def tried(self, networks: Networks, inputs: Any, targets: Any) -> Any:
        """Return what a tally takes: of most tasks, the answer."""
        return self.answer(networks, inputs)

    def beside(self, asked: Any, split: str) -> Scores:
        """Return the scores of what costs nothing, to compare with, and of the networks themselves; `asked` answers."""
        return {}

    def examined(self, asked: Any, split: str) -> Scores:
        """Return the scores that take longer, and so are told only when learning has ended."""
        return {}

    def run(self, networks: Networks, role: str, inputs: torch.Tensor) -> torch.Tensor:
        """Let examples through at least as far as a network of this role, and return what came out in the end."""
        return self.answer(networks, inputs)

    def tally(self) -> Tally:
        """Return what gathers scores."""
        raise NotImplementedError(self.kind)

    def scores(self, outputs: Any, targets: Any) -> Scores:
        """Return the scores of answers that are all there."""
        tally = self.tally()
        tally.take(outputs, targets)
        return tally.scores()

    def chances(self, answers: Any) -> Any:
        """Return answers as they are read: of classes, how probable each is."""
        return answers

    def opinions(self, answers: Any, inputs: Any) -> torch.Tensor:
        """Return a column for each thing that can be asked about, of answers to these inputs."""
        return answers.flatten(1)

    def names(self, dataset: Dataset) -> tuple[str, ...]:
        """Return what those columns are called, as far as they have names."""
        return dataset.classes

    def last_words(self, settled: bool, inputs: torch.Tensor, targets: torch.Tensor) -> str:
        """Return what is to be said of the end, with the training examples, or nothing."""
        return ""


class Direct(Task):
    """What one network learns by how wrong its own answers are."""

    incomplete: bool = option(
        False, "Whether it is not always known what is right; follows from the data.", hidden=True
    )

    def suited(self, graphs, dataset):
        """Return the task as it must be for these data: whether some of what is right is not known."""
        return self.but(incomplete=dataset.incomplete)

    def turns(self, networks, inputs, targets, step=0):
        """Yield the one turn there is."""
        yield Turn(("network",), lambda: self.wrong(networks["network"](inputs), self.right(inputs, targets)))

    def laid(self, outputs: Any) -> Any:
        """Return what the network gives as an answer."""
        return outputs

    def answer(self, networks, inputs):
        """Return what the network says of these examples."""
        return self.laid(networks[self.answering](inputs))

    def wrong(self, outputs: Any, targets: Any) -> torch.Tensor:
        """Return the loss of what the network gives."""
        raise NotImplementedError(self.kind)


def ends_in(graphs: Mapping[str, Graph]) -> str:
    """Return the kind of layer by which the network ends, or nothing where it has no end yet."""
    graph = graphs["network"]
    return graph[graph.outputs[0]].layer.kind if graph.outputs else ""


def takes_sequences(graphs: Mapping[str, Graph]) -> bool:
    """Return whether the network is given sequences of which some end before others do."""
    return any(layer.sequence for layer in graphs["network"].inputs.values())


def places_last(values: torch.Tensor) -> torch.Tensor:
    """Return maps with their channels behind height and width; all else has features at its end already."""
    return values.movedim(1, -1) if values.dim() == 4 else values


def together(outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return as many places of sequences as there are answers to and right ones for: batches are cut to their longest
    sequence, and with them what follows their places; behind that nothing is known anyway.
    """
    if outputs.dim() != 3 or outputs.shape[1] == targets.shape[1]:
        return outputs, targets
    length = min(outputs.shape[1], targets.shape[1])
    return outputs[:, :length], targets[:, :length]


def mean_of(total: float, number: float) -> float:
    """Return a mean; of nothing at all there is none."""
    return total / number if number else math.nan


task = kinds(TASKS)  # registers a class of tasks under its kind


def fits_input(graph: Graph, dataset: Dataset, beside: str = "") -> str:
    """Return why the dataset's examples cannot enter the graph, or nothing; one input may be for something else."""
    pieces = dataset.pieces(dataset.train)
    taken = [name for name in graph.inputs if name != beside]
    if "" in pieces and len(taken) != 1:
        return f"The network has {len(graph.inputs)} inputs; examples of {dataset.title} need one."
    if "" not in pieces and graph.inputs.keys() != pieces.keys():
        has, needs = " and ".join(graph.inputs), " and ".join(pieces)
        return f"The network takes {has}; an example of {dataset.title} is {needs}. Call its inputs so."
    refusals = (_fits(graph, name, dataset, "" if "" in pieces else name) for name in taken)
    return next(filter(None, refusals), "")


def _fits(graph: Graph, name: str, dataset: Dataset, field: str) -> str:
    """Return why a field of examples, or the only one there is, cannot enter an input, or nothing."""
    form, values = dataset.pieces(dataset.train)[field]
    layer, tokens, wanted = graph.inputs[name], form == "tokens", tuple(values.shape[1:])
    if layer.sizes != wanted or layer.shape.tokens != tokens:
        sizes = "×".join(map(str, wanted)) + " tokens" * tokens
        what = f"'{field}' of {dataset.title}" if field else f"an example of {dataset.title}"
        return f"{name} takes {layer.shape} but {what} is {sizes}. Change {name} to {sizes}."
    if field in dataset.uneven and not layer.sequence:
        return f"Examples of {dataset.title} differ in length. Let {name} take a sequence."
    reading = (step for step in trace(graph).steps if tokens and step.sources == (name,))
    small = next((step for step in reading if getattr(step.layer, "vocabulary", 2**31) < len(dataset.words)), None)
    if small:
        return f"{small.path} knows fewer tokens than the {len(dataset.words):,} of {dataset.title}. Let it know them."
    return ""
