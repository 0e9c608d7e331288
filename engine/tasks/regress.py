"""Regress: how much of something an example has."""

from typing import Any, Literal

import torch
from torch.nn import functional as F

from engine.choice import option
from engine.graph.trace import trace
from engine.tasks.task import Direct, fits_input, mean_of, places_last, task, together


def cross_entropy(outputs: torch.Tensor, targets: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """Return the cross-entropy of numbers from 0 to 1, in full precision: half of it has no logarithm so small.

    What is no number makes the loss none, too, where torch would end all.
    """
    with torch.autocast(outputs.device.type, enabled=False):
        outputs = outputs.float()
        found = F.binary_cross_entropy(outputs.nan_to_num(0.5), targets.nan_to_num(0.5), reduction=reduction)
        return found + 0 * (outputs if reduction == "none" else outputs.sum())


LOSSES = {
    "squared": F.mse_loss,
    "absolute": F.l1_loss,
    "huber": F.huber_loss,
    "cross-entropy": cross_entropy,
}


Far = Literal["squared", "absolute", "huber"]
FAR = option("squared", "Count the squared distance, the distance, or squared when small and plain when large.")


class Distance(Direct):
    """What is learned by how far off numbers are."""

    loss: str = "squared"

    def wrong(self, outputs, targets):
        """Return the loss; what is not known counts nothing."""
        outputs, targets = together(outputs, targets)
        if not self.incomplete:
            return LOSSES[self.loss](outputs, targets)
        known = ~targets.isnan()
        return LOSSES[self.loss](outputs[known], targets[known], reduction="sum") / known.sum().clamp_min(1)

    def tally(self):
        """Return what adds up how far off answers are."""
        return Off(self)


@task("regress")
class Regress(Distance):
    """Tell a number; learned by how far off the answer is."""

    title, goals = "Regress", ("numbers",)

    loss: Far = FAR

    def refuses(self, graphs, dataset):
        """Refuse other inputs, another number of outputs, and targets that are classes."""
        if words := self.unlearnable(dataset):
            return words
        if words := fits_input(graphs["network"], dataset):
            return words
        gives, wanted = trace(graphs["network"]).outputs[0], tuple(dataset.train.targets.shape[1:])
        if gives.sizes != wanted:
            end, sizes = graphs["network"].outputs[0], "×".join(map(str, wanted))
            return f"{end} gives {gives} but {dataset.title} has {sizes} numbers to learn. Let it give {sizes}."
        return ""


class Off:
    """The loss, the root of the mean squared error, and the share of the variance that is explained.

    The variance is gathered as Chan, Golub and LeVeque add parts up, so that large numbers far from zero lose nothing.
    """

    def __init__(self, task: Distance):
        self.task, self.number = task, 0
        self.loss = self.wrong = 0.0
        self.of_columns: Any = None  # of each column: how many, their mean, their squared distances from it

    def take(self, outputs: Any, targets: torch.Tensor) -> None:
        """Take answers; each feature, or channel, is a column."""
        known = ~targets.isnan()
        outputs, right = outputs.float()[known], targets[known]
        self.loss += LOSSES[self.task.loss](outputs, right, reduction="sum").item()
        self.wrong += (outputs - right).pow(2).sum().item()
        self.number += len(right)
        columns = places_last(targets).flatten(0, -2).cpu().double()
        there = ~columns.isnan()
        number = there.sum(dim=0)
        mean = columns.nan_to_num().sum(dim=0) / number.clamp_min(1)
        far = torch.where(there, columns - mean, 0.0).pow(2).sum(dim=0)
        if self.of_columns is not None:
            before, middle, spread = self.of_columns
            both, apart = (before + number).clamp_min(1), mean - middle
            mean = middle + apart * number / both
            far = spread + far + apart.pow(2) * before * number / both
            number = before + number
        self.of_columns = number, mean, far

    def scores(self) -> dict[str, float]:
        """Return the means."""
        wrong = mean_of(self.wrong, self.number)
        spread = mean_of(float(self.of_columns[2].sum()), self.number)
        return {
            "loss": mean_of(self.loss, self.number),
            "rmse": wrong**0.5,
            "r²": 1 - wrong / max(spread, 1e-12),
        }
