"""A person's own table of numbers: a CSV file with a column to be told from the others."""

from typing import Annotated, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.data import places
from engine.data.dataset import CALLED, SEED, TEST, VALIDATION, Called, Dataset, Portion, Seed, Source, Split, source
from engine.data.rows import column, letters_of, number, opened_rows
from engine.data.splitting import split
from engine.errors import VitrineError
from engine.registry import printable

MOST_AS_CLASSES = 20  # different numbers that are taken for names of classes


@source("table")
class Table(Source):
    """Your own table of numbers: a CSV file with a column to be told from the others."""

    title, example, licence, origin = "Your table", "numbers", "yours", "your own"

    called: Called = CALLED
    path: places.PathText = option("", "The CSV file; its first line names the columns.")
    target: Annotated[str, Field(max_length=200)] = option("", "The column to be told; empty: the last one.")
    group: Annotated[str, Field(max_length=200)] = option(
        "", "A column that is not learned from: rows that say the same there come into one split together.", rare=True
    )
    goal: Literal["class", "number"] = option("class", "Whether that column names classes or holds numbers.")
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def here(self):
        """Return whether the file may be read, and is there."""
        return places.there(self.path)

    def load(self):
        """Read the table; its columns are brought to mean 0 and deviation 1 of the rows that are learned, later."""
        names, rows = opened_rows(self.path)
        if len(names) < 2 or len(rows) < 2:
            raise VitrineError("A table needs at least two columns, and two rows below their names.")
        place = column(names, self.target) if self.target else len(names) - 1
        together = column(names, self.group) if self.group else -1
        aside = (place, together)  # what is not learned from
        if together == place:
            raise VitrineError(f"The column {names[place]!r} is to be told.", cure="Let another name the groups.")
        inputs = torch.tensor(
            [[number(v, names[i], line) for i, v in enumerate(row) if i not in aside] for line, row in rows],
            dtype=torch.float64,
        )
        if not inputs.shape[1]:
            raise VitrineError("There is no column to tell the target from.")
        answers = [(line, printable(row[place]).strip()) for line, row in rows]
        classes: tuple[str, ...] = ()
        if self.goal == "class":
            if empty := next((line for line, answer in answers if not answer), None):
                words = f"Line {empty}, column {names[place]!r} is empty, so it is of no class."
                raise VitrineError(words, cure="Fill it, or leave the line out.")
            classes = tuple(sorted({answer for _, answer in answers}))
            if not 2 <= len(classes) <= 1000:
                raise VitrineError(f"The column {names[place]!r} holds {len(classes)} classes: 2 to 1,000 are needed.")
            order = {name: at for at, name in enumerate(classes)}
            targets = torch.tensor([order[answer] for _, answer in answers])
        else:
            targets = torch.tensor([[number(answer, names[place], line)] for line, answer in answers])
        groups = _numbered([row[together].strip() for _, row in rows]) if self.group else None
        return Dataset(
            self.name,
            "numbers",
            classes,
            *split(Split(inputs, targets, groups), self),
            self.divided,
            notes=letters_of(self.path),
        )


def goal_of(path: str, target: str) -> Literal["class", "number"]:
    """Return what a column seems to hold: numbers, where all are and there are more than are classes as a rule."""
    names, rows = opened_rows(path)
    place = column(names, target) if target else len(names) - 1
    try:
        different = len({number(row[place], names[place], line) for line, row in rows})
    except VitrineError:
        return "class"
    return "number" if different > min(MOST_AS_CLASSES, len(rows) // 2) else "class"


def _numbered(words: list[str]) -> torch.Tensor:
    """Return a number for each word, the same for the same."""
    known: dict[str, int] = {}
    return torch.tensor([known.setdefault(word, len(known)) for word in words])
