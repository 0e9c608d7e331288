"""Modules that torch lacks; each stands alone, so that exported source can carry it along."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from engine.layers.joined import Add, Concat, Draw, Highway, Multiply, Slice, Stack, Tied, TiedTranspose
from engine.layers.timed import (
    TIMED,
    Attention,
    CausalConv1d,
    ConvOverTime,
    DropoutOverTime,
    LastStep,
    MaxOverTime,
    MeanOverTime,
    NormOverTime,
    PoolOverTime,
    Recurrent,
    lengths_of,
    within,
)

__all__ = [
    "TIMED",
    "Add",
    "Attention",
    "CausalConv1d",
    "Concat",
    "ConvOverTime",
    "Draw",
    "DropoutOverTime",
    "Highway",
    "LastStep",
    "MaxOverTime",
    "MeanOverTime",
    "Multiply",
    "NormOverTime",
    "PoolOverTime",
    "Recurrent",
    "Slice",
    "Stack",
    "Tied",
    "TiedTranspose",
    "lengths_of",
    "within",
]


class Step(nn.Module):
    """Gives 1 where the input is positive, else 0; its gradient is zero everywhere."""

    def forward(self, x):
        return torch.sign(x).clamp(min=0)


class Sign(nn.Module):
    """Gives 1 where the input is positive, else −1; its gradient is zero everywhere."""

    def forward(self, x):
        return torch.where(x > 0, 1.0, -1.0)


class Sine(nn.Module):
    """Gives the sine."""

    def forward(self, x):
        return torch.sin(x)


class PlaneFeatures(nn.Module):
    """Works features out of points in the plane."""

    def __init__(self, names):
        super().__init__()
        self.names = names

    def forward(self, x):
        a, b = x[:, 0], x[:, 1]
        every = {"x1": lambda: a, "x2": lambda: b, "x1²": lambda: a * a, "x2²": lambda: b * b, "x1·x2": lambda: a * b}
        every |= {"sin x1": lambda: torch.sin(a), "sin x2": lambda: torch.sin(b), "distance": lambda: torch.hypot(a, b)}
        return torch.stack([every[name]() for name in self.names], dim=1)


class SumPool1d(nn.Module):
    """Sums over a window that slides along a sequence."""

    def __init__(self, kernel_size, stride, padding=0, ceil_mode=False):
        super().__init__()
        self.kernel_size, self.stride = (1, kernel_size), (1, stride)
        self.padding, self.ceil_mode = (0, padding), ceil_mode

    def forward(self, x):
        plane = x.unsqueeze(-2)  # only the 2-D average can divide by 1, which makes it a sum
        return F.avg_pool2d(
            plane, self.kernel_size, self.stride, self.padding, self.ceil_mode, divisor_override=1
        ).squeeze(-2)


class SumPool2d(nn.Module):
    """Sums over a window that slides over the maps."""

    def __init__(self, kernel_size, stride, padding=0, ceil_mode=False):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride
        self.padding, self.ceil_mode = padding, ceil_mode

    def forward(self, x):
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, divisor_override=1)


class GlobalAveragePool(nn.Module):
    """Gives the mean of each channel over all its places."""

    def forward(self, x):
        return x.flatten(2).mean(dim=2)


class GlobalMaxPool(nn.Module):
    """Gives the largest value of each channel over all its places."""

    def forward(self, x):
        return x.flatten(2).amax(dim=2)


class MaxUnpool2d(nn.Module):
    """Puts each value back where the pooling of `before` had found its maximum, zeros elsewhere."""

    def __init__(self, kernel_size, stride, padding=0, dilation=1, ceil_mode=False):
        super().__init__()
        self.pooling = (kernel_size, stride, padding, dilation, ceil_mode)

    def forward(self, x, before):
        _, places = F.max_pool2d(before, *self.pooling, return_indices=True)
        height, width = before.shape[-2:]
        empty = x.new_zeros(*x.shape[:2], height * width)
        return empty.scatter(2, places.flatten(2), x.flatten(2)).unflatten(2, (height, width))


class BedOfNails(nn.Module):
    """Spreads values out to every n-th place, with zeros between them."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        height, width = x.shape[-2:]
        spread = x.new_zeros(*x.shape[:2], height * self.scale, width * self.scale)
        spread[:, :, :: self.scale, :: self.scale] = x
        return spread


class Crop(nn.Module):
    """Cuts places away: left and right, and on maps top and bottom."""

    def __init__(self, left=0, right=0, top=0, bottom=0):
        super().__init__()
        self.left, self.right, self.top, self.bottom = left, right, top, bottom

    def forward(self, x):
        x = x[..., self.left : x.shape[-1] - self.right]
        return x[..., self.top : x.shape[-2] - self.bottom, :] if x.dim() == 4 else x


class Reshape(nn.Module):
    """Gives the same numbers other axes."""

    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes

    def forward(self, x):
        return x.reshape(x.shape[0], *self.sizes)


class Permute(nn.Module):
    """Changes the order of the axes after the batch, which are counted from 1."""

    def __init__(self, axes):
        super().__init__()
        self.axes = axes

    def forward(self, x):
        return x.permute(0, *self.axes)


class Repeat(nn.Module):
    """Turns a vector into a sequence that says it several times."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    def forward(self, x):
        return x.unsqueeze(1).expand(-1, self.times, -1)


class GaussianNoise(nn.Module):
    """Adds fresh normal noise while training, nothing afterwards."""

    def __init__(self, deviation):
        super().__init__()
        self.deviation = deviation

    def forward(self, x):
        return x + self.deviation * torch.randn_like(x) if self.training else x


class PositionalEncoding(nn.Module):
    """Adds to each place of a sequence the sines and cosines that tell where it is."""

    waves: torch.Tensor

    def __init__(self, length, features):
        super().__init__()
        place = torch.arange(length).unsqueeze(1)  # length, 1
        rate = torch.exp(torch.arange(0, features, 2) * (-math.log(10_000.0) / features))
        waves = torch.zeros(length, features)
        waves[:, 0::2] = torch.sin(place * rate)
        waves[:, 1::2] = torch.cos(place * rate[: features // 2])
        self.register_buffer("waves", waves, persistent=False)  # follows from the sizes: not saved

    def forward(self, x):
        return x + self.waves[: x.shape[1]]


class LearnedPositions(nn.Module):
    """Adds to each place of a sequence a vector that is learned for it."""

    def __init__(self, length, features):
        super().__init__()
        self.place = nn.Parameter(torch.randn(length, features) * 0.02)

    def forward(self, x):
        return x + self.place[: x.shape[1]]


class SeparableConv2d(nn.Module):
    """Filters each channel by itself, then mixes the channels place by place."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, bias=True):
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, kernel_size, stride, padding, dilation, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=bias)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))
