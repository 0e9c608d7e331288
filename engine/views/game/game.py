"""The game: what is real and what is made in the plane, what the discriminator says, and how noise is bent."""

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.figures.figure import axis, caption, figure, heat
from engine.looking.frame import Frame
from engine.looking.sample import class_called, noise_of
from engine.looking.shared import Words
from engine.looking.view import View, view
from engine.views.game.players import (
    MADE,
    REAL,
    asked_for,
    made_of,
    middle,
    off_the_plane,
    pull_on,
    said_of,
)

MARGIN = 0.2  # of the real points' extent, beyond them
LINES, ALONG = 13, 40  # lines of the grid of noise each way, and places along each
LONGEST = 0.08  # of the plane's side: the arrow of the strongest gradients


@view("game")
class Game(View):
    """Real points and made ones, the discriminator's opinion of every place, how the generator bends a grid of noise,
    and whither each made point is drawn.
    """

    title, rank, height = "The game", 1, 420
    together = True
    hint = "Blue is taken for real. Made points follow their arrows there; when all is equally pale, nobody can tell."

    surface: bool = option(True, "What the discriminator says of every place.")
    real: bool = option(True, "Real points.")
    made: bool = option(True, "Points made of noise that is always the same.")
    arrows: bool = option(True, "Whither the generator's loss draws each made point.")
    manifold: bool = option(False, "A grid of noise as the generator bends it; all cells are equally likely.")
    points: Annotated[int, Field(ge=10, le=2000)] = option(250, "How many points of each kind.")
    detail: Annotated[int, Field(ge=20, le=150)] = option(50, "How many places in a row are judged.", rare=True)
    told: Words = option("", "Which class the networks are told, where they take one; empty: each in turn.", rare=True)

    def refuses(self, experiment):
        """Refuse what is no game in a plane."""
        return off_the_plane(experiment)

    def compute(self, session):
        """Ask the discriminator everywhere, and the generator for points and for the grid."""
        learner = session.network
        points = learner.train.inputs[: self.points]
        low, high = self._ends(session)
        names = getattr(session.experiment.data, "names", ("x1", "x2"))[:2]
        words: dict[str, Any] = {"names": list(names), "middle": middle(session)}
        arrays = {"real": points.cpu().numpy(), "low": low.numpy(), "high": high.numpy()}
        device = learner.place.device
        told = asked_for(session, self.told, self.points)
        made = made_of(session, noise_of(session, self.points), told)
        arrays["made"] = made.cpu().numpy()
        if self.surface:
            across, up = (torch.linspace(float(a), float(b), self.detail) for a, b in zip(low, high, strict=True))
            y, x = torch.meshgrid(up, across, indexing="ij")
            grid = torch.stack([x.flatten(), y.flatten()], dim=1).to(device)
            told_grid = class_called(session, self.told, len(grid))
            said = said_of(session, grid, told_grid).reshape(self.detail, self.detail)
            arrays |= {"across": across.numpy(), "up": up.numpy(), "said": said.numpy()}
        if self.arrows:
            pull = pull_on(session, made, told)
            arrays["pull"] = pull.numpy()
            words["pull"] = float(pull.norm(dim=1).mean())
        if self.manifold:
            ways = self._noise_grid(session)
            told_ways = class_called(session, self.told, len(ways))
            arrays["bent"] = made_of(session, ways, told_ways).cpu().reshape(-1, ALONG, 2).numpy()
            words["noise"] = ways.shape[1]
        return Frame({name: np.asarray(value, np.float32) for name, value in arrays.items()}, words)

    def _ends(self, session):
        """Return the lower left and the upper right corner of what is drawn: a square around the real points."""
        kept = session.network.lasting
        if "square" not in kept:
            points = session.network.train.inputs[:, :2].float()
            low, high = points.amin(dim=0).cpu(), points.amax(dim=0).cpu()
            half = float((high - low).max().clamp_min(1e-6)) * (0.5 + MARGIN)
            kept["square"] = (low + high) / 2 - half, (low + high) / 2 + half
        return kept["square"]

    def _noise_grid(self, session):
        """Return rows of noise along lines: the first two numbers vary, evenly by how likely they are, others are 0."""
        task: Any = session.network.task
        size = noise_of(session, 1).shape[1]
        share = (torch.arange(ALONG, dtype=torch.double) + 0.5) / ALONG
        few = (torch.arange(LINES, dtype=torch.double) + 0.5) / LINES
        along, across = (
            (2 * one - 1 if task.noise == "uniform" else torch.special.ndtri(one)).float() for one in (share, few)
        )
        if size == 1:
            return along[:, None].to(session.network.place.device)
        rows = torch.zeros(2, LINES, ALONG, size)
        rows[0, :, :, 0], rows[0, :, :, 1] = across[:, None], along
        rows[1, :, :, 1], rows[1, :, :, 0] = across[:, None], along
        return rows.reshape(-1, size).to(session.network.place.device)

    def draw(self, frame):
        """Draw the plane, layer upon layer."""
        low, high = frame["low"], frame["high"]
        traces: list[dict[str, Any]] = []
        if "said" in frame.arrays:
            traces.append(self._surface(frame))
        if "bent" in frame.arrays:
            bent = np.pad(frame["bent"], ((0, 0), (0, 1), (0, 0)), constant_values=np.nan).reshape(-1, 2)
            style = {"line": {"color": MADE, "width": 1}, "opacity": 0.55, "hoverinfo": "skip"}
            traces.append(_at(bent, mode="lines", name="noise, bent", **style))
        if self.real:
            traces.append(self._dots(frame["real"], REAL, "real"))
        if "pull" in frame.arrays:
            traces.append(self._arrows(frame["made"], frame["pull"], float(high[0] - low[0])))
        if self.made:
            traces.append(self._dots(frame["made"], MADE, "made"))
        first, second = frame.words["names"]
        said = []
        if "pull" in frame.words:
            said.append(f"made points are drawn by {frame.words['pull']:.2g} on average")
        if frame.words.get("noise", 0) > 2:
            said.append(f"the grid shows two of {frame.words['noise']} numbers of noise")
        return figure(
            traces,
            xaxis=axis(first, range=[low[0], high[0]], zeroline=False, constrain="domain"),
            yaxis=axis(second, range=[low[1], high[1]], zeroline=False, scaleanchor="x", constrain="domain"),
            margin={"l": 44, "r": 8, "t": 44, "b": 40},
            showlegend=True,
            legend={"orientation": "h", "x": 0, "y": 1.045, "yanchor": "bottom", "font": {"size": 11}},
            annotations=[caption("; ".join(said))] if said else [],
        )

    def _surface(self, frame):
        """Return what the discriminator says as colours, around the middle between real and made."""
        said, middle = frame["said"], frame.words["middle"]
        around = float(np.median(said)) if middle is None else middle
        reach = 0.5 if middle == 0.5 else max(float(np.abs(said - around).max()), 1e-6)
        if middle == 0.5:  # of squares a verdict may lie beyond both ends
            reach = max(reach, float(np.abs(said - around).max()) * 0.5)
        return heat(
            np.round(said - around, 3),
            np.round(frame["across"], 3),
            np.round(frame["up"], 3),
            "diverging",
            customdata=np.round(said, 3),
            zmin=-reach,
            zmax=reach,
            zsmooth="best",
            opacity=0.75,
            showscale=False,
            hovertemplate="%{x:.2f}, %{y:.2f}<br>D says %{customdata:.3f}<extra></extra>",
        )

    def _dots(self, at, colour, name):
        marker = {"color": colour, "size": 5, "opacity": 0.85, "line": {"width": 0.5, "color": "#ffffff"}}
        hover = f"{name}: %{{x:.2f}}, %{{y:.2f}}<extra></extra>"
        return _at(at, mode="markers", name=name, marker=marker, hovertemplate=hover, meta={"points": True})

    def _arrows(self, at, pull, side):
        """Return a line from each made point towards where it is drawn; the strongest pulls are cut to one length."""
        length = np.linalg.norm(pull, axis=1, keepdims=True)
        most = max(float(np.quantile(length, 0.9)), 1e-12)
        ways = pull / np.maximum(length, 1e-12) * np.minimum(length / most, 1) * LONGEST * side
        lines = np.stack([at, at + ways, np.full_like(at, np.nan)], axis=1).reshape(-1, 2)
        return _at(lines, mode="lines", line={"color": "#444444", "width": 1.1}, hoverinfo="skip", showlegend=False)


def _at(places, **style):
    """Return a trace through places in the plane; no numbers are gaps."""
    x, y = np.round(places.astype(float), 3).T
    return {"type": "scatter", "x": x, "y": y} | style
