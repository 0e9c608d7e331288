"""Dense layers: every output sees every input."""

from typing import Literal

from torch import nn

from engine.choice import option
from engine.layers import modules
from engine.layers.base import NORMED, Count, Layer, Normed, Refusal, layer
from engine.layers.base import call as made
from engine.layers.formula import formula
from engine.layers.initialisation import BEGINNING, Init

NEEDS = "a dense layer or an embedding as its second input"


@layer("dense")
class Dense(Layer):
    """Every unit is a weighted sum of all inputs, plus a bias; along a sequence, at each place."""

    also = "fully connected, FC, linear layer"
    title, family, stem, takes = "Dense", "dense", "dense", (1, 2)
    over_time = True
    examples = (({"units": 10}, ((84,),)), ({"units": 7, "bias": False}, ((12, 5),)))

    units: Count = option(32, "How many outputs.")
    bias: bool = option(True, "Add a learned constant to each output.", rare=True)
    init: Init | None = BEGINNING
    normed: Normed = NORMED

    def module(self, *given):
        """Return torch's linear layer."""
        return made(nn.Linear, in_features=given[0].sizes[-1], out_features=self.units, bias=self.bias)

    def formulas(self, given, gives):
        """Return the counts; along a sequence every place has its own neurons."""
        n = {"units": self.units, "inputs": given[0].sizes[-1]}
        lengths = " + units" if self.normed == "weight" else ""
        place = "length * " if gives.rank == 2 else ""
        at = {"length": gives.sizes[0]} if place else {}
        yields = place + "units"
        return (
            formula("weights", ("units * (inputs + 1)" if self.bias else "units * inputs") + lengths, **n),
            formula("neurons", yields, **n, **at),
            formula("connections", place + "units * inputs", **n, **at),
            formula(
                "connections with biases",
                place + ("units * (inputs + 1)" if self.bias else "units * inputs"),
                **n,
                **at,
            ),
            formula("multiply-adds", place + "units * inputs", **n, **at),
        )

    def sees(self, given):
        """Return that an output sees everything; along a sequence, its own place."""
        return "whole" if given.rank == 1 else "point"

    def summary(self):
        """Return the number of units."""
        return f"{self.units:,} units" if self.units > 1 else "1 unit"


@layer("tied")
class Tied(Layer):
    """Goes through the weights of its second input, a dense layer or an embedding: back, as an autoencoder unfolds what
    it folded, or once more.
    """

    also = "shared weights, weight tying"
    title, family, stem, takes, arity, bound = "Dense with another's weights", "dense", "tied", (1, 2), (2, 2), 1
    over_time = True
    examples = (
        ({}, ((4,), (4, 7))),
        ({"way": "again", "turned": False}, ((5, 7), (4, 7))),
        ({"bias": False}, ((4,), (4, 7))),
    )

    way: Literal["back", "again"] = option("back", "Whether it goes through them the other way, or once more as it is.")
    bias: bool = option(True, "Add a learned constant of its own to each output.", rare=True)
    turned: bool = option(True, "Whether the weights are transposed for that; follows from the graph.", hidden=True)

    def _sizes(self, weight):
        """Return how many numbers come in, and how many go out."""
        return weight.sizes if self.turned else weight.sizes[::-1]

    def module(self, *given):
        """Return the module that is given the weights."""
        return made(modules.Tied, units=self._sizes(given[1])[1], turned=self.turned, bias=self.bias)

    def refuses(self, *given):
        """Refuse what has no weights to share, and inputs that those do not take."""
        if not given[1].weight:
            return Refusal(NEEDS, str(given[1]), "Connect one.")
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
