"""Units: along which axis of what a layer gives its units lie, and along which its places."""

import functools
from collections.abc import Mapping

from engine.graph.graph import Graph
from engine.graph.trace import Step, trace

CHANNELS_FIRST = ("convolution", "pooling", "resizing")
FEATURES_LAST = ("sequence", "attention", "dense")


@functools.lru_cache(maxsize=256)
def unit_axes(graph: Graph) -> Mapping[str, int]:
    """Return for each step, by its path, which axis of one example counts its units.

    Two axes may be channels×length, as convolutions give it, or length×features, as recurrent layers do; what comes
    in between passes on what it was given.
    """
    found: dict[str, int] = {}
    steps = trace(graph).steps
    for step in steps:
        takers = [other for other in steps if step.path in other.sources]
        found[step.path] = _axis(step, found, takers)
    return found


def _axis(step: Step, before: Mapping[str, int], takers: list[Step]) -> int:
    if step.gives.sequence:
        return step.gives.rank - 1  # tokens have no features
    if step.gives.rank != 2 or step.layer.family in CHANNELS_FIRST:
        return 0
    if step.layer.family in FEATURES_LAST:
        return 1
    if not step.sources:  # an input is what is made of it
        return 0 if any(taker.layer.family in CHANNELS_FIRST for taker in takers) else 1
    return before.get(step.sources[0], 1) if step.given[0].rank == 2 else 1


def number_of_units(step: Step, graph: Graph) -> int:
    """Return how many units give something at a step."""
    return step.gives.sizes[unit_axes(graph)[step.path]]
