"""Unrolled: a recurrent layer laid out along time: the same weights at every place, and how one step comes about."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import BAD, PALETTE, axis, caption, figure, heat, says
from engine.looking.frame import Frame
from engine.looking.sample import Sample, called, sample_of
from engine.looking.session import Session, asking_back, looking
from engine.looking.shared import TOWARD, UNIT, Number, Words, picked
from engine.looking.view import view
from engine.views.sequences.asking import aimed
from engine.views.sequences.cells import SIGNED, OfCells, cell_of, labels, read, recurrent, visible
from engine.views.sequences.gates import Place, step_in_words
from engine.views.sequences.throughtime import gradients

LOW, HIGH = 0.3, 0.7  # between which the boxes lie
BETWEEN = 0.26  # of a box's width, on either side of it
Colour = Literal["state", "memory", "input", "forget", "output", "candidate", "reset", "update", "gradient"]


@view("unrolled")
class Unrolled(OfCells):
    """The network through time: what comes in, the same U, W and V at every step, and what is answered."""

    title, rank, height, wide = "Unrolled", 10, 360, True
    hint = "U brings in what stands there, W what was known before, V tells the answer: the same three at every step."

    unit: Number = UNIT
    place: Place | None = option(None, "The step whose arithmetic is written out.", none="the last")
    colour: Colour = option("state", "What the cells of a box show, one for each unit.")
    many: Annotated[int, Field(ge=2, le=24)] = option(10, "How many steps are shown.")
    toward: Words = TOWARD
    way: Literal["forwards", "backwards"] = option("forwards", "Which direction, where the layer reads both ways.")

    def compute(self, session):
        """Read the sample, and ask for answers and gradients."""
        sample = sample_of(session, self.sample)
        path = picked(recurrent(session.graph), session.graph, self.node, "that remembers").path
        words: dict[str, Any] = {"node": path, **sample.told()}
        with looking(session.network):
            every = read(session, path, sample)
        back = self.way == "backwards"
        suiting = [place for place, one in enumerate(every) if one.backwards == back] or range(len(every))
        reading = every[suiting[-1]]
        arrays = {name: reading.rows(name).float().cpu().numpy().T for name in reading.values}
        arrays["begins"] = torch.stack(reading.begins).float().cpu().numpy()
        if self.colour == "gradient":
            with asking_back(session.network):
                target, words["toward"] = aimed(session, self.toward, sample)
                same = [found for one, found in gradients(session, sample.given, target) if one.node == path]
            arrays["gradient"] = same[suiting[-1]]["state"].float().cpu().numpy().T
        elif self.colour not in arrays:
            raise VitrineError(f"{reading.name} has no {self.colour}.", cure=f"Choose {', '.join(reading.values)}.")
        pieces = labels(session, sample, arrays["state"].shape[1])
        words |= {"name": reading.name, "back": reading.backwards, "gates": list(reading.values), "pieces": pieces}
        words |= {"bent": cell_of(session, path).cell.mode != "RNN_RELU", "given": _given(sample, pieces)}
        words["answers"] = _answers(session, sample, len(pieces))
        return Frame(arrays, words)

    def pick(self, point):
        """Write out the step, and the unit, that was clicked."""
        place, unit = point.get("x"), point.get("name")
        if not isinstance(place, int | float) or not 0 <= place < 1e6:
            return None
        chosen = self.but(place=round(place))
        return chosen.but(unit=int(unit)) if isinstance(unit, str) and unit.isdecimal() and len(unit) < 7 else chosen

    def draw(self, frame):
        """Draw a box for each step, arrows between them, and the arithmetic of one above."""
        words = frame.words
        units, long = frame["state"].shape
        unit, place = min(self.unit, units - 1), min(long - 1 if self.place is None else self.place, long - 1)
        many = min(self.many, long)
        first = int(np.clip(place - many // 2, 0, long - many))
        shown = range(first, first + many)
        across, gap = _widths(units)
        half = across / (across + 2 * gap) / 2
        notes = [caption(step_in_words(frame, unit, place), y=1.0)]
        for step in shown:
            notes += _around(words, step, shown, half)
        edges = {"type": "rect", "xref": "x", "yref": "y", "y0": LOW, "y1": HIGH}
        boxes = [
            edges
            | {"x0": step - half, "x1": step + half}
            | {"line": {"color": BAD if step == place else PALETTE[7], "width": 2.5 if step == place else 1}}
            for step in shown
        ]
        drawn = figure(
            [self._cells(frame, shown)],
            xaxis=axis(visible=False, range=[first - 0.6, first + many - 0.4]),
            yaxis=axis(visible=False, range=[0, 1]),
            shapes=boxes,
            annotations=notes,
            margin={"l": 8, "r": 8, "t": 60, "b": 4},
        )
        return drawn

    def _cells(self, frame: Frame, shown: range) -> dict[str, Any]:
        """Return the cells of all boxes as one map, in which nothing stands between the boxes."""
        values = frame[self.colour]
        across, gap = _widths(len(values))
        down, wide = -(-len(values) // across), across + 2 * gap
        sheet = np.full((down, wide * len(shown)), np.nan, np.float32)
        numbers = np.full((down, across), -1)
        numbers.flat[: len(values)] = np.arange(len(values))
        said = [["" for _ in range(sheet.shape[1])] for _ in range(down)]
        for box, step in enumerate(shown):
            block = np.full(down * across, np.nan, np.float32)
            block[: len(values)] = values[:, step]
            begin = box * wide + gap
            sheet[:, begin : begin + across] = block.reshape(down, across)
            for row in range(down):
                for column in range(across):
                    if (number := int(numbers[row, column])) >= 0:
                        said[row][begin + column] = f"unit {number} at place {step}"
        signed = self.colour in (*SIGNED, "gradient")
        most = float(np.nanmax(np.abs(values), initial=0)) or 1.0
        least, top = (-most, most) if signed else (0.0, 1.0)
        width = 1 / wide
        return heat(
            np.round(sheet, 4),
            shown[0] - 0.5 + width * (np.arange(sheet.shape[1]) + 0.5),
            HIGH - (HIGH - LOW) * (np.arange(down) + 0.5) / down,
            "diverging" if signed else "sequential",
            zmin=least,
            zmax=top,
            text=said,
            hovertemplate=f"%{{text}}<br>{self.colour} %{{z:.4g}}<extra></extra>",
            colorbar={"thickness": 8, "len": 0.6, "title": {"text": self.colour, "side": "right"}},
        )


def _widths(units: int) -> tuple[int, int]:
    """Return how many cells a box is wide, and how many there are on either side of it."""
    across = max(1, round(np.sqrt(units * 1.6)))
    return across, max(1, round(BETWEEN * across))


def _around(words: dict[str, Any], step: int, shown: range, half: float) -> list[dict[str, Any]]:
    """Return what stands around a box: what comes in, what goes on, and what is answered."""
    notes = [
        says(words["given"][step], x=step, y=0.06, xref="x", yref="y"),
        *_arrow(step, 0.13, step, LOW - 0.01, "U", step + 0.09, 0.22),
    ]
    before, after = (step, step - 1) if words["back"] else (step - 1, step)
    if step - 1 in shown:
        ends = (before - half, after + half) if words["back"] else (before + half, after - half)
        notes += _arrow(ends[0], 0.5, ends[1], 0.5, "W", step - 0.5, 0.56)
    if answer := words["answers"].get(str(step)):
        notes += [
            *_arrow(step, HIGH + 0.01, step, 0.86, "V", step + 0.09, 0.78),
            says(answer, x=step, y=0.93, xref="x", yref="y"),
        ]
    return notes


def _arrow(x0: float, y0: float, x1: float, y1: float, name: str, x: float, y: float) -> list[dict[str, Any]]:
    """Return an arrow from one point to another, and what it is called, at a third."""
    ends = {"x": x1, "y": y1, "ax": x0, "ay": y0, "xref": "x", "yref": "y", "axref": "x", "ayref": "y"}
    style = {"text": "", "showarrow": True, "arrowhead": 2, "arrowwidth": 1.2, "arrowcolor": PALETTE[7]}
    return [style | ends, says(f"<i>{name}</i>", x=x, y=y, xref="x", yref="y", font={"size": 11})]


def _given(sample: Sample, pieces: list[str]) -> list[str]:
    """Return what comes in at each place, as short as it can be said."""
    values = sample.values
    if not isinstance(values, Tensor) or values.dim() != 2 or len(values) < len(pieces):
        return pieces
    return [", ".join(f"{number:.2g}" for number in row[:3].tolist()) for row in values[: len(pieces)]]


def _answers(session: Session, sample: Sample, places: int) -> dict[str, str]:
    """Return what is answered, by the place at which it is: of whole sequences at the last one."""
    learner = session.network
    with looking(learner):
        chances = learner.task.chances(learner.task.answer(learner.networks, sample.given))
    if learner.task.answers == "labels":
        rows = chances[0].flatten(0, -2).float().cpu()[:places]
        return {str(place): _named(session, row) for place, row in enumerate(rows)} if len(rows) == places else {}
    if learner.task.answers not in ("classes", "several", "numbers"):
        return {}
    return {str(places - 1): _named(session, learner.task.opinions(chances, sample.given)[0].float().cpu())}


def _named(session: Session, row: Tensor) -> str:
    """Return the class that is most probable and how probable it is, or the first number."""
    if session.network.task.answers == "numbers":
        return f"{float(row[0]):.3g}"
    best = int(row.argmax())
    return f"{visible(called(session, best))} {float(row[best]):.0%}"
