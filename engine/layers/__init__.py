"""Every kind of layer: a file a family, a class a kind."""

from engine.layers.base import LAYERS, Layer, Refusal, Shape, check, outcome
from engine.layers.formula import Formula
from engine.layers.initialisation import Init
from engine.registry import import_all

import_all(__name__)

__all__ = ["LAYERS", "Formula", "Init", "Layer", "Refusal", "Shape", "check", "outcome"]
