"""Reconstruct: give back what came in, through whatever the network lets pass."""

import torch

from engine.graph.trace import trace
from engine.tasks.regress import FAR, Distance, Far
from engine.tasks.task import fits_input, takes_sequences, task


class GivingBack(Distance):
    """What is learned of examples that are themselves what is right."""

    goals, answers, blends = ("nothing",), "example", False

    def unlearnable(self, dataset):
        """Refuse what is not made of numbers, whatever else there is to learn of it."""
        if dataset.example in ("fields", "tokens"):
            what = "several fields" if dataset.example == "fields" else "words"
            return f"An example of {dataset.title} is made of {what}; numbers are given back."
        return ""

    def opinions(self, answers, inputs):
        """Return how close what is given back comes: the greater, the closer."""
        known = ~inputs.isnan()
        off = torch.where(known, answers - inputs.nan_to_num(), 0.0).pow(2).flatten(1).sum(dim=1, keepdim=True)
        return -off / known.flatten(1).sum(dim=1, keepdim=True).clamp_min(1)

    def names(self, dataset):
        """Return what is asked about: each dot has its share in it."""
        return ("how close it comes",)

    def right(self, inputs, targets):
        """Return the examples themselves."""
        return inputs


@task("reconstruct")
class Reconstruct(GivingBack):
    """Give back what came in; learned by how far off it is. What is right needs no one to say it."""

    title = "Give back what came in"

    loss: Far = FAR

    def suited(self, graphs, dataset):
        """Return the task as it must be for these data: numbers may be missing, at a sequence's end at least."""
        return self.but(incomplete=takes_sequences(graphs) or dataset.example == "series")

    def unsuited(self, graphs):
        """Refuse graphs that give something of other sizes than they take."""
        graph = graphs["network"]
        takes, gives = [layer.shape for layer in graph.inputs.values()], trace(graph).outputs
        if len(takes) != 1 or not gives or takes[0].sizes != gives[0].sizes:
            came = " and ".join(map(str, takes)) or "nothing"
            return f"The network takes {came} and gives {gives[0] if gives else 'nothing'}. Let it give what it takes."
        return ""

    def refuses(self, graphs, dataset):
        """Refuse other inputs, and graphs that give something else."""
        words = self.unlearnable(dataset) or self.unsuited(graphs)
        return words or fits_input(graphs["network"], dataset)
