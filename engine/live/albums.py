"""Albums that browsers send: begun, filled picture by picture or from an archive, and done."""

import contextlib
import functools
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.data.album import MOST_PICTURES, Album, Room
from engine.data.images import placed_in
from engine.data.pictures import MOST_FILE
from engine.errors import VitrineError
from engine.live.bringing import body_of
from engine.live.gate import trusted
from engine.live.limits import bring_bytes, bring_one
from engine.live.visitor import Visitor, visitor_of
from engine.registry import printable

MOST_ARCHIVE = 500 * 2**20
MOST_ALBUMS = 3  # of one visitor under way at once; the oldest gives way
ALBUMS: dict[str, tuple[str, Album]] = {}  # by token: whose it is, and the album


async def albums(request: Request) -> Response:
    """Begin an album, take a picture or an archive into it, or make it a dataset: as the query says."""
    if not trusted(request.headers.get("host", ""), request.headers.get("origin")):
        return JSONResponse({"problem": "This page is not of this server."}, 403)
    asked, visitor = request.query_params, visitor_of(request.headers)
    try:
        if asked.get("do") == "begin":
            return JSONResponse(await run_in_threadpool(_begun, visitor))
        album = _mine(asked.get("album", ""), visitor)
        if asked.get("do") == "picture":
            return JSONResponse({"left": await _taken(request, album, visitor)})
        if asked.get("do") == "archive":
            return JSONResponse(await _unpacked(request, album, visitor))
        if asked.get("do") == "done":
            path = await run_in_threadpool(album.done)
            ALBUMS.pop(album.token, None)
            return JSONResponse({"path": path, "classes": album.classes()})
        raise VitrineError("An album is begun, filled or done.")
    except VitrineError as error:
        return JSONResponse({"problem": str(error)}, 400)


def _begun(visitor: Visitor) -> dict[str, Any]:
    bring_one(visitor)
    album = Album()
    ALBUMS[album.token] = (visitor.key, album)
    mine = [token for token, (whose, _) in ALBUMS.items() if whose == visitor.key]
    for old in mine[:-MOST_ALBUMS]:
        ALBUMS.pop(old)[1].drop()
    return {"album": album.token}


def _mine(token: str, visitor: Visitor) -> Album:
    """Return an album that this visitor has begun."""
    whose, album = ALBUMS.get(token, ("", None))
    if album is None or whose != visitor.key:
        raise VitrineError("These pictures were begun too long ago.", cure="Send them again.")
    return album


async def _taken(request: Request, album: Album, visitor: Visitor) -> str:
    """Take one picture, or say why it is left out."""
    asked = request.query_params
    bring_bytes(visitor, int(request.headers.get("content-length", "0") or 0), counted=False)
    try:
        content = await body_of(request, MOST_FILE)
    except VitrineError as error:
        return album.leave(f"{printable(asked.get('name', ''))[:100]}: {error}")
    told = {name: asked.get(name, "") for name in ("name", "label", "split")}
    room = functools.partial(bring_bytes, visitor)
    return await run_in_threadpool(lambda: album.add(content, **told, room=room))


async def _unpacked(request: Request, album: Album, visitor: Visitor) -> dict[str, Any]:
    """Take all pictures of an archive, which lies on the disk meanwhile."""
    size, path = 0, album.place.with_suffix(".zip")
    try:
        with path.open("wb") as file:
            async for part in request.stream():
                size += len(part)
                if size > MOST_ARCHIVE:
                    raise VitrineError(f"The archive is larger than {MOST_ARCHIVE >> 20} MiB.", cure="Split it.")
                bring_bytes(visitor, size, counted=False)
                await run_in_threadpool(file.write, part)
        name = printable(request.query_params.get("name", ""))[:100]
        room = functools.partial(bring_bytes, visitor)
        return await run_in_threadpool(_filled, album, path, name or "The archive", room)
    finally:
        path.unlink(missing_ok=True)


def _filled(album: Album, path: Path, name: str, room: Room) -> dict[str, Any]:
    with contextlib.ExitStack() as open_files:
        placed = placed_in(path, name, open_files)
        if len(placed) > MOST_PICTURES:
            words = f"{name} holds {len(placed):,} pictures: at most {MOST_PICTURES:,} are taken."
            raise VitrineError(words, cure="Use fewer.")
        for split, label, title, read in placed:
            try:
                content = read()
            except VitrineError as error:
                album.leave(str(error))
            else:
                album.add(content, title, label, split, room)
    return {"left": album.left, "number": album.number, "classes": album.classes()}
