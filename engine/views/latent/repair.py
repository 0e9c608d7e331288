"""Repair: an example damaged by hand or by chance, and what the network makes of it."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, field_validator

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.maps import Regions
from engine.looking.frame import Frame
from engine.looking.sample import sample_of
from engine.looking.shared import SAMPLE, Example, pictured
from engine.looking.small import pictured as as_pictures
from engine.looking.view import View, view
from engine.tasks.damage import Way, damaged
from engine.views.latent.codes import class_of, coded, codeless, decoded, off

MOST_MARKS = 400
MOST_STROKE = 400  # dots that one stroke of the brush passes
Place = Annotated[int, Field(ge=0, le=4096)]
Laid = Literal["black", "white", "noise"]
Mark = tuple[Place, Place, Laid]  # row, column, and what lies there


@view("repair")
class Repair(View):
    """A picture that you damage, and what comes back of it: paint on it, or let chance damage it."""

    title, rank, height, wide = "Repair", 10, 320, True
    together = follows = True
    hint = "Paint on the left picture. What learned to repair damage gives back what it knows belongs there."

    sample: Example = SAMPLE
    brush: Laid = option("black", "What the brush lays on the picture.")
    size: Annotated[int, Field(ge=1, le=64)] = option(5, "How wide the brush is, in dots.")
    noise: Way = option("none", "Damage by chance, everywhere.")
    strength: Annotated[float, Field(ge=0, le=1)] = option(0.3, "How much of that.", felt=(0.0, 1.0))
    marks: Annotated[tuple[Mark, ...], Field(max_length=MOST_MARKS)] = option((), "What was laid so far.", hidden=True)

    @field_validator("marks", mode="before")
    @classmethod
    def _tuples(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        return tuple(tuple(one) if isinstance(one, list) else one for one in value)

    def refuses(self, experiment):
        """Refuse what gives back no pictures."""
        if words := codeless(experiment) or pictured(experiment):
            return words
        return "" if not experiment.data or experiment.data.example == "image" else "Only pictures are damaged by hand."

    def compute(self, session):
        """Damage the sample, and let it through."""
        learner = session.network
        sample = sample_of(session, self.sample)
        given, kind = sample.given.cpu(), class_of(session, sample)
        mean, deviation = (scale.cpu() for scale in learner.material.scales)
        plain = given * deviation + mean  # from 0 to 1
        worse = damaged(plain, self.noise, self.strength, 0.0, 1.0, torch.Generator().manual_seed(0)).clone()
        chance = torch.rand(plain.shape, generator=torch.Generator().manual_seed(1))
        half = self.size // 2
        for row, column, laid in self.marks:
            down, along = (slice(max(0, at - half), max(0, at - half + self.size)) for at in (row, column))
            where = (..., down, along)
            worse[where] = {"black": 0.0, "white": 1.0}.get(laid, chance[where])
        entering = ((worse - mean) / deviation).to(learner.place.device)
        made = decoded(session, coded(session, entering, kind).at, kind)
        damage, left = float(off(worse, plain)[0]), float(off(made * deviation + mean, plain)[0])
        arrays = {
            "worse": as_pictures(session, entering.cpu())[0],
            "made": as_pictures(session, made)[0],
            "plain": as_pictures(session, given)[0],
        }
        return Frame(arrays, {"damage": damage, "left": left})

    def draw(self, frame):
        """Draw the damaged picture, what comes back, and what it was."""
        words = frame.words
        regions = Regions()
        titles = (
            ("worse", f"damaged: off by {words['damage']:.3f}"),
            ("made", f"comes back: off by {words['left']:.3f}"),
            ("plain", "as it was"),
        )
        for place, (name, title) in enumerate(titles):
            image = frame[name]
            axes = regions.place((place * 0.34, place * 0.34 + 0.32), (0, 1), image.shape[1:], title)
            regions.picture(image, axes)
            if name == "worse":
                regions.traces.append(_touched(image.shape[1:], axes))
                brush = {"axis": axes["xaxis"][1:], "shape": list(image.shape[1:])}
        clean = {"label": "Whole again", "words": "Take all damage away", "point": {"clean": True}}
        brushes = [
            {"label": f"Paint {kind}", "words": f"Let the brush lay {kind}", "point": {"brush": kind}}
            for kind in ("black", "white", "noise")
            if kind != self.brush
        ]
        shown = regions.figure(margin={"l": 6, "r": 6, "t": 4, "b": 6}, dragmode=False)
        return shown | {"buttons": [clean, *brushes], "brush": brush | {"size": self.size, "laid": self.brush}}

    def pick(self, point):
        """Lay what the brush passed, choose what it lays, or take all away."""
        if point.get("clean") is True:
            return self.but(marks=(), noise="none")
        if (brush := point.get("brush")) in ("black", "white", "noise"):
            return self.but(brush=brush)
        strokes = point.get("strokes")
        if point.get("part") != "painted" or not isinstance(strokes, list) or not 0 < len(strokes) <= MOST_STROKE:
            return None
        if not all(isinstance(dot, list) and len(dot) == 2 and all(map(_is_place, dot)) for dot in strokes):
            return None
        laid = [(row, column, self.brush) for row, column in _sparse(strokes, max(1, self.size // 2))]
        if len(self.marks) + len(laid) > MOST_MARKS:
            raise VitrineError(f"There is paint at {MOST_MARKS} places already.", cure="Take the damage away first.")
        return self.but(marks=(*self.marks, *laid))


def _sparse(strokes: list[list[int]], apart: int) -> list[list[int]]:
    """Return the dots of a stroke of which each lies so far from the one before, and its end."""
    kept = strokes[:1]
    for dot in strokes[1:]:
        if max(abs(dot[0] - kept[-1][0]), abs(dot[1] - kept[-1][1])) >= apart:
            kept.append(dot)
    return kept if kept[-1] == strokes[-1] else [*kept, strokes[-1]]


def _is_place(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 4096


def _touched(shape: tuple[int, ...], axes: dict[str, str]) -> dict[str, Any]:
    """Return what tells which dot of a picture is pointed at."""
    high, wide = shape
    shown = {"type": "heatmap", "z": np.zeros((high, wide)), "opacity": 0.0, "showscale": False}
    return shown | axes | {"meta": {"part": "painted"}, "hovertemplate": "row %{y}, column %{x}<extra></extra>"}
