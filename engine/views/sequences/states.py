"""States: what every recurrent layer holds at every place of a sequence."""

from typing import Any, Literal

import numpy as np

from engine.choice import option
from engine.figures.figure import Trace, axis, figure, heat
from engine.looking.frame import Frame
from engine.looking.sample import sample_of
from engine.looking.session import looking
from engine.looking.shared import offered, picked
from engine.looking.view import view
from engine.views.sequences.cells import OfCells, labels, read, recurrent


@view("states")
class States(OfCells):
    """Units × time: what is held at every place, of every recurrent layer and in both directions."""

    title, rank, height, wide = "States", 10, 340, True
    hint = (
        "A row that keeps its colour from one place to the next remembers; one that flickers only sees what is there."
    )

    show: Literal["state", "memory"] = option(
        "state", "What a layer gives, or what an LSTM keeps behind its output gate; of other cells both are the same."
    )
    layers: Literal["every", "one"] = option("every", "All recurrent layers, or the one that is selected.")

    def compute(self, session):
        """Read the sample with every layer."""
        sample = sample_of(session, self.sample)
        paths = offered(recurrent(session.graph))
        if self.layers == "one":
            paths = [picked(recurrent(session.graph), session.graph, self.node, "that remembers").path]
        with looking(session.network):
            readings = [reading for path in paths for reading in read(session, path, sample)]
            kept = [r.rows("memory" if self.show == "memory" and "memory" in r.values else "state") for r in readings]
        arrays = {f"values{place}": rows.float().cpu().numpy().T for place, rows in enumerate(kept)}
        pieces = [labels(session, sample, len(rows)) for rows in kept]
        return Frame(arrays, {"names": [r.name for r in readings], "pieces": pieces} | sample.told())

    def draw(self, frame):
        """Draw a heat map for each layer and direction, the first one on top."""
        names = frame.words["names"]
        traces: list[Trace] = []
        layout: dict[str, Any] = {}
        every = np.concatenate([frame[f"values{place}"].flatten() for place in range(len(names))])
        most = float(np.abs(every[np.isfinite(every)]).max(initial=0)) or 1.0
        gap = min(0.09, 0.3 / len(names))
        for place, name in enumerate(names):
            values, pieces = frame[f"values{place}"], frame.words["pieces"][place]
            n = "" if place == 0 else str(place + 1)
            units, long = values.shape
            top = 1 - place / len(names)
            traces.append(
                heat(
                    np.round(values, 3),
                    np.arange(long),
                    np.arange(units),
                    "diverging",
                    xaxis=f"x{n}",
                    yaxis=f"y{n}",
                    showscale=place == 0,
                    colorbar={"thickness": 8, "len": 1},
                    hovertemplate=f"{name}, unit %{{y}}, place %{{x}}<br>%{{z:.3f}}<extra></extra>",
                    zmin=-most,
                    zmax=most,
                )
            )
            layout[f"xaxis{n}"] = along(pieces, anchor=f"y{n}")
            layout[f"yaxis{n}"] = axis(name, domain=[top - 1 / len(names) + gap, top], anchor=f"x{n}", nticks=5)
        return figure(traces, margin={"l": 56, "r": 8, "t": 8, "b": 24}, **layout)


def along(pieces: list[str], most: int = 60, **more: Any) -> dict[str, Any]:
    """Return an axis along a sequence, marked with what stands at each place, or where there are many, at some."""
    if pieces == [str(place) for place in range(len(pieces))]:  # nothing but numbers, which the axis knows itself
        return axis(range=[-0.5, len(pieces) - 0.5], nticks=min(most, 10)) | more
    every = max(1, -(-len(pieces) // most))
    shown = list(range(0, len(pieces), every))
    marks = {"tickvals": shown, "ticktext": [pieces[place] for place in shown]}
    return axis(range=[-0.5, len(pieces) - 0.5]) | marks | more
