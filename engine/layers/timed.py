"""Modules that know how long sequences are; each stands alone, so that exported source can carry it along."""

import torch
import torch.nn.functional as F
from torch import nn


def lengths_of(x):
    """Return how long each sequence of a batch is: behind its end stand tokens 0, or no numbers."""
    real = x != 0 if x.dim() == 2 else ~x.isnan().all(dim=2)
    places = torch.arange(1, x.shape[1] + 1, device=x.device)
    return (real * places).amax(dim=1).clamp(min=1)


def within(x, lengths):
    """Return which places of each sequence (batch, length, 1) lie before its end."""
    return (torch.arange(x.shape[1], device=x.device) < lengths.unsqueeze(1)).unsqueeze(2)


class Recurrent(nn.Module):
    """Runs a torch RNN, LSTM or GRU from zero or a first state; gives its whole sequence, or where it ends up.

    Where its last state is asked for it comes behind that: what every layer and direction holds, of an LSTM its
    memory too, all in one row. A first state is given in the same way.
    """

    def __init__(self, cell, inputs, units, whole, state=False, forget_bias=None, **options):
        super().__init__()
        self.whole, self.state, self.forget_bias = whole, state, forget_bias
        self.cell = cell(inputs, units, batch_first=True, **options)
        self.begin()

    def begin(self):
        if self.forget_bias is None:
            return
        units = self.cell.hidden_size  # the gates stand in the order input, forget, cell, output
        for name, bias in self.cell.named_parameters():
            if "bias" in name:  # of which there are two that add up
                nn.init.constant_(bias.data[units : 2 * units], self.forget_bias if "bias_ih" in name else 0.0)

    def forward(self, x, first=None, lengths=None):
        sequence, last = self.read(x, first, lengths)
        values = self.kept(x, sequence, lengths)
        if not self.state:
            return values
        rows = torch.cat(last) if isinstance(last, tuple) else last
        return values, rows.transpose(0, 1).flatten(1)

    def kept(self, x, sequence, lengths):
        if self.whole:
            full = lengths is None or bool((lengths >= x.shape[1]).all())
            return sequence if full else sequence * within(x, lengths)
        last = sequence[:, -1] if lengths is None else sequence[torch.arange(len(x), device=x.device), lengths - 1]
        if not self.cell.bidirectional:
            return last
        units = self.cell.hidden_size  # the way back ends at the first place
        return torch.cat([last[:, :units], sequence[:, 0, units:]], dim=1)

    def read(self, x, first, lengths):
        if first is not None:
            first = first.unflatten(1, (-1, self.cell.hidden_size)).transpose(0, 1).contiguous()
            first = first.chunk(2) if self.cell.mode == "LSTM" else first
        if lengths is None or not (self.cell.bidirectional or self.state):  # what stands behind the end is read last
            return self.cell(x, first)
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        sequence, last = self.cell(packed, first)
        return nn.utils.rnn.pad_packed_sequence(sequence, batch_first=True, total_length=x.shape[1])[0], last


class CausalConv1d(nn.Conv1d):
    """Slides filters along channels×length; each place sees itself and those before it."""

    def forward(self, input):
        before = self.dilation[0] * (self.kernel_size[0] - 1)
        return super().forward(F.pad(input, (before, 0)))


class ConvOverTime(nn.Module):
    """Slides filters along sequences of length×features; behind the end of each stand zeros."""

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True, causal=False
    ):
        super().__init__()
        kind = CausalConv1d if causal else nn.Conv1d
        around = 2 * padding if isinstance(padding, int) else dilation * (kernel_size - 1)
        self.window = 1 if causal else dilation * (kernel_size - 1) + 1 - around
        self.conv = kind(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)

    def forward(self, x, lengths=None):
        x = x if lengths is None else x * within(x, lengths)
        x = F.pad(x, (0, 0, 0, max(0, self.window - x.shape[1])))  # where all are shorter than what is seen at once
        return self.conv(x.transpose(1, 2)).transpose(1, 2)


class PoolOverTime(nn.Module):
    """Keeps the largest value, the mean or the sum of every stretch of sequences of length×features."""

    def __init__(self, kernel_size, stride, way="max", padding=0):
        super().__init__()
        self.way, self.window = way, (kernel_size, stride, padding)

    def forward(self, x, lengths=None):
        if lengths is not None:
            x = torch.where(within(x, lengths), x, -torch.inf if self.way == "max" else 0.0)
        size, _, padding = self.window
        short = max(0, size - 2 * padding - x.shape[1])
        x = F.pad(x, (0, 0, 0, short), value=-torch.inf if self.way == "max" else 0.0).transpose(1, 2)
        if self.way == "max":
            kept = F.max_pool1d(x, *self.window)
            return torch.where(kept == -torch.inf, 0.0, kept).transpose(1, 2)
        kept = F.avg_pool1d(x, *self.window).transpose(1, 2)
        return kept * self.window[0] if self.way == "sum" else kept


class NormOverTime(nn.Module):
    """Centres and scales each feature of sequences over the batch and all places that examples have."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True):
        super().__init__()
        self.norm = nn.BatchNorm1d(num_features, eps, momentum, affine)

    def forward(self, x, lengths=None):
        if lengths is None:
            return self.norm(x.flatten(0, 1)).view_as(x)
        there = within(x, lengths)[:, :, 0]
        normed = torch.zeros_like(x)
        normed[there] = self.norm(x[there])
        return normed


class DropoutOverTime(nn.Module):
    """Drops whole features of a sequence at a time while training."""

    def __init__(self, p=0.5):
        super().__init__()
        self.drop = nn.Dropout1d(p)

    def forward(self, x):
        return self.drop(x.transpose(1, 2)).transpose(1, 2)


class LastStep(nn.Module):
    """Gives the last place of a sequence."""

    def forward(self, x, lengths=None):
        return x[:, -1] if lengths is None else x[torch.arange(len(x), device=x.device), lengths - 1]


class MeanOverTime(nn.Module):
    """Gives the mean over all places of a sequence."""

    def forward(self, x, lengths=None):
        if lengths is None:
            return x.mean(dim=1)
        return torch.where(within(x, lengths), x, 0.0).sum(dim=1) / lengths.unsqueeze(1)


class MaxOverTime(nn.Module):
    """Gives each feature's largest value over all places of a sequence."""

    def forward(self, x, lengths=None):
        return (x if lengths is None else torch.where(within(x, lengths), x, -torch.inf)).amax(dim=1)


class Attention(nn.Module):
    """Lets each place of a sequence gather from all places of a memory, by several heads.

    Where its weights are asked for they come behind that: of each head, how much every place looks at every other.
    """

    def __init__(self, features, heads, memory_features, dropout=0.0, causal=False, weights=False):
        super().__init__()
        self.causal, self.weights = causal, weights
        self.attention = nn.MultiheadAttention(
            features, heads, dropout, kdim=memory_features, vdim=memory_features, batch_first=True
        )

    def forward(self, x, memory=None, lengths=None):
        memory = x if memory is None else memory
        mask = behind = None
        if lengths is not None:  # places of the memory that no example has, so that none can be looked at
            behind = ~within(memory, lengths)[:, :, 0]
        if self.causal:  # True marks the places that may not be seen: those to come
            mask = torch.ones(x.shape[1], memory.shape[1], dtype=torch.bool, device=x.device).triu(1)
        gathered, weights = self.attention(x, memory, memory, behind, self.weights, mask, False)
        return (gathered, weights) if self.weights else gathered


# What is told how long sequences are: those it is given first or, attention over a memory, those that it is given last.
TIMED = (Recurrent, LastStep, MeanOverTime, MaxOverTime, Attention, ConvOverTime, PoolOverTime, NormOverTime)
