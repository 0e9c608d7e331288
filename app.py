"""Vitrine for browsers: `streamlit run app.py` serves the pages."""

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from engine.figures.script import script

ASSETS = Path(__file__).parent / "assets"


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncGenerator[dict[str, Any]]:
    """Import torch behind the first visitor's back, so that the first page need not wait for it."""
    warming = threading.Thread(target=_warm, daemon=True)
    warming.start()
    yield {}
    await asyncio.to_thread(warming.join)
    from engine.live.house import house

    await asyncio.to_thread(house().close)


def _warm() -> None:
    from engine.graph.cost import cost
    from engine.live.house import house
    from engine.presets import PRESETS

    house().start()
    cost(PRESETS["lenet-5"].make())
    # Torch and its like stay for good: left out of the search for garbage, it takes some 30 milliseconds
    # instead of 300, for which no message would reach a browser.
    gc.collect()
    gc.freeze()


async def live(socket: WebSocket) -> None:
    """Serve the live channel, as soon as what it needs is imported."""

    def served() -> Any:
        from engine.live.house import house

        return house().live

    await (await asyncio.to_thread(served))(socket)


async def bring(request: Request) -> Response:
    """Keep a picture that a browser sends."""

    def served() -> Any:
        from engine.live.bringing import bring

        return bring

    return await (await asyncio.to_thread(served))(request)


async def plotly(_: Any) -> FileResponse:
    """Serve Plotly's script."""
    return FileResponse(script(), headers={"cache-control": "max-age=86400"})


async def shared(request: Request) -> FileResponse:
    """Serve what all components of a page share: the browser's end of the live channel, and the colours."""
    return FileResponse(ASSETS / Path(request.url.path).name, headers={"cache-control": "no-cache"})


app = st.App(
    "pages/index.py",
    lifespan=lifespan,
    routes=[
        WebSocketRoute("/live", live),
        Route("/live/plotly.js", plotly),
        Route("/live/picture", bring, methods=["POST"]),
        *(Route(f"/live/{name}", shared) for name in ("live.js", "colours.js")),
    ],
)
