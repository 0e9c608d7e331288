"""Dense layers: every output sees every input."""

from torch import nn

from engine.choice import option
from engine.layers.base import NORMED, Count, Layer, Normed, layer
from engine.layers.base import call as made
from engine.layers.formula import formula
from engine.layers.initialisation import BEGINNING, Init


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
