"""Dates: written in many ways, of which every sign is to be told apart, or which are to be written in one way."""

import random
from datetime import date
from typing import Literal

import torch

from engine.choice import option
from engine.data.dataset import SEED, TEST, UNKNOWN, VALIDATION, Dataset, Portion, Seed, Size, Source, Split, source
from engine.data.memory import GO
from engine.data.splitting import split

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
FIRST, LAST = date(1900, 1, 1).toordinal(), date(2099, 12, 31).toordinal()
PARTS = ("day", "month", "year", "between")
Piece = tuple[str, str]  # a text, and which part of the date it is
ISO = 10  # signs of a date as ISO 8601 writes it
LONGEST = len("Wednesday, the 30th of September 1999")


def _plain(text: str) -> Piece:
    return text, "between"


def _ordinal(day: int) -> str:
    ending = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _written(day: date, way: int) -> list[Piece]:
    """Return a date in one of eight ways, piece by piece."""
    d, m, y = (str(day.day), "day"), (MONTHS[day.month - 1], "month"), (str(day.year), "year")
    short = (MONTHS[day.month - 1][:3], "month")
    ways = [
        [d, _plain(" "), m, _plain(" "), y],
        [m, _plain(" "), d, _plain(", "), y],
        [short, _plain(" "), d, _plain(" "), y],
        [(f"{day.day:02}", "day"), _plain("."), (f"{day.month:02}", "month"), _plain("."), y],
        [y, _plain("/"), (f"{day.month:02}", "month"), _plain("/"), (f"{day.day:02}", "day")],
        [_plain(f"{DAYS[day.weekday()]}, the "), (_ordinal(day.day), "day"), _plain(" of "), m, _plain(" "), y],
        [y, _plain(", "), m, _plain(" "), (_ordinal(day.day), "day")],
        [d, _plain("-"), short, _plain("-"), y],
    ]
    return ways[way]


WAYS = 8
SIGNS = (*sorted({*"0123456789 ,./-", *"".join([*MONTHS, *DAYS, "the of st nd rd th"])}), GO)


@source("dates")
class Dates(Source):
    """Dates from 1900 to 2099, written in eight ways, sign by sign."""

    title, example, licence, origin = "Dates", "tokens", "Apache-2.0", "written by Vitrine"

    number: Size = option(6000, "How many dates.")
    asks: Literal["parts", "ISO 8601"] = option(
        "parts",
        "Tell of every sign whether it is of the day, the month or the year; or, once all is read, write the date as "
        "1999-12-31.",
    )
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def load(self):
        """Draw days and ways to write them, all equally likely."""
        draw = random.Random(self.seed)
        days = [date.fromordinal(draw.randint(FIRST, LAST)) for _ in range(self.number)]
        written = [_written(day, draw.randrange(WAYS)) for day in days]
        answers = PARTS if self.asks == "parts" else tuple("0123456789-")
        length = LONGEST if self.asks == "parts" else LONGEST + ISO
        tokens = torch.zeros(self.number, length, dtype=torch.long)
        labels = torch.full_like(tokens, UNKNOWN)
        for row, (day, pieces) in enumerate(zip(days, written, strict=True)):
            text = "".join(text for text, _ in pieces)
            right = [PARTS.index(part) for text, part in pieces for _ in text]
            if self.asks != "parts":
                right = [UNKNOWN] * len(text) + [answers.index(sign) for sign in day.isoformat()]
                text += GO * ISO
            tokens[row, : len(text)] = torch.tensor([1 + SIGNS.index(sign) for sign in text])
            labels[row, : len(text)] = torch.tensor(right)
        everything = split(Split(tokens, labels), self)
        return Dataset(self.title, "tokens", answers, *everything, self.divided, words=("", *SIGNS))
