"""Tags: which of several classes an example has, each by itself."""

import torch
from torch.nn import functional as F

from engine.choice import option
from engine.graph.trace import trace
from engine.tasks.task import Direct, ends_in, fits_input, mean_of, task


@task("tags")
class Tags(Direct):
    """Tell of every class whether an example has it; it may have several, or none."""

    title, goals, best, answers = "Several classes at once", ("classes",), "f1", "several"

    probabilities: bool = option(False, "Whether the network ends in a sigmoid; follows from the graph.", hidden=True)

    def suited(self, graphs, dataset):
        """Return the task as it must be: with or without a sigmoid at the end, all known or not."""
        return super().suited(graphs, dataset).but(probabilities=ends_in(graphs) == "sigmoid")

    def refuses(self, graphs, dataset):
        """Refuse other inputs, other numbers of classes, and a softmax."""
        if words := self.unlearnable(dataset) or fits_input(graphs["network"], dataset):
            return words
        graph, classes = graphs["network"], len(dataset.classes)
        end, gives = graph.outputs[0], trace(graph).outputs[0]
        if gives.sizes != (classes,):
            return f"{end} gives {gives} but {dataset.title} has {classes} classes. Let it give {classes}."
        if graph[end].layer.kind == "softmax":
            return f"{end} lets one class's gain be another's loss, but an example may have several. Remove it."
        return ""

    def wrong(self, outputs, targets):
        """Return the loss; what is not known counts nothing."""
        if not self.incomplete:
            return self._entropy(outputs, targets)
        known = ~targets.isnan()
        return self._entropy(outputs[known], targets[known], "sum") / known.sum().clamp_min(1)

    def _entropy(self, outputs, targets, reduction="mean"):
        if not self.probabilities:
            return F.binary_cross_entropy_with_logits(outputs, targets, reduction=reduction)
        with torch.autocast(outputs.device.type, enabled=False):  # half precision has no logarithm of what is so small
            return F.binary_cross_entropy(outputs.float(), targets.float(), reduction=reduction)

    def chances(self, answers):
        """Return the probability of each class."""
        return answers if self.probabilities else answers.sigmoid()

    def tally(self):
        """Return what adds up losses and right answers."""
        return _Tally(self)


class _Tally:
    """The loss, the share of right answers, of examples without a mistake, and F1 over all classes together."""

    def __init__(self, task):
        self.task, self.loss = task, 0.0
        self.number = self.right = self.examples = self.faultless = self.hits = self.marks = 0

    def take(self, outputs, targets):
        outputs, known = outputs.float(), ~targets.isnan()
        says, has = self.task.chances(outputs) > 0.5, targets > 0.5
        self.loss += self.task._entropy(outputs[known], targets[known], "sum").item()
        self.number += int(known.sum())
        self.right += int(((says == has) & known).sum())
        self.examples += int(known.any(dim=1).sum())
        self.faultless += int((((says == has) | ~known).all(dim=1) & known.any(dim=1)).sum())
        self.hits += int((says & has & known).sum())
        self.marks += int((says & known).sum()) + int((has & known).sum())

    def scores(self):
        return {
            "loss": mean_of(self.loss, self.number),
            "accuracy": mean_of(self.right, self.number),
            "faultless": mean_of(self.faultless, self.examples),
            "f1": mean_of(2 * self.hits, self.marks),
        }
