"""Looking: what views are made of: a session to look at, frames of what was seen, and what all views share."""

from engine.looking.frame import Frame
from engine.looking.session import Record, Session
from engine.looking.view import View

__all__ = ["Frame", "Record", "Session", "View"]
