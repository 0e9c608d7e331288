"""Diagram: everything that a drawing of a graph shows, as plain values."""

from collections.abc import Collection
from typing import Any

from engine.graph.cost import Cost, cost
from engine.graph.graph import Graph, Node
from engine.graph.layout import layout
from engine.graph.trace import trace

MOST_BOXES = 400  # more are neither read nor drawn in time: blocks are there to fold them


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


def _box(node: Node, path: str, counted: Cost) -> dict[str, Any]:
    weights = sum(layer.counts.weights for layer in counted.within(path))
    return {
        "path": path,
        "name": node.id,
        "family": node.layer.family,
        "title": node.block.name if node.block else node.layer.title,
        "summary": node.layer.summary(),
        "weights": weights,
        "repeat": node.block.repeat if node.block else 1,
        "block": bool(node.block),
    }
