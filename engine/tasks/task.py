"""What a task answers: which networks take turns, their losses, and how outputs are scored."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import torch
from torch import nn

from engine.choice import Choice, kinds
from engine.data import Dataset
from engine.graph.graph import Graph
from engine.graph.trace import trace
from engine.registry import Registry

TASKS: Registry[type["Task"]] = Registry("task")

Networks = Mapping[str, nn.Module]
Scores = dict[str, float]
Answers = Literal["classes", "numbers", "neither"]


@dataclass(frozen=True)
class Turn:
    """One network's part in a step: whose weights move, and how the loss is worked out that moves them."""

    role: str
    loss: Callable[[], torch.Tensor]


class Task(Choice):
    """What is learned, with its options."""

    title: ClassVar[str] = ""
    roles: ClassVar[tuple[str, ...]] = ("network",)  # the graphs an experiment must have
    flow: ClassVar[tuple[tuple[str, str], ...]] = ()  # from which network to which what is given goes on
    answering: ClassVar[str] = "network"  # the role of the network whose output is the answer
    best: ClassVar[str] = "loss"  # the score by which a better network is told; loss falls, others rise
    blends: ClassVar[bool] = True  # whether it can learn from a blend of two examples
    answers: ClassVar[Answers] = "numbers"  # a column for each class, the numbers that were to be learned, or neither
    by_gradient: ClassVar[bool] = True  # whether a loss's gradient is what weights move by

    def unlearnable(self, dataset: Dataset) -> str:
        """Return in words why there is nothing of the kind in the dataset, whatever the graphs, or nothing."""
        raise NotImplementedError(self.kind)

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

    def suited(self, graphs: Mapping[str, Graph]) -> Self:
        """Return the task as it must be for these graphs."""
        return self

    def turns(self, networks: Networks, inputs: torch.Tensor, targets: torch.Tensor) -> Iterable[Turn]:
        """Yield each network's turn in one step; a loss is worked out when its turn has come, with weights that earlier
        turns moved, and perhaps several times, or never.
        """
        raise NotImplementedError(self.kind)

    def answer(self, networks: Networks, inputs: torch.Tensor) -> torch.Tensor:
        """Return what is scored: of most tasks, the network's output."""
        return networks[self.answering](inputs)

    def run(self, networks: Networks, role: str, inputs: torch.Tensor) -> torch.Tensor:
        """Let examples through at least as far as a network of this role, and return what came out in the end."""
        return self.answer(networks, inputs)

    def scores(self, outputs: torch.Tensor, targets: torch.Tensor) -> Scores:
        """Return the scores of a whole split, 'loss' among them."""
        raise NotImplementedError(self.kind)

    def chances(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the probability of each class, of tasks that classify."""
        raise NotImplementedError(self.kind)

    def last_words(self, settled: bool, inputs: torch.Tensor, targets: torch.Tensor) -> str:
        """Return what is to be said of the end, with the training examples, or nothing."""
        return ""


task = kinds(TASKS)  # registers a class of tasks under its kind


def fits_input(graph: Graph, dataset: Dataset) -> str:
    """Return why the dataset's examples cannot enter the graph, or nothing."""
    pieces = dataset.pieces(dataset.train)
    if "" in pieces and len(graph.inputs) != 1:
        return f"The network has {len(graph.inputs)} inputs; examples of {dataset.title} need one."
    if "" not in pieces and graph.inputs.keys() != pieces.keys():
        has, needs = " and ".join(graph.inputs), " and ".join(pieces)
        return f"The network takes {has}; an example of {dataset.title} is {needs}. Call its inputs so."
    refusals = (_fits(graph, name, dataset, "" if "" in pieces else name) for name in graph.inputs)
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
