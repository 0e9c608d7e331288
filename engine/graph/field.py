"""Receptive fields: which part of the input each unit can see."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from engine.graph.trace import Step, Trace
from engine.layers.base import Window
from engine.layers.entry import Input


@dataclass(frozen=True)
class Field:
    """What one unit sees of the input: for place i, from i·stride + first to i·stride + last, on each axis."""

    axes: tuple[Window, ...]
    placed: bool = True  # False where a unit still sees this much, but its index no longer says where
    whole: tuple[int, ...] = ()  # the input's sizes, where everything is seen

    @property
    def size(self) -> tuple[int, ...]:
        """Return how many places are seen along each axis, beyond the input's edge too."""
        return self.whole or tuple(math.floor(a.last) - math.ceil(a.first) + 1 for a in self.axes)

    @property
    def stride(self) -> tuple[float, ...] | None:
        """Return how far the fields of neighbouring units lie apart."""
        return tuple(float(a.stride) for a in self.axes) if self.placed and not self.whole else None

    @property
    def offset(self) -> tuple[float, ...] | None:
        """Return where the first unit's field has its middle."""
        return tuple(float(a.first + a.last) / 2 for a in self.axes) if self.placed and not self.whole else None

    def write(self) -> dict[str, Any]:
        """Return plain values."""
        return {"size": list(self.size), "stride": _listed(self.stride), "offset": _listed(self.offset)}


def _listed(values: tuple[float, ...] | None) -> list[float] | None:
    return None if values is None else [int(v) if v == int(v) else v for v in values]


def fields(trace: Trace) -> dict[str, Field]:
    """Return the field of every step that sees the first input of places, by the step's path."""
    found: dict[str, Field] = {}
    start = next((s for s in trace.steps if isinstance(s.layer, Input) and s.gives.rank > 1), None)
    if start is None:
        return found
    for step in trace.steps:
        if step is start:
            still = Window(Fraction(1), Fraction(0), Fraction(0))
            found[step.path] = Field((still,) * (step.gives.rank - 1))
        elif seen := [found[source] for source in step.sources if source in found]:
            found[step.path] = _through(step, _together(seen, start), start)
    return found


def _through(step: Step, field: Field, start: Step) -> Field:
    sees = step.layer.sees(step.given[0])
    if field.whole or sees == "whole":
        return _all(start, by_length=step.layer.family in ("sequence", "attention"))
    if sees == "point":
        return field
    if sees == "scattered":
        return Field(field.axes, placed=False)
    if not field.placed or len(sees) != len(field.axes):
        return _all(start)
    return Field(tuple(_compose(outer, inner) for outer, inner in zip(field.axes, sees, strict=True)))


def _compose(outer: Window, inner: Window) -> Window:
    """Return what is seen through two windows: the inner's places are units of the outer."""
    first = inner.first * outer.stride + outer.first
    last = inner.last * outer.stride + outer.last
    return Window(inner.stride * outer.stride, first, last)


def _together(seen: Iterable[Field], start: Step) -> Field:
    """Return what branches see together; where their places do not match, everything."""
    first, *rest = seen
    for other in rest:
        if first.whole or other.whole:
            return first if first.whole else other
        if [a.stride for a in first.axes] != [a.stride for a in other.axes]:
            return _all(start)
        axes = tuple(
            Window(a.stride, min(a.first, b.first), max(a.last, b.last))
            for a, b in zip(first.axes, other.axes, strict=True)
        )
        first = Field(axes, first.placed and other.placed)
    return first


def _all(start: Step, by_length: bool = False) -> Field:
    sizes = start.gives.sizes
    places = sizes[:1] if by_length and len(sizes) == 2 else sizes[1:]
    return Field((), whole=places)
