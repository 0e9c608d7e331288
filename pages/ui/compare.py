"""Compare: several runs over one another and side by side, with one slider for all."""

import streamlit as st

from engine.live.house import house
from engine.runs.manage import differences, outcomes
from engine.runs.store import Row, titled
from engine.training.experiment import load
from engine.views import VIEWS
from engine.views.reading import read
from pages.ui import components
from pages.ui.words import plain

MOST = 6  # runs side by side
BOARD = "compare"


def compare(rows: list[Row]) -> None:
    """Draw the runs' curves, what sets them apart, and one view of each at the same moment."""
    if len(rows) > MOST:
        st.caption(f"The first {MOST} of {len(rows)} runs are compared.")
    rows = rows[:MOST]
    runs = [row["run"] for row in rows]
    titles = [titled(row) for row in rows]
    experiments = [load(house().store.run(run)["experiment"]) for run in runs]
    sources = [f"run:{run}" for run in runs]
    components.transport({"sources": sources, "board": BOARD, "plain": True}, "compare.transport")
    view = read({"kind": "curves", "also": runs[1:]})
    with st.container(border=True):
        st.markdown("**Curves**")
        data = {"source": sources[0], "view": view.write(), "board": BOARD, "hint": view.hint, "height": 340}
        components.figure(data | {"timeless": True}, "compare.curves", lambda _: None)
    with st.container(border=True):
        st.markdown("**What sets them apart**")
        rows_apart = [*outcomes(house().store, rows), *differences(experiments)]
        if rows_apart:
            table = [{"": what} | dict(zip(titles, values, strict=True)) for what, values in rows_apart]
            st.dataframe(table, hide_index=True)
        else:
            st.caption("Nothing: they learn the same in the same way, and came out the same.")
    _side_by_side(runs, titles, experiments)


def _side_by_side(runs: list[str], titles: list[str], experiments: list) -> None:
    fitting = [
        kind
        for kind, view in VIEWS.items()
        if kind not in ("curves", "colours") and not any(view().refusal(experiment) for experiment in experiments)
    ]
    kind = st.segmented_control(
        "Side by side", fitting, default=fitting[0], format_func=lambda kind: VIEWS[kind].title, required=True
    )
    view = VIEWS[kind or fitting[0]]()
    for place, column in enumerate(st.columns(min(3, len(runs)) if len(runs) != 4 else 2) * 3):
        if place < len(runs):
            with column, st.container(border=True):
                st.markdown(f"**{plain(titles[place])}**")
                data = {"source": f"run:{runs[place]}", "view": view.write(), "board": BOARD, "hint": "", "height": 280}
                components.figure(data, f"compare.{place}", lambda _: None)
