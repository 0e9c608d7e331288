"""Features: what is worked out of a point before anything is learned."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from engine.choice import option
from engine.layers import modules
from engine.layers.base import Layer, Refusal, layer
from engine.layers.base import call as made
from engine.layers.formula import formula

Feature = Literal["x1", "x2", "x1²", "x2²", "x1·x2", "sin x1", "sin x2", "distance"]


@layer("features")
class Features(Layer):
    """Works out of a point (x1, x2) what the network is given instead: squares, the product, sines, the distance."""

    also = "inputs x1, x2, x1², x2², x1·x2, sin, distance"
    title, family, stem, takes = "Features", "reshaping", "features", (1,)
    examples = (({}, ((2,),)), ({"of": ("x1", "x1·x2", "sin x2", "distance")}, ((2,),)))

    of: Annotated[tuple[Feature, ...], Field(min_length=1, max_length=8)] = option(
        ("x1", "x2"), "What the network is given of each point; distance is that from the middle."
    )

    @field_validator("of")
    @classmethod
    def _once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("each feature is given once")
        return names

    def module(self, *given):
        """Return the module that works them out."""
        return made(modules.PlaneFeatures, names=self.of)

    def refuses(self, *given):
        """Refuse what is no point in the plane."""
        return None if given[0].sizes == (2,) else Refusal("points of 2 numbers", str(given[0]), "Remove it.")

    def formulas(self, given, gives):
        """Return how many numbers a point becomes."""
        return (formula("features", "chosen", chosen=len(self.of)),)

    def sees(self, given):
        """Return that each number may depend on both coordinates."""
        return "whole"

    def summary(self):
        """Return the features."""
        return ", ".join(self.of)
