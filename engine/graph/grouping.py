"""Grouping: nodes become a block under one name, and a block its nodes again."""

import dataclasses
from collections.abc import Iterable

from engine.errors import VitrineError
from engine.graph.edits import fresh, laid_out, reaching, replace, with_graph
from engine.graph.graph import Block, Graph, Node, check_name, in_order
from engine.layers import Init
from engine.layers.entry import Entry, Given
from engine.layers.merging import Part


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
        return replace(graph, prefix, with_graph(_block_of(graph, prefix), inner))
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
    if outer := next((n for n in inside if isinstance(n.layer, Given | Entry)), None):
        raise VitrineError(f"{outer.id} brings data in and stays outside of blocks.")
    _check_ties(graph, chosen)
    sources = list(dict.fromkeys(s for n in inside for s in n.inputs if s not in chosen))
    leaving = [n.id for n in inside if n.id in graph.outputs or any(c not in chosen for c in graph.consumers[n.id])]
    if not leaving or not sources:
        missing = "nothing that others take from" if sources else "nothing that comes in"
        raise VitrineError(f"These nodes have {missing}. A block has inputs and outputs.")
    ids = ["entry"] if len(sources) == 1 else [f"entry{i}" for i in range(1, len(sources) + 1)]
    ids = [i if i not in chosen else fresh(graph, i) for i in ids]
    known = dict(zip(sources, ids, strict=True))
    entries = [Node(i, Entry()) for i in ids]
    nodes = [dataclasses.replace(n, inputs=tuple(known.get(s, s) for s in n.inputs)) for n in inside]
    block = Block.read({"name": name, "graph": Graph((*entries, *nodes), tuple(leaving))})
    new = Node(_called_after(graph, name), block, tuple(sources))
    others = [Node(one, Part(what=one), (new.id,)) for one in leaving[1:]]  # what the block hands on beside its first
    kept = [
        dataclasses.replace(n, inputs=tuple(new.id if s == leaving[0] else s for s in n.inputs))
        for n in graph.nodes
        if n.id not in chosen
    ]
    place = next(i for i, n in enumerate(graph.nodes) if n.id == inside[0].id)
    try:
        nodes_in_order = in_order([*kept[:place], new, *others, *kept[place:]])
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
        bound = node.layer.bound
        if bound is None or len(node.inputs) <= bound:
            continue
        if (node.id in chosen) != ((other := node.inputs[bound]) in chosen):
            raise VitrineError(f"{node.id} is bound to {other}: group both or none of them.")


@reaching
def ungroup(graph: Graph, path: str) -> Graph:
    """Put a block's nodes in its place, turn after turn."""
    outer = graph[path]
    block = outer.block
    if not block:
        raise VitrineError(f"{path} is no block.")
    if len(block.graph.entries) != len(outer.inputs) or not block.graph.outputs:
        raise VitrineError(f"{path} is not connected as it should be.", cure="Connect its inputs first.")
    parts = {n.id: n.layer.what for n in graph.nodes if isinstance(n.layer, Part) and n.inputs == (path,)}
    takers = {name: what for name, what in parts.items() if what in block.graph.outputs}
    taken = set(graph.by_id) - {path, *takers}
    laid: list[Node] = []
    given = outer.inputs
    results: list[str] = []
    for _ in range(block.repeat):
        turn, results = _lay_out(block.graph, given, taken, path)
        laid += turn
        given = (results[0], *given[1:])
    if block.graph.init not in (Init(), graph.init):
        raise VitrineError(f"{path} begins its weights in its own way.", cure="Ungrouping would lose it.")
    handed = dict(zip(block.graph.outputs, results, strict=True))
    now = {path: given[0]} | {name: handed[what] for name, what in takers.items()}
    nodes = []
    for node in graph.nodes:
        if node.id in now:
            nodes += laid if node.id == path else []
            continue
        nodes.append(dataclasses.replace(node, inputs=tuple(now.get(s, s) for s in node.inputs)))
    return laid_out(graph, nodes, (now.get(o, o) for o in graph.outputs))


def _lay_out(inner: Graph, given: tuple[str, ...], taken: set[str], prefix: str) -> tuple[list[Node], list[str]]:
    """Return the nodes of one turn under names that are free, and the names of its outputs."""
    known = dict(zip((entry.id for entry in inner.entries), given, strict=True))
    turn = []
    for node in inner.nodes:
        if node.id in known:
            continue
        name = next(n for n in _names(node.id, prefix) if n not in taken)
        taken.add(name)
        turn.append(Node(name, node.layer, tuple(known[s] for s in node.inputs)))
        known[node.id] = name
    return turn, [known[name] for name in inner.outputs]


def _names(name: str, prefix: str) -> Iterable[str]:
    yield name
    longer = f"{prefix}_{name}"[:36]
    yield longer
    for number in range(2, 10_000):
        yield f"{longer}{number}"
