"""Filters: the weights that a convolution slides over what it is given."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from torch.nn import ConvTranspose2d
from torch.nn.modules.conv import _ConvNd

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import says
from engine.figures.maps import Regions, normalised, spot_of
from engine.figures.raster import Sheet
from engine.graph.capture import node
from engine.looking.frame import Frame
from engine.looking.shared import NODE, UNIT, Number, Words, offered, picked, steps
from engine.looking.view import View, view

FLAT = ("conv2d", "depthwise2d", "separable2d", "conv_transpose2d")


@view("filters")
class Filters(View):
    """The weights of a convolution as small pictures: in colour, by input channel, or how strong each is."""

    title, rank, height, wide = "Filters", 11, 250, True
    follows = True
    hint = "Blue lifts, orange draws down; edges and spots that face one way are what the filter looks for."

    node: Words = NODE
    unit: Number = UNIT
    show: Literal["automatic", "colour", "one input channel", "all of one unit", "norms"] = option(
        "automatic", "In colour where it sees three channels, else what each gives to one input channel."
    )
    channel: Annotated[int, Field(ge=0, le=100_000)] = option(0, "Which input channel, from 0.")
    compare: Literal["nothing", "beside", "change"] = option(
        "nothing", "Show them as they were at another step too, or only what has changed since."
    )
    since: Annotated[int, Field(ge=0, le=2**53 - 1)] = option(0, "At which step they are compared with; 0: the start.")
    scale: Literal["each filter", "this layer"] = option("this layer", "Whose largest weight the colours end at.")
    number: Annotated[int, Field(ge=1, le=512)] = option(128, "How many filters at most.")

    def refuses(self, experiment):
        """Refuse networks without convolutions."""
        return "" if _suiting(experiment.graph) else "This network has no convolution over pictures."

    def offers(self, experiment):
        """Offer the convolutions."""
        return {"node": offered(_suiting(experiment.graph))}

    def compute(self, session):
        """Take the weights, and those of the other step."""
        step = picked(_suiting(session.graph), session.graph, self.node, "that slides filters")
        now = _filters(node(session.module, step.path))
        if self.channel >= now.shape[1]:
            raise VitrineError(f"{step.path} sees {now.shape[1]} input channels.", cure="Choose a smaller number.")
        show = self._show(now)
        unit = min(self.unit, len(now) - 1)
        arrays = {"now": self._of(now, show, unit)}
        words = {"node": step.path, "show": show, "of": len(now), "channels": now.shape[1], "unit": unit}
        if self.compare != "nothing":
            at, weights = session.record.weights(self.since, session.role)
            own = [value for name, value in weights.items() if name.startswith(f"{step.path}.") and value.dim() == 4]
            arrays["then"] = self._of(_turned(own[0], "transpose" in step.layer.kind), show, unit)
            words["then"] = at
        return Frame(arrays, words)

    def _show(self, filters):
        if self.show == "colour" and filters.shape[1] != 3:
            raise VitrineError(f"These filters see {filters.shape[1]} channels, which are no colours.")
        automatic = "colour" if filters.shape[1] == 3 else "one input channel"
        return automatic if self.show == "automatic" else self.show

    def _of(self, filters, show, unit):
        """Return small pictures: n×height×width, in colour n×3×height×width; norms are one table."""
        if show == "norms":
            return filters.flatten(2).norm(dim=2).unsqueeze(0).numpy()
        if show == "all of one unit":
            return filters[unit][: self.number].numpy()
        shown = filters[: self.number]
        return (shown if show == "colour" else shown[:, self.channel]).numpy()

    def draw(self, frame):
        """Draw the filters, and beside them those of the other step."""
        words, now, then = frame.words, frame["now"], frame.arrays.get("then")
        if self.compare == "change" and then is not None:
            parts = [(f"change since step {words['then']:,}", now - then)]
        else:
            parts = [("now", now)] + ([(f"at step {words['then']:,}", then)] if then is not None else [])
        told = {
            "norms": f"how long each filter is: {words['of']} rows, a column for each of {words['channels']} channels",
            "all of one unit": f"filter {words['unit']}, all {words['channels']} input channels",
            "one input channel": f"input channel {self.channel} of {words['channels']}",
            "colour": "in colour: grey is zero",
        }[words["show"]]
        regions, number = Regions(), len(parts)
        reach = max(float(np.abs(values).max()) for _, values in parts) or 1.0
        for place, (name, values) in enumerate(parts):
            across = (place / number + 0.02 * bool(place), (place + 1) / number - 0.02 * (place + 1 < number))
            title = f"{words['node']}, {name}: {told}"
            self._part(regions, values, across, title, reach, words, bar=place + 1 == number)
        if not now.size:
            regions.layout["annotations"].append(says("nothing to show", xref="paper", yref="paper", x=0.5, y=0.5))
        return regions.figure()

    def _part(self, regions, values, across, title, reach, words, bar):
        if words["show"] == "norms":
            axes = regions.place(across, (0, 1), values.shape[1:], title)
            hover = "filter %{y}, input channel %{x}: %{z:.4g}<extra></extra>"
            regions.heat(values[0], axes, "sequential", zmin=0, zmax=reach, hovertemplate=hover, showscale=bar)
            return
        flat = values if values.ndim == 3 else values.mean(axis=1)
        sheet = Sheet.of(flat, proportion=3.0 * (across[1] - across[0]))
        axes = regions.place(across, (0, 1), sheet.shape, title)
        word = "input channel" if words["show"] == "all of one unit" else "filter"
        names = [f"{word} {place}" for place in range(len(flat))]
        shown, limits = None, {"zmin": -reach, "zmax": reach}
        if self.scale == "each filter":
            shown, limits = normalised(flat, signed=True), {"zmin": -1, "zmax": 1}
        if words["show"] == "colour":
            own = np.abs(values).max(axis=(1, 2, 3), keepdims=True) if self.scale == "each filter" else reach
            coloured = 0.5 + 0.5 * values / np.maximum(own, 1e-12)
            laid = np.stack([sheet.lay(coloured[:, channel]) for channel in range(3)])
            regions.picture((np.nan_to_num(laid, nan=1.0) * 255).astype(np.uint8), axes)
            regions.sheet(flat, sheet, axes, names, "diverging", opacity=0)
            return
        regions.sheet(flat, sheet, axes, names, "diverging", shown, **limits, showscale=bar and shown is None)

    def pick(self, point):
        """Choose the filter that was clicked."""
        if not (spot := spot_of(point)):
            return None
        return self.but(channel=spot[0]) if self.show == "all of one unit" else self.but(unit=spot[0])


def _suiting(graph):
    return [step for step in steps(graph) if step.layer.kind in FLAT]


def _filters(module):
    """Return a convolution's filters: units × input channels × height × width; of a separable one, those of places."""
    convolution = next(inner for inner in module.modules() if isinstance(inner, _ConvNd))
    return _turned(convolution.weight, isinstance(convolution, ConvTranspose2d))


def _turned(weight, transposed):
    weight = weight.detach().float().cpu()
    return weight.transpose(0, 1) if transposed else weight
