"""Trace: the way of shapes through a graph, layer by layer, and everything that stands in it."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import VitrineError
from engine.graph.graph import Block, Graph, Node
from engine.layers import LAYERS, Layer, Refusal, Shape, check
from engine.layers.base import Handing, blank, outcomes
from engine.layers.entry import Entry, Given, Lent
from engine.layers.merging import Part
from engine.layers.resizing import MaxUnpool2d
from engine.layers.tied import Borrowing, Tied
from engine.registry import shortened


@dataclass(frozen=True)
class Problem:
    """Something wrong with a graph: at which node, in words, and whether it keeps the graph from running."""

    node: str  # its path, or '' for the whole graph
    text: str
    stops: bool = True


@dataclass(frozen=True)
class Step:
    """One layer as data meets it, with every repetition of a block a step of its own."""

    path: str  # as the module is called: 'stage1.0.conv1'
    place: str  # as the graph calls the node: 'stage1.conv1'
    layer: Layer
    given: tuple[Shape, ...]
    gives: Shape
    sources: tuple[str, ...]  # paths of the steps whose outputs it takes


@dataclass
class Trace:
    """All steps in order, the shapes that nodes and blocks give, and the problems."""

    steps: list[Step] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)  # by place; of a repeated block, the last
    given: dict[str, tuple[Shape, ...]] = field(default_factory=dict)  # by place; of a repeated block, the first
    outputs: tuple[Shape, ...] = ()

    @property
    def sound(self) -> bool:
        """Return whether the graph can run."""
        return not any(problem.stops for problem in self.problems)


@dataclass(frozen=True)
class _Value:
    """What flows on an edge: its shape, and the step it comes from."""

    shape: Shape
    step: str
    beside: Mapping[str, "_Value"] = field(default_factory=dict)  # what its node hands on, by name
    of_block: bool = False  # whether that comes out of a block


_Values = dict[str, "_Value | None"]


@functools.lru_cache(maxsize=256)
def trace(graph: Graph) -> Trace:
    """Follow the shapes through the graph; what a problem hides is left out, the rest goes on."""
    found = Trace()
    if not graph.inputs:
        found.problems.append(Problem("", "The network has no input. Add one."))
    if not graph.outputs:
        found.problems.append(Problem("", "The network has no output. Name one."))
    values = _walk(graph, (), "", "", found)
    for name in graph.outputs:
        if isinstance(graph.by_id[name].layer, Lent):
            found.problems.append(Problem(name, f"{name} is lent by another network, and no output. Name another."))
    if all(values.get(name) for name in graph.outputs):
        found.outputs = tuple(v.shape for name in graph.outputs if (v := values[name]))
    return found


def problems(graph: Graph) -> tuple[Problem, ...]:
    """Return everything that is wrong with the graph, each with its node."""
    return tuple(trace(graph).problems)


def _walk(graph: Graph, given: tuple[_Value, ...], path: str, place: str, found: Trace) -> _Values:
    values: _Values = {}
    entries = iter(given)
    for node in graph.nodes:
        here = place + node.id
        if isinstance(node.layer, Entry):
            value = next(entries, None)
            if value is None and not place:
                found.problems.append(
                    Problem(here, f"{node.id} is the entry of a block, but stands in none. Use an input.")
                )
            values[node.id] = value
            if value:
                found.shapes[here] = value.shape
            continue
        values[node.id] = None
        inputs = [values[source] for source in sources(graph, node)]
        known = [v for v in inputs if v is not None]
        if len(known) < len(inputs):  # the problem stands where the shape was lost; what else is wrong is told too
            least, most = node.layer.arity
            if not least <= len(inputs) <= most and (refusal := check(node.layer, (Shape((1,)),) * len(inputs))):
                found.problems.append(Problem(here, _words(node, refusal)))
            continue
        if node.block:
            values[node.id] = _enter(node, node.block, tuple(known), path, here, found)
        elif isinstance(node.layer, Part):
            values[node.id] = _hand_on(graph, node, node.layer, tuple(known), path, here, found)
        elif isinstance(node.layer, Borrowing) and len(known) == 2:
            values[node.id] = _tie(graph, node, node.layer, (known[0], known[1]), path, here, found)
        elif isinstance(node.layer, Given):
            if place:
                found.problems.append(Problem(here, f"{node.id} cannot stand inside a block. Use an entry instead."))
            else:
                values[node.id] = _take(node, node.layer, (), path, here, found)
        else:
            values[node.id] = _take(node, resolved(graph, node), tuple(known), path, here, found)
        if value := values[node.id]:
            found.shapes[here] = value.shape
    _unused(graph, place, found)
    return values


def sources(graph: Graph, node: Node) -> tuple[str, ...]:
    """Return whose outputs a node is given; an unpooling gets what its pool was given."""
    if isinstance(node.layer, MaxUnpool2d) and len(node.inputs) == 2:
        pool = graph.by_id[node.inputs[1]]
        if type(pool.layer) is LAYERS["max_pool2d"] and len(pool.inputs) == 1:
            return node.inputs[0], pool.inputs[0]
    return node.inputs


def resolved(graph: Graph, node: Node) -> Layer:
    """Return the node's layer; an unpooling with the geometry of its pool, and what is taken of what it can hand on."""
    if isinstance(node.layer, Handing):
        hands = hands_of(graph, node)
        return node.layer if hands == node.layer.hands else node.layer.but(hands=hands)
    if isinstance(node.layer, MaxUnpool2d) and sources(graph, node) is not node.inputs:
        return node.layer.tied_to(graph.by_id[node.inputs[1]].layer)
    return node.layer


def parts(graph: Graph, node: Node) -> dict[str, int]:
    """Return the nodes that take what a node hands on beside its values, and which of it that is."""
    order = hands_of(graph, node)
    return {
        taker.id: order.index(taker.layer.what)
        for name in (graph.consumers[node.id] if order else ())
        if isinstance((taker := graph.by_id[name]).layer, Part) and taker.layer.what in order
    }


def hands_of(graph: Graph, node: Node) -> tuple[str, ...]:
    """Return what a node hands on, in the order in which its module gives it: a block all, a layer what is taken."""
    if node.block:
        return node.block.graph.outputs[1:]
    if not isinstance(node.layer, Handing):
        return ()
    takers = [graph.by_id[name].layer for name in graph.consumers[node.id]]
    wanted = {taker.what for taker in takers if isinstance(taker, Part)}
    return tuple(name for name in node.layer.gives_also if name in wanted)


def borrowed(graph: Graph) -> dict[str, Lent]:
    """Return the nodes at which other networks lend weights to this one."""
    return {node.id: node.layer for node in graph.nodes if isinstance(node.layer, Lent)}


def lenders(graph: Graph) -> tuple[str, ...]:
    """Return the networks that lend weights to this one."""
    return tuple(dict.fromkeys(layer.lender[0] for layer in borrowed(graph).values()))


def handing(graph: Graph, node: Node) -> tuple[str, ...]:
    """Return what may be taken of what the node before hands on beside its values."""
    before = graph.by_id[node.inputs[0]] if node.inputs else node
    return before.block.graph.outputs[1:] if before.block else type(before.layer).gives_also


def _hand_on(
    graph: Graph, node: Node, layer: Part, known: tuple[_Value, ...], path: str, place: str, found: Trace
) -> _Value | None:
    """Take what the node before hands on."""
    if len(known) != 1:
        return _take(node, layer, known, path, place, found)
    if layer.what not in known[0].beside:
        every = handing(graph, node)
        offers = " and ".join(every) or "nothing"
        cure = f"Choose {every[0]}." if every else f"Remove {node.id}, or connect it elsewhere."
        text = f"{node.id} needs {shortened(layer.what)} of {node.inputs[0]}, which hands on {offers}. {cure}"
        found.problems.append(Problem(place, text))
        return None
    return _take(node, layer.but(of_block=known[0].of_block), (known[0].beside[layer.what],), path, place, found)


def _tie(
    graph: Graph, node: Node, layer: Borrowing, known: tuple[_Value, _Value], path: str, place: str, found: Trace
) -> _Value | None:
    """Let a node go through the weights of the one that its second input names."""
    other = graph.by_id[node.inputs[1]].layer
    if isinstance(other, Lent):
        return _take(node, layer.of_weight(other.shape), known, path, place, found)
    step = next((step for step in found.steps if step.path == known[1].step), None)
    if step and layer.takes_of(other):
        weight: Any = blank(other, step.given).weight
        if isinstance(layer, Tied) and other.kind == "embedding" and layer.way == "again":
            text = f"{node.id} cannot look up tokens again in {node.inputs[1]}. Use the way back, or an embedding."
            found.problems.append(Problem(place, text))
            return None
        shape = Shape(tuple(weight.shape), weight=True)
        layer, known = layer.of_weight(shape, other.kind), (known[0], _Value(shape, known[1].step))
    return _take(node, layer, known, path, place, found)


def _take(node: Node, layer: Layer, known: tuple[_Value, ...], path: str, place: str, found: Trace) -> _Value | None:
    given = tuple(value.shape for value in known)
    others: list[Shape] = []
    if isinstance(layer, Given):
        gives = layer.shape
    else:
        if refusal := _untied(node, layer) or check(layer, given):
            # A block's entry, and what came through no layer at all, cannot be removed.
            entering = any(
                step.path == value.step and isinstance(step.layer, Given) for value in known for step in found.steps
            )
            found.problems.append(Problem(place, _words(node, refusal, not entering)))
            return None
        try:
            gives, *others = outcomes(layer, given)
        except VitrineError as error:
            found.problems.append(Problem(place, str(error.inside(node.id))))
            return None
    step = Step(path + node.id, place, layer, given, gives, tuple(value.step for value in known))
    found.steps.append(step)
    found.given.setdefault(place, given)
    hands = layer.hands if isinstance(layer, Handing) else ()
    beside = {name: _Value(shape, step.path) for name, shape in zip(hands, others, strict=True)}
    return _Value(gives, step.path, beside)


def _untied(node: Node, layer: Layer) -> Refusal | None:
    if not isinstance(layer, MaxUnpool2d) or layer is not node.layer or len(node.inputs) != 2:
        return None
    cure = "Connect the max pooling that it undoes as its second input."
    return Refusal("a max pooling to undo", f"something else ({node.inputs[1]})", cure)


def _words(node: Node, refusal: Refusal, removable: bool = True) -> str:
    source = " and ".join(dict.fromkeys(node.inputs))
    came = f"{refusal.got} from {source}" if source else refusal.got
    cure = refusal.cure if removable else refusal.cure.replace(", padding, or remove {source}", " or more padding")
    return f"{node.id} needs {refusal.need} but receives {came}. {cure.format(source=source)}"


def _enter(node: Node, block: Block, known: tuple[_Value, ...], path: str, place: str, found: Trace) -> _Value | None:
    wanted, inner = len(block.graph.entries), block.graph
    if len(known) != wanted or not wanted:
        text = f"{node.id} has {wanted} entries but receives {len(known)} inputs. Connect as many as it has entries."
        found.problems.append(Problem(place, text))
        return None
    if not inner.outputs:
        found.problems.append(Problem(place, f"{node.id} gives nothing. Name an output in it."))
        return None
    found.given.setdefault(place, tuple(value.shape for value in known))
    before = said = len(found.problems)
    more: dict[str, _Value] = {}
    for turn in range(block.repeat):
        inside = f"{path}{node.id}.{turn}." if block.repeat > 1 else f"{path}{node.id}."
        values = _walk(inner, known, inside, f"{place}.", found)
        result, *others = (values[name] for name in inner.outputs)
        if result is None or any(problem.stops for problem in found.problems[before:]):
            return None
        if turn:  # what is merely unwise was said at the first turn
            del found.problems[said:]
        said = len(found.problems)
        known = (result, *known[1:])  # what comes in at the side is the same at each turn
        more = {name: value for name, value in zip(inner.outputs[1:], others, strict=True) if value}
    return _Value(known[0].shape, known[0].step, more, of_block=True)


def _unused(graph: Graph, place: str, found: Trace) -> None:
    for node in graph.nodes:
        if not graph.consumers[node.id] and node.id not in graph.outputs:
            text = f"{node.id} leads nowhere. Connect it to something, or remove it."
            found.problems.append(Problem(place + node.id, text, stops=False))
