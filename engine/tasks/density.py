"""Density: how unlike two sets of points in a plane lie, by how dense they are in small cells."""

import torch

CELLS = 64  # along each side of the square that holds the first set
MARGIN = 0.15  # of its extent, around it
WIDTH = 1.0  # cells: the deviation of the normal by which each point is spread
LEAST = 1e-6  # of all chance is spread evenly, so that nothing is impossible


def square(points: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Return the lower left corner and the side of a square around points."""
    low, high = points.amin(dim=0), points.amax(dim=0)
    side = float((high - low).max().clamp_min(1e-6)) * (1 + 2 * MARGIN)
    return (low + high) / 2 - side / 2, side


def densities(points: torch.Tensor, corner: torch.Tensor, side: float, cells: int = CELLS) -> torch.Tensor:
    """Return which share of points lies in each cell of a square, each spread a little, rows upwards; what lies
    outside is left out.
    """
    at = ((points - corner) / side * cells).double()
    edges = torch.arange(cells + 1, dtype=torch.double)
    below = torch.special.ndtr((edges[None, :, None] - at.T[:, None, :]) / WIDTH)  # axes × edges × points
    across, up = below.diff(dim=1)
    return up @ across.T / len(points)


class Ground:
    """How dense real points lie, against which made ones are held."""

    def __init__(self, real: torch.Tensor):
        self.corner, self.side = square(real)
        self.real = self._cells(real)

    def _cells(self, points: torch.Tensor) -> torch.Tensor:
        """Return the share of points in each cell; all that lies outside the square is one cell more."""
        inside = densities(points, self.corner, self.side).flatten()
        found = torch.cat([inside, (1 - inside.sum()).clamp_min(0)[None]])
        return (1 - LEAST) * found + LEAST / len(found)

    def unlike(self, made: torch.Tensor) -> tuple[float, float]:
        """Return the divergence of Kullback and Leibler of made points from real ones, and that of Jensen and Shannon,
        in nats.
        """
        p, q = self.real, self._cells(made)
        middle = (p + q) / 2
        return _unlike(p, q), (_unlike(p, middle) + _unlike(q, middle)) / 2


def divergences(real: torch.Tensor, made: torch.Tensor) -> tuple[float, float]:
    """Return both divergences of made points from real ones."""
    return Ground(real).unlike(made)


def _unlike(p: torch.Tensor, q: torch.Tensor) -> float:
    return float((p * (p / q).log()).sum())
