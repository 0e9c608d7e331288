"""Edits: each takes a graph and returns another; a path such as 'stage1.conv2' reaches into blocks."""

import dataclasses
import functools
from collections.abc import Callable, Iterable

from engine.errors import VitrineError
from engine.graph.graph import Block, Graph, Node, check_name, in_order
from engine.layers import Layer
from engine.layers.entry import Entry, Input
from engine.layers.pooling import MaxPool2d
from engine.layers.resizing import MaxUnpool2d

Edit = Callable[..., Graph]


def reaching(edit: Edit) -> Edit:
    """Let an edit of a graph's own nodes reach nodes inside blocks, by their path."""

    @functools.wraps(edit)
    def reach(graph: Graph, path: str, *rest, **options) -> Graph:
        first, _, inner = path.partition(".")
        node = graph[first]
        if not inner:
            return edit(graph, path, *rest, **options)
        if not node.block:
            raise VitrineError(f"{first} is no block.")
        changed = reach(node.block.graph, inner, *rest, **options)
        return _swap(graph, dataclasses.replace(node, layer=with_graph(node.block, changed)))

    return reach


def with_graph(block: Block, graph: Graph) -> Block:
    """Return the block with another graph."""
    return Block(name=block.name, repeat=block.repeat, graph=graph)


def _swap(graph: Graph, node: Node) -> Graph:
    return dataclasses.replace(graph, nodes=tuple(node if n.id == node.id else n for n in graph.nodes))


def laid_out(graph: Graph, nodes: Iterable[Node], outputs: Iterable[str]) -> Graph:
    """Return the graph of these nodes in order; an output that was named twice is one."""
    return Graph(in_order(nodes), tuple(dict.fromkeys(outputs)), graph.init)


def fresh(graph: Graph, stem: str) -> str:
    """Return the first of stem1, stem2, … that no node is called."""
    number = 1
    while f"{stem}{number}" in graph.by_id:
        number += 1
    return f"{stem}{number}"


def add(graph: Graph, layer: Layer, name: str = "") -> Graph:
    """Put a layer after the first output, where it becomes the output; an input comes first."""
    if graph.outputs and layer.arity[1]:
        return insert_after(graph, graph.outputs[0], layer, name)
    new = Node(name or fresh(graph, layer.stem), layer)
    if layer.arity[1]:
        return Graph((*graph.nodes, new), (new.id,), graph.init)
    # What had lost its input takes the new one, if that brings data in.
    orphans = [n.id for n in graph.nodes if n.layer.arity[1] and not n.inputs and isinstance(layer, Input)]
    nodes = (dataclasses.replace(n, inputs=(new.id,)) if n.id in orphans[:1] else n for n in graph.nodes)
    return Graph((new, *nodes), graph.outputs or (new.id,), graph.init)


@reaching
def insert_after(graph: Graph, path: str, layer: Layer, name: str = "") -> Graph:
    """Put a layer behind a node; whoever took from the node takes from the new one."""
    if not layer.arity[1]:
        raise VitrineError(f"{layer.title} takes no input, so it cannot stand after {path}.")
    new = Node(name or fresh(graph, layer.stem), layer, (path, *_undone(graph, path, layer)))
    nodes = []
    for node in graph.nodes:  # an unpooling stays bound to its pool, whatever comes between
        inputs = tuple(new.id if s == path and i != node.layer.bound else s for i, s in enumerate(node.inputs))
        nodes.append(dataclasses.replace(node, inputs=inputs))
        if node.id == path:
            nodes.append(new)
    return laid_out(graph, nodes, (new.id if name == path else name for name in graph.outputs))


def _undone(graph: Graph, path: str, layer: Layer) -> tuple[str, ...]:
    """Return the pool that a new unpooling most likely undoes: the last before it that none undoes yet."""
    if not isinstance(layer, MaxUnpool2d):
        return ()
    undone = {node.inputs[-1] for node in graph.nodes if isinstance(node.layer, MaxUnpool2d)}
    before = graph.nodes[: graph.nodes.index(graph[path]) + 1]
    pools = [node.id for node in before if isinstance(node.layer, MaxPool2d) and node.id not in undone]
    return tuple(pools[-1:])


@reaching
def remove(graph: Graph, path: str) -> Graph:
    """Take a node out; whoever took from it takes from its first input instead."""
    gone = graph[path]
    if isinstance(gone.layer, Entry):
        raise VitrineError(f"{path} is what its block is given, and stays.", cure="Remove the block, or ungroup it.")
    heir = gone.inputs[:1]
    nodes = []
    for node in graph.nodes:
        inputs = tuple(t for s in node.inputs for t in (heir if s == path else (s,)))
        if node.id != path:
            nodes.append(dataclasses.replace(node, inputs=inputs))
    outputs = [t for name in graph.outputs for t in (heir if name == path else (name,))]
    return laid_out(graph, nodes, outputs)


@reaching
def move(graph: Graph, path: str, after: str) -> Graph:
    """Take a node out and put it back behind another one of the same block."""
    node = graph[path]
    if after == path:
        return graph
    if after not in graph.by_id:
        raise VitrineError(f"{path} can only move within its own block, where there is no {after}.")
    if not node.inputs:
        raise VitrineError(f"{path} takes no input, so it stays at the beginning.")
    moved = insert_after(remove(graph, path), after, node.layer, path)
    others = node.inputs[1:]
    if not others:
        return moved
    nodes = (dataclasses.replace(n, inputs=n.inputs + others) if n.id == path else n for n in moved.nodes)
    return laid_out(graph, nodes, moved.outputs)


@reaching
def duplicate(graph: Graph, path: str) -> Graph:
    """Put a copy of a node behind it."""
    node = graph[path]
    if not node.layer.arity[1]:
        copy = dataclasses.replace(node, id=fresh(graph, node.layer.stem))
        return Graph((*graph.nodes, copy), graph.outputs, graph.init)
    copied = insert_after(graph, path, node.layer, name := fresh(graph, node.layer.stem))
    nodes = (dataclasses.replace(n, inputs=n.inputs + node.inputs[1:]) if n.id == name else n for n in copied.nodes)
    return laid_out(graph, nodes, copied.outputs)


@reaching
def replace(graph: Graph, path: str, layer: Layer) -> Graph:
    """Give a node another layer, or the same with other options."""
    node = graph[path]
    if bool(layer.arity[1]) != bool(node.layer.arity[1]):
        raise VitrineError(f"{layer.title} cannot stand in for {node.layer.title}: only one of them takes inputs.")
    return _swap(graph, dataclasses.replace(node, layer=layer))


@reaching
def rename(graph: Graph, path: str, name: str) -> Graph:
    """Call a node otherwise, everywhere it is mentioned."""
    check_name(name)
    if name != path and name in graph.by_id:
        raise VitrineError(f"Another node is called {name}.", cure="Use another name.")

    def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name if n == path else n for n in names)

    nodes = tuple(Node(name if n.id == path else n.id, n.layer, renamed(n.inputs)) for n in graph.nodes)
    return Graph(nodes, renamed(graph.outputs), graph.init)


@reaching
def connect(graph: Graph, path: str, source: str, slot: int | None = None) -> Graph:
    """Let a node take from a source: as one more input, or instead of the one in a slot."""
    node = graph[path]
    if source not in graph.by_id:
        raise VitrineError(f"{path} cannot take from {source}, which is not in the same block.")
    if not node.layer.arity[1]:
        raise VitrineError(f"{path} takes no input.")
    if slot is None or slot >= len(node.inputs):
        inputs = (*node.inputs, source)
    else:
        inputs = (*node.inputs[:slot], source, *node.inputs[slot + 1 :])
    if len(inputs) > node.layer.arity[1]:
        raise VitrineError(f"{path} takes no more than {node.layer.arity[1]} inputs.")
    changed = dataclasses.replace(node, inputs=inputs)
    return laid_out(graph, (changed if n.id == path else n for n in graph.nodes), graph.outputs)


@reaching
def disconnect(graph: Graph, path: str, slot: int) -> Graph:
    """Take away one of a node's inputs."""
    node = graph[path]
    if not 0 <= slot < len(node.inputs):
        raise VitrineError(f"{path} has no input number {slot + 1}.")
    return _swap(graph, dataclasses.replace(node, inputs=node.inputs[:slot] + node.inputs[slot + 1 :]))


@reaching
def toggle_output(graph: Graph, path: str) -> Graph:
    """Make a node an output, or no longer one."""
    rest = tuple(name for name in graph.outputs if name != path)
    return dataclasses.replace(graph, outputs=rest if path in graph.outputs else (*graph.outputs, path))
