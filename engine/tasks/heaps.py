"""Heaps: data that lie in heaps, and how many of those somebody's points meet."""

from dataclasses import dataclass
from typing import Any

import torch

from engine.data import Dataset

FACT = "mode"  # what is known of an example that lies in a heap
REACH = 3.0  # deviations from a heap's middle within which a point is of it
SHARE = 0.1  # of a kind's share among real examples: with less of the made ones it is missed


@dataclass(frozen=True)
class Heaps:
    """The middle of each heap, and how far its points stray along each axis."""

    middles: torch.Tensor  # heaps × coordinates
    deviations: torch.Tensor  # of each heap
    shares: torch.Tensor  # of real points that lie in each
    places: tuple[int, ...]  # which of the heaps that have names they are


def heaps_of(dataset: Dataset) -> Heaps | None:
    """Return the heaps in which training points lie, or nothing where none are known."""
    facts, points = dataset.train.facts, dataset.train.inputs
    if dataset.example != "points" or facts is None or FACT not in facts:
        return None
    at = facts[FACT].long()
    places = at.unique().tolist()
    mine = [points[at == place].double() for place in places]
    middles = torch.stack([some.mean(dim=0) for some in mine])
    spread = torch.stack([(some - some.mean(dim=0)).square().mean().sqrt() for some in mine])
    fair = torch.tensor([len(some) for some in mine], dtype=torch.double) / len(points)
    return Heaps(middles.float(), spread.float().clamp_min(1e-6), fair, tuple(places))


def heaps_in(asked: Any) -> Heaps | None:
    """Return the heaps of a learner's data, which are sought once: every epoch asks for them."""
    if "heaps" not in asked.lasting:
        asked.lasting["heaps"] = heaps_of(asked.dataset)
    return asked.lasting["heaps"]


def member(points: torch.Tensor, heaps: Heaps) -> torch.Tensor:
    """Return in which heap each point lies, −1 where it lies in none."""
    far = torch.cdist(points, heaps.middles) / heaps.deviations
    least, nearest = far.min(dim=1)
    return torch.where(least <= REACH, nearest, -1)


def met(points: torch.Tensor, heaps: Heaps) -> dict[str, float]:
    """Return how many heaps have at least a tenth of their fair share of the points, and which share lies in any."""
    of = member(points, heaps)
    there = kinds_met(of, heaps.shares)
    return {"modes": int(there.sum()), "on target": float((of >= 0).float().mean())}


def kinds_met(of: torch.Tensor, fair: torch.Tensor) -> torch.Tensor:
    """Return which kinds have at least a tenth of their fair share of examples; a kind of −1 is none."""
    return (shares(of, len(fair)) >= SHARE * fair) & (fair > 0)


def shares(of: torch.Tensor, kinds: int) -> torch.Tensor:
    """Return which share of examples is of each kind."""
    return torch.bincount(of[of >= 0], minlength=kinds).double() / max(1, len(of))
