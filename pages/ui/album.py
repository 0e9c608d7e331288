"""Own pictures: the dialog in which they are dropped, chosen or taken by camera, class by class."""

import dataclasses

import streamlit as st

from engine.data.images import Images
from engine.errors import VitrineError
from pages.ui import components
from pages.ui.task import at_hand
from pages.ui.workbench import Workbench


def own_images(bench: Workbench, source: Images) -> None:
    """Draw the way to bring pictures."""
    label = "Other pictures" if source.path else "Bring pictures, or use the camera"
    kind = "tertiary" if source.path else "primary"
    if st.button(label, icon=":material/add_photo_alternate:", key=f"{bench.key}-album", type=kind, width="stretch"):
        _bring(bench, source)


@st.dialog("Your pictures", width="large", icon=":material/add_photo_alternate:")
def _bring(bench: Workbench, source: Images) -> None:
    key = f"{bench.key}.album"

    def brought(path: str | None) -> None:
        if not path:
            return
        try:
            bench.put(at_hand(dataclasses.replace(bench.experiment, data=source.but(path=path))))
        except VitrineError as error:
            bench.complain(str(error))
        st.session_state[f"{key}.done"] = True

    components.album(f"{key}.pictures", brought)
    if st.session_state.pop(f"{key}.done", False):
        st.rerun()
