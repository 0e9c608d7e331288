"""Anatomy of the loss: what is lost and what is told, over the steps and against one another."""

import numpy as np

from engine.figures.figure import PALETTE, axis, caption, figure, line, nothing
from engine.looking.frame import Frame
from engine.looking.view import Overlaid, view

PARTS = ("reconstruction", "KL")


@view("anatomy")
class Anatomy(Overlaid):
    """The two parts of a variational loss, of examples that were not learned from: over the steps, and against one
    another, as rate and distortion; of several runs over one another, each with a beta of its own.
    """

    title, reads, rank, height, wide = "Anatomy of the loss", "record", 8, 300, True
    hint = "Whoever tells more about an example (to the right) gets it back better (lower). Beta sets the price."

    def refuses(self, experiment):
        """Refuse losses that are not made of these parts."""
        return "" if experiment.task.draws else "Only variational losses have these two parts."

    def compute(self, session):
        """Read both parts of the run, and of those to compare it with."""
        arrays, names = {}, []
        for run in ("", *self.also[:12]):
            curves = session.record.curves(run)
            parts = [dict(curves.get(("validation", part), [])) for part in PARTS]
            steps = [step for step in parts[0] if parts[0][step] is not None and parts[1].get(step) is not None]
            if steps:
                table = [(step, *(part[step] for part in parts)) for step in steps]
                arrays[str(len(names))] = np.array(table, np.float32).T
                names.append(session.record.title(run) if self.also else "")
        return Frame(arrays, {"names": names})

    def draw(self, frame):
        """Draw both parts over the steps, and one against the other."""
        names = frame.words["names"]
        if not names:
            return nothing("The parts are told after each epoch; none is over yet.")
        traces = []
        for place, name in enumerate(names):
            steps, lost, told = (np.round(row.astype(float), 3) for row in frame[str(place)])
            colours = (PALETTE[1], PALETTE[0]) if len(names) == 1 else (PALETTE[place % len(PALETTE)],) * 2
            traces.append(line(f"{name} reconstruction".strip(), steps, lost, colours[0]))
            traces.append(line(f"{name} KL".strip(), steps, told, colours[1], yaxis="y2"))
            way = line(f"{name} step by step".strip(), told, lost, colours[1], xaxis="x3", yaxis="y3", text=steps)
            traces.append(way | {"hovertemplate": "step %{text}: tells %{x}, loses %{y}<extra></extra>"})
            end = {"type": "scatter", "mode": "markers", "x": told[-1:], "y": lost[-1:], "xaxis": "x3", "yaxis": "y3"}
            end |= {"marker": {"size": 12, "color": colours[1]}, "hoverinfo": "skip", "showlegend": False}
            traces.append(end)
        least = min(float(frame[str(place)][1:].sum(axis=0).min()) for place in range(len(names)))
        said = f"against one another; their sum came down to {least:.1f}"
        return figure(
            traces,
            xaxis=axis("step", domain=[0, 0.52], anchor="y2"),
            yaxis=axis("lost: nats", domain=[0.54, 1]),
            yaxis2=axis("told: nats (KL)", domain=[0, 0.44], rangemode="tozero"),
            xaxis3=axis("told: nats (rate)", domain=[0.62, 1], anchor="y3", rangemode="tozero"),
            yaxis3=axis("lost: nats (distortion)", anchor="x3"),
            annotations=[caption("over the steps"), caption(said, x=0.62)],
            showlegend=len(names) > 1,
            margin={"l": 56, "r": 12, "t": 26, "b": 40},
        )
