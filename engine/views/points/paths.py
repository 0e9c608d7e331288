"""Paths: every weight of a small network over the steps."""

from typing import Annotated

import numpy as np
from pydantic import Field

from engine.choice import option
from engine.figures.figure import PALETTE, axis, figure, nothing
from engine.graph.cost import cost
from engine.looking.frame import Frame
from engine.looking.pulse import path
from engine.looking.view import View, view
from engine.training.watch import FEW

MOST = 120  # lines


@view("weights")
class Paths(View):
    """Each weight of a small network over the steps, coloured by its layer; biases dotted."""

    title, reads, pulses, rank = "Weights", "record", True, 35
    hint = "Weights that settle have found their place; ones that keep running apart need decay or a smaller rate."

    node: Annotated[str, Field(max_length=200)] = option("", "One layer only; empty: all of them.")

    def refuses(self, experiment):
        """Refuse networks with more weights than can be followed one by one."""
        total = sum(cost(graph).total.weights for graph in experiment.graphs.values())
        words = f"{total:,} weights are too many to follow one by one: at most {FEW:,}."
        return "" if total <= FEW else words

    def offers(self, experiment):
        """Offer the layers that have weights."""
        return {"node": [layer.step.path for layer in cost(experiment.graph).layers if layer.counts.weights]}

    def compute(self, session):
        """Read all weights at the steps that were watched."""
        steps, values, names = path(session)
        return Frame({"steps": steps, "values": values.astype(np.float32)}, {"names": names})

    def draw(self, frame):
        """Draw a line for each weight."""
        steps, values = frame["steps"], frame["values"]
        if not len(steps):
            return nothing("No step has been watched yet.")
        traces, at, layers = [], 0, []
        for name, sizes in frame.words["names"]:
            count = int(np.prod(sizes))
            node, _, what = name.rpartition(".")
            if not self.node or node == self.node:
                layers += [node] if node not in layers else []
                line = {
                    "color": PALETTE[layers.index(node) % len(PALETTE)],
                    "width": 1.3,
                    "dash": "dot" if what == "bias" else "solid",
                }
                for place in range(count):
                    index = ",".join(map(str, np.unravel_index(place, sizes)))
                    traces.append(
                        {
                            "type": "scatter",
                            "mode": "lines",
                            "x": steps,
                            "y": np.round(values[:, at + place], 4),
                            "line": line,
                            "name": node,
                            "legendgroup": node,
                            "showlegend": not any(trace["name"] == node for trace in traces),
                            "hovertemplate": f"{name}[{index}], step %{{x}}: %{{y:.4g}}<extra></extra>",
                        }
                    )
            at += count
        aside = {"x": 1.02, "xanchor": "left", "y": 1, "tracegroupgap": 0, "font": {"size": 11}}
        drawn = figure(traces[:MOST], xaxis=axis("step"), yaxis=axis("weight"), showlegend=True, legend=aside)
        drawn["layout"]["meta"] = {"moment": True}
        return drawn
