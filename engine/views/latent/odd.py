"""Odd: how unlike all that was learned an example is, by how badly it comes back or by where its code lies."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import BAD, PALETTE, axis, caption, figure
from engine.figures.pictures import address, pixels
from engine.looking.frame import Frame
from engine.looking.sample import sample_of
from engine.looking.shared import SAMPLE, Example
from engine.looking.small import pictured
from engine.looking.view import View, view
from engine.views.latent.codes import (
    class_of,
    coded,
    codeless,
    codes_of,
    decoded,
    kept_codes,
    kept_returns,
    named,
    off,
    returns_of,
)

BINS, ODDEST, FEWEST = 40, 6, 3
AROUND = 2000  # training examples that tell where codes lie


@view("odd")
class Odd(View):
    """How odd the sample is beside examples that were not learned from: an anomaly score, and a line beyond which it
    counts as one.
    """

    title, rank, height, wide = "How odd it is", 13, 320, True
    together = follows = True
    hint = "What is unlike all that was learned comes back badly. Draw something else in the picker and see."

    sample: Example = SAMPLE
    by: Literal["error", "code"] = option(
        "error", "What makes odd: how badly it comes back, or how far its code lies from all others (Mahalanobis)."
    )
    share: Annotated[float, Field(ge=0.5, le=0.999)] = option(0.95, "Which share of examples counts as usual.")
    split: Literal["validation", "test", "train"] = option("validation", "Beside which examples.")
    examples: Annotated[int, Field(ge=20, le=10_000)] = option(1000, "Beside how many of them.")

    def refuses(self, experiment):
        """Refuse what makes no codes of examples."""
        return codeless(experiment)

    def stages(self, session):
        """Ask for codes piece by piece, then see what comes back."""
        if self.by == "code":
            for split, most in ((self.split, self.examples), ("train", AROUND)):
                yield from codes_of(session, split, most)
        else:
            yield from returns_of(session, self.split, self.examples)
        yield self.compute(session)

    def compute(self, session):
        """Score the sample and all others, and look for the oddest."""
        learner = session.network
        name, split = session.split(self.split)
        sample = sample_of(session, self.sample)
        mine = coded(session, sample.given, class_of(session, sample)).at
        if self.by == "code":
            around = kept_codes(session, "train", AROUND).at
            others, own = (away(one, around) for one in (kept_codes(session, name, self.examples).at, mine))
        else:
            others = kept_returns(session, name, self.examples)
            own = off(decoded(session, mine, class_of(session, sample)), sample.given.cpu())
        apart = [place for place in range(len(others)) if (name, place) != sample.at]
        if len(apart) < FEWEST:
            raise VitrineError("There are too few examples to stand beside.", cure="Choose another split.")
        oddest = others.argsort(descending=True, stable=True)[:ODDEST].tolist()
        odd = learner.material.given(split.inputs[oddest])
        arrays = {
            "others": others[apart].numpy(),
            "own": own.numpy(),
            "odd": others[oddest].numpy(),
            "pictures": pictured(session, odd.cpu()),
        }
        return Frame(arrays, {"split": name, "places": oddest} | sample.told())

    def draw(self, frame):
        """Draw how the others' scores lie, where the sample's does, and at the right the oddest of all."""
        words, others, own = frame.words, frame["others"], float(frame["own"][0])
        counts, edges = np.histogram(others, bins=BINS)
        middles, limit = (edges[1:] + edges[:-1]) / 2, float(np.quantile(others, self.share))
        bars = {"type": "bar", "x": np.round(middles, 5), "y": counts, "width": float(edges[1] - edges[0])}
        bars |= {"marker": {"color": [BAD if one > limit else PALETTE[0] for one in middles.tolist()], "opacity": 0.75}}
        bars |= {"hovertemplate": "%{y} of them: %{x:.3g}<extra></extra>"}
        less = float((others < own).mean())
        said = f"farther off than {less:.0%} of {len(others):,} {words['split']} examples: "
        said += "odd" if own > limit else "as usual"
        marks = [_line(own, "solid", BAD), _line(limit, "dash", "#7b8794")]
        what = "off by" if self.by == "error" else "away"
        notes = [
            caption(f"the sample is {what} {own:.3g}, {said}"),
            caption("the oddest of all", x=0.72),
            _beside(own, "sample", BAD, 0.95),
            _beside(limit, f"{self.share:.0%} lie before", "#7b8794", 0.83),
        ]
        images = []
        columns, rows = np.arange(len(frame["odd"])) % 3, np.arange(len(frame["odd"])) // 3
        for picture, far, column, row in zip(pixels(frame["pictures"]), frame["odd"], columns, rows, strict=True):
            left, top = 0.72 + 0.095 * float(column), 0.91 - 0.49 * float(row)
            spot = {"xref": "paper", "yref": "paper", "x": left, "y": top, "sizex": 0.088, "sizey": 0.36}
            images.append(spot | {"source": address(picture, 96), "sizing": "contain", "yanchor": "top"})
            notes.append(caption(f"{far:.3g}", x=left, y=top, font={"size": 10}))
        names = named(words["places"], words["split"])
        asked: dict[str, Any] = {"type": "scatter", "mode": "markers", "x": columns, "y": -rows, "ids": names}
        asked |= {"text": names, "hovertemplate": "%{text}<extra></extra>", "xaxis": "x2", "yaxis": "y2"}
        asked |= {"marker": {"size": 46, "opacity": 0, "symbol": "square"}, "meta": {"part": "oddest"}}
        room = 0.03 * max(float(edges[-1] - edges[0]), abs(own - float(edges[0])))
        blank = {"visible": False, "fixedrange": True}
        return figure(
            [bars, asked],
            xaxis=axis(
                "off by" if self.by == "error" else "deviations from all codes",
                domain=[0, 0.68],
                range=[min(float(edges[0]), own) - room, max(float(edges[-1]), own) + room],
            ),
            yaxis=axis("examples"),
            xaxis2=blank | {"domain": [0.72, 1], "range": [-0.46, 2.5], "anchor": "y2"},
            yaxis2=blank | {"domain": [0, 1], "range": [-1.6, 0.45], "anchor": "x2"},
            shapes=marks,
            images=images,
            annotations=notes,
            showlegend=False,
            margin={"l": 52, "r": 8, "t": 26, "b": 40},
            bargap=0,
        )

    def looks(self, point):
        """Look at the example that was clicked."""
        return {"sample": point["label"]} if point.get("part") == "oddest" and point.get("label") else {}


def away(codes: torch.Tensor, around: torch.Tensor) -> torch.Tensor:
    """Return how many deviations codes lie from the middle of others, along each way as far as those are spread."""
    rows, others = codes.double(), around.double()
    middle = others.mean(dim=0)
    spread = torch.cov(others.T, correction=0).reshape(rows.shape[1], rows.shape[1])
    far = rows - middle
    return ((far @ torch.linalg.pinv(spread, hermitian=True)) * far).sum(dim=1).clamp_min(0).sqrt().float()


def _line(at: float, dash: str, colour: str) -> dict:
    line = {"color": colour, "width": 2, "dash": dash}
    return {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line}


def _beside(at: float, words: str, colour: str, height: float) -> dict:
    shown = {"text": words, "x": at, "xref": "x", "y": height, "yref": "paper", "showarrow": False, "xanchor": "left"}
    return shown | {"xshift": 4, "font": {"size": 10, "color": colour}}
