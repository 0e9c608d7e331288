"""Histograms: how weights, gradients or activations of a node are distributed, step by step."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from engine.choice import option
from engine.figures.figure import axis, figure, heat, nothing
from engine.looking.frame import Frame
from engine.looking.pulse import HISTOGRAMS
from engine.looking.shared import nodes_of
from engine.looking.view import View, view

ROWS = 48


@view("histograms")
class Histograms(View):
    """How weights, gradients or activations of one layer are distributed, over the steps."""

    title, reads, pulses, rank = "Histograms", "record", True, 30
    hint = "Weights spread slowly from where they began; a band that narrows to zero or runs off the edge is trouble."

    of: Literal["weights", "gradients", "activations"] = option("weights", "What is counted.")
    node: Annotated[str, Field(max_length=200)] = option("", "The layer; empty: the first that has them.")

    def offers(self, experiment):
        """Offer the layers of the network."""
        return {"node": nodes_of(experiment.graph)}

    def compute(self, session):
        """Bring the histograms of all watched steps to the same bins."""
        kind = HISTOGRAMS.index(self.of)
        steps, rows, name = [], [], self.node
        for step, frame in session.record.pulses():
            nodes = frame.words["nodes"]
            if step > session.step:
                break
            having = [n for n, h in zip(nodes, frame["histograms"][:, kind], strict=True) if np.isfinite(h).all()]
            name = name or (having[0] if having else "")
            if name in having:
                steps.append(step)
                rows.append(frame["histograms"][nodes.index(name), kind])
        if not rows:
            return Frame({}, {"node": name})
        edges, density = rebinned(np.array(rows))
        return Frame({"steps": np.array(steps), "edges": edges, "density": density.astype(np.float32)}, {"node": name})

    def draw(self, frame):
        """Draw the share of values in each bin, over the steps."""
        if not frame.arrays:
            return nothing(
                f"Nothing was watched of {frame.words['node'] or 'any layer'}: it has no {self.of}, or no step was."
            )
        edges, density = frame["edges"], frame["density"]
        middles = (edges[1:] + edges[:-1]) / 2
        share = density / np.maximum(density.sum(axis=1, keepdims=True), 1e-12)
        share = np.round(share.astype(np.float32), 4)
        shown = np.round(np.where(share > 0, np.sqrt(share), np.nan), 3)  # the root lets thin tails be seen
        steps = [f"{step:,}" for step in frame["steps"]]
        hover = f"step %{{x}}, {self.of} about %{{y:.3g}}<br>%{{customdata:.2%}} of them<extra></extra>"
        trace = heat(shown.T, steps, middles, customdata=share.T, hovertemplate=hover, showscale=False)
        title = f"{self.of} of {frame.words['node']}"
        return figure([trace], xaxis=axis("step", type="category", nticks=6), yaxis=axis(title))


def rebinned(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return common edges, and of each row (counts, lowest, highest) the counts between them."""
    counts, low, high = rows[:, :-2], rows[:, -2], rows[:, -1]
    edges = np.linspace(low.min(), max(high.max(), low.min() + 1e-12), ROWS + 1)
    found = np.zeros((len(rows), ROWS))
    for place, (count, start, end) in enumerate(zip(counts, low, high, strict=True)):
        own = (
            np.linspace(start, end, len(count) + 1)
            if end > start
            else np.linspace(start - 1e-9, end + 1e-9, len(count) + 1)
        )
        heaped = np.concatenate([[0], np.cumsum(count)])
        found[place] = np.diff(np.interp(edges, own, heaped))
        if end == start:  # all in one bin
            found[place] = 0
            found[place, min(ROWS - 1, np.searchsorted(edges, start, "right") - 1)] = count.sum()
    return edges, found
