"""Timing: in source code, which variables tell how long sequences are, and who is told them."""

import inspect
import re
from collections.abc import Mapping

from engine.graph.instances import Instance, Row
from engine.layers import modules
from engine.layers.entry import Input
from engine.layers.merging import Part

HELPERS = (modules.lengths_of, modules.within)


def is_timed(row: Row) -> bool:
    """Return whether a row's module is told how long sequences are."""
    if row.turns:
        return needs_lengths(row.turns[0])
    return bool(row.call) and row.call.target in modules.TIMED and row.given[_by(row)].sequence


def _by(row: Row) -> int:
    """Return the place of the input whose lengths a row's module is told."""
    return -1 if row.call and row.call.target is modules.Attention else 0


def needs_lengths(found: Instance) -> bool:
    """Return whether anything in an instance is told how long sequences are."""
    return any(is_timed(row) for row in found.rows)


def entering(found: Instance) -> list[str]:
    """Return the rows by which sequences come in of which somebody must know the lengths."""
    if not needs_lengths(found):
        return []
    taken = [(source, shape) for row in found.rows for source, shape in zip(row.sources, row.given, strict=False)]
    inner = [
        (source, entry)
        for row in found.rows
        if row.turns
        for source, entry in zip(row.sources, _entries(row.turns[0]), strict=True)
        if entry in entering(row.turns[0])
    ]
    known = {source for source, shape in taken if shape.sequence} | {source for source, _ in inner}
    return [row.id for row in found.rows if row.enters and row.id in known]


def _entries(found: Instance) -> list[str]:
    return [row.id for row in found.rows if row.enters]


def variables(found: Instance) -> dict[str, str]:
    """Return of each row that gives a sequence the variable that tells the lengths of it."""
    begun = entering(found)
    names = {name: "lengths" if len(begun) == 1 else f"{name}_lengths" for name in begun}
    for row in found.rows:
        if row.sources and row.gives and row.gives.sequence:
            before, steps = paces(row, found)
            if before in names:
                names[row.id] = f"{row.id}_lengths" if steps else names[before]
    return names


def paces(row: Row, within: Instance) -> tuple[str, list[tuple[int, int]]]:
    """Return how lengths change on the way to what a row gives, step by step, and from which row on."""
    if row.turns:
        return _of_block(row, row.turns[-1].outputs[0])
    if isinstance(row.layer, Part) and (block := _row(within, row.sources[0])).turns:
        return _of_block(block, row.layer.what)
    return row.sources[0], [row.layer.pace()] if row.layer.pace() != (-1, 1) else []


def _of_block(block: Row, what: str) -> tuple[str, list[tuple[int, int]]]:
    """Return how lengths change on the way to an output of a block, and from which of the block's sources on."""
    steps: list[tuple[int, int]] = []
    for turn in reversed(block.turns):
        entry, here = _through(turn, what)
        steps = [*here, *steps]
        if place := _entries(turn).index(entry):  # at the side, where the same comes in at each turn
            return block.sources[place], steps
        what = turn.outputs[0]  # of the turn before
    return block.sources[0], steps


def _row(found: Instance, name: str) -> Row:
    return next(one for one in found.rows if one.id == name)


def _through(turn: Instance, name: str) -> tuple[str, list[tuple[int, int]]]:
    """Return by which entry that comes in which leads to a row, and how lengths change on the way."""
    row = _row(turn, name)
    if row.enters:
        return name, []
    before, steps = paces(row, turn)
    entry, earlier = _through(turn, before)
    return entry, [*earlier, *steps]


def changed(row: Row, names: Mapping[str, str], within: Instance) -> list[str]:
    """Return the line that says how long sequences are behind a row, where that is not as before."""
    if row.id not in names or row.enters:
        return []
    before, steps = paces(row, within)
    if not steps:
        return []
    text = names[before]
    for first, second in steps:
        text = f"(({text} {'+' if first >= 0 else '-'} {abs(first)}) // {second} + 1).clamp(min=1)"
    return [f"{names[row.id]} = {text}"]


def told(row: Row, names: Mapping[str, str]) -> list[str]:
    """Return the variables that a row's module is told besides its inputs."""
    if not is_timed(row):
        return []
    if row.turns:
        wanted = entering(row.turns[0])
        pairs = zip(row.sources, _entries(row.turns[0]), strict=True)
        return [names[source] for source, entry in pairs if entry in wanted]
    return [names[row.sources[_by(row)]]]


def measured(found: Instance) -> list[str]:
    """Return the lines that find out how long sequences are, where they enter the whole network."""
    names, lines = variables(found), []
    for row in found.rows:
        if isinstance(row.layer, Input) and row.layer.sequence:
            lines += [f"{names[row.id]} = lengths_of({row.id})"] if row.id in names else []
            lines += [f"{row.id} = {row.id}.nan_to_num()"] if row.layer.values == "numbers" else []
    return lines


def helpers(text: str) -> list[str]:
    """Return the text of the functions that a file calls."""
    return [inspect.getsource(one).strip() for one in HELPERS if re.search(rf"\b{one.__name__}\(", text)]
