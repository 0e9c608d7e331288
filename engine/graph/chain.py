"""Graphs written down in Python: a name and a layer a line, each taking from the line before."""

from engine.graph.graph import Block, Graph, Node
from engine.layers import Init, Layer
from engine.layers.entry import Entry


def chain(init: Init | None = None, /, **nodes: Layer | tuple[Layer | str, ...]) -> Graph:
    """Make a graph whose last node is its output; `add=(Add(), "norm", "entry")` names its inputs."""
    made: list[Node] = []
    for name, line in nodes.items():
        layer, *inputs = line if isinstance(line, tuple) else (line, *(n.id for n in made[-1:]))
        assert isinstance(layer, Layer)
        made.append(Node(name, layer, tuple(map(str, inputs)) if layer.arity[1] else ()))
    return Graph(tuple(made), (made[-1].id,) if made else (), init or Init())


def block(name: str, repeat: int = 1, /, **nodes: Layer | tuple[Layer | str, ...]) -> Block:
    """Make a block with one entry, called 'entry'."""
    return Block(name=name, repeat=repeat, graph=chain(entry=Entry(), **nodes))
