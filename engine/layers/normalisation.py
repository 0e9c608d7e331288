"""Normalisation: values are centred and scaled by what is around them."""

from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import nn

from engine.choice import option
from engine.layers import modules
from engine.layers.base import Count, Layer, Refusal, layer
from engine.layers.base import call as made
from engine.layers.formula import formula

Momentum = Annotated[float, Field(gt=0, le=1)]
Epsilon = Annotated[float, Field(gt=0, le=1)]
TINY = option(1e-5, "Added to the variance, so that nothing is divided by zero.", rare=True)
SCALE = option(True, "Learn a scale and a shift for each channel.", rare=True)


def _scale_and_shift(features: int, learned: bool):
    return (formula("weights", "2 * features", features=features),) if learned else ()


@layer("batch_norm")
class BatchNorm(Layer):
    """Centres and scales each channel by its mean and variance over the batch and all places."""

    also = "BN, batchnorm"
    title, family, stem = "Batch normalisation", "normalisation", "norm"
    over_time = True
    examples = (({}, ((5,),)), ({}, ((5, 6),)), ({"scale": False}, ((5, 6, 7),)))

    momentum: Momentum = option(0.1, "The share of each new batch in the running mean and variance.", rare=True)
    epsilon: Epsilon = TINY
    scale: bool = SCALE

    def module(self, *given):
        """Return torch's batch normalisation for as many axes as there are."""
        options = {"eps": self.epsilon, "momentum": self.momentum, "affine": self.scale}
        if given[0].sequence:
            return made(modules.NormOverTime, num_features=given[0].sizes[1], **options)
        kind = nn.BatchNorm2d if given[0].rank == 3 else nn.BatchNorm1d
        return made(kind, num_features=given[0].sizes[0], **options)

    def formulas(self, given, gives):
        """Return the scale and the shift of each channel."""
        return _scale_and_shift(gives.turned.sizes[0], self.scale)


@layer("layer_norm")
class LayerNorm(Layer):
    """Centres and scales each example by itself; a sequence at each place."""

    title, family, stem = "Layer normalisation", "normalisation", "norm"
    over_time = True
    examples = (({}, ((5,),)), ({}, ((6, 5),)), ({"scale": False}, ((3, 4, 5),)))

    epsilon: Epsilon = TINY
    scale: bool = SCALE

    def _over(self, given):
        return given.sizes[-1:] if given.rank == 2 else given.sizes

    def module(self, *given):
        """Return torch's layer normalisation."""
        over = self._over(given[0])
        return made(
            nn.LayerNorm,
            normalized_shape=over[0] if len(over) == 1 else over,
            eps=self.epsilon,
            elementwise_affine=self.scale,
        )

    def formulas(self, given, gives):
        """Return the scale and the shift of each value that is normalised together."""
        features = 1
        for size in self._over(given[0]):
            features *= size
        return _scale_and_shift(features, self.scale)


@layer("group_norm")
class GroupNorm(Layer):
    """Centres and scales groups of channels of each example by themselves."""

    title, family, stem, takes = "Group normalisation", "normalisation", "norm", (1, 2, 3)
    examples = (({"groups": 2}, ((4, 5, 6),)),)

    groups: Count = option(4, "How many groups the channels are split into.")
    epsilon: Epsilon = TINY
    scale: bool = SCALE

    def module(self, *given):
        """Return torch's group normalisation."""
        options = {"eps": self.epsilon, "affine": self.scale}
        return made(nn.GroupNorm, num_groups=self.groups, num_channels=given[0].sizes[0], **options)

    def refuses(self, *given):
        """Refuse channels that do not split evenly."""
        if given[0].sizes[0] % self.groups:
            need = f"channels that split into {self.groups} groups"
            return Refusal(need, str(given[0]), "Choose another number of groups.")
        if given[0].elements == self.groups:
            return Refusal("more than one number in each group", str(given[0]), "Use fewer groups.")
        return None

    def formulas(self, given, gives):
        """Return the scale and the shift of each channel."""
        return _scale_and_shift(gives.sizes[0], self.scale)

    def summary(self):
        """Return the number of groups."""
        return f"{self.groups} groups"


@layer("instance_norm")
class InstanceNorm(Layer):
    """Centres and scales every map of every example by itself."""

    title, family, stem, takes = "Instance normalisation", "normalisation", "norm", (2, 3)
    by_rank: ClassVar[dict[int, Any]] = {2: nn.InstanceNorm1d, 3: nn.InstanceNorm2d}
    examples = (({}, ((5, 6),)), ({"scale": False}, ((5, 6, 7),)))

    epsilon: Epsilon = TINY
    scale: bool = SCALE

    def module(self, *given):
        """Return torch's instance normalisation."""
        options = {"eps": self.epsilon, "affine": self.scale}
        return made(self.by_rank[given[0].rank], num_features=given[0].sizes[0], **options)

    def refuses(self, *given):
        """Refuse maps of a single place, which have no variance."""
        if given[0].elements == given[0].sizes[0]:
            return Refusal("more than one place in each map", str(given[0]), "Use another normalisation.")
        return None

    def formulas(self, given, gives):
        """Return the scale and the shift of each channel."""
        return _scale_and_shift(gives.sizes[0], self.scale)


@layer("local_response_norm")
class LocalResponseNorm(Layer):
    """Damps a value where neighbouring channels are active too, as AlexNet did."""

    title, family, stem, takes = "Local response normalisation", "normalisation", "norm", (2, 3)
    examples = (({}, ((6, 4, 4),)),)

    size: Annotated[int, Field(ge=1, le=1024)] = option(5, "How many neighbouring channels count.")
    alpha: Annotated[float, Field(ge=0, le=100)] = option(1e-4, "How strongly they damp.")
    beta: Annotated[float, Field(ge=0, le=10)] = option(0.75, "The power of the damping.")
    k: Annotated[float, Field(gt=0, le=100)] = option(1.0, "Added to the sum, so that nothing is divided by zero.")

    def module(self, *given):
        """Return torch's local response normalisation."""
        return made(nn.LocalResponseNorm, size=self.size, alpha=self.alpha, beta=self.beta, k=self.k)
