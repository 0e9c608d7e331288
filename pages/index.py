"""The frame around every page: name, navigation, look."""

import streamlit as st

from pages.ui import look

st.set_page_config(page_title="Vitrine", page_icon=look.ASSETS / "vitrine-icon.svg", layout="wide")
look.dress()

page = st.navigation(
    {
        "": [st.Page("start/home.py", title="Start", icon=":material/home:", default=True)],
        "Labs": [st.Page("labs/cnn.py", title="CNN lab", icon=":material/grid_view:")],
    },
    position="top",
)
page.run()
