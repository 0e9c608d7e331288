"""Gates: what a recurrent layer lets in, keeps and lets out at every place, and the arithmetic of one step."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import PALETTE, Trace, axis, caption, figure, heat, line
from engine.layers.modules import lengths_of
from engine.looking.frame import Frame
from engine.looking.sample import sample_of
from engine.looking.session import Session, looking
from engine.looking.shared import UNIT, Number, Words, picked
from engine.looking.view import view
from engine.registry import shortened
from engine.views.sequences.cells import SIGNED, OfCells, cell_of, labels, read, read_together, recurrent
from engine.views.sequences.states import along

Place = Annotated[int, Field(ge=0, le=100_000)]
AVERAGED = 300  # examples of a class


@view("gates")
class Gates(OfCells):
    """Every gate of a layer, units × time; and of one unit at one place, how its new state comes about."""

    title, rank, height, wide = "Gates", 11, 420, True
    hint = "A forget gate near 1 holds on to what it knows, near 0 drops it; an input gate near 1 lets new things in."

    unit: Number = UNIT
    place: Place | None = option(None, "The place whose arithmetic is written out.", none="the last")
    show: Literal["every unit", "one unit"] = option("every unit", "Heat maps of all units, or lines of the one.")
    way: Literal["forwards", "backwards"] = option("forwards", "Which direction, where the layer reads both ways.")
    mean_over: Words = option(
        "", "A class: then what is shown is the mean over examples of it, place by place.", rare=True
    )

    def compute(self, session):
        """Read the sample with one layer, or examples of a class with it."""
        path = picked(recurrent(session.graph), session.graph, self.node, "that remembers").path
        if self.mean_over:
            return self._means(session, path)
        sample = sample_of(session, self.sample)
        with looking(session.network):
            every = read(session, path, sample)
        suiting = [one for one in every if one.backwards == (self.way == "backwards")] or every
        reading = suiting[-1]  # of layers that stand on one another, the last
        arrays = {name: reading.rows(name).float().cpu().numpy().T for name in reading.values}
        arrays["begins"] = torch.stack(reading.begins).float().cpu().numpy()
        pieces = labels(session, sample, arrays["state"].shape[1])
        words = {"node": path, "name": reading.name, "back": reading.backwards, "gates": list(reading.values)}
        bent = cell_of(session, path).cell.mode != "RNN_RELU"
        return Frame(arrays, words | {"pieces": pieces, "bent": bent} | sample.told())

    def _means(self, session: Session, path: str) -> Frame:
        """Return the means of gates over examples of a class, at each place over those that reach it."""
        dataset = session.network.dataset
        if dataset.goal != "class" or self.mean_over not in dataset.classes:
            raise VitrineError(
                f"There is no class {shortened(self.mean_over)} of whole examples.",
                cure=f"Choose one of: {', '.join(dataset.classes[:20])}." if dataset.goal == "class" else "",
            )
        _, split = session.split("validation")
        chosen = split.inputs[(split.targets == dataset.classes.index(self.mean_over)).nonzero().flatten()[:AVERAGED]]
        if not len(chosen):
            raise VitrineError(f"No validation example is of {self.mean_over}.", cure="Choose another class.")
        lengths = lengths_of(chosen)
        sums: dict[str, np.ndarray] = {}
        counts, words = np.zeros(int(lengths.max())), {}
        with looking(session.network):
            for long in lengths.unique().tolist():
                every = read_together(session, [path], session.network.material.given(chosen[lengths == long]))
                reading = ([one for one in every if one.backwards == (self.way == "backwards")] or every)[-1]
                words = {"name": reading.name, "back": reading.backwards, "gates": list(reading.values)}
                places, many = reading.rows("state").shape[:2]
                counts = counts if len(counts) >= places else np.pad(counts, (0, places - len(counts)))
                counts[:places] += many
                for name in reading.values:
                    total = reading.rows(name).float().sum(dim=1).cpu().numpy()
                    known = sums.setdefault(name, np.zeros((len(counts), total.shape[1])))
                    known[:places] += total
        reached = int((counts > 0).sum())
        arrays = {name: (total[:reached] / counts[:reached, None]).T.astype(np.float32) for name, total in sums.items()}
        arrays["begins"] = np.zeros((2, len(arrays["state"])), np.float32)
        said = f"means over {len(chosen):,} examples of {self.mean_over}"
        bent = cell_of(session, path).cell.mode != "RNN_RELU"
        words |= {"node": path, "pieces": [str(place) for place in range(reached)], "bent": bent, "mean": said}
        return Frame(arrays, words | {"sample": said, "truth": None})

    def pick(self, point):
        """Write out the arithmetic of the unit and place that were clicked."""
        row, column = point.get("row"), point.get("column")
        if not isinstance(row, int) or not isinstance(column, int):
            return None
        return self.but(unit=row, place=column) if self.show == "every unit" else self.but(place=row)

    def draw(self, frame):
        """Draw the gates, and under them one step."""
        units, long = frame["state"].shape
        unit, place = min(self.unit, units - 1), min(long - 1 if self.place is None else self.place, long - 1)
        drawn = self._maps(frame) if self.show == "every unit" else self._lines(frame, unit)
        said = frame.words.get("mean") or step_in_words(frame, unit, place)
        drawn["layout"].setdefault("annotations", []).append(caption(said))
        drawn["layout"]["margin"] = {"l": 48, "r": 8, "t": 60, "b": 48}
        return drawn

    def _maps(self, frame):
        names = frame.words["gates"]
        pieces = frame.words["pieces"]
        columns = len(names) if len(names) <= 4 else 3
        rows = -(-len(names) // columns)
        traces: list[Trace] = []
        layout: dict[str, Any] = {"annotations": []}
        units, long = frame["state"].shape
        for number, name in enumerate(names):
            down, right = divmod(number, columns)
            n = "" if number == 0 else str(number + 1)
            signed = name in SIGNED
            bounded = name != "memory" and frame.words["bent"]
            bounds = {"zmin": -1 if signed else 0, "zmax": 1} if bounded else {}
            traces.append(
                heat(
                    np.round(frame[name], 3),
                    np.arange(long),
                    np.arange(units),
                    "diverging" if signed else "sequential",
                    xaxis=f"x{n}",
                    yaxis=f"y{n}",
                    showscale=False,
                    hovertemplate=f"{name}, unit %{{y}}, place %{{x}}<br>%{{z:.3f}}<extra></extra>",
                    **bounds,
                )
            )
            across = [right / columns + 0.02, (right + 1) / columns - 0.005]
            up = [1 - (down + 1) / rows + 0.02, 1 - down / rows - 0.06]
            layout[f"xaxis{n}"] = along(pieces, 24, domain=across, anchor=f"y{n}", showticklabels=down == rows - 1)
            layout[f"yaxis{n}"] = axis(domain=up, anchor=f"x{n}", nticks=4, showticklabels=right == 0)
            said = f"{name}, {'−1' if signed else '0'} to 1" if bounds else name
            layout["annotations"].append(caption(said, x=across[0], y=up[1]))
        return figure(traces, **layout)

    def _lines(self, frame, unit):
        pieces = frame.words["pieces"]
        traces = [
            line(
                name,
                np.arange(len(pieces)),
                np.round(frame[name][unit], 4),
                PALETTE[number],
                hovertemplate=f"{name} at %{{x}}: %{{y:.3f}}<extra></extra>",
            )
            for number, name in enumerate(frame.words["gates"])
        ]
        return figure(traces, xaxis=along(pieces), yaxis=axis(f"unit {unit}"), showlegend=True)


def step_in_words(frame: Frame, unit: int, place: int) -> str:
    """Return how a unit's state came about at a place, with its numbers."""
    before = place + 1 if frame.words["back"] else place - 1
    there = 0 <= before < frame["state"].shape[1]
    begins = {"state": frame["begins"][0, unit], "memory": frame["begins"][1, unit]}
    now = {name: _short(frame[name][unit, place]) for name in frame.words["gates"]}
    last = {name: _short(frame[name][unit, before] if there else begins[name]) for name in begins if name in now}
    piece = frame.words["pieces"][place]
    there_is = "" if piece == str(place) else f" ({piece})"
    head = f"<b>unit {unit} at place {place}</b>{there_is}, {frame.words['name']}<br>"
    if "memory" in now:
        return head + (
            f"memory = forget · last memory + input · candidate = {now['forget']} · {last['memory']} + "
            f"{now['input']} · {now['candidate']} = {now['memory']}<br>"
            f"state = output · tanh(memory) = {now['output']} · tanh({now['memory']}) = {now['state']}"
        )
    if "update" in now:
        return head + (
            f"state = (1 − update) · candidate + update · last state = (1 − {now['update']}) · {now['candidate']} + "
            f"{now['update']} · {last['state']} = {now['state']}<br>"
            f"candidate = tanh(what comes in + reset · what the last state says), reset = {now['reset']}"
        )
    bent = "tanh" if frame.words["bent"] else "relu"
    sums = f"state = {bent}(what comes in + what the last state says) = {now['state']}"
    return f"{head}{sums}<br>last state = {last['state']}"


def _short(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
