"""Receptive fields: which part of the input each unit can see."""

import math
from dataclasses import dataclass
from typing import Any

from engine.graph.trace import Step, Trace
from engine.layers.base import Window
from engine.layers.entry import Input

MOST_PHASES = 4_096  # beyond it, units that see unlike parts are not told apart any more


Axes = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Field:
    """What one unit sees of the input, along each axis."""

    axes: tuple[Window, ...]
    placed: bool = True  # False where a unit still sees this much, but its index no longer says where
    whole: tuple[int, ...] = ()  # where a unit sees all that its layer is given: how much of the input that is
    covers: Axes = ()  # the first and the last place of the input that any unit here sees, along each axis

    @property
    def size(self) -> tuple[int, ...]:
        """Return how many places are seen at most along each axis, beyond the input's edge too."""
        return self.whole or tuple(max(last - first + 1 for first, last in axis.reaches) for axis in self.axes)

    @property
    def stride(self) -> tuple[float, ...] | None:
        """Return how far the fields of neighbouring units lie apart, on the average."""
        return tuple(axis.shift / axis.period for axis in self.axes) if self.placed and not self.whole else None

    @property
    def offset(self) -> tuple[float, ...] | None:
        """Return where the first unit's field has its middle."""
        return tuple(sum(axis.of(0)) / 2 for axis in self.axes) if self.placed and not self.whole else None

    def write(self) -> dict[str, Any]:
        """Return plain values."""
        return {"size": list(self.size), "stride": _listed(self.stride), "offset": _listed(self.offset)}


def _listed(values: tuple[float, ...] | None) -> list[float] | None:
    return None if values is None else [int(v) if v == int(v) else v for v in values]


def fields(trace: Trace) -> dict[str, Field]:
    """Return the field of every step that sees the first input of places, by the step's path."""
    found: dict[str, Field] = {}
    start = next((s for s in trace.steps if isinstance(s.layer, Input) and s.gives.places), None)
    if start is None:
        return found
    for step in trace.steps:
        if step is start:
            still = Window(1, ((0, 0),))
            edges = tuple((0, size - 1) for size in _places(step))
            found[step.path] = Field((still,) * len(edges), covers=edges)
        elif seen := [found[source] for source in watched(step) if source in found]:
            found[step.path] = _through(step, _together(seen, start), start)
    return found


def _through(step: Step, field: Field, start: Step) -> Field:
    sees = step.layer.sees(step.given[0])
    if step.layer.family in ("sequence", "attention") and (field.whole or sees == "whole"):
        return _all(start, by_length=True)
    if field.whole or sees == "whole":
        return Field((), whole=tuple(last - first + 1 for first, last in field.covers), covers=field.covers)
    if sees == "point":
        return field
    if sees == "scattered":
        return Field(field.axes, placed=False, covers=field.covers)
    if not field.placed or len(sees) != len(field.axes):
        return _all(start)
    covers = tuple(_covered(step, start, axis, outer, sees[axis]) for axis, outer in enumerate(field.axes))
    axes = [_compose(outer, inner) for outer, inner in zip(field.axes, sees, strict=True)]
    known = tuple(axis for axis in axes if axis)
    return Field(known, covers=covers) if len(known) == len(axes) else _all(start)


def _places(step: Step) -> tuple[int, ...]:
    return step.gives.places


def _covered(step: Step, start: Step, axis: int, outer: Window, inner: Window) -> tuple[int, int]:
    """Return from where to where all units of a step together see the input."""
    given, gives = step.given[0].places[axis], step.gives.places[axis]
    period = min(inner.period, gives)
    turn = [inner.of(place) for place in (*range(period), *range(gives - period, gives))]
    first, last = max(0, min(t[0] for t in turn)), min(given - 1, max(t[1] for t in turn))
    if step.layer.border == "circular" and min(t[0] for t in turn) < 0:
        first, last = 0, given - 1
    inside = range(first, last + 1)
    ends = [outer.of(place) for place in (*inside[: outer.period], *inside[-outer.period :])]
    size = start.gives.places[axis]
    return max(0, min(e[0] for e in ends)), min(size - 1, max(e[1] for e in ends))


def watched(step: Step) -> tuple[str, ...]:
    """Return the sources whose values a step passes on, not those to which it is only bound: a pool, or weights."""
    return step.sources[:1] if step.layer.bound == 1 else step.sources


def _compose(outer: Window, inner: Window) -> Window | None:
    """Return what is seen through two windows: the inner's places are units of the outer."""
    turns = outer.period // math.gcd(outer.period, inner.shift)
    period = turns * inner.period
    if period > MOST_PHASES:
        return None
    shift = turns * inner.shift // outer.period * outer.shift
    reaches = []
    for place in range(period):
        first, last = inner.of(place)
        parts = [outer.of(unit) for unit in range(first, min(last, first + outer.period) + 1)]
        parts += [outer.of(unit) for unit in range(max(first, last - outer.period), last + 1)]
        reaches.append((min(part[0] for part in parts), max(part[1] for part in parts)))
    return Window(shift, tuple(reaches))


def _together(seen: list[Field], start: Step) -> Field:
    """Return what branches see together; where their places do not match, everything."""
    first, *rest = seen
    for other in rest:
        if first.whole or other.whole:
            return first if first.whole else other
        axes = [_union(a, b) for a, b in zip(first.axes, other.axes, strict=True)]
        known = tuple(axis for axis in axes if axis)
        if len(known) < len(axes):
            return _all(start)
        covers = tuple((min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(first.covers, other.covers, strict=True))
        first = Field(known, first.placed and other.placed, covers=covers)
    return first


def _union(a: Window, b: Window) -> Window | None:
    """Return what is seen through either window, where both go on at the same pace."""
    period = math.lcm(a.period, b.period)
    if a.shift * b.period != b.shift * a.period or period > MOST_PHASES:
        return None
    both = [(a.of(place), b.of(place)) for place in range(period)]
    reaches = tuple((min(x[0], y[0]), max(x[1], y[1])) for x, y in both)
    return Window(period // a.period * a.shift, reaches)


def _all(start: Step, by_length: bool = False) -> Field:
    sizes = start.gives.sizes
    places = sizes[:1] if by_length and len(sizes) == 2 else start.gives.places
    return Field((), whole=places, covers=tuple((0, size - 1) for size in places))
