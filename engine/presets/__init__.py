"""Presets: named experiments that ship with Vitrine."""

from engine.presets.preset import PRESETS, Preset, by_size
from engine.registry import import_all

import_all(__name__)

__all__ = ["PRESETS", "Preset", "by_size"]
