"""A person's own images: a folder or archive of them, with a folder for each class."""

import contextlib
import dataclasses
import functools
import math
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.data import album, places, progress
from engine.data.dataset import CALLED, SEED, TEST, VALIDATION, Called, Dataset, Portion, Seed, Source, Split, source
from engine.data.pictures import ENDINGS, MOST_FILE, opened, pixels_of
from engine.data.splitting import parts
from engine.errors import VitrineError
from engine.home import home
from engine.registry import printable

MOST_IMAGES = 200_000
MOST_PIXELS = 40_000_000_000  # of all images together: two hundred thousand of half a megapixel fit well
MOST_UNPACKED = 4 * 2**30
IN_MEMORY = 2**30  # bytes of images
SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
SPLITS |= {"validation": "validation", "valid": "validation", "val": "validation"}


@source("images")
class Images(Source):
    """Your own images: a folder or zip with a folder of images for each class."""

    title, licence, origin = "Your images", "yours", "your own"

    called: Called = CALLED
    path: places.PathText = option("", "The folder, or the zip file.")
    size: Annotated[int, Field(ge=4, le=512)] = option(64, "The side to which every image is fitted.")
    colour: Literal["colour", "grey"] = option("colour", "Three channels, or one.")
    validation: Portion = VALIDATION
    test: Portion = TEST
    seed: Seed = SEED

    def load(self):
        """Read every image, turned upright, cut to a square and fitted; large sets lie in a file, not in memory."""
        path = places.opened(self.path, "folder or zip")
        with contextlib.ExitStack() as open_files:
            found = sorted(_in_zip(path, open_files) if path.is_file() else _in_folder(path), key=lambda one: one[0])
            found, given = _sorted_out(found)
            if len(found) > MOST_IMAGES:
                raise VitrineError(
                    f"There are {len(found):,} images: at most {MOST_IMAGES:,} are read.", cure="Use fewer."
                )
            left: dict[int, str] = {}
            while True:  # once, or where some cannot be read once more without those
                kept = [place for place in range(len(found)) if place not in left]
                read = [found[place] for place in kept]
                classes = tuple(sorted({label for _, label, *_ in read}))
                if len(classes) < 2:
                    words = (
                        f"{path.name} has images of {'one class' if classes else 'no class'}: at least 2 are needed."
                    )
                    cure = "Put the images of each class into a folder that is called like the class."
                    raise VitrineError(" ".join([words, *_told(left)]), cure=cure)
                dataset, wrong = self._laid_out(read, classes, given)
                if not wrong:
                    notes = (*_told(left), *album.notes(path))
                    return dataclasses.replace(dataset, notes=notes)
                left |= {kept[place]: words for place, words in wrong.items()}

    def _laid_out(self, found: "list[Placed]", classes: tuple[str, ...], given: bool) -> tuple[Dataset, dict[int, str]]:
        """Return the dataset, its images laid split by split, so that each split is one stretch; and what is wrong
        with those that cannot be read, by place.
        """
        wrong: dict[int, str] = {}
        labels = torch.tensor([classes.index(label) for _, label, *_ in found])
        chosen = self._given(found, labels) if given else parts(labels, self)
        grey = self.colour == "grey"
        images = room_for((len(found), 1 if grey else 3, self.size, self.size))
        order = torch.cat(chosen)
        pixels = 0
        for place, index in enumerate(order.tolist()):
            progress.done(place / len(order))
            _, _, name, read = found[index]
            try:
                content = read()
                images[place] = fitted(content, name, self.size, grey)
                pixels += pixels_of(content)
            except VitrineError as error:
                wrong[index] = str(error)
            if pixels > MOST_PIXELS:
                words = f"The images have more than {MOST_PIXELS:,} pixels together."
                raise VitrineError(words, cure="Make them smaller, or use fewer.")
        ends = np.cumsum([len(part) for part in chosen]).tolist()
        inputs, labels = torch.from_numpy(images), labels[order]
        train, validation, test = (Split(inputs[a:b], labels[a:b]) for a, b in zip([0, *ends], ends, strict=False))
        return Dataset(self.name, "image", classes, train, validation, test, self.divided), wrong

    def _given(self, found: "list[Placed]", labels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return which images are for training, validation and test where folders say so."""
        names = [name for name, *_ in found]
        train, valid, test = (
            torch.tensor([i for i, name in enumerate(names) if name == wanted], dtype=torch.long)
            for wanted in ("train", "validation", "test")
        )
        if not len(train):
            raise VitrineError("There are no training images.", cure="Put them into a folder called train.")
        if not len(valid):
            kept, held, _ = parts(labels[train], self, 0.0)
            train, valid = train[kept], train[held]
        return train, valid, test

    def here(self):
        """Return whether the path may be read, and is there."""
        return places.there(self.path)


Found = tuple[tuple[str, ...], Callable[[], bytes]]  # where an image lies, folder by folder, and how to read it
Placed = tuple[str, str, str, Callable[[], bytes]]  # the split it is for, its class, its name, and how to read it


def _sorted_out(found: list[Found]) -> tuple[list[Placed], bool]:
    """Return of each image its split and class, and whether folders say which is for what.

    A folder that holds everything is passed by; below, and below train and test, the first folder is the class,
    however deep the images lie in it.
    """
    paths = [path for path, _ in found]
    while paths and all(len(path) > 2 for path in paths) and len({path[0] for path in paths}) == 1:
        if paths[0][0].lower() in SPLITS:
            break
        paths = [path[1:] for path in paths]
    tops = {path[0].lower() for path in paths if len(path) > 1}
    given = bool(tops) and tops <= SPLITS.keys() and all(len(path) > 2 for path in paths if len(path) > 1)
    placed = []
    for path, (_, read) in zip(paths, found, strict=True):
        inside = path[1:] if given else path
        if len(inside) > 1:  # what lies beside the folders of the classes belongs to none
            label, name = printable(inside[0]), printable(inside[-1])
            placed.append((SPLITS[path[0].lower()] if given else "", label, name, read))
    return placed, given


def placed_in(path: Path, called: str, open_files: contextlib.ExitStack) -> list[Placed]:
    """Return the images of an archive that somebody sends, which is open for as long as the stack is."""
    return _sorted_out(sorted(_in_zip(path, open_files, called), key=lambda one: one[0]))[0]


def _told(left: dict[int, str]) -> tuple[str, ...]:
    return album.left_out(list(left.values()), len(left))


def room_for(sizes: tuple[int, ...]) -> np.ndarray:
    """Return room for bytes: in memory, or where they are many in a file that goes when nobody needs it."""
    if math.prod(sizes) <= IN_MEMORY:
        return np.empty(sizes, np.uint8)
    folder = home() / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.uint8, "w+", shape=sizes)


def _is_image(path: tuple[str, ...]) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path)
    return not hidden and path[-1].lower().endswith(ENDINGS)


def _in_folder(path: Path) -> Iterator[Found]:
    """Yield the images of a folder; links that lead out of it are passed by."""
    root = path.resolve()
    for file in path.rglob("*"):
        inside = file.relative_to(path).parts
        if not _is_image(inside) or not file.is_file() or not file.resolve().is_relative_to(root):
            continue
        yield inside, functools.partial(_read, file)


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST_FILE:
            raise VitrineError(f"{file.name} is larger than {MOST_FILE >> 20} MiB.", cure="Make it smaller.")
        return file.read_bytes()
    except OSError as error:
        why = (error.strerror or "unknown reason").lower()
        raise VitrineError(f"{file.name} cannot be read: {why}.", cure="Remove it, or let it be read.") from None


def _in_zip(path: Path, open_files: contextlib.ExitStack, called: str = "") -> Iterator[Found]:
    """Yield the images of an archive; no name in it is ever used as a place on the disk."""
    called = called or path.name
    try:
        archive = open_files.enter_context(zipfile.ZipFile(path))
    except PermissionError:
        raise VitrineError(f"{called} may not be read.", cure="Let it be read by whoever runs this app.") from None
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise VitrineError(f"{called} is no zip file, or a damaged one.") from None
    members = [m for m in archive.infolist() if not m.is_dir()]
    if sum(m.file_size for m in members) > MOST_UNPACKED:
        raise VitrineError(f"{called} unpacks to more than {MOST_UNPACKED >> 30} GiB.", cure="Use smaller images.")
    for member in members:
        inside = Path(member.filename).parts
        if ".." in inside or Path(member.filename).is_absolute():
            raise VitrineError(f"{called} holds {member.filename!r}, which points out of the archive.")
        if inside and _is_image(inside):
            yield inside, functools.partial(_unzipped, archive, member)


def _unzipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as file:
            content = file.read(MOST_FILE + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        raise VitrineError(f"{member.filename} cannot be unpacked ({type(error).__name__}).") from None
    if len(content) > MOST_FILE:
        raise VitrineError(f"{member.filename} is larger than {MOST_FILE >> 20} MiB.", cure="Make it smaller.")
    return content


def fitted(content: bytes, name: str, size: int, grey: bool) -> np.ndarray:
    """Return an image as channels×size×size bytes, upright and cut to its middle square."""
    return opened(content, name, about=size).fitted(1 if grey else 3, size, size).values()
