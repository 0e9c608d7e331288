"""Damage: examples made worse by chance, so that a network can learn to mend them."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch

Way = Literal["none", "gaussian", "masking", "salt and pepper", "blocks"]


def damaged(
    inputs: torch.Tensor, way: Way, strength: float, low: float, high: float, chance: torch.Generator | None = None
) -> torch.Tensor:
    """Return examples with noise of a deviation, or with a share of their numbers lost (0), or set to one of two
    extremes, or with a block lost that is so large along every axis; what is not there (NaN) stays so. Where `chance`
    is given, which is the processor's, every device draws the same.
    """
    if way == "none" or strength == 0:
        return inputs
    with torch.no_grad():
        if way == "gaussian":
            found = inputs + strength * _drawn(torch.randn, inputs.shape, inputs, chance)
        elif way == "blocks":
            found = torch.where(_blocks(inputs, strength, chance), 0.0, inputs)
        else:
            drawn = _drawn(torch.rand, inputs.shape, inputs, chance)
            found = torch.where(drawn < strength, low if way == "salt and pepper" else 0.0, inputs)
            if way == "salt and pepper":
                found = torch.where(drawn < strength / 2, high, found)
        return torch.where(inputs.isnan(), inputs, found)


def _drawn(
    way: Callable[..., torch.Tensor], sizes: Sequence[int], near: torch.Tensor, chance: torch.Generator | None
) -> torch.Tensor:
    """Return random numbers where a tensor lies."""
    return way(sizes, device=near.device) if chance is None else way(sizes, generator=chance).to(near.device)


def _blocks(inputs: torch.Tensor, share: float, chance: torch.Generator | None) -> torch.Tensor:
    """Return what lies in a block of its own in each example: along the places, or of a plain row along the row."""
    first = 2 if inputs.dim() == 4 else 1
    axes = range(first, 2 if inputs.dim() == 3 else inputs.dim())
    found = torch.ones((), dtype=torch.bool, device=inputs.device)
    for axis in axes:
        size = inputs.shape[axis]
        long = max(1, round(share * size))
        begin = (_drawn(torch.rand, (len(inputs),), inputs, chance) * (size - long + 1)).long()
        place = torch.arange(size, device=inputs.device) - begin[:, None]
        shape = [len(inputs), *(size if other == axis else 1 for other in range(1, inputs.dim()))]
        found = found & ((place >= 0) & (place < long)).reshape(shape)
    return found
