"""Repair: what would put one layer right, found by trying it out."""

from engine.graph import edits
from engine.graph.graph import Graph
from engine.graph.trace import trace
from engine.layers.reshaping import Flatten

LARGEST = 64  # kernels that are tried


def repairs(graph: Graph, path: str) -> dict[str, Graph]:
    """Return what would put this layer right, in words, each with the graph that comes of it."""
    if _right(graph, path):
        return {}
    tried = {"Put a flatten before it": _flattened(graph, path), **_smaller(graph, path)}
    return {words: other for words, other in tried.items() if other and _right(other, path)}


def _right(graph: Graph, path: str) -> bool:
    """Return whether examples come through a layer, and nothing is wrong with it any more."""
    found = trace(graph)
    return path in found.shapes and all(problem.node != path for problem in found.problems)


def _smaller(graph: Graph, path: str) -> dict[str, Graph]:
    """Return the layer with the largest kernel for which there is room."""
    layer = graph[path].layer
    kernel = getattr(layer, "kernel", None)
    if isinstance(kernel, int):
        for size in range(min(kernel - 1, LARGEST), 0, -1):
            other = edits.replace(graph, path, layer.but(kernel=size))
            if _right(other, path):
                return {f"Make its kernel {size}": other}
    return {}


def _flattened(graph: Graph, path: str) -> Graph | None:
    """Return the graph with a flatten between a layer and what it takes, if nobody else takes that."""
    scope, _, name = path.rpartition(".")
    block = graph[scope].block if scope else None
    around = block.graph if block else graph
    inputs = around.by_id[name].inputs
    if len(inputs) != 1 or len(around.consumers[inputs[0]]) != 1:
        return None
    before = f"{scope}.{inputs[0]}" if scope else inputs[0]
    return edits.insert_after(graph, before, Flatten(), edits.fresh(around, "flatten"))
