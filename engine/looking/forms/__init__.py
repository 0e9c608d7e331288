"""Forms: a file for each form that examples have."""

from engine.looking.form import FORMS
from engine.registry import import_all

import_all(__name__)

__all__ = ["FORMS"]
