"""Where data comes in: the graph's own inputs, and the entries of a block."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.choice import option
from engine.layers.base import Count, Layer, Length, Shape, layer
from engine.layers.formula import formula

MOST_INPUTS = 2**28  # a 1280×720 colour film of 100 frames still fits; a mistyped size does not
LENDER = r"^([a-z][a-z0-9_]*:[a-z0-9_]+(\.[a-z0-9_]+)*)?$"  # a network and its layer, which code names too


class Given(Layer):
    """What a network is given: it says of what shape that is, and no module makes it."""

    family, arity = "input", (0, 0)

    @property
    def shape(self) -> Shape:
        """Return the sizes of one example."""
        raise NotImplementedError(self.kind)

    def summary(self):
        """Return the sizes."""
        return str(self.shape)


@layer("input")
class Input(Given):
    """The data as it comes in: channels×height×width for images, length×features for sequences."""

    title, stem = "Input", "input"
    examples = (({"sizes": (3, 32, 32)}, ()), ({"sizes": (12,), "values": "tokens"}, ()))

    sizes: Annotated[tuple[Length, ...], Field(min_length=1, max_length=3)] = option(
        (1, 28, 28), "The sizes of one example, without the batch."
    )
    values: Literal["numbers", "tokens"] = option(
        "numbers", "Numbers, or tokens: whole numbers that stand for words or letters."
    )

    sequence: bool = option(
        False,
        "The first axis is time, and examples may be shorter: they end in padding, the token 0 or no number (NaN).",
        rare=True,
    )

    @model_validator(mode="after")
    def _bounded(self) -> "Input":
        if (elements := self.shape.elements) > MOST_INPUTS:
            raise ValueError(f"{elements:,} numbers in one example are more than {MOST_INPUTS:,}")
        if self.sequence and len(self.sizes) != (1 if self.values == "tokens" else 2):
            raise ValueError("a sequence has a length, and of numbers its features: 20, or 20×3")
        return self

    @property
    def shape(self) -> Shape:
        """Return the sizes of one example."""
        return Shape(self.sizes, self.values == "tokens", self.sequence)

    def formulas(self, given, gives):
        """Return how many input units there are."""
        if self.values == "tokens":
            return ()
        names = {1: ("features",), 2: ("length", "features"), 3: ("channels", "height", "width")}
        sizes = dict(zip(names[gives.rank], gives.sizes, strict=True))
        return (formula("neurons", " * ".join(sizes), **sizes),)


@layer("lent")
class Lent(Given):
    """The weights of a layer of another network, for a layer here to go through as well. They stay that network's: it
    counts them, and moves them by what both networks ask of them.
    """

    also = "shared weights, weight tying, another network's weights"
    title, stem = "Lent weights", "lent"
    examples = (({"of": "encoder:dense1", "sizes": (4, 7)}, ()),)

    of: Annotated[str, Field(max_length=200, pattern=LENDER)] = option(
        "", "Whose: a network and its layer, as encoder:dense1."
    )
    sizes: Annotated[tuple[Count, ...], Field(min_length=2, max_length=4)] = option(
        (1, 1), "Their sizes; they follow from that layer.", hidden=True
    )

    @property
    def shape(self) -> Shape:
        """Return the sizes of the weights."""
        return Shape(self.sizes, weight=True)

    @property
    def lender(self) -> tuple[str, str]:
        """Return the network that lends, and its layer."""
        role, _, path = self.of.partition(":")
        return role, path

    def summary(self):
        """Return whose they are."""
        return self.of


@layer("entry")
class Entry(Layer):
    """What a block is given from outside."""

    title, family, stem, arity = "Entry of a block", "input", "entry", (0, 0)
    examples = ()
