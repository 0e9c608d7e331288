"""Datasets: one catalogue; a file a source, a class a kind."""

from engine.data.dataset import DATASETS, Dataset, Source, Split
from engine.registry import import_all

import_all(__name__)

__all__ = ["DATASETS", "Dataset", "Source", "Split"]
