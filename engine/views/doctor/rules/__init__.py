"""Rules: a file for each thing that may go wrong."""

from engine.registry import import_all
from engine.views.doctor.rule import RULES

import_all(__name__)

__all__ = ["RULES"]
