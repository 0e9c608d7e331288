"""Evaluating: networks answer, and learn nothing from it."""

import torch
from torch import nn


class evaluating:
    """While entered, networks neither train nor keep gradients; afterwards all is as before."""

    def __init__(self, networks: dict[str, nn.Module]):
        self.modes = [(module, module.training) for network in networks.values() for module in network.modules()]
        self.networks = networks
        self.gradless = torch.no_grad()

    def __enter__(self):
        for network in self.networks.values():
            network.eval()
        self.gradless.__enter__()

    def __exit__(self, *problem):
        self.gradless.__exit__(*problem)
        for module, training in self.modes:
            module.training = training
