"""Layout: columns and lanes for the boxes of a diagram, blocks folded or open."""

from collections.abc import Collection
from dataclasses import dataclass, field

from engine.graph.graph import Graph
from engine.layers.entry import Entry
from engine.layers.merging import Part

Drawn = dict[str, list[str]]  # each box, in order, with the boxes it takes from


@dataclass
class Layout:
    """Where everything lies: columns from left to right, lanes from top to bottom."""

    boxes: dict[str, tuple[int, int]] = field(default_factory=dict)  # path: column, lane
    wires: list[tuple[str, str, int]] = field(default_factory=list)  # from, to, the lane it runs in
    frames: dict[str, list[str]] = field(default_factory=dict)  # of each open block, the boxes within
    breaks: list[int] = field(default_factory=list)  # columns after which a row of the diagram may end


def layout(graph: Graph, opened: Collection[str] = ()) -> Layout:
    """Return places for all boxes; those of open blocks lie in the block's stead."""
    found, drawn = Layout(), Drawn()
    _unfold(graph, "", {}, frozenset(opened), drawn, found)
    columns = _columns(drawn)
    found.boxes = {path: (columns[path], lane) for path, lane in _lanes(drawn, columns).items()}
    _run_wires(drawn, found)
    _find_breaks(found)
    return found


def _unfold(
    graph: Graph, prefix: str, given: dict[str, str], opened: frozenset[str], drawn: Drawn, found: Layout
) -> dict[str, str]:
    """Add the boxes of a graph; return which box each of its nodes' outputs comes from."""
    comes_from: dict[str, str] = dict(given)
    insides: dict[str, dict[str, str]] = {}
    for node in graph.nodes:
        path = prefix + node.id
        if isinstance(node.layer, Entry) and node.id in given:
            continue
        inputs = [comes_from[source] for source in node.inputs]
        inside = insides.get(node.inputs[0], {}) if isinstance(node.layer, Part) and node.inputs else {}
        if isinstance(node.layer, Part) and node.layer.what in inside:
            inputs = [inside[node.layer.what]]  # what an opened block hands on comes from the layer itself
        block = node.block
        entries = [entry.id for entry in block.graph.entries] if block else []
        if block and path in opened and len(entries) == len(inputs) and block.graph.outputs:
            before = len(drawn)
            inner = _unfold(block.graph, f"{path}.", dict(zip(entries, inputs, strict=True)), opened, drawn, found)
            found.frames[path] = list(drawn)[before:]
            insides[node.id] = inner
            comes_from[node.id] = inner[block.graph.outputs[0]]
        else:
            drawn[path] = list(dict.fromkeys(inputs))
            comes_from[node.id] = path
    return comes_from


def _columns(drawn: Drawn) -> dict[str, int]:
    """Put every box right behind the last of those it takes from."""
    columns: dict[str, int] = {}
    for path, sources in drawn.items():
        columns[path] = 1 + max((columns[source] for source in sources), default=-1)
    first_taker: dict[str, int] = {}
    for path, sources in drawn.items():
        for source in sources:
            first_taker[source] = min(columns[path], first_taker.get(source, columns[path]))
    for path, sources in drawn.items():  # an input of a later branch stands just before it is needed
        if not sources and path in first_taker:
            columns[path] = first_taker[path] - 1
    return columns


def _lanes(drawn: Drawn, columns: dict[str, int]) -> dict[str, int]:
    """Keep every box in the topmost lane of its sources where that is free, else in the nearest below."""
    lanes: dict[str, int] = {}
    taken: set[tuple[int, int]] = set()
    by_column: dict[int, list[str]] = {}
    for path in drawn:
        by_column.setdefault(columns[path], []).append(path)

    def wish(path: str) -> int:
        return min((lanes[source] for source in drawn[path]), default=0)

    for column in sorted(by_column):
        for path in sorted(by_column[column], key=wish):
            lane = wish(path)
            while (column, lane) in taken:
                lane += 1
            lanes[path] = lane
            taken.add((column, lane))
    return {path: lanes[path] for path in drawn}


def _run_wires(drawn: Drawn, found: Layout) -> None:
    """Lead every wire that passes over columns through a lane where it meets no box and no other source's wire."""
    taken = {place: path for path, place in found.boxes.items()}
    wires = [(source, target) for target, sources in drawn.items() for source in sources]
    for source, target in sorted(wires, key=lambda wire: found.boxes[wire[1]][0] - found.boxes[wire[0]][0]):
        (start, from_lane), (end, to_lane) = found.boxes[source], found.boxes[target]
        between = range(start + 1, end)
        wishes = (to_lane, from_lane, *range(len(drawn) + len(wires) + 1))
        lane = next(w for w in wishes if all(taken.get((c, w), source) == source for c in between))
        taken |= {(column, lane): source for column in between}
        found.wires.append((source, target, lane))


def _find_breaks(found: Layout) -> None:
    """Allow a row to end where all wires that pass go straight from one box to the next column."""
    last = max((column for column, _ in found.boxes.values()), default=0)
    passing: list[set[tuple[str, int, int]]] = [set() for _ in range(last + 1)]
    for source, target, _ in found.wires:
        start, end = found.boxes[source][0], found.boxes[target][0]
        for column in range(start, end):
            passing[column].add((source, start, end))
    for column in range(last):
        straight = all((start, end) == (column, column + 1) for _, start, end in passing[column])
        if straight and len({source for source, _, _ in passing[column]}) <= 1:
            found.breaks.append(column)
