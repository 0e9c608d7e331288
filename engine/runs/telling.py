"""Telling: what a machine lacks, in words: room on the disk, or memory."""

from typing import Any

import torch

from engine.errors import VitrineError
from engine.home import cure_of
from engine.training.experiment import Experiment


class telling_disk:
    """While entered, a disk that takes no more is told in words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, problem: Any, trace: Any) -> None:
        if isinstance(problem, OSError):
            raise VitrineError(
                f"The run's folder could not be written: {(problem.strerror or 'unknown reason').lower()}.",
                cure=cure_of(problem),
            ) from None


class telling_memory:
    """While entered, running out of memory becomes words that say what to lower."""

    def __init__(self, experiment: Experiment):
        self.experiment = experiment

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, problem: Any, trace: Any) -> None:
        short = isinstance(problem, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(problem)
        if not short:
            return
        from engine.graph.cost import learning_bytes

        batch = self.experiment.recipe.batch
        needed = learning_bytes(self.experiment.graphs, 1 if batch == "all" else int(batch)) / 2**30
        raise VitrineError(
            f"Memory ran out; weights and a batch of {batch} take about {needed:,.1f} GiB.",
            cure="Lower the batch, the size of the images, or the number of channels.",
        ) from None
