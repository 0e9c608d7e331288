"""Activations: what every node gives, in mean and spread."""

from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.figures.figure import BAD, PALETTE, axis, figure
from engine.graph.capture import hooked
from engine.looking.frame import Frame
from engine.looking.session import looking
from engine.looking.view import View, view
from engine.training.watch import axes_of, gist, nodes


@view("activations")
class Activations(View):
    """What each layer gives for a few examples: mean, spread, and the share of units that stay silent."""

    title, rank = "Activations", 40
    hint = "Spreads of similar size carry the signal through; one that shrinks or grows from layer to layer loses it."

    examples: Annotated[int, Field(ge=1, le=1024)] = option(64, "How many validation examples flow through.")

    def compute(self, session):
        """Let examples through, and measure what comes out of every node."""
        learner = session.network
        _, split = session.split("validation")
        found: dict[str, torch.Tensor] = {}
        axes = axes_of(learner)

        def look(name):
            def measure(output):
                if isinstance(output, torch.Tensor) and output.is_floating_point():
                    values = output.detach().float()
                    mean, deviation, quiet = gist(values, axes.get(name, 0))
                    found[name] = torch.stack([mean, deviation, values.min(), values.max(), quiet.float().mean()])

            return measure

        with hooked([(module, look(name)) for name, module in nodes(learner)]), looking(learner):
            learner.task.answer(learner.networks, learner.material.given(split.inputs[: self.examples]))
        measured = torch.stack(list(found.values())).cpu().numpy() if found else np.zeros((0, 5), np.float32)
        return Frame({"measured": measured}, {"nodes": list(found), "examples": min(self.examples, len(split))})

    def draw(self, frame):
        """Draw mean and spread of each node, and how many of its units are silent."""
        nodes, measured = frame.words["nodes"], frame["measured"]
        mean, spread, low, high, silent = measured.T
        shown = {
            "type": "scatter",
            "mode": "markers",
            "x": nodes,
            "y": mean,
            "error_y": {"type": "data", "array": spread, "thickness": 2, "width": 5},
            "marker": {"size": 8, "color": PALETTE[0]},
            "customdata": np.stack([spread, low, high, silent], axis=1),
            "hovertemplate": "%{x}<br>mean %{y:.3g} ± %{customdata[0]:.3g}<br>"
            "from %{customdata[1]:.3g} to %{customdata[2]:.3g}<br>silent units %{customdata[3]:.0%}<extra></extra>",
        }
        dead = {
            "type": "bar",
            "x": nodes,
            "y": silent,
            "yaxis": "y2",
            "marker": {"color": BAD},
            "hovertemplate": "%{x}<br>silent units %{y:.0%}<extra></extra>",
        }
        return figure(
            [shown, dead],
            xaxis=axis(anchor="y2", type="category"),
            yaxis=axis("mean ± spread", domain=[0.36, 1], zeroline=True),
            yaxis2=axis("silent units", domain=[0, 0.24], range=[0, 1], tickformat=".0%"),
        )
