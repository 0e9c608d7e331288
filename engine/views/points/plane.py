"""Plane: what a network on points gives at every place, for the views that draw it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.looking.sample import opinions
from engine.looking.session import Session, looking
from engine.training.experiment import Experiment

MARGIN = 0.12  # of the points' extent, beyond them on each side
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00")  # of the classes


def off_the_plane(experiment: Experiment) -> str:
    """Return why there is no plane to draw, or nothing."""
    return "" if experiment.data and experiment.data.example == "points" else "Only points lie in a plane."


@dataclass(frozen=True)
class Plane:
    """A grid of places, as the network takes them: row by row from below, the first two coordinates vary."""

    across: np.ndarray  # the first coordinate of each column
    up: np.ndarray  # the second one of each row
    inputs: torch.Tensor  # rows·columns × coordinates


def plane(session: Session, detail: int) -> Plane:
    """Return a grid over the points and a little beyond; coordinates that are not drawn are at their mean."""
    kept = session.network.lasting
    if ("plane", detail) not in kept:
        kept["plane", detail] = _plane(session, detail)
    return kept["plane", detail]


def _plane(session: Session, detail: int) -> Plane:
    inputs = session.network.train.inputs
    low, high = inputs[:, :2].amin(dim=0), inputs[:, :2].amax(dim=0)
    reach = torch.maximum((high - low).max() / 2, torch.tensor(1e-3)) * (1 + 2 * MARGIN)
    middle = (high + low) / 2
    across, up = (torch.linspace(float(m - reach), float(m + reach), detail) for m in middle)
    y, x = torch.meshgrid(up, across, indexing="ij")
    grid = inputs.mean(dim=0).cpu().repeat(detail * detail, 1)
    grid[:, 0], grid[:, 1] = x.flatten(), y.flatten()
    return Plane(across.numpy(), up.numpy(), grid.to(inputs.device))


def answers(session: Session, inputs: torch.Tensor) -> torch.Tensor:
    """Return what the network answers: the probability of each class, or heights."""
    learner = session.network
    with looking(learner):
        return opinions(learner, inputs).float().cpu()


def neurons(session: Session, nodes: list[str], inputs: torch.Tensor) -> list[torch.Tensor]:
    """Return what each unit of some nodes of the outermost graph gives for these inputs."""
    with looking(session.network):
        given = session.module.each(*session.entering(inputs))  # ty: ignore[not-callable]
    return [given[node].float().cpu() for node in nodes]


def told_apart(session: Session) -> list[str]:
    """Return the classes by which points are coloured, or nothing."""
    dataset = session.network.dataset
    return list(dataset.classes) if dataset.goal == "class" else []


def heights(session: Session, targets: Any) -> torch.Tensor:
    """Return what points are coloured by: their class, or their first number; zero where there is neither."""
    if session.network.dataset.goal in ("class", "numbers"):
        return targets.float().unsqueeze(1).flatten(1)[:, 0]
    return torch.zeros(len(targets))


def marks(session: Session) -> dict[str, np.ndarray]:
    """Return the points: where they lie, their class or height, and whether they are kept aside to test on."""
    data = session.network.data
    names = [name for name in ("train", "validation", "test") if name in data]
    at = torch.cat([data[name].inputs[:MOST_SHOWN, :2] for name in names])
    of = torch.cat([heights(session, data[name].targets[:MOST_SHOWN]) for name in names])
    aside = np.concatenate([np.full(min(MOST_SHOWN, len(data[n])), n != "train") for n in names])
    return {"at": at.cpu().numpy().round(3), "of": of.cpu().numpy(), "aside": aside}


MOST_SHOWN = 1_000  # points of each split
