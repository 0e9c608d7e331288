"""Warp: the plane as each layer bends it, until a line can tell the classes apart."""

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.figures.figure import axis, figure, says
from engine.graph.graph import Graph
from engine.graph.rows import columns
from engine.looking.frame import Frame
from engine.looking.shared import ROLE, Words
from engine.looking.view import View, view
from engine.views.points.plane import COLOURS, heights, neurons, off_the_plane, plane, told_apart

LINES, PLACES = 13, 49  # grid lines each way, and places along each
MOST_POINTS = 300
MOST_LAYERS = 6


@view("warp")
class Warp(View):
    """The plane as every layer bends it; of more than two neurons, the two directions in which points vary most."""

    title, rank = "Warped space", 8
    hint = "Follow the classes from left to right: in the last picture one straight line should part them."

    role: Words = ROLE
    points: Annotated[int, Field(ge=0, le=MOST_POINTS)] = option(200, "How many training points are shown.")

    def refuses(self, experiment):
        """Refuse what is no plane, or no row of layers with two neurons and more."""
        if words := off_the_plane(experiment):
            return words
        bending = _bending(experiment.graph)
        return "" if len(bending) > 1 else "Space is bent by hidden layers of at least two neurons; there is none."

    def compute(self, session):
        """Send a grid and some points through the network, and lay each layer's answer into a plane."""
        graph, train = session.graph, session.network.train
        grid = plane(session, PLACES)
        step = (PLACES - 1) // (LINES - 1)
        rows = np.arange(PLACES * PLACES).reshape(PLACES, PLACES)
        lines = np.concatenate([rows[::step], rows.T[::step]])  # 2·LINES lines of PLACES places
        shown = train.inputs[: self.points]
        arrays = {"of": heights(session, train.targets[: self.points]).cpu().numpy()}
        names = []
        nodes = _bending(graph)[:MOST_LAYERS]
        for node, bent in zip(nodes, neurons(session, nodes, torch.cat([grid.inputs, shown])), strict=True):
            flat = _flat(bent, len(shown)) if bent.shape[1] > 2 else bent
            arrays[f"grid{len(names)}"] = flat[: PLACES * PLACES].numpy()[lines].astype(np.float32)
            arrays[f"points{len(names)}"] = flat[PLACES * PLACES :].numpy().astype(np.float32)
            names.append(node + (f" ({bent.shape[1]} → 2)" if bent.shape[1] > 2 else ""))
        return Frame(arrays, {"names": names, "classes": told_apart(session)})

    def draw(self, frame):
        """Draw one plane for each layer, side by side."""
        names, of = frame.words["names"], frame["of"]
        number = len(names)
        traces, layout, annotations = [], {}, []
        for place, name in enumerate(names):
            end = "" if place == 0 else str(place + 1)
            axes = {"xaxis": f"x{end}", "yaxis": f"y{end}"}
            lines = frame[f"grid{place}"]
            gaps = np.full((len(lines), 1, 2), np.nan, np.float32)
            path = np.round(np.concatenate([lines, gaps], axis=1).reshape(-1, 2), 3)
            thin = {"color": "#7b8794", "width": 0.7}
            shared = {"type": "scatter", "hoverinfo": "skip"}
            traces.append(shared | axes | {"mode": "lines", "x": path[:, 0], "y": path[:, 1], "line": thin})
            for kind, colour in enumerate(COLOURS[: max(1, len(frame.words["classes"]))]):
                chosen = frame[f"points{place}"][of == kind] if frame.words["classes"] else frame[f"points{place}"]
                marker = {"size": 4.5, "color": colour}
                if not frame.words["classes"]:
                    most = float(np.abs(of).max()) if len(of) else 1.0
                    marker = {"size": 4.5, "color": of, "cmin": -most, "cmax": most}
                at = {"x": chosen[:, 0], "y": chosen[:, 1], "mode": "markers", "marker": marker}
                coloured = {} if frame.words["classes"] else {"marker": "diverging"}
                traces.append(shared | axes | at | {"meta": {"points": True} | coloured})
            left, right = place / number + 0.01, (place + 1) / number - 0.01
            bare: dict[str, Any] = {"showticklabels": False, "zeroline": False, "showgrid": False}
            layout[f"xaxis{end}"] = axis(domain=[left, right], anchor=f"y{end}", **bare)
            layout[f"yaxis{end}"] = axis(anchor=f"x{end}", **bare)
            annotations.append(
                says(name, xref="paper", yref="paper", x=(left + right) / 2, y=1.0, yanchor="bottom", font={"size": 11})
            )
        return figure(traces, annotations=annotations, margin={"l": 8, "r": 8, "t": 26, "b": 8}, **layout)


def _bending(graph: Graph) -> list[str]:
    """Return the nodes between which space is bent: the input, its features, and layers of at least two neurons."""
    row = columns(graph)
    first = list(graph.inputs) if row else []
    wide = [c.gives for c in row if not c.weights or getattr(graph[c.weights].layer, "units", 0) > 1]
    return list(dict.fromkeys([*first, *wide]))


def _flat(bent: torch.Tensor, points: int) -> torch.Tensor:
    """Return the two directions in which the points vary most, or the grid where there are no points."""
    chosen = bent[-points:] if points > 2 else bent
    middle = chosen.mean(dim=0)
    _, _, directions = torch.linalg.svd(chosen - middle, full_matrices=False)
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    return (bent - middle) @ (directions * largest.sign())[:2].T  # signs by convention: pictures do not flip
