"""Spread: the errors of all parts of a series, folds or values of a sweep, and how far they lie apart."""

from typing import Literal

import numpy as np

from engine.choice import option
from engine.figures.figure import PALETTE, axis, figure, nothing, says
from engine.graph.cost import cost
from engine.looking.frame import Frame
from engine.looking.view import View, view
from engine.training.series import several

SPLITS = ("train", "validation", "test")
SCORES = {"error": "accuracy", "loss": "loss"}
AXES = {"size": "weights", "noise": "noise", "examples": "training examples"}


@view("spread")
class Spread(View):
    """What every fold, or every value of a sweep, came to: each run a dot, their mean a line, their spread a band."""

    title, reads, rank, wide = "Folds and sweep", "record", 8, True
    hint = "Where training error falls and validation error rises, the network learns by heart; a wide band is chance."

    measure: Literal["error", "loss"] = option("error", "The share that is wrong, or the loss.")
    test: bool = option(False, "Show the test examples too.")

    def refuses(self, experiment):
        """Refuse experiments that are one run only."""
        return "" if several(experiment.recipe) else "Choose folds or a sweep in the recipe, under More, and train."

    def compute(self, session):
        """Read how the parts ended that are done."""
        found = session.record.parts()
        splits = [name for name in SPLITS if self.test or name != "test"]
        measure = self.measure if all("accuracy" in part.scores.get("train", {}) for part in found) else "loss"
        score = SCORES[measure]
        values = [[part.scores.get(split, {}).get(score, np.nan) for split in splits] for part in found]
        table = np.array(values, float).reshape(len(found), len(splits))
        sweep = session.experiment.recipe.sweep
        at = [_place(part.experiment, sweep.vary if sweep else "fold") for part in found]
        arrays = {"at": np.array(at, float), "values": 1 - table if measure == "error" else table}
        told = {"splits": splits, "measure": measure, "along": AXES[sweep.vary] if sweep else "fold"}
        return Frame(arrays, told)

    def draw(self, frame):
        """Draw dots of all parts; over the values of a sweep lines and bands, over folds one level for all."""
        at, values, told = frame["at"], frame["values"], frame.words
        if not len(at):
            return nothing("No part is done yet.")
        folds = told["along"] == "fold"
        traces, words = [], []
        for place, split in enumerate(told["splits"]):
            column = values[:, place]
            if not np.isfinite(column).any():
                continue
            groups = [(at[0], column), (at[-1], column)] if folds else [(x, column[at == x]) for x in np.unique(at)]
            traces += _shown(at, column, groups, split, told)
            mean, spread = np.nanmean(column), np.nanstd(column, ddof=1) if len(column) > 1 else 0.0
            words.append(f"{split} {_number(mean, told)} ± {_number(spread, told)}")
        log = told["along"] in ("weights", "training examples")
        places = np.unique(at)
        ticks = {"tickvals": places, "ticktext": [f"{place:,.4g}" for place in places]} if len(places) < 13 else {}
        across = axis(told["along"], log, **ticks)
        up = axis(told["measure"], rangemode="tozero", tickformat=".0%" if told["measure"] == "error" else "")
        line = f"{' · '.join(words)} ({len(at)} folds)" if folds else ""
        above = says(line, xref="paper", yref="paper", x=0, y=1.0, xanchor="left", yanchor="bottom")
        legend = {"x": 1, "xanchor": "right", "y": 1}
        layout = {"xaxis": across, "yaxis": up, "annotations": [above], "margin": {"l": 48, "r": 12, "t": 34, "b": 40}}
        return figure(traces, **layout, showlegend=True, legend=legend)


def _place(experiment, vary):
    """Return where a part of a sweep stands on the axis."""
    if vary == "fold":
        return experiment.recipe.fold + 1
    if vary == "noise":
        return experiment.data.noise
    return cost(experiment.graph).total.weights if vary == "size" else experiment.recipe.examples


def _number(value, told):
    return f"{100 * value:.1f} %" if told["measure"] == "error" else f"{value:.3g}"


def _shown(at, column, groups, split, told):
    """Return the dots of one split, the line of their means and the band of their spread."""
    colour = PALETTE[SPLITS.index(split)]
    x = [place for place, _ in groups]
    mean = np.array([np.nanmean(group) for _, group in groups])
    spread = np.array([np.nanstd(group, ddof=1) if len(group) > 1 else 0.0 for _, group in groups])
    unit = ":.1%" if told["measure"] == "error" else ":.4g"
    band = {
        "type": "scatter",
        "x": [*x, *x[::-1]],
        "y": [*(mean + spread), *np.maximum(mean - spread, 0)[::-1]],
        "fill": "toself",
        "fillcolor": colour,
        "opacity": 0.15,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": split,
    }
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": at,
        "y": column,
        "marker": {"color": colour, "size": 7, "opacity": 0.55},
        "showlegend": False,
        "legendgroup": split,
        "hovertemplate": f"{told['along']} %{{x}}: {split} %{{y{unit}}}<extra></extra>",
    }
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": mean,
        "name": split,
        "legendgroup": split,
        "line": {"color": colour, "width": 2},
        "hovertemplate": f"{split}: mean %{{y{unit}}}<extra></extra>",
    }
    return [band, dots, line]
