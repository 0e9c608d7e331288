"""Series of numbers along time: a person's own, and three that everybody knows."""

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Annotated

import torch
from pydantic import Field

from engine.choice import option
from engine.data import places
from engine.data.dataset import CALLED, Called, Portion, source
from engine.data.fetched import Fetched
from engine.data.rows import Rows, column, letters_of, number, opened_rows, read_rows
from engine.data.texts import Name
from engine.data.windows import Told, Windowed
from engine.errors import VitrineError

FORMATS = ("%Y-%m", "%Y/%m/%d", "%Y/%m", "%d.%m.%Y", "%Y")  # besides all that ISO 8601 allows
MOST_FILLED = 1_000_000
MOST_NUMBER = 1e30
IN_ORDER = "-"  # in place of a column of dates: the lines are taken as they come
SECOND = (timedelta(seconds=1), "seconds")


def moment(text: str) -> datetime | None:
    """Return the moment that a cell names, or nothing."""
    text = text.strip()
    for form in FORMATS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    try:
        found = datetime.fromisoformat(text)
        return (found.astimezone(UTC) if found.tzinfo else found).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def spaced(moments: Sequence[datetime]) -> tuple[list[int], str]:
    """Return numbers that grow evenly with time, and what a step of one is: a month, a day, or a second."""
    if len({(one.day, one.time()) for one in moments}) == 1:
        return [12 * one.year + one.month for one in moments], "months"
    if all(one.time() == time() for one in moments):
        return [one.toordinal() for one in moments], "days"
    least, name = (timedelta(microseconds=1), "microseconds") if any(one.microsecond for one in moments) else SECOND
    return [(one - datetime(1, 1, 1)) // least for one in moments], name


def regular(rows: Sequence[tuple[int, float]]) -> tuple[list[float], list[str]]:
    """Return the numbers at even steps of time, and in sentences what had to be done for that.

    Of several numbers at one moment the mean is taken; where moments are missing, numbers lie on a line between.
    """
    at: dict[int, list[float]] = {}
    for moment, value in sorted(rows):
        at.setdefault(moment, []).append(value)
    said = []
    if again := len(rows) - len(at):
        said.append(f"{_moments(again)} there more than once: the mean is taken.")
    moments = list(at)
    gaps = Counter(b - a for a, b in itertools.pairwise(moments))
    step = gaps.most_common(1)[0][0] if gaps else 1
    values, filled = [], 0
    for place, now in enumerate(moments):
        value = sum(at[now]) / len(at[now])
        if place:
            before, missing = values[-1], max(0, round((now - moments[place - 1]) / step) - 1)
            filled += missing
            if filled > MOST_FILLED:
                raise VitrineError("The dates have holes that are too large.", cure="Choose another column of dates.")
            values += [before + (value - before) * (i + 1) / (missing + 1) for i in range(missing)]
        values.append(value)
    if filled:
        said.append(f"{_missing(filled)} on a line between those around.")
    return values, said


def _moments(many: int) -> str:
    return "1 moment stands" if many == 1 else f"{many:,} moments stand"


def _missing(many: int) -> str:
    return "1 moment is missing: its number lies" if many == 1 else f"{many:,} moments are missing: their numbers lie"


def along_time(names: list[str], rows: Rows, value: str, date: str) -> tuple[torch.Tensor, tuple[str, ...]]:
    """Return a column of numbers in the order of time, and in sentences what was done to it."""
    if not names or not rows:
        raise VitrineError("There are no numbers: a line of names and lines of numbers are needed.")
    place = column(names, value) if value else len(names) - 1
    dated = None if date == IN_ORDER else column(names, date) if date else _dates(names, rows, place)
    numbers = [number(row[place], names[place], line) for line, row in rows]
    if dated is None:
        said = ["No column is taken for dates: the lines are taken in their order."]
    else:
        moments = [moment(row[dated]) for _, row in rows]
        known = [one for one in moments if one is not None]
        if len(known) < len(moments):
            line, row = rows[moments.index(None)]
            raise VitrineError(
                f"Line {line}, column {names[dated]!r} holds {row[dated][:30]!r}, which is no date.",
                cure="Write dates as 2024-01-31.",
            )
        steps, unit = spaced(known)
        numbers, said = regular(list(zip(steps, numbers, strict=True)))
        said = [f"{names[place]!r} in the order of {names[dated]!r}, by {unit}.", *said]
    values = torch.tensor(numbers, dtype=torch.double)
    if float(values.abs().max()) > MOST_NUMBER:
        raise VitrineError(f"{names[place]!r} holds numbers beyond {MOST_NUMBER:g}.", cure="Use a larger unit.")
    if float(values.min()) == float(values.max()):
        raise VitrineError(f"{names[place]!r} is always the same: there is nothing to tell.", cure="Choose another.")
    return values, tuple(said)


def _dates(names: list[str], rows: Rows, value: int) -> int | None:
    """Return the first column that holds dates; bare years only where they grow or fall line by line."""
    for place in (place for place in range(len(names)) if place != value):
        cells = [row[place].strip() for _, row in rows]
        bare = all(cell.isdecimal() and len(cell) == 4 for cell in cells)
        ordered = sorted(set(cells))  # each once, so that none comes twice
        if all(map(moment, cells)) and (not bare or cells in (ordered, ordered[::-1])):
            return place
    return None


@source("series")
class Series(Windowed):
    """Your own series: a CSV file with a column of numbers, and perhaps one of dates.

    It is split in the order of time: the last stretch is for the test, the one before it for validation. No window
    reaches over such a border, and the scale is that of the stretch that is learned from.
    """

    title, licence, origin = "Your series", "yours", "your own"

    called: Called = CALLED
    path: places.PathText = option("", "The CSV file; its first line names the columns.", rare=True)
    value: Name = option("", "The column of numbers; empty: the last one.", rare=True)
    date: Name = option(
        "", "The column of dates; empty: the first one that holds any, or '-': as lines come.", rare=True
    )
    window: Annotated[int, Field(ge=1, le=1000)] = option(24, "How many numbers the network sees at a time.")

    def here(self):
        """Return whether the file may be read, and is there."""
        return places.there(self.path)

    def series(self):
        """Read the file; what was done for numbers to stand at even steps of time is said."""
        names, rows = opened_rows(self.path)
        values, notes = along_time(names, rows, self.value, self.date)
        return values, (*notes, *letters_of(self.path))


class _Known(Windowed, Fetched):
    licence, seasonal = "not stated", True
    address = "https://raw.githubusercontent.com/jbrownlee/Datasets/master/"

    def series(self):
        """Read the one file."""
        (file,) = self.files
        names, rows = read_rows(self.opened() / file)
        return along_time(names, rows, "", "")


@source("airline")
class Airline(_Known):
    """Passengers of airlines, month by month from 1949 to 1960: more each year, and most in summer."""

    title, origin = "Airline passengers", "G. Box, G. Jenkins (1976)"
    files = {"airline-passengers.csv": "558a08bfda3955c8506436677352f7b8"}

    window: Annotated[int, Field(ge=1, le=1000)] = option(12, "How many months the network sees at a time.")
    validation: Portion = option(0.2, "The share of the series before the test's that is kept aside to validate on.")
    test: Portion = option(0.2, "The share at the end that is kept aside to test on.")
    tells: Told = option(
        "changes since a season ago",
        "What is read and told: the numbers; or by how much they differ from the last one, which takes a steady rise "
        "away; or from the one a season ago, which takes what comes back every season away too.",
    )


@source("temperatures")
class Temperatures(_Known):
    """The lowest temperature of each day in Melbourne, 1981 to 1990."""

    title, origin = "Daily temperatures", "Australian Bureau of Meteorology"
    files = {"daily-min-temperatures.csv": "5d343d678173fadff7c8474073145e73"}

    season: Annotated[int, Field(ge=2, le=1000)] = option(365, "How many days a season has.", rare=True)


@source("sunspots")
class Sunspots(_Known):
    """Spots on the sun, month by month from 1749 to 1983; they come and go in about eleven years."""

    title, origin = "Sunspots", "D. Andrews, A. Herzberg (1985)"
    files = {"monthly-sunspots.csv": "dee19278d812667c0933bfcccbe4d0b2"}

    season: Annotated[int, Field(ge=2, le=1000)] = option(132, "How many months a season has.", rare=True)
