"""Diagram: everything that a drawing of a graph shows, as plain values."""

from collections.abc import Collection
from typing import Any

from engine.graph.cost import Cost, cost
from engine.graph.graph import Graph, Node
from engine.graph.layout import layout
from engine.graph.trace import trace


def diagram(graph: Graph, opened: Collection[str] = ()) -> dict[str, Any]:
    """Return boxes, wires and frames with their places, words and numbers."""
    found, places, counted = trace(graph), layout(graph, opened), cost(graph)
    boxes = []
    for path, (column, lane) in places.boxes.items():
        box = _box(graph[path], path, counted) | {"column": column, "lane": lane}
        shape = found.shapes.get(path)
        boxes.append(box | {"shape": str(shape) if shape else "?", "sizes": list(shape.sizes) if shape else []})
    frames = [
        {"path": path, "title": graph[path].layer.summary(), "boxes": inside} for path, inside in places.frames.items()
    ]
    wires = [{"from": a, "to": b, "lane": lane} for a, b, lane in places.wires]
    outputs = [path for path in graph.outputs if path in places.boxes]
    return {"boxes": boxes, "wires": wires, "frames": frames, "breaks": places.breaks, "outputs": outputs}


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
