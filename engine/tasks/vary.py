"""Vary: a code is drawn from a normal of its own for each example, and all codes together are like one normal."""

import math
from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.fields import Fields
from engine.tasks.coding import ENCODER, Coding
from engine.tasks.regress import LOSSES, Off
from engine.tasks.task import task, together

ACTIVE = 0.01  # variance of a mean above which a unit of the code tells something (Burda, Grosse, Salakhutdinov, 2015)
BUILD = "Let it end in a draw from normals, and name the means and log-variances as its second and third output."


@task("vary")
class Vary(Coding):
    """Give back what came in through codes that are drawn, while all codes together stay near a standard normal."""

    title = "Encode by chance (variational)"
    live, draws = ("beta", "free"), True

    loss: Literal["cross-entropy", "squared", "absolute"] = option(
        "cross-entropy",
        "How probable an example is, given what is made of its code: numbers from 0 to 1 as chances, or normal "
        "(squared) or Laplace (absolute) around what is made.",
    )
    deviation: Annotated[float, Field(ge=0.001, le=100)] = option(
        0.2, "How far around, where it is squared or absolute: small values make exact copies dear."
    )
    beta: Annotated[float, Field(ge=0, le=1000)] = option(
        1.0, "How much it counts that codes are unlike a standard normal; 1 is the variational bound."
    )
    anneal: Literal["no", "once", "in cycles"] = option(
        "no", "Whether beta rises from 0: once at the beginning, or again and again, half of each cycle.", rare=True
    )
    over: Annotated[int, Field(ge=1, le=10**7)] = option(
        1000, "Over how many steps it rises, or how long a cycle is.", rare=True
    )
    free: Annotated[float, Field(ge=0, le=100)] = option(
        0.0, "Free bits: so many nats each unit may tell, on average, before that costs anything.", rare=True
    )

    def unsuited(self, graphs):
        """Refuse an encoder that does not draw, or does not tell from what."""
        encoder = graphs[ENCODER]
        end = encoder[encoder.outputs[0]] if encoder.outputs else None
        if end is None or end.layer.kind != "draw":
            return f"The encoder draws nothing. {BUILD}"
        if tuple(encoder.outputs[1:]) != tuple(end.inputs):
            return f"The encoder does not tell what it draws from. {BUILD}"
        return super().unsuited(graphs)

    def unwise(self, graphs):
        """Say that networks can copy, where what codes tell costs nothing."""
        return "" if self.beta else super().unwise(graphs)

    def forbids(self, recipe):
        """Refuse a search along a line on which chance draws anew each time."""
        if recipe.optimiser == "lbfgs":
            return "L-BFGS searches along a line, and here each look is drawn anew. Choose another optimiser."
        return ""

    # -- what is learned -----------------------------------------------------------------------------------------

    def beta_at(self, step: int) -> float:
        """Return how much unlikeness counts in a step, counted from 0."""
        if self.anneal == "no":
            return self.beta
        share = step / self.over
        return self.beta * min(1.0, share if self.anneal == "once" else 2 * (share % 1.0))

    def wrong(self, outputs, targets):
        """Return how improbable examples are, given what was made: nats, the mean over examples."""
        outputs, targets = together(outputs, targets)
        return self.improbable(outputs, targets).sum() / len(targets)

    def improbable(self, made: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """Return minus the logarithm of the probability of each number that is known."""
        if self.incomplete:
            known = ~right.isnan()
            made, right = made[known], right[known]
        far = LOSSES[self.loss](made, right, reduction="none")
        if self.loss == "cross-entropy":
            return far
        if self.loss == "squared":
            return far / (2 * self.deviation**2) + 0.5 * math.log(2 * math.pi * self.deviation**2)
        return far / self.deviation + math.log(2 * self.deviation)

    def cost(self, encode, given, codes, step):
        """Return how unlike a standard normal codes are, as much as that counts in this step."""
        each = unlike(*codes[1:]).mean(dim=0)
        return self.beta_at(step) * (each.clamp_min(self.free) if self.free else each).sum()

    def told_apart(self, code, more, chance):
        """Return a code that is drawn, though the network rests."""
        mean, spread = more
        drawn = torch.randn(mean.shape, generator=chance).to(mean.device)
        return mean + (spread / 2).exp() * drawn

    def tally(self):
        """Return what adds up the bound and its parts."""
        return Bound(self)


def unlike(mean: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
    """Return how unlike a standard normal each number of a code is: the divergence of Kullback and Leibler, in nats."""
    exact = torch.promote_types(mean.dtype, torch.float32)
    mean, spread = mean.to(exact), spread.to(exact)
    return 0.5 * (mean.square() + spread.exp() - 1 - spread)


class Bound(Off):
    """The variational bound and its parts, in nats for each example, and how many units of the code tell something."""

    def __init__(self, task: Vary):
        super().__init__(task)
        self.coding, self.examples, self.lost = task, 0, 0.0
        self.each: Any = 0.0
        self.means: Any = 0.0
        self.squares: Any = 0.0

    def take(self, outputs: Fields, targets: torch.Tensor) -> None:
        """Take what was made of some examples, and what their codes were drawn from."""
        made, right = together(outputs["made"].float(), targets)
        super().take(made, right)
        mean, spread = outputs["beside 0"].float(), outputs["beside 1"].float()
        self.examples += len(mean)
        self.lost += self.coding.improbable(made, right).cpu().double().sum().item()
        mean, spread = mean.cpu().double(), spread.cpu().double()
        self.each = self.each + unlike(mean, spread).sum(dim=0)
        self.means = self.means + mean.sum(dim=0)
        self.squares = self.squares + mean.square().sum(dim=0)

    def scores(self) -> dict[str, float]:
        """Return the means; the loss by beta as it ends and with what is free, and one draw an example."""
        found = super().scores()
        lost, each = self.lost / self.examples, self.each / self.examples
        told = float(each.sum())
        varies = self.squares / self.examples - (self.means / self.examples).square()
        return {
            "loss": lost + self.coding.beta * float(each.clamp_min(self.coding.free).sum()),
            "reconstruction": lost,
            "KL": told,
            "ELBO": -lost - told,
            "rmse": found["rmse"],
            "active units": float((varies > ACTIVE).sum()),
        }
