"""Rows: dense layers behind one another, and how they are changed on the picture of their neurons."""

from dataclasses import dataclass

from engine.errors import VitrineError
from engine.graph import edits
from engine.graph.graph import Graph, Node
from engine.layers.activation import Tanh
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.features import Feature, Features

BETWEEN = ("activation", "normalisation", "regularisation")  # what may stand between dense layers
FEATURES: tuple[str, ...] = Feature.__args__
PLAIN = ("x1", "x2")


@dataclass(frozen=True)
class Column:
    """Neurons side by side: the layer whose weights lead to them, and the one that gives what they say."""

    weights: str  # nothing for the inputs
    gives: str


def columns(graph: Graph) -> list[Column]:
    """Return inputs and dense layers in a row, each with what follows it; none where it is no such row."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return []
    found: list[Column] = []
    before = ""
    for node in graph.nodes:
        if before and node.inputs != (before,):
            return []
        kind = _kind(node)
        if kind == "dense" or (kind == "input" and not found):
            found.append(Column(node.id if kind == "dense" else "", node.id))
        elif kind == "between" and found:
            found[-1] = Column(found[-1].weights, node.id)
        else:
            return []
        before = node.id
    return found if before == graph.outputs[0] and len(found) > 1 else []


def _kind(node: Node) -> str:
    if node.block:
        return ""
    if node.layer.kind in ("dense", "input"):
        return node.layer.kind
    return "between" if node.layer.kind == "features" or node.layer.family in BETWEEN else ""


def wider(graph: Graph, path: str, by: int) -> Graph:
    """Give a hidden layer so many neurons more, or fewer; without any it is taken out."""
    hidden = [column.weights for column in columns(graph)[1:-1]]
    if path not in hidden:
        raise VitrineError(f"{path} is no hidden layer.", cure="What is to be told decides how wide the last one is.")
    layer = graph[path].layer
    units = getattr(layer, "units", 0) + by
    return edits.replace(graph, path, layer.but(units=units)) if units > 0 else _without(graph, path)


def _without(graph: Graph, path: str) -> Graph:
    """Take a layer out, with what follows it up to the next one."""
    column = next(column for column in columns(graph) if column.weights == path)
    names = [node.id for node in graph.nodes]
    for name in names[names.index(column.weights) : names.index(column.gives) + 1]:
        graph = edits.remove(graph, name)
    return graph


def deeper(graph: Graph, behind: str) -> Graph:
    """Put a hidden layer behind what a column gives: as wide as the one before it, and bent like the others."""
    row = columns(graph)
    place = next((i for i, column in enumerate(row[:-1]) if column.gives == behind), None)
    if place is None:
        raise VitrineError(f"No layer can be put behind {behind}.")
    hidden = row[place] if place else row[1] if len(row) > 2 else None
    units = getattr(graph[hidden.weights].layer, "units", 4) if hidden else 4
    bends = [node.layer for node in graph.nodes if node.layer.family == "activation" and node.id != row[-1].gives]
    bend = type(bends[0])() if bends else Tanh()
    name = edits.fresh(graph, "dense")
    graph = edits.insert_after(graph, behind, Dense(units=units), name)
    return edits.insert_after(graph, name, bend, edits.fresh(graph, bend.stem))


def given(graph: Graph, feature: str) -> Graph:
    """Let the network be given one feature of a point more, or one fewer."""
    if feature not in FEATURES:
        raise VitrineError(f"There is no feature {feature!r}.")
    now = features_of(graph)
    wanted = tuple(name for name in FEATURES if (name in now) != (name == feature))
    if not wanted:
        raise VitrineError("The network must be given something.")
    node = next((node.id for node in graph.nodes if isinstance(node.layer, Features)), None)
    if node is None:
        entry = next(name for name, layer in graph.inputs.items() if isinstance(layer, Input))
        return edits.insert_after(graph, entry, Features().but(of=wanted), "features")
    if wanted == PLAIN:
        return edits.remove(graph, node)
    return edits.replace(graph, node, Features().but(of=wanted))


def features_of(graph: Graph) -> list[str]:
    """Return the features that a network of points is given."""
    return list(next((node.layer.of for node in graph.nodes if isinstance(node.layer, Features)), PLAIN))
