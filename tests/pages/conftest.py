"""What tests of pages share."""

import functools

import pytest
import streamlit as st


@pytest.fixture
def unfolded(monkeypatch):
    """Let seldom used options be in sight from the start; an app under test cannot keep an expander open."""
    monkeypatch.setattr(st, "expander", functools.partial(st.expander, expanded=True))
