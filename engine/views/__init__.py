"""Views: ways of looking at a network while it learns, paused, or back in time; a file a view."""

from engine.registry import import_all
from engine.views.frame import Frame
from engine.views.session import Record, Session
from engine.views.view import VIEWS, View

import_all(__name__)

__all__ = ["VIEWS", "Frame", "Record", "Session", "View"]
