"""Who looks at this page, and what they may do."""

import streamlit as st

from engine.live.visitor import Visitor, visitor_of


def visitor() -> Visitor:
    """Return who looks at this page."""
    return visitor_of(st.context.headers)
