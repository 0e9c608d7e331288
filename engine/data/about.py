"""About: what a dataset is like: how its classes are spread, their means, and which examples are the same."""

from collections import Counter

import numpy as np
import torch

from engine.data.dataset import MOST_COMPARED, NOT_KNOWN, Dataset, Split, digests
from engine.fields import Fields

A_PIECE = 2**26  # bytes of pictures, as numbers, that are added up at once
MOST_LAID = 1000  # examples that are laid out in the plane,
MOST_NUMBERS = 2**24  # with so many numbers together


def labels_of(dataset: Dataset, split: Split) -> list[str]:
    """Return of each example of a split what is right for it, in words; nothing where there is no one class."""
    if dataset.goal != "class":
        return []
    return [dataset.classes[kind] if kind >= 0 else NOT_KNOWN for kind in split.targets.tolist()]


def spread(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Return how many examples of each class there are in each split."""
    found = {}
    for name, split in dataset.splits().items():
        counted = Counter(labels_of(dataset, split))
        kinds = (*dataset.classes, *([NOT_KNOWN] if counted[NOT_KNOWN] else []))
        found[name] = {kind: counted[kind] for kind in kinds}
    return found


def in_words(dataset: Dataset) -> str:
    """Return in a sentence how many examples there are, of how many classes."""
    total = sum(len(split) for split in dataset.splits().values())
    said = f"{total:,} {'example' if total == 1 else 'examples'}"
    if dataset.goal != "class":
        return f"{said}."
    counted: Counter[str] = Counter()
    for kinds in spread(dataset).values():
        counted.update(kinds)
    said = f"{said} of {len(dataset.classes)} {'class' if len(dataset.classes) == 1 else 'classes'}"
    if len(dataset.classes) <= 5:
        return f"{said}: {', '.join(f'{counted[kind]:,} {kind}' for kind in dataset.classes)}."
    numbers = [counted[kind] for kind in dataset.classes]
    low, high = min(numbers), max(numbers)
    return f"{said}, {low:,} of each." if low == high else f"{said}, {low:,} to {high:,} of each."


def means(dataset: Dataset) -> dict[str, torch.Tensor]:
    """Return the mean picture of all training images, and that of each class; of other examples, nothing."""
    images, kinds = dataset.train.inputs, dataset.train.targets
    if dataset.example != "image" or not len(images):
        return {}
    classes = len(dataset.classes) if dataset.goal == "class" else 0
    sums, counts = torch.zeros(classes + 1, *images.shape[1:], dtype=torch.float64), torch.zeros(classes + 1)
    piece = max(1, A_PIECE // (8 * images[0].numel()))
    for start in range(0, len(images), piece):
        some = images[start : start + piece].double()
        sums[classes] += some.sum(dim=0)
        counts[classes] += len(some)
        if classes:
            of = kinds[start : start + piece]
            sums.index_add_(0, of[of >= 0], some[of >= 0])
            counts.index_add_(0, of[of >= 0], torch.ones(int((of >= 0).sum())))
    names = {"all": classes} | {name: place for place, name in enumerate(dataset.classes[:classes])}
    found = {name: sums[place] / counts[place] for name, place in names.items() if counts[place]}
    return {name: mean.round().to(torch.uint8) for name, mean in found.items()}


def laid(dataset: Dataset, split: Split) -> bool:
    """Return whether examples are rows of raw numbers, at least two each, that can be laid out in the plane."""
    inputs = split.inputs
    return isinstance(inputs, torch.Tensor) and dataset.example != "tokens" and inputs[:1].numel() > 1 < len(inputs)


def rows(split: Split) -> np.ndarray:
    """Return the first examples of a split as rows of raw numbers."""
    most = min(MOST_LAID, max(3, MOST_NUMBERS // split.inputs[0].numel()))
    return split.inputs[:most].flatten(1).float().nan_to_num_().numpy()


def twins(dataset: Dataset) -> list[tuple[tuple[str, int], ...]] | None:
    """Return the groups of examples that are the same to the last number, by split and place; of large sets, none."""
    if sum(_size(split) for split in dataset.splits().values()) > MOST_COMPARED:
        return None
    groups: dict[bytes, list[tuple[str, int]]] = {}
    for name, split in dataset.splits().items():
        for place, digest in enumerate(digests(split)):
            groups.setdefault(digest, []).append((name, place))
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _size(split: Split) -> int:
    """Return how many bytes are compared: fields of several forms stand in a row as numbers of the largest kind."""
    return split.inputs.numel() * 8 if isinstance(split.inputs, Fields) else split.inputs.nbytes
