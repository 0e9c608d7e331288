"""The look of all pages: our style sheet and name."""

import functools
from pathlib import Path

import streamlit as st

ASSETS = Path(__file__).resolve().parents[2] / "assets"


@functools.cache
def asset(name: str) -> str:
    """Return the text of a file among the assets."""
    return (ASSETS / name).read_text(encoding="utf-8")


def dress() -> None:
    """Add the style sheet and the name to the page."""
    st.logo(ASSETS / "vitrine.svg", size="large")
    st.html(f"<style>{asset('pages.css')}</style>")
