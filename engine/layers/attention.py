"""Attention: every place asks all others what they hold."""

from typing import Annotated

from pydantic import Field

from engine.choice import option
from engine.layers import modules
from engine.layers.base import Handing, Refusal, Share, layer
from engine.layers.base import call as made
from engine.layers.formula import formula
from engine.layers.initialisation import BEGINNING, Init

Heads = Annotated[int, Field(ge=1, le=256)]


class _Attention(Handing):
    """What attention within a sequence and over a second one have in common."""

    family, stem, takes, over_time = "attention", "attend", (2,), True
    gives_also = ("weights",)

    heads: Heads = option(4, "How many places can be looked at in different ways at once.")
    dropout: Share = option(0.0, "The share of attention dropped while training.")
    init: Init | None = BEGINNING

    def _options(self):
        return {"heads": self.heads, "dropout": self.dropout} | ({"weights": True} if "weights" in self.hands else {})

    def refuses(self, *given):
        """Refuse features that do not split evenly over the heads."""
        if given[0].sizes[1] % self.heads:
            return Refusal(
                f"features that split over {self.heads} heads", str(given[0]), "Choose another number of heads."
            )
        return None

    def formulas(self, given, gives):
        """Return the counts: projections at each place, then every place with every other."""
        memory = given[-1]
        n = {"features": gives.sizes[1], "memory_features": memory.sizes[1]}
        at = {"length": gives.sizes[0], "memory_length": memory.sizes[0]}
        plain = "2 * features * features + 2 * features * memory_features"
        own = "2 * length * features * features + 2 * memory_length * features * memory_features"
        biases = " + 2 * length * features + 2 * memory_length * features"
        return (
            formula("weights", f"{plain} + 4 * features", **n),
            formula("neurons", "length * features", **n, **at),
            formula("connections", own, **n, **at),
            formula("connections with biases", own + biases, **n, **at),
            formula("multiply-adds", f"{own} + 2 * length * memory_length * features", **n, **at),
        )

    def sees(self, given):
        """Return that every place sees the whole sequence."""
        return "whole"

    def parts(self, name):
        """Return that queries, keys and values lie in one matrix, where they do, so that each counts its own."""
        return 3 if "in_proj_weight" in name else 1

    def summary(self):
        """Return the number of heads."""
        return f"{self.heads} heads"


@layer("self_attention")
class SelfAttention(_Attention):
    """Lets every place of a sequence gather from all others, by several heads."""

    also = "transformer, multi-head"
    title = "Self-attention"
    examples = (({"heads": 2}, ((7, 6),)), ({"heads": 3, "causal": True}, ((7, 6),)))

    causal: bool = option(False, "Look only back, as a model that predicts what comes next must.")

    def module(self, *given):
        """Return multi-head attention of the sequence over itself."""
        features = given[0].sizes[1]
        options = self._options() | {"causal": self.causal}
        return made(modules.Attention, features=features, memory_features=features, **options)


@layer("cross_attention")
class CrossAttention(_Attention):
    """Lets every place of the first input gather from all places of the second."""

    title, arity = "Attention over a second input", (2, 2)
    examples = (({"heads": 2}, ((7, 6), (5, 4))), ({"heads": 1}, ((3, 6), (5, 6))))

    def module(self, *given):
        """Return multi-head attention over the second input."""
        features, memory = given[0].sizes[1], given[1].sizes[1]
        return made(modules.Attention, features=features, memory_features=memory, **self._options())
