"""Memory: what recurrent layers keep from one batch to the next, and over how many places they learn."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from engine.data import Dataset
from engine.graph.graph import Graph
from engine.graph.trace import trace
from engine.layers.modules import Recurrent
from engine.layers.sequence import GRU, LSTM, RNN
from engine.training.recipe import Recipe

Held = dict[str, dict[str, Tensor]]  # by role and module: a row for each sequence of a batch


class Remembering(Recurrent):
    """A recurrent layer that, while it learns, begins where the last batch ended, or passes no gradient on farther than
    so many places; both as if whoever wrote the loop had detached the state there.
    """

    carries: bool
    back: int | None
    held: Tensor | None

    def read(self, x: Tensor, first: Tensor | None, lengths: Tensor | None):
        """Read a batch; while it learns, piece by piece, with what was held."""
        if not self.training:
            return super().read(x, first, lengths)
        if first is None and self.carries and self.held is not None and len(self.held) == len(x):
            first = self.held
        size, state, pieces = self.back or x.shape[1], first, []
        for start in range(0, x.shape[1], size):
            left = None if lengths is None else lengths - start
            piece, last = self._piece(x[:, start : start + size], state, left, bool(start))
            pieces.append(piece)
            state = _rows(last)
        if self.carries:
            self.held = state if state is None else state.detach()
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=1), last

    def _piece(self, x: Tensor, state: Tensor | None, lengths: Tensor | None, cut: bool):
        """Read some places, whose gradient goes no farther back where it is cut; sequences that ended before keep the
        state in which they ended.
        """
        begun = state.detach() if cut and state is not None else state
        if lengths is None or bool((lengths > 0).all()):
            return super().read(x, begun, None if lengths is None else lengths.clamp(max=x.shape[1]))
        assert begun is not None, "a sequence has one place at least"
        assert state is not None
        on = lengths > 0
        sequence, last = super().read(x[on], begun[on], lengths[on].clamp(max=x.shape[1]))
        whole, rows = sequence.new_zeros(*x.shape[:2], sequence.shape[2]), state.to(sequence.dtype, copy=True)
        whole[on], rows[on] = sequence, _rows(last)
        kept = rows.unflatten(1, (-1, self.cell.hidden_size)).transpose(0, 1)
        return whole, tuple(kept.chunk(2)) if self.cell.mode == "LSTM" else kept


def _rows(last: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Return what all layers hold as one row for each sequence."""
    return (torch.cat(last) if isinstance(last, tuple) else last).transpose(0, 1).flatten(1)


def remember(networks: Iterable[nn.Module], recipe: Recipe) -> None:
    """Let recurrent layers keep their state, and learn back over so many places, where the recipe says so."""
    for network in networks:
        for module in network.modules():
            if isinstance(module, Recurrent) and (recipe.carry or recipe.back or isinstance(module, Remembering)):
                if not isinstance(module, Remembering):
                    module.__class__ = Remembering
                    vars(module).update(held=None)
                vars(module).update(carries=recipe.carry, back=recipe.back)


def _remembering(network: nn.Module) -> dict[str, Remembering]:
    return {name: module for name, module in network.named_modules() if isinstance(module, Remembering)}


def held(networks: Mapping[str, nn.Module]) -> Held:
    """Return what all layers hold from the last batch."""
    found = {
        role: {name: module.held for name, module in _remembering(network).items() if module.held is not None}
        for role, network in networks.items()
    }
    return {role: kept for role, kept in found.items() if kept}


def hold_again(networks: Mapping[str, nn.Module], kept: Held) -> None:
    """Let layers hold what they held, and nothing else."""
    for role, network in networks.items():
        for name, module in _remembering(network).items():
            state = kept.get(role, {}).get(name)
            vars(module).update(held=None if state is None else state.to(module.cell.weight_ih_l0.device))


def streams(number: int, size: int) -> Tensor:
    """Return the order in which examples that lie behind one another are seen, so many at a time: each place of a batch
    goes on where it ended in the one before. What is no whole batch comes last.
    """
    many = number // size
    return torch.cat([torch.arange(many * size).view(size, many).T.flatten(), torch.arange(many * size, number)])


def forgetful(graphs: Mapping[str, Graph], recipe: Recipe, dataset: Dataset) -> str:
    """Return why state cannot be kept, or the way back cannot be cut, or nothing."""
    if not (recipe.carry or recipe.back):
        return ""
    every = [step.layer for graph in graphs.values() for step in trace(graph).steps]
    cells = [layer for layer in every if isinstance(layer, RNN | LSTM | GRU)]
    if not cells:
        return "There is no recurrent layer that keeps a state. Take 'carry' and 'back' out of the recipe."
    if any(layer.both_directions for layer in cells):
        return "A layer that reads both ways needs all of a sequence. Take 'carry' and 'back' out of the recipe."
    if recipe.carry and not dataset.goes_on:
        return f"No sequence of {dataset.title} goes on where another ended. Take 'carry' out of the recipe."
    if recipe.compile or (recipe.carry and recipe.optimiser == "lbfgs"):
        return "State is kept and cut between plain steps only. Take 'carry' and 'back' out, or L-BFGS and 'compile'."
    return ""
