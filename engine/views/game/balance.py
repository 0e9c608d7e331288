"""Balance: which of the two is ahead: losses, verdicts, how often they are right, and how strongly both are driven."""

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from engine.choice import option
from engine.figures.figure import axis, caption, figure, smoothed, thinned
from engine.looking.frame import Frame
from engine.looking.pulse import gradients
from engine.looking.sample import noise_of
from engine.looking.view import View, view
from engine.tasks.verdicts import even
from engine.views.game.players import MADE, REAL, gameless, in_turn, made_of, middle, said_of

MOST = 300  # points of a line
BINS = 40
OF = {"discriminator": REAL, "generator": MADE}


@view("balance")
class Balance(View):
    """Both losses with the line at which neither can better itself, what the discriminator says of real and of made
    examples, and the gradients that come back to both.
    """

    title, rank, height = "Balance", 3, 330
    together = pulses = True
    hint = "Near the dashed lines neither wins. Two heaps far apart: the discriminator is sure, and teaches little."

    examples: Annotated[int, Field(ge=50, le=5000)] = option(500, "How many real and made examples are judged.")
    smoothing: Annotated[float, Field(ge=0, le=0.999)] = option(
        0.8, "How much of the past each point takes in.", felt=(0.0, 0.99)
    )

    def refuses(self, experiment):
        """Refuse what is no game."""
        return gameless(experiment)

    def compute(self, session):
        """Read losses and gradients, and ask for verdicts now."""
        learner: Any = session.network
        arrays: dict[str, Any] = {}
        curves = session.record.curves()
        for role in OF:
            points = [(s, np.nan if v is None else v) for s, v in curves.get(("train", f"{role} loss"), [])]
            table = np.array(points, float).reshape(-1, 2)
            arrays[f"{role} loss"] = np.stack(thinned(table[:, 0], table[:, 1], MOST))
        for role in OF:
            steps, lengths = gradients(session, role)
            arrays[f"{role} gradient"] = np.stack([steps, np.where(lengths > 0, lengths, np.nan)])
        _, split = session.split("validation")
        real = learner.material.given(split.inputs[: self.examples])
        classes = split.targets[: self.examples] if learner.task.told else None
        asked = in_turn(session, len(real))
        both = (
            said_of(session, real, classes),
            said_of(session, made_of(session, noise_of(session, len(real)), asked), asked),
        )
        line = middle(session)
        low, high = (0.0, 1.0) if line == 0.5 else (0.0, 0.0)
        low, high = min(low, *(float(one.min()) for one in both)), max(high, *(float(one.max()) for one in both))
        edges = np.linspace(low, max(high, low + 1e-6), BINS + 1)
        for name, one in zip(("real", "made"), both, strict=True):
            arrays[name] = np.histogram(one.numpy(), edges)[0] / len(one)
        arrays["edges"] = edges
        words: dict[str, Any] = {"loss": learner.task.loss, "middle": line}
        words |= {"real": float(both[0].mean()), "made": float(both[1].mean()), "smooth": learner.task.smooth}
        if line is not None:
            right = float((both[0] > line).float().mean() + (both[1] < line).float().mean()) / 2
            words["right"] = right
        return Frame({name: np.asarray(value, np.float32) for name, value in arrays.items()}, words)

    def draw(self, frame):
        """Draw losses and gradients over the steps, and verdicts at the right."""
        traces: list[dict[str, Any]] = []
        shapes: list[dict[str, Any]] = []
        levels = even(frame.words["loss"], frame.words["smooth"])
        for (role, colour), level in zip(OF.items(), levels, strict=True):
            steps, values = frame[f"{role} loss"].astype(float)
            shown = smoothed(values, self.smoothing) if len(steps) > 12 else values
            traces.append(_line(role, steps, shown, colour))
            if level is not None:
                dashed = {"color": colour, "width": 1, "dash": "dash"}
                ends = {"xref": "paper", "x0": 0, "x1": 0.55, "yref": "y", "y0": level, "y1": level}
                shapes.append({"type": "line", "line": dashed} | ends)
            steps, values = frame[f"{role} gradient"].astype(float)
            traces.append(_line(role, steps, values, colour, yaxis="y2", showlegend=False))
        edges = frame["edges"].astype(float)
        centres = np.round((edges[1:] + edges[:-1]) / 2, 4)
        for name, colour in (("real", REAL), ("made", MADE)):
            bar = {"type": "bar", "x": centres, "y": np.round(frame[name].astype(float), 4), "name": f"D of {name}"}
            bar |= {"marker": {"color": colour}, "opacity": 0.6, "xaxis": "x3", "yaxis": "y3", "showlegend": False}
            traces.append(bar | {"hovertemplate": f"%{{y:.1%}} of {name} near %{{x:.2f}}<extra></extra>"})
        line = frame.words["middle"]
        if line is not None:
            style = {"width": 1, "dash": "dash", "color": "#888888"}
            ends = {"xref": "x3", "x0": line, "x1": line, "yref": "paper", "y0": 0, "y1": 1}
            shapes.append({"type": "line", "line": style} | ends)
        said = f"D says {frame.words['real']:.2f} of real, {frame.words['made']:.2f} of made"
        said += f"; right {frame.words['right']:.0%}" if "right" in frame.words else ""
        told = " and ".join(f"{level:.2f}" for level in levels if level is not None)
        return figure(
            traces,
            xaxis=axis("step", domain=[0, 0.55], anchor="y2"),
            yaxis=axis("loss", domain=[0.5, 1]),
            yaxis2=axis("gradient", log=True, domain=[0, 0.42]),
            xaxis3=axis("verdict", domain=[0.64, 1], anchor="y3", range=[edges[0], edges[-1]]),
            yaxis3=axis("share", anchor="x3", tickformat=".0%"),
            barmode="overlay",
            bargap=0,
            shapes=shapes,
            annotations=[caption(f"dashed: neither can better itself ({told})"), caption(said, x=0.64)],
            showlegend=True,
            legend={"x": 0.55, "xanchor": "right", "y": 1, "font": {"size": 11}, "bgcolor": "rgba(128,128,128,0.12)"},
            margin={"l": 56, "r": 12, "t": 26, "b": 40},
            hovermode="closest",
        )


def _line(name, x, y, colour, **more):
    style = {"mode": "lines", "line": {"color": colour, "width": 2}, "legendgroup": name}
    return {"type": "scatter", "x": x, "y": y, "name": name} | style | more
