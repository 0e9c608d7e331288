"""Best: the weights to go back to, where a recipe stops early."""

from dataclasses import dataclass, field

import torch


@dataclass
class Best:
    """The best validation score so far, and since how many epochs it stands."""

    score: float = float("-inf")
    epochs: int = 0
    weights: dict[str, dict[str, torch.Tensor]] = field(default_factory=dict)
