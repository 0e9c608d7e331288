"""Ablation: what the network still can do without some of its units, and which of them it needs most."""

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import UNKNOWN
from engine.figures.figure import BAD, PALETTE, axis, figure, says
from engine.graph.capture import capturing
from engine.graph.units import number_of_units, unit_axes
from engine.looking.frame import Frame
from engine.looking.lesions import gates_of, silenced, without
from engine.looking.session import answered
from engine.looking.shared import NODE, OFF, Names, Words, classified, offered, picked, united
from engine.looking.view import View, view

RANKED = 24  # units that are drawn


@view("ablation")
class Ablation(View):
    """Accuracy per class with and without what is switched off, and which units and gates of a layer matter most."""

    title, rank, height, wide = "Ablation", 17, 300, True
    follows = True
    hint = "Click a unit at the right to switch it off or on again: all panels follow. Long bars are needed most."

    node: Words = NODE
    off: Names = OFF
    ranking: bool = option(True, "Switch off every unit of the layer in turn, and rank them by what is lost.")
    by: Literal["loss", "accuracy"] = option("loss", "By what gets worse without a unit: the loss, or the accuracy.")
    split: Literal["validation", "test", "train"] = option("validation", "On which examples.")
    examples: Annotated[int, Field(ge=10, le=20_000)] = option(300, "On how many of them, at most.")
    most: Annotated[int, Field(ge=1, le=4096)] = option(256, "How many units are tried, at most.", rare=True)

    def refuses(self, experiment):
        """Refuse what does not classify."""
        return classified(experiment) or ("" if _suiting(experiment) else "This network has no hidden layer.")

    def offers(self, experiment):
        """Offer the layers whose units can be switched off."""
        return {"node": offered(_suiting(experiment))}

    def stages(self, session):
        """Score the network as it is, then as it is left, then without each unit in turn; on a copy of it."""
        graph = session.graph
        suiting = _suiting(session.experiment)
        step = picked(suiting, graph, self.node, "whose units could be switched off")
        whole, left = session.still(), without(session, self.off)
        name, _ = session.split(self.split)
        of, along = number_of_units(step, graph), unit_axes(graph)[step.path]
        number = min(of, self.most) if self.ranking else 0
        gates = gates_of(step.layer.kind) if self.ranking and getattr(step.layer, "bias", False) else ()
        turns = number + len(gates) + (2 if self.off else 1)  # as often are all examples let through
        sums = [(yield from self._scores(whole, name, 0, turns))]
        sums.append((yield from self._scores(left, name, 1, turns)) if self.off else sums[0])
        classes = list(session.network.dataset.classes)
        words = {"node": step.path, "classes": classes, "split": name, "off": list(self.off), "of": of}
        arrays = {"before": sums[0][0], "after": sums[1][0], "counts": sums[0][2]}
        words |= {"was": sums[0][1], "is": sums[1][1], "units": []}
        lost = []
        start = left.still() if number and self.off else whole
        for unit in range(number):
            change = {step.path: lambda output, unit=unit: silenced(output, [unit], along)}
            with capturing(start.module, [], change):
                scores = yield from self._scores(start, name, turns - number - len(gates) + unit, turns)
                lost.append(self._lost(sums[1][1], scores[1]))
            if unit + 1 < number and unit % 4 == 3:
                done = (turns - number - len(gates) + unit + 1) / turns
                told = words | {"units": list(range(unit + 1)), "progress": done}
                yield Frame(arrays | {"lost": np.array(lost, np.float32)}, told)
        for place, gate in enumerate(gates):
            opened = without(whole, (*self.off, f"{step.path}:{gate}"))
            scores = yield from self._scores(opened, name, turns - len(gates) + place, turns)
            lost.append(self._lost(sums[1][1], scores[1]))
        yield Frame(arrays | {"lost": np.array(lost, np.float32)}, words | {"units": [*range(number), *gates]})

    def _lost(self, before, after):
        return before["accuracy"] - after["accuracy"] if self.by == "accuracy" else after["loss"] - before["loss"]

    def _scores(self, session, name, turn, turns):
        """Return the accuracy of each class, the scores altogether, and how many there are of each class."""
        learner = session.network
        split = learner.data[name]
        inputs, targets = split.inputs[: self.examples], split.targets[: self.examples]
        outputs = yield from answered(learner, inputs, turn / turns, (turn + 1) / turns)
        known = targets != UNKNOWN
        outputs, targets = outputs[known], targets[known]
        scores = learner.task.scores(outputs, targets)
        right = (outputs.argmax(dim=1) == targets).float().cpu()
        number = outputs.shape[1]
        counts = torch.bincount(targets.cpu(), minlength=number)[:number]
        hits = torch.bincount(targets.cpu(), weights=right, minlength=number)[:number]
        return (hits / counts.clamp_min(1)).float().numpy(), scores, counts.numpy()

    def draw(self, frame):
        """Draw the classes at the left, the ranking at the right."""
        words, classes = frame.words, frame.words["classes"]
        shared = {"type": "bar", "x": classes, "hovertemplate": "%{x}: %{y:.1%}<extra></extra>"}
        traces = [shared | {"y": frame["before"], "name": "as it is", "marker": {"color": PALETTE[7]}}]
        if words["off"]:
            traces.append(shared | {"y": frame["after"], "name": "without", "marker": {"color": PALETTE[0]}})
        was, now = words["was"]["accuracy"], words["is"]["accuracy"]
        said = f"accuracy {was:.1%}" + (f", without {', '.join(words['off'])}: {now:.1%}" if words["off"] else "")
        ranked = words["units"]
        layout = {
            "xaxis": axis("class", type="category", domain=[0, 0.55 if ranked else 1]),
            "yaxis": axis("accuracy", range=[0, 1], tickformat=".0%"),
            "annotations": [says(said, xref="paper", yref="paper", x=0, y=1, xanchor="left", yanchor="bottom")],
            "margin": {"l": 48, "r": 12, "t": 28, "b": 40},
            "showlegend": bool(words["off"]),
            "legend": {"orientation": "h", "x": 0.55, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
        }
        if ranked:
            self._ranking(frame, traces, layout)
        return figure(traces, **layout)

    def _ranking(self, frame, traces, layout):
        words, lost = frame.words, frame["lost"]
        order = np.argsort(-lost, kind="stable")[:RANKED]
        names = [f"{words['node']}:{words['units'][place]}" for place in order]
        colours = [BAD if name in words["off"] else PALETTE[0] for name in names]
        form = ".1%" if self.by == "accuracy" else ".3g"
        traces.append(
            {
                "type": "bar",
                "x": names,
                "y": lost[order],
                "xaxis": "x2",
                "yaxis": "y2",
                "showlegend": False,
                "meta": {"part": "units"},
                "marker": {"color": colours},
                "hovertemplate": f"without %{{x}} {self.by} is %{{y:{form}}} worse<extra></extra>",
            }
        )
        tried = sum(isinstance(unit, int) for unit in words["units"])
        of = f"{tried} of {words['of']}" if tried < words["of"] else f"all {tried}"
        title = f"units of {words['node']}, {of} tried"
        layout["xaxis2"] = axis(title, type="category", domain=[0.64, 1], anchor="y2", ticktext=[], tickvals=[])
        layout["yaxis2"] = axis(f"{self.by} lost", anchor="x2", tickformat=form, zeroline=True)

    def pick(self, point):
        """Switch the clicked unit off, or on again."""
        name = point.get("x")
        if point.get("part") != "units" or not isinstance(name, str):
            return None
        left = tuple(one for one in self.off if one != name)
        return self.but(off=left if name in self.off else (*self.off, name))


def _suiting(experiment):
    """Return the layers behind which something is left: all but the last with weights and what follows it."""
    every = united(experiment.graph)
    if next(iter(experiment.graphs)) != experiment.task.answering:
        return every  # another network comes behind them
    weighty = [place for place, step in enumerate(every) if step.layer.family in ("convolution", "dense")]
    return every[: weighty[-1]] if weighty else []
