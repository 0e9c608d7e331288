"""Views: ways of looking at a network while it learns, paused, or back in time; a wing for what one looks at."""

from engine.looking.view import VIEWS
from engine.registry import import_all

import_all(__name__)

__all__ = ["VIEWS"]
