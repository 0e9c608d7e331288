"""Evaluating: networks answer, and learn nothing from it."""

from collections.abc import Mapping

import torch
from torch import nn

from engine.training.average import average_of


class resting:
    """While entered, no module is as it is while it learns, and averages of weights answer in the place of those that
    have any; afterwards all is as before.
    """

    def __init__(self, networks: Mapping[str, nn.Module]):
        every = [(average_of(network), network) for network in networks.values()]
        self.averages = [
            (average, network) for average, network in every if average and not (average.answers or average.idle)
        ]
        self.training = [m for network in networks.values() for m in network.modules() if m.training]

    def __enter__(self):
        self._turn(False)

    def __exit__(self, *problem):
        self._turn(True)

    def _turn(self, on: bool) -> None:
        for module in self.training:
            vars(module)["training"] = on  # what train() and eval() set, without their way through every module
        for average, network in self.averages:
            average.swap(network)


class evaluating(resting):
    """While entered, networks rest and keep no gradients either."""

    def __init__(self, networks: Mapping[str, nn.Module]):
        super().__init__(networks)
        self.gradless = torch.no_grad()

    def __enter__(self):
        super().__enter__()
        self.gradless.__enter__()

    def __exit__(self, *problem):
        self.gradless.__exit__(*problem)
        super().__exit__(*problem)
