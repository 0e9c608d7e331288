"""About: what a dataset is like: how its classes are spread, their means, and which examples are the same."""

from collections import Counter

import numpy as np
import torch

from engine.data.dataset import MOST_COMPARED, Dataset, Split, digests

MOST_MEANT = 2**29  # bytes of images that a mean is taken of
MOST_LAID = 1000  # examples that are laid out in the plane


def labels_of(dataset: Dataset, split: Split) -> list[str]:
    """Return of each example of a split what is right for it, in words; nothing where there is no one class."""
    if dataset.goal != "class":
        return []
    return [dataset.classes[kind] if kind >= 0 else "not known" for kind in split.targets.tolist()]


def spread(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Return how many examples of each class there are in each split."""
    found = {}
    for name, split in dataset.splits().items():
        counted = Counter(labels_of(dataset, split))
        found[name] = {
            kind: counted[kind] for kind in (*dataset.classes, "not known") if counted[kind] or kind != "not known"
        }
    return found


def in_words(dataset: Dataset) -> str:
    """Return in a sentence how many examples there are, of how many classes."""
    total = sum(len(split) for split in dataset.splits().values())
    if dataset.goal != "class":
        return f"{total:,} examples."
    counted: Counter[str] = Counter()
    for kinds in spread(dataset).values():
        counted.update(kinds)
    said = f"{total:,} examples of {len(dataset.classes)} classes"
    if len(dataset.classes) <= 5:
        return f"{said}: {', '.join(f'{counted[kind]:,} {kind}' for kind in dataset.classes)}."
    numbers = [counted[kind] for kind in dataset.classes]
    low, high = min(numbers), max(numbers)
    return f"{said}, {low:,} of each." if low == high else f"{said}, {low:,} to {high:,} of each."


def means(dataset: Dataset) -> dict[str, np.ndarray]:
    """Return the mean picture of all training images, and that of each class; of other examples, nothing."""
    images, kinds = dataset.train.inputs, dataset.train.targets
    if dataset.example != "image" or not len(images):
        return {}
    most = max(1, MOST_MEANT // max(1, images[0].numel() * 4))
    images, kinds = images[:most].float(), kinds[:most]
    found = {"all": images.mean(dim=0)}
    if dataset.goal == "class":
        every = ((name, images[kinds == place]) for place, name in enumerate(dataset.classes))
        found |= {name: mine.mean(dim=0) for name, mine in every if len(mine)}
    return {name: mean.round().to(torch.uint8).numpy() for name, mean in found.items()}


def rows(dataset: Dataset, split: Split) -> np.ndarray | None:
    """Return the first examples of a split as rows of raw numbers, where examples are numbers of one size."""
    if not isinstance(split.inputs, torch.Tensor) or dataset.example == "tokens":
        return None
    return split.inputs[:MOST_LAID].flatten(1).double().nan_to_num().numpy()


def twins(dataset: Dataset) -> list[tuple[tuple[str, int], ...]]:
    """Return the groups of examples that are the same to the last number, by split and place; of large sets, none."""
    if sum(split.inputs.nbytes for split in dataset.splits().values()) > MOST_COMPARED:
        return []
    groups: dict[bytes, list[tuple[str, int]]] = {}
    for name, split in dataset.splits().items():
        for place, digest in enumerate(digests(split)):
            groups.setdefault(digest, []).append((name, place))
    return [tuple(group) for group in groups.values() if len(group) > 1]
