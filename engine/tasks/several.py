"""Several: a network with several outputs, each of which learns something else of the same examples."""

import dataclasses
from collections.abc import Iterator
from typing import Annotated, Any

import torch
from pydantic import Field

from engine.choice import option
from engine.data import Dataset
from engine.fields import Fields
from engine.graph.graph import Graph
from engine.tasks.task import TASKS, Direct, Scores, Task, fits_input, task

LONGEST = 20  # letters of an output's name: scores are called by it


@task("several")
class Several(Direct):
    """Learn several things at once, each by an output of its own; their losses add up."""

    title, goals, answers, blends = "Several at once", ("several",), "neither", False

    weights: tuple[Annotated[float, Field(ge=0, le=1000)], ...] | None = option(
        None, "How much each loss counts, in the order of the outputs; empty: all alike.", rare=True
    )
    outputs: tuple[str, ...] = option((), "The outputs in their order; follows from the graph.", hidden=True)
    learning: tuple[Any, ...] = option((), "What each output learns; follows from the data.", hidden=True)

    def suited(self, graphs, dataset):
        """Return the task as it must be: a task for each output, as its own data ask for."""
        if self.unlearnable(dataset):
            return self
        found = list(_goals(graphs["network"], dataset))
        return self.but(
            outputs=tuple(name for name, *_ in found),
            learning=tuple(task.suited({"network": graph}, data) for _, task, graph, data in found),
            incomplete=dataset.incomplete,
        )

    def refuses(self, graphs, dataset):
        """Refuse outputs of other names than what is to be learned, and what one of them cannot learn."""
        if words := self.unlearnable(dataset) or fits_input(graphs["network"], dataset):
            return words
        graph = graphs["network"]
        if set(graph.outputs) != set(dataset.goals):
            wanted, has = " and ".join(dataset.goals), " and ".join(graph.outputs)
            return f"The network gives {has}; {dataset.title} has {wanted} to learn. Call its outputs so."
        if long := next((name for name in graph.outputs if len(name) > LONGEST), ""):
            return f"The output {long} bears a long name. Call it by at most {LONGEST} letters."
        if self.weights and len(self.weights) != len(graph.outputs):
            return f"There are {len(self.weights)} weights for {len(graph.outputs)} outputs."
        every = _goals(graph, dataset)
        return next((words for _, one, own, data in every if (words := one.refuses({"network": own}, data))), "")

    @property
    def counts(self) -> tuple[float, ...]:
        """Return how much each loss counts."""
        return self.weights or (1.0,) * len(self.outputs)

    def each(self, outputs: Any, targets: Any) -> Iterator[tuple[float, Any, Any, Any]]:
        """Yield for each output how much it counts, its task, what it gives, and what is right."""
        values = outputs.values.values() if isinstance(outputs, Fields) else _each(outputs)
        for name, count, one, value in zip(self.outputs, self.counts, self.learning, values, strict=True):
            yield count, one, value, targets[name]

    def wrong(self, outputs, targets):
        """Return the sum of all losses, each as it counts."""
        losses = [count * one.wrong(value, right) for count, one, value, right in self.each(outputs, targets)]
        return torch.stack(losses).sum()

    def answer(self, networks, inputs):
        """Return the answer of each output, by its name."""
        given = _each(networks[self.answering](inputs))
        every = zip(self.outputs, self.learning, given, strict=True)
        return Fields({name: one.laid(value) for name, one, value in every})

    def chances(self, answers):
        """Return each answer as its own task reads it."""
        every = zip(self.outputs, self.learning, strict=True)
        return Fields({name: one.chances(answers[name]) for name, one in every})

    def opinions(self, answers, inputs):
        """Return the columns of all outputs side by side."""
        every = zip(self.outputs, self.learning, strict=True)
        return torch.cat([one.opinions(answers[name], inputs) for name, one in every], dim=1)

    def names(self, dataset):
        """Return what each column is called, with the name of its output."""
        found = []
        for name, one in zip(self.outputs, self.learning, strict=True):
            data = dataset.about(name)
            targets = data.train.targets
            own = one.names(data) or [str(place) for place in range(targets[0].numel())]
            found += [name] if len(own) == 1 else [f"{name} {word}" for word in own]
        return tuple(found)

    def tally(self):
        """Return what gathers the scores of each output."""
        return _Tally(self)


def _each(outputs: Any) -> tuple[torch.Tensor, ...]:
    """Return what each output gives, where there is only one, too."""
    return outputs if isinstance(outputs, tuple) else (outputs,)


class _Tally:
    def __init__(self, task: Several):
        self.task = task
        self.tallies = [one.tally() for one in task.learning]

    def take(self, outputs: Any, targets: Any) -> None:
        for tally, (_, _, value, right) in zip(self.tallies, self.task.each(outputs, targets), strict=True):
            tally.take(value, right)

    def scores(self) -> Scores:
        found, loss = {}, 0.0
        for name, count, tally in zip(self.task.outputs, self.task.counts, self.tallies, strict=True):
            own = tally.scores()
            loss += count * own["loss"]
            found |= {f"{name} {score}": value for score, value in own.items()}
        return {"loss": loss} | found


def _goals(graph: Graph, dataset: Dataset) -> Iterator[tuple[str, Task, Graph, Dataset]]:
    """Yield each output's name, the task for what it is to learn, the graph as it leads there, and its data."""
    for name in graph.outputs:
        if name in dataset.goals:
            data = dataset.about(name)
            kind = next(kind for kind, other in TASKS.items() if data.goal in other.goals)
            yield name, TASKS[kind](), dataclasses.replace(graph, outputs=(name,)), data
