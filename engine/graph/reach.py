"""Reach: exactly which places of the input each unit of a layer sees, at the borders too."""

from engine.graph.field import watched
from engine.graph.trace import Step, Trace
from engine.layers.base import Window
from engine.layers.entry import Input

Seen = tuple[int, ...]  # for each place along one axis: the input's places it sees, as the bits of a number
Spans = list[list[int]]  # first and last place of each stretch


def reach(trace: Trace, path: str) -> tuple[Seen, ...] | None:
    """Return what the units of a step see along each axis, or None where they see all, or nobody knows where."""
    found: dict[str, tuple[Seen, ...] | None] = {}
    start = next(
        (s for s in trace.steps if isinstance(s.layer, Input) and s.gives.rank > 1 and not s.gives.sequence), None
    )
    for step in trace.steps:
        if step is start:
            found[step.path] = tuple(tuple(1 << place for place in range(size)) for size in step.gives.sizes[1:])
        elif sources := [source for source in watched(step) if source in found]:
            found[step.path] = _through(step, _together([found[source] for source in sources]))
        if step.path == path:
            return found.get(path)
    return None


def spans(seen: tuple[Seen, ...], at: tuple[int, ...]) -> list[Spans]:
    """Return for each axis in which stretches one unit sees the input; one that wraps around sees several."""
    return [_stretches(axis[place]) for axis, place in zip(seen, at, strict=True)]


def ends(seen: tuple[Seen, ...], at: tuple[int, ...]) -> list[list[int]]:
    """Return for each axis the first and the last place that one unit sees; of one that sees only padding, none."""
    every = spans(seen, at)
    return [[axis[0][0], axis[-1][1]] for axis in every] if all(every) else []


def _stretches(bits: int) -> Spans:
    found: Spans = []
    place = 0
    while bits:
        gap = (bits & -bits).bit_length() - 1
        bits >>= gap
        run = (~bits & (bits + 1)).bit_length() - 1
        found.append([place + gap, place + gap + run - 1])
        bits >>= run
        place += gap + run
    return found


def _through(step: Step, seen: tuple[Seen, ...] | None) -> tuple[Seen, ...] | None:
    sees = step.layer.sees(step.given[0])
    if seen is None or sees in ("whole", "scattered"):
        return None
    if sees == "point":
        return seen
    if len(sees) != len(seen):
        return None
    places = step.gives.sizes[1:]
    windowed = zip(sees, seen, places, strict=True)
    return tuple(_along(window, axis, number, step.layer.border) for window, axis, number in windowed)


def _along(window: Window, seen: Seen, number: int, border: str) -> Seen:
    """Return what units see through a window of what they are given, one axis of it."""
    found = []
    for place in range(number):
        bits = 0
        first, last = window.of(place)
        for index in range(first, last + 1):
            inside = _inside(index, len(seen), border)
            bits |= 0 if inside is None else seen[inside]
        found.append(bits)
    return tuple(found)


def _inside(index: int, size: int, border: str) -> int | None:
    """Return the place whose value stands at an index, which may lie beyond the edge."""
    if 0 <= index < size:
        return index
    match border:
        case "reflect":
            return -index if index < 0 else 2 * (size - 1) - index
        case "replicate":
            return 0 if index < 0 else size - 1
        case "circular":
            return index % size
    return None


def _together(branches: list[tuple[Seen, ...] | None]) -> tuple[Seen, ...] | None:
    """Return what branches see together, which meet place by place."""
    known = [branch for branch in branches if branch is not None]
    shapes = {tuple(map(len, branch)) for branch in known}
    if len(known) < len(branches) or len(shapes) > 1:
        return None
    first, *rest = known
    for other in rest:
        first = tuple(tuple(a | b for a, b in zip(x, y, strict=True)) for x, y in zip(first, other, strict=True))
    return first
