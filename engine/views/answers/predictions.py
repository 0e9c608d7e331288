"""Predictions: what the network says of single examples, and how sure it is."""

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import unknown
from engine.figures.figure import BAD, GOOD, axis, caption, figure, heat
from engine.figures.pictures import pixels, placed
from engine.looking.form import form_of
from engine.looking.forms.tokens import are_letters
from engine.looking.frame import Frame
from engine.looking.lesions import without
from engine.looking.shared import OFF, Names
from engine.looking.view import View, view

SHORT = 24  # signs of a text that is shown beside its prediction
POOL = 1000  # examples among which the best, worst and most uncertain are sought


@view("predictions")
class Predictions(View):
    """Single examples with the probability of each class; the first, the best, the worst or the most uncertain."""

    title, rank = "Predictions", 60
    follows = True
    hint = "Green frames are right answers, orange ones wrong; a sure mistake is often a wrong label."

    which: Literal["first", "best", "worst", "most uncertain"] = option(
        "first", "Which examples: the first ones, or those by the loss, or with the flattest probabilities."
    )
    split: Literal["validation", "test", "train"] = option("validation", "Of which examples.")
    number: Annotated[int, Field(ge=1, le=24)] = option(8, "How many.")

    off: Names = OFF

    def refuses(self, experiment):
        """Refuse answers that are no predictions."""
        told = experiment.task.answers in ("classes", "several", "numbers")
        return "" if told else "These networks predict neither a class nor a number of an example."

    def stages(self, session):
        """Ask the network piece by piece, then look at its answers."""
        yield from without(session, self.off).asked(self.split, POOL)
        yield self.compute(session)

    def compute(self, session):
        """Let examples through and choose some."""
        session = without(session, self.off)
        outputs, targets = session.outputs(self.split, POOL)
        task, dataset = session.network.task, session.network.dataset
        words = {"classes": list(dataset.classes), "which": self.which, "split": session.split(self.split)[0]}
        chances = task.chances(outputs).flatten(1)
        if task.answers != "classes":
            targets = targets.float().reshape(len(outputs), -1)
        off, unsure = _worth(chances, targets, task.answers)
        order = {"best": off, "worst": -off, "most uncertain": -unsure}.get(self.which)
        places = torch.arange(len(outputs))
        if self.which in ("best", "worst"):  # of what is not known nobody can tell how good an answer is
            places = places[~unknown(targets).reshape(len(outputs), -1).all(dim=1)]
        chosen = (places if order is None else places[order[places].argsort()])[: self.number]
        arrays = {"chances": chances[chosen].numpy(), "targets": targets[chosen].numpy(), "places": chosen.numpy()}
        if dataset.example == "image":
            arrays["images"] = session.examples(self.split, chosen.tolist()).numpy()
        if dataset.example == "tokens":
            examples = session.examples(self.split, chosen.tolist())
            words["texts"] = [said(form_of(session.network).shown(dataset, one)["pieces"]) for one in examples]
        return Frame(arrays, words)

    def looks(self, point):
        """Look at the example whose row was clicked."""
        return {"sample": point["name"]} if isinstance(point.get("name"), str) else {}

    def draw(self, frame):
        """Draw a row for each example: its picture, and the probability of each class."""
        return _classes(frame) if frame.words["classes"] else _numbers(frame)


def _worth(chances, targets, answers):
    """Return how far off each answer is, and how unsure."""
    if answers == "classes":
        right = chances.gather(1, targets.clamp_min(0).unsqueeze(1)).squeeze(1)
        return -right, -(chances * chances.clamp_min(1e-12).log()).sum(dim=1)
    off = (chances - targets).abs().nansum(dim=1)
    return off, -(chances - 0.5).abs().amin(dim=1) if answers == "several" else off


def _classes(frame):
    chances, targets, classes = frame["chances"], frame["targets"], frame.words["classes"]
    number = len(chances)
    if targets.ndim > 1:
        says, has = chances > 0.5, targets > 0.5
        alike = ((says == has) | np.isnan(targets)).all(axis=1)  # as far as it is known
        every = zip(says, has, alike, strict=True)
        rows = [_listed(classes, one) + ("" if same else _unlike(classes, one, other)) for one, other, same in every]
    else:
        says = np.arange(len(classes)) == chances.argmax(axis=1)[:, None]
        has = np.arange(len(classes)) == targets[:, None]
        rows = [
            f"{_listed(classes, one)} · {c.max():.0%}" + (_unlike(classes, one, other) if other.any() else "")
            for c, one, other in zip(chances, says, has, strict=True)
        ]
    shown = heat(
        chances,
        classes,
        np.arange(number),
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=1,
        ygap=3,
        customdata=[[row] * len(classes) for row in rows],
        hovertemplate="%{x}: %{z:.1%}<br>%{customdata}<extra></extra>",
    )
    shown["meta"] |= {"names": [f"{frame.words['split']} {place}" for place in frame["places"].tolist()]}
    truth = {
        "type": "scatter",
        "mode": "markers",
        "x": [classes[column] for _, column in np.argwhere(has)],
        "y": np.argwhere(has)[:, 0],
        "marker": {
            "symbol": "square-open",
            "size": 13,
            "line": {"width": 2.5},
            "color": [GOOD if says[row, column] else BAD for row, column in np.argwhere(has)],
        },
        "hovertemplate": "is %{x}<extra></extra>",
    }
    images, left, notes = [], 0.0, []
    if "images" in frame.arrays:
        left = 0.12
        images = [
            placed(image, "paper", "y", 0, place - 0.46, 0.1, 0.92)
            for place, image in enumerate(pixels(frame["images"]))
        ]
    if texts := frame.words.get("texts"):
        left = 0.42
        notes = [
            caption(text, yref="y", y=place, yanchor="middle", font={"size": 11}) for place, text in enumerate(texts)
        ]
    return figure(
        [shown, truth],
        images=images,
        annotations=notes,
        xaxis=axis("probability of each class; framed: what it is", type="category", domain=[left, 1]),
        yaxis={
            "tickvals": np.arange(number),
            "ticktext": rows,
            "side": "right",
            "range": [number - 0.5, -0.5],
            "automargin": True,
        },
        margin={"l": 8, "r": 12, "t": 8, "b": 40},
    )


def said(pieces):
    """Return a text in a line, without its middle where it is long; letters side by side, words apart."""
    text = ("" if are_letters(pieces) else " ").join(pieces)
    return text if len(text) <= SHORT else f"{text[: SHORT // 2]}…{text[-SHORT // 2 :]}"


def _listed(classes, which):
    """Return the names of some classes."""
    return " and ".join(name for name, chosen in zip(classes, which, strict=True) if chosen) or "none"


def _unlike(classes, says, has):
    """Return what is right where something else is said."""
    return "" if (says == has).all() else f" · is {_listed(classes, has)}"


def _numbers(frame):
    answers, targets, places = frame["chances"], frame["targets"], frame["places"]
    rows = np.arange(len(places))
    marks = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": values[:, 0],
            "y": rows,
            "marker": {"size": 11, "symbol": sign, "color": colour},
        }
        for name, values, sign, colour in (
            ("answer", answers, "circle", "#0072b2"),
            ("right", targets, "line-ns-open", GOOD),
        )
    ]
    labels = [f"example {place:,}" for place in places]
    down = {"tickvals": rows, "ticktext": labels, "range": [len(rows) - 0.5, -0.5], "automargin": True}
    return figure(marks, xaxis=axis("value"), yaxis=down, showlegend=True)
