"""Principal: the directions in which rows of numbers differ most, which the best linear code keeps."""

from dataclasses import dataclass

import torch

MOST_EXACT = 256  # columns up to which directions are worked out exactly
MOST_ROWS = 20_000  # that directions are found from


@dataclass(frozen=True)
class Principal:
    """Where rows have their middle, some directions as columns, the variance along each, and all there is."""

    middle: torch.Tensor
    ways: torch.Tensor
    spread: torch.Tensor
    whole: float  # all variance there is

    def codes(self, rows: torch.Tensor) -> torch.Tensor:
        """Return rows as so many numbers each."""
        return (rows - self.middle) @ self.ways

    def given_back(self, rows: torch.Tensor) -> torch.Tensor:
        """Return what is left of rows that went through so many numbers."""
        return self.codes(rows) @ self.ways.T + self.middle

    def angles(self, ways: torch.Tensor) -> torch.Tensor:
        """Return the angles, in degrees and the largest first, between these directions' space and that of others.

        Small angles are told by their sine, since a cosine near 1 tells little of them.
        """
        if not bool(ways.isfinite().all()):  # of what ran away there is none
            return torch.full((min(ways.shape[1], self.ways.shape[1]),), torch.nan)
        basis, _ = torch.linalg.qr(ways.double())
        own = self.ways.double()
        beside = basis - own @ (own.T @ basis)
        sines = torch.linalg.svdvals(beside).clamp(max=1.0)
        cosines = torch.linalg.svdvals(own.T @ basis).clamp(max=1.0).flip(0)  # the largest angle first
        few = min(len(sines), len(cosines))
        sines, cosines = sines[:few], cosines[:few]
        return torch.rad2deg(torch.where(sines < 0.7, torch.asin(sines), torch.acos(cosines)))


def principal(rows: torch.Tensor, number: int) -> Principal:
    """Return the first so many principal directions; signs so that the largest share of each is positive."""
    rows = rows[:MOST_ROWS].double()
    middle = rows.mean(dim=0)
    centred = rows - middle
    number = min(number, *rows.shape)
    if rows.shape[1] <= MOST_EXACT:
        values, vectors = torch.linalg.eigh(centred.T @ centred / max(1, len(rows) - 1))
        spread, ways = values.flip(0), vectors.flip(1)
        whole = float(spread.sum())
        spread, ways = spread[:number].clamp_min(0), ways[:, :number]
    else:
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            _, sizes, ways = torch.svd_lowrank(centred, q=min(number + 10, *rows.shape), niter=8)
        whole = float(centred.square().sum()) / max(1, len(rows) - 1)
        spread, ways = sizes[:number].square() / max(1, len(rows) - 1), ways[:, :number]
    largest = ways.gather(0, ways.abs().argmax(dim=0, keepdim=True))
    ways = ways * torch.where(largest < 0, -1.0, 1.0)
    return Principal(middle.float(), ways.float(), spread.float(), whole)
