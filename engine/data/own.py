"""A person's own data: a folder or archive of images, a folder for each class; or a table of numbers."""

import contextlib
import csv
import functools
import math
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import (
    SEED,
    TEST,
    VALIDATION,
    Dataset,
    Portion,
    Seed,
    Source,
    Split,
    parts,
    scaled,
    source,
    split,
)
from engine.data.pictures import MOST_FILE, opened
from engine.errors import VitrineError
from engine.home import home

MOST_IMAGES = 200_000
MOST_UNPACKED = 4 * 2**30
IN_MEMORY = 2**30  # bytes of images
MOST_ROWS = 2_000_000
PathText = Annotated[str, Field(max_length=4_000)]


@source("images")
class Images(Source):
    """Your own images: a folder or zip with a folder of images for each class."""

    title, licence, origin = "Your images", "yours", "your own"

    path: PathText = option("", "The folder, or the zip file.")
    size: Annotated[int, Field(ge=4, le=512)] = option(64, "The side to which every image is fitted.")
    colour: Literal["colour", "grey"] = option("colour", "Three channels, or one.")
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def load(self):
        """Read every image, turned upright, cut to a square and fitted; large sets lie in a file, not in memory."""
        path = Path(self.path)
        if not self.path or not path.exists():
            raise VitrineError(f"There is no folder or zip at {self.path!r}.", cure="Give its path with data.path=…")
        with contextlib.ExitStack() as open_files:
            found = list(_in_zip(path, open_files) if path.is_file() else _in_folder(path))
            classes = sorted({label for _, label, _ in found})
            if len(classes) < 2:
                raise VitrineError(
                    f"{self.path} has images of {len(classes)} classes: at least 2 are needed.",
                    cure="Put the images of each class into a folder that is called like the class.",
                )
            if len(found) > MOST_IMAGES:
                raise VitrineError(
                    f"There are {len(found):,} images: at most {MOST_IMAGES:,} are read.", cure="Use fewer."
                )
            return self._laid_out(found, tuple(classes))

    def _laid_out(self, found: "list[Found]", classes: tuple[str, ...]) -> Dataset:
        """Return the dataset, its images laid split by split, so that each split is one stretch."""
        chosen = parts(len(found), self.seed, self.validation, self.test)
        grey = self.colour == "grey"
        images = room_for((len(found), 1 if grey else 3, self.size, self.size))
        labels = torch.empty(len(found), dtype=torch.long)
        for place, index in enumerate(torch.cat(chosen).tolist()):
            name, label, read = found[index]
            images[place] = fitted(read(), name, self.size, grey)
            labels[place] = classes.index(label)
        ends = np.cumsum([len(part) for part in chosen]).tolist()
        inputs = torch.from_numpy(images)
        splits = [Split(inputs[a:b], labels[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
        return Dataset(self.title, "image", classes, *splits)

    def here(self):
        """Return whether the path exists."""
        return bool(self.path) and Path(self.path).exists()


Found = tuple[str, str, Callable[[], bytes]]  # an image's name, its class, and how to read it


def room_for(sizes: tuple[int, ...]) -> np.ndarray:
    """Return room for bytes: in memory, or where they are many in a file that goes when nobody needs it."""
    if math.prod(sizes) <= IN_MEMORY:
        return np.empty(sizes, np.uint8)
    folder = home() / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.uint8, "w+", shape=sizes)


def _in_folder(path: Path) -> Iterator[Found]:
    for file in sorted(path.glob("*/*")):
        if file.is_file() and not file.name.startswith("."):
            if file.stat().st_size > MOST_FILE:
                raise VitrineError(f"{file.name} is larger than {MOST_FILE >> 20} MiB.", cure="Make it smaller.")
            yield file.name, file.parent.name, file.read_bytes


def _in_zip(path: Path, open_files: contextlib.ExitStack) -> Iterator[Found]:
    """Yield the images of an archive; no name in it is ever used as a place on the disk."""
    try:
        archive = open_files.enter_context(zipfile.ZipFile(path))
    except (zipfile.BadZipFile, OSError):
        raise VitrineError(f"{path.name} is no zip file, or a damaged one.") from None
    members = [m for m in archive.infolist() if not m.is_dir() and "__MACOSX" not in m.filename]
    if sum(m.file_size for m in members) > MOST_UNPACKED:
        raise VitrineError(f"{path.name} unpacks to more than {MOST_UNPACKED >> 30} GiB.", cure="Use smaller images.")
    for member in sorted(members, key=lambda m: m.filename):
        inside = Path(member.filename).parts
        if ".." in inside or Path(member.filename).is_absolute():
            raise VitrineError(f"{path.name} holds {member.filename!r}, which points out of the archive.")
        if len(inside) >= 2 and not inside[-1].startswith("."):
            yield inside[-1], inside[-2], functools.partial(_unzipped, archive, member)


def _unzipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as file:
            content = file.read(MOST_FILE + 1)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise VitrineError(f"{member.filename} cannot be unpacked ({type(error).__name__}).") from None
    if len(content) > MOST_FILE:
        raise VitrineError(f"{member.filename} is larger than {MOST_FILE >> 20} MiB.", cure="Make it smaller.")
    return content


def fitted(content: bytes, name: str, size: int, grey: bool) -> np.ndarray:
    """Return an image as channels×size×size bytes, upright and cut to its middle square."""
    return opened(content, name, about=size).fitted(1 if grey else 3, size, size).values()


@source("table")
class Table(Source):
    """Your own table of numbers: a CSV file with a column to be told from the others."""

    title, example, licence, origin = "Your table", "numbers", "yours", "your own"

    path: PathText = option("", "The CSV file; its first line names the columns.")
    target: Annotated[str, Field(max_length=200)] = option("", "The column to be told; empty: the last one.")
    goal: Literal["class", "number"] = option("class", "Whether that column names classes or holds numbers.")
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def here(self):
        """Return whether the file exists."""
        return bool(self.path) and Path(self.path).exists()

    def load(self):
        """Read the table; each column of numbers is brought to mean 0 and deviation 1 of the training rows."""
        names, rows = self._rows()
        target = self.target or names[-1]
        if target not in names:
            raise VitrineError(f"There is no column {target!r}.", cure=f"The columns are: {', '.join(names[:20])}.")
        place = names.index(target)
        inputs = torch.tensor(
            [[_number(v, names[i], line) for i, v in enumerate(row) if i != place] for line, row in rows]
        )
        if not inputs.shape[1]:
            raise VitrineError("There is no column to tell the target from.")
        answers = [row[place] for _, row in rows]
        classes: tuple[str, ...] = ()
        if self.goal == "class":
            classes = tuple(sorted(set(answers)))
            if not 2 <= len(classes) <= 1000:
                raise VitrineError(f"The column {target!r} holds {len(classes)} classes: 2 to 1,000 are needed.")
            targets = torch.tensor([classes.index(answer) for answer in answers])
        else:
            targets = torch.tensor([[_number(a, target, line)] for (line, _), a in zip(rows, answers, strict=True)])
        three = split(Split(inputs, targets), self.seed, self.validation, self.test)
        return Dataset(self.title, "numbers", classes, *scaled(three))

    def _rows(self) -> tuple[list[str], list[tuple[int, list[str]]]]:
        path = Path(self.path)
        if not self.path or not path.is_file():
            raise VitrineError(f"There is no file at {self.path!r}.", cure="Give its path with data.path=…")
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.reader(file)
                names = [name.strip() for name in next(reader, [])]
                rows = [(reader.line_num, row) for row in reader if row][: MOST_ROWS + 1]
        except (UnicodeDecodeError, csv.Error) as error:
            raise VitrineError(f"{path.name} is no CSV file ({error}).") from None
        if len(names) < 2 or len(rows) < 2:
            raise VitrineError(f"{path.name} needs at least two columns and two rows below their names.")
        if len(rows) > MOST_ROWS:
            raise VitrineError(f"{path.name} has more than {MOST_ROWS:,} rows.", cure="Use fewer.")
        if uneven := next((line for line, row in rows if len(row) != len(names)), None):
            raise VitrineError(f"Line {uneven} of {path.name} has not {len(names)} columns as the first line says.")
        return names, rows


def _number(text: str, column: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    what = f"holds {text[:30]!r}, which is no number" if text.strip() else "is empty"
    raise VitrineError(f"Line {line}, column {column!r} {what}.", cure="Fill it, or leave the line or column out.")
