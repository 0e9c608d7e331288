"""Looking: what views are made of: a session to look at, frames of what was seen, and what all views share."""

from engine.looking.forms import FORMS
from engine.looking.frame import Frame
from engine.looking.session import Record, Session
from engine.looking.view import View

__all__ = ["FORMS", "Frame", "Record", "Session", "View"]
