"""Transposed convolutions: every input place paints a filter onto a larger output."""

from typing import Any

from torch import nn

from engine.choice import option
from engine.layers import geometry
from engine.layers.base import NORMED, Count, Layer, Margin, Normed, Pair, Refusal, Small, layer
from engine.layers.base import call as made
from engine.layers.formula import formula
from engine.layers.initialisation import BEGINNING, Init


class _Transposed(Layer):
    """What transposed convolutions on sequences and on maps have in common."""

    family, stem = "convolution", "deconv"

    channels: Count = option(8, "How many maps.")
    kernel: Any = 2
    stride: Any = 2
    padding: Any = 0
    output_padding: Any = 0
    bias: bool = option(True, "Add a learned constant to each map.", rare=True)
    init: Init | None = BEGINNING
    normed: Normed = NORMED

    def module(self, *given):
        """Return torch's transposed convolution for as many axes as the input has places."""
        return made(
            nn.ConvTranspose2d if given[0].rank == 3 else nn.ConvTranspose1d,
            in_channels=given[0].sizes[0],
            out_channels=self.channels,
            kernel_size=self.kernel,
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            bias=self.bias,
        )

    def _axes(self, given):
        axes = given.rank - 1
        values = (self.kernel, self.stride, self.padding, self.output_padding)
        return list(zip(*(geometry.spread(v, axes) for v in values), strict=True))

    def refuses(self, *given):
        """Refuse extra places beyond the stride, and padding that leaves nothing."""
        for size, (kernel, stride, padding, extra) in zip(given[0].sizes[1:], self._axes(given[0]), strict=True):
            if extra >= stride:
                return Refusal("output padding smaller than the stride", str(given[0]), "Lower the output padding.")
            if (size - 1) * stride - 2 * padding + kernel + extra < 1:
                return Refusal("less padding", str(given[0]), "Lower the padding or enlarge the kernel.")
        return None

    def formulas(self, given, gives):
        """Return the output size and the counts: each input is spread over a kernel of outputs."""
        axes = geometry.AXES[gives.rank - 1]
        sizes = given[0].sizes[1:]
        found = [
            formula(
                name,
                "(size - 1) * stride - 2 * padding + kernel + output_padding",
                size=size,
                kernel=k,
                stride=s,
                padding=p,
                output_padding=extra,
            )
            for name, size, (k, s, p, extra) in zip(axes, sizes, self._axes(given[0]), strict=True)
        ]
        kernels = {f"kernel_{name}": k for name, (k, *_) in zip(axes, self._axes(given[0]), strict=True)}
        inputs = {f"{name}_in": size for name, size in zip(axes, sizes, strict=True)}
        n = {"maps": self.channels, "channels_in": given[0].sizes[0], **kernels, **inputs, **geometry.places(gives)}
        window, where, outputs = (" * ".join(part) for part in (kernels, inputs, axes))
        spread = f"{where} * channels_in * maps * {window}"
        more = self.bias + (self.normed == "weight")
        biases = f" + maps * {outputs}" if self.bias else ""
        kernel, stride, padding, _ = zip(*self._axes(given[0]), strict=True)
        pads = [(p, p) for p in padding]
        # Seen from the outputs, a kernel that is painted is one that slides over them.
        met = geometry.met(gives, given[0], kernel, stride, pads)
        return (
            *found,
            formula("weights", f"maps * channels_in * {window}" + " + maps" * more, **n),
            formula("neurons", f"maps * {outputs}", **n),
            formula("connections", spread, **n),
            *geometry.less("those cut off", pads, f"channels_in * maps * {' * '.join(met)}", n | met),
            formula("connections with biases", spread + biases, **n),
            formula("multiply-adds", spread, **n),
        )

    def sees(self, given):
        """Return which inputs reach an output: those whose spread-out kernel covers it."""
        return tuple(geometry.painted(k, s, p) for k, s, p, _ in self._axes(given))

    def summary(self):
        """Return maps and kernel."""
        return f"{self.channels} maps, {geometry.kernel_words(self.kernel, self.stride)}"


@layer("conv_transpose2d")
class ConvTranspose2d(_Transposed):
    """Enlarges maps: every input place paints a filter onto the output."""

    also = "deconvolution"
    title, takes = "Transposed convolution 2-D", (3,)
    examples = (
        ({"channels": 4, "kernel": 4, "stride": 2, "padding": 1}, ((3, 7, 5),)),
        ({"channels": 2, "kernel": 3, "stride": 2, "output_padding": 1, "bias": False}, ((3, 4, 4),)),
    )

    kernel: Pair = option(2, "The window's side, or its height and width.")
    stride: Pair = option(2, "How many times larger the output becomes.")
    padding: Margin | tuple[Margin, Margin] = option(0, "Places cut off around the output.")
    output_padding: Margin | tuple[Margin, Margin] = option(0, "Places added at the far end of the output.")


@layer("conv_transpose1d")
class ConvTranspose1d(_Transposed):
    """Lengthens a sequence of channels×length."""

    also = "deconvolution"
    title, takes = "Transposed convolution 1-D", (2,)
    examples = (({"channels": 4, "kernel": 4, "stride": 2, "padding": 1}, ((3, 7),)),)

    kernel: Small = option(2, "The window's length.")
    stride: Small = option(2, "How many times longer the output becomes.")
    padding: Margin = option(0, "Places cut off at both ends of the output.")
    output_padding: Margin = option(0, "Places added at the far end of the output.")
