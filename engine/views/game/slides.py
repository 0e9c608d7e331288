"""Slides: how a round of a game is drawn, one thing after the other: in the plane, or in rows of small pictures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from engine.figures.figure import Figure, Trace, axis, heat, says
from engine.figures.film import Slide, film
from engine.figures.lines import lined
from engine.figures.pictures import pixels, placed
from engine.looking.frame import Frame
from engine.views.game.drawing import LONGEST, arrows, at, dots, surface
from engine.views.game.players import MADE, REAL
from engine.views.game.spoken import Spoken

NOISE = "#7b8794"
SHOULD, DID = "should<br>change", "did<br>change"
MORE = (("real", "real"), ("pull", SHOULD), ("moved", DID))
COLUMNS, ROWS, LEFT = 6, 4, 0.17  # pictures in a row, rows, and the share of the width that their names have


class InPlane:
    """A round among points: at the left the noise, at the right the plane."""

    def __init__(self, frame: Frame):
        self.frame = frame
        self.side = float(frame["high"][0] - frame["low"][0])
        self.surfaces: dict[int, Trace] = {}
        self.plane = at(np.full((1, 2), np.nan), mode="markers", hoverinfo="skip", showlegend=False)  # always there

    def turn(self, number: int, words: Spoken) -> list[Slide]:
        """Return the slides of one network's turn."""
        noise, made = self._noise(number), self._dots(number, "made", MADE)
        if words.telling:
            real = self._dots(number, "real", REAL)
            judged = [self._surface(number), noise, real, made]
            first = [
                words.slide("noise", [self.plane, noise]),
                words.slide("made", [noise, made]),
                words.slide("real", [noise, real, made]),
                words.slide("verdict", judged),
            ]
            if words.rests:
                return [*first, words.slide("frozen", judged)]
            change = words.slide("moved", [self._change(number), noise, real, made])
            return [*first, words.slide("gradient", judged), change]
        ground = self._surface(number)
        shown = [ground, noise, made]
        first = [words.slide("noise", [ground, noise]), words.slide("made", shown), words.slide("verdict", shown)]
        if words.rests:
            return [*first, words.slide("frozen", shown)]
        pull = arrows(self.frame[f"{number} made"], self.frame[f"{number} pull"], self.side)
        moves, notes = self._moves(number)
        drawn = words.slide("gradient", [ground, noise, pull, made])
        return [*first, drawn, words.slide("moved", [ground, noise, moves, made], (), notes)]

    def again(self, number: int, said: Slide) -> list[Slide]:
        """Return the one slide of a turn that is like those before it."""
        noise, made = self._noise(number), self._dots(number, "made", MADE)
        if f"{number} real" in self.frame.arrays:
            data: list[Trace] = [self._change(number), noise, self._dots(number, "real", REAL), made]
            return [replace(said, data=data)]
        if f"{number} pull" not in self.frame.arrays:  # it is frozen
            return [replace(said, data=[self._surface(number), noise, made])]
        moves, notes = self._moves(number)
        return [replace(said, data=[self._surface(number), noise, moves, made], annotations=notes)]

    def film(self, slides: Sequence[Slide]) -> Figure:
        """Return the film."""
        low, high = self.frame["low"], self.frame["high"]
        first, second = self.frame.words["names"]
        reach = max(float(np.abs(self.frame[name]).max()) for name in self.frame.arrays if name.endswith(" noise"))
        small = axis("", range=[-reach, reach], zeroline=False, nticks=3, showticklabels=False)
        return film(
            slides,
            xaxis=axis(first, range=[low[0], high[0]], zeroline=False, domain=[0.27, 1], constrain="domain"),
            yaxis=axis(second, range=[low[1], high[1]], zeroline=False, scaleanchor="x", constrain="domain"),
            xaxis2=small | {"domain": [0, 0.18], "anchor": "y2", "title": {"text": "noise", "standoff": 4}},
            yaxis2=small | {"domain": [0.5, 1], "anchor": "x2", "scaleanchor": "x2", "constrain": "domain"},
            margin={"l": 8, "r": 8, "t": 8, "b": 40},
            showlegend=True,
            legend={"x": 0, "y": 0.3, "font": {"size": 11}},
        )

    def _noise(self, number: int) -> Trace:
        return dots(self.frame[f"{number} noise"], NOISE, "noise", xaxis="x2", yaxis="y2", showlegend=False)

    def _dots(self, number: int, name: str, colour: str) -> Trace:
        return dots(self.frame[f"{number} {name}"], colour, name)

    def _surface(self, number: int) -> Trace:
        if number not in self.surfaces:
            said, words = self.frame["said"][number], self.frame.words
            self.surfaces[number] = surface(said, self.frame["across"], self.frame["up"], words["middle"])
        return self.surfaces[number]

    def _change(self, number: int) -> Trace:
        """Return how a turn changed what is said of each place."""
        change = self.frame["said"][number + 1] - self.frame["said"][number]
        reach = max(float(np.abs(change).max()), 1e-9)
        across, up = (np.round(self.frame[name], 3) for name in ("across", "up"))
        hover = "%{x:.2f}, %{y:.2f}<br>its verdict changed by %{z:.2g}<extra></extra>"
        style = {"zmin": -reach, "zmax": reach, "zsmooth": "best", "opacity": 0.75, "showscale": False}
        return heat(change, across, up, "diverging", hovertemplate=hover, **style)

    def _moves(self, number: int) -> tuple[Trace, list[dict[str, Any]]]:
        """Return the way that each made point took, drawn so much longer that it is seen; and by how much."""
        begin = self.frame[f"{number} made"]
        way = self.frame[f"{number} after"] - begin
        usual = float(np.quantile(np.linalg.norm(way, axis=1), 0.9))
        times = LONGEST * self.side / max(usual, 1e-9)
        times = max(1.0, float(f"{times:.1g}"))
        ends = np.stack([begin, begin + times * way, np.full_like(begin, np.nan)], axis=1).reshape(-1, 2)
        style = {"mode": "lines", "line": {"color": MADE, "width": 1.5}, "hoverinfo": "skip", "showlegend": False}
        place = {"xref": "paper", "yref": "paper", "x": 0, "y": 0.12, "xanchor": "left", "align": "left"}
        return at(ends, **style), [says(f"ways drawn<br>{times:,.0f} times<br>as long", font={"size": 11}, **place)]


class InPictures:
    """A round among pictures: noise, what is made of it, real ones; then how they should change, and did."""

    def __init__(self, frame: Frame):
        self.frame = frame

    def turn(self, number: int, words: Spoken) -> list[Slide]:
        """Return the slides of one network's turn."""
        noise, made = self._row(number, "noise", 0), self._row(number, "made", 1)
        judged, later = self._said(number, words.telling)
        if words.telling:
            row = [*noise, *made, *self._row(number, "real", 2)]
            names = ["noise", "made", "real"]
            notes = [*_names(names), *judged]
            first = [
                words.slide("noise", (), noise, _names(names[:1])),
                words.slide("made", (), [*noise, *made], _names(names[:2])),
                words.slide("real", (), row, _names(names)),
                words.slide("verdict", (), row, notes),
            ]
            if words.rests:
                return [*first, words.slide("frozen", (), row, notes)]
            change = words.slide("moved", (), row, [*_names(names), *later])
            return [*first, words.slide("gradient", (), row, notes), change]
        names, both = ["noise", "made", SHOULD, DID], [*noise, *made]
        notes = [*_names(names[:2]), *judged]
        first = [
            words.slide("noise", (), noise, _names(names[:1])),
            words.slide("made", (), both, _names(names[:2])),
            words.slide("verdict", (), both, notes),
        ]
        if words.rests:
            return [*first, words.slide("frozen", (), both, notes)]
        pull = self._row(number, "pull", 2)
        whole = [*both, *pull, *self._row(number, "moved", 3)]
        sent = words.slide("gradient", (), [*both, *pull], [*_names(names[:3]), *judged])
        return [*first, sent, words.slide("moved", (), whole, [*_names(names), *later])]

    def again(self, number: int, said: Slide) -> list[Slide]:
        """Return the one slide of a turn that is like those before it."""
        telling = f"{number} real" in self.frame.arrays
        shown = [("noise", "noise"), ("made", "made")]
        shown += [(key, name) for key, name in MORE if f"{number} {key}" in self.frame.arrays]
        row = [one for down, (key, _) in enumerate(shown) for one in self._row(number, key, down)]
        notes = [*_names([name for _, name in shown]), *self._said(number, telling)[1]]
        return [replace(said, images=row, annotations=notes)]

    def film(self, slides: Sequence[Slide]) -> Figure:
        """Return the film."""
        bare = {"visible": False, "fixedrange": True}
        return film(
            slides,
            xaxis=bare | {"range": [0, COLUMNS], "domain": [LEFT, 1]},
            yaxis=bare | {"range": [ROWS, 0]},
            margin={"l": 6, "r": 6, "t": 6, "b": 6},
        )

    def _row(self, number: int, name: str, down: int) -> list[dict[str, Any]]:
        pictures = pixels(self.frame[f"{number} {name}"])
        spots = (placed(one, "x", "y", along + 0.5, down + 0.03, 0.94, 0.8) for along, one in enumerate(pictures))
        return [spot | {"xanchor": "center"} for spot in spots]

    def _said(self, number: int, telling: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return what was said of each, and that with what is said of it afterwards."""
        said = self.frame[f"{number} said"]
        before, after = said[: len(said) // 2], said[len(said) // 2 :]
        downs = (2, 1) if telling else (1,)
        judged, later = [], []
        for down, row, new in zip(downs, before, after, strict=True):
            for along, (one, other) in enumerate(zip(row, new, strict=True)):
                place = {"xref": "x", "yref": "y", "x": along + 0.5, "y": down + 0.92, "font": {"size": 10}}
                judged.append(says(f"{one:.2f}", **place))
                later.append(says(f"{one:.2f} → {other:.2f}", **place))
        return judged, later


def _names(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the names of rows, at their left."""
    place = {"xref": "paper", "yref": "y", "x": LEFT - 0.012, "xanchor": "right"}
    return [says(name, y=down + 0.44, **place) for down, name in enumerate(names)]


def squares(noise: torch.Tensor) -> np.ndarray:
    """Return rows of numbers as small square pictures: black is −2 and less, white 2 and more."""
    side = int(np.ceil(np.sqrt(noise.shape[1])))
    padded = np.zeros((len(noise), side * side), np.float32)
    padded[:, : noise.shape[1]] = noise.numpy()
    return _grey(padded / 2).reshape(-1, 1, side, side)


def signed(values: np.ndarray) -> np.ndarray:
    """Return changes of examples as pictures: of pictures grey is none, brighter is more; of numbers as lines."""
    shares = values / max(float(np.quantile(np.abs(values), 0.99)), 1e-12)
    if values.ndim == 4:
        return _grey(shares)
    return lined(shares if values.ndim == 3 else shares[:, :, None], -1.0, 1.0)


def _grey(values: np.ndarray) -> np.ndarray:
    """Return numbers from −1 to 1 as bytes."""
    return np.round(127.5 + 127.5 * np.clip(values, -1, 1)).astype(np.uint8)
