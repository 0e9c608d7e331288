"""Ripple: what an edit of a text changes, place by place: states, gates and the answer, before and after."""

import difflib
from typing import Any

import numpy as np

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import PALETTE, Trace, axis, caption, figure, heat, line
from engine.layers.modules import lengths_of
from engine.looking.frame import Frame
from engine.looking.sample import Sample, said, sample_of
from engine.looking.session import Session, looking
from engine.looking.shared import Example, Words, offered, picked
from engine.looking.view import view
from engine.views.sequences.asking import at_the_end
from engine.views.sequences.cells import OfCells, Reading, labels, read, recurrent, visible
from engine.views.sequences.states import along

COMPARED = 200  # pieces between the first edit and the last, up to which it is looked for what was moved
SHOWN = 4  # answers that are told of


@view("ripple")
class Ripple(OfCells):
    """What an edit changes at every place behind it: the way of each layer's state, and one layer's state and gates."""

    title, rank, height, wide = "Ripple", 14, 380, True
    hint = "Keep a text, then change a word of it above: the wave that runs on from there is what is remembered of it."

    before: Example = option("", "The example as it was before the edit; kept by the button.", rare=True)
    show: Words = option("state", "What is compared of the layer: its state, memory, or a gate.")

    def offers(self, experiment):
        """Offer the recurrent layers, and what their cells have."""
        names = {"state", *(name for step in recurrent(experiment.graph) for name in _inside(step.layer.kind))}
        return super().offers(experiment) | {"show": [name for name in ORDER if name in names]}

    def compute(self, session):
        """Read both examples, and lay what they have in common side by side."""
        new = sample_of(session, self.sample)
        if not self.before:
            return Frame({}, {"kept": False} | new.told())
        old = sample_of(session, self.before)
        paths = offered(recurrent(session.graph))
        path = picked(recurrent(session.graph), session.graph, self.node, "that remembers").path
        with looking(session.network):
            was = {one: read(session, one, old) for one in paths}
            now = {one: read(session, one, new) for one in paths}
        reading, other = now[path][-1], was[path][-1]
        if self.show not in reading.values:
            raise VitrineError(f"{reading.name} has no {self.show}.", cure=f"Choose {', '.join(reading.values)}.")
        pieces = labels(session, new, len(reading.values["state"]))
        pairs, edits = aligned(_values(new), _values(old))
        if len(pieces) != len(
            _values(new)
        ):  # behind what makes sequences shorter, places of one number belong together
            pairs, edits = [(place, place) for place in range(min(len(pieces), len(other.values["state"])))], []
        every = zip(*([one for node in paths for one in side[node]] for side in (now, was)), strict=True)
        ways = _filled([_way(a, b, pairs) for a, b in every])
        rows, others = (one.rows(self.show).float().cpu().numpy() for one in (reading, other))
        change = np.full(rows.shape, np.nan, np.float32)
        change[[new for new, _ in pairs]] = rows[[n for n, _ in pairs]] - others[[o for _, o in pairs]]
        arrays = {"ways": ways, "change": change.T}
        words: dict[str, Any] = {"kept": True, "pieces": pieces, "name": reading.name, "show": self.show}
        words |= {"names": [one.name for node in paths for one in now[node]], "edited": edits}
        return Frame(arrays, words | {"answers": self._answers(session, old, new)} | new.told())

    def _answers(self, session: Session, old: Sample, new: Sample) -> list[tuple[str, float, float]]:
        """Return what is answered before and after, of what changes most."""
        before, after = (_answered(session, sample) for sample in (old, new))
        names = session.network.task.names(session.network.dataset)
        order = np.argsort(-np.abs(after - before), kind="stable")[:SHOWN]
        called = [visible(names[place]) if place < len(names) else f"output {place}" for place in order.tolist()]
        return list(zip(called, before[order].tolist(), after[order].tolist(), strict=True))

    def pick(self, point):
        """Keep the sample as what is compared with, or forget it."""
        if point.get("keep") is True:
            return self.but(before=self.sample)
        return self.but(before="") if point.get("keep") is False else None

    def draw(self, frame):
        """Draw the length of the change at every place, and the change itself, unit by unit."""
        words = frame.words
        if not words["kept"]:
            told = "Press the button under this, then write or change a text above."
            drawn = figure([], xaxis={"visible": False}, yaxis={"visible": False}, annotations=[caption(told, y=0.5)])
            return drawn | {"buttons": [_button(True)]}
        pieces, long = words["pieces"], frame["change"].shape[1]
        at = np.arange(long)
        traces: list[Trace] = [
            line(
                name, at, np.round(way, 4), PALETTE[number % len(PALETTE)], hovertemplate=f"{name}, %{{x}}: %{{y:.3g}}"
            )
            for number, (name, way) in enumerate(zip(words["names"], frame["ways"], strict=True))
        ]
        most = float(np.nanmax(np.abs(frame["change"]), initial=0)) or 1.0
        heated = heat(
            np.round(frame["change"], 3), at, np.arange(len(frame["change"])), "diverging", zmin=-most, zmax=most
        )
        said = f"{words['name']}, unit %{{y}}, place %{{x}}<br>{words['show']} %{{z:+.3f}}<extra></extra>"
        traces.append(heated | {"xaxis": "x2", "yaxis": "y2", "showscale": False, "hovertemplate": said})
        marks = [
            {"type": "line", "xref": "x", "yref": "paper", "x0": place, "x1": place, "y0": 0, "y1": 1}
            | {"line": {"color": PALETTE[1], "width": 1, "dash": "dot"}}
            for place in words["edited"]
        ]
        told = "; ".join(f"{name} {a:.3g} → {b:.3g}" for name, a, b in words["answers"])
        note = told if words["edited"] or np.nansum(frame["ways"]) else "Nothing is changed yet: write a text above."
        drawn = figure(
            traces,
            xaxis=along(pieces, 60, domain=[0, 1], anchor="y", showticklabels=False),
            yaxis=axis("change", domain=[0.62, 1], rangemode="tozero", nticks=4),
            xaxis2=along(pieces, 60, domain=[0, 1], anchor="y2"),
            yaxis2=axis(f"{words['name']}: {words['show']}", domain=[0, 0.56], anchor="x2", nticks=5),
            shapes=marks,
            annotations=[caption(note)],
            showlegend=len(words["names"]) > 1,
            margin={"l": 56, "r": 8, "t": 26, "b": 40},
        )
        return drawn | {"buttons": [_button(True, again=True), _button(False)]}


ORDER = ("state", "memory", "input", "forget", "output", "reset", "update", "candidate")


def _inside(kind: str) -> tuple[str, ...]:
    """Return what the cells of a kind of layer have besides their state."""
    return {"lstm": ORDER[1:5] + ORDER[7:], "gru": ORDER[5:]}.get(kind, ())


def _button(keep: bool, again: bool = False) -> dict[str, Any]:
    if not keep:
        return {"label": "Forget it", "words": "End the comparison", "point": {"keep": False}}
    label = "Compare with what stands there now" if again else "Compare with this text"
    return {
        "label": label,
        "words": "Keep this example, and compare with it whatever you write next",
        "point": {"keep": True},
    }


def _values(sample: Sample) -> list[Any]:
    """Return what stands at each place of a sequence, as something that can be compared."""
    values = sample.values[: int(lengths_of(sample.values[None])[0])]
    return values.tolist() if values.dim() == 1 else [tuple(row) for row in values.tolist()]


def aligned(new: list[Any], old: list[Any]) -> tuple[list[tuple[int, int]], list[int]]:
    """Return which places of a new sequence stand for which of an old one, and at which something was edited.

    What was put in or taken out stands for nothing; what was replaced by as much, for what stood there.
    """
    both = min(len(old), len(new))
    front = next((place for place in range(both) if old[place] != new[place]), both)
    back = next((place for place in range(both - front) if old[-1 - place] != new[-1 - place]), both - front)
    pairs, edits = [(place, place) for place in range(front)], list[int]()
    middle = old[front : len(old) - back], new[front : len(new) - back]
    if max(map(len, middle)) <= COMPARED:
        codes = difflib.SequenceMatcher(None, *middle, autojunk=False).get_opcodes()
    else:  # to look for what else is alike would take long
        codes = [("replace", 0, len(middle[0]), 0, len(middle[1]))]
    for kind, a, b, c, d in codes:
        if kind == "equal" or (kind == "replace" and b - a == d - c):
            pairs += zip(range(front + c, front + d), range(front + a, front + b), strict=True)
        if kind != "equal":
            edits += range(front + c, front + d) if d > c else [min(front + c, len(new) - 1)]
    pairs += zip(range(len(new) - back, len(new)), range(len(old) - back, len(old)), strict=True)
    return pairs, edits


def _answered(session: Session, sample: Sample) -> np.ndarray:
    """Return what is answered to a sample; where every place is answered, at the last one."""
    with looking(session.network):
        end = at_the_end(session, sample.given)
        if end is not None:
            return session.network.task.chances(end).float()[0].cpu().numpy()
    return said(session, sample).numpy()


def _filled(ways: list[np.ndarray]) -> np.ndarray:
    """Return rows of unequal length as a table."""
    table = np.full((len(ways), max(map(len, ways))), np.nan)
    for row, way in zip(table, ways, strict=True):
        row[: len(way)] = way
    return table


def _way(now: Reading, was: Reading, pairs: list[tuple[int, int]]) -> np.ndarray:
    """Return how far each place's state went, no number where there was none before."""
    rows, others = (one.rows("state").float().cpu().numpy() for one in (now, was))
    found = np.full(len(rows), np.nan)
    for new, old in pairs:
        if new < len(rows) and old < len(others):
            found[new] = np.linalg.norm(rows[new] - others[old])
    return found
