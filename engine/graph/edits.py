"""Edits: each takes a graph and returns another; a path such as 'stage1.conv2' reaches into blocks."""

import dataclasses
import functools
from collections.abc import Callable, Iterable

from engine.errors import VitrineError
from engine.graph.graph import Block, Graph, Node, check_name, in_order
from engine.layers import Init, Layer
from engine.layers.entry import Entry, Input
from engine.layers.pooling import MaxPool2d
from engine.layers.resizing import MaxUnpool2d

Edit = Callable[..., Graph]


def _reaching(edit: Edit) -> Edit:
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
        return _swap(graph, dataclasses.replace(node, layer=_with_graph(node.block, changed)))

    return reach


def _with_graph(block: Block, graph: Graph) -> Block:
    return Block(name=block.name, repeat=block.repeat, graph=graph)


def _swap(graph: Graph, node: Node) -> Graph:
    return dataclasses.replace(graph, nodes=tuple(node if n.id == node.id else n for n in graph.nodes))


def _sorted(graph: Graph, nodes: Iterable[Node], outputs: Iterable[str]) -> Graph:
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
    # What had lost its input takes the new one.
    orphans = [n.id for n in graph.nodes if n.layer.arity[1] and not n.inputs]
    nodes = (dataclasses.replace(n, inputs=(new.id,)) if n.id in orphans[:1] else n for n in graph.nodes)
    return Graph((new, *nodes), graph.outputs or (new.id,), graph.init)


@_reaching
def insert_after(graph: Graph, path: str, layer: Layer, name: str = "") -> Graph:
    """Put a layer behind a node; whoever took from the node takes from the new one."""
    if not layer.arity[1]:
        raise VitrineError(f"{layer.title} takes no input, so it cannot stand after {path}.")
    new = Node(name or fresh(graph, layer.stem), layer, (path, *_undone(graph, path, layer)))
    nodes = []
    for node in graph.nodes:
        # An unpooling stays tied to its pool, whatever comes between.
        tied = isinstance(node.layer, MaxUnpool2d)
        inputs = tuple(new.id if s == path and not (tied and i == 1) else s for i, s in enumerate(node.inputs))
        nodes.append(dataclasses.replace(node, inputs=inputs))
        if node.id == path:
            nodes.append(new)
    return _sorted(graph, nodes, (new.id if name == path else name for name in graph.outputs))


def _undone(graph: Graph, path: str, layer: Layer) -> tuple[str, ...]:
    """Return the pool that a new unpooling most likely undoes: the last before it that none undoes yet."""
    if not isinstance(layer, MaxUnpool2d):
        return ()
    undone = {node.inputs[-1] for node in graph.nodes if isinstance(node.layer, MaxUnpool2d)}
    before = graph.nodes[: graph.nodes.index(graph[path]) + 1]
    pools = [node.id for node in before if isinstance(node.layer, MaxPool2d) and node.id not in undone]
    return tuple(pools[-1:])


@_reaching
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
    return _sorted(graph, nodes, outputs)


@_reaching
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
    return _sorted(graph, nodes, moved.outputs)


@_reaching
def duplicate(graph: Graph, path: str) -> Graph:
    """Put a copy of a node behind it."""
    node = graph[path]
    if not node.layer.arity[1]:
        copy = dataclasses.replace(node, id=fresh(graph, node.layer.stem))
        return Graph((*graph.nodes, copy), graph.outputs, graph.init)
    copied = insert_after(graph, path, node.layer, name := fresh(graph, node.layer.stem))
    nodes = (dataclasses.replace(n, inputs=n.inputs + node.inputs[1:]) if n.id == name else n for n in copied.nodes)
    return _sorted(graph, nodes, copied.outputs)


@_reaching
def replace(graph: Graph, path: str, layer: Layer) -> Graph:
    """Give a node another layer, or the same with other options."""
    node = graph[path]
    if bool(layer.arity[1]) != bool(node.layer.arity[1]):
        raise VitrineError(f"{layer.title} cannot stand in for {node.layer.title}: only one of them takes inputs.")
    return _swap(graph, dataclasses.replace(node, layer=layer))


@_reaching
def rename(graph: Graph, path: str, name: str) -> Graph:
    """Call a node otherwise, everywhere it is mentioned."""
    check_name(name)
    if name != path and name in graph.by_id:
        raise VitrineError(f"Another node is called {name}.", cure="Use another name.")

    def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name if n == path else n for n in names)

    nodes = tuple(Node(name if n.id == path else n.id, n.layer, renamed(n.inputs)) for n in graph.nodes)
    return Graph(nodes, renamed(graph.outputs), graph.init)


@_reaching
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
    return _sorted(graph, (changed if n.id == path else n for n in graph.nodes), graph.outputs)


@_reaching
def disconnect(graph: Graph, path: str, slot: int) -> Graph:
    """Take away one of a node's inputs."""
    node = graph[path]
    if not 0 <= slot < len(node.inputs):
        raise VitrineError(f"{path} has no input number {slot + 1}.")
    return _swap(graph, dataclasses.replace(node, inputs=node.inputs[:slot] + node.inputs[slot + 1 :]))


@_reaching
def toggle_output(graph: Graph, path: str) -> Graph:
    """Make a node an output, or no longer one."""
    rest = tuple(name for name in graph.outputs if name != path)
    return dataclasses.replace(graph, outputs=rest if path in graph.outputs else (*graph.outputs, path))


def group(graph: Graph, paths: Iterable[str], name: str = "Block") -> Graph:
    """Put nodes of the same level into a block of their own."""
    chosen = list(dict.fromkeys(paths))
    if not chosen:
        raise VitrineError("Choose the nodes to group.")
    prefixes = {path.rpartition(".")[0] for path in chosen}
    if len(prefixes) > 1:
        raise VitrineError("Only nodes of the same block can be grouped.")
    if prefix := prefixes.pop():
        inner = group(_block_of(graph, prefix).graph, [path.rpartition(".")[2] for path in chosen], name)
        return replace(graph, prefix, _with_graph(_block_of(graph, prefix), inner))
    return _group(graph, set(chosen), name)


def _block_of(graph: Graph, path: str) -> Block:
    block = graph[path].block
    if not block:
        raise VitrineError(f"{path} is no block.")
    return block


def _group(graph: Graph, chosen: set[str], name: str) -> Graph:
    inside = [graph[path] for path in (n.id for n in graph.nodes) if path in chosen]
    if missing := chosen - {node.id for node in inside}:
        raise VitrineError(f"There is no node {sorted(missing)[0]}.")
    if outer := next((n for n in inside if isinstance(n.layer, Input | Entry)), None):
        raise VitrineError(f"{outer.id} brings data in and stays outside of blocks.")
    _check_ties(graph, chosen)
    sources = list(dict.fromkeys(s for n in inside for s in n.inputs if s not in chosen))
    leaving = [n.id for n in inside if n.id in graph.outputs or any(c not in chosen for c in graph.consumers[n.id])]
    if len(leaving) != 1 or not sources:
        count = f"{len(leaving)} nodes that others take from" if sources else "nothing that comes in"
        raise VitrineError(f"These nodes have {count}. A block has inputs and gives one output.")
    ids = ["entry"] if len(sources) == 1 else [f"entry{i}" for i in range(1, len(sources) + 1)]
    ids = [i if i not in chosen else fresh(graph, i) for i in ids]
    known = dict(zip(sources, ids, strict=True))
    entries = [Node(i, Entry()) for i in ids]
    nodes = [dataclasses.replace(n, inputs=tuple(known.get(s, s) for s in n.inputs)) for n in inside]
    block = Block.read({"name": name, "graph": Graph((*entries, *nodes), (leaving[0],))})
    new = Node(_called_after(graph, name), block, tuple(sources))
    kept = [
        dataclasses.replace(n, inputs=tuple(new.id if s == leaving[0] else s for s in n.inputs))
        for n in graph.nodes
        if n.id not in chosen
    ]
    place = next(i for i, n in enumerate(graph.nodes) if n.id == inside[0].id)
    try:
        nodes_in_order = in_order([*kept[:place], new, *kept[place:]])
    except VitrineError:
        raise VitrineError(
            "A way leads out of these nodes and back in.", cure="Group what lies between them too."
        ) from None
    outputs = tuple(new.id if o == leaving[0] else o for o in graph.outputs)
    return Graph(nodes_in_order, outputs, graph.init)


def _called_after(graph: Graph, name: str) -> str:
    """Return a block's name as a node's, where that is possible and free, else 'block' and a number."""
    try:
        check_name(name.lower())
    except VitrineError:
        return fresh(graph, "block")
    return fresh(graph, "block") if name.lower() in graph.by_id or name == "Block" else name.lower()


def _check_ties(graph: Graph, chosen: set[str]) -> None:
    for node in graph.nodes:
        if (
            isinstance(node.layer, MaxUnpool2d)
            and len(node.inputs) == 2
            and (node.id in chosen) != (node.inputs[1] in chosen)
        ):
            raise VitrineError(f"{node.id} undoes {node.inputs[1]}: group both or none of them.")


@_reaching
def ungroup(graph: Graph, path: str) -> Graph:
    """Put a block's nodes in its place, turn after turn."""
    outer = graph[path]
    block = outer.block
    if not block:
        raise VitrineError(f"{path} is no block.")
    if len(block.graph.entries) != len(outer.inputs) or len(block.graph.outputs) != 1:
        raise VitrineError(f"{path} is not connected as it should be.", cure="Connect its inputs first.")
    taken = set(graph.by_id) - {path}
    laid: list[Node] = []
    given = outer.inputs
    for _ in range(block.repeat):
        turn, result = _lay_out(block.graph, given, taken, path)
        laid += turn
        given = (result, *given[1:])
    if block.graph.init not in (Init(), graph.init):
        raise VitrineError(f"{path} begins its weights in its own way.", cure="Ungrouping would lose it.")
    nodes = []
    for node in graph.nodes:
        inputs = tuple(given[0] if s == path else s for s in node.inputs)
        nodes += laid if node.id == path else [dataclasses.replace(node, inputs=inputs)]
    return _sorted(graph, nodes, (given[0] if o == path else o for o in graph.outputs))


def _lay_out(inner: Graph, given: tuple[str, ...], taken: set[str], prefix: str) -> tuple[list[Node], str]:
    """Return the nodes of one turn under names that are free, and the name of its output."""
    known = dict(zip((entry.id for entry in inner.entries), given, strict=True))
    turn = []
    for node in inner.nodes:
        if node.id in known:
            continue
        name = next(n for n in _names(node.id, prefix) if n not in taken)
        taken.add(name)
        turn.append(Node(name, node.layer, tuple(known[s] for s in node.inputs)))
        known[node.id] = name
    return turn, known[inner.outputs[0]]


def _names(name: str, prefix: str) -> Iterable[str]:
    yield name
    longer = f"{prefix}_{name}"[:36]
    yield longer
    for number in range(2, 10_000):
        yield f"{longer}{number}"
