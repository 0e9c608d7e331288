"""Regress: how much of something an example has."""

from typing import Literal

from torch.nn import functional as F

from engine.choice import option
from engine.graph.trace import trace
from engine.tasks.task import Task, Turn, fits_input, task

LOSSES = {"squared": F.mse_loss, "absolute": F.l1_loss, "huber": F.huber_loss}


@task("regress")
class Regress(Task):
    """Tell a number; learned by how far off the answer is."""

    title = "Regress"

    loss: Literal["squared", "absolute", "huber"] = option(
        "squared", "Count the squared distance, the distance, or squared when small and plain when large."
    )

    def unlearnable(self, dataset):
        """Refuse targets that are classes."""
        if not dataset.classes:
            return ""
        return f"{dataset.title} has classes, no numbers to learn. Choose the task 'classify'."

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

    def turns(self, networks, inputs, targets):
        """Yield the one turn there is."""
        yield Turn("network", lambda: LOSSES[self.loss](networks["network"](inputs), targets))

    def scores(self, outputs, targets):
        """Return loss, root mean squared error, and the share of the variance that is explained."""
        outputs = outputs.float()
        wrong = (outputs - targets).pow(2).mean()
        spread = (targets - targets.mean(dim=0)).pow(2).mean()
        return {
            "loss": LOSSES[self.loss](outputs, targets).item(),
            "rmse": wrong.sqrt().item(),
            "r²": (1 - wrong / spread.clamp_min(1e-12)).item(),
        }
