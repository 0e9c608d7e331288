"""Verdicts: what two networks lose by them, of which one makes examples and the other judges what is real."""

import math
from typing import Literal

import torch
from torch.nn import functional as F

from engine.tasks.regress import cross_entropy as of_chances

Loss = Literal["non-saturating", "minimax", "least squares", "hinge", "wasserstein"]
BY_CHANCE = ("non-saturating", "minimax")  # losses in which a verdict is a chance, or what a sigmoid makes one of
UNBOUNDED = ("hinge", "wasserstein")  # losses that need scores without an end,
WITHOUT_LABELS = UNBOUNDED  # and do not say what is right of an example
MIDDLE = {"non-saturating": 0.5, "minimax": 0.5, "least squares": 0.5, "hinge": 0.0}  # above it, taken for real


def even(loss: Loss, smooth: float = 0.0) -> tuple[float, float | None]:
    """Return what each loses where neither network can better itself, since made and real examples are alike; a
    generator's loss that moves with a constant which nothing tells has no such line.
    """
    best = (1 - smooth) / 2  # what is said of everything
    match loss:
        case "least squares":
            return (1 - smooth) ** 2 / 4, (1 + smooth) ** 2 / 8
        case "hinge":
            return 2.0, None
        case "wasserstein":
            return 0.0, None
    lost = -(1 - smooth) * math.log(best) - (1 + smooth) * math.log(1 - best)
    return lost, math.log(1 - best) if loss == "minimax" else -math.log(best)


def cross_entropy(verdicts: torch.Tensor, wanted: float, chances: bool) -> torch.Tensor:
    """Return the cross-entropy of each verdict, a chance or a score that a sigmoid makes one of."""
    right = torch.full_like(verdicts, wanted, dtype=torch.float32)
    if chances:
        return of_chances(verdicts, right, "none")
    with torch.autocast(verdicts.device.type, enabled=False):
        return F.binary_cross_entropy_with_logits(verdicts.float(), right, reduction="none")


def told_apart(real: torch.Tensor, fake: torch.Tensor, loss: Loss, chances: bool, wanted: float = 1.0) -> torch.Tensor:
    """Return what the judge loses by its verdicts; `wanted` is what it should say of what is real."""
    match loss:
        case "least squares":
            return 0.5 * ((real - wanted).square().mean() + fake.square().mean())
        case "hinge":
            return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
        case "wasserstein":
            return fake.mean() - real.mean()
    return cross_entropy(real, wanted, chances).mean() + cross_entropy(fake, 0.0, chances).mean()


def deceived(fake: torch.Tensor, loss: Loss, chances: bool) -> torch.Tensor:
    """Return what the maker loses by what the judge says of its examples."""
    match loss:
        case "minimax":
            return -cross_entropy(fake, 0.0, chances).mean()
        case "non-saturating":
            return cross_entropy(fake, 1.0, chances).mean()
        case "least squares":
            return 0.5 * (fake - 1).square().mean()
    return -fake.mean()


class Verdicts:
    """What the judge loses, what it says on average of real and of made examples, and how often it is right."""

    def __init__(self, loss: Loss, chances: bool):
        self.loss, self.chances = loss, chances
        self.number = 0
        self.lost = self.real = self.fake = self.right = 0.0

    def take(self, outputs: torch.Tensor, targets: object) -> None:
        """Take verdicts, of real examples in the first column and of made ones in the second."""
        real, fake = outputs.float().unbind(1)
        number = len(real)
        self.lost += told_apart(real, fake, self.loss, self.chances).item() * number
        said = [self.read(one) for one in (real, fake)]
        self.real += said[0].sum().item()
        self.fake += said[1].sum().item()
        middle = MIDDLE.get(self.loss, 0.0)
        self.right += ((said[0] > middle).float() + (said[1] < middle).float()).sum().item() / 2
        self.number += number

    def read(self, verdicts: torch.Tensor) -> torch.Tensor:
        """Return verdicts as they are read: as chances, where they are any."""
        return verdicts.sigmoid() if self.loss in BY_CHANCE and not self.chances else verdicts

    def scores(self) -> dict[str, float]:
        """Return the means; of a critic how far it holds the two apart, of all others how often they are right."""
        number = max(1, self.number)
        real, fake = self.real / number, self.fake / number
        found = {"loss": self.lost / number, "D of real": real, "D of fake": fake}
        return found | ({"apart": real - fake} if self.loss == "wasserstein" else {"accuracy": self.right / number})
