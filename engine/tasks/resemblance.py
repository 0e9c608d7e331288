"""Resemblance: how like real examples made ones are, and how many kinds of real ones there are among them."""

import torch

NEAREST = 3  # of a sample's neighbours, the one that tells how far its surroundings reach
RARE = 0.01  # share of real examples whose nearest neighbour is as close as that of a copy


class Cloud:
    """Rows, and how far from each of them its neighbours are, itself not counted."""

    def __init__(self, rows: torch.Tensor):
        self.rows = rows.double()
        near = torch.cdist(self.rows, self.rows).topk(min(NEAREST + 1, len(rows)), largest=False).values
        self.reach, self.nearest = near[:, -1], near[:, min(1, near.shape[1] - 1)]


def precision_and_recall(real: Cloud, made: Cloud) -> tuple[float, float]:
    """Return which share of made rows lies in the surroundings of real ones, and which share of real ones in those of
    made ones: balls that reach as far as the third neighbour (Kynkäänniemi and others, 2019).
    """
    far = torch.cdist(real.rows, made.rows)
    within_real = far <= real.reach[:, None]
    within_made = far <= made.reach[None, :]
    return float(within_real.any(dim=0).double().mean()), float(within_made.any(dim=1).double().mean())


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


def duplicates(real: Cloud, made: Cloud) -> float:
    """Return which share of made rows has another made row as close as only the closest real ones are."""
    return float((made.nearest <= real.nearest.quantile(RARE)).double().mean())
