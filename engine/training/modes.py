"""Modes: what is asked of all networks of a learner: how some of their modules behave, and whether they are sound."""

from collections.abc import Collection, Generator, Iterable
from contextlib import contextmanager

from torch import nn

from engine.training.optimiser import is_within


def hold(networks: Iterable[nn.Module], frozen: Collection[str]) -> None:
    """Let frozen normalisation use the statistics it has, and all other gather more of theirs."""
    for network in networks:
        for name, module in network.named_modules():
            if isinstance(module, nn.modules.batchnorm._NormBase):
                module.train(not any(is_within(name, node) for node in frozen))


@contextmanager
def learning(network: nn.Module, frozen: Collection[str]) -> Generator[None, None, None]:
    """While entered, a network is as it is while it learns, even if somebody looks at it; afterwards as before."""
    before = {module: module.training for module in network.modules()}
    network.train()
    hold([network], frozen)
    try:
        yield
    finally:
        for module, was in before.items():
            vars(module)["training"] = was


def drop(networks: Iterable[nn.Module], share: float) -> None:
    """Let every dropout layer drop this share."""
    for network in networks:
        for module in network.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.p = share


def finite(networks: Iterable[nn.Module]) -> bool:
    """Return whether every weight is a number."""
    return all(bool(weight.isfinite().all()) for network in networks for weight in network.parameters())
