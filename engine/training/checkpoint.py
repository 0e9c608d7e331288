"""Checkpoints: whole states on disk, dense at the start and thinning out, each written aside and then renamed."""

import hashlib
import os
from pathlib import Path
from typing import Any, BinaryIO

import torch

from engine.errors import VitrineError
from engine.home import cure_of
from engine.training.learner import Learner

DIGEST = hashlib.sha256().digest_size  # bytes at a file's end: the SHA-256 of all before them
END_OF_ARCHIVE = b"PK\x05\x06"
GROWTH = 1.15  # each comes this much later than the last: a hundred for a million steps


def next_due(step: int) -> int:
    """Return at which step the checkpoint after this one is due."""
    return max(step + 1, round(step * GROWTH))


def path_of(folder: Path, step: int) -> Path:
    """Return where the checkpoint of a step lies."""
    return folder / f"step-{step:09d}.pt"


def save(learner: Learner, folder: Path) -> Path:
    """Write the learner's state; a crash in the middle leaves the folder as it was."""
    folder.mkdir(parents=True, exist_ok=True)
    target = path_of(folder, learner.step)
    aside = target.with_suffix(f".{os.getpid()}.part")
    try:
        with aside.open("w+b") as file:
            torch.save(learner.state(), file)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").digest()
            file.seek(0, os.SEEK_END)
            file.write(digest)  # behind the archive, whose readers look for its end
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
    except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into a RuntimeError
        aside.unlink(missing_ok=True)
        why = (getattr(error, "strerror", None) or "the disk took no more").lower()
        raise VitrineError(
            f"The checkpoint of step {learner.step} could not be written: {why}.",
            cure=f"{cure_of(error)} Then resume the run.",
        ) from None
    return target


def load(path: Path) -> dict[str, Any]:
    """Read a state; nothing in the file is executed."""
    try:
        with path.open("rb") as file:
            if not _whole(file):
                raise VitrineError(f"The checkpoint {path.name} is damaged.", cure="An earlier one may do.")
            file.seek(0)
            return torch.load(file, weights_only=True, map_location="cpu")
    except VitrineError:
        raise
    except Exception as error:  # torch raises many kinds for a damaged file
        raise VitrineError(
            f"The checkpoint {path.name} cannot be read ({type(error).__name__}).", cure="An earlier one may do."
        ) from None


def _whole(file: BinaryIO) -> bool:
    """Return whether a file is as it was written; one from before each had a checksum ends as an archive does."""
    left = file.seek(0, os.SEEK_END) - DIGEST
    file.seek(max(0, left))
    told = file.read()
    file.seek(0)
    digest = hashlib.sha256()
    while left > 0:
        piece = file.read(min(left, 2**20))
        digest.update(piece)
        left -= len(piece)
    return digest.digest() == told or told[-22:-18] == END_OF_ARCHIVE


def steps(folder: Path) -> list[int]:
    """Return the steps of which there are checkpoints, in order."""
    return sorted(int(path.stem.removeprefix("step-")) for path in folder.glob("step-*.pt"))


def newest(folder: Path, damaged: list[str] | None = None) -> tuple[int, dict[str, Any]]:
    """Return the newest checkpoint that can be read, and its step; those that cannot are put into the list."""
    for step in reversed(steps(folder)):
        try:
            return step, load(path_of(folder, step))
        except VitrineError as error:  # cut short by a crash or a full disk, or damaged: the one before it serves
            if damaged is not None:
                damaged.append(error.what)
    raise VitrineError("The run has no checkpoint that can be read.", cure="Train the experiment anew.")
