"""Similarity: how alike two pictures are in structure (Wang, Bovik, Sheikh and Simoncelli, 2004)."""

import torch
from torch.nn import functional as F

SIDE, DEVIATION = 11, 1.5  # of the window, in dots
FIRST, SECOND = 0.01**2, 0.03**2  # which keep divisions sound, for values from 0 to 1


def similarity(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the structural similarity of each pair of pictures, the mean over all windows and channels.

    In all bits: small differences of squares are taken.
    """
    with torch.autocast(one.device.type, enabled=False):
        exact = torch.promote_types(one.dtype, torch.float32)
        return _similarity(one.to(exact), other.to(exact))


def _similarity(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    channels, *sizes = one.shape[1:]
    side = min(SIDE, *sizes)
    side -= 1 - side % 2  # a window has a middle
    at = torch.arange(side, dtype=one.dtype, device=one.device) - (side - 1) / 2
    bell = torch.exp(-at.square() / (2 * DEVIATION**2))
    bell = bell / bell.sum()
    window = (bell[:, None] * bell)[None, None].expand(channels, 1, side, side)

    def mean(values: torch.Tensor) -> torch.Tensor:
        return F.conv2d(values, window, groups=channels)

    first, second = mean(one), mean(other)
    of_first = mean(one * one) - first.square()
    of_second = mean(other * other) - second.square()
    both = mean(one * other) - first * second
    light = (2 * first * second + FIRST) / (first.square() + second.square() + FIRST)
    shape = (2 * both + SECOND) / (of_first + of_second + SECOND)
    return (light * shape).flatten(1).mean(dim=1)
