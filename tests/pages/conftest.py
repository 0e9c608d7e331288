"""What tests of pages share."""

import functools

import pytest
import streamlit as st


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Wait for data however long they take to be read: an app under test is not run again by itself."""
    monkeypatch.setattr("pages.ui.refusal.PATIENCE", 60.0)
    monkeypatch.setattr("engine.live.reading.AT_ONCE", 60.0)


@pytest.fixture
def unfolded(monkeypatch):
    """Let seldom used options be in sight from the start; an app under test cannot keep an expander open."""
    monkeypatch.setattr(st, "expander", functools.partial(st.expander, expanded=True))
