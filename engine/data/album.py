"""Albums: pictures that come by a browser, class by class, until they are a dataset.

Each is looked through as it comes, and kept no larger than is needed. An album that is done is called by what it
holds, and lies where data may be named by anybody; until then it lies aside.
"""

import contextlib
import hashlib
import io
import re
import secrets
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
from PIL import Image

from engine.data.pictures import FORMATS, Picture, brought
from engine.data.places import OWN
from engine.errors import VitrineError
from engine.home import home
from engine.registry import printable

MOST_SIDE = 512  # of a picture
MOST_PICTURES = 20_000
NAMED = 5  # pictures that are left out, with what is wrong with them
MOST_LABEL = 60
LASTS = 24 * 3600  # seconds that an album may be under way
NO_NAME = re.compile(r'[\\/:*?"<>|]')
SPLITS = ("", "train", "validation", "test")
ABOUT = "about.json"


Room = Callable[[int], None]  # refuses so many bytes where there is no room for them


def unbounded(size: int) -> None:
    """Let anything have room."""


class Album:
    """Pictures under way."""

    def __init__(self) -> None:
        under_way().mkdir(parents=True, exist_ok=True)
        for old in under_way().iterdir():
            with contextlib.suppress(FileNotFoundError):  # another may have taken it away meanwhile
                if time.time() - old.stat().st_mtime > LASTS:
                    shutil.rmtree(old) if old.is_dir() else old.unlink()
        self.token = secrets.token_hex(16)
        self.place = under_way() / self.token
        self.place.mkdir()
        self.lock = threading.Lock()
        self.over = False
        self.left: list[str] = []  # what is wrong with the first that were left out,
        self.number = 0  # and how many were
        self.known: set[str] = set()

    def add(self, content: bytes, name: str, label: str, split: str = "", room: Room = unbounded) -> str:
        """Take a picture, for which `room` is asked, or say why it is left out."""
        name = printable(name)[-100:]
        try:
            if split not in SPLITS:
                raise VitrineError(f"There is no split {printable(split)[:30]!r}.")
            packed, ending = _packed(brought(content, name), content)
            path = Path(split, labelled(label), f"{hashlib.blake2b(packed, digest_size=12).hexdigest()}{ending}")
        except VitrineError as error:
            return self.leave(str(error))
        room(len(packed))
        return self._take(path, packed, name)

    def leave(self, words: str) -> str:
        """Note that a picture is left out, and why."""
        with self.lock:
            self.left = [*self.left, words][:NAMED]
            self.number += 1
        return words

    def _take(self, path: Path, packed: bytes, name: str) -> str:
        with self.lock:
            if self.over:
                raise VitrineError("These pictures are a dataset already.", cure="Send them again.")
            if str(path) not in self.known:
                if len(self.known) >= MOST_PICTURES:
                    raise VitrineError(f"An album holds at most {MOST_PICTURES:,} pictures.", cure="Use fewer.")
                (self.place / path).parent.mkdir(parents=True, exist_ok=True)
                (self.place / path).write_bytes(packed)
                self.known.add(str(path))
                return ""
        return self.leave(f"{name} is there already.")

    def done(self) -> str:
        """Return the path by which the pictures are opened as a dataset."""
        with self.lock:
            classes = {Path(path).parts[-2] for path in self.known}
            if len(classes) < 2:
                words = f"There are pictures of {'one class' if classes else 'no class'}: at least 2 are needed."
                raise VitrineError(words, cure="Name a second class, and add pictures to it.")
            self._divide()
            about = orjson.dumps({"left": self.left, "number": self.number})
            (self.place / ABOUT).write_bytes(about)
            digest = hashlib.blake2b(orjson.dumps(sorted(self.known)) + about, digest_size=12)
            name = f"{OWN}/{digest.hexdigest()}"
            place = home() / "data" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.place.rename(place)
            except OSError:  # the same pictures are there already
                if not place.is_dir():
                    raise
                shutil.rmtree(self.place, ignore_errors=True)
            self.over = True
        return name

    def _divide(self) -> None:
        """Where folders said what some are for, let all others be for training."""
        loose = [path for path in self.known if len(Path(path).parts) == 2]
        if len(loose) == len(self.known):
            return
        for path in loose:
            (self.place / "train" / path).parent.mkdir(parents=True, exist_ok=True)
            (self.place / path).replace(self.place / "train" / path)
            self.known = self.known - {path} | {str(Path("train", path))}

    def drop(self) -> None:
        """Let go of pictures that nobody wants any more."""
        with self.lock:
            self.over = True
            shutil.rmtree(self.place, ignore_errors=True)

    def classes(self) -> dict[str, int]:
        """Return how many pictures each class has."""
        with self.lock:
            return dict(Counter(Path(path).parts[-2] for path in sorted(self.known)))


def under_way() -> Path:
    """Return where albums lie that are not done."""
    return home() / "albums"


def labelled(label: str) -> str:
    """Return the name of a class as it may be the name of a folder."""
    found = NO_NAME.sub("-", printable(label)).strip(" .")[:MOST_LABEL].strip(" .")
    if not found:
        raise VitrineError("A class needs a name.", cure="Write it above its pictures.")
    return found


def notes(path: Path) -> tuple[str, ...]:
    """Return what was left out of an album when it came, in words; of anything else, nothing."""
    about = path / ABOUT
    if not path.resolve().is_relative_to((home() / "data" / OWN).resolve()) or not about.is_file():
        return ()
    told = orjson.loads(about.read_bytes())
    return left_out(told["left"], told["number"], "Left out when they came")


def left_out(why: Sequence[str], number: int, words: str = "Left out") -> tuple[str, ...]:
    """Return in words how many pictures were left out, and of the first ones why; of none, nothing."""
    more = f" And {number - NAMED:,} more." if number > NAMED else ""
    return (f"{words}, {number:,}: {' '.join(why[:NAMED])}{more}",) if number else ()


def _packed(picture: Picture, content: bytes) -> tuple[bytes, str]:
    """Return a picture as it is kept: as it came where it is small and looks as it is."""
    with Image.open(io.BytesIO(content), formats=FORMATS) as before:
        form, size = before.format, before.size
    fair = 4 * size[0] * size[1] + 2**16  # bytes: more than that is no picture's own
    if form in ("PNG", "JPEG") and max(size) <= MOST_SIDE and not picture.done and len(content) <= fair:
        return content, ".png" if form == "PNG" else ".jpg"
    image = picture.image.copy()
    image.info.clear()
    image.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    if form == "JPEG":
        image.save(file, "JPEG", quality=95)
    else:
        image.save(file, "PNG")
    return file.getvalue(), ".jpg" if form == "JPEG" else ".png"
