"""Gradient flow: how the gradient, the updates and the dead units of every node develop."""

from typing import Any, Literal

import numpy as np

from engine.choice import option
from engine.figures.figure import BAD, PALETTE, axis, figure, heat, nothing
from engine.looking.frame import Frame
from engine.looking.pulse import history
from engine.looking.view import View, view

SMALL, LARGE = 1e-3, 1e2  # of the largest gradient in the same step; a gradient's length
SLOW, FAST = 1e-5, 1e-1  # of a weight, in one step
MOST_DEAD = 0.5


@view("flow")
class Flow(View):
    """How strongly each layer is driven: gradient, update against weight, or dead units; over time, and now."""

    title, reads, pulses, rank = "Gradient flow", "record", True, 20
    hint = "Layers of like colour learn alike. Pale toward the input: gradients vanish; very dark: they explode."

    quantity: Literal[
        "gradient norm", "clipped gradient", "update ratio", "dead units", "gradient mean", "weight norm"
    ] = option(
        "gradient norm",
        "The length of the gradient as it came back, and what clipping left of it; how far a step moves the weights, "
        "against their length (about 0.001 is healthy); the share of units at or below zero in several batches.",
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
        both = self.show == "both"
        traces, layout = [], {}
        if self.show != "now":
            hover = f"%{{y}}, step %{{x}}<br>{self.quantity} %{{customdata:.3g}}<extra></extra>"
            bar = {"thickness": 8, "len": 1, "tickfont": {"size": 10}, "x": 0.585 if both else 1} | _decades(shown, log)
            steps_in_words = [f"{step:,}" for step in steps]
            traces.append(
                heat(
                    np.round(shown, 2),
                    steps_in_words,
                    nodes,
                    customdata=rounded(values),
                    hovertemplate=hover,
                    colorbar=bar,
                )
            )
            layout["xaxis"] = axis(
                "step watched", domain=[0, 0.57] if both else [0, 1], type="category", nticks=5, tickangle=0
            )
        if self.show != "over time":
            traces.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "x": rounded(values[:, -1]),
                    "y": nodes,
                    "xaxis": "x2",
                    "marker": {"color": [BAD if mark else PALETTE[0] for mark in marks]},
                    "text": [mark or f"{value:.2g}" for mark, value in zip(marks, values[:, -1], strict=True)],
                    "textposition": "auto",
                    "textangle": 0,
                    "hovertemplate": f"%{{y}}<br>{self.quantity} %{{x:.3g}}<extra></extra>",
                }
            )
            title = self.quantity.replace(" ", "<br>") if both else f"{self.quantity}, step {steps[-1]:,}"
            side = axis(title, rangemode="tozero", showticklabels=False)  # the bars say their numbers
            layout["xaxis2"] = side | {"domain": [0.72, 1] if both else [0, 1]}
        return figure(traces, yaxis=axis(range=[len(nodes) - 0.5, -0.5], type="category"), **layout)


def _decades(shown: np.ndarray, log: bool) -> dict[str, Any]:
    """Return the ticks of a colour bar, named by the values themselves where it shows their logarithms."""
    if not log:
        return {"tickformat": ".0%"}
    if not np.isfinite(shown).any():
        return {"showticklabels": False}
    low, high = np.nanmin(shown), np.nanmax(shown)
    decades = 10.0 ** np.arange(np.floor(low), np.ceil(high) + 1, max(1, round((high - low) / 4)))
    ticks = decades if high - low > 2 else np.outer(decades, (1, 2, 5)).flatten()
    here = [tick for tick in ticks if low <= np.log10(tick) <= high]
    return {"tickvals": np.log10(here), "ticktext": [f"{tick:.1g}" for tick in here]}


def rounded(values: np.ndarray) -> np.ndarray:
    """Return values with four digits that count, which is what a figure shows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (3 - np.floor(np.log10(np.abs(values))))
        short = np.round(values * scale) / scale
    return np.where(np.isfinite(scale), short, values).astype(np.float32)


def marked(quantity: str, latest: np.ndarray) -> list[str]:
    """Return what is unhealthy of each node, in a word, or nothing."""
    largest = np.nanmax(latest)
    words = []
    for value in latest:
        word = ""
        if not np.isfinite(value):
            word = "not finite"
        elif "gradient" in quantity:
            word = "exploding" if value > LARGE else "vanishing" if value < SMALL * largest else ""
        elif quantity == "update ratio":
            word = "too fast" if value > FAST else "hardly moves" if value < SLOW else ""
        elif quantity == "dead units":
            word = "mostly dead" if value > MOST_DEAD else ""
        words.append(word)
    return words
