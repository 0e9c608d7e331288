"""Blocks as they stand in one network: which share a class, and what that class must be told."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.graph.graph import Graph, Node
from engine.graph.trace import hands_of, parts, resolved, sources, trace
from engine.layers import Layer, Shape, modules
from engine.layers.base import Call
from engine.layers.entry import Entry, Input, Lent

Key = tuple[str, str]  # a row, and one of its options


@dataclass
class Row:
    """One node within an instance: its layer's call, or the instances of a block, turn by turn."""

    id: str
    layer: Layer
    sources: tuple[str, ...]
    call: Call | None = None
    turns: list["Instance"] = field(default_factory=list)
    given: tuple[Shape, ...] = ()
    gives: Shape | None = None
    hands: tuple[str, ...] = ()  # what its module gives behind its values,
    handed: tuple[str, ...] = ()  # and the rows that take it, `_` where none does
    lent: str = ""  # whose weights of another network it goes through

    def handed_as(self, what: str) -> str:
        """Return the row that takes one of the things it hands on."""
        return self.handed[self.hands.index(what)]

    @property
    def enters(self) -> bool:
        """Return whether data comes in here."""
        return isinstance(self.layer, Input | Entry)


@dataclass
class Instance:
    """One network, or one turn of a block: rows, and the arguments its class is made with."""

    label: str
    rows: list[Row]
    outputs: tuple[str, ...]
    arguments: dict[str, Any] = field(default_factory=dict)
    shared: "Class | None" = None

    @property
    def skeleton(self) -> Any:
        """Return what two instances must have in common to share a class: all but the options' values."""
        rows = tuple(
            (row.id, row.sources, row.layer.kind, row.handed, tuple(shape.sequence for shape in row.given), _bones(row))
            for row in self.rows
        )
        return self.label, rows, self.outputs

    @property
    def height(self) -> int:
        """Return how deep blocks stand in it."""
        return max((1 + row.turns[0].height for row in self.rows if row.turns), default=0)

    def everything(self) -> Iterator["Instance"]:
        """Yield all instances within, then this one."""
        for row in self.rows:
            for turn in row.turns:
                yield from turn.everything()
        yield self


@dataclass
class Class:
    """Instances that share a class, and the parameters in which they differ."""

    name: str
    instances: list[Instance]
    parameters: dict[str, list[Any]] = field(default_factory=dict)  # a value for each instance
    at: dict[Key, str] = field(default_factory=dict)  # which parameter stands at which option

    @property
    def model(self) -> Instance:
        """Return the instance after which the class is written."""
        return self.instances[0]


def instances(graph: Graph, name: str) -> Instance:
    """Return the network's instance, with those of its blocks inside."""
    steps = {step.path: step for step in trace(graph).steps}

    def enter(graph: Graph, label: str, path: str) -> Instance:
        rows = [row(graph, node, path) for node in graph.nodes if not isinstance(node.layer, Lent)]
        return Instance(label, rows, graph.outputs)

    def row(graph: Graph, node: Node, path: str) -> Row:
        here = path + node.id
        made = Row(node.id, resolved(graph, node), sources(graph, node))
        other = graph.by_id[made.sources[1]].layer if len(made.sources) == 2 else None
        made.lent = other.of if isinstance(other, Lent) else ""
        if hands := hands_of(graph, node):
            takers = {which: part for part, which in parts(graph, node).items()}
            made.hands, made.handed = hands, tuple(takers.get(which, "_") for which in range(len(hands)))
        if block := node.block:
            ends = [f"{here}.{turn}." for turn in range(block.repeat)] if block.repeat > 1 else [f"{here}."]
            made.turns = [enter(block.graph, block.name, end) for end in ends]
            made.gives = next(r.gives for r in made.turns[-1].rows if r.id == block.graph.outputs[0])
        elif step := steps.get(here):
            made.layer, made.given, made.gives = step.layer, step.given, step.gives
            made.call = None if made.enters else made.layer.making(*step.given)
        return made

    return enter(graph, name, "")


def classes(*roots: Instance) -> list[Class]:
    """Return the classes of all instances, those first that others are made of; each root has one of its own."""
    groups: dict[Any, Class] = {}
    for instance in (one for root in roots for one in root.everything()):
        own = next((place for place, root in enumerate(roots) if root is instance), None)
        found = groups.setdefault((instance.skeleton, own), Class(instance.label, []))
        found.instances.append(instance)
        instance.shared = found
    ordered = sorted(groups.values(), key=lambda c: c.model.height)
    taken = {name for name, _ in inspect.getmembers(modules, inspect.isclass)}  # those may stand in the file too
    for found in ordered:
        found.name = _free(found.name, taken)
        _differences(found)
    return ordered


def progress(row: Row) -> dict[str, tuple[Any, int]] | None:
    """Return, of each argument of a repeated block, its start and step; None where it is no progression."""
    turns = row.turns
    if len({id(turn.shared) for turn in turns}) > 1:
        return None
    found = {}
    for name, start in turns[0].arguments.items():
        values = [turn.arguments[name] for turn in turns]
        whole = all(isinstance(v, int) and not isinstance(v, bool) for v in values)
        step = values[1] - start if whole else 0
        if values != [start + step * i if step else start for i in range(len(values))]:
            return None
        found[name] = (start, step)
    return found


def slots(instance: Instance) -> dict[Key, Any]:
    """Return everything in an instance that another of its class may have otherwise."""
    found: dict[Key, Any] = {}
    for row in instance.rows:
        if row.call:
            found |= {(row.id, name): value for name, value in row.call.options}
        elif len(row.turns) == 1:
            found |= {(row.id, name): value for name, value in row.turns[0].arguments.items()}
        elif row.turns and (steps := progress(row)) is not None:
            found[row.id, "repeat"] = len(row.turns)
            for name, (start, step) in steps.items():
                found |= {(row.id, name): start, (row.id, f"{name}_step"): step}
        else:
            for place, turn in enumerate(row.turns):
                found |= {(row.id, f"{name}_{place}"): value for name, value in turn.arguments.items()}
    return found


SHORT = {"out_channels": "channels", "num_features": "channels", "repeat": "repeat"}


def _differences(found: Class) -> None:
    """Give the class a parameter for every option in which its instances differ."""
    tables = [slots(instance) for instance in found.instances]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    by_column: dict[tuple[str, ...], str] = {}
    for row, option in keys:
        values = [table.get((row, option)) for table in tables]
        if all(value == values[0] for value in values):
            continue
        column = tuple(map(repr, values))
        if column not in by_column:
            wishes = (SHORT.get(option, option), option, f"{row}_{option}")
            by_column[column] = next(w for w in wishes if w not in found.parameters)
            found.parameters[by_column[column]] = values
        found.at[row, option] = by_column[column]
    for place, instance in enumerate(found.instances):
        instance.arguments = {name: values[place] for name, values in found.parameters.items()}


def _bones(row: Row) -> Any:
    if row.call:
        options = tuple(name for name, _ in row.call.options)
        return row.call.name, row.call.normed, options, row.layer.code(row.given, ["a", "b"])
    if not row.turns:
        return None
    inside = {turn.skeleton for turn in row.turns}
    # A row of equal blocks may be longer or shorter; one of unlike blocks is a structure of its own.
    return (
        ("one", *inside)
        if len(row.turns) == 1
        else ("many", *inside)
        if len(inside) == 1
        else tuple(t.skeleton for t in row.turns)
    )


def _free(name: str, taken: set[str]) -> str:
    number = 1
    while (free := name if number == 1 else f"{name}{number}") in taken:
        number += 1
    taken.add(free)
    return free
