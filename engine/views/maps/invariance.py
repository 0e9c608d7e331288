"""Invariance: what stays the same when the input is shifted, turned, scaled or mirrored, and what moves along."""

import math
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional as F

from engine.choice import option
from engine.figures.figure import PALETTE, axis
from engine.figures.maps import Regions
from engine.figures.raster import Sheet
from engine.graph.capture import capturing
from engine.graph.field import fields
from engine.graph.trace import trace
from engine.looking.frame import Frame
from engine.looking.sample import aim, called, looks, opinions, sample_of
from engine.looking.session import looking
from engine.looking.shared import (
    NODE,
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
    takes_examples,
    without_maps,
)
from engine.looking.view import View, view

MOMENTS, FEW = 25, 9  # of a sweep; fewer where inputs are large
LARGE = 20_000  # numbers of an input
SHOWN = 7  # of them as pictures
PIECE = 8  # inputs at once, where they are large
WORDS = {"shift right": "% of the width", "shift down": "% of the height", "turn": "degrees", "scale": "% larger"}
REACH = {"shift right": 50.0, "shift down": 50.0, "turn": 180.0, "scale": 100.0, "mirror": 1.0}


@view("invariance")
class Invariance(View):
    """The input shifted, turned, scaled or mirrored: how the answer holds (invariant), how maps move (equivariant)."""

    title, rank, height, wide = "Invariance", 18, 430, True
    follows = True
    hint = "Flat curves hold whatever is done; a map that moves along with its input keeps near 1 in the lowest figure."

    sample: Example = SAMPLE
    node: Words = NODE
    unit: Number = UNIT
    toward: Words = TOWARD
    change: Literal["shift right", "shift down", "turn", "scale", "mirror"] = option("shift right", "What is done.")
    amount: Annotated[float, Field(ge=-1.0, le=1.0)] = option(
        0.3, "How much of the reach, of the one shown large.", felt=(-1.0, 1.0)
    )
    reach: Annotated[float, Field(ge=0.05, le=1.0)] = option(
        0.6, "How far the sweep goes: 1 is half of the picture, half a turn, or twice as large."
    )
    edges: Literal["border", "reflection", "zeros"] = option("border", "What comes in from outside.", rare=True)

    def refuses(self, experiment):
        """Refuse what has no maps."""
        return pictured(experiment) or without_maps(experiment)

    def offers(self, experiment):
        """Offer the layers that give maps."""
        return {"node": offered(mapped(experiment.graph))}

    def compute(self, session):
        """Let the input through in every state of a sweep, and the maps of the plain one be moved alike."""
        graph = session.graph
        step = picked(mapped(graph), graph, self.node, "that gives maps", first=-1)
        sample = sample_of(session, self.sample)
        target = aim(session, self.toward, sample)
        mirror, moments = self.change == "mirror", MOMENTS if sample.given.numel() < LARGE else FEW
        amounts = np.array([0.0, 1.0]) if mirror else np.linspace(-self.reach, self.reach, moments)
        mine = 1.0 if mirror else self.amount * self.reach
        every = torch.tensor([0.0, *amounts.tolist(), mine])  # as it is first, the one shown large last
        inputs = self._moved(sample.given.expand(len(every), -1, -1, -1), every)
        network = session.module
        answers, maps = [], []
        with looking(session.network):
            for part in inputs.split(len(every) if inputs[0].numel() < LARGE else PIECE):
                with capturing(network, [step.path]) as found:
                    answers.append(opinions(session.network, part, session.run(part)).float())
                maps.append(found[step.path].float())
        said, given = torch.cat(answers).cpu(), torch.cat(maps)
        field = fields(trace(graph)).get(step.path) if takes_examples(session) else None
        lie = _lie(field, given.shape[2:], sample.given.shape[2:])
        expected = self._moved(given[:1].expand(len(every), -1, -1, -1), every, lie)
        inside = self._moved(torch.ones_like(given[:, :1]), every, lie, edges="zeros") > 0.99
        alike = F.cosine_similarity(given.flatten(1), given[:1].flatten(1)).cpu().numpy()
        with_it = np.array([_correlation(a, b, m[0]) for a, b, m in zip(given, expected, inside, strict=True)])
        order = [target, *(one for one in said[0].argsort(descending=True).tolist() if one != target)][:4]
        unit = min(self.unit, given.shape[1] - 1)
        shown = [1 + round(place) for place in np.linspace(0, len(amounts) - 1, min(SHOWN, len(amounts)))]
        arrays = {
            "amounts": amounts,
            "chances": said[1:-1, order].numpy(),
            "alike": alike[1:-1],
            "with it": with_it[1:-1],
            "pictures": looks(session, inputs[shown]),
            "large": looks(session, inputs[-1:])[0],
            "maps": torch.stack([given[0, unit], given[-1, unit], expected[-1, unit]]).cpu().numpy(),
        }
        words = {"node": step.path, "unit": unit, "classes": [called(session, one) for one in order], "mine": mine}
        return Frame(arrays, words | sample.told())

    def _moved(self, images, amounts, lie=None, edges=""):
        """Return images (n, channels, height, width), each changed by its amount.

        Maps are moved as far as the picture was: `lie` leads from their coordinates, of -1 to 1, to the picture's.
        """
        lie = torch.eye(3) if lie is None else lie
        ratio = images.shape[2] * lie[0, 0] / (images.shape[3] * lie[1, 1])  # high against wide, of the picture
        whole = lie.inverse() @ self._matrix(amounts, ratio) @ lie
        grid = F.affine_grid(whole[:, :2].to(images.device, images.dtype), list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, padding_mode=edges or self.edges, align_corners=False)

    def _matrix(self, amounts, ratio):
        """Return from where in the picture its places come, for each amount (n, 3, 3)."""
        matrix = torch.eye(3).repeat(len(amounts), 1, 1)
        if self.change == "shift right":
            matrix[:, 0, 2] = -amounts
        elif self.change == "shift down":
            matrix[:, 1, 2] = -amounts
        elif self.change == "mirror":
            matrix[:, 0, 0] = 1 - 2 * amounts
        elif self.change == "scale":
            matrix[:, 0, 0] = matrix[:, 1, 1] = 2.0 ** (-amounts)
        else:
            angle = amounts * math.pi  # coordinates go from -1 to 1 both ways
            matrix[:, 0, 0] = matrix[:, 1, 1] = angle.cos()
            matrix[:, 0, 1], matrix[:, 1, 0] = angle.sin() * ratio, -angle.sin() / ratio
        return matrix

    def draw(self, frame):
        """Draw pictures of the sweep, the answer and the maps against the amount, and one state large."""
        words = frame.words
        regions = Regions()
        pictures = frame["pictures"]
        number = len(pictures)
        for place, image in enumerate(pictures):
            across = (0.06 + 0.56 * place / number, 0.06 + 0.56 * (place + 1) / number - 0.008)
            regions.picture(image, regions.place(across, (0.8, 1), image.shape[1:]))
        amounts = frame["amounts"] * REACH[self.change]
        if self.change == "scale":
            amounts = 100 * (2.0 ** frame["amounts"] - 1)
        mode = "markers" if self.change == "mirror" else "lines"
        for place, name in enumerate(words["classes"]):
            self._line(regions, amounts, frame["chances"][:, place], name, PALETTE[place], "2", mode)
        self._line(regions, amounts, frame["alike"], f"{words['node']} as it was", PALETTE[4], "3", mode)
        self._line(regions, amounts, frame["with it"], f"{words['node']} moved along", PALETTE[5], "3", mode)
        unit = "" if self.change == "mirror" else f", {WORDS[self.change]}"
        left = [0.06, 0.62]
        ticks: dict[str, Any] = {}
        if self.change == "mirror":
            ticks = {"tickvals": [0, 1], "ticktext": ["as it is", "mirrored"]}
        regions.layout["xaxis20"] = axis(domain=left, anchor="y20", showticklabels=False, **ticks)
        regions.layout["yaxis20"] = axis("answer", domain=[0.46, 0.78], anchor="x20", rangemode="tozero")
        regions.layout["xaxis30"] = axis(f"{self.change}{unit}", domain=left, anchor="y30", **ticks)
        lowest = min(0.0, np.nanmin([frame["alike"], frame["with it"]]))
        regions.layout["yaxis30"] = axis("likeness", domain=[0.12, 0.42], anchor="x30", range=[lowest - 0.1, 1.05])
        large = regions.place((0.66, 0.82), (0.5, 1), frame["large"].shape[1:], words["sample"].split(" (")[0])
        regions.picture(frame["large"], large)
        self._maps(regions, frame)
        legend = {"orientation": "v", "x": 0.84, "y": 1, "xanchor": "left"}
        return regions.figure(showlegend=True, legend=legend, margin={"l": 8, "r": 8, "t": 6, "b": 8})

    def _line(self, regions, x, y, name, colour, number, mode):
        axes = {"xaxis": f"x{number}0", "yaxis": f"y{number}0"}
        more = {
            "hovertemplate": f"{name}: %{{y:.3f}}<extra></extra>",
            "line": {"color": colour},
            "marker": {"color": colour},
        }
        regions.traces.append(axes | {"type": "scatter", "mode": mode, "x": x, "y": y, "name": name} | more)

    def _maps(self, regions, frame):
        maps, words = frame["maps"], frame.words
        signed = maps.min() < 0
        reach = float(np.abs(maps).max()) or 1.0
        sheet = Sheet(3, *maps.shape[1:], 3, max(1, min(maps.shape[1:]) // 10))
        title = f"{words['node']}, map {words['unit']}: as it was · as it is now · moved along"
        axes = regions.place((0.66, 1), (0.04, 0.44), sheet.shape, title)
        names = ["as it was", "as it is now", "as it was, moved along"]
        limits = {"zmin": -reach if signed else 0, "zmax": reach}
        regions.sheet(maps, sheet, axes, names, "diverging" if signed else "sequential", **limits)


def _lie(field, maps, picture):
    """Return how a layer's maps lie on the picture: one place of theirs is so many of its dots further on."""
    lie = torch.eye(3)
    if field and field.stride and field.offset:
        for axis, (place, number, size) in enumerate(zip((1, 0), maps, picture, strict=True)):
            stride, offset = field.stride[axis], field.offset[axis]
            lie[place, place] = stride * number / size
            lie[place, 2] = (2 * offset + stride * (number - 1) + 1) / size - 1
    return lie


def _correlation(one, other, inside):
    """Return how alike two stacks of maps are, where there is something of both."""
    a, b = one[:, inside].flatten(), other[:, inside].flatten()
    if a.numel() < 2:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / (a.norm() * b.norm()).clamp_min(1e-12))
