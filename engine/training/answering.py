"""Answering: what networks say of whole splits, piece by piece, and how good it is."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from engine.data import Split
from engine.fields import joined
from engine.tasks import Task
from engine.training.device import Place
from engine.training.evaluating import evaluating
from engine.training.material import Material

LOOK = 1024  # examples at once,
LOOK_VALUES = 2**22  # and how many numbers of theirs


class Answering:
    """Networks with a task and material; being asked leaves them and the random state as they were."""

    task: Task
    networks: dict[str, nn.Module]
    material: Material
    place: Place

    @property
    def data(self) -> dict[str, Split]:
        """Return the splits on the device."""
        return self.material.splits

    def score(self, name: str, within: float = math.inf) -> dict[str, float]:
        """Return the scores of a split, gathered piece by piece: its answers are never held all at once.

        Where that takes more than so many seconds, none; what stands beside them takes longer, and is left out then.
        """
        tally, until = self.task.tally(), time.monotonic() + within

        def take(given: Any, targets: Any) -> None:
            if time.monotonic() > until:
                raise TimeoutError
            tally.take(self.task.tried(self.networks, given, targets), self.task.right(given, targets))

        try:
            self.each(name, take)
        except TimeoutError:
            return {}
        with evaluating(self.networks), self.place.precision():
            return tally.scores() | (self.task.beside(self, name) if within == math.inf else {})

    def examined(self, name: str) -> dict[str, float]:
        """Return the scores of a split that take longer."""
        with evaluating(self.networks):
            return self.task.examined(self, name)

    def each(self, name: str, ask: Callable[[Any, Any], Any], most: int | None = None) -> list[Any]:
        """Return what is asked of a split's examples as networks take them, piece by piece; of all, or the first."""
        split = self.data[name]
        pieces = self.pieces(split.inputs[:most])
        with evaluating(self.networks), self.place.precision():
            targets = split.targets[:most].split(len(pieces[0]))
            return [ask(self.material.given(piece), right) for piece, right in zip(pieces, targets, strict=True)]

    def answers(self, name: str) -> Any:
        """Return what the networks answer to every example of a split."""
        with evaluating(self.networks), self.place.precision():
            return joined([self.answer(piece) for piece in self.pieces(self.data[name].inputs)])

    def answer(self, examples: Any) -> Any:
        """Return what the networks answer to examples as the dataset holds them."""
        return self.task.answer(self.networks, self.material.given(examples))

    def pieces(self, examples: Any) -> Sequence[Any]:
        """Return examples in as many pieces as memory asks for."""
        return examples.split(max(1, min(LOOK, LOOK_VALUES // max(1, examples[:1].numel()))))
