"""Start: what Vitrine is, in pictures that are alive; the latest runs, all networks, and a search over everything."""

import contextlib
from typing import Any
from urllib.parse import parse_qsl

import streamlit as st

from engine.errors import VitrineError
from engine.live.house import house
from engine.presets import PRESETS
from engine.runs.store import Row, is_part
from engine.training.experiment import Experiment
from pages.ui import components
from pages.ui.apart import own, title
from pages.ui.finding import entry, index, place
from pages.ui.labs import LABS, of_experiment, page_of
from pages.ui.recent import falling
from pages.ui.table import Lab, presets_of
from pages.ui.visitor import visitor
from pages.ui.words import complain

RECENT = 4  # runs
KNOWN = 100  # runs that the search knows
RUNS = "runs"


def lab_card(lab: Lab) -> dict[str, Any]:
    """Return what a lab's card says, and the networks that are opened in it; an empty one is offered last."""
    presets = [
        {"title": PRESETS[name].title, "words": PRESETS[name].about, "href": place(lab.key, preset=name)}
        for name in presets_of(lab)
    ]
    return {"key": lab.key, "title": lab.title, "words": lab.about, "picture": lab.picture, "presets": presets} | {
        "href": place(lab.key, preset=lab.shows or lab.preset)
    }


def run_card(row: Row) -> dict[str, Any]:
    """Return what the card of a run says, with its loss in a few points."""
    return {
        "title": title(row["name"]),
        "words": row["error"] or ". ".join(filter(None, [own(experiment_of(row)), standing(row)])),
        "wrong": bool(row["error"]),
        "href": where(row),
        "losses": falling(house().store.metrics(row["run"])),
    }


def recent(rows: list[Row]) -> list[dict[str, Any]]:
    """Return the cards of the latest runs that can be opened here."""
    cards: list[dict[str, Any]] = []
    for row in rows:
        if len(cards) == RECENT:
            break
        with contextlib.suppress(VitrineError):  # one that a later version wrote cannot be
            cards.append(run_card(row))
    return cards


def standing(row: Row) -> str:
    """Return in words how far a run has come."""
    return f"{row['status']}, step {row['step']:,}"


def where(row: Row) -> str:
    """Return the address that opens a run."""
    return place(of_experiment(experiment_of(row)).key, run=row["run"])


def experiment_of(row: Row) -> Experiment:
    """Return what a run learns."""
    return house().hub.past.experiment(f"run:{row['run']}")


def known(rows: list[Row]) -> list[dict[str, Any]]:
    """Return what the search knows of runs."""
    found = []
    for row in rows:
        with contextlib.suppress(VitrineError):  # one that a later version wrote cannot be opened here
            found.append(
                entry(
                    title(row["name"]),
                    "run",
                    standing(row),
                    where(row),
                    f"{row['run']} {row['name']} {row['note'] or ''}",
                )
            )
    return found


def follow(href: object) -> None:
    """Remember which link was followed; the page changes once this one has run."""
    st.session_state["start.open"] = str(href)


def lead() -> None:
    """Go where a link leads, if it is one of the app's own pages."""
    page, _, query = st.session_state.pop("start.open", "").partition("?")
    pages = {lab.key: page_of(lab) for lab in LABS} | {RUNS: "models/runs.py"}
    if page in pages:
        if isinstance(st.session_state.get(page), dict):  # followed a second time, a link is meant as at the first
            st.session_state[page]["asked"] = []
        st.switch_page(pages[page], query_params=dict(parse_qsl(query)))
    elif page:
        complain(f"There is no page {page!r}.")


lead()
rows = [row for row in house().store.runs() if not is_part(row) and visitor().owns(row)]
components.start(
    {
        "title": "A display case for neural networks",
        "words": "Watch a network learn, look inside at any moment, change it, and see what comes of it.",
        "begin": {"label": "Watch one learn", "href": place("playground", preset="mlp-2-8-8-1")},
        "labs": [lab_card(lab) for lab in LABS],
        "recent": recent(rows),
        "index": [*index(), *known(rows[:KNOWN])] if st.session_state.get("start.asked") else None,
    },
    "start",
    follow,
    lambda _: st.session_state.update({"start.asked": True}),
)
