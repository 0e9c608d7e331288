"""Classify: which of several classes an example belongs to."""

from typing import Annotated

import torch
from pydantic import Field
from torch.nn import functional as F

from engine.choice import option
from engine.graph.trace import trace
from engine.tasks.task import Task, Turn, fits_input, task

TINIEST = 1e-12  # below it a probability counts as zero, whose logarithm is not finite


@task("classify")
class Classify(Task):
    """Tell which class an example belongs to; learned by cross-entropy."""

    title, best, answers = "Classify", "accuracy", "classes"

    smoothing: Annotated[float, Field(ge=0, lt=1)] = option(
        0.0, "Label smoothing: the share of certainty that is spread over all classes."
    )
    class_weights: tuple[Annotated[float, Field(ge=0, le=1000)], ...] | None = option(
        None, "How much an example of each class counts; empty: all alike.", rare=True
    )
    probabilities: bool = option(
        False, "Whether the network ends in probabilities; follows from the graph.", hidden=True
    )

    def suited(self, graphs):
        """Return the task as it must be for these graphs: with or without a softmax or sigmoid at the end."""
        graph = graphs["network"]
        end = graph[graph.outputs[0]].layer.kind if graph.outputs else ""
        return self.but(probabilities=end in ("softmax", "sigmoid"))

    def unlearnable(self, dataset):
        """Refuse targets that are no classes."""
        if dataset.classes:
            return ""
        return f"{dataset.title} has numbers to learn, no classes. Choose the task 'regress'."

    def refuses(self, graphs, dataset):
        """Refuse other inputs, other numbers of classes, and targets that are no classes."""
        if words := self.unlearnable(dataset):
            return words
        if words := fits_input(graphs["network"], dataset):
            return words
        gives, classes = trace(graphs["network"]).outputs[0], len(dataset.classes)
        if gives.sizes != (classes,) and (gives.sizes, classes) != ((1,), 2):
            end = graphs["network"].outputs[0]
            return f"{end} gives {gives} but {dataset.title} has {classes} classes. Let it give {classes}."
        if self.class_weights and len(self.class_weights) != classes:
            return f"There are {len(self.class_weights)} class weights for {classes} classes."
        return ""

    def _loss(self, outputs, targets, smoothing):
        scores = outputs.clamp_min(TINIEST).log() if self.probabilities else outputs
        weights = torch.tensor(self.class_weights, device=outputs.device) if self.class_weights else None
        return F.cross_entropy(scores, targets, weights, label_smoothing=smoothing)

    def _columns(self, outputs):
        """Return a column for each class: a single output, which tells of the second one, becomes two."""
        if outputs.shape[1] > 1:
            return outputs
        first = 1 - outputs if self.probabilities else torch.zeros_like(outputs)
        return torch.cat([first, outputs], dim=1)

    def turns(self, networks, inputs, targets):
        """Yield the one turn there is."""
        yield Turn("network", lambda: self._wrong(networks["network"](inputs), targets))

    def _wrong(self, outputs, targets):
        """Return the loss of what is learned by."""
        shares = targets.dim() > 1  # of several classes, where examples are blended
        plain = not (self.smoothing or self.class_weights or self.probabilities or shares)
        if plain and outputs.shape[1] == 1:  # the same number, in half the time
            return F.binary_cross_entropy_with_logits(outputs[:, 0], targets.to(outputs.dtype))
        return self._loss(self._columns(outputs), targets, self.smoothing)

    def answer(self, networks, inputs):
        """Return a column for each class."""
        return self._columns(networks["network"](inputs))

    def chances(self, outputs):
        """Return the probability of each class."""
        return outputs if self.probabilities else outputs.softmax(dim=1)

    def scores(self, outputs, targets):
        """Return loss, accuracy, and how often the class is among the first three."""
        classes = outputs.shape[1]
        found = {
            "loss": self._loss(outputs.float(), targets, 0.0).item(),  # smoothing is a way to learn, no score
            "accuracy": (outputs.argmax(dim=1) == targets).float().mean().item(),
        }
        if classes > 5:
            first = outputs.topk(3, dim=1).indices
            found["top 3"] = (first == targets.unsqueeze(1)).any(dim=1).float().mean().item()
        return found


def confusion(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return how many examples of each class (rows) were taken for each class (columns)."""
    classes = outputs.shape[1]
    pairs = targets * classes + outputs.argmax(dim=1)
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def precision_and_recall(table: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return, of each class, the share of what was taken for it that is, and of what is that was found."""
    right = table.diagonal().float()
    return right / table.sum(dim=0).clamp_min(1), right / table.sum(dim=1).clamp_min(1)
