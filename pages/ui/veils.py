"""Veils: what a teacher's link hides, or shows without letting it be changed."""

import streamlit as st

from engine.data import Source
from engine.training.recipe import Recipe

HOW = ("hide", "lock")
PARTS = {  # by the name in a link: what is hidden
    "presets": "The list of presets",
    "build": "The list of layers, Initial weights",
    "data": "Data, all of it",
    "recipe": "The recipe, all of it",
    "task": "The task",
    "board": "Adding, changing and removing views",
    "files": "Code and files",
}
MOST = 40  # names that a link may hold
KEPT = "veils"  # in the session: by lab, what each veil lies on


def begin(lab: str, asked: dict[str, str]) -> None:
    """Take up the veils that a link asks for; without any, those stay that are there."""
    if any(asked.values()):
        names = {how: [name for name in asked[how].split(",") if name][:MOST] for how in HOW}
        st.session_state[KEPT] = st.session_state.get(KEPT, {}) | {lab: names}


def names(lab: str, how: str) -> list[str]:
    """Return what is hidden, or locked."""
    return st.session_state.get(KEPT, {}).get(lab, {}).get(how, [])


def hidden(lab: str, name: str) -> bool:
    """Return whether a part of the page or an option is not to be seen."""
    return name in names(lab, "hide")


def locked(lab: str, name: str) -> bool:
    """Return whether a part of the page or an option is seen but cannot be changed."""
    return name in names(lab, "lock") or name.partition(".")[0] in names(lab, "lock")


def offered(source: Source | None) -> dict[str, str]:
    """Return everything that can be hidden or locked, by its name, in words."""
    options = {f"data.{o.name}": f"Data: {o.label}" for o in (type(source).options() if source else ())}
    recipe = {f"recipe.{o.name}": f"Recipe: {o.label}" for o in Recipe.options()}
    return PARTS | options | recipe
