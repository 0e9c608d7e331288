"""Perceptron: one neuron that fires or not, taught by its own old rules rather than by a gradient."""

from typing import Literal

import numpy as np
import torch

from engine.choice import option
from engine.graph.cost import cost
from engine.graph.trace import trace
from engine.tasks.task import Task, Turn, fits_input, mean_of, task

FIRES = ("step", "sign")
MOST_PROVEN = 5_000  # examples of which it is worked out whether a line could separate them


@task("perceptron")
class Perceptron(Task):
    """One neuron learns by w ← w + η·x·t, where t is 1 or −1: after each mistake, or after every example.

    Rate and batch are the recipe's; plain SGD with a batch of 1 is the rule as it is taught.
    """

    title, goals, best, answers = "Perceptron rule", ("class",), "accuracy", "classes"
    blends = by_gradient = False

    rule: Literal["perceptron", "hebb"] = option(
        "perceptron", "Learn from mistakes only, until a whole pass makes none (Rosenblatt), or from everything (Hebb)."
    )

    def unlearnable(self, dataset):
        """Refuse anything but two classes."""
        if words := super().unlearnable(dataset):
            return words
        if dataset.incomplete:
            return f"Of some examples of {dataset.title} the class is not known, and the rule learns from every one."
        if len(dataset.classes) == 2:
            return ""
        return f"One neuron tells 2 classes apart; {dataset.title} has {len(dataset.classes)}."

    def refuses(self, graphs, dataset):
        """Refuse anything but one neuron that fires or not, on two classes."""
        return self.unlearnable(dataset) or fits_input(graphs["network"], dataset) or self.unsuited(graphs)

    def unsuited(self, graphs):
        """Refuse any network but one neuron."""
        graph = graphs["network"]
        end = graph[graph.outputs[0]]
        learning = [layer.step.path for layer in cost(graph).layers if layer.counts.weights]
        if end.layer.kind not in FIRES or trace(graph).outputs[0].sizes != (1,) or len(learning) != 1:
            return "The perceptron rule is for one neuron: a dense layer of 1 unit, then a step or a sign."
        return ""

    @property
    def settles(self):
        """Return that only mistakes move the weights, of Rosenblatt's rule."""
        return self.rule == "perceptron"

    def _sums(self, networks, inputs):
        """Return what the neuron adds up, of which the end only keeps the sign."""
        network = networks["network"]
        before = network.graph[network.graph.outputs[0]].inputs[0]
        return network.each(inputs)[before][:, 0]

    def _losses(self, sums, targets):
        """Return of each example what has the rule's change as its negative gradient: −t·sum, or nothing."""
        wanted = 2.0 * targets - 1
        mistaken = (sums > 0) != (targets > 0)
        return -wanted * sums * (mistaken if self.rule == "perceptron" else 1.0)

    def turns(self, networks, inputs, targets, step=0):
        """Yield the one turn there is; the changes of a batch add up."""
        yield Turn(("network",), lambda: self._losses(self._sums(networks, inputs), targets).sum())

    def answer(self, networks, inputs):
        """Return two columns of which the neuron's answer is the greater."""
        sums = self._sums(networks, inputs)
        return torch.stack([torch.zeros_like(sums), sums], dim=1)

    def chances(self, answers):
        """Return certainty: the neuron knows no doubt."""
        return torch.nn.functional.one_hot(answers.argmax(dim=1), 2).float()

    def tally(self):
        """Return what adds up losses and mistakes."""
        return _Tally(self)

    def last_words(self, settled, inputs, targets):
        """Say whether the rule has come to rest, and where it has not, whether it ever could."""
        if settled:
            return "A whole pass makes no mistake: the rule has come to rest."
        if self.rule == "hebb":
            return "Hebb's rule learned from every example, and never asked whether an answer was right."
        if len(targets) > MOST_PROVEN:
            return "No pass was free of mistakes yet."
        if separable(inputs.numpy(), targets.numpy()):
            return "A line could separate the classes, but no pass was free of mistakes yet: give it more epochs."
        return "No line separates these classes, so no pass will ever be free of mistakes."


class _Tally:
    def __init__(self, task):
        self.task, self.loss, self.mistakes, self.number = task, 0.0, 0, 0

    def take(self, outputs, targets):
        self.loss += self.task._losses(outputs[:, 1].float(), targets).sum().item()
        self.mistakes += int((outputs.argmax(dim=1) != targets).sum())
        self.number += len(targets)

    def scores(self):
        right = 1 - self.mistakes / max(1, self.number)
        return {"loss": mean_of(self.loss, self.number), "accuracy": right, "mistakes": float(self.mistakes)}


def separable(inputs: np.ndarray, targets: np.ndarray) -> bool:
    """Return whether some w and b have t·(w·x + b) ≥ 1 for every example: then a line separates the two classes."""
    from scipy.optimize import linprog  # takes half a second, and is seldom asked

    wanted = 2.0 * targets - 1
    rows = -wanted[:, None] * np.column_stack([inputs, np.ones(len(inputs))])
    found = linprog(np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(rows)), bounds=(None, None))
    return found.status == 0
