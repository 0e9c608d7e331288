"""States: what every recurrent layer holds at every place of a sequence."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import PALETTE, Trace, axis, caption, figure, heat, line
from engine.looking.frame import Frame
from engine.looking.sample import Sample, sample_of
from engine.looking.session import Session, looking
from engine.looking.shared import offered, picked
from engine.looking.view import view
from engine.views.sequences.cells import OfCells, labels, read, read_together, recurrent, said_at_places
from engine.views.sequences.matching import Match, matches, on_along
from engine.views.sequences.pool import pooled, units_of

MATCHES = 8  # places that are shown
MOST_LINES = 40  # of a layer
AROUND = 12  # pieces before and behind one
Place = Annotated[int, Field(ge=0, le=100_000)]


@view("states")
class States(OfCells):
    """Units × time: what is held at every place, of every recurrent layer and in both directions."""

    title, rank, height = "States", 10, 340
    hint = (
        "A row that keeps its colour remembers; one that flickers only sees what is there. Drag over a stretch to find "
        "where else the same units are on."
    )

    show: Literal["state", "memory"] = option(
        "state", "What a layer gives, or what an LSTM keeps behind its output gate; of other cells both are the same."
    )
    layers: Literal["every", "one"] = option("every", "All recurrent layers, or the one that is selected.")
    drawn_as: Literal["heat maps", "lines"] = option("heat maps", "A row for each unit, or a line for each.", rare=True)
    first: Place | None = option(None, "Where a stretch begins that is searched for elsewhere.", none="none", rare=True)
    last: Place | None = option(None, "Where it ends.", none="none", rare=True)
    least: Annotated[float, Field(ge=0.01, le=1)] = option(
        0.3, "How far from zero a unit is that counts as being on.", rare=True
    )
    among: Literal["validation", "test", "train"] = option("validation", "Where it is searched.", rare=True)

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
        words: dict[str, Any] = {"names": [r.name for r in readings], "pieces": pieces}
        if self.first is not None and self.last is not None:
            words["brushed"] = self._matching(session, sample, self.first, self.last)
        return Frame(arrays, words | sample.told())

    def _matching(self, session: Session, sample: Sample, first: int, last: int) -> dict[str, Any]:
        """Return which units are on all along the stretch, and where else most of them are."""
        with looking(session.network):
            readings = read_together(session, offered(recurrent(session.graph)), sample.given)
        long = len(readings[0].values["state"])
        readings = [one for one in readings if len(one.values["state"]) == long]
        states = torch.cat([one.rows("state") for one in readings], dim=-1)[:, 0].float().cpu().numpy()
        first, last = sorted((min(first, long - 1), min(last, long - 1)))
        signs = on_along(states, first, last, self.least)
        units = units_of(readings)
        name, pool = pooled(session, self.among)
        if pool.units != units[: len(pool.units)]:
            raise VitrineError("Elsewhere other layers are read.", cure="Choose another example.")
        at = sample.at[1] if sample.at and sample.at[0] == name else -1
        itself = Match(at, first, last, 0) if at >= 0 else None
        found = matches(pool, signs[: len(pool.units)], last - first + 1, self.least, MATCHES, itself)
        on: dict[str, list[int]] = {}
        for place in np.flatnonzero(signs).tolist():
            on.setdefault(units[place][0], []).append(units[place][1])
        told = [[one.example, one.first, one.last, one.units, *self._around(session, name, one)] for one in found]
        return {"first": first, "last": last, "on": on, "many": int((signs != 0).sum()), "matches": told, "split": name}

    def _around(self, session: Session, split: str, match: Match) -> tuple[str, str, str]:
        """Return what stands before a match, in it, and behind."""
        values = session.examples(split, [match.example])[0]
        pieces = said_at_places(session, values)
        between = "" if all(len(piece) == 1 for piece in pieces) else " "
        before = pieces[max(0, match.first - AROUND) : match.first]
        inside, behind = pieces[match.first : match.last + 1], pieces[match.last + 1 : match.last + 1 + AROUND]
        return between.join(before), between.join(inside), between.join(behind)

    def pick(self, point):
        """Search for the stretch that was brushed; a click ends that."""
        first, last = point.get("from"), point.get("to")
        if isinstance(first, int | float) and isinstance(last, int | float) and abs(first) + abs(last) < 1e6:
            return self.but(first=max(0, round(min(first, last))), last=max(0, round(max(first, last))))
        return self.but(first=None, last=None) if self.first is not None else None

    def draw(self, frame):
        """Draw a heat map for each layer and direction, the first one on top."""
        names = frame.words["names"]
        traces: list[Trace] = []
        layout: dict[str, Any] = {}
        every = np.concatenate([frame[f"values{place}"].flatten() for place in range(len(names))])
        most = float(np.abs(every[np.isfinite(every)]).max(initial=0)) or 1.0
        gap = min(0.09, 0.3 / len(names))
        brushed = frame.words.get("brushed")
        floor = 0.42 if brushed else 0.0  # under it stands what was found
        for place, name in enumerate(names):
            values, pieces = frame[f"values{place}"], frame.words["pieces"][place]
            n = "" if place == 0 else str(place + 1)
            top = 1 - place / len(names)
            if self.drawn_as == "lines":
                traces += _lines(name, values, n)
            else:
                traces.append(_map(name, values, n, most, place == 0))
            layout[f"xaxis{n}"] = along(pieces, anchor=f"y{n}")
            bounds = [floor + (1 - floor) * share for share in (top - 1 / len(names) + gap, top)]
            layout[f"yaxis{n}"] = axis(name, domain=bounds, anchor=f"x{n}", nticks=5)
        if brushed:
            ends = {"x0": brushed["first"] - 0.5, "x1": brushed["last"] + 0.5, "y0": floor, "y1": 1}
            mark = {"type": "rect", "xref": "x", "yref": "paper", "line": {"color": PALETTE[1], "width": 2}}
            layout |= {"shapes": [mark | ends], "annotations": [_told(brushed, floor)]}
        layout |= {"dragmode": "select", "selectdirection": "h"}
        return figure(traces, margin={"l": 56, "r": 8, "t": 8, "b": 24}, **layout)


def _map(name: str, values: np.ndarray, n: str, most: float, scale: bool) -> Trace:
    """Return the heat map of a layer's units."""
    units, long = values.shape
    return heat(
        np.round(values, 3),
        np.arange(long),
        np.arange(units),
        "diverging",
        xaxis=f"x{n}",
        yaxis=f"y{n}",
        showscale=scale,
        colorbar={"thickness": 8, "len": 1},
        hovertemplate=f"{name}, unit %{{y}}, place %{{x}}<br>%{{z:.3f}}<extra></extra>",
        zmin=-most,
        zmax=most,
    )


def _lines(name: str, values: np.ndarray, n: str) -> list[Trace]:
    """Return a line for each of a layer's units, as many as can be told apart: those that move most."""
    spread = np.nan_to_num(values).std(axis=1)
    chosen = sorted(np.argsort(-spread, kind="stable")[:MOST_LINES].tolist())
    at = np.arange(values.shape[1])
    return [
        line(
            f"{name}, unit {unit}",
            at,
            np.round(values[unit], 3),
            PALETTE[number % len(PALETTE)],
            mode="lines",
            xaxis=f"x{n}",
            yaxis=f"y{n}",
            opacity=0.8,
        )
        for number, unit in enumerate(chosen)
    ]


def _told(brushed: dict[str, Any], floor: float) -> dict[str, Any]:
    """Return what was found of a stretch, line by line."""
    if not brushed["many"]:
        lines = ["No unit is on all along this stretch: brush a shorter one."]
    else:
        on = "; ".join(f"{name}: {', '.join(map(str, units[:20]))}" for name, units in brushed["on"].items())
        where = "Where else most of them are:" if brushed["matches"] else "Nowhere else are any of them on."
        lines = [f"<b>{brushed['many']} units are on from {brushed['first']} to {brushed['last']}</b> ({on}). {where}"]
    for example, first, last, units, before, inside, behind in brushed["matches"]:
        where = f"{brushed['split']} {example}, {first}–{last}"
        lines.append(f"{where}, {units} units: {before} <b>{inside}</b> {behind}")
    return caption("<br>".join(lines), yanchor="top", y=floor - 0.07)


def along(pieces: list[str], most: int = 60, **more: Any) -> dict[str, Any]:
    """Return an axis along a sequence, marked with what stands at each place, or where there are many, at some."""
    if pieces == [str(place) for place in range(len(pieces))]:  # nothing but numbers, which the axis knows itself
        return axis(range=[-0.5, len(pieces) - 0.5], nticks=min(most, 10)) | more
    every = max(1, -(-len(pieces) // most))
    shown = list(range(0, len(pieces), every))
    marks = {"tickvals": shown, "ticktext": [pieces[place] for place in shown]}
    return axis(range=[-0.5, len(pieces) - 0.5]) | marks | more
