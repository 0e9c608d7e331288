"""GAN lab: a network that makes examples out of noise, against one that tells them from real ones."""

from pages.ui.lab import lab
from pages.ui.labs import GAN

lab(GAN)
