"""Disturbances while training that make a network rely on no single number."""

from typing import Annotated

from pydantic import Field
from torch import nn

from engine.choice import option
from engine.layers import modules
from engine.layers.base import Layer, Share, layer
from engine.layers.base import call as made


@layer("dropout")
class Dropout(Layer):
    """Sets a random share of the values to zero while training."""

    title, family, stem = "Dropout", "regularisation", "drop"
    over_time = True
    examples = (({"share": 0.3}, ((5,),)), ({}, ((3, 4, 5),)))

    share: Share = option(0.5, "The share that is dropped.", felt=(0.0, 0.95))

    def module(self, *given):
        """Return torch's dropout."""
        return made(nn.Dropout, p=self.share)

    def summary(self):
        """Return the share."""
        return f"{self.share:g}"


@layer("spatial_dropout")
class SpatialDropout(Layer):
    """Drops whole maps at a time while training, since neighbouring places say much the same."""

    title, family, stem, takes = "Spatial dropout", "regularisation", "drop", (2, 3)
    over_time = True
    examples = (({"share": 0.3}, ((5, 6),)), ({}, ((3, 4, 5),)))

    share: Share = option(0.5, "The share of maps that is dropped.", felt=(0.0, 0.95))

    def module(self, *given):
        """Return torch's dropout of channels."""
        if given[0].sequence:
            return made(modules.DropoutOverTime, p=self.share)
        return made(nn.Dropout2d if given[0].rank == 3 else nn.Dropout1d, p=self.share)

    summary = Dropout.summary


@layer("gaussian_noise")
class GaussianNoise(Layer):
    """Adds fresh normal noise while training."""

    title, family, stem = "Gaussian noise", "regularisation", "noise"
    over_time = True
    examples = (({"deviation": 0.2}, ((5,),)),)

    deviation: Annotated[float, Field(ge=0, le=100)] = option(0.1, "The noise's standard deviation.")

    def module(self, *given):
        """Return the module that adds noise."""
        return made(modules.GaussianNoise, deviation=self.deviation)

    def summary(self):
        """Return the deviation."""
        return f"{self.deviation:g}"
