"""RNN lab: networks that read sequences, and what they remember."""

from pages.ui.lab import lab
from pages.ui.labs import RNN

lab(RNN)
