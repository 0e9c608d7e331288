"""Classify: which of several classes an example belongs to."""

from typing import Annotated

import torch
from pydantic import Field
from torch.nn import functional as F

from engine.choice import option
from engine.data.dataset import UNKNOWN
from engine.graph.trace import trace
from engine.tasks.task import Direct, ends_in, fits_input, mean_of, task

TINIEST = 1e-12  # below it a probability counts as zero, whose logarithm is not finite


@task("classify")
class Classify(Direct):
    """Tell which class an example belongs to; learned by cross-entropy."""

    title, goals, best, answers = "Classify", ("class",), "accuracy", "classes"

    smoothing: Annotated[float, Field(ge=0, lt=1)] = option(
        0.0, "Label smoothing: the share of certainty that is spread over all classes.", felt=(0.0, 0.5)
    )
    class_weights: tuple[Annotated[float, Field(ge=0, le=1000)], ...] | None = option(
        None, "How much an example of each class counts; empty: all alike.", rare=True
    )
    probabilities: bool = option(
        False, "Whether the network ends in probabilities; follows from the graph.", hidden=True
    )

    def suited(self, graphs, dataset):
        """Return the task as it must be: with or without a softmax or sigmoid at the end, all known or not."""
        return super().suited(graphs, dataset).but(probabilities=ends_in(graphs) in ("softmax", "sigmoid"))

    def refuses(self, graphs, dataset):
        """Refuse other inputs, other numbers of classes, and targets that are no classes."""
        if words := self.unlearnable(dataset):
            return words
        if words := fits_input(graphs["network"], dataset):
            return words
        gives, classes = trace(graphs["network"]).outputs[0], len(dataset.classes)
        wanted = self.sizes(dataset, classes)
        if gives.sizes != wanted and (gives.sizes, classes) != (self.sizes(dataset, 1), 2):
            end, sizes = graphs["network"].outputs[0], "×".join(map(str, wanted))
            return f"{end} gives {gives} but {dataset.title} has {self.needs(dataset)}. Let it give {sizes}."
        if self.class_weights and len(self.class_weights) != classes:
            return f"There are {len(self.class_weights)} class weights for {classes} classes."
        return ""

    def sizes(self, dataset, columns):
        """Return the sizes of an answer with so many columns."""
        return (columns,)

    def needs(self, dataset):
        """Return in words what answers must tell."""
        return f"{len(dataset.classes)} classes"

    def wrong(self, outputs, targets):
        """Return the loss of what is learned by."""
        shares = targets.is_floating_point()  # of several classes, where examples are blended
        special = self.smoothing or self.class_weights or self.probabilities or self.incomplete
        if outputs.shape[-1] == 1 and not (special or shares):  # the same number, in half the time
            return F.binary_cross_entropy_with_logits(outputs[..., 0], targets.to(outputs.dtype))
        columns = self.laid(outputs)
        if not self.incomplete or shares:
            return self.entropy(columns, targets, self.smoothing)
        known = self.counted(columns, targets).clamp_min(torch.finfo(columns.dtype).tiny)
        return self.entropy(columns, targets, self.smoothing, "sum") / known

    def entropy(self, columns, targets, smoothing, reduction="mean"):
        """Return the cross-entropy; what is not known counts nothing."""
        scores = columns.clamp_min(TINIEST).log() if self.probabilities else columns
        return F.cross_entropy(scores, targets, self.weights(columns), None, UNKNOWN, None, reduction, smoothing)

    def weights(self, columns):
        """Return how much each class counts, or None where all count alike."""
        return torch.tensor(self.class_weights, device=columns.device) if self.class_weights else None

    def counted(self, columns, targets):
        """Return what makes a mean of a sum over examples: how many are known, each as it counts."""
        if (weights := self.weights(columns)) is not None:
            return (weights[targets.clamp_min(0)] * (targets != UNKNOWN)).sum().to(columns.dtype)
        return (targets != UNKNOWN).sum().to(columns.dtype)

    def laid(self, outputs):
        """Return a column for each class: a single output, which tells of the second one, becomes two."""
        if outputs.shape[-1] > 1:
            return outputs
        first = 1 - outputs if self.probabilities else torch.zeros_like(outputs)
        return torch.cat([first, outputs], dim=-1)

    def chances(self, answers):
        """Return the probability of each class."""
        return answers if self.probabilities else answers.softmax(dim=-1)

    def tally(self):
        """Return what adds up losses and right answers."""
        return Right(self)


class Right:
    """The loss, how often the class is right, and how often it is among the first three."""

    def __init__(self, task: Classify):
        self.task, self.columns = task, 0
        self.loss = self.weight = 0.0
        self.right = self.first = self.number = 0

    def take(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Take answers, a row each; smoothing is a way to learn, no score."""
        outputs = outputs.float()
        self.columns = outputs.shape[1]
        self.loss += self.task.entropy(outputs, targets, 0.0, "sum").item()
        self.weight += self.task.counted(outputs, targets).item()
        self.right += int((outputs.argmax(dim=1) == targets).sum())
        self.number += int((targets != UNKNOWN).sum())
        if self.columns > 5:
            self.first += int((outputs.topk(3, dim=1).indices == targets.unsqueeze(1)).any(dim=1).sum())

    def scores(self) -> dict[str, float]:
        """Return the means."""
        found = {"loss": mean_of(self.loss, self.weight), "accuracy": mean_of(self.right, self.number)}
        return found | ({"top 3": mean_of(self.first, self.number)} if self.columns > 5 else {})


def confusion(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return how many examples of each class (rows) were taken for each class (columns)."""
    classes, known = outputs.shape[1], targets != UNKNOWN
    pairs = targets[known] * classes + outputs[known].argmax(dim=1)
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def precision_and_recall(table: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return, of each class, the share of what was taken for it that is, and of what is that was found."""
    right = table.diagonal().float()
    return right / table.sum(dim=0).clamp_min(1), right / table.sum(dim=1).clamp_min(1)
