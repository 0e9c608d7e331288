"""Verdicts: what two networks lose by them, of which one makes examples and the other judges what is real."""

from typing import Literal

import torch
from torch.nn import functional as F

Loss = Literal["non-saturating", "minimax", "least squares", "hinge", "wasserstein"]
BY_CHANCE = ("non-saturating", "minimax")  # losses in which a verdict is a chance, or what a sigmoid makes one of
UNBOUNDED = ("hinge", "wasserstein")  # losses that need scores without an end,
WITHOUT_LABELS = UNBOUNDED  # and do not say what is right of an example
MIDDLE = {"non-saturating": 0.5, "minimax": 0.5, "least squares": 0.5, "hinge": 0.0}  # above it, taken for real
# What is lost where neither network can better itself: verdicts that tell nothing.
EVEN = {
    "non-saturating": (1.3862943611, 0.6931471806),  # log 4, log 2
    "minimax": (1.3862943611, -0.6931471806),
    "least squares": (0.25, 0.125),
    "hinge": (2.0, 0.0),
    "wasserstein": (0.0, 0.0),
}


def cross_entropy(verdicts: torch.Tensor, wanted: float, chances: bool) -> torch.Tensor:
    """Return the cross-entropy of each verdict, a chance or a score that a sigmoid makes one of."""
    verdicts = verdicts.float()  # half of it has no logarithm so small
    with torch.autocast(verdicts.device.type, enabled=False):
        function = F.binary_cross_entropy if chances else F.binary_cross_entropy_with_logits
        return function(verdicts, torch.full_like(verdicts, wanted), reduction="none")


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
