"""Making: an input that a unit answers to as strongly as it can, made step by step from noise."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

SHARPNESS = 4.0  # how strongly the sigmoid brings dots to black and white


def made(
    value: Callable[[Tensor], Tensor],
    scales: tuple[Tensor, Tensor],
    sizes: tuple[int, int, int],
    steps: int,
    jitter: int = 2,
    turn: float = 5.0,
    zoom: float = 0.05,
    smooth: float = 0.05,
    spectrum: bool = True,
) -> Iterator[tuple[int, Tensor, float]]:
    """Yield step, picture (from 0 to 1) and value, while the picture is changed so that the value grows.

    The picture is held as frequencies, the low ones free to move further, which keeps it from turning into noise
    (Olah, 2017); before each step it is shifted, turned and scaled a little, so that nothing hangs on one dot.
    """
    channels, high, wide = sizes
    device = scales[0].device
    weights = _frequencies(high, wide).to(device)
    random = torch.Generator().manual_seed(0)
    shape = (channels, *weights.shape, 2) if spectrum else (channels, high, wide)
    held = (0.1 * torch.randn(shape, generator=random)).to(device).requires_grad_()
    optimiser = torch.optim.Adam([held], 0.05)
    mean, deviation = scales
    for step in range(1, steps + 1):
        with torch.enable_grad():
            picture = _picture(held, weights, (high, wide), spectrum)
            seen = _moved(((picture - mean) / deviation)[None], random, jitter, turn, zoom)
            reached = value(seen)
            rough = (picture[:, 1:] - picture[:, :-1]).abs().mean() + (
                picture[..., 1:] - picture[..., :-1]
            ).abs().mean()
            loss = -reached + smooth * reached.detach().abs() * rough
            held.grad = torch.autograd.grad(loss, held)[0]
        optimiser.step()
        yield step, picture.detach(), float(reached.detach())


def _frequencies(high: int, wide: int) -> Tensor:
    """Return how far each frequency may move: the less, the higher it is."""
    down, along = torch.fft.fftfreq(high)[:, None], torch.fft.rfftfreq(wide)[None]
    length = (down**2 + along**2).sqrt()
    return math.sqrt(high * wide) / length.clamp_min(1 / max(high, wide)) / max(high, wide)


def _picture(held: Tensor, weights: Tensor, sizes: tuple[int, int], spectrum: bool) -> Tensor:
    if spectrum:
        waves = torch.view_as_complex(held) * weights
        held = torch.fft.irfft2(waves, s=sizes, norm="backward") * math.sqrt(sizes[0] * sizes[1]) / 4
    return torch.sigmoid(SHARPNESS / 4 * held)


def _moved(inputs: Tensor, random: torch.Generator, jitter: int, turn: float, zoom: float) -> Tensor:
    """Return the input shifted, turned and scaled by chance."""
    across, down, angle, size = (torch.rand(4, generator=random) * 2 - 1).tolist()
    angle, size = math.radians(turn * angle), 1 + zoom * size
    cos, sin = math.cos(angle) * size, math.sin(angle) * size
    shift = [2 * jitter * across / inputs.shape[3], 2 * jitter * down / inputs.shape[2]]
    matrix = inputs.new_tensor([[[cos, -sin, shift[0]], [sin, cos, shift[1]]]])
    grid = F.affine_grid(matrix, list(inputs.shape), align_corners=False)
    return F.grid_sample(inputs, grid, padding_mode="reflection", align_corners=False)
