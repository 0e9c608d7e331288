"""Graph: named nodes, blocks of nodes, inputs and outputs; frozen, and always without cycles."""

import functools
import heapq
import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, SkipValidation
from torch import nn

from engine.choice import option
from engine.errors import VitrineError
from engine.layers import Init, Layer
from engine.layers.base import layer
from engine.layers.entry import Entry, Input
from engine.registry import shortened

MOST_NODES = 2_000  # with repeats counted out; ResNet-152 has about 520
MOST_WIRES = 10_000
MOST_DEPTH = 8
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,39}")  # of a block: becomes a class in exported code
PYTORCH = Init()
TAKEN = frozenset(dir(nn.Module)) | {"self", "torch", "nn", "math", "training", "x"}


@dataclass(frozen=True)
class Node:
    """A layer under a name, and the nodes whose outputs it takes."""

    id: str
    layer: Layer
    inputs: tuple[str, ...] = ()

    @property
    def block(self) -> "Block | None":
        """Return the block that stands here, if one does."""
        return self.layer if isinstance(self.layer, Block) else None


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each comes after those it takes from."""

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...] = ()
    init: Init = PYTORCH

    def __post_init__(self):
        check_structure(self)

    def __deepcopy__(self, memo: dict[int, object]) -> "Graph":
        """Return itself, which never changes: networks are copied often, and share what they were made of."""
        return self

    def __getitem__(self, path: str) -> Node:
        """Return the node at a path such as 'stage1.conv2'."""
        first, _, rest = path.partition(".")
        node = self.by_id.get(first)
        if node is None:
            raise VitrineError(f"There is no node {shortened(first)}.")
        if not rest:
            return node
        if not node.block:
            raise VitrineError(f"{first} is no block, so there is no {shortened(path)}.")
        return node.block.graph[rest]

    def __contains__(self, path: str) -> bool:
        try:
            return bool(self[path])
        except VitrineError:
            return False

    @functools.cached_property
    def by_id(self) -> dict[str, Node]:
        """Return the nodes by their names."""
        return {node.id: node for node in self.nodes}

    @functools.cached_property
    def consumers(self) -> dict[str, tuple[str, ...]]:
        """Return which nodes take from each node."""
        found: dict[str, list[str]] = {node.id: [] for node in self.nodes}
        for node in self.nodes:
            for source in dict.fromkeys(node.inputs):
                found[source].append(node.id)
        return {source: tuple(nodes) for source, nodes in found.items()}

    @functools.cached_property
    def leaves(self) -> int:
        """Return how many layers there are, with every repetition counted."""
        return sum(n.block.repeat * n.block.graph.leaves if n.block else 1 for n in self.nodes)

    @functools.cached_property
    def depth(self) -> int:
        """Return how deep blocks stand in blocks."""
        return max((1 + n.block.graph.depth for n in self.nodes if n.block), default=0)

    @property
    def inputs(self) -> dict[str, Input]:
        """Return the layers where data comes in, by their names."""
        return {node.id: node.layer for node in self.nodes if isinstance(node.layer, Input)}

    @property
    def entries(self) -> tuple[Node, ...]:
        """Return, of a block's graph, the nodes that stand for what the block is given."""
        return tuple(node for node in self.nodes if isinstance(node.layer, Entry))

    def paths(self, prefix: str = "") -> Iterable[str]:
        """Yield the path of every node, blocks before what is in them."""
        for node in self.nodes:
            yield prefix + node.id
            if node.block:
                yield from node.block.graph.paths(f"{prefix}{node.id}.")


def _class_name(name: str) -> str:
    if not CLASS_NAME.fullmatch(name) or name in ("None", "True", "False", "F"):
        words = "cannot name a block: use up to 40 letters and digits, beginning with a capital letter"
        raise ValueError(f"{shortened(name)} {words}")
    return name


@layer("block")
class Block(Layer):
    """A group of nodes under one name, once or several times in a row, each with weights of its own."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    title, family, stem, arity = "Block", "block", "block", (1, 64)
    examples: ClassVar[Any] = ()

    name: Annotated[str, AfterValidator(_class_name)] = option(
        "Block", "What the block is called, in the diagram and as a class in the code."
    )
    repeat: Annotated[int, Field(ge=1, le=1000)] = option(1, "How many times it stands in a row.")
    graph: Annotated[Graph, SkipValidation] = option(None, "", hidden=True)

    def summary(self):
        """Return the name, and how often it repeats."""
        return f"{self.name} ×{self.repeat}" if self.repeat > 1 else self.name


def check_structure(graph: Graph) -> None:
    """Refuse names, references and sizes that make no graph."""
    if len(graph.nodes) > MOST_NODES:
        raise VitrineError(f"{len(graph.nodes):,} nodes are too many: at most {MOST_NODES:,} fit.")
    if (wires := sum(len(node.inputs) for node in graph.nodes)) > MOST_WIRES:
        raise VitrineError(f"{wires:,} connections are too many: at most {MOST_WIRES:,} fit.")
    seen: set[str] = set()
    for node in graph.nodes:
        check_name(node.id)
        if node.id in seen:
            raise VitrineError(f"Two nodes are called {node.id}.", cure="Rename one.")
        for source in node.inputs:
            if source not in seen:
                raise VitrineError(f"{node.id} takes from {shortened(source)}, which does not come before it.")
        seen.add(node.id)
    for output in graph.outputs:
        if output not in seen:
            raise VitrineError(f"The output {shortened(output)} is no node.")
    if len(set(graph.outputs)) < len(graph.outputs):
        raise VitrineError("An output is named twice.")
    if graph.leaves > MOST_NODES:
        raise VitrineError(f"{graph.leaves:,} layers, repeats counted, are too many: at most {MOST_NODES:,} fit.")
    if graph.depth > MOST_DEPTH:
        raise VitrineError(f"Blocks stand {graph.depth} deep in one another: at most {MOST_DEPTH} fit.")


def check_name(name: str) -> None:
    """Refuse names that could not stand in exported Python."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise VitrineError(
            f"{shortened(name)} cannot name a node.",
            cure="Use up to 40 small letters, digits and _, beginning with a letter.",
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in TAKEN:
        raise VitrineError(f"{name!r} has a meaning in Python or PyTorch.", cure="Use another name.")


def in_order(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Return the nodes so that each comes after its sources, otherwise in the order given."""
    every = {node.id: (place, node) for place, node in enumerate(nodes)}
    lacks = {name: {source for source in node.inputs if source in every} for name, (_, node) in every.items()}
    takers: dict[str, list[str]] = {name: [] for name in every}
    for name, sources in lacks.items():
        for source in sources:
            takers[source].append(name)
    ready = [(place, name) for name, (place, _) in every.items() if not lacks[name]]
    placed: list[Node] = []
    while ready:  # of those that may come next, the one that was given first
        _, name = heapq.heappop(ready)
        placed.append(every[name][1])
        for taker in takers[name]:
            lacks[taker].discard(name)
            if not lacks[taker]:
                heapq.heappush(ready, (every[taker][0], taker))
    if len(placed) < len(every):
        waiting = {name: node for name, (_, node) in every.items() if lacks[name]}
        raise VitrineError(f"{_circle(waiting)} go round in a circle.", cure="Disconnect one of them.")
    return tuple(placed)


def _circle(waiting: dict[str, Node]) -> str:
    path = [next(iter(waiting))]
    while path[-1] not in path[:-1]:
        path.append(next(s for s in waiting[path[-1]].inputs if s in waiting))
    circle = path[path.index(path[-1]) :][::-1]
    shown = circle if len(circle) <= 6 else [*circle[:3], "…", *circle[-2:]]
    return " → ".join(shown)
