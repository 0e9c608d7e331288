"""Places: which paths data may be read from; a link that somebody else wrote must not choose among all files here.

Data may lie under the home folder's own data, where paths begin that name no place of their own, under a folder of
VITRINE_DATA, or where the command line said.
"""

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import Field

from engine.errors import VitrineError
from engine.home import home
from engine.registry import shortened

MOST_NAMED = 1_000
OWN = "own"  # the folder of what came by browsers
PathText = Annotated[str, Field(max_length=4_000)]


def allowed_folders() -> list[Path]:
    """Return the folders under which data may be named by anybody."""
    given = os.environ.get("VITRINE_DATA", "").split(os.pathsep)
    return [(home() / "data").resolve(), *(Path(one).resolve() for one in given if one)]


def permit(path: str) -> str:
    """Remember that whoever sits at this machine named a path, and return it whole, as a worker elsewhere needs it."""
    whole = str(Path(path).absolute())
    known = _named()
    if whole not in known:
        home().mkdir(parents=True, exist_ok=True)
        aside = _list().with_suffix(f".{os.getpid()}.part")
        aside.write_bytes(orjson.dumps([*known, whole][-MOST_NAMED:]))
        aside.replace(_list())
    return whole


def opened(path: str, what: str) -> Path:
    """Return a path that may be read; of any other nothing is told, not even whether it is there."""
    if not path:
        raise VitrineError(f"No {what} is chosen yet.", cure="Bring one, or give its path with data.path=…")
    if "\0" in path:
        raise VitrineError("A path has no such signs in it.", cure="Give its path with data.path=…")
    here = _within_data(path)
    if not (_within(here) or str(here.absolute()) in _named()):
        folders = " or ".join(map(str, allowed_folders()))
        raise VitrineError(
            f"Data are read from {folders} only.",
            cure="Put them there, name them on the command line, or start the app with VITRINE_DATA.",
        )
    if not _exists(here):
        raise VitrineError(f"There is no {what} at {shortened(path)}.", cure="Give its path with data.path=…")
    return here


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def kept(content: bytes, ending: str) -> str:
    """Keep what came by a browser, and return by which path it is opened: it is called by what it holds."""
    name = f"{OWN}/{hashlib.blake2b(content, digest_size=12).hexdigest()}{ending}"
    place = home() / "data" / name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_suffix(f".{secrets.token_hex(8)}.part")
        aside.write_bytes(content)
        aside.replace(place)
    return name


def _within_data(path: str) -> Path:
    """Return the place of a path, which begins in the home folder's data where it names something there."""
    mine = home() / "data" / path
    try:
        return mine if not Path(path).is_absolute() and mine.exists() else Path(path)
    except OSError:  # no name is as long as that
        return Path(path)


def there(path: str) -> bool:
    """Return whether a path may be read and leads somewhere."""
    try:
        return opened(path, "file").exists()
    except VitrineError:
        return False


def _within(path: Path) -> bool:
    resolved = path.resolve()
    return any(resolved.is_relative_to(folder) for folder in allowed_folders())


def _list() -> Path:
    return home() / "named-data.json"


def _named() -> list[str]:
    with contextlib.suppress(OSError, orjson.JSONDecodeError):
        known = orjson.loads(_list().read_bytes())
        return [one for one in known if isinstance(one, str)] if isinstance(known, list) else []
    return []
