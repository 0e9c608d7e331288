"""Left: what a run's folder says of it, read with distrust: files may be cut short, or of another making."""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from engine.errors import VitrineError
from engine.registry import shortened
from engine.runs.tables import RUNS
from engine.training.experiment import load

COPY, PULSES = "run.json", "pulses.bin"
HEAD = struct.Struct("<qI")  # of each pulse: its step, and how many bytes follow
MOST_PULSE = 2**26


@dataclass(frozen=True)
class Left:
    """What is known of a run from its folder."""

    experiment: str
    row: dict[str, Any]
    curves: list[tuple[str, str, list[tuple[int, float | None]]]]
    diary: list[dict[str, Any]]


def left(place: Path) -> Left:
    """Return what lies in a run's folder; what is not as it should be is told in words."""
    try:
        text = (place / "experiment.json").read_text(encoding="utf-8")
        copy = orjson.loads((place / COPY).read_bytes())
    except (OSError, orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise VitrineError(f"its files cannot be read: {type(error).__name__}") from None
    name = load(text).name
    if not isinstance(copy, dict) or not isinstance(copy.get("row"), dict):
        raise VitrineError(f"its {COPY} is no copy of a run")
    row = {"name": name} | {name: value for name, value in copy["row"].items() if name in RUNS.c}
    for column, value in row.items():
        _check(RUNS.c[column], value)
    curves = [_curve(curve) for curve in _list(copy.get("curves", []), "curves")]
    return Left(text, row, curves, [_line(line) for line in _list(copy.get("diary", []), "diary")])


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise VitrineError(f"its {what} are no list")
    return value


def _check(column: sa.Column, value: Any) -> None:
    """Refuse what this column of the store does not hold."""
    if value is None and column.nullable:
        return
    kinds: tuple[tuple[Any, Any], ...] = (
        (sa.Boolean, bool),
        (sa.Float, int | float),
        (sa.Integer, int),
        (sa.String, str),
    )
    wanted = next(fits for kind, fits in kinds if isinstance(column.type, kind))
    fits = isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
    if fits and isinstance(value, str) and isinstance(column.type, sa.String) and column.type.length:
        fits = len(value) <= column.type.length
    if not fits or (isinstance(value, float) and not math.isfinite(value)) or (wanted is int and abs(value) >= 2**63):
        raise VitrineError(f"its {column.name} is {shortened(value)}")


def _curve(value: Any) -> tuple[str, str, list[tuple[int, float | None]]]:
    match value:
        case [str(split), str(metric), list(points)] if all(map(_is_point, points)):
            return split[:16], metric[:32], [(step, number) for step, number in points]
    raise VitrineError("one of its curves has another shape")


def _is_point(point: Any) -> bool:
    match point:
        case [int(step), None | int() | float()]:
            return not isinstance(step, bool) and 0 <= step < 2**62
    return False


def _line(value: Any) -> dict[str, Any]:
    match value:
        case {"step": int(step), "words": str(), "at": int() | float()} if 0 <= step < 2**62:
            return value
    raise VitrineError("a line of its diary has another shape")


# -- pulses, which stand in the folder one behind another ------------------------------------------------------------


def keep_pulse(place: Path, step: int, body: bytes) -> None:
    """Write a pulse behind those that are there."""
    with (place / PULSES).open("ab") as file:
        file.write(HEAD.pack(step, len(body)) + body)


def pulses_of(place: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the pulses that a folder holds, as far as they are whole."""
    if not (place / PULSES).exists():
        return
    with (place / PULSES).open("rb") as file:
        while len(head := file.read(HEAD.size)) == HEAD.size:
            step, size = HEAD.unpack(head)
            if not 0 <= step < 2**62 or size > MOST_PULSE or len(body := file.read(size)) < size:
                return
            yield step, body
