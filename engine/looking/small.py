"""Small: examples of any form as small pictures."""

import numpy as np
import torch

from engine.figures.lines import lined
from engine.looking.sample import looks
from engine.looking.session import Session


def pictured(session: Session, values: torch.Tensor) -> np.ndarray:
    """Return examples, as networks take them, as pictures (n, channels, height, width) in bytes; rows and series of
    numbers as lines.
    """
    if session.network.dataset.example == "image":
        return looks(session, values.to(session.network.place.device))
    return in_lines(values, *bounds(session))


def in_lines(values: torch.Tensor, low: float, high: float) -> np.ndarray:
    """Return rows or series of numbers as pictures of lines."""
    return lined((values if values.dim() > 2 else values[:, :, None]).numpy(), low, high)


def bounds(session: Session) -> tuple[float, float]:
    """Return between which numbers the examples lie, so that lines of all of them can be compared."""
    kept = session.network.lasting
    if "bounds" not in kept:
        values = session.network.train.inputs[:2000].float()
        values = values[values.isfinite()]
        kept["bounds"] = float(values.min()), float(values.max())
    return kept["bounds"]
