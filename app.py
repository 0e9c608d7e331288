"""Vitrine for browsers: `streamlit run app.py` serves the pages."""

import asyncio
import functools
import gc
import gzip
import importlib
import os
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from streamlit import config

from engine.figures.script import script
from engine.live.accounts import membership
from engine.live.ahead import Ahead
from engine.live.gate import Gate, invitations
from engine.live.visitor import HEADER, ON, signing_in
from engine.loading import load
from pages.ui.accounts import StreamlitAccounts, accounts

ASSETS = Path(__file__).parent / "assets"
PAGE = Path(st.__file__).parent / "static" / "index.html"
# Modules that components share.
MODULES = ("live", "colours", "steer", "brush", "cloud", "film", "inside", "keys", "panels", "small")
LOCAL = ("localhost", "127.0.0.1", "::1")


def open_to_others() -> StreamlitAccounts | None:
    """Where others can reach the app, let them sign in, and keep what went wrong inside it from them."""
    address = config.get_option("server.address") or "0.0.0.0"
    found = accounts()
    os.environ.setdefault(ON, "0" if address in LOCAL and not found else "1")
    if not signing_in():
        return None
    if found:  # the name that the provider sends people back to is one of ours
        os.environ["VITRINE_HOSTS"] = f"{os.environ.get('VITRINE_HOSTS', '')},{found.host}"
    config.set_option("client.showErrorDetails", "none")
    config.set_option("server.trustedUserHeaders", {HEADER: "visitor"})  # a session is its visitor's alone
    where = f"http://{address if address != '0.0.0.0' else 'ADDRESS'}:{config.get_option('server.port')}"
    print(f"Others can reach this app; they come in by one of these links:\n{invitations(where)}", flush=True)
    if found:
        print(f"  With an account of {', '.join(found.providers())}: {found.origin}\n{membership()}", flush=True)
    return found


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncGenerator[dict[str, Any]]:
    """Import torch behind the first visitor's back, so that the first page need not wait for it."""
    warming = threading.Thread(target=_warm, daemon=True)
    warming.start()
    yield {}
    await asyncio.to_thread(warming.join)
    from engine.live.house import made

    if made.cache_info().currsize:
        await asyncio.to_thread(made().close)


def _warm() -> None:
    load()
    from engine.errors import VitrineError
    from engine.graph.cost import cost
    from engine.live.house import house, serves
    from engine.presets import PRESETS

    serves.set()
    try:
        house()
    except VitrineError as error:  # a full disk, say: whoever comes first when there is room again begins it
        print(error, flush=True)
    cost(PRESETS["lenet-5"].make())
    # Torch and its like stay for good: left out of the search for garbage, it takes some 30 milliseconds
    # instead of 300, for which no message would reach a browser.
    gc.collect()
    gc.freeze()


def _loaded(module: str) -> Any:
    """Return a module, as soon as what it needs is imported."""
    load()
    return importlib.import_module(module)


async def live(socket: WebSocket) -> None:
    """Serve the live channel."""
    house = await asyncio.to_thread(lambda: _loaded("engine.live.house").house())
    await house.live(socket)


async def bring(request: Request) -> Response:
    """Keep a picture that a browser sends."""
    return await (await asyncio.to_thread(_loaded, "engine.live.bringing")).bring(request)


async def albums(request: Request) -> Response:
    """Take the pictures that a browser sends class by class."""
    return await (await asyncio.to_thread(_loaded, "engine.live.albums")).albums(request)


async def plotly(request: Request) -> Response:
    """Serve Plotly's script, packed once for all."""
    known = {"cache-control": "max-age=86400", "vary": "accept-encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return FileResponse(script(), headers=known)
    packed = await asyncio.to_thread(_packed)
    return Response(packed, media_type="text/javascript", headers=known | {"content-encoding": "gzip"})


@functools.cache
def _packed() -> bytes:
    return gzip.compress(script().read_bytes(), 6)


async def shared(request: Request) -> FileResponse:
    """Serve what all components of a page share: the browser's end of the live channel, and the colours."""
    return FileResponse(ASSETS / Path(request.url.path).name, headers={"cache-control": "no-cache"})


known = open_to_others()
app = st.App(
    "pages/index.py",
    lifespan=lifespan,
    middleware=[
        Middleware(Gate, page=PAGE, accounts=known),
        Middleware(Ahead, scripts=["/live/plotly.js"], modules=[f"/live/{name}.js" for name in MODULES]),
    ],
    routes=[
        WebSocketRoute("/live", live),
        Route("/live/plotly.js", plotly),
        Route("/live/picture", bring, methods=["POST"]),
        Route("/live/album", albums, methods=["POST"]),
        *(Route(f"/live/{name}", shared) for name in (*(f"{name}.js" for name in MODULES), "case.json")),
    ],
)
