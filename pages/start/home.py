"""Start: what Vitrine is, and the networks to begin with."""

import streamlit as st

from engine.graph.cost import cost
from engine.presets import PRESETS

st.title("A display case for neural networks", anchor=False)
st.markdown(
    "Build a network layer by layer, see its shapes and count its weights as you go, and take the PyTorch code home."
)
st.page_link("labs/cnn.py", label="Open the CNN lab", icon=":material/grid_view:")

st.subheader("Begin with a network", anchor=False)
columns = st.columns(3)
for place, (name, preset) in enumerate(PRESETS.items()):
    with columns[place % 3], st.container(border=True, height="stretch"):
        total = cost(preset.make()).total
        st.markdown(f"**{preset.title}**")
        st.markdown(preset.about)
        st.caption(f"{total.weights:,} weights · {total.multiply_adds:,} multiply-adds")
        st.page_link("labs/cnn.py", label="Open", icon=":material/arrow_forward:", query_params={"preset": name})
