"""Our own browser components, registered once."""

from typing import Any

import streamlit as st

from pages.ui.look import asset

_diagram = st.components.v2.component("vitrine_diagram", js=asset("diagram.js"), css=asset("diagram.css"))


def diagram(data: dict[str, Any], key: str, on_select: Any, on_fold: Any) -> None:
    """Draw a graph's diagram; a click selects a node, a double click folds or unfolds a block."""

    def selected() -> None:
        on_select(st.session_state[key].select)

    def folded() -> None:
        on_fold(st.session_state[key].fold)

    _diagram(data=data, key=key, on_select_change=selected, on_fold_change=folded)
