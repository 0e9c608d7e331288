"""Close-up: one number of a convolution or a pooling, worked out by hand: forward, or the gradient on its way back."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import GOOD
from engine.figures.maps import TITLE, Regions
from engine.graph.capture import capturing, entrance, node
from engine.looking.frame import Frame
from engine.looking.sample import aim, called, sample_of, scored
from engine.looking.session import looking
from engine.looking.shared import (
    NODE,
    PLACE,
    SAMPLE,
    TOWARD,
    UNIT,
    Example,
    Number,
    Words,
    mapped,
    offered,
    picked,
    pictured,
)
from engine.looking.view import View, view
from engine.views.maps.window import EXAMPLES, Window, backward, forward, pooled

WRITTEN = 7  # the largest window whose numbers are written into its cells
LISTED = 10  # channels whose sums are written out in one line
SUITING = ("conv2d", "depthwise2d", "max_pool2d", "average_pool2d", "sum_pool2d")


@view("close-up")
class CloseUp(View):
    """One output of a convolution or pooling with all its numbers: patch × kernel + bias, or which place won."""

    title, rank, height, wide = "Close-up", 12, 400, True
    follows = True
    hint = "Step from place to place, or let the window sweep; every number here is one that the network used."

    sample: Example = SAMPLE
    node: Words = NODE
    unit: Number = UNIT
    row: Number | None = PLACE
    column: Number | None = PLACE
    toward: Words = TOWARD
    way: Literal["forward", "backward"] = option(
        "forward", "What an output is made of, or where its gradient comes from: of an input place, for one class."
    )
    first: Annotated[int, Field(ge=0, le=100_000)] = option(0, "The first of the channels that are written out.")
    channels: Annotated[int, Field(ge=1, le=6)] = option(3, "How many channels are written out at once.")
    case: Literal["this network", "colour patch", "pooling"] = option(
        "this network",
        "The network's own numbers, or a ready example: a 3×3 colour patch, or 2×2 max pooling.",
        rare=True,
    )

    def refuses(self, experiment):
        """Refuse networks without windows, unless an example is asked for."""
        if self.case != "this network":
            return ""
        words = "This network has no convolution or pooling over pictures."
        return pictured(experiment) or ("" if _suiting(experiment.graph) else words)

    def offers(self, experiment):
        """Offer the layers with windows."""
        return {"node": offered(_suiting(experiment.graph))}

    def compute(self, session):
        """Work one number out, and hold it against what the network gave."""
        if self.case != "this network":
            x, window = EXAMPLES[self.case]
            shown = self._forward(x, window, None)
            words = {"node": self.case, "sample": "the example of the lecture notes"}
        else:
            step = picked(_suiting(session.graph), session.graph, self.node, "with a window")
            sample = sample_of(session, self.sample)
            x, y, gradient = self._values(session, step, sample)
            window = Window.of(step.layer, node(session.module, step.path), x.shape[0])
            shown = self._forward(x, window, y) if self.way == "forward" else self._backward(x, window, y, gradient)
            words = {"node": step.path, "toward": called(session, aim(session, self.toward, sample))} | sample.told()
        return Frame(shown.arrays(), words | shown.told() | window.told() | {"way": self.way})

    def _values(self, session, step, sample):
        """Return what the layer is given and gives, and the gradient of what is asked about by the latter."""
        network, graph = session.module, session.graph
        before = step.sources[0]
        wanted = [step.path] if before == entrance(graph) else [before, step.path]
        back = self.way == "backward"
        column = aim(session, self.toward, sample) if back else 0
        with capturing(network, wanted, joined=back) as found, looking(session.network), torch.set_grad_enabled(back):
            outputs = scored(session.network, sample.given)
            y = found[step.path]
            gradient = torch.autograd.grad(outputs[0, column], y)[0][0].float().cpu() if back else None
        x = found[before] if before in found else session.entering(sample.given)[0]
        return x[0].detach().float().cpu(), y[0].detach().float().cpu(), gradient

    def _place(self, size, values):
        """Return the chosen place, or the one where a map is strongest."""
        high, wide = size
        if self.row is None or self.column is None:
            at = int(values.abs().argmax()) if values is not None else 0
            return at // wide, at % wide
        return min(self.row, high - 1), min(self.column, wide - 1)

    def _forward(self, x, window, y):
        high, wide = window.places(x.shape[1:]) if y is None else y.shape[1:]
        unit = min(self.unit, window.units - 1)
        row, column = self._place((high, wide), None if y is None else y[unit])
        if window.weight is None:
            return pooled(x, window, unit, row, column, gives=y)
        return forward(x, window, unit, row, column)

    def _backward(self, x, window, y, gradient):
        unit = min(self.unit, len(x) - 1)
        if window.weight is None:
            row, column = self._place(y.shape[1:], gradient[unit])
            return pooled(x, window, unit, row, column, gradient=gradient)
        if window.mode != "zeros":
            raise VitrineError(
                "The way back is written out for padding with zeros only.", cure="Look at the way forward."
            )
        every = backward(x, window, unit, 0, 0, gradient).maps["to"]
        return backward(x, window, unit, *self._place(x.shape[1:], every), gradient)

    def draw(self, frame):
        """Draw where the window stands, then patch, kernel and products of some channels, and the sum."""
        words = frame.words
        regions = Regions()
        self._where(regions, frame)
        if "kernel" in frame.arrays:
            self._channels(regions, frame)
        else:
            self._window(regions, frame)
        regions.write(_sentence(frame), None, 0.5, 1, xanchor="center", yanchor="top", font={"size": 14})
        row, column = words["row"], words["column"]
        high, wide = words["places"]
        ahead = row * wide + column + 1
        moves = {"◀": (0, -1, "left"), "▲": (-1, 0, "up"), "▼": (1, 0, "down"), "▶": (0, 1, "right")}
        buttons: list[dict[str, Any]] = [
            {"label": sign, "words": f"One place {name}", "point": {"place": [(row + d) % high, (column + r) % wide]}}
            for sign, (d, r, name) in moves.items()
        ]
        buttons.append({"label": "Sweep", "words": "Let the window sweep", "repeat": 700})
        if words["channels"] > self.channels:
            following = (self.first + self.channels) % words["channels"]
            buttons.append({"label": "More channels", "words": "The next channels", "point": {"first": following}})
        other = "backward" if self.way == "forward" else "forward"
        if self.case == "this network":
            buttons.append({"label": f"The way {other}", "words": f"Show the way {other}", "point": {"way": other}})
        again = {"place": [ahead // wide % high, ahead % wide]}
        return regions.figure(margin={"l": 6, "r": 6, "t": 4, "b": 6}) | {"buttons": buttons, "again": again}

    def _where(self, regions, frame):
        words = frame.words
        for up, name, title in (((0.47, 0.93), "from", words["from"]), ((0, 0.44), "to", words["to"])):
            values = frame[name]
            axes = regions.place((0, 0.15), up, values.shape, title)
            signed = values.min() < 0
            reach = float(np.abs(values).max()) or 1.0
            meta = {"part": name} if words["clicks"] == name else {}
            limits = {"zmin": -reach if signed else 0, "zmax": reach, "meta": meta}
            regions.heat(values, axes, "diverging" if signed else "sequential", **limits)
            rows, columns = words["boxes"][name]
            regions.box(axes, rows, columns)

    def _channels(self, regions, frame):
        patch, kernel = frame["patch"], frame["kernel"]
        start = self.first if self.first < len(patch) else 0
        shown = range(start, min(len(patch), start + self.channels))
        each = 0.86 / len(shown)
        columns = list(zip(frame.words["columns"], (patch, kernel, patch * kernel), strict=True))
        limits = [(name, float(np.abs(values).max()) or 1.0) for name, values in columns]
        for place, channel in enumerate(shown):
            top = 0.86 - place * each
            parts = (patch[channel], kernel[channel], patch[channel] * kernel[channel])
            for index, values in enumerate(parts):
                title = limits[index][0] if place == 0 else ""
                left = 0.19 + 0.25 * index
                up = (top - each + 0.02, top + (TITLE if title else 0))
                axes = regions.place((left, left + 0.21), up, values.shape, title, toward="middle")
                self._cells(regions, axes, values, limits[index][1])
                middle = top - each / 2
                sign = ("×", "=", "")[index]
                regions.write(sign, None, left + 0.23, middle, xanchor="center", font={"size": 18})
            total = float((patch[channel] * kernel[channel]).sum())
            regions.write(
                f"{frame.words['each']} {channel}<br><b>{_n(total)}</b>", None, 0.965, middle, xanchor="center"
            )

    def _window(self, regions, frame):
        for index, (name, title) in enumerate((("patch", "the window"), ("share", frame.words["share"]))):
            values = frame[name]
            axes = regions.place((0.3 + 0.34 * index, 0.58 + 0.34 * index), (0.1, 0.9), values.shape, title)
            self._cells(regions, axes, values, float(np.abs(values[np.isfinite(values)]).max()) or 1.0)
            for row, column in frame.words["winners"]:
                regions.box(axes, (row, row), (column, column), color=GOOD, width=3)

    def _cells(self, regions, axes, values, reach):
        high, wide = values.shape
        more = {}
        if max(high, wide) <= WRITTEN:
            more = {"text": [[_short(v, reach) for v in row] for row in values], "texttemplate": "%{text}"}
        regions.heat(values, axes, "diverging", zmin=-1.5 * reach, zmax=1.5 * reach, xgap=1, ygap=1, **more)

    def pick(self, point):
        """Go to another place, to the next channels, or the other way."""
        if point.get("part") in ("from", "to"):
            point = {"place": [point.get("row"), point.get("column")]}
        match point:
            case {"place": [int(row), int(column)]}:
                return self.but(row=row, column=column)
            case {"first": int(first)}:
                return self.but(first=first)
            case {"way": ("forward" | "backward") as way}:
                return self.but(way=way, row=None, column=None)
        return None


def _suiting(graph):
    return [step for step in mapped(graph) if step.layer.kind in SUITING]


def _short(value, reach):
    """Return a number as short as a cell of a table needs it, beside others that go so far."""
    if not np.isfinite(value):
        return "–"
    decimals = int(np.clip(1 - np.floor(np.log10(reach)), 0, 9))
    text = f"{value:.{0 if value == round(value) else decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "0", "") else text.replace("-0.", "-.").removeprefix("0").replace("-", "−")


def _n(value):
    """Return a number in four digits, with a true minus."""
    return "–" if not np.isfinite(value) else f"{value:.4g}".replace("-", "−")


def _sentence(frame):
    words = frame.words
    value = _n(words["value"])
    if "kernel" not in frame.arrays:
        return f"{words['node']}: {words['said']}"
    sums = (frame["patch"] * frame["kernel"]).sum(axis=(1, 2)).tolist()
    bias = words["bias"]
    if len(sums) <= LISTED:
        parts = [sums[0], *sums[1:], *([bias] if bias is not None else [])]
        said = _n(parts[0]) + "".join(f" {'−' if one < 0 else '+'} {_n(abs(one))}" for one in parts[1:])
    else:
        said = f"sum of {len(sums)} {words['each']}s {_n(sum(sums))}"
        said += f" + bias {_n(bias)}" if bias is not None else ""
    return f"{words['node']}, {words['what']}: {said} = <b>{value}</b> · {words['geometry']}"
