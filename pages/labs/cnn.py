"""CNN lab: build a convolutional network, see it and count it."""

from pages.ui.lab import lab

lab("cnn", "CNN lab", family="cnn", preset="lenet-5")
