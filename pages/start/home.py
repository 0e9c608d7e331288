"""Start: what Vitrine is, and the networks to begin with."""

import streamlit as st

from engine.graph.cost import cost
from engine.presets import Preset, by_size

WIDTH = 3


def card(preset: Preset) -> None:
    """Draw one preset, with the way to it."""
    total = cost(preset.make()).total
    with st.container(border=True, height="stretch", gap="small"):
        st.markdown(f"**{preset.title}**  \n{preset.about}")
        st.space("stretch")
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.caption(f"{total.weights:,} weights", width="content")
            query = {"preset": preset.name}
            st.page_link("labs/cnn.py", label="Open", icon=":material/arrow_forward:", query_params=query)


st.title("A display case for neural networks", anchor=False)
st.markdown(
    "Build a network layer by layer, see its shapes and count its weights as you go, and take the PyTorch code home."
)
st.subheader("From one neuron to 138 million weights", anchor=False)
presets = by_size()
for start in range(0, len(presets), WIDTH):
    for place, (_, preset) in zip(st.columns(WIDTH), presets[start : start + WIDTH], strict=False):
        with place:
            card(preset)
