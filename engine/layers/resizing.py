"""Larger and smaller maps: unpooling, upsampling, padding and cropping."""

import math
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from engine.choice import option
from engine.layers import geometry, modules
from engine.layers.base import Layer, Margin, Pair, Refusal, Window, layer, outcome
from engine.layers.base import call as made
from engine.layers.formula import formula
from engine.layers.pooling import MaxPool2d

Scale = Annotated[int, Field(ge=1, le=64)]


@layer("max_unpool2d")
class MaxUnpool2d(Layer):
    """Undoes a max pooling: each value returns to where the maximum was, zeros fill the rest."""

    title, family, stem, takes, arity = "Max unpooling", "resizing", "unpool", (3,), (2, 2)
    bound = 1  # to the pool
    examples = (({"kernel": 2}, ((3, 4, 4), (3, 8, 8))),)

    # Taken from the pool that the second input names, never chosen by hand.
    kernel: Pair = option(2, "The pool's window.", hidden=True)
    stride: Pair | None = option(None, "The pool's stride.", hidden=True)
    padding: Margin | tuple[Margin, Margin] = option(0, "The pool's padding.", hidden=True)
    ceil: bool = option(False, "The pool's ceil mode.", hidden=True)

    def tied_to(self, pool: Layer) -> "MaxUnpool2d":
        """Return this unpooling with the geometry of the pool it undoes."""
        return self.but(**{name: getattr(pool, name) for name in type(self).model_fields})

    def module(self, *given):
        """Return the module that takes the values and what the pool was given."""
        options = {"kernel_size": self.kernel, "stride": self.stride or self.kernel}
        return made(modules.MaxUnpool2d, **options, padding=self.padding, ceil_mode=self.ceil)

    def refuses(self, *given):
        """Refuse anything but the shape that the pool gave."""
        pool = MaxPool2d(kernel=self.kernel, stride=self.stride, padding=self.padding, ceil=self.ceil)
        if refusal := pool.refuses(given[1]):
            return refusal
        gave = outcome(pool, given[1:])
        if given[0] == gave:
            return None
        return Refusal(f"the shape its pool gave ({gave})", str(given[0]), "Change the layers between them.")

    def sees(self, given):
        """Return that a place sees the pooled values whose windows cover it."""
        sides = (self.kernel, self.stride or self.kernel, self.padding)
        kernel, stride, padding = (geometry.spread(side, 2) for side in sides)
        return tuple(geometry.painted(k, s, p) for k, s, p in zip(kernel, stride, padding, strict=True))


class _Enlarging(Layer):
    family, stem, takes = "resizing", "up", (3,)
    examples = (({"scale": 2}, ((3, 4, 5),)), ({"scale": 3}, ((2, 3, 3),)))

    scale: Scale = option(2, "How many times larger the maps become.")

    def formulas(self, given, gives):
        """Return the output size."""
        sizes = zip(("height", "width"), given[0].sizes[1:], strict=True)
        return tuple(formula(name, "size * scale", size=size, scale=self.scale) for name, size in sizes)

    def summary(self):
        """Return the scale."""
        return f"×{self.scale}"


@layer("upsample_nearest")
class UpsampleNearest(_Enlarging):
    """Enlarges maps by repeating every value."""

    title = "Nearest upsampling"

    def module(self, *given):
        """Return torch's upsampling."""
        return made(nn.Upsample, scale_factor=self.scale)

    def sees(self, given):
        """Return the one input that is repeated."""
        return (Window(1, ((0, 0),) * self.scale),) * 2


@layer("upsample_bilinear")
class UpsampleBilinear(_Enlarging):
    """Enlarges maps smoothly, each value mixed from its four nearest."""

    title = "Bilinear upsampling"

    def module(self, *given):
        """Return torch's upsampling."""
        return made(nn.Upsample, scale_factor=self.scale, mode="bilinear")

    def sees(self, given):
        """Return the two neighbours along each axis."""
        middles = [Fraction(2 * i + 1, 2 * self.scale) - Fraction(1, 2) for i in range(self.scale)]
        return (Window(1, tuple((math.floor(at), math.ceil(at)) for at in middles)),) * 2


@layer("bed_of_nails")
class BedOfNails(_Enlarging):
    """Enlarges maps by putting zeros between the values."""

    title = "Bed of nails"

    def module(self, *given):
        """Return the module that spreads values out."""
        return made(modules.BedOfNails, scale=self.scale)

    def sees(self, given):
        """Return the one input that lands nearby."""
        return (Window(1, ((0, 0),) * self.scale),) * 2


class _Edges(Layer):
    family, takes = "resizing", (2, 3)

    left: Margin = option(0, "Places at the left end.")
    right: Margin = option(0, "Places at the right end.")
    top: Margin = option(0, "Rows at the top, for maps.")
    bottom: Margin = option(0, "Rows at the bottom, for maps.")

    def summary(self):
        """Return the four numbers, or one where they agree."""
        sides = (self.left, self.right, self.top, self.bottom)
        return str(sides[0]) if len(set(sides)) == 1 else " ".join(map(str, sides))

    def _sizes(self, given, rule):
        ends = {"length": (self.left, self.right)}
        if given.rank == 3:
            ends = {"height": (self.top, self.bottom), "width": (self.left, self.right)}
        sizes = dict(zip(ends, given.sizes[1:], strict=True))
        return tuple(formula(n, rule, size=sizes[n], before=a, after=b) for n, (a, b) in ends.items())

    def _shift(self, given, sign):
        starts = (self.left,) if given.rank == 2 else (self.top, self.left)
        return tuple(Window(1, ((sign * s, sign * s),)) for s in starts)

    def refuses(self, *given):
        """Refuse rows on a sequence, which has none."""
        if given[0].rank == 2 and (self.top or self.bottom):
            return Refusal("maps for rows at top and bottom", str(given[0]), "Set top and bottom to 0.")
        return None


@layer("pad")
class Pad(_Edges):
    """Adds places around maps, or at the ends of a sequence."""

    title, stem = "Padding", "pad"
    examples = (({"left": 1, "right": 2, "top": 3}, ((2, 4, 4),)), ({"left": 2}, ((2, 4),)))

    mode: Literal["zeros", "reflect", "replicate"] = option(
        "zeros", "What the new places hold: zeros, the input mirrored, or its edge repeated."
    )

    @property
    def border(self):
        """Return what the new places hold."""
        return self.mode

    def module(self, *given):
        """Return torch's padding for this mode and number of axes."""
        names = {"zeros": "ZeroPad", "reflect": "ReflectionPad", "replicate": "ReplicationPad"}
        sides = (self.left, self.right) + ((self.top, self.bottom) if given[0].rank == 3 else ())
        return made(getattr(nn, f"{names[self.mode]}{given[0].rank - 1}d"), padding=sides)

    def refuses(self, *given):
        """Refuse a mirror image longer than what is mirrored."""
        height, width = (given[0].sizes[-2] if given[0].rank == 3 else 1), given[0].sizes[-1]
        if self.mode == "reflect" and (max(self.left, self.right) >= width or max(self.top, self.bottom) >= height > 1):
            return Refusal("less padding than input to mirror", str(given[0]), "Pad less, or with zeros.")
        return super().refuses(*given)

    def formulas(self, given, gives):
        """Return the output size."""
        return self._sizes(given[0], "size + before + after")

    def sees(self, given):
        """Return the same places, shifted."""
        return self._shift(given, -1)


@layer("crop")
class Crop(_Edges):
    """Cuts places off around maps, or at the ends of a sequence."""

    title, stem = "Cropping", "crop"
    examples = (({"left": 1, "right": 2, "top": 1}, ((2, 4, 4),)), ({"left": 2}, ((2, 4),)))

    def module(self, *given):
        """Return the module that cuts."""
        return made(modules.Crop, left=self.left, right=self.right, top=self.top, bottom=self.bottom)

    def refuses(self, *given):
        """Refuse to cut everything away."""
        width = given[0].sizes[-1] - self.left - self.right
        height = given[0].sizes[-2] - self.top - self.bottom if given[0].rank == 3 else 1
        if width < 1 or height < 1:
            return Refusal("something left after cutting", str(given[0]), "Cut less.")
        return super().refuses(*given)

    def formulas(self, given, gives):
        """Return the output size."""
        return self._sizes(given[0], "size - before - after")

    def sees(self, given):
        """Return the same places, shifted."""
        return self._shift(given, 1)
