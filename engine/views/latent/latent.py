"""Latent: examples as points in the plane of their codes."""

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import UNKNOWN
from engine.errors import VitrineError
from engine.figures.figure import BAD, PALETTE, axis, caption, figure, heat
from engine.figures.pictures import address, pixels
from engine.figures.sheet import spread_out
from engine.looking.frame import Frame
from engine.looking.projecting import By, heaped, pca, without
from engine.looking.sample import sample_of
from engine.looking.shared import SAMPLE, Example, Words
from engine.looking.small import pictured
from engine.looking.view import View, view
from engine.views.latent.attributes import CLASS, attribute, attributes
from engine.views.latent.codes import (
    OF_TWO,
    Dimension,
    class_of,
    coded,
    codeless,
    codes_of,
    decoded,
    kept_codes,
    kept_returns,
    named,
    returns_of,
)

NEAREST = 4
ERROR = "error"  # how badly an example comes back, which is no attribute of its own
MOST_ELLIPSES = 60
DETAIL = 60  # places along each side of the plane at which it is told how dense points lie
Plane = Literal["two numbers", "PCA", "t-SNE", "UMAP"]


@view("latent")
class Latent(View):
    """Where examples lie in the plane of two of a code's numbers, or of all of them laid out; what lies near."""

    title, rank, height = "Latent plane", 3, 440
    together = follows = True
    hint = "Heaps of one colour are classes that the code tells apart. Click a point to see what comes back of it."

    sample: Example = SAMPLE
    by: Plane | None = option(
        None, "Two numbers of the code as they are, or all of them laid out in the plane.", none=OF_TWO
    )
    across: Dimension = option(0, "The number that points lie along, from 0.")
    up: Dimension = option(1, "The number that they lie up, from 0.")
    colours: Words = option("class", "What colours tell: the class, how badly it comes back (error), or what is known.")
    pictures: bool = option(False, "Show examples as pictures where there is room for them.")
    ellipses: bool = option(False, "Show how far around its middle each code is drawn, of the first ones.")
    density: bool = option(False, "Shade where many points lie: what stays blank are holes.")
    split: Literal["train", "validation", "test"] = option("train", "Which examples.")
    examples: Annotated[int, Field(ge=10, le=10_000)] = option(1000, "How many of them.")
    perplexity: Annotated[float, Field(ge=2, le=100)] = option(
        20, "Of how many neighbours t-SNE takes care.", rare=True
    )

    def refuses(self, experiment):
        """Refuse what makes no codes of examples, and UMAP where it is not installed."""
        return codeless(experiment) or without("UMAP" if self.by == "UMAP" else "PCA")

    def offers(self, experiment):
        """Return what is known of examples, and how badly they come back."""
        return {"colours": [CLASS, ERROR, *attributes(experiment)[1:]]}

    def stages(self, session):
        """Ask for codes piece by piece; lay them out by PCA, and then as asked."""
        most = min(self.examples, len(session.split(self.split)[1]))
        if most < 3:
            raise VitrineError("There are fewer than three examples.", cure="Choose another split.")
        yield from codes_of(session, self.split, most)
        codes = kept_codes(session, self.split, most)
        if self.colours == ERROR:
            yield from returns_of(session, self.split, most)
        sample = sample_of(session, self.sample)
        mine = coded(session, sample.given, class_of(session, sample)).at
        arrays, words = self._told(session, codes, most, sample, mine)
        table = torch.cat([mine, codes.at]).numpy()
        flat = table if codes.size > 1 else np.pad(table, ((0, 0), (0, 1)))
        by: By | None = "PCA" if self.by is None and codes.size > 2 else None
        by = self.by if self.by in ("PCA", "t-SNE", "UMAP") else by
        if by is None:
            across, up = (min(one, codes.size - 1) for one in (self.across, self.up))
            at = table[:, [across, up]] if codes.size > 1 else flat
            words |= {"axes": [f"z{across}", f"z{up}" if codes.size > 1 else ""]}
            if codes.deviations is not None and self.ellipses:
                arrays["around"] = codes.deviations[:MOST_ELLIPSES, [across, up]].numpy()
            yield Frame(arrays | {"at": at}, words)
            return
        at, kept = pca(table) if codes.size > 1 else (flat, 1.0)
        words |= {"axes": [f"{kept:.0%} of the spread", ""], "by": "PCA"}
        if by != "PCA":
            yield Frame(arrays | {"at": at}, words | {"progress": 0.5})
            at, words = heaped(flat, by, self.perplexity), words | {"axes": ["", ""], "by": by}
        yield Frame(arrays | {"at": at}, words)

    def _told(self, session, codes, most, sample, mine):
        """Return everything but where points lie."""
        learner = session.network
        name, split = session.split(self.split)
        far = (codes.at - mine).norm(dim=1)
        order = [one for one in far.argsort(stable=True).tolist() if (name, one) != sample.at][:NEAREST]
        near = learner.material.given(split.inputs[order])
        told = attribute(session, CLASS if self.colours == ERROR else self.colours, name, most)
        arrays = {"near": np.array(order), "neighbours": pictured(session, near.cpu())}
        arrays["truths" if told.classes or self.colours in (CLASS, ERROR) else "shades"] = told.values
        back = decoded(session, mine, class_of(session, sample))
        arrays |= {"sample": pictured(session, torch.cat([sample.given.cpu(), back]))}
        if self.colours == ERROR:
            arrays["shades"] = kept_returns(session, name, most).numpy()
        if self.pictures:
            some = learner.material.given(split.inputs[: min(most, 600)])
            arrays["pictures"] = pictured(session, some.cpu())
        drawn = codes.deviations is not None
        return arrays, {
            "split": name,
            "classes": list(told.classes),
            "size": codes.size,
            "drawn": drawn,
        } | sample.told()

    def draw(self, frame):
        """Draw the points, and at the right the sample, what comes back of it, and its neighbours."""
        words, at = frame.words, frame["at"][1:]
        names = named(range(len(at)), words["split"])
        low, high = frame["at"].min(axis=0), frame["at"].max(axis=0)
        room = 0.04 * np.maximum(high - low, 1e-6)
        ranges = [[float(low[i] - room[i]), float(high[i] + room[i])] for i in (0, 1)]
        traces = [_dense(at, ranges)] if self.density else []
        traces += self._points(frame, at, names)
        mine = {"x": frame["at"][:1, 0], "y": frame["at"][:1, 1], "hovertemplate": "the sample<extra></extra>"}
        ring = {"size": 15, "symbol": "circle-open", "color": BAD, "line": {"width": 3}}
        traces.append({"type": "scatter", "mode": "markers", "showlegend": False} | mine | {"marker": ring})
        images = []
        if "pictures" in frame.arrays:
            images.append(_strewn(frame, at, ranges))
        if "around" in frame.arrays:
            traces.append(_ellipses(at[: len(frame["around"])], frame["around"]))
        along, up = words["axes"]
        shown = f"{len(at):,} {words['split']} examples, {words['size']:,} numbers each"
        shown += f", by {words['by']}" if "by" in words else ""
        notes: list = []
        self._aside(frame, images, notes)
        return figure(
            traces,
            xaxis=axis(" · ".join(filter(None, (along, shown))), domain=[0, 0.74], range=ranges[0], zeroline=True),
            yaxis=axis(up, range=ranges[1], zeroline=True),
            images=images,
            annotations=notes,
            showlegend=bool(words["classes"]) and "shades" not in frame.arrays,
            legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "font": {"size": 10}},
            margin={"l": 44, "r": 8, "t": 14, "b": 40},
        )

    def _points(self, frame, at, names):
        """Return the points: shaded by a number, or a trace for each class."""
        size = 7 if len(at) <= 300 else 5 if len(at) <= 2500 else 3.5
        shared = {"type": "scatter", "mode": "markers", "meta": {"part": "points"}}
        if "shades" in frame.arrays:
            what = "off by" if self.colours == ERROR else self.colours
            said = [f"{name}: {what} {value:.3g}" for name, value in zip(names, frame["shades"].tolist(), strict=True)]
            marker = {"size": size, "color": np.round(frame["shades"], 4), "colorscale": "Viridis"}
            marker |= {"colorbar": {"x": 0.745, "thickness": 8, "outlinewidth": 0, "tickfont": {"size": 9}}}
            return [shared | _dots(at, said, names) | {"marker": marker, "showlegend": False}]
        classes, truths = frame.words["classes"], frame["truths"]
        traces = []
        for kind in (*range(len(classes)), UNKNOWN):
            rows = np.flatnonzero(truths == kind)
            if not len(rows):
                continue
            called = classes[kind] if kind != UNKNOWN else "not known"
            said = [f"{names[row]}: {called}" if classes else names[row] for row in rows]
            colour = PALETTE[kind % len(PALETTE)] if kind != UNKNOWN else "#7b8794"
            sign = "circle" if kind < len(PALETTE) else "diamond"
            marker = {"size": size, "color": colour, "opacity": 0.8, "symbol": sign}
            traces.append(
                shared | _dots(at[rows], said, [names[row] for row in rows]) | {"name": called, "marker": marker}
            )
        return traces

    def _aside(self, frame, images, notes):
        """Show the sample with what comes back of it, and the examples whose codes are nearest."""
        shown = [(0.78 + 0.115 * (n % 2), (1.0, 0.55, 0.24)[n // 2]) for n in range(2 + NEAREST)]
        pictures = pixels(np.concatenate([frame["sample"], frame["neighbours"]]))
        for picture, (left, top) in zip(pictures, shown, strict=False):
            spot = {"xref": "paper", "yref": "paper", "x": left, "y": top, "sizex": 0.105, "sizey": 0.3}
            images.append(spot | {"source": address(picture, 96), "sizing": "contain", "yanchor": "top"})
        for said, x, y in (("sample", *shown[0]), ("back", *shown[1]), ("nearest codes", *shown[2])):
            notes.append(caption(said, x=x, y=y, font={"size": 10}))

    def looks(self, point):
        """Look at the example that was clicked."""
        name = point.get("label")
        return {"sample": name} if point.get("part") == "points" and isinstance(name, str) and name else {}


def _dots(at, said, names):
    return {
        "x": np.round(at[:, 0], 4),
        "y": np.round(at[:, 1], 4),
        "text": said,
        "ids": names,
        "hovertemplate": "%{text}<extra></extra>",
    }


def _dense(at, ranges):
    """Return how dense points lie, as each of them spread over a twentieth of the plane would have it."""
    counts, *edges = np.histogram2d(at[:, 0], at[:, 1], bins=DETAIL, range=ranges)
    reach = np.arange(-9, 10)
    bell = np.exp(-((reach / 2.5) ** 2) / 2)
    for line in (0, 1):
        counts = np.apply_along_axis(np.convolve, line, counts, bell / bell.sum(), mode="same")
    middles = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
    return heat(counts.T, *middles, showscale=False, hoverinfo="skip", zsmooth="best", opacity=0.5)


def _ellipses(at, around):
    """Return an ellipse for each code: one deviation around its middle."""
    turn = np.append(np.linspace(0, 2 * np.pi, 25), np.nan)
    x = (at[:, :1] + around[:, :1] * np.cos(turn)).ravel()
    y = (at[:, 1:] + around[:, 1:] * np.sin(turn)).ravel()
    line = {"width": 1, "color": "#7b8794"}
    shown = {"x": np.round(x, 4), "y": np.round(y, 4), "line": line, "hoverinfo": "skip", "showlegend": False}
    return {"type": "scatter", "mode": "lines"} | shown


def _strewn(frame, at, ranges):
    """Return one picture with those examples that have room where they lie."""
    placed = np.stack([(at[:, i] - ranges[i][0]) / (ranges[i][1] - ranges[i][0]) for i in (0, 1)], axis=1)
    sheet = spread_out(frame["pictures"], placed[: len(frame["pictures"])])
    spot = {"xref": "x", "yref": "y", "x": ranges[0][0], "y": ranges[1][1], "layer": "below", "sizing": "stretch"}
    sizes = {"sizex": ranges[0][1] - ranges[0][0], "sizey": ranges[1][1] - ranges[1][0]}
    return spot | sizes | {"source": address(sheet)}
