"""Evaluating: networks answer, and learn nothing from it."""

import torch
from torch import nn


class evaluating:
    """While entered, networks neither train nor keep gradients; afterwards all is as before."""

    def __init__(self, networks: dict[str, nn.Module]):
        self.training = [m for network in networks.values() for m in network.modules() if m.training]
        self.gradless = torch.no_grad()

    def __enter__(self):
        self._turn(False)
        self.gradless.__enter__()

    def __exit__(self, *problem):
        self.gradless.__exit__(*problem)
        self._turn(True)

    def _turn(self, on: bool) -> None:
        for module in self.training:
            vars(module)["training"] = on  # what train() and eval() set, without their way through every module
