"""Through time: how much of the gradient reaches each earlier step of a sequence, and how a step passes it on."""

from contextlib import ExitStack
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from engine.choice import option
from engine.figures.figure import BAD, PALETTE, axis, caption, figure, line
from engine.graph.capture import entered, hooked
from engine.looking.frame import Frame
from engine.looking.sample import sample_of
from engine.looking.session import Session, asking_back
from engine.looking.shared import TOWARD, Words, offered, picked
from engine.looking.view import view
from engine.views.sequences.asking import aimed, asked
from engine.views.sequences.cells import BACK, OfCells, Reading, cell_of, labels, read, recurrent, through
from engine.views.sequences.states import along

VANISHED, EXPLODED = 1e-4, 1e4  # against the gradient at the last place
LEAST = 1e-30  # below it a length is drawn as this
FINE = "reaches the beginning"
HELD = ("memory", "state")  # what goes on from one place to the next


@view("through-time")
class ThroughTime(OfCells):
    """The length of the gradient that comes back to every place, layer by layer; or of what one step passes on."""

    title, rank, height = "Through time", 12, 320
    hint = "A line that falls to the left vanishes: what stood there can hardly be learned. One that climbs explodes."

    toward: Words = TOWARD
    show: Literal["gradient", "steps"] = option(
        "gradient",
        "The gradient of what is answered, by the state at every place; or how the last state hangs on each before, "
        "as the largest stretch of the product of all steps between.",
    )

    def compute(self, session):
        """Go through the sample and back."""
        sample = sample_of(session, self.sample)
        words = dict(sample.told())
        with asking_back(session.network):
            if self.show == "gradient":
                target, words["toward"] = aimed(session, self.toward, sample)
                found = reaching(session, sample.given, target)
            else:
                path = picked(recurrent(session.graph), session.graph, self.node, "that remembers").path
                found = [(one.name, passed(session, path, one)) for one in read(session, path, sample)]
        lengths = [len(values) for _, values in found]
        # What is no number grew too large to be one.
        rows = [np.where(np.isnan(values), np.inf, values) for _, values in found]
        arrays = {"values": np.stack([_filled(values, max(lengths)) for values in rows])}
        alike = len(set(lengths)) == 1
        pieces = labels(session, sample, lengths[0]) if alike else [str(place) for place in range(max(lengths))]
        radii = {
            f"{path}{f' layer {layer + 1}' if layer else ''}": radius
            for path in offered(recurrent(session.graph))
            for layer, radius in enumerate(spectral_radii(session, path))
        }
        return Frame(arrays, words | {"names": [name for name, _ in found], "pieces": pieces, "radii": radii})

    def draw(self, frame):
        """Draw a line for each layer and direction."""
        names, values, pieces = frame.words["names"], frame["values"], frame.words["pieces"]
        at = np.arange(values.shape[1])
        traces, notes, verdicts = [], [], []
        for number, name in enumerate(names):
            traces.append(
                line(
                    name,
                    at,
                    np.maximum(np.where(np.isinf(values[number]), np.nan, values[number]), LEAST),
                    PALETTE[number % len(PALETTE)],
                    customdata=[f"place {place}: {piece}" for place, piece in enumerate(pieces)],
                    hovertemplate=f"{name}, %{{customdata}}<br>%{{y:.3g}}<extra></extra>",
                )
            )
            verdicts.append(verdict(values[number], name.endswith(BACK)))
            radius = frame.words["radii"].get(name)
            more = f"; largest eigenvalue of its own weights {radius:.2f}" if radius is not None else ""
            notes.append(f"{name}: {verdicts[-1]}{more}")
        notes = notes if len(set(verdicts)) > 1 or len(notes) == 1 else [f"every layer: {verdicts[0]}"]
        bad = {"font": {"color": BAD}} if any(said != FINE for said in verdicts) else {}
        toward = frame.words.get("toward")
        quantity = f"gradient of {toward}" if toward else "stretch up to the last place"
        return figure(
            traces,
            xaxis=along(pieces, 32),
            yaxis=axis(quantity, log=True, exponentformat="power", nticks=6),
            annotations=[caption("<br>".join(notes), **bad)],
            showlegend=len(names) > 1,
            margin={"l": 64, "r": 8, "t": 8 + 16 * len(notes), "b": 40},
        )


def verdict(values: np.ndarray, backwards: bool) -> str:
    """Return in words what becomes of the gradient on its way to the place that was read first."""
    there = values[~np.isnan(values)]
    there = there[::-1] if backwards else there
    if np.isinf(there).any():
        return "grows until it is no number any more"
    if not there.any():
        return "no gradient at all"
    if len(there) > 1 and not there[1:].any():
        return "asked about where it has only begun to read"
    if there[0] < VANISHED * there.max():
        return "vanishes on its way back"
    last = there[there > 0][-1]
    return "explodes on its way back" if there[0] / EXPLODED > last else FINE


def reaching(session: Session, given: Tensor, target: int) -> list[tuple[str, np.ndarray]]:
    """Return, of every layer and direction, the length of the gradient of what is answered by each place's state.

    Each recurrent layer's values are replaced by its own arithmetic in the open, so that every state can be asked.
    """
    lines = []
    for reading, by_name in gradients(session, given, target):
        lengths = [rows.norm(dim=1).double().cpu().numpy() for rows in by_name.values()]
        lines.append((reading.name, np.linalg.norm(np.stack(lengths), axis=0)))
    return lines


def gradients(session: Session, given: Tensor, target: int) -> list[tuple[Reading, dict[str, Tensor]]]:
    """Return every layer's reading, and the gradient of what is answered by its states and memories, place by place."""
    found: list[Reading] = []
    answer = _in_the_open(session, given, offered(recurrent(session.graph)), found, target)
    held = [row for reading in found for name, rows in reading.values.items() if name in HELD for row in rows]
    asked_for = iter(zip(held, torch.autograd.grad(answer, held, allow_unused=True), strict=True))

    def next_one() -> Tensor:
        row, gradient = next(asked_for)
        return torch.zeros_like(row) if gradient is None else gradient

    return [
        (one, {name: torch.stack([next_one() for _ in rows]) for name, rows in one.values.items() if name in HELD})
        for one in found
    ]


def _in_the_open(session: Session, given: Tensor, paths: list[str], found: list[Reading], target: int) -> Tensor:
    """Return a score of an example, worked out through cells whose every state is kept in `found`.

    Where every place is answered, it is the one at the last place that is asked about.
    """
    with ExitStack() as stack:
        for path in paths:
            module = cell_of(session, path)
            taken = stack.enter_context(entered(module))

            def instead(output: Tensor, path: str = path, module=module, taken=taken) -> Any:
                x, *first = taken[-1]
                lengths = getattr(x, "lengths", None)
                x = x if x.requires_grad else x.detach().requires_grad_()  # so that frozen weights do not matter
                end = x.shape[1] if lengths is None else int(lengths[0])
                readings = through(path, module.cell, x[0, :end], first[0][0] if first else None)
                last = [reading for reading in readings if reading.layer == readings[-1].layer]
                sequence = torch.cat([reading.rows("state") for reading in last], dim=1)[None]
                padded = torch.nn.functional.pad(sequence, (0, 0, 0, x.shape[1] - end))
                found.extend(readings)
                values = module.kept(x, padded, lengths)
                return (values, _ends(readings)) if module.state else values

            stack.enter_context(hooked([(module, instead)]))
        return asked(session, given, target)[0]


def _ends(readings: list[Reading]) -> Tensor:
    """Return the last states of all layers and directions, of an LSTM its memories behind them, as they go on."""
    last = [(one, 0 if one.backwards else -1) for one in readings]
    memories = [one.values["memory"][at] for one, at in last if "memory" in one.values]
    return torch.cat([*(one.values["state"][at] for one, at in last), *memories])[None]


def passed(session: Session, path: str, reading: Reading) -> np.ndarray:
    """Return how far a change of each place's state, an LSTM's memory with it, can stretch that at the last place."""
    cell = cell_of(session, path).cell
    at = f"l{reading.layer}{'_reverse' if reading.backwards else ''}"
    steps = range(len(reading.values["state"]))
    order = list(reversed(steps)) if reading.backwards else list(steps)
    lstm = cell.mode == "LSTM"
    if not all(bool(value.isfinite().all()) for rows in reading.values.values() for value in rows):
        return np.full(len(order), np.inf)
    with torch.no_grad():
        product = torch.eye((2 if lstm else 1) * cell.hidden_size, dtype=torch.double)
        stretch = np.empty(len(order))
        for position in reversed(range(len(order))):
            finite = bool(product.isfinite().all())
            stretch[order[position]] = float(torch.linalg.matrix_norm(product, 2)) if finite else np.inf
            if position:
                before = order[position - 1]
                product = product @ jacobian(cell, at, reading, order[position], before)
    return stretch


def jacobian(cell, at: str, reading: Reading, now: int, before: int) -> Tensor:
    """Return the derivative of a place's state by the one before; of an LSTM, of state and memory by both."""
    own = getattr(cell, f"weight_hh_{at}").cpu().double()
    value = {name: rows[now].cpu().double() for name, rows in reading.values.items()}
    state = reading.values["state"][before].cpu().double()
    if cell.mode == "LSTM":
        memory = reading.values["memory"][before].cpu().double()
        wi, wf, wg, wo = own.chunk(4)
        i, f, o, g = (value[name] for name in ("input", "forget", "output", "candidate"))
        bent = value["memory"].tanh()
        by_state = (
            (memory * f * (1 - f))[:, None] * wf + (g * i * (1 - i))[:, None] * wi + (i * (1 - g**2))[:, None] * wg
        )
        outward = o * (1 - bent**2)
        above = torch.cat(
            [(bent * o * (1 - o))[:, None] * wo + outward[:, None] * by_state, torch.diag(outward * f)], dim=1
        )
        return torch.cat([above, torch.cat([by_state, torch.diag(f)], dim=1)])
    if cell.mode == "GRU":
        wr, wz, wn = own.chunk(3)
        r, z, n = value["reset"], value["update"], value["candidate"]
        bias = cell._parameters[f"bias_hh_{at}"] if cell.bias else None
        inner = wn @ state + (bias.cpu().double().chunk(3)[2] if bias is not None else 0)
        by_candidate = (1 - n**2)[:, None] * (r[:, None] * wn + (inner * r * (1 - r))[:, None] * wr)
        return torch.diag(z) + ((state - n) * z * (1 - z))[:, None] * wz + (1 - z)[:, None] * by_candidate
    slope = 1 - value["state"] ** 2 if cell.mode == "RNN_TANH" else (value["state"] > 0).double()
    return slope[:, None] * own


def spectral_radii(session: Session, path: str) -> list[float]:
    """Return of each forward layer of a vanilla RNN the largest size of an eigenvalue of its own weights."""
    cell = cell_of(session, path).cell
    if not cell.mode.startswith("RNN"):
        return []
    with torch.no_grad():
        every = [getattr(cell, f"weight_hh_l{layer}") for layer in range(cell.num_layers)]
        if not all(bool(weight.isfinite().all()) for weight in every):
            return []
        return [float(torch.linalg.eigvals(weight.cpu().double()).abs().max()) for weight in every]


def _filled(values: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([values, np.full(length - len(values), np.nan)])
