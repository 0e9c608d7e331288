"""Autoencoder lab: networks that fold examples into short codes, and what lies between the codes."""

from pages.ui.lab import lab
from pages.ui.labs import AUTOENCODER

lab(AUTOENCODER)
