"""Resemblance: how like real examples made ones are, and how many kinds of real ones there are among them."""

import torch

NEAREST = 3  # of a sample's neighbours, the one that tells how far its surroundings reach
RARE = 0.01  # share of real examples whose nearest neighbour is as close as that of a copy


def precision_and_recall(real: torch.Tensor, made: torch.Tensor) -> tuple[float, float]:
    """Return which share of made rows lies in the surroundings of real ones, and which share of real ones in those of
    made ones: balls that reach as far as the third neighbour (Kynkäänniemi and others, 2019).
    """
    real, made = real.double(), made.double()
    far = torch.cdist(real, made)
    within_real = far <= _reach(real)[:, None]
    within_made = far <= _reach(made)[None, :]
    return float(within_real.any(dim=0).double().mean()), float(within_made.any(dim=1).double().mean())


def _reach(rows: torch.Tensor) -> torch.Tensor:
    """Return how far away each row's third neighbour is, itself not counted."""
    return torch.cdist(rows, rows).topk(min(NEAREST + 1, len(rows)), largest=False).values[:, -1]


def frechet(real: torch.Tensor, made: torch.Tensor) -> float:
    """Return the distance of Fréchet between two normals, with the means and covariances of these rows."""
    one, other = real.double(), made.double()
    apart = (one.mean(dim=0) - other.mean(dim=0)).square().sum()
    first, second = torch.cov(one.T), torch.cov(other.T)
    root = _root(first)
    mixed = torch.linalg.eigvalsh(root @ second @ root).clamp_min(0).sqrt().sum()
    return float((apart + first.trace() + second.trace() - 2 * mixed).clamp_min(0))


def _root(spread: torch.Tensor) -> torch.Tensor:
    values, ways = torch.linalg.eigh(spread)
    return (ways * values.clamp_min(0).sqrt()) @ ways.T


def duplicates(real: torch.Tensor, made: torch.Tensor) -> float:
    """Return which share of made rows has another made row as close as only the closest real ones are."""
    line = _nearest(real.double()).quantile(RARE)
    return float((_nearest(made.double()) <= line).double().mean())


def _nearest(rows: torch.Tensor) -> torch.Tensor:
    """Return how far away each row's nearest other row is."""
    far = torch.cdist(rows, rows)
    far.fill_diagonal_(torch.inf)
    return far.min(dim=1).values
