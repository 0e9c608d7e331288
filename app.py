"""Vitrine for browsers: `streamlit run app.py` serves the pages."""

import gc
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncGenerator[dict[str, Any]]:
    """Import torch behind the first visitor's back, so that the first page need not wait for it."""
    threading.Thread(target=_warm, daemon=True).start()
    yield {}


def _warm() -> None:
    from engine.graph.cost import cost
    from engine.presets import PRESETS

    cost(PRESETS["lenet-5"].make())
    # Streamlit collects garbage after every run of a page. Torch and its like stay for good: left out of
    # that search, it takes a millisecond instead of some 150, for which no message reached the browser.
    gc.collect()
    gc.freeze()


app = st.App("pages/index.py", lifespan=lifespan)
