"""CNN lab: build a convolutional network, see it and count it."""

from pages.ui.lab import lab
from pages.ui.labs import CNN

lab(CNN)
