"""Cells: a recurrent layer's arithmetic in the open: every gate and state of torch's RNN, LSTM and GRU."""

from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.errors import VitrineError
from engine.graph.capture import entered, node
from engine.graph.graph import Graph
from engine.graph.trace import Step
from engine.layers.modules import lengths_of
from engine.layers.sequence import GRU, LSTM, RNN
from engine.layers.timed import Recurrent
from engine.looking.sample import Sample
from engine.looking.session import Session
from engine.looking.shared import NODE, SAMPLE, Example, Words, offered, steps
from engine.looking.view import View

KINDS = (RNN, LSTM, GRU)
GATES = {"LSTM": ("input", "forget", "output", "candidate", "memory"), "GRU": ("reset", "update", "candidate")}
SHOWN = {" ": "␣", "\n": "⏎", "\t": "⇥"}  # signs that nobody would see
BACK = " ←"  # stands behind the name of what reads from the end
SIGNED = ("candidate", "memory", "state")  # the others lie between 0 and 1


@dataclass(frozen=True)
class Reading:
    """What one layer of cells did in one direction: by name, a row for each place of the sequence, in its order.

    Of several sequences that were read together, a table for each place.
    """

    node: str
    layer: int
    backwards: bool
    values: dict[str, list[Tensor]]
    begins: tuple[Tensor, Tensor]  # the state, and an LSTM's memory, before the first place that is read

    @property
    def name(self) -> str:
        """Return what it is called: the node, its layer where there are several, its direction where it reads back."""
        return f"{self.node}{f' layer {self.layer + 1}' if self.layer else ''}{BACK if self.backwards else ''}"

    def rows(self, quantity: str) -> Tensor:
        """Return a quantity, places × units."""
        return torch.stack(self.values[quantity])


def recurrent(graph: Graph) -> list[Step]:
    """Return the steps of a graph that are recurrent layers."""
    return [step for step in steps(graph) if isinstance(step.layer, KINDS)]


class OfCells(View):
    """What views of recurrent layers have in common."""

    follows = True

    sample: Example = SAMPLE
    node: Words = NODE

    def refuses(self, experiment):
        """Refuse networks without memory."""
        return "" if recurrent(experiment.graph) else "This network has no recurrent layer."

    def offers(self, experiment):
        """Offer the recurrent layers."""
        return {"node": offered(recurrent(experiment.graph))}


def read(session: Session, path: str, sample: Sample) -> list[Reading]:
    """Return what a recurrent node does with a sample: a reading for each of its layers and directions."""
    module, (x, *first) = cell_of(session, path), entering(session, [path], sample.given)[path]
    return through(path, module.cell, ended(x), first[0][0] if first else None)


def read_together(session: Session, paths: list[str], given: Tensor) -> list[Reading]:
    """Return what recurrent nodes do with several sequences of one length, which are read at once."""
    found = []
    for path, (x, *first) in entering(session, paths, given).items():
        lengths = getattr(x, "lengths", None)
        x = (x if lengths is None else x[:, : int(lengths[0])]).transpose(0, 1)
        found += through(path, cell_of(session, path).cell, x, first[0] if first else None)
    return found


def entering(session: Session, paths: list[str], given: Tensor) -> dict[str, tuple[Tensor, ...]]:
    """Return what enters nodes when examples come through."""
    with ExitStack() as stack:
        taken = {path: stack.enter_context(entered(cell_of(session, path))) for path in paths}
        session.run(given)
    if without := next((path for path in paths if not taken[path]), None):
        raise VitrineError(f"Nothing of an example comes through {without}.", cure="Look at another layer.")
    return {path: calls[-1] for path, calls in taken.items()}


def cell_of(session: Session, path: str) -> Recurrent:
    """Return the module of a recurrent node."""
    module = node(session.module, path)
    assert isinstance(module, Recurrent), path
    return module


def ended(x: Tensor) -> Tensor:
    """Return the only sequence of a batch, up to its end."""
    lengths = getattr(x, "lengths", None)
    return x[0] if lengths is None else x[0, : int(lengths[0])]


def through(path: str, cell: nn.RNNBase, x: Tensor, first: Tensor | None = None) -> list[Reading]:
    """Read a sequence, places × features, or several of one length, places × examples × features, layer by layer.

    Gradients can be asked of every state.
    """
    directions = 2 if cell.bidirectional else 1
    rows = cell.num_layers * directions
    begins = x.new_zeros(2 * rows, *x.shape[1:-1], cell.hidden_size)
    if first is not None:
        handed = first.unflatten(-1, (-1, cell.hidden_size)).movedim(-2, 0)
        begins[: len(handed)] = handed
    found = []
    for layer in range(cell.num_layers):
        both = []
        for way in range(directions):
            row = layer * directions + way
            values = _run(cell, f"l{layer}{'_reverse' if way else ''}", x, begins[row], begins[rows + row], bool(way))
            found.append(Reading(path, layer, bool(way), values, (begins[row], begins[rows + row])))
            both.append(torch.stack(values["state"]))
        x = torch.cat(both, dim=-1)
    return found


def _run(cell: nn.RNNBase, at: str, x: Tensor, state: Tensor, memory: Tensor, back: bool) -> dict[str, list[Tensor]]:
    """Read a sequence with the cells of one layer and direction."""
    own, bias = getattr(cell, f"weight_hh_{at}"), getattr(cell, f"bias_hh_{at}") if cell.bias else None
    comes = nn.functional.linear(
        x, getattr(cell, f"weight_ih_{at}"), getattr(cell, f"bias_ih_{at}") if cell.bias else None
    )
    found: dict[str, list[Tensor]] = {name: [] for name in (*GATES.get(cell.mode, ()), "state")}
    for place in reversed(range(len(x))) if back else range(len(x)):
        here = nn.functional.linear(state, own, bias)
        if cell.mode == "LSTM":
            i, f, g, o = (comes[place] + here).chunk(4, dim=-1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            memory = f * memory + i * g
            state = o * memory.tanh()
            memory = memory.clone()  # what is carried on, apart from what the state shows of it
            told = (i, f, o, g, memory, state)
        elif cell.mode == "GRU":
            (r, z, n), (hr, hz, hn) = comes[place].chunk(3, dim=-1), here.chunk(3, dim=-1)
            r, z = (r + hr).sigmoid(), (z + hz).sigmoid()
            n = (n + r * hn).tanh()
            state = (1 - z) * n + z * state
            told = (r, z, n, state)
        else:
            state = (comes[place] + here).tanh() if cell.mode == "RNN_TANH" else (comes[place] + here).relu()
            told = (state,)
        for name, value in zip(found, told, strict=True):
            found[name].append(value)
    return {name: rows[::-1] for name, rows in found.items()} if back else found


def labels(session: Session, sample: Sample, places: int) -> list[str]:
    """Return what stands at the places of a layer: pieces of text, where each has its own, or the place's number."""
    if isinstance(sample.values, Tensor) and int(lengths_of(sample.values[None])[0]) == places:
        return said_at_places(session, sample.values)
    return [str(place) for place in range(places)]


def said_at_places(session: Session, values: Tensor) -> list[str]:
    """Return what stands at each place of a sequence: a piece of text, or the place's number."""
    words, long = session.network.dataset.words, int(lengths_of(values[None])[0])
    if not words or values.is_floating_point():
        return [str(place) for place in range(long)]
    return [visible(words[int(token)]) for token in values[:long]]


def visible(piece: str) -> str:
    """Return a piece of text, or the sign that stands for one that nobody would see."""
    return SHOWN.get(piece, piece)
