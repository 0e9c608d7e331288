"""Form: what examples of one form have in common for whoever looks: how one is brought, and how it is shown small."""

from typing import Any, ClassVar

import numpy as np
import torch

from engine.data import Dataset
from engine.errors import VitrineError
from engine.registry import Registry
from engine.training.learner import Learner

FORMS: Registry["Form"] = Registry("form of example")


class Form:
    """One form of example; what a browser shows of it is one thing by name: a picture, pieces, lines or numbers."""

    ways: ClassVar[tuple[str, ...]] = ()  # in which a person may bring one: draw, upload, camera, write
    names: ClassVar[tuple[str, ...]] = ()  # with which the name begins of one that was brought
    hint: ClassVar[str] = ""  # what may be written

    def brought(self, learner: Learner, how: str, text: str) -> tuple[Any, str]:
        """Return one example as the dataset holds them, from what a person brought, and what was done to it."""
        raise VitrineError("Examples like these cannot be brought.", cure="Choose one of the dataset.")

    def shown(self, dataset: Dataset, values: Any) -> dict[str, Any]:
        """Return how one example is shown small."""
        raise NotImplementedError(type(self).__name__)


def form_of(learner: Learner) -> Form:
    """Return the form of the examples that a learner is given."""
    return FORMS[learner.dataset.example]


def laid_out(learner: Learner, values: torch.Tensor, padding: float) -> tuple[torch.Tensor, str]:
    """Return a sequence as long as the dataset's are, and what was done to it; padded where the network takes that."""
    length = learner.dataset.sizes[0]
    if len(values) > length:
        if learner.dataset.cut == "the beginning":
            return values[-length:], f"cut to the last {length}"
        return values[:length], f"cut to the first {length}"
    if len(values) == length:
        return values, ""
    inputs = next(iter(learner.experiment.graphs.values())).inputs
    if not len(values) or not all(layer.sequence for layer in inputs.values()):
        raise VitrineError(f"The network takes {length} at once; there are {len(values)}.", cure="Write more.")
    rest = torch.full((length - len(values), *values.shape[1:]), padding, dtype=values.dtype)
    return torch.cat([values, rest]), ""


def rounded(values: torch.Tensor) -> list[Any]:
    """Return numbers as they are sent to a browser: few digits, and none where there is no number."""
    found = np.asarray(values, np.float64)
    return [[float(f"{v:.4g}") if np.isfinite(v) else None for v in row] for row in found]
