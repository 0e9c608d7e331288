"""Layers that go through the weights of another, which they share with it."""

from typing import Any, Literal

from engine.choice import option
from engine.layers import modules
from engine.layers.base import Layer, Margin, Pair, Refusal, Shape, layer
from engine.layers.base import call as made
from engine.layers.convolution import Conv2d
from engine.layers.formula import formula
from engine.layers.transposed import ConvTranspose2d


class Borrowing(Layer):
    """What goes through the weights of its second input, a layer here or weights that another network lends."""

    also = "shared weights, weight tying"
    arity, bound = (2, 2), 1

    @classmethod
    def takes_of(cls, lender: Layer) -> bool:
        """Return whether it can go through this layer's weights."""
        raise NotImplementedError(cls.kind)

    def of_weight(self, weight: Shape, lender: str = "") -> "Borrowing":
        """Return the layer as it goes through this weight, of this kind of layer."""
        raise NotImplementedError(self.kind)


@layer("tied")
class Tied(Borrowing):
    """Goes through the weights of its second input, a dense layer or an embedding: back, as an autoencoder unfolds what
    it folded, or once more.
    """

    title, family, stem, takes = "Dense with another's weights", "dense", "tied", (1, 2)
    over_time = True
    examples = (
        ({}, ((4,), (4, 7))),
        ({"way": "again", "turned": False}, ((5, 7), (4, 7))),
        ({"bias": False}, ((4,), (4, 7))),
    )

    way: Literal["back", "again"] = option("back", "Whether it goes through them the other way, or once more as it is.")
    bias: bool = option(True, "Add a learned constant of its own to each output.", rare=True)
    turned: bool = option(True, "Whether the weights are transposed for that; follows from the graph.", hidden=True)

    @classmethod
    def takes_of(cls, lender):
        """Return whether it is a dense layer or an embedding."""
        return lender.kind in ("dense", "embedding")

    def of_weight(self, weight, lender=""):
        """Return the layer as it goes through this weight; an embedding goes from a row's number to the row."""
        return self.but(turned=self.way == "back" and lender != "embedding")

    def _sizes(self, weight):
        """Return how many numbers come in, and how many go out."""
        return weight.sizes if self.turned else weight.sizes[::-1]

    def module(self, *given):
        """Return the module that is given the weights."""
        return made(modules.Tied, units=self._sizes(given[1])[1], turned=self.turned, bias=self.bias)

    def refuses(self, *given):
        """Refuse what has no weights to share, and inputs that those do not take."""
        if not given[1].weight or given[1].rank != 2:
            return Refusal("a dense layer or an embedding as its second input", str(given[1]), "Connect one.")
        inputs = self._sizes(given[1])[0]
        if given[0].sizes[-1] != inputs:
            return Refusal(f"{inputs:,} numbers to go through these weights", str(given[0]), f"Let {inputs:,} come in.")
        return None

    def keeps_time(self, given, sizes):
        """Return that every place keeps its own."""
        return given[0].sequence

    def formulas(self, given, gives):
        """Return the counts; the weights are counted where they belong."""
        inputs, units = self._sizes(given[1])
        n = {"units": units, "inputs": inputs}
        at = {"length": gives.sizes[0]} if gives.rank == 2 else {}
        place = "length * " if at else ""
        more = (formula("weights", "units", units=units),) if self.bias else ()
        return (
            *more,
            formula("neurons", f"{place}units", units=units, **at),
            formula("connections", f"{place}units * inputs", **n, **at),
            formula("connections with biases", f"{place}units * (inputs + {int(self.bias)})", **n, **at),
            formula("multiply-adds", f"{place}units * inputs", **n, **at),
        )

    def sees(self, given):
        """Return that an output sees everything; along a sequence, its own place."""
        return "whole" if given.rank == 1 else "point"

    def summary(self):
        """Return which way the weights are gone through."""
        return self.way


@layer("tied_transpose2d")
class TiedTranspose2d(Borrowing):
    """Enlarges maps through the filters of its second input, a convolution: what that folded, it unfolds."""

    title, family, stem, takes = "Transposed convolution with another's weights", "convolution", "tied", (3,)
    examples = (
        ({"stride": 2, "padding": 1, "kernel": (4, 4)}, ((3, 7, 5), (3, 2, 4, 4))),
        ({"stride": 2, "output_padding": 1, "bias": False, "kernel": (3, 3)}, ((4, 4, 4), (4, 2, 3, 3))),
    )

    stride: Pair = option(2, "How many times larger the output becomes.")
    padding: Margin | tuple[Margin, Margin] = option(0, "Places cut off around the output.")
    output_padding: Margin | tuple[Margin, Margin] = option(0, "Places added at the far end of the output.")
    bias: bool = option(True, "Add a learned constant of its own to each map.", rare=True)
    kernel: tuple[int, int] = option((1, 1), "The window; follows from the graph.", hidden=True)

    @classmethod
    def takes_of(cls, lender):
        """Return whether it is a convolution whose filters see all channels, side by side."""
        return isinstance(lender, Conv2d) and lender.groups == 1 and lender.dilation in (1, (1, 1))

    def of_weight(self, weight, lender=""):
        """Return the layer with the window of this weight."""
        return self.but(kernel=weight.sizes[2:]) if weight.rank == 4 else self

    def _plain(self, channels):
        """Return the same layer with weights of its own."""
        options: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        return ConvTranspose2d(channels=channels, **options)

    def module(self, *given):
        """Return the module that is given the weights."""
        return made(
            modules.TiedTranspose,
            channels=given[1].sizes[1],
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            bias=self.bias,
        )

    def refuses(self, *given):
        """Refuse what has no filters to share, and maps that those do not take."""
        weight = given[1]
        if not weight.weight or weight.rank != 4:
            return Refusal(
                "a convolution 2-D without groups or dilation as its second input", str(weight), "Connect one."
            )
        if given[0].sizes[0] != weight.sizes[0]:
            need = f"{weight.sizes[0]:,} maps to go back through these filters"
            return Refusal(need, str(given[0]), f"Let {weight.sizes[0]:,} come in.")
        return self._plain(weight.sizes[1]).refuses(given[0])

    def formulas(self, given, gives):
        """Return the counts; the weights are counted where they belong."""
        plain = self._plain(given[1].sizes[1]).formulas(given[:1], gives)
        own = (formula("weights", "maps", maps=gives.sizes[0]),) if self.bias else ()
        return tuple(one for one in plain if one.name != "weights") + own

    def sees(self, given):
        """Return which inputs reach an output: those whose spread-out kernel covers it."""
        return self._plain(1).sees(given)

    def summary(self):
        """Return how much larger maps become."""
        return f"back, ×{self.stride}" if isinstance(self.stride, int) else f"back, ×{self.stride[0]}×{self.stride[1]}"
