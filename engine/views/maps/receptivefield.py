"""Receptive field: what part of the picture a unit can see, and what it does see."""

import itertools
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.figures.maps import Regions
from engine.figures.raster import shrunk
from engine.graph.capture import capturing
from engine.graph.field import fields
from engine.graph.reach import spans
from engine.graph.trace import trace
from engine.looking.frame import Frame
from engine.looking.sample import sample_of
from engine.looking.session import asking_back
from engine.looking.shared import (
    NODE,
    PLACE,
    SAMPLE,
    UNIT,
    Example,
    Number,
    Words,
    mapped,
    offered,
    picked,
    pictured,
    seen_by,
    takes_examples,
)
from engine.looking.view import View, view

MOST = 8  # layers side by side
DOTS = 112  # to a side of what is drawn
LARGE = 20_000  # numbers of an input from which on few examples must do
FEW = 3


@view("receptive-field")
class ReceptiveField(View):
    """The part of the picture that a unit can see (framed), and how strongly each dot of it counts (from gradients)."""

    title, rank, height, wide = "Receptive field", 15, 215, True
    follows = True
    hint = "The frame grows from layer to layer; what counts inside it is often much smaller, and dark at its edges."

    sample: Example = SAMPLE
    node: Words = NODE
    unit: Number = UNIT
    row: Number | None = PLACE
    column: Number | None = PLACE
    examples: Annotated[int, Field(ge=1, le=128)] = option(16, "Over how many examples gradients are averaged.")
    of: Literal["all units", "this unit"] = option("all units", "What counts for all units of that place, or for one.")
    growing: bool = option(True, "Show every layer on the way, not only this one.")

    def refuses(self, experiment):
        """Refuse what has no maps."""
        return pictured(experiment) or (
            "" if mapped(experiment.graph) else "This network has no layer that gives maps."
        )

    def offers(self, experiment):
        """Offer the layers that give maps."""
        return {"node": offered(mapped(experiment.graph))}

    def compute(self, session):
        """Take the gradient of one place's units by every dot of the input."""
        graph = session.graph
        suiting = mapped(graph)
        step = picked(suiting, graph, self.node, "that gives maps", first=-1)
        way = _way(suiting, step) if self.growing else [step]
        if len(way) > MOST:
            way = [way[round(place)] for place in np.linspace(0, len(way) - 1, MOST)]
        learner = session.network
        sample = sample_of(session, self.sample)
        split = session.split("validation")[1]
        number = self.examples if sample.given.numel() < LARGE else min(self.examples, FEW)
        inputs = torch.cat([sample.given, learner.material.given(split.inputs[: number - 1])])
        inputs = inputs.detach().clone().requires_grad_()
        names, theory = [one.path for one in way], fields(trace(graph)) if takes_examples(session) else {}
        with capturing(session.module, names) as found, asking_back(learner):
            session.run(inputs)
            seen, boxes, places = [], [], []
            for name in names:
                values = found[name]
                at = self._place(values.shape[2:])
                told = self._told(values[:, :, at[0], at[1]], alone=self.of == "this unit" and name == step.path)
                gradient = torch.autograd.grad(told, inputs, retain_graph=True, allow_unused=True)[0]
                gradient = torch.zeros_like(inputs) if gradient is None else gradient
                seen.append(gradient.float().abs().mean(dim=(0, 1)).cpu().numpy())
                exact = seen_by(session, name)
                every = [[[0, inputs.shape[2] - 1]], [[0, inputs.shape[3] - 1]]]
                boxes.append(spans(exact, at) if exact else every)
                places.append(list(at))
        whole = list(inputs.shape[2:])  # where it is not told how far a place sees
        sizes = [list(theory[name].size) if name in theory else whole for name in names]
        words = {"nodes": names, "boxes": boxes, "places": places, "sizes": sizes}
        words["unit"] = min(self.unit, found[step.path].shape[1] - 1) if self.of == "this unit" else None
        return Frame({"seen": np.stack(seen), "picture": sample.picture}, words | sample.told())

    def _told(self, units, alone):
        """Return what is asked how it changes with the input: one unit (of examples × units), or all of them."""
        if alone:
            return units[:, min(self.unit, units.shape[1] - 1)].sum()
        # Half of the units draw up, half down: were all summed, they would cancel out.
        signs = torch.where(torch.arange(units.shape[1], device=units.device) % 2 == 0, 1.0, -1.0)
        return (units * signs).sum()

    def _place(self, sizes):
        """Return the chosen place as far as the map goes, or its middle."""
        row = sizes[0] // 2 if self.row is None else min(self.row, sizes[0] - 1)
        column = sizes[1] // 2 if self.column is None else min(self.column, sizes[1] - 1)
        return row, column

    def draw(self, frame):
        """Draw for each layer what counts, and the frame of what can be seen."""
        words, picture = frame.words, frame["picture"]
        nodes = words["nodes"]
        regions, number = Regions(), len(nodes) + 1
        row, column = words["places"][-1]
        unit = "" if words["unit"] is None else f"map {words['unit']}, "
        title = f"{words['sample'].split(' (')[0]}<br>{unit}row {row}, column {column}"
        for place in range(number):
            across = (place / number + 0.006, (place + 1) / number - 0.006)
            if place == 0:
                axes = regions.place(across, (0, 1), picture.shape[1:], title)
                regions.picture(picture, axes)
                self._box(regions, axes, words["boxes"][-1], 1.0)
                continue
            values = np.sqrt(shrunk(frame["seen"][place - 1], DOTS))
            share = values.shape[0] / frame["seen"].shape[1]
            size = "×".join(map(str, words["sizes"][place - 1]))
            told = f"sees {size}" if values.any() else "silent here"
            axes = regions.place(across, (0, 1), values.shape, f"{nodes[place - 1]}<br>{told}")
            regions.heat(values, axes, "sequential", hovertemplate="%{z:.3g} (root of the gradient)<extra></extra>")
            self._box(regions, axes, words["boxes"][place - 1], share)
        return regions.figure()

    def _box(self, regions, axes, boxes, share):
        """Frame what can be seen in the picture, which is drawn in so much smaller a grid."""
        down, along = ([(first * share, (last + 1) * share - 1) for first, last in axis] for axis in boxes)
        for rows, columns in itertools.product(down, along):
            regions.box(axes, rows, columns)


def _way(suiting, step):
    """Return the layers with windows on the way to a step, and the step itself."""
    before = suiting[: suiting.index(step)]
    return [one for one in before if one.layer.family in ("convolution", "pooling")] + [step]
