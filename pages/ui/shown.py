"""Widgets that show what is on the table, rather than what they were left at."""

from collections.abc import Sequence
from typing import Any

import streamlit as st


def show(key: str, value: Any) -> Any:
    """Make the widget show the value, whatever it showed before; return it, for the widget is to begin with it too.

    What is only set is lost where the page is drawn anew before its last drawing went out: a new widget then shows
    what it would begin with.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return value


def select(label: str, words: Sequence[Any], value: Any, key: str, place: Any = st, **more: Any) -> None:
    """Draw a list of words to pick from, which shows the value."""
    words, shown = list(words), show(key, value)
    place.selectbox(label, words, index=words.index(shown) if shown in words else None, key=key, **more)


def toggle(label: str, on: bool, key: str, **more: Any) -> None:
    """Draw a switch, which shows whether it is on."""
    st.toggle(label, value=show(key, on), key=key, **more)
