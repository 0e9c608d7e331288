"""Where branches meet."""

from typing import Annotated

from pydantic import Field
from torch import nn

from engine.choice import option
from engine.layers import modules
from engine.layers.base import Layer, Refusal, layer
from engine.layers.base import call as made
from engine.layers.formula import formula
from engine.layers.initialisation import BEGINNING, Init

MANY = (2, 64)


def _same_shape(given):
    for shape in given[1:]:
        if shape != given[0]:
            shapes = " and ".join(map(str, given))
            return Refusal("inputs of one shape", shapes, "Make the branches end alike, e.g. by a 1×1 convolution.")
    return None


@layer("add")
class Add(Layer):
    """Adds branches, value by value: what a residual block does with its shortcut."""

    also = "residual, skip, shortcut"
    title, family, stem, arity, expression = "Add", "merging", "add", MANY, " + "
    over_time = True
    examples = (({}, ((3, 4, 5), (3, 4, 5))), ({}, ((5,), (5,), (5,))))

    def module(self, *given):
        """Return the sum."""
        return made(modules.Add)

    def refuses(self, *given):
        """Refuse unlike shapes."""
        return _same_shape(given)


@layer("multiply")
class Multiply(Layer):
    """Multiplies branches, value by value: one gates the other."""

    title, family, stem, arity, expression = "Multiply", "merging", "multiply", MANY, " * "
    over_time = True
    examples = (({}, ((3, 4, 5), (3, 4, 5))),)

    def module(self, *given):
        """Return the product."""
        return made(modules.Multiply)

    def refuses(self, *given):
        """Refuse unlike shapes."""
        return _same_shape(given)


@layer("concat")
class Concat(Layer):
    """Puts branches side by side: channels of maps, features of vectors and sequences."""

    title, family, stem, arity, expression = "Concatenate", "merging", "concat", MANY, ","
    over_time = True
    examples = (
        ({}, ((3, 4, 5), (2, 4, 5))),
        ({}, ((5,), (2,))),
        ({}, ((4, 5), (4, 2))),
        ({"axis": 1}, ((4, 5), (2, 5))),
    )

    axis: Annotated[int, Field(ge=1, le=3)] | None = option(
        None, "The axis to join, counted from 1; empty: channels of maps, features of the rest."
    )

    def _axis(self, given):
        return self.axis or (2 if given.rank == 2 else 1)

    def module(self, *given):
        """Return the joining module."""
        return made(modules.Concat, dim=self._axis(given[0]))

    def code(self, given, names):
        """Return torch's own function, since the module does no more."""
        return f"torch.cat([{', '.join(names)}], dim={self._axis(given[0])})"

    def refuses(self, *given):
        """Refuse branches that differ along another axis."""
        axis = self._axis(given[0])
        if axis == 1 and any(shape.sequence for shape in given):
            return Refusal("the axis of features for sequences of several lengths", "axis 1", "Join along axis 2.")
        rest = {s.sizes[: axis - 1] + s.sizes[axis:] for s in given}
        if axis > given[0].rank or len({s.rank for s in given}) > 1 or len(rest) > 1:
            shapes = " and ".join(map(str, given))
            return Refusal(f"inputs that agree in all but axis {axis}", shapes, "Make the branches end alike.")
        return None

    def formulas(self, given, gives):
        """Return the joined size."""
        axis = self._axis(given[0])
        sizes = {f"input_{i}": shape.sizes[axis - 1] for i, shape in enumerate(given, start=1)}
        name = {3: ("channels", "height", "width"), 2: ("length", "features"), 1: ("features",)}[gives.rank][axis - 1]
        return (formula(name, " + ".join(sizes), **sizes),)


@layer("stack")
class Stack(Layer):
    """Puts vectors under one another, as the places of a sequence."""

    title, family, stem, arity, takes = "Stack", "merging", "stack", MANY, (1,)
    expression = ","
    examples = (({}, ((5,), (5,))), ({}, ((3,), (3,), (3,))))

    def module(self, *given):
        """Return the stacking module."""
        return made(modules.Stack)

    def code(self, given, names):
        """Return torch's own function, since the module does no more."""
        return f"torch.stack([{', '.join(names)}], dim=1)"

    def refuses(self, *given):
        """Refuse unlike shapes."""
        return _same_shape(given)

    def formulas(self, given, gives):
        """Return how long the sequence is."""
        return (formula("length", "inputs", inputs=len(given)),)


@layer("draw")
class Draw(Layer):
    """Draws numbers from normals, whose means come in first and log-variances second; the means when not learning."""

    also = "sampling, reparametrisation, variational, VAE"
    title, family, stem, arity = "Draw from normals", "merging", "draw", (2, 2)
    over_time = True
    examples = (({}, ((5,), (5,))), ({}, ((3, 4, 5), (3, 4, 5))))

    def module(self, *given):
        """Return the module that draws."""
        return made(modules.Draw)

    def refuses(self, *given):
        """Refuse unlike shapes."""
        return _same_shape(given)


@layer("highway")
class Highway(Layer):
    """Mixes two branches by a gate g learned from the first: g · second + (1 − g) · first."""

    title, family, stem, arity = "Highway gate", "merging", "gate", (2, 2)
    examples = (({}, ((5,), (5,))), ({}, ((6, 5), (6, 5))), ({}, ((5, 4, 3), (5, 4, 3))))

    gate_bias: Annotated[float, Field(ge=-20, le=20)] = option(
        -2.0, "Where the gate begins; negative lets the first branch through."
    )
    init: Init | None = BEGINNING

    def module(self, *given):
        """Return the gate over channels of maps, else over features."""
        features = given[0].sizes[0] if given[0].rank == 3 else given[0].sizes[-1]
        dim = 1 if given[0].rank == 3 else -1
        return made(modules.Highway, features=features, gate_bias=self.gate_bias, dim=dim)

    def refuses(self, *given):
        """Refuse unlike shapes."""
        return _same_shape(given)

    def formulas(self, given, gives):
        """Return the gate's counts: a dense layer at each place."""
        features = gives.sizes[0] if gives.rank == 3 else gives.sizes[-1]
        n = {"features": features, "places": gives.elements // features}
        return (
            formula("weights", "features * (features + 1)", **n),
            formula("neurons", "places * features", **n),
            formula("connections", "places * features * features", **n),
            formula("connections with biases", "places * features * (features + 1)", **n),
            formula("multiply-adds", "places * features * features", **n),
        )


@layer("part")
class Part(Layer):
    """Takes what a node gives beside its values: a recurrent layer's last state, attention's weights, or another output
    of a block.
    """

    also = "state, attention weights, output of a block"
    title, family, stem, bound, expression = "What is handed on", "merging", "part", 0, "="
    over_time = True
    examples = (({}, ((5,),)), ({}, ((3, 4, 5),)))

    what: Annotated[str, Field(max_length=40)] = option(
        "state", "What of it: 'state', 'weights', or the output's name."
    )
    of_block: bool = option(False, "Whether it comes out of a block; follows from the graph.", hidden=True)

    def module(self, *given):
        """Return what changes nothing: the graph leads it here."""
        return made(nn.Identity)

    def keeps_time(self, given, sizes):
        """Return that it is a sequence if what it takes is one."""
        return given[0].sequence

    def sees(self, given):
        """Return that a layer hands on what depends on all that it is given."""
        return "point" if self.of_block else "whole"

    def summary(self):
        """Return what is taken."""
        return self.what
