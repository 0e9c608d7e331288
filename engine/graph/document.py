"""Graphs as plain JSON values, read with distrust: whatever comes in is checked and bounded first."""

from collections import Counter
from typing import Any

from engine.errors import VitrineError
from engine.graph.graph import MOST_DEPTH, MOST_NODES, Block, Graph, Node, in_order
from engine.layers import LAYERS, Init, Layer
from engine.registry import did_you_mean, shortened


def write(graph: Graph) -> dict[str, Any]:
    """Return the graph as plain values."""
    document: dict[str, Any] = {"nodes": [_write_node(node) for node in graph.nodes]}
    document["outputs"] = list(graph.outputs)
    if graph.init != Init():
        document["init"] = graph.init.write()
    return document


def _write_node(node: Node) -> dict[str, Any]:
    options = node.layer.write()
    if node.block:
        options["graph"] = write(node.block.graph)
    return {"id": node.id, **options} | ({"inputs": list(node.inputs)} if node.inputs else {})


def read(document: Any, depth: int = 0) -> Graph:
    """Make a graph from plain values, or say in one sentence what is wrong and where."""
    if depth > MOST_DEPTH:
        raise VitrineError(f"Blocks stand more than {MOST_DEPTH} deep in one another.")
    fields = mapping(document, "the graph", ("nodes", "outputs", "init"))
    listed = sequence(fields.get("nodes"), "nodes", MOST_NODES)
    nodes = [_read_node(node, place, depth) for place, node in enumerate(listed, start=1)]
    twice, count = Counter(node.id for node in nodes).most_common(1)[0] if nodes else ("", 0)
    if count > 1:
        raise VitrineError(f"Two nodes are called {shortened(twice)}.", cure="Rename one.")
    outputs = [text(name, "an output") for name in sequence(fields.get("outputs", []), "outputs", MOST_NODES)]
    init = _read_init(fields["init"], "the graph") if "init" in fields else Init()
    return Graph(in_order(nodes), tuple(outputs), init)


def _read_node(document: Any, place: int, depth: int) -> Node:
    fields = mapping(document, f"node {place}")
    name = text(fields.get("id"), f"the id of node {place}")
    sources = sequence(fields.get("inputs", []), f"the inputs of {name}", 64)
    inputs = tuple(text(source, f"an input of {name}") for source in sources)
    options = {key: value for key, value in fields.items() if key not in ("id", "inputs")}
    try:
        return Node(name, _read_layer(options, depth), inputs)
    except VitrineError as error:
        raise error.inside(shortened(name).strip("'")) from None


def _read_layer(options: dict[str, Any], depth: int) -> Layer:
    kind = LAYERS[text(options.pop("kind", None), "the kind")]
    if "init" in options and options["init"] is not None:
        options["init"] = _read_init(options["init"], "the layer")
    if kind is Block:
        options["graph"] = read(options.get("graph"), depth + 1)
    return kind.read(options)


def _read_init(document: Any, where: str) -> Init:
    fields = dict(mapping(document, f"the init of {where}"))
    fields.pop("kind", None)
    return Init.read(fields)


def mapping(value: Any, what: str, known: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Return the value if it is a JSON object without unknown fields."""
    if not isinstance(value, dict):
        raise VitrineError(f"{what} must be a JSON object; received {shortened(value)}.")
    if known and (strange := next((key for key in value if key not in known), None)) is not None:
        raise VitrineError(f"{what} has no field {shortened(strange)}.{did_you_mean(strange, known)}")
    return value


def sequence(value: Any, what: str, most: int) -> list[Any]:
    """Return the value if it is a list of bounded length."""
    if not isinstance(value, list | tuple):
        raise VitrineError(f"{what} must be a list; received {shortened(value)}.")
    if len(value) > most:
        raise VitrineError(f"{what} has {len(value):,} entries: at most {most:,} fit.")
    return list(value)


def text(value: Any, what: str) -> str:
    """Return the value if it is text."""
    if not isinstance(value, str):
        raise VitrineError(f"{what} must be text; received {shortened(value)}.")
    return value
