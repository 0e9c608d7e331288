"""Seeing: whatever a view is asked to look at, it is a figure or a reason in words, and never a fault."""

from engine.live.scene import drawn
from engine.looking.view import frame_of


def figure_or_reason(view, session):
    """Look at a session by a view; assert that something is drawn, or said why not."""
    if words := view.refusal(session.experiment):
        assert words.endswith(".")
        return
    frame = frame_of(view, session)
    assert "fault" not in str(frame.words.get("problem", "")), frame.words
    assert b"fault" not in drawn(view, frame, session.step)
