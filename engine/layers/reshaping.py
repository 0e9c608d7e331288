"""The same numbers along other axes."""

from typing import Annotated

from pydantic import Field
from torch import nn

from engine.choice import option
from engine.layers import modules
from engine.layers.base import Layer, Length, Refusal, Shape, layer
from engine.layers.base import call as made
from engine.layers.formula import formula

Sizes = Annotated[tuple[Length, ...], Field(min_length=1, max_length=3)]


@layer("flatten")
class Flatten(Layer):
    """Lays maps or a sequence out as one vector."""

    also = "vector"
    title, family, stem = "Flatten", "reshaping", "flatten"
    examples = (({}, ((3, 4, 5),)), ({}, ((4, 5),)))

    def module(self, *given):
        """Return torch's flatten."""
        return made(nn.Flatten)

    def formulas(self, given, gives):
        """Return the length of the vector."""
        names = {1: ("features",), 2: ("length", "features"), 3: ("channels", "height", "width")}
        sizes = dict(zip(names[given[0].rank], given[0].sizes, strict=True))
        return (formula("length", " * ".join(sizes), **sizes),)

    def sees(self, given):
        """Return that a number keeps what it sees, but not where."""
        return "scattered"


@layer("slice")
class Slice(Layer):
    """Keeps a stretch of one axis: some of the channels, or of the features."""

    also = "part, split, channels"
    title, family, stem, over_time = "Slice", "reshaping", "slice", True
    examples = (
        ({"start": 1, "stop": 3}, ((5, 4, 4),)),
        ({"axis": 2, "start": 2}, ((7, 5),)),
        ({"stop": 2}, ((6,),)),
    )

    axis: Annotated[int, Field(ge=1, le=3)] = option(1, "Along which axis, counted from 1.")
    start: Annotated[int, Field(ge=0, le=1_000_000)] = option(0, "The first that is kept, from 0.")
    stop: Length | None = option(None, "The first that is no longer kept.", none="to the end")

    def module(self, *given):
        """Return the module that keeps the stretch."""
        return made(modules.Slice, dim=self.axis, start=self.start, stop=self.stop)

    def refuses(self, *given):
        """Refuse a stretch that is not there, and to cut sequences of several lengths along time."""
        if self.axis > given[0].rank:
            return Refusal(f"{self.axis} axes", str(given[0]), "Choose another axis.")
        if given[0].sequence and self.axis == 1:
            return Refusal("the axis of features of sequences of several lengths", "axis 1", "Slice along axis 2.")
        size = given[0].sizes[self.axis - 1]
        if not self.start < (self.stop or size) <= size:
            return Refusal(f"a stretch of {size:,} along axis {self.axis}", self.summary(), "Choose another stretch.")
        return None

    def formulas(self, given, gives):
        """Return how many are left along the axis."""
        stop = self.stop or given[0].sizes[self.axis - 1]
        return (formula("size", "stop - start", stop=stop, start=self.start),)

    def sees(self, given):
        """Return that a number keeps what it sees; of maps it also keeps its place, unless places are cut."""
        return "point" if (self.axis == 1 and given.rank == 3) or given.sequence else "scattered"

    def summary(self):
        """Return the stretch."""
        return f"{self.start}:{'' if self.stop is None else self.stop}"


@layer("reshape")
class Reshape(Layer):
    """Gives the same numbers other sizes, read row by row."""

    title, family, stem = "Reshape", "reshaping", "reshape"
    examples = (({"sizes": (4, 2, 3)}, ((24,),)),)

    sizes: Sizes = option((1, 28, 28), "The new sizes; their product must stay the same.")

    def module(self, *given):
        """Return the reshaping module."""
        return made(modules.Reshape, sizes=self.sizes)

    def refuses(self, *given):
        """Refuse another number of elements."""
        wanted = Shape(self.sizes)
        if wanted.elements == given[0].elements:
            return None
        return Refusal(
            f"{wanted.elements:,} numbers for {wanted}",
            f"{given[0].elements:,} ({given[0]})",
            "Choose sizes with the same product.",
        )

    def sees(self, given):
        """Return that a number keeps what it sees, but not where."""
        return "scattered"

    def summary(self):
        """Return the sizes."""
        return str(Shape(self.sizes))


@layer("permute")
class Permute(Layer):
    """Changes the order of the axes, for example from channels×length to length×channels."""

    title, family, stem, takes = "Permute", "reshaping", "permute", (2, 3)
    examples = (({}, ((4, 5),)), ({"axes": (3, 1, 2)}, ((3, 4, 5),)))

    axes: Annotated[tuple[Annotated[int, Field(ge=1, le=3)], ...], Field(min_length=2, max_length=3)] = option(
        (2, 1), "The old axes in their new order, counted from 1."
    )

    def module(self, *given):
        """Return the permuting module."""
        return made(modules.Permute, axes=self.axes)

    def refuses(self, *given):
        """Refuse orders that do not name every axis once."""
        wanted = tuple(range(1, given[0].rank + 1))
        if tuple(sorted(self.axes)) == wanted:
            return None
        every = ", ".join(map(str, wanted))
        return Refusal(f"every axis ({every}) named once", str(given[0]), f"Name {every} in any order.")

    def sees(self, given):
        """Return that a number keeps what it sees, but not where."""
        return "scattered"

    def summary(self):
        """Return the order."""
        return " ".join(map(str, self.axes))


@layer("repeat")
class Repeat(Layer):
    """Says a vector several times, as a sequence: how a decoder is told what to unfold."""

    title, family, stem, takes = "Repeat", "reshaping", "repeat", (1,)
    examples = (({"times": 5}, ((7,),)),)

    times: Length = option(8, "The length of the sequence.")

    def module(self, *given):
        """Return the repeating module."""
        return made(modules.Repeat, times=self.times)

    def summary(self):
        """Return how often."""
        return f"×{self.times}"
