"""Attributes: what is known of examples: their class, how bright they are, how they were drawn."""

from dataclasses import dataclass

import numpy as np
import torch

from engine.data.dataset import UNKNOWN
from engine.errors import VitrineError
from engine.looking.session import Session
from engine.registry import did_you_mean, shortened
from engine.tasks.telling import LABEL
from engine.training.experiment import Experiment

CLASS, BRIGHTNESS = "class", "brightness"
MOST_COLUMNS = 16  # of rows of numbers, that are offered one by one


@dataclass(frozen=True)
class Attribute:
    """One thing that is known of each example: a class, by its place among the names, or a number."""

    name: str
    values: np.ndarray
    classes: tuple[str, ...] = ()


def attributes(experiment: Experiment) -> list[str]:
    """Return what is known of examples, by name."""
    task = experiment.task
    inputs = experiment.graphs[task.folds].inputs if task.folds else {}
    sizes = next((layer.sizes for name, layer in inputs.items() if name != LABEL), ())
    own = [BRIGHTNESS] if len(sizes) == 3 else []
    if len(sizes) == 1:
        own = [f"x{place}" for place in range(1, 1 + min(MOST_COLUMNS, sizes[0]))]
    return [CLASS, *own, *(experiment.data.knows if experiment.data else ())]


def attribute(session: Session, name: str, split: str, most: int) -> Attribute:
    """Return what is known by this name of a split's first examples."""
    dataset = session.network.dataset
    which, examples = session.split(split)
    if name == CLASS:
        if dataset.goal != "class":
            return Attribute(CLASS, np.full(len(examples.inputs[:most]), UNKNOWN))
        return Attribute(CLASS, examples.targets[:most].cpu().numpy(), dataset.classes)
    facts = dataset.splits()[which].facts
    if facts is not None and name in facts.values:
        values = facts[name][:most].float().numpy()
        return Attribute(name, values.astype(int) if dataset.facts[name] else values, dataset.facts[name])
    inputs = dataset.splits()[which].inputs[:most]
    if name == BRIGHTNESS and dataset.example == "image":
        return Attribute(name, inputs.flatten(1).to(torch.float32).mean(dim=1).numpy() / 255)
    if name[:1] == "x" and name[1:].isdecimal() and inputs.dim() == 2 and 1 <= int(name[1:]) <= inputs.shape[1]:
        return Attribute(name, inputs[:, int(name[1:]) - 1].float().numpy())
    offered = attributes(session.experiment)
    raise VitrineError(
        f"Nobody knows {shortened(name)} of these examples.{did_you_mean(name, offered)}",
        cure=f"Choose one of: {', '.join(offered)}.",
    )
