"""Verdicts: a judge between what is real and what is made, for games of two networks in tests and benchmarks."""

import torch
from torch.nn import functional as F


def bce(outputs: torch.Tensor, wanted: float) -> torch.Tensor:
    """Return the loss of a judge that should have said this."""
    return F.binary_cross_entropy_with_logits(outputs, torch.full_like(outputs, wanted))


class Verdicts:
    """The mean loss of a judge that is shown what is real."""

    def __init__(self):
        self.loss, self.number = 0.0, 0

    def take(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Take verdicts."""
        self.loss += bce(outputs.float(), 1).item() * len(outputs)
        self.number += len(outputs)

    def scores(self) -> dict[str, float]:
        """Return the mean."""
        return {"loss": self.loss / self.number}
