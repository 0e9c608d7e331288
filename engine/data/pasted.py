"""Pasted tables: rows of numbers and words, of which columns become points of one's own."""

import csv
import io
import random
from dataclasses import dataclass

from engine.data.drawn import MOST_COLUMNS, MOST_POINTS, OwnPoints
from engine.errors import VitrineError
from engine.registry import shortened

MOST_BYTES = 200 * 2**20
MOST_CLASSES = 5


@dataclass(frozen=True)
class Pasted:
    """Columns of a table by name; a cell that is no number is none."""

    numbers: dict[str, list[float | None]]
    words: dict[str, list[str]]
    rows: int

    @property
    def numeric(self) -> list[str]:
        """Return the columns of which most cells are numbers."""
        return [name for name, cells in self.numbers.items() if sum(c is not None for c in cells) * 2 > self.rows]

    @property
    def telling(self) -> list[str]:
        """Return the columns that could name classes: with 2 to 5 different words."""
        return [name for name, cells in self.words.items() if 2 <= len({c for c in cells if c}) <= MOST_CLASSES]


def pasted(content: str | bytes) -> Pasted:
    """Read a table: commas, semicolons, tabs or spaces between cells; the first row may name the columns."""
    if len(content) > MOST_BYTES:
        raise VitrineError(f"The table is larger than {MOST_BYTES >> 20} MiB.", cure="Use fewer rows.")
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    except UnicodeDecodeError:
        raise VitrineError("This is no text.", cure="Save the table as CSV in UTF-8.") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        raise VitrineError("A table needs at least two rows.", cure="Paste rows such as 1.5, 2.0, red.")
    between = next((sign for sign in ";\t," if sign in lines[0]), " ")
    try:
        rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=between, skipinitialspace=True))
    except csv.Error as error:
        raise VitrineError(f"The table cannot be read ({error}).") from None
    width = len(rows[0])
    if width < 2:
        raise VitrineError("A table needs at least two columns.", cure="Put commas between them.")
    named = all(_number(cell, between) is None for cell in rows[0])
    names = [cell.strip()[:40] or f"column {i + 1}" for i, cell in enumerate(rows[0])] if named else []
    names = names or [f"column {i + 1}" for i in range(width)]
    if len(set(names)) < width:
        raise VitrineError(f"Two columns are called {shortened(_twice(names))}.", cure="Give each its own name.")
    body = rows[1:] if named else rows
    if uneven := next((place for place, row in enumerate(body) if len(row) != width), None):
        raise VitrineError(f"Row {uneven + 1 + named} has {len(body[uneven])} cells, not {width} as the first.")
    words = {name: [row[i].strip() for row in body] for i, name in enumerate(names)}
    numbers = {name: [_number(cell, between) for cell in cells] for name, cells in words.items()}
    return Pasted(numbers, words, len(body))


def _number(cell: str, between: str) -> float | None:
    try:
        value = float(cell.replace(",", ".") if between == ";" else cell)
    except ValueError:
        return None
    return value if abs(value) <= 1e6 else None  # which no infinity and no NaN is


def _twice(names: list[str]) -> str:
    return next(name for name in names if names.count(name) > 1)


def points_of(table: Pasted, inputs: list[str], target: str, goal: str) -> tuple[OwnPoints, list[str]]:
    """Return points made of these columns, and in sentences what was left out or looks odd."""
    if not 2 <= len(inputs) <= MOST_COLUMNS:
        raise VitrineError(f"2 to {MOST_COLUMNS} columns make a point; received {len(inputs)}.")
    if target in inputs:
        raise VitrineError(f"{target!r} is to be told, so it cannot be given.", cure="Choose other columns.")
    classes = sorted({word for word in table.words[target] if word}) if goal == "class" else []
    if goal == "class" and not 2 <= len(classes) <= MOST_CLASSES:
        raise VitrineError(
            f"{target!r} has {len(classes):,} different values: 2 to {MOST_CLASSES} can be classes.",
            cure="Choose another column, or take it as a number.",
        )
    last = [classes.index(w) if w else None for w in table.words[target]] if classes else table.numbers[target]
    every = list(zip(*(table.numbers[name] for name in inputs), last, strict=True))
    whole = [row for row in every if None not in row]
    said = []
    if len(whole) < len(every):
        said.append(f"{len(every) - len(whole):,} of {len(every):,} rows have holes or words there, and are left out.")
    if len(whole) > MOST_POINTS:
        said.append(f"{MOST_POINTS:,} of {len(whole):,} rows were drawn at random: that many fit into an experiment.")
        whole = random.Random(0).sample(whole, MOST_POINTS)
    for place, name in enumerate(inputs):
        if len({row[place] for row in whole}) == 1:
            said.append(f"{name!r} is the same in every row: nothing can be told from it.")
    if len(whole) < 4:
        raise VitrineError(f"{len(whole)} rows are whole: at least 4 are needed.", cure="Choose other columns.")
    far = max(abs(value) for row in whole for value in row[:-1]) > 10  # type: ignore[arg-type]
    options = {"rows": [list(row) for row in whole], "names": inputs, "classes": classes, "scaled": far, "test": 0.3}
    return OwnPoints.read(options), said
