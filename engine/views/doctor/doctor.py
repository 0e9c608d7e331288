"""The doctor: what goes wrong now, with its evidence, and a remedy to apply at once."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from engine.choice import option
from engine.figures.figure import BAD, GOOD, axis, figure, nothing, says, thinned, wrapped
from engine.looking.frame import Frame
from engine.looking.session import Curves, Record
from engine.looking.view import View, view
from engine.views.doctor.rule import Finding
from engine.views.doctor.rules import RULES

MOST, SHOWN = 200, 5  # points of a line; rows at most
FEW = 5  # values that tell how it was, or is
MOST_SAID = 40  # letters of what was set
WIDE = 62  # letters of a line
CHANGED = "#cc79a7"  # the colour of the moment at which something was set
AT_LEFT = {"xref": "paper", "yref": "paper", "xanchor": "left", "align": "left", "yanchor": "middle"}
HIDDEN = {"visible": False, "fixedrange": True, "range": [0, 1]}
BARE = {"xaxis": HIDDEN | {"domain": [0, 1]}, "yaxis": HIDDEN | {"domain": [0, 1]}}
LEFT = 0.62  # share of the width that words have


@view("doctor")
class Doctor(View):
    """What goes wrong, first of all: each with the evidence in words and over the steps, the dashed line beyond which
    it counts, and a button that applies a remedy: at once to a run that learns, else to a branch from the moment one
    looks at. A dotted line stands where something was set, and words say how it was before.
    """

    title, rank, height, wide = "Doctor", 7, 300, True
    together = pulses = True
    hint = "Orange is wrong, green is well. Press a remedy, and see what becomes of the line."

    show: Literal["the worst", "what is wrong"] = option(
        "the worst", "Wrong things first and some that are well behind them, or wrong things only."
    )

    def compute(self, session):
        """Ask every rule that suits."""
        session = dataclasses.replace(session, record=Whole(session.record), kept={})
        arrays: dict[str, Any] = {}
        rows: list[dict[str, Any]] = []
        changes = [(step, words) for step, words in session.record.changes() if step <= session.step][-SHOWN:]
        suiting = sorted((rule.rank, name) for name, rule in RULES.items() if rule.suits(session.experiment))
        for _, name in suiting:
            rule = RULES[name]
            if (found := rule.finding(session)) is None:
                continue
            row: dict[str, Any] = {
                "title": rule.title,
                "wrong": bool(found.wrong),
                "said": found.evidence,
                "log": found.log,
            }
            row |= {"line": found.line, "key": name, "since": since(found, changes)}
            if found.remedy and found.wrong:
                row["remedy"] = dataclasses.asdict(found.remedy)
            rows.append(row)
            steps, values = thinned(found.steps.astype(float), found.values.astype(float), MOST)
            arrays[name] = np.stack([steps, values]).astype(np.float32)
        rows.sort(key=lambda row: not row["wrong"])
        return Frame(arrays, {"rows": rows, "changes": changes})

    def draw(self, frame):
        """Draw a row for each thing: a sign, its name and evidence, and how it developed."""
        words = frame.words
        rows = [row for row in words["rows"] if row["wrong"] or self.show == "the worst"][:SHOWN]
        if not words["rows"]:
            return nothing("Nothing is known yet: let it learn for a moment.")
        if not rows:
            return figure(
                [_signs([0.5], [GOOD])],
                **BARE,
                annotations=[says("Nothing is wrong of all that is looked for.", x=0.03, y=0.5, **AT_LEFT)],
            )
        traces: list[dict[str, Any]] = []
        heights: list[float] = []
        colours: list[str] = []
        layout: dict[str, Any] = {}
        notes, shapes = [], []
        high = 1 / max(len(rows), 3)
        for place, row in enumerate(rows):
            top = 1 - place * high
            colour = BAD if row["wrong"] else GOOD
            head = f"<b>{row['title']}</b>" if row["wrong"] else f"not so: {row['title'][0].lower()}{row['title'][1:]}"
            heights.append(top - high / 2)
            colours.append(colour)
            said = "<br>".join(wrapped(row["said"], WIDE) + ([row["since"]] if row["since"] else []))
            notes.append(says(f"{head}<br>{said}", x=0.03, y=heights[-1], font={"size": 12}, **AT_LEFT))
            steps, values = frame[row["key"]].astype(float)
            if len(steps) > 1:
                n = str(place + 2)
                style = {"mode": "lines", "line": {"color": colour, "width": 1.5}, "xaxis": f"x{n}", "yaxis": f"y{n}"}
                hover = "step %{x}: %{y:.3g}<extra></extra>"
                traces.append({"type": "scatter", "x": steps, "y": values, "hovertemplate": hover} | style)
                span = [top - high + 0.04, top - 0.02]
                layout[f"xaxis{n}"] = axis("", domain=[LEFT, 1], anchor=f"y{n}", showticklabels=place == len(rows) - 1)
                layout[f"yaxis{n}"] = axis("", row["log"], domain=span, anchor=f"x{n}", nticks=3)
                dotted = {"color": CHANGED, "width": 1.5, "dash": "dot"}
                for step, _ in (one for one in words["changes"] if steps[0] <= one[0] <= steps[-1]):
                    ends = {"xref": f"x{n}", "x0": step, "x1": step, "yref": "paper", "y0": span[0], "y1": span[1]}
                    shapes.append({"type": "line", "line": dotted} | ends)
                if row["line"] is not None:
                    ends = {"xref": f"x{n}", "x0": float(steps[0]), "x1": float(steps[-1]), "yref": f"y{n}"}
                    dashed = {"color": "#888888", "width": 1, "dash": "dash"}
                    shapes.append({"type": "line", "y0": row["line"], "y1": row["line"], "line": dashed} | ends)
        margin = {"l": 8, "r": 8, "t": 8, "b": 24}
        signs = _signs(heights, colours)
        drawn = figure([signs, *traces], **BARE, **layout, annotations=notes, shapes=shapes, margin=margin)
        buttons = [row["remedy"] for row in rows if "remedy" in row]
        return drawn | ({"buttons": buttons} if buttons else {})


class Whole:
    """A run's record with what was before it, where it is a branch; all else is the run's own."""

    def __init__(self, record: Record):
        self.record = record

    def __getattr__(self, name: str) -> Any:
        return getattr(self.record, name)

    def curves(self, run: str = "") -> Curves:
        """Return the metrics, from the first step of the first run on."""
        early, own = self.record.before()[0], self.record.curves(run)
        return {key: [*early.get(key, []), *own.get(key, [])] for key in early.keys() | own.keys()}

    def pulses(self) -> Sequence[tuple[int, Frame]]:
        """Return the pulses, from the first step of the first run on."""
        return [*self.record.before()[1], *self.record.pulses()]


def since(found: Finding, changes: list[tuple[int, str]]) -> str:
    """Say how a value was before the last thing that was set, and how it is now, where there are values of both."""
    if not changes:
        return ""
    step, what = changes[-1]
    before, now = found.values[found.steps <= step][-FEW:], found.values[found.steps > step][-FEW:]
    if not len(before) or not len(now):
        return ""
    parts = re.split(r", (?=[^ ,]+ = )", what.removeprefix("set "))
    what = ", ".join(part for part in parts if not part.startswith("speed = "))
    what = what if len(what) <= MOST_SAID else what[: MOST_SAID - 1] + "…"
    return f"before {what}: {np.median(before):.2g}, since then: {np.median(now):.2g}"


def _signs(heights: list[float], colours: list[str]) -> dict[str, Any]:
    """Return a dot for each row, in the colour of what is well or wrong."""
    marker = {"size": 11, "color": colours}
    return {"type": "scatter", "mode": "markers", "x": [0.012] * len(heights), "y": heights, "marker": marker} | {
        "hoverinfo": "skip"
    }
