"""Bringing: pictures that browsers send, kept so that any view of any run can look at them."""

import numpy as np
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.data.drawing import inked
from engine.data.pictures import MOST_FILE, Picture, brought, keep
from engine.errors import VitrineError
from engine.live.gate import trusted
from engine.live.limits import bring_one
from engine.live.visitor import visitor_of

MOST_SIDE = 512  # of a drawing


async def bring(request: Request) -> Response:
    """Keep the picture or drawing that is the body, and answer what it is called as a sample."""
    if not trusted(request.headers.get("host", ""), request.headers.get("origin")):
        return JSONResponse({"problem": "This page is not of this server."}, 403)
    try:
        bring_one(visitor_of(request.headers))
        body = await body_of(request, MOST_FILE)
        how = request.query_params.get("as", "picture")
        name = request.query_params.get("name", "")[:100] or "The picture"
        return JSONResponse(await run_in_threadpool(_kept, body, how, name))
    except VitrineError as error:
        return JSONResponse({"problem": str(error)}, 400)


async def body_of(request: Request, most: int) -> bytes:
    """Return what a browser sends, if that is not too much."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise VitrineError(f"The picture is larger than {most >> 20} MiB.", cure="Make it smaller.")
        parts.append(part)
    return b"".join(parts)


def _kept(body: bytes, how: str, name: str) -> dict[str, str]:
    if how == "drawing":
        side = round(len(body) ** 0.5)
        if not 8 <= side <= MOST_SIDE or side * side != len(body):
            raise VitrineError(f"A drawing is a square of 8 to {MOST_SIDE} dots a side, a byte a dot.")
        drawn = np.frombuffer(body, np.uint8).reshape(side, side)
        return {"sample": f"drawing {keep(Picture(Image.fromarray(drawn)))}"}
    if how not in ("picture", "paper"):
        raise VitrineError(f"What is brought is a picture, a drawing, or one on paper; received {how[:30]!r}.")
    picture = brought(body, name)
    if how == "paper":
        return {"sample": f"drawing {keep(Picture(Image.fromarray(inked(picture.image))))}"}
    return {"sample": f"picture {keep(picture)}", "done": ", ".join(picture.done)}
