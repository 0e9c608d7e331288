"""Label: which class each place of an example belongs to, along a sequence or all over a picture."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from engine.choice import option
from engine.fields import Fields
from engine.layers.modules import lengths_of, within
from engine.tasks.classify import Classify, Right, confusion
from engine.tasks.task import Turn, mean_of, places_last, takes_sequences, task, together


@task("label")
class Label(Classify):
    """Tell the class of every place: of each word of a sentence, or of each dot of a picture."""

    title, goals, answers, blends = "Label every place", ("labels",), "labels", False

    teacher: Annotated[float, Field(ge=0, le=1)] = option(
        1.0,
        "Teacher forcing: at this share of the places what is right is read while it learns; at the others what the "
        "network itself said, one place before, to come there. Where data ask what comes next.",
        rare=True,
    )
    foretells: bool = option(False, "Whether what comes next is asked; follows from the data.", hidden=True)
    ends: bool = option(False, "Whether sequences end before others do; follows from the graph.", hidden=True)

    def suited(self, graphs, dataset):
        """Return the task as it must be: whether places may lie behind an end."""
        return super().suited(graphs, dataset).but(ends=takes_sequences(graphs), foretells=dataset.foretells)

    def refuses(self, graphs, dataset):
        """Refuse to be taught by its own words where it is not asked for any."""
        if self.teacher < 1 and not dataset.foretells:
            return f"{dataset.title} does not ask what comes next, so nothing said can be read. Let the teacher be 1."
        return super().refuses(graphs, dataset)

    def forbids(self, recipe):
        """Refuse that state is kept where the network reads what it said itself."""
        if not recipe.carry or self.teacher == 1:
            return ""
        return "What a network says itself is read from a window's start. Take 'carry' out, or let the teacher be 1."

    def turns(self, networks, inputs, targets, step=0):
        """Yield the one turn there is; some of the time the network reads what it said itself."""
        if self.teacher == 1:
            yield from super().turns(networks, inputs, targets, step)
            return
        network = networks["network"]
        yield Turn(("network",), lambda: self.wrong(network(self.fed_back(network, inputs)), targets))

    def fed_back(self, network: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
        """Return texts in which at some places stands what the network says to come there, of what is right before."""
        modes = {module: module.training for module in network.modules()}
        network.eval()
        with torch.no_grad():
            said = 1 + self.laid(network(inputs)).argmax(dim=-1)[:, :-1]
        for module, mode in modes.items():
            module.training = mode
        own = torch.rand(said.shape, device=said.device) >= self.teacher
        own &= inputs[:, 1 : 1 + said.shape[1]] != 0  # what lies behind an end stays there
        found = inputs.clone()
        found[:, 1 : 1 + said.shape[1]] = torch.where(own, said, inputs[:, 1 : 1 + said.shape[1]])
        return found

    def sizes(self, dataset, columns):
        """Return the sizes of an answer: features stand behind a sequence's places, and channels before a map's."""
        places = tuple(dataset.train.targets.shape[1:])
        return (*places, columns) if len(places) == 1 else (columns, *places)

    def needs(self, dataset):
        """Return in words what answers must tell."""
        places = "×".join(map(str, dataset.train.targets.shape[1:]))
        return f"{len(dataset.classes)} classes for {places} places"

    def wrong(self, outputs, targets):
        """Return the loss, every place counts alike."""
        outputs, targets = together(places_last(outputs) if outputs.dim() == 4 else outputs, targets)
        return super().wrong(outputs.flatten(0, -2), targets.flatten())

    def laid(self, outputs):
        """Return a column for each class at every place; columns stand last."""
        return super().laid(places_last(outputs))

    def opinions(self, answers, inputs):
        """Return a column for each class: its mean over all places that an example has."""
        places = answers.flatten(1, -2)
        if not self.ends or isinstance(inputs, Fields):  # of several fields nobody knows which the places follow
            return places.mean(dim=1)
        lengths = lengths_of(inputs)
        return (places * within(places, lengths)).sum(dim=1) / lengths.unsqueeze(1)

    def tally(self):
        """Return what adds up losses and what places were taken for."""
        return Places(self)


class Places(Right):
    """Beside the loss and how many places are right, how well what was found of each class covers what there is."""

    def __init__(self, task: Label):
        super().__init__(task)
        self.task: Label = task
        self.table: torch.Tensor | int = 0

    def take(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Take answers to whole examples."""
        rows, flat = outputs.flatten(0, -2), targets.flatten()
        super().take(rows, flat)
        self.table = self.table + confusion(rows, flat).double()

    def scores(self) -> dict[str, float]:
        """Return the means; the cover is the mean over those classes that there are, or were found."""
        found = super().scores()
        found.pop("top 3", None)
        assert isinstance(self.table, torch.Tensor), "scores are of something"
        both = self.table.diagonal()
        if self.task.foretells:
            bits = found["loss"] / math.log(2)
            return found | {"bits": bits, "perplexity": math.exp(min(found["loss"], 700.0))}
        either = self.table.sum(dim=0) + self.table.sum(dim=1) - both
        there = either > 0
        return found | {"mean IoU": mean_of(float((both[there] / either[there]).sum()), int(there.sum()))}
