"""Class activation methods: how much each place of a layer's maps speaks for a class; one function each.

A method is given what the layer gave (channels × height × width), and the gradient of the class by it.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

Weighing = Callable[[Tensor, Tensor], Tensor]
Score = Callable[[Tensor], Tensor]  # what the class scores for inputs, or for maps put in the place of the layer's own

PIECE = 32  # inputs or maps at once


def grad_cam(maps: Tensor, gradient: Tensor) -> Tensor:
    """Each map weighed by its mean gradient (Selvaraju, 2017)."""
    return _weighed(maps, gradient.mean(dim=(1, 2)))


def grad_cam_plus_plus(maps: Tensor, gradient: Tensor) -> Tensor:
    """Each map weighed by its positive gradients, the places of few the more (Chattopadhay, 2018)."""
    second, third = gradient**2, gradient**3
    # Where maps are not negative, as behind a ReLU, this is the paper's own; elsewhere a sum near zero would let one
    # map outweigh all others. Only places with a positive gradient count below, so the rest may be left out here.
    below = 2 * second + maps.relu().sum(dim=(1, 2), keepdim=True) * third
    alpha = torch.where((gradient > 0) & (below > 1e-12), second / below.clamp_min(1e-12), torch.zeros_like(below))
    return _weighed(maps, (alpha * gradient.relu()).sum(dim=(1, 2)))


def hires_cam(maps: Tensor, gradient: Tensor) -> Tensor:
    """Every place weighed by its own gradient, so that nothing is shown the network did not use (Draelos, 2020)."""
    return (maps * gradient).sum(dim=0)


def layer_cam(maps: Tensor, gradient: Tensor) -> Tensor:
    """Every place weighed by its own gradient where that is positive (Jiang, 2021)."""
    return (maps * gradient.relu()).sum(dim=0)


def eigen_cam(maps: Tensor, gradient: Tensor) -> Tensor:
    """The first principal component of the maps, whatever the class (Muhammad, 2020)."""
    table = maps.flatten(1).T  # places × channels
    centred = table - table.mean(dim=0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    found = centred @ directions[0]
    strength = table.norm(dim=1)  # a direction has no sign of its own: the strong places are to be warm
    return (found if found @ (strength - strength.mean()) >= 0 else -found).reshape(maps.shape[1:])


def _weighed(maps: Tensor, weights: Tensor) -> Tensor:
    return (weights[:, None, None] * maps).sum(dim=0)


def score_cam(maps: Tensor, given: Tensor, score: Score) -> Iterator[tuple[float, Tensor]]:
    """Each map weighed by what the class scores where only what it marks is seen (Wang, 2020); piece by piece.

    The score is the one before any softmax: the paper takes a softmax over the maps, which needs differences.
    """
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    masks = (maps - low) / (high - low).clamp_min(1e-12)
    masks = F.interpolate(masks[:, None], given.shape[2:], mode="bilinear", align_corners=False)
    scores: list[Tensor] = []
    for part in masks.split(PIECE):
        scores.append(score(given * part))
        found = torch.cat(scores)
        yield len(found) / len(maps), _weighed(maps[: len(found)], found.softmax(dim=0))


def ablation_cam(maps: Tensor, whole: float, score: Score) -> Iterator[tuple[float, Tensor]]:
    """Each map weighed by what the class loses without it (Desai, 2020); piece by piece."""
    lost: list[Tensor] = []
    for places in torch.arange(len(maps)).split(PIECE):
        without = maps.repeat(len(places), 1, 1, 1)
        without[torch.arange(len(places)), places] = 0
        lost.append((whole - score(without)) / (abs(whole) + 1e-12))
        found = torch.cat(lost)
        yield len(found) / len(maps), _weighed(maps[: len(found)], found)


BY_GRADIENT: dict[str, Weighing] = {
    "Grad-CAM": grad_cam,
    "Grad-CAM++": grad_cam_plus_plus,
    "HiResCAM": hires_cam,
    "LayerCAM": layer_cam,
    "Eigen-CAM": eigen_cam,
}
