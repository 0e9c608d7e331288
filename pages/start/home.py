"""Start: what Vitrine is, and the networks to begin with."""

import streamlit as st

from engine.live.house import house
from engine.presets import Preset, by_size
from engine.runs.store import is_part
from pages.ui.labs import of_experiment, of_preset, page_of
from pages.ui.visitor import visitor
from pages.ui.words import note, plain

WIDTH = 3
RECENT = 4  # runs


def card(preset: Preset) -> None:
    """Draw one preset, with the way to it."""
    with st.container(border=True, height="stretch", gap="small"):
        st.markdown(f"**{preset.title}**  \n{preset.about}")
        st.space("stretch")
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.caption(f"{preset.weights:,} weights", width="content")
            query = {"preset": preset.name}
            page = page_of(of_preset(preset))
            st.page_link(page, label="Open", icon=":material/arrow_forward:", query_params=query)


def recent() -> None:
    """Draw the latest runs, with the way to each."""
    rows = [row for row in house().store.runs() if not is_part(row) and visitor().owns(row)][:RECENT]
    if not rows:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Latest runs", anchor=False, width="content")
        st.page_link("models/runs.py", label="All runs", icon=":material/stacked_line_chart:")
    for row, place in zip(rows, st.columns(RECENT), strict=False):
        with place, st.container(border=True, height="stretch", gap="small"):
            st.markdown(f"**{plain(row['name'])}**  \n{row['status']}, step {row['step']:,}")
            if row["error"]:
                note(row["error"])
            st.space("stretch")
            page = page_of(of_experiment(house().hub.past.experiment(f"run:{row['run']}")))
            st.page_link(page, label="Open", icon=":material/arrow_forward:", query_params={"run": row["run"]})


st.title("A display case for neural networks", anchor=False)
st.markdown(
    "Build a network layer by layer, watch it learn, look inside at any moment, live or back in time, "
    "and take the PyTorch code home."
)
recent()
st.subheader("From one neuron to 138 million weights", anchor=False)
presets = by_size()
for start in range(0, len(presets), WIDTH):
    for place, (_, preset) in zip(st.columns(WIDTH), presets[start : start + WIDTH], strict=False):
        with place:
            card(preset)
