"""Diagram: everything that a drawing of a graph shows, as plain values."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.graph.cost import Cost, cost
from engine.graph.graph import Graph, Node
from engine.graph.layout import layout
from engine.graph.trace import trace
from engine.layers import Layer
from engine.layers.entry import Lent


@dataclass(frozen=True)
class Between:
    """What stands between networks: what one gives and another takes, or what comes from elsewhere or goes out."""

    giver: str  # the network that gives it, or nothing
    name: str
    to: str  # the network that takes it, or nothing
    words: str
    but: str = ""  # an input of the taker that is given something else
    back: str = ""  # the network to which a gradient goes back from it, round the others


MOST_BOXES = 400  # more are neither read nor drawn in time: blocks are there to fold them


def diagrams(
    graphs: Mapping[str, Graph],
    opened: Collection[str] = (),
    flow: Sequence[tuple[str, str]] = (),
    between: Sequence[Between] = (),
) -> dict[str, Any]:
    """Return one drawing of several networks, one behind the other, each in a frame; of a single one, just that.

    `flow` tells from which network to which what is given goes on; those that give come first. What stands `between`
    them is drawn small. Among what is `opened`, a block is unfolded, and a whole network, "encoder:", folded into one
    box.
    """
    if len(graphs) == 1:
        return diagram(next(iter(graphs.values())), opened)
    drawn = _Several(between)
    for role in _in_flow(list(graphs), flow):
        drawn.stand(role, graphs)
        drawn.add(role, graphs[role], opened, [one for one, other in flow if other == role])
    drawn.stand("", graphs)
    return drawn.whole


class _Several:
    """A drawing of several networks while it comes about, column by column."""

    def __init__(self, between: Sequence[Between]):
        self.between = between
        self.whole: dict[str, Any] = {
            "boxes": [],
            "wires": [],
            "frames": [],
            "breaks": [],
            "outputs": [],
            "left_out": 0,
            "back": [],
        }
        self.begin = 0
        self.ends: dict[str, dict[str, Any]] = {}  # by network: the box that gives what it gives
        self.waiting: list[dict[str, Any]] = []  # small boxes that the next network takes from

    def add(self, role: str, graph: Graph, opened: Collection[str], before: Sequence[str]) -> None:
        """Draw the next network, and wires to it from those before it, or from what stands between."""
        mark, begin, whole = f"{role}:", self.begin, self.whole
        whole_one = mark in opened or not graph.nodes  # folded, or there is nothing in it yet
        if whole_one:
            own = _folded(graph)
        else:
            own = diagram(graph, [path.removeprefix(mark) for path in opened if path.startswith(mark)])
        boxes = [box | {"path": mark + box["path"], "column": begin + box["column"]} for box in own["boxes"]]
        wires = [wire | {"from": mark + wire["from"], "to": mark + wire["to"]} for wire in own["wires"]]
        weights = f"{cost(graph).total.weights:,} weights"
        frames = [f | {"path": mark + f["path"], "boxes": [mark + path for path in f["boxes"]]} for f in own["frames"]]
        if whole_one:
            boxes[0] |= {"name": role, "title": weights}
        else:
            frames = [{"path": mark, "title": weights, "boxes": [box["path"] for box in boxes]}, *frames]
        entering = next((box for box in boxes if box["path"].removeprefix(mark) in graph.inputs), boxes[0])
        for end in self.waiting or [self.ends[one] for one in before if one in self.ends]:
            near = end["column"] + 1 == entering["column"]
            lane = 0 if near else 1 + max(box["lane"] for box in whole["boxes"])
            wires.append({"from": end["path"], "to": entering["path"], "lane": lane})
        self.waiting = []
        self.ends[role] = next((box for box in boxes if box["path"] == mark + next(iter(graph.outputs), "")), boxes[-1])
        self.begin = 1 + max(box["column"] for box in boxes)
        whole["breaks"] += [*(begin + column for column in own["breaks"]), self.begin - 1]
        whole["outputs"] += [mark + path for path in own["outputs"]]
        whole["left_out"] += own["left_out"]
        for name, more in (("boxes", boxes), ("wires", wires), ("frames", frames)):
            whole[name] += more

    def stand(self, role: str, graphs: Mapping[str, Graph]) -> None:
        """Draw what stands before a network, or behind the last one."""
        here = [one for one in self.between if one.to == role and (one.giver in self.ends or not one.giver)]
        for lane, one in enumerate(here):
            gives = trace(graphs[one.giver]).outputs if one.giver else []
            takes = [layer.shape for name, layer in graphs[role].inputs.items() if name != one.but] if role else []
            shape = (*takes, *gives)[0] if takes or gives else None
            box: dict[str, Any] = {"path": one.name, "name": one.name, "title": one.words, "family": "between"}
            box |= {"summary": "", "weights": 0, "repeat": 1, "block": False, "column": self.begin, "lane": lane}
            box |= {"shape": str(shape or "?"), "sizes": list(shape.sizes) if shape else []}
            self.whole["boxes"].append(box)
            self.waiting.append(box)
            if one.giver:
                self.whole["wires"].append({"from": self.ends[one.giver]["path"], "to": box["path"], "lane": lane})
            if one.back and one.back in self.ends:
                self.whole["back"].append({"from": box["path"], "to": f"{one.back}:"})
        self.begin += bool(here)


def _folded(graph: Graph) -> dict[str, Any]:
    """Return a whole network as one box."""
    found = trace(graph)
    entering = [str(layer.shape) for layer in graph.inputs.values()]
    takes = entering[0] + " …" * (len(entering) > 1) if entering else "nothing"
    gives = found.outputs[0] if found.outputs else None
    box: dict[str, Any] = {
        "path": "",
        "family": "block",
        "summary": takes,
        "weights": cost(graph).total.weights,
        "repeat": 1,
    }
    box |= {"block": True, "column": 0, "lane": 0, "sizes": list(gives.sizes) if gives else []}
    box |= {"shape": f"{takes} → {gives or '?'}"}
    return {"boxes": [box], "wires": [], "frames": [], "breaks": [], "outputs": [], "left_out": 0}


def _in_flow(roles: list[str], flow: Sequence[tuple[str, str]]) -> list[str]:
    """Return roles in an order in which what one gives to another is there before."""
    order: list[str] = []
    while left := [role for role in roles if role not in order]:
        free = [role for role in left if not any(other == role and one in left for one, other in flow)]
        order.append((free or left)[0])
    return order


def diagram(graph: Graph, opened: Collection[str] = ()) -> dict[str, Any]:
    """Return boxes, wires and frames with their places, words and numbers, and how many boxes were left out."""
    found, places, counted = trace(graph), layout(graph, opened), cost(graph)
    drawn = sorted(places.boxes, key=lambda path: places.boxes[path])[:MOST_BOXES]
    boxes = []
    for path in drawn:
        column, lane = places.boxes[path]
        box = _box(graph[path], path, counted) | {"column": column, "lane": lane}
        shape = found.shapes.get(path)
        boxes.append(box | {"shape": str(shape) if shape else "?", "sizes": list(shape.sizes) if shape else []})
    here = set(drawn)
    frames = [
        {"path": path, "title": graph[path].layer.summary(), "boxes": [p for p in inside if p in here]}
        for path, inside in places.frames.items()
        if here & set(inside)
    ]
    return {
        "boxes": boxes,
        "wires": [{"from": a, "to": b, "lane": lane} for a, b, lane in places.wires if a in here and b in here],
        "frames": frames,
        "breaks": places.breaks,
        "outputs": [path for path in graph.outputs if path in here],
        "left_out": len(places.boxes) - len(boxes),
    }


def _titled(layer: Layer) -> str:
    """Return what a box says of its layer: its kind, or whose weights are lent here."""
    return f"of {layer.of}" if isinstance(layer, Lent) and layer.of else layer.title


def _box(node: Node, path: str, counted: Cost) -> dict[str, Any]:
    weights = sum(layer.counts.weights for layer in counted.within(path))
    return {
        "path": path,
        "name": node.id,
        "family": node.layer.family,
        "title": node.block.name if node.block else _titled(node.layer),
        "summary": node.layer.summary(),
        "weights": weights,
        "repeat": node.block.repeat if node.block else 1,
        "block": bool(node.block),
    }
