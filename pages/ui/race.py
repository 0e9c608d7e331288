"""Race: a second run beside the first, which differs in one thing and is called by it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import streamlit as st

from engine.choice import in_words
from engine.live.house import house
from engine.live.limits import setting
from engine.training.duel import CELLS, has_cells
from engine.training.experiment import Experiment
from pages.ui.forms import draw
from pages.ui.table import MOST_RIVALS
from pages.ui.visitor import visitor
from pages.ui.workbench import Workbench

DIFFERS = ("rate", "optimiser", "batch", "momentum", "schedule", "decay", "l1", "clip", "seed")
TABLE = "what you see here"


def race(bench: Workbench, label: str, begin: Callable[[Experiment], None]) -> None:
    """Draw the button under which one says in what the next run is to differ from the first."""
    key = f"{bench.key}.rival"
    help = f"A new run beside this one, which stays as it is: up to {1 + MOST_RIVALS} on one board"
    if not bench.run:
        return
    first = house().hub.past.experiment(f"run:{bench.runs[-1]}")  # the others were put before it
    with st.popover(label, icon=":material/flag:", key=f"{bench.key}-race", help=help):
        if st.session_state.get(f"{key}.parted") != bool(bench.parted):  # what lies on the table is meant, once it does
            st.session_state.update(
                {f"{key}.parted": bool(bench.parted), f"{key}.what": TABLE if bench.parted else "rate"}
            )
        word = st.selectbox("What differs?", (*DIFFERS, TABLE), key=f"{key}.what")
        rival = _table(bench) if word == TABLE else _other(first, word, key)
        if rival is None:
            st.caption("Choose another value than the first run has.")
        st.button("Begin", type="primary", key=f"{key}.begin", disabled=rival is None, on_click=begin, args=(rival,))


def duel(bench: Workbench, begin: Callable[[list[str]], None]) -> None:
    """Draw the button under which one lets the same network learn with several kinds of cells at once."""
    key = f"{bench.key}.duel"
    if bench.unfit or not has_cells(bench.ready):
        return
    help = "The same network with other cells, all learning at once, side by side on one board"
    with st.popover(
        "Duel", icon=":material/swords:", key=f"{bench.key}-duel-{bench.run}", help=help
    ):  # a run closes it
        st.caption("The same network, data and recipe; only the cells differ.")
        names = {kind: cell.title.removeprefix("Vanilla ") for kind, cell in CELLS.items()}
        kinds = list(CELLS)
        first = kinds if visitor().rules else kinds[: int(setting("GUEST_RUNS", 2))]
        chosen = st.pills(
            "Cells", kinds, selection_mode="multi", default=first, key=f"{key}.cells", format_func=names.__getitem__
        )
        rivals = [kind for kind in CELLS if kind in chosen]
        label = f"Let {len(rivals)} learn" if len(rivals) > 1 else "Choose two or three"
        st.button(label, type="primary", key=f"{key}.begin", disabled=len(rivals) < 2, on_click=begin, args=(rivals,))


def _table(bench: Workbench) -> Experiment:
    other = f"other {bench.parted}: " if bench.parted else ""
    return dataclasses.replace(bench.ready, name=f"{other}{bench.ready.name}"[:80])


def _other(first: Experiment, name: str, key: str) -> Experiment | None:
    """Draw the option with its value for the rival, and return what that learns; nothing while it is the same."""
    option = next(one for one in type(first.recipe).options() if one.name == name)
    chosen: dict[str, Any] = st.session_state.setdefault(f"{key}.value", {})
    now = chosen.get(name, getattr(first.recipe, name))

    def change(_: str, value: Any) -> None:
        value = value(now) if callable(value) else value
        chosen[name] = getattr(first.recipe.but(**{name: value}), name)

    draw(option, now, f"{key}.{name}", change)
    if now == getattr(first.recipe, name):
        return None
    recipe = first.recipe.but(**{name: now})
    return dataclasses.replace(first, recipe=recipe, name=f"{option.label} {in_words(now)}: {first.name}"[:80])
