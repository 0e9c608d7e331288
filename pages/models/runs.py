"""Runs: all trainings there are; find, compare, name and delete them."""

import functools
import time
from datetime import datetime
from typing import Any

import streamlit as st

from engine.errors import VitrineError
from engine.live.house import house
from engine.live.limits import room_made, uses
from engine.runs import orders
from engine.runs.manage import MOST_NAME, MOST_NOTE, annotate, delete, latest, parentage, pin, rename
from engine.runs.store import ENDED, Row, is_part
from engine.runs.tend import sweep
from engine.training.experiment import Experiment
from pages.ui.apart import own, settings_apart, title
from pages.ui.compare import compare
from pages.ui.labs import of_experiment, page_of
from pages.ui.recent import falling
from pages.ui.shown import show
from pages.ui.visitor import visitor
from pages.ui.words import complain, plain

STATUSES = ("running", "paused", "queued", "done", "stopped", "interrupted", "failed")
SHOWN = 200
TALLEST = 460  # pixels of the list
SAID = 100  # entries of a diary
COLUMNS = {
    "pin": st.column_config.TextColumn(help="Pinned runs stand first", width=60),
    "name": st.column_config.TextColumn(width=200),
    "its own": st.column_config.TextColumn(help="What was changed of the preset that it began with", width=210),
    "data": st.column_config.TextColumn(width=90),
    "loss": st.column_config.LineChartColumn("loss", width=110),
    "begun": st.column_config.DatetimeColumn(format="D MMM, HH:mm", width=110),
    "accuracy": st.column_config.NumberColumn(
        "accuracy", format="%.1f %%", help="Of the validation examples", width=80
    ),
    "step": st.column_config.NumberColumn(format="localized", width=70),
    "epoch": st.column_config.NumberColumn(format="%.1f", width=60),
    "seconds": st.column_config.NumberColumn("time", format="%.0f s", width=70),
    "device": st.column_config.TextColumn(width=60),
    "status": st.column_config.TextColumn(width=90),
    "parent": st.column_config.TextColumn("goes on from", width=170),
    "note": st.column_config.TextColumn(width=320),
}


@functools.lru_cache(maxsize=1000)
def curves(run: str, updated: float) -> tuple[list[float], float | None]:
    """Return a run's loss in a few points, and its latest accuracy, as they were when it last changed."""
    metrics = house().store.metrics(run)
    return falling(metrics), latest(house().store, run).get("validation accuracy")


def readable(run: str) -> Experiment | None:
    """Return what a run learns, if this version can read it."""
    try:
        return house().hub.past.experiment(f"run:{run}")
    except VitrineError:
        return None


@functools.lru_cache(maxsize=1000)
def told(run: str) -> tuple[str, str, str]:
    """Return what a run learns from, what is its own beside the preset it began with, and of what kind a series is."""
    if not (experiment := readable(run)):
        return "", "written by a later version", ""
    recipe = experiment.recipe
    series = f"sweep of {recipe.sweep.vary}" if recipe.sweep else ""
    if recipe.folds and recipe.fold is None:
        series = "cross-validation"
    return experiment.data.name if experiment.data else "", own(experiment), series


def listed(row: Row, apart: dict[str, Any]) -> dict[str, Any]:
    """Return what the list tells of a run, with the settings that set it apart from the others."""
    losses, accuracy = curves(row["run"], row["updated"])
    data, changed, series = told(row["run"])
    return {
        "pin": "pinned" if row["pinned"] else "",
        "name": title(row["name"]),
        "its own": changed,
        "data": data,
        "status": row["status"],
        "loss": losses or None,
        "accuracy": None if accuracy is None else 100 * accuracy,
        **{f"recipe: {name}" if name in COLUMNS else name: value for name, value in apart.items()},
        "begun": datetime.fromtimestamp(row["created"]).astimezone(),
        "step": row["step"],
        "epoch": row["epoch"],
        "seconds": row["seconds"],
        "device": row["device"] or "",
        "run": row["run"],
        "parent": parentage(row),
        "begun by": (row["owner"] or "").partition(" ")[2],
        "note": row["note"] or row["error"] or series,
    }


def settings(rows: list[Row]) -> list[dict[str, Any]]:
    """Return for each run the settings in which those of the list differ, so that they can be sorted by them."""
    experiments = {row["run"]: experiment for row in rows if (experiment := readable(row["run"]))}
    places = {run: place for place, run in enumerate(experiments)}
    apart = settings_apart(list(experiments.values())).items()
    return [
        {name: values[places[row["run"]]] if row["run"] in places else None for name, values in apart} for row in rows
    ]


def chosen() -> list[Row]:
    """Draw search, filter and list; return the runs that are ticked."""
    rows = [row for row in house().store.runs() if not is_part(row) or st.session_state.get("runs.parts")]
    rows = [row for row in rows if visitor().owns(row)]
    if not rows:
        st.info("Nothing has been trained yet. Open a network in a lab and press Train.", icon=":material/info:")
        return []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.text_input("Search", placeholder="name, run, note, device …", width=320).strip().lower()
        statuses = st.pills("Status", STATUSES, selection_mode="multi")
        st.toggle("Parts of series", key="runs.parts", help="The single runs of a cross-validation or sweep")
    found = [
        row
        for row in sorted(rows, key=lambda row: not row["pinned"])
        if (not statuses or row["status"] in statuses)
        and all(word in " ".join(map(str, [*row.values(), *told(row["run"])])).lower() for word in wanted.split())
    ]
    if not found:
        st.caption("No run is like that.")
        return []
    event: Any = st.dataframe(
        [listed(row, apart) for row, apart in zip(found[:SHOWN], settings(found[:SHOWN]), strict=True)],
        height=min(TALLEST, 36 * (len(found) + 1)),
        hide_index=True,
        column_config=COLUMNS,
        placeholder="",
        selection_mode="multi-row",
        on_select="rerun",
        key=f"runs.table.{_turn()}",
    )
    if len(found) > SHOWN:
        st.caption(f"The latest {SHOWN} of {len(found):,} runs. Search to see others.")
    return [found[place] for place in event.selection.rows if place < len(found)]


def act(words: str, do: Any, *details: Any) -> None:
    """Do something with the store, and say in words what cannot be done."""
    try:
        visitor().check(house().store.run(details[0]))
        do(house().store, *details)
    except VitrineError as error:
        st.session_state["runs.complaint"] = str(error)
    else:
        st.toast(words)


def one(row: Row) -> None:
    """Draw what can be done with one run, and its diary."""
    run = row["run"]
    with st.container(horizontal=True, vertical_alignment="center"):
        lab = of_experiment(house().hub.past.experiment(f"run:{run}"))
        query = {"run": run}
        st.page_link(
            page_of(lab), label=f"Open in the {lab.title}", icon=":material/arrow_forward:", query_params=query
        )
        if row["status"] not in ENDED:
            st.button("Stop", icon=":material/stop:", on_click=act, args=("Stopped.", orders.tell, run, "stop"))
        pinned = bool(row["pinned"])
        label = "Unpin" if pinned else "Pin"
        st.button(label, icon=":material/push_pin:", key="runs-pin", on_click=_pin, args=(run, not pinned))
        _deleting([row])
    left, right = st.columns([1, 3])
    with left:
        _written("Name", run, row["name"], "Renamed.", rename)
    with right:
        _written("Note", run, row["note"] or "", "Note saved.", annotate)
    if row["error"]:
        st.warning(plain(row["error"]), icon=":material/warning:")
    with st.expander("Diary", expanded=True):
        lines = house().store.diary(run)
        said = [
            {"when": time.strftime("%d %b %H:%M:%S", time.localtime(line["at"])), "step": line["step"]}
            | {"words": plain(line["words"])}
            for line in lines[-SAID:]
        ]
        st.table(said, hide_index=True, width="content")
        if len(lines) > SAID:
            st.caption(f"The latest {SAID} of {len(lines):,} entries.")


def _written(label: str, run: str, value: str, words: str, keep: Any) -> None:
    """Draw a field whose text is kept with a run as soon as it is entered."""
    key = f"runs.{label.lower()}.{run}"
    most = {"Name": MOST_NAME, "Note": MOST_NOTE}[label]  # what is typed beyond it is not taken, and nothing is lost
    told: Any = {"max_chars": most, "on_change": lambda: act(words, keep, run, st.session_state[key])}
    st.text_input(label, value=show(key, value), key=key, **told)


def _pin(run: str, pinned: bool) -> None:
    act("Pinned." if pinned else "Unpinned.", pin, run, pinned)


def _deleting(rows: list[Row]) -> None:
    many = f"these {len(rows)} runs" if len(rows) > 1 else rows[0]["run"]
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"Delete {many} with all checkpoints? This cannot be undone.")
        st.button(
            "Delete for good", type="primary", key="runs-delete", on_click=_delete, args=([r["run"] for r in rows],)
        )


def _delete(runs: list[str]) -> None:
    for run in runs:
        if house().store.some([run]):  # a part goes with its series
            act("Deleted.", delete, run)
    if len(house().store.some(runs)) < len(runs):
        st.session_state["runs.turn"] = _turn() + 1


def _room() -> None:
    """Say what is kept here, and offer to make room where there are failed runs."""
    store, who = house().store, visitor()
    failed = room_made(store, who)
    words = ", ".join(str(use) for use in uses(store, who) if use.unit)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/data_usage: {words[:1].upper()}{words[1:]}.", width="content")
        if failed:
            st.button(
                f"Delete {len(failed)} failed run{'s' if len(failed) > 1 else ''}",
                icon=":material/mop:",
                key="runs-room",
                on_click=_delete,
                args=([row["run"] for row in failed],),
                help="Makes room: failed runs with all their checkpoints, but no pinned ones",
            )


def _turn() -> int:
    """Return how often runs were deleted: each time the list begins anew, with nothing ticked."""
    return st.session_state.get("runs.turn", 0)


st.title("Runs", anchor=False)
sweep(house().store)
if complaint := st.session_state.pop("runs.complaint", ""):
    complain(complaint)
_room()
if visitor().account:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"You are signed in as {plain(visitor().name or 'guest')}.", width="content")
        if st.button("Sign out", type="tertiary"):
            st.logout()
ticked = chosen()
if len(ticked) == 1:
    one(ticked[0])
elif ticked:
    _deleting(ticked)
    compare(ticked)
elif any(visitor().owns(row) for row in house().store.runs()):
    st.caption("Tick a run to open, name or delete it; tick several to compare them.")
