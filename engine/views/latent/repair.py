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
from engine.looking.view import View, view
from engine.tasks.damage import Way, damaged
from engine.views.latent.codes import class_of, coded, codeless, decoded, off
from engine.views.latent.codes import pictured as as_pictures

MOST_MARKS = 200
Place = Annotated[int, Field(ge=0, le=4096)]
Laid = Literal["black", "white", "noise"]
Mark = tuple[Place, Place, Laid]  # row, column, and what lies there


@view("repair")
class Repair(View):
    """A picture that you damage, and what comes back of it: click to lay blocks on it, or let chance damage it."""

    title, rank, height, wide = "Repair", 10, 320, True
    together = follows = True
    hint = "Click the left picture to damage it. What learned to mend damage gives back what it knows belongs there."

    sample: Example = SAMPLE
    brush: Laid = option("black", "What a click lays on the picture.")
    size: Annotated[int, Field(ge=1, le=64)] = option(5, "How large: dots along each side.")
    noise: Way = option("none", "Damage by chance, everywhere.")
    strength: Annotated[float, Field(ge=0, le=1)] = option(0.3, "How much of that.")
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
        clean = {"label": "Whole again", "words": "Take all damage away", "point": {"clean": True}}
        brushes = [
            {"label": f"Lay {kind}", "words": f"Let clicks lay {kind}", "point": {"brush": kind}}
            for kind in ("black", "white", "noise")
            if kind != self.brush
        ]
        return regions.figure(margin={"l": 6, "r": 6, "t": 4, "b": 6}) | {"buttons": [clean, *brushes]}

    def pick(self, point):
        """Lay a block where it was clicked, choose what clicks lay, or take all away."""
        if point.get("clean") is True:
            return self.but(marks=(), noise="none")
        if (brush := point.get("brush")) in ("black", "white", "noise"):
            return self.but(brush=brush)
        row, column = point.get("row"), point.get("column")
        if point.get("part") != "touched" or not all(_is_place(one) for one in (row, column)):
            return None
        if len(self.marks) >= MOST_MARKS:
            raise VitrineError(f"{MOST_MARKS} blocks lie on it already.", cure="Take the damage away first.")
        return self.but(marks=(*self.marks, (row, column, self.brush)))


def _is_place(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 4096


def _touched(shape: tuple[int, ...], axes: dict[str, str]) -> dict[str, Any]:
    """Return what hears clicks on a picture, dot by dot."""
    high, wide = shape
    shown = {"type": "heatmap", "z": np.zeros((high, wide)), "opacity": 0.0, "showscale": False}
    return shown | axes | {"meta": {"part": "touched"}, "hovertemplate": "row %{y}, column %{x}<extra></extra>"}
