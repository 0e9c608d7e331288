"""Convolutions: small windows of shared weights that slide along sequences and over maps."""

from typing import Any, Literal

from torch import nn

from engine.choice import option
from engine.layers import geometry, modules
from engine.layers.base import NORMED, Count, Layer, Margin, Normed, Pair, Refusal, Small, layer
from engine.layers.base import call as made
from engine.layers.formula import formula
from engine.layers.initialisation import BEGINNING, Init

Mode = Literal["zeros", "reflect", "replicate", "circular"]
Padding = Literal["same", "valid"] | Margin | tuple[Margin, Margin]

_KERNEL = option(3, "The window's side, or its height and width.")
_STRIDE = option(1, "How far the window moves from one output to the next.")
_PADDING = option(0, "Places added around the input; 'same' keeps the size, 'valid' adds none.")
_MODE = option("zeros", "What stands in the padding: zeros, or the input mirrored, extended or wrapped.", rare=True)
_DILATION = option(1, "Distance between the inputs that one window sees.", rare=True)
_BIAS = option(True, "Add a learned constant to each map.", rare=True)


class _Convolution(Layer):
    """What convolutions on sequences and on maps have in common."""

    family, stem = "convolution", "conv"

    channels: Count = option(8, "How many filters, each giving one map.")
    kernel: Any = 3
    stride: Any = 1
    padding: Any = 0
    padding_mode: Mode = _MODE
    dilation: Any = 1
    groups: Count = option(1, "Split the channels into groups that do not see each other.", rare=True)
    bias: bool = _BIAS
    init: Init | None = BEGINNING
    normed: Normed = NORMED

    @property
    def border(self):
        """Return what stands in the padding."""
        return self.padding_mode

    def _geometry(self, axes):
        kernel, stride, dilation = (geometry.spread(v, axes) for v in (self.kernel, self.stride, self.dilation))
        return kernel, stride, geometry.margins(self.padding, kernel, dilation), dilation

    def _groups(self, given):
        return self.groups

    def _maps(self, given):
        return self.channels

    def module(self, *given):
        """Return torch's convolution for as many axes as the input has places."""
        return made(
            nn.Conv2d if given[0].rank == 3 else nn.Conv1d,
            in_channels=given[0].sizes[0],
            out_channels=self._maps(given[0]),
            kernel_size=self.kernel,
            stride=self.stride,
            padding=0 if self.padding == "valid" else self.padding,
            padding_mode=self.padding_mode,
            dilation=self.dilation,
            groups=self._groups(given[0]),
            bias=self.bias,
        )

    def refuses(self, *given):
        """Refuse windows larger than the input, uneven groups, and padding that torch cannot do."""
        kernel, stride, pads, dilation = self._geometry(given[0].rank - 1)
        channels, groups = given[0].sizes[0], self._groups(given[0])
        if channels % groups or self._maps(given[0]) % groups:
            both = f"coming in ({channels}) and going out ({self._maps(given[0])})"
            need = f"channels that split into {groups} groups, {both}"
            return Refusal(need, str(given[0]), "Change the groups or the channels.")
        if self.padding == "same" and max(stride) > 1:
            return Refusal("stride 1 to keep the size the same", str(given[0]), "Give the padding as a number.")
        if self.padding_mode in ("reflect", "circular"):
            sizes = given[0].sizes[1:]
            most = [size - (self.padding_mode == "reflect") for size in sizes]
            if any(max(p) > m for p, m in zip(pads, most, strict=True)):
                return Refusal(
                    f"less padding than input to {self.padding_mode}", str(given[0]), "Pad less, or with zeros."
                )
        return geometry.no_room(given[0], kernel, pads, dilation)

    def formulas(self, given, gives):
        """Return the output size and the counts."""
        kernel, stride, pads, dilation = self._geometry(gives.rank - 1)
        groups = self._groups(given[0])
        window = "kernel" if len(kernel) == 1 else "kernel_height * kernel_width"
        names = ("kernel",) if len(kernel) == 1 else ("kernel_height", "kernel_width")
        inside = "channels_in" if groups == 1 else "channels_in // groups"
        one = f"{window} * {inside}"  # the inputs of one output
        biased = f"({one} + 1)" if self.bias else one
        at = geometry.places(gives)
        where = " * ".join(at)
        n = dict(zip(names, kernel, strict=True)) | {"channels_in": given[0].sizes[0], "maps": gives.sizes[0], **at}
        n |= {"groups": groups} if groups > 1 else {}
        met = geometry.met(given[0], gives, kernel, stride, pads, dilation)
        return (
            *geometry.output_sizes(given[0], gives, kernel, stride, pads, dilation),
            formula("weights", f"maps * {biased}" + (" + maps" if self.normed == "weight" else ""), **n),
            formula("neurons", f"maps * {where}", **n),
            formula("connections", f"maps * {where} * {one}", **n),
            *geometry.less("those to padding", pads, f"maps * {inside} * {' * '.join(met)}", n | met),
            formula("connections with biases", f"maps * {where} * {biased}", **n),
            formula("multiply-adds", f"maps * {where} * {one}", **n),
        )

    def sees(self, given):
        """Return the kernel's reach."""
        return geometry.windows(*self._geometry(given.rank - 1))

    def summary(self):
        """Return maps and kernel."""
        return f"{self.channels} maps, {geometry.kernel_words(self.kernel, self.stride)}"


@layer("conv2d")
class Conv2d(_Convolution):
    """Slides small filters over maps; each filter looks for one pattern, wherever it is."""

    title, takes = "Convolution 2-D", (3,)
    examples = (
        ({"channels": 6, "kernel": 5}, ((3, 32, 32),)),
        ({"channels": 4, "kernel": (3, 2), "stride": (2, 1), "padding": (1, 0), "dilation": 2}, ((2, 11, 9),)),
        ({"channels": 4, "kernel": 4, "padding": "same", "padding_mode": "reflect", "groups": 2}, ((2, 8, 9),)),
        ({"channels": 3, "padding": "valid", "bias": False}, ((2, 8, 9),)),
    )

    kernel: Pair = _KERNEL
    stride: Pair = _STRIDE
    padding: Padding = _PADDING
    dilation: Pair = _DILATION


@layer("conv1d")
class Conv1d(_Convolution):
    """Slides small filters along channels×length, or along a sequence of length×features."""

    title, takes = "Convolution 1-D", (2,)
    over_time = along_time = True
    also = "temporal convolution, causal"
    examples = (
        ({"channels": 6, "kernel": 5}, ((3, 32),)),
        ({"channels": 6, "kernel": 3, "stride": 2, "padding": 1, "dilation": 2}, ((3, 20),)),
        ({"channels": 4, "kernel": 3, "padding": "causal", "dilation": 2}, ((3, 20),)),
        ({"channels": 4, "kernel": 4, "padding": "same"}, ((3, 20),)),
    )

    kernel: Small = option(3, "The window's length.")
    stride: Small = _STRIDE
    padding: Literal["same", "valid", "causal"] | Margin = option(
        0, "Places added at both ends; 'same' keeps the length, 'causal' too, but looks only back; 'valid' adds none."
    )
    dilation: Small = _DILATION

    def module(self, *given):
        """Return torch's convolution; of sequences, one that knows their ends."""
        options = dict(super().module(given[0].turned).options)
        causal = options["padding"] == "causal"
        options |= {"padding": 0} if causal else {}
        if given[0].sequence:
            del options["padding_mode"]
            return made(modules.ConvOverTime, **options, **({"causal": True} if causal else {}))
        return made(modules.CausalConv1d if causal else nn.Conv1d, **options)

    def refuses(self, *given):
        """Refuse what any convolution does, and padding that would have to know where a sequence ends."""
        if self.padding_mode != "zeros" and (given[0].sequence or self.padding == "causal"):
            return Refusal("padding with zeros there", self.padding_mode, "Set the padding mode to zeros.")
        return super().refuses(given[0].turned)

    def pace(self):
        """Return how many places are left of a sequence."""
        ((kernel,), (stride,), ((before, after),), (dilation,)) = self._geometry(1)
        return before + after - dilation * (kernel - 1) - 1, stride


@layer("depthwise2d")
class Depthwise2d(Layer):
    """Filters every channel by itself, with one or more filters each."""

    title, family, stem, takes = "Depthwise convolution", "convolution", "conv", (3,)
    examples = (({"kernel": 3, "multiplier": 2, "padding": 1}, ((3, 8, 8),)),)

    multiplier: Small = option(1, "How many filters each channel gets.")
    kernel: Pair = _KERNEL
    stride: Pair = _STRIDE
    padding: Padding = _PADDING
    padding_mode: Mode = _MODE
    dilation: Pair = _DILATION
    bias: bool = _BIAS
    init: Init | None = BEGINNING
    normed: Normed = NORMED

    _geometry, module, refuses = _Convolution._geometry, _Convolution.module, _Convolution.refuses
    formulas, sees = _Convolution.formulas, _Convolution.sees

    def _groups(self, given):
        return given.sizes[0]

    def _maps(self, given):
        return given.sizes[0] * self.multiplier

    def summary(self):
        """Return kernel and multiplier."""
        return geometry.kernel_words(self.kernel, self.stride) + (f" ×{self.multiplier}" if self.multiplier > 1 else "")


@layer("separable2d")
class Separable2d(Layer):
    """A depthwise convolution followed by a 1×1 one: nearly as able, at a fraction of the weights."""

    title, family, stem, takes = "Separable convolution", "convolution", "conv", (3,)
    examples = (({"channels": 8, "kernel": 3, "padding": 1, "stride": 2}, ((4, 9, 9),)),)

    channels: Count = option(8, "How many maps.")
    kernel: Pair = _KERNEL
    stride: Pair = _STRIDE
    padding: Margin | tuple[Margin, Margin] = option(0, "Places added around the input.")
    dilation: Pair = _DILATION
    bias: bool = _BIAS
    init: Init | None = BEGINNING

    _geometry = _Convolution._geometry

    def module(self, *given):
        """Return the pair of convolutions."""
        return made(
            modules.SeparableConv2d,
            in_channels=given[0].sizes[0],
            out_channels=self.channels,
            kernel_size=self.kernel,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            bias=self.bias,
        )

    def refuses(self, *given):
        """Refuse a window larger than the input."""
        kernel, _, pads, dilation = self._geometry(2)
        return geometry.no_room(given[0], kernel, pads, dilation)

    def formulas(self, given, gives):
        """Return the output size and the counts of both steps together."""
        kernel, stride, pads, dilation = self._geometry(2)
        n = {
            "channels_in": given[0].sizes[0],
            "maps": self.channels,
            "kernel_height": kernel[0],
            "kernel_width": kernel[1],
        }
        n |= geometry.places(gives)
        one = "channels_in * kernel_height * kernel_width + maps * channels_in"
        met = geometry.met(given[0], gives, kernel, stride, pads, dilation)
        real = f"channels_in * {' * '.join(met)} + height * width * maps * channels_in"
        return (
            *geometry.output_sizes(given[0], gives, kernel, stride, pads, dilation),
            formula("weights", f"{one} + maps" if self.bias else one, **n),
            formula("neurons", "(channels_in + maps) * height * width", **n),
            formula("connections", f"height * width * ({one})", **n),
            *geometry.less("those to padding", pads, real, n | met),
            formula("connections with biases", f"height * width * ({one}{' + maps' if self.bias else ''})", **n),
            formula("multiply-adds", f"height * width * ({one})", **n),
        )

    def sees(self, given):
        """Return the kernel's reach."""
        return geometry.windows(*self._geometry(2))

    def summary(self):
        """Return maps and kernel."""
        return f"{self.channels} maps, {geometry.kernel_words(self.kernel, self.stride)}"
