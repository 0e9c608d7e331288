"""Gradient flow: how the gradient, the updates and the dead units of every node develop."""

from typing import Literal

import numpy as np

from engine.choice import option
from engine.figures.figure import BAD, PALETTE, axis, figure, heat, nothing, says
from engine.views.frame import Frame
from engine.views.pulse import history
from engine.views.view import View, view

SMALL, LARGE = 1e-3, 1e2  # of the largest gradient in the same step; a gradient's length
SLOW, FAST = 1e-5, 1e-1  # of a weight, in one step
MOST_DEAD = 0.5


@view("flow")
class Flow(View):
    """How strongly each layer is driven: gradient, update against weight, or dead units; over time, and now."""

    title, reads, pulses, rank = "Gradient flow", "record", True, 20
    hint = "Layers of like colour learn alike; a row that fades toward the input vanishes, one that glares explodes."

    quantity: Literal["gradient norm", "update ratio", "dead units", "gradient mean", "weight norm"] = option(
        "gradient norm",
        "The length of the gradient; how far a step moves the weights, against their length (about 0.001 is healthy); "
        "the share of units that stayed at or below zero for a whole batch.",
    )
    show: Literal["both", "over time", "now"] = option("both", "The development, the latest step, or both.")

    def compute(self, session):
        """Read the quantity of every node at the steps that were watched."""
        found = history(session, self.quantity)
        return Frame({"steps": found.steps, "values": found.values.astype(np.float32)}, {"nodes": found.nodes})

    def draw(self, frame):
        """Draw a heat map over time, and bars of the latest step beside it, the input on top."""
        nodes, steps, values = frame.words["nodes"], frame["steps"], frame["values"]
        if not nodes:
            return nothing("No step has been watched yet.")
        log = self.quantity != "dead units"
        with np.errstate(divide="ignore"):
            shown = np.log10(values) if log else values
        shown = np.where(np.isfinite(shown), shown, np.nan)
        marks = marked(self.quantity, values[:, -1])
        traces, layout = [], {}
        if self.show != "now":
            traces.append(
                heat(
                    shown,
                    [f"{step:,}" for step in steps],
                    nodes,
                    customdata=values,
                    hovertemplate=f"%{{y}}, step %{{x}}<br>{self.quantity} %{{customdata:.3g}}<extra></extra>",
                    colorbar={
                        "title": {"text": "log₁₀" if log else "share", "side": "right"},
                        "thickness": 10,
                        "x": 0.62,
                    }
                    if self.show == "both"
                    else {"title": {"text": "log₁₀" if log else "share", "side": "right"}, "thickness": 10},
                )
            )
            layout["xaxis"] = axis(
                "step", domain=[0, 0.6] if self.show == "both" else [0, 1], type="category", nticks=6
            )
        if self.show != "over time":
            traces.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "x": values[:, -1],
                    "y": nodes,
                    "xaxis": "x2",
                    "marker": {"color": [BAD if mark else PALETTE[0] for mark in marks]},
                    "hovertemplate": f"%{{y}}<br>{self.quantity} %{{x:.3g}}<extra></extra>",
                }
            )
            layout["xaxis2"] = axis(
                f"{self.quantity}, step {steps[-1]:,}",
                log,
                domain=[0.76, 1] if self.show == "both" else [0, 1],
                nticks=4,
            )
            layout["annotations"] = [
                says(mark, x=1, xref="paper", xanchor="right", y=node, font={"color": BAD, "size": 11})
                for node, mark in zip(nodes, marks, strict=True)
                if mark
            ]
        return figure(traces, yaxis=axis(autorange="reversed", type="category"), **layout)


def marked(quantity: str, latest: np.ndarray) -> list[str]:
    """Return what is unhealthy of each node, in a word, or nothing."""
    largest = np.nanmax(latest)
    words = []
    for value in latest:
        word = ""
        if not np.isfinite(value):
            word = "not finite"
        elif quantity.startswith("gradient"):
            word = "exploding" if value > LARGE else "vanishing" if value < SMALL * largest else ""
        elif quantity == "update ratio":
            word = "too fast" if value > FAST else "hardly moves" if value < SLOW else ""
        elif quantity == "dead units":
            word = "mostly dead" if value > MOST_DEAD else ""
        words.append(word)
    return words
