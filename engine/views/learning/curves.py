"""Curves: losses and scores over the steps."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from engine.choice import option
from engine.figures.figure import PALETTE, axis, figure, nothing, smoothed, thinned
from engine.looking.frame import Frame
from engine.looking.view import Overlaid, view

MOST = 400  # points of a line: more than its pixels show
DASHES = ("dot", "dash", "solid", "dashdot", "longdash", "longdashdot")
ABOVE = {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"}  # the lines, which it must not hide
ASIDE = {"x": 1.02, "xanchor": "left", "y": 1}
ORDER = ("train", "validation", "test")
OF_LOSS = ("bits", "perplexity", "ELBO", "reconstruction", "KL")  # scores that say what the loss says, or is made of
# Scores that other views tell, on a scale of their own.
ELSEWHERE = ("active units", "angle to PCA", "modes", "D of real", "D of fake", "apart")


@view("curves")
class Curves(Overlaid):
    """Loss and scores of training and validation over the steps."""

    title, reads, rank = "Curves", "record", 10
    hint = "Both losses should fall together; where validation turns up again, the network learns by heart."

    show: Literal["both", "loss", "scores"] = option("both", "The loss, the other scores, or one above the other.")
    smoothing: Annotated[float, Field(ge=0, le=0.999)] = option(
        0.6, "How much of the past each point takes in; the curve as it is stays visible behind.", felt=(0.0, 0.99)
    )
    log_steps: bool = option(False, "Steps on a logarithmic axis, on which the beginning is wide.")
    log_loss: bool = option(False, "The loss on a logarithmic axis.")
    loss_in: Literal["nats", "bits", "perplexity"] = option(
        "nats",
        "Of cross-entropies: in nats, in bits, or as among how many equally likely answers it is as hard to choose.",
        rare=True,
    )

    def compute(self, session):
        """Read the curves of the run, and of those to compare it with."""
        arrays, lines = {}, []
        for run in ("", *self.also[:12]):
            for (split, metric), points in sorted(session.record.curves(run).items(), key=_place):
                if metric in (*OF_LOSS, *ELSEWHERE):
                    continue
                values = np.array([(step, np.nan if value is None else value) for step, value in points], float)
                steps, thin = thinned(values[:, 0], values[:, 1], MOST)
                arrays[str(len(lines))] = np.stack([steps, thin]).astype(np.float32)
                name = session.record.title(run) if self.also else ""
                lines.append({"run": name, "split": split, "metric": metric})
        return Frame(arrays, {"lines": lines})

    def draw(self, frame):
        """Draw loss and scores, each line with its unsmoothed self behind it."""
        lines = frame.words["lines"]
        metrics = list(dict.fromkeys(line["metric"] for line in lines if _shown(line["metric"], self.show)))
        if not metrics:
            return nothing("No step has been recorded yet.")
        loss, scores = any(map(_is_loss, metrics)), [m for m in metrics if not _is_loss(m)]
        of_roles = [m for m in metrics if _is_loss(m) and m != "loss"]
        traces = []
        runs = list(dict.fromkeys(line["run"] for line in lines))
        for place, line in enumerate(lines):
            if line["metric"] in metrics:
                style = {"color": _colour(line, scores, of_roles, runs), "dash": _dash(line, scores, of_roles, runs)}
                upper = _is_loss(line["metric"]) or not loss
                points = self._told(frame[str(place)]) if _is_loss(line["metric"]) else frame[str(place)]
                traces += self._line(points, line, style, "y" if upper else "y2")
        both = loss and bool(scores)
        layout = {"xaxis": axis("step", self.log_steps, anchor="y2" if both else "y"), "showlegend": True}
        layout["legend"] = {"font": {"size": 11}, "tracegroupgap": 0} | (ASIDE if len(runs) > 1 else ABOVE)
        layout["yaxis"] = axis(
            self._named() if loss else "score", self.log_loss and loss, domain=[0.48, 1] if both else [0, 1]
        )
        if both:
            layout["yaxis2"] = axis("score", domain=[0, 0.42])
        return figure(traces, **layout, meta={"moment": True}, hovermode="x unified")

    def _told(self, points):
        """Return steps and losses as they are asked for."""
        steps, values = points
        if self.loss_in == "nats":
            return points
        told = values / np.log(2) if self.loss_in == "bits" else np.exp(np.minimum(values, 80.0))
        return np.stack([steps, told])

    def _named(self):
        return {"nats": "loss", "bits": "loss in bits", "perplexity": "perplexity"}[self.loss_in]

    def _words(self, line):
        """Return what a line is called: of the loss its split, of a network's own loss and of scores what they are."""
        if line["metric"] == "loss":
            return [line["split"]]
        usual = "train" if _is_loss(line["metric"]) else "validation"
        return [line["metric"], *([line["split"]] if line["split"] != usual else [])]

    def _line(self, points, line, style, y):
        steps, values = points
        name = " ".join(filter(None, (line["run"], *self._words(line))))
        shared = {"type": "scatter", "x": steps, "yaxis": y, "name": name, "legendgroup": name}
        dots = "lines+markers" if len(steps) < 25 else "lines"
        if not self.smoothing or len(steps) < 12:
            return [shared | {"y": values, "mode": dots, "line": style | {"width": 2}, "marker": {"size": 5}}]
        behind = {"y": values, "mode": "lines", "line": {"color": style["color"], "width": 1}, "opacity": 0.25}
        return [
            shared | behind | {"showlegend": False, "hoverinfo": "skip"},
            shared | {"y": smoothed(values, self.smoothing), "mode": "lines", "line": style | {"width": 2}},
        ]


def _place(curve):
    (split, metric), _ = curve
    return not _is_loss(metric), metric != "loss", metric, ORDER.index(split) if split in ORDER else len(ORDER)


def _shown(metric, show):
    return show == "both" or _is_loss(metric) == (show == "loss")


def _is_loss(metric):
    """Return whether it is the loss, or that of one network among several."""
    return metric == "loss" or metric.endswith(" loss")


def _colour(line, scores, of_roles, runs):
    """Colour splits where one run is drawn, and runs where there are several."""
    if len(runs) > 1:
        return PALETTE[runs.index(line["run"]) % len(PALETTE)]
    if line["metric"] in of_roles:
        return PALETTE[(4 + of_roles.index(line["metric"])) % len(PALETTE)]
    if line["metric"] in scores:
        return PALETTE[(2 + scores.index(line["metric"])) % len(PALETTE)]
    return PALETTE[ORDER.index(line["split"]) if line["split"] in ORDER else 3]


def _dash(line, scores, of_roles, runs):
    """Where colours tell runs apart, tell losses apart by their split, and scores by what is scored."""
    if len(runs) < 2:
        return "solid"
    if line["metric"] == "loss":
        return {"train": "solid", "validation": "dot", "test": "dash"}.get(line["split"], "solid")
    named = of_roles if line["metric"] in of_roles else scores
    return DASHES[named.index(line["metric"]) % len(DASHES)]
