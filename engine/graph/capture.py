"""Capture: what the modules of a network give on its way, read or changed; the one place where hooks are set."""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from engine.errors import VitrineError
from engine.graph.graph import Graph

Look = Callable[[Any], Any]  # is given what a module gives; what it returns, if anything, takes its place


@contextmanager
def hooked(looks: Iterable[tuple[nn.Module, Look]]) -> Generator[None, None, None]:
    """While entered, each module's output is looked at; afterwards no hook is left, whatever happened."""
    handles = []
    try:
        for module, look in looks:
            handles.append(module.register_forward_hook(_without_inputs(look)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _without_inputs(look: Look) -> Callable[..., Any]:
    """Return a hook that is given a module's values, and leaves what it hands on beside them, unless it gives all."""

    def hook(module: nn.Module, inputs: Any, output: Any) -> Any:
        if not isinstance(output, tuple):
            return look(output)
        changed = look(output[0])
        return changed if changed is None or isinstance(changed, tuple) else (changed, *output[1:])

    return hook


class Captured(dict[str, torch.Tensor]):
    """What nodes gave, by their paths; a node that nothing came through is asked for in vain, and says so."""

    def __missing__(self, name: str) -> torch.Tensor:
        raise VitrineError(f"Nothing of an example comes through {name}.", cure="Look at another layer.")


@contextmanager
def entered(network: nn.Module) -> Generator[list[tuple[torch.Tensor, ...]], None, None]:
    """While entered, what a network is given is kept, call by call."""
    given: list[tuple[torch.Tensor, ...]] = []
    handle = network.register_forward_pre_hook(lambda _, inputs: given.append(inputs))
    try:
        yield given
    finally:
        handle.remove()


@contextmanager
def carrying(network: nn.Module) -> Generator[None, None, None]:
    """While entered, cells that are given no first state begin each call where they ended the last one."""
    kept: dict[nn.Module, Any] = {}

    def begin(cell: nn.Module, taken: tuple[Any, ...]) -> tuple[Any, Any] | None:
        x, first = taken
        return (x, kept[cell]) if first is None and cell in kept else None

    def end(cell: nn.Module, _: Any, given: tuple[Any, Any]) -> None:
        kept[cell] = given[1]

    cells = [cell for cell in network.modules() if isinstance(cell, nn.RNNBase)]
    handles = [cell.register_forward_pre_hook(begin) for cell in cells]
    handles += [cell.register_forward_hook(end) for cell in cells]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def capturing(
    network: nn.Module, nodes: Iterable[str], change: Mapping[str, Look] | None = None, joined: bool = False
) -> Generator[dict[str, torch.Tensor], None, None]:
    """While entered, what these nodes give is kept by their paths, after what `change` makes of it.

    Where `joined`, gradients can be asked of any of them, even behind weights that are all frozen.
    """
    found: dict[str, torch.Tensor] = Captured()

    def keep(name: str) -> Look:
        def look(output: torch.Tensor) -> torch.Tensor:
            found[name] = output
            if joined and not output.requires_grad:
                found[name] = output.detach().requires_grad_()
                vars(found[name]).update(vars(output))  # how long its sequences are, where it knows
            return found[name]

        return look

    names = dict.fromkeys(nodes)
    changes = [(node(network, name), look) for name, look in (change or {}).items()]
    with hooked([*changes, *((node(network, name), keep(name)) for name in names)]):
        yield found


def node(network: nn.Module, path: str) -> nn.Module:
    """Return the module of a node or block, by its path; of a repeated block, by that of any turn or of the first."""
    here: nn.Module = network
    for name in path.split("."):
        if name not in here._modules and isinstance(here, nn.Sequential):
            here = here[0]
        if name not in here._modules:
            raise VitrineError(f"The network has no node {path!r} that computes something.", cure="Choose another.")
        here = here._modules[name]  # ty: ignore[invalid-assignment]
    return here


def entrance(graph: Graph) -> str:
    """Return the name of the first input, whose value is what the network is given."""
    return next(iter(graph.inputs))
