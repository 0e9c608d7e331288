"""Units: what every neuron gives, and how strongly the loss depends on it."""

from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.figures.figure import BAD, PALETTE, axis, figure
from engine.graph.capture import capturing
from engine.graph.rows import columns
from engine.looking.frame import Frame
from engine.looking.session import asking_back
from engine.looking.shared import ROLE, Words
from engine.looking.view import View, view

MOST = 200  # neurons that are drawn
SILENT = 1e-9


@view("units")
class Units(View):
    """Every hidden neuron for itself: what it gives over the training examples, and the gradient that reaches it."""

    title, rank = "Activation and gradient", 4
    hint = "Short bars at an end are saturated, bars at zero dead; a neuron whose gradient is tiny learns no more."

    role: Words = ROLE
    examples: Annotated[int, Field(ge=2, le=2000)] = option(300, "How many training examples flow through.")

    def refuses(self, experiment):
        """Refuse what is no row of dense layers, and what learns without gradients."""
        if not columns(experiment.graph):
            return "Single neurons are shown of dense layers in a row."
        return "" if experiment.task.by_gradient else "The perceptron rule has no gradients."

    def compute(self, session):
        """Let examples through and the loss back, keeping what each neuron gave and was given."""
        learner = session.network
        every = [column.gives for column in columns(session.graph) if column.weights]
        gives = every[:-1] or every  # what answers stands on another scale
        inputs, targets = learner.train.inputs[: self.examples], learner.train.targets[: self.examples]
        with capturing(session.module, gives, joined=True) as kept, asking_back(learner):
            loss = session.turn(learner.networks, learner.material.given(inputs), targets).loss()
            found = torch.autograd.grad(loss, [kept[name] for name in gives], allow_unused=True)
        rows, names, layers = [], [], []
        for name, gradient in zip(gives, found, strict=True):
            values = kept[name].detach().float()
            slopes = torch.zeros_like(values) if gradient is None else gradient.float() * len(inputs)
            low, middle, high = torch.quantile(values, torch.tensor([0.05, 0.5, 0.95], device=values.device), dim=0)
            rows.append(torch.stack([low, middle, high, values.mean(dim=0), slopes.abs().mean(dim=0)], dim=1))
            names += [f"{name} {unit}" for unit in range(values.shape[1])]
            layers += [name] * values.shape[1]
        table = torch.cat(rows)[:MOST].cpu().numpy().astype(np.float32)
        return Frame({"table": table}, {"names": names[:MOST], "layers": layers[:MOST], "units": len(names)})

    def draw(self, frame):
        """Draw the range of each neuron as a bar with its mean, and beneath it the gradient."""
        low, middle, high, mean, slope = frame["table"].T
        names, layers = frame.words["names"], frame.words["layers"]
        order = list(dict.fromkeys(layers))
        colours = [PALETTE[order.index(layer) % len(PALETTE)] for layer in layers]
        shared = {"type": "bar", "x": names}
        ranges = {
            "base": low,
            "y": high - low,
            "marker": {"color": colours, "opacity": 0.45},
            "customdata": np.stack([low, middle, high], axis=1),
            "hovertemplate": "%{x}<br>5 %: %{customdata[0]:.3g}<br>half: %{customdata[1]:.3g}<br>"
            "95 %: %{customdata[2]:.3g}<extra></extra>",
        }
        dots = {
            "type": "scatter",
            "mode": "markers",
            "x": names,
            "y": mean,
            "marker": {"color": colours, "size": 8, "symbol": "line-ew", "line": {"width": 3, "color": colours}},
            "hovertemplate": "%{x}<br>mean %{y:.3g}<extra></extra>",
        }
        slopes = {
            "y": np.maximum(slope, SILENT),
            "yaxis": "y2",
            "marker": {"color": [BAD if one <= SILENT else colour for one, colour in zip(slope, colours, strict=True)]},
            "hovertemplate": "%{x}<br>gradient %{y:.3g}<extra></extra>",
        }
        left_out = frame.words["units"] - len(names)
        return figure(
            [shared | ranges, dots, shared | slopes],
            xaxis=axis(f"neurons; {left_out:,} more" if left_out else "", anchor="y2", type="category"),
            yaxis=axis("gives", domain=[0.46, 1], zeroline=True),
            yaxis2=axis("mean |gradient|", True, domain=[0, 0.38], exponentformat="power", dtick=1),
            barmode="overlay",
            bargap=0.25,
        )
