"""Own distribution: a plane to draw it in, and pictures whose ink it is taken from."""

import dataclasses
from typing import Any

import streamlit as st

from engine.data.inked import OwnDensity, packed
from engine.data.pictures import MOST_FILE, brought
from engine.errors import VitrineError
from engine.live.limits import bring_one
from pages.ui import components
from pages.ui.visitor import visitor
from pages.ui.workbench import Workbench

REACH = 3  # how far the plane goes each way


def own_density(bench: Workbench, source: OwnDensity) -> None:
    """Draw the plane with what was drawn, and the way to bring a picture."""
    key = f"{bench.key}.density"

    def put(**options: Any) -> None:
        bench.put(dataclasses.replace(bench.experiment, data=source.but(**options)))

    def drawn(rows: list[list[float]]) -> None:
        try:
            put(rows=[row[:2] for row in rows], ink="")
        except VitrineError as error:
            bench.complain(str(error))

    def take() -> None:
        uploaded = st.session_state[f"{key}.picture"]
        if uploaded is None:
            return
        try:
            bring_one(visitor())
            put(ink=packed(brought(uploaded.getvalue(), uploaded.name)), rows=[])
        except VitrineError as error:
            bench.complain(str(error))

    if source.ink:
        st.caption("The ink of a picture: points lie where it is dark.")
        st.button("Draw by hand instead", icon=":material/draw:", key=f"{key}.hand", on_click=put, kwargs={"ink": ""})
    else:
        data = {"rows": [[x, y, 0] for x, y in source.rows], "classes": ["points"], "reach": REACH}
        components.pad(data, f"{key}.pad", drawn)
    popover = st.popover("Take a picture's ink", icon=":material/ink_pen:", on_change="rerun", width="stretch")
    if popover.open:
        with popover:
            kinds = ["png", "jpg", "jpeg", "webp", "gif", "bmp"]
            st.file_uploader(
                "A picture", type=kinds, key=f"{key}.picture", on_change=take, max_upload_size=MOST_FILE >> 20
            )
