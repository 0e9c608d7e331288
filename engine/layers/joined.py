"""Modules in which ways meet or part; each stands alone, so that exported source can carry it along."""

import torch
import torch.nn.functional as F
from torch import nn


class Add(nn.Module):
    """Adds its inputs."""

    def forward(self, *inputs):
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x
        return total


class Multiply(nn.Module):
    """Multiplies its inputs."""

    def forward(self, *inputs):
        product = inputs[0]
        for x in inputs[1:]:
            product = product * x
        return product


class Concat(nn.Module):
    """Joins its inputs along one axis."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, *inputs):
        return torch.cat(inputs, dim=self.dim)


class Draw(nn.Module):
    """Draws from normals with these means and log-variances while training; gives the means afterwards."""

    def forward(self, mean, log_variance):
        return mean + torch.exp(log_variance / 2) * torch.randn_like(mean) if self.training else mean


class Slice(nn.Module):
    """Keeps a stretch of one axis."""

    def __init__(self, dim, start=0, stop=None):
        super().__init__()
        self.dim, self.start, self.stop = dim, start, stop

    def forward(self, x):
        stop = x.shape[self.dim] if self.stop is None else self.stop
        return x.narrow(self.dim, self.start, stop - self.start)


class Stack(nn.Module):
    """Puts vectors under one another, as the places of a sequence."""

    def forward(self, *vectors):
        return torch.stack(vectors, dim=1)


class Tied(nn.Module):
    """A dense layer whose weights are another layer's, turned where it goes the other way; its bias is its own."""

    def __init__(self, units, turned=True, bias=True):
        super().__init__()
        self.turned = turned
        self.bias = nn.Parameter(torch.zeros(units)) if bias else None

    def forward(self, x, weight):
        return F.linear(x, weight.t() if self.turned else weight, self.bias)


class TiedTranspose(nn.Module):
    """A transposed convolution whose filters are those of a convolution; its bias is its own."""

    def __init__(self, channels, stride=1, padding=0, output_padding=0, bias=True):
        super().__init__()
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, x, weight):
        return F.conv_transpose2d(x, weight, self.bias, self.stride, self.padding, self.output_padding)


class Highway(nn.Module):
    """Lets a gate, computed from the first input, mix the second input with the first."""

    def __init__(self, features, gate_bias, dim):
        super().__init__()
        self.dim = dim
        self.gate, self.gate_bias = nn.Linear(features, features), gate_bias
        self.begin()

    def begin(self):
        nn.init.constant_(self.gate.bias, self.gate_bias)

    def forward(self, carried, transformed):
        gate = torch.sigmoid(self.gate(carried.movedim(self.dim, -1))).movedim(-1, self.dim)
        return gate * transformed + (1 - gate) * carried
