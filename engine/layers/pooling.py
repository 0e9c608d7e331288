"""Pooling: what is left of a neighbourhood."""

from typing import Any, ClassVar

from torch import nn

from engine.choice import option
from engine.layers import geometry, modules
from engine.layers.base import Layer, Length, Margin, Pair, Refusal, Small, layer, times
from engine.layers.base import call as made
from engine.layers.formula import formula


def _neurons(gives):
    at = dict(
        zip(("channels", "height", "width") if gives.rank == 3 else ("channels", "length"), gives.sizes, strict=False)
    )
    return formula("neurons", " * ".join(at), **at)


class _Pool(Layer):
    """What pools with a sliding window have in common."""

    family, stem = "pooling", "pool"
    modules_by_rank: ClassVar[dict[int, Any]] = {}

    kernel: Any = 2
    stride: Any = None
    padding: Any = 0
    ceil: bool = option(False, "Let a last window hang over the edge, where a rest is left over.", rare=True)

    def _geometry(self, axes):
        kernel, stride = geometry.spread(self.kernel, axes), geometry.spread(self.stride or self.kernel, axes)
        ones = (1,) * axes
        return kernel, stride, geometry.margins(self.padding, kernel, ones), ones

    def module(self, *given):
        """Return the pool for as many axes as the input has places."""
        options = {"kernel_size": self.kernel, "stride": self.stride or self.kernel}
        return made(self.modules_by_rank[given[0].rank], **options, padding=self.padding, ceil_mode=self.ceil)

    def refuses(self, *given):
        """Refuse a window larger than the input, and padding beyond half a window."""
        kernel, _, pads, ones = self._geometry(given[0].rank - 1)
        if any(2 * p > k for (p, _), k in zip(pads, kernel, strict=True)):
            return Refusal(
                "padding of at most half the kernel", str(given[0]), "Lower the padding or enlarge the kernel."
            )
        return geometry.no_room(given[0], kernel, pads, ones)

    def formulas(self, given, gives):
        """Return the output size and the number of units."""
        sizes = geometry.output_sizes(given[0], gives, *self._geometry(gives.rank - 1), ceil=self.ceil)
        return (*sizes, _neurons(gives))

    def sees(self, given):
        """Return the window's reach."""
        return geometry.windows(*self._geometry(given.rank - 1))

    def summary(self):
        """Return the window."""
        same = self.stride is None or self.stride == self.kernel
        kind = self.kind.partition("_")[0].replace("average", "mean")
        return f"{kind} {geometry.kernel_words(self.kernel, 1 if same else self.stride)}"


class _Pool2d(_Pool):
    takes = (3,)
    examples = (
        ({}, ((3, 8, 8),)),
        ({"kernel": 3, "stride": 2, "padding": 1, "ceil": True}, ((3, 8, 9),)),
        ({"kernel": (2, 3), "stride": (1, 2)}, ((3, 8, 9),)),
    )

    kernel: Pair = option(2, "The window's side, or its height and width.")
    stride: Pair | None = option(None, "How far the window moves; empty: as far as it is large.")
    padding: Margin | tuple[Margin, Margin] = option(0, "Places added around the input.")


class _Pool1d(_Pool):
    takes = (2,)
    over_time = along_time = True
    way: ClassVar[str] = ""
    examples = (({}, ((3, 8),)), ({"kernel": 3, "stride": 2, "padding": 1, "ceil": True}, ((3, 9),)))

    kernel: Small = option(2, "The window's length.")
    stride: Small | None = option(None, "How far the window moves; empty: as far as it is long.")
    padding: Margin = option(0, "Places added at both ends.")

    def module(self, *given):
        """Return the pool; of sequences, one that knows their ends."""
        if not given[0].sequence:
            return super().module(*given)
        options = {"kernel_size": self.kernel, "stride": self.stride or self.kernel, "padding": self.padding}
        return made(modules.PoolOverTime, way=self.way, **options)

    def refuses(self, *given):
        """Refuse what any pool does, and a last window whose place hangs on where a sequence ends."""
        if self.ceil and given[0].sequence:
            return Refusal("whole windows of sequences of several lengths", "a rest", "Switch 'ceil' off.")
        return super().refuses(given[0].turned)

    def pace(self):
        """Return how many places are left of a sequence."""
        ((kernel,), (stride,), ((before, after),), _) = self._geometry(1)
        return before + after - kernel, stride


@layer("max_pool2d")
class MaxPool2d(_Pool2d):
    """Keeps the largest value of every window: whether a pattern was there, not exactly where."""

    title, modules_by_rank = "Max pooling 2-D", {3: nn.MaxPool2d}


@layer("average_pool2d")
class AveragePool2d(_Pool2d):
    """Keeps the mean of every window."""

    title, modules_by_rank = "Average pooling 2-D", {3: nn.AvgPool2d}


@layer("sum_pool2d")
class SumPool2d(_Pool2d):
    """Keeps the sum of every window."""

    title, modules_by_rank = "Sum pooling 2-D", {3: modules.SumPool2d}


@layer("max_pool1d")
class MaxPool1d(_Pool1d):
    """Keeps the largest value of every stretch of a sequence."""

    title, modules_by_rank, way = "Max pooling 1-D", {2: nn.MaxPool1d}, "max"


@layer("average_pool1d")
class AveragePool1d(_Pool1d):
    """Keeps the mean of every stretch of a sequence."""

    title, modules_by_rank, way = "Average pooling 1-D", {2: nn.AvgPool1d}, "mean"


@layer("sum_pool1d")
class SumPool1d(_Pool1d):
    """Keeps the sum of every stretch of a sequence."""

    title, modules_by_rank, way = "Sum pooling 1-D", {2: modules.SumPool1d}, "sum"


class _Global(Layer):
    family, stem, takes, over_time = "pooling", "pool", (2, 3), True
    examples = (({}, ((3, 8, 7),)), ({}, ((3, 8),)))

    def formulas(self, given, gives):
        """Return the number of units: one for each channel."""
        return (formula("neurons", "channels", channels=gives.sizes[0]),)

    def sees(self, given):
        """Return that everything is seen."""
        return "whole"


@layer("global_average_pool")
class GlobalAveragePool(_Global):
    """Turns every map into one number: its mean."""

    title = "Global average pooling"

    def module(self, *given):
        """Return the mean over all places."""
        return made(modules.MeanOverTime if given[0].sequence else modules.GlobalAveragePool)


@layer("global_max_pool")
class GlobalMaxPool(_Global):
    """Turns every map into one number: its largest value."""

    title = "Global max pooling"

    def module(self, *given):
        """Return the maximum over all places."""
        return made(modules.MaxOverTime if given[0].sequence else modules.GlobalMaxPool)


@layer("adaptive_average_pool2d")
class AdaptiveAveragePool2d(Layer):
    """Averages maps of any size down to a fixed size."""

    title, family, stem, takes = "Adaptive average pooling", "pooling", "pool", (3,)
    examples = (({"size": 6}, ((3, 13, 13),)), ({"size": (2, 4)}, ((3, 8, 8),)))

    size: Length | tuple[Length, Length] = option(1, "The side of the output, or its height and width.")

    def module(self, *given):
        """Return torch's adaptive pool."""
        return made(nn.AdaptiveAvgPool2d, output_size=self.size)

    def formulas(self, given, gives):
        """Return the number of units."""
        return (_neurons(gives),)

    def sees(self, given):
        """Return the widest of its windows, which differ by one where the sizes do not divide."""
        return tuple(
            geometry.adaptive(size, wanted)
            for size, wanted in zip(given.sizes[1:], geometry.spread(self.size, 2), strict=True)
        )

    def summary(self):
        """Return the output size."""
        return times(self.size)
