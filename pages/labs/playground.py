"""Playground: perceptrons and multilayer perceptrons on points in the plane."""

from pages.ui.lab import lab
from pages.ui.labs import PLAYGROUND

lab(PLAYGROUND)
