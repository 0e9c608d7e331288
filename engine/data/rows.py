"""Rows: a person's own CSV file, read with distrust."""

import csv
import io
import math
from pathlib import Path
from typing import Any

from engine.data import places
from engine.errors import VitrineError
from engine.registry import printable

MOST_ROWS = 2_000_000
MOST_CELLS = 200_000_000
MOST_BYTES = 2**31
MOST_LINE = 2**16  # bytes of the first line
Rows = list[tuple[int, list[str]]]  # the line in the file, and its cells
csv.field_size_limit(2**24)  # signs of one cell, which may hold a long text
OTHER = "cp1252"  # how a file's letters are read that are not in UTF-8


def opened_rows(path: str) -> tuple[list[str], Rows]:
    """Return the columns' names and the rows of a CSV file, which may have semicolons or tabs for commas."""
    return read_rows(places.opened(path, "file"))


def read_rows(place: Path) -> tuple[list[str], Rows]:
    """Return the columns' names and the rows of a CSV file that may be read."""
    return rows_of(opened_text(place), place.name)


def rows_of(text: str, what: str) -> tuple[list[str], Rows]:
    """Return the columns' names and the rows of a CSV text."""
    rows: Rows = []
    try:
        names, reader = _cells(text)
        for row in reader:
            if not row:
                continue
            rows.append((reader.line_num, row))
            if len(rows) > MOST_ROWS or len(rows) * len(names) > MOST_CELLS:
                raise VitrineError(f"{what} has too many rows to be read.", cure="Use fewer.")
    except (csv.Error, ValueError) as error:
        raise VitrineError(f"{what} is no CSV file ({error}).") from None
    if uneven := next((line for line, row in rows if len(row) != len(names)), None):
        raise VitrineError(f"Line {uneven} of {what} has not {len(names)} columns as the first line says.")
    return names, rows


def _cells(text: str) -> tuple[list[str], Any]:
    """Return the names in the first line of a CSV text, and what reads the other lines."""
    first = text.partition("\n")[0]
    between = next((sign for sign in ";\t" if sign in first and "," not in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between)
    return [printable(name).strip() for name in next(reader, [])], reader


def column_names(path: str) -> list[str]:
    """Return the columns' names of a CSV file, of which only the beginning is read."""
    place = places.opened(path, "file")
    try:
        with place.open("rb") as file:
            first = file.readline(MOST_LINE)
    except OSError as error:
        raise _unreadable(place, error) from None
    return _cells(decoded(first))[0]


def letters_of(path: str) -> tuple[str, ...]:
    """Return in a sentence how a file's letters are read, where that is not as usual."""
    place = places.opened(path, "file")
    try:
        _content(place).decode("utf-8-sig")
    except UnicodeDecodeError:
        return (f"{place.name} is not in UTF-8: its letters are read as Windows wrote them in the West.",)
    return ()


def opened_text(place: Path) -> str:
    """Return what a file says."""
    return decoded(checked(_content(place), place.name))


def checked(content: bytes, what: str) -> bytes:
    """Return what is a text as far as one can see, and refuse all else."""
    if b"\0" in content[:4096]:
        raise VitrineError(f"{what} is no text.", cure="Save it as text in UTF-8.")
    return content


def _content(place: Path) -> bytes:
    try:
        if place.stat().st_size > MOST_BYTES:
            raise VitrineError(f"{place.name} is larger than {MOST_BYTES >> 30} GiB.", cure="Use less of it.")
        return place.read_bytes()
    except OSError as error:
        raise _unreadable(place, error) from None


def _unreadable(place: Path, error: OSError) -> VitrineError:
    return VitrineError(f"{place.name} cannot be read: {(error.strerror or 'unknown reason').lower()}.")


def decoded(content: bytes) -> str:
    """Return bytes as text, in UTF-8 or, where they are not that, as Windows wrote it in the West."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(OTHER, errors="replace")


def column(names: list[str], wanted: str) -> int:
    """Return at which place the column of this name stands."""
    here = [place for place, name in enumerate(names) if name == wanted.strip()]
    if not here:
        words = f"There is no column {wanted!r}."
        raise VitrineError(words, cure=f"The columns are: {', '.join(names[:20])}.")
    if len(here) > 1:
        raise VitrineError(f"{len(here)} columns are called {wanted!r}.", cure="Give each its own name.")
    return here[0]


def number(text: str, column: str, line: int) -> float:
    """Return the number that a cell holds."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    what = f"holds {text[:30]!r}, which is no number" if text.strip() else "is empty"
    raise VitrineError(f"Line {line}, column {column!r} {what}.", cure="Fill it, or leave the line or column out.")
