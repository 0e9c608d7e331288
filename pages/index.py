"""The frame around every page: name, navigation, look."""

import streamlit as st

from engine.errors import VitrineError
from engine.loading import load
from pages.ui import look
from pages.ui.words import complain

st.set_page_config(page_title="Vitrine", page_icon=look.ASSETS / "vitrine-icon.svg", layout="wide")
look.dress()

page = st.navigation(
    {
        "": [
            st.Page("start/home.py", title="Start", icon=":material/home:", default=True),
            st.Page("models/runs.py", title="Runs", icon=":material/stacked_line_chart:"),
        ],
        "Labs": [
            st.Page("labs/playground.py", title="Playground", icon=":material/scatter_plot:"),
            st.Page("labs/cnn.py", title="CNN lab", icon=":material/grid_view:"),
            st.Page("labs/rnn.py", title="RNN lab", icon=":material/linear_scale:"),
            st.Page("labs/autoencoder.py", title="Autoencoder lab", icon=":material/compress:"),
            st.Page("labs/gan.py", title="GAN lab", icon=":material/swords:"),
        ],
    },
    position="top",
)
load()
try:
    page.run()
except VitrineError as error:  # a store that cannot be reached, say: no page can do without it
    complain(str(error))
