"""Activations: what makes a network more than one linear map."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import nn

from engine.choice import option
from engine.layers import modules
from engine.layers.base import Layer, layer
from engine.layers.base import call as made


class _Activation(Layer):
    family, over_time = "activation", True
    target: ClassVar[Any] = None
    examples = (({}, ((5,),)), ({}, ((3, 4, 5),)))

    def module(self, *given):
        """Return the activation with its options, which are named as torch names them."""
        return made(self.target, **{name: getattr(self, name) for name in type(self).model_fields})


@layer("linear")
class Linear(_Activation):
    """Passes every value on as it is."""

    also = "identity activation"
    title, stem, target = "Linear", "linear", nn.Identity


@layer("step")
class Step(_Activation):
    """Fires 1 above zero, else 0: the first artificial neuron. Its gradient is zero everywhere."""

    title, stem, target = "Step", "step", modules.Step


@layer("sign")
class Sign(_Activation):
    """Says 1 above zero, else −1: the perceptron's answer. Its gradient is zero everywhere."""

    title, stem, target = "Sign", "sign", modules.Sign


@layer("sine")
class Sine(_Activation):
    """Waves: a few units draw what many others would need."""

    title, stem, target = "Sine", "sine", modules.Sine


@layer("sigmoid")
class Sigmoid(_Activation):
    """Squeezes values between 0 and 1."""

    title, stem, target = "Sigmoid", "sigmoid", nn.Sigmoid


@layer("tanh")
class Tanh(_Activation):
    """Squeezes values between −1 and 1."""

    title, stem, target = "Tanh", "tanh", nn.Tanh


@layer("softmax")
class Softmax(_Activation):
    """Turns values into probabilities that sum to 1, over the features or channels."""

    title, stem = "Softmax", "softmax"

    def module(self, *given):
        """Return torch's softmax over channels of maps, else over the last axis."""
        return made(nn.Softmax, dim=2 if given[0].rank == 2 else 1)

    def sees(self, given):
        """Return that every output depends on all values that share its sum."""
        return "whole" if given.rank == 1 else "point"


@layer("relu")
class ReLU(_Activation):
    """Passes positive values, stops negative ones."""

    title, stem, target = "ReLU", "relu", nn.ReLU


@layer("leaky_relu")
class LeakyReLU(_Activation):
    """Passes positive values, and a small share of negative ones, so that no unit dies."""

    title, stem, target = "Leaky ReLU", "relu", nn.LeakyReLU

    negative_slope: Annotated[float, Field(ge=0, le=10)] = option(0.01, "The share of negative values that passes.")


@layer("elu")
class ELU(_Activation):
    """Passes positive values; negative ones bend smoothly towards −alpha."""

    title, stem, target = "ELU", "elu", nn.ELU

    alpha: Annotated[float, Field(gt=0, le=10)] = option(1.0, "Where negative values level off.")


@layer("gelu")
class GELU(_Activation):
    """Weighs each value by how likely a normal number is below it."""

    title, stem, target = "GELU", "gelu", nn.GELU

    approximate: Literal["none", "tanh"] = option("none", "The exact curve, or its tanh approximation.")


@layer("silu")
class SiLU(_Activation):
    """Multiplies each value by its sigmoid."""

    title, stem, target = "SiLU", "silu", nn.SiLU


@layer("softplus")
class Softplus(_Activation):
    """A smooth ReLU: log(1 + eˣ)."""

    title, stem, target = "Softplus", "softplus", nn.Softplus


@layer("hard_tanh")
class HardTanh(_Activation):
    """Cuts values off at −1 and 1."""

    title, stem, target = "Hard tanh", "tanh", nn.Hardtanh
