"""Encode: an example's code is what an encoder makes of it, and is asked to be sparse, or to keep still."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.fields import Fields
from engine.graph.trace import trace
from engine.tasks.coding import ENCODER, Coding, ending
from engine.tasks.regress import Off
from engine.tasks.similarity import similarity
from engine.tasks.task import task, together

MOST_CONTRACTED = 128  # numbers of a code up to which each is asked how it hangs on the example
Weight = Annotated[float, Field(ge=0, le=1000)]


@task("encode")
class Encode(Coding):
    """Give back what came in, through a code; learned by how far off that is, and by what codes are asked to be."""

    title = "Encode and decode"

    structure: Annotated[float, Field(ge=0, le=1)] = option(
        0.0, "How much of the loss is a lack of structural similarity (SSIM) instead; of pictures only.", rare=True
    )
    sparse: Literal["no", "L1", "rate"] = option(
        "no", "Whether codes are pulled to zero (L1), or each unit to be active for a small share of examples."
    )
    sparsity: Weight = option(0.01, "How much that counts.")
    target: Annotated[float, Field(gt=0, lt=1)] = option(0.05, "The share of time that each unit should be active.")
    contraction: Weight = option(
        0.0, "Contractive: how much it counts that a code moves when its example does.", rare=True
    )

    def unsuited(self, graphs):
        """Refuse codes that are drawn, which is another task's."""
        if any(step.layer.kind == "draw" for step in trace(graphs[ENCODER]).steps):
            return "Here codes are drawn by chance. Choose the task 'vary'."
        if len(graphs[ENCODER].outputs) > 1:
            return "The encoder has several outputs. Let it give its code and nothing else."
        return super().unsuited(graphs)

    def unwise(self, graphs):
        """Say that networks can copy, where nothing else is asked of codes."""
        return "" if self.sparse != "no" or self.contraction else super().unwise(graphs)

    def refuses(self, graphs, dataset):
        """Refuse costs that these codes or examples cannot have."""
        if words := super().refuses(graphs, dataset):
            return words
        if self.structure and dataset.example != "image":
            return f"Structural similarity is for pictures, and {dataset.title} has none. Set the structure to 0."
        if self.sparse == "rate" and ending(graphs[ENCODER]) != "sigmoid":
            return "A unit is active by how near it is to 1. Let the encoder end in a sigmoid, or choose L1."
        wide = trace(graphs[ENCODER]).outputs[0].sizes[0]
        if self.contraction and wide > MOST_CONTRACTED:
            return f"For the contraction a code has at most {MOST_CONTRACTED} numbers; this one has {wide:,}."
        return ""

    def wrong(self, outputs, targets):
        """Return the loss of what was made, and of how it is built where that counts."""
        far = super().wrong(outputs, targets)
        if not self.structure:
            return far
        return (1 - self.structure) * far + self.structure * (1 - similarity(outputs, targets).mean())

    def cost(self, encode, given, codes, step):
        """Return what it costs that codes are not sparse, or move."""
        found = codes[0].new_zeros(())
        if self.sparse != "no":
            found = found + self.sparsity * self.dense(codes[0])
        if self.contraction:
            found = found + self.contraction * moving(encode, given)
        return found

    def dense(self, codes: torch.Tensor) -> torch.Tensor:
        """Return how far codes are from being sparse, worked out in all bits."""
        codes = codes.float()
        if self.sparse == "L1":
            return codes.abs().sum(dim=1).mean()
        active = codes.mean(dim=0).clamp(1e-6, 1 - 1e-6)
        wanted = self.target
        return (wanted * (wanted / active).log() + (1 - wanted) * ((1 - wanted) / (1 - active)).log()).sum()

    def tally(self):
        """Return what adds up how far off answers are, and how codes are."""
        return Kept(self)


class Kept(Off):
    """Beside how far off answers are: how far the damaged examples were, and how active codes are."""

    def __init__(self, task: Encode):
        super().__init__(task)
        self.coding, self.damage, self.structure, self.pulled, self.examples = task, 0.0, 0.0, 0.0, 0
        self.active: Any = 0.0

    def take(self, outputs: Fields, targets: torch.Tensor) -> None:
        """Take what was made of some examples."""
        made, right = together(outputs["made"], targets)
        super().take(made, right)
        codes = outputs["code"].float()
        self.examples += len(codes)
        self.pulled += codes.abs().sum().item()
        self.active = self.active + codes.cpu().double().sum(dim=0)
        if self.coding.structure:
            self.structure += similarity(made.float(), right).sum().item()
        if "given" in outputs.values:
            self.damage += (outputs["given"] - targets).nan_to_num().square().sum().item()

    def scores(self) -> dict[str, float]:
        """Return the means; the loss holds what codes cost, except for their contraction."""
        found, task = super().scores(), self.coding
        if task.structure:
            alike = self.structure / self.examples
            found |= {"loss": (1 - task.structure) * found["loss"] + task.structure * (1 - alike), "SSIM": alike}
        if task.sparse == "L1":
            found["loss"] += task.sparsity * self.pulled / self.examples
            found["code size"] = self.pulled / self.examples
        elif task.sparse == "rate":
            active = self.active / self.examples
            found["loss"] += task.sparsity * float(task.dense(active[None]))
            found["activity"] = float(active.mean())
        if task.noise != "none":
            found["rmse of the damage"] = (self.damage / max(1, self.number)) ** 0.5
        return found


def moving(encoder: Callable[[torch.Tensor], torch.Tensor], given: torch.Tensor) -> torch.Tensor:
    """Return how much codes move with their examples: the squared Jacobian, summed, the mean over examples."""
    with torch.enable_grad():
        inputs = given.detach().requires_grad_()
        codes = encoder(inputs)
        found = given.new_zeros(())
        for unit in range(codes.shape[1]):
            (slope,) = torch.autograd.grad(codes[:, unit].sum(), inputs, create_graph=True)
            found = found + slope.square().sum()
    return found / len(given)
