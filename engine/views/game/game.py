"""The game: what is real and what is made in the plane, what the discriminator says, and how noise is bent."""

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.figures.figure import axis, caption, figure
from engine.looking.frame import Frame
from engine.looking.sample import class_called, noise_of
from engine.looking.shared import Words
from engine.looking.view import View, view
from engine.views.game.drawing import arrows, at, dots, places, square, surface
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

LINES, ALONG = 13, 40  # lines of the grid of noise each way, and places along each


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
        low, high = square(session)
        names = getattr(session.experiment.data, "names", ("x1", "x2"))[:2]
        words: dict[str, Any] = {"names": list(names), "middle": middle(session)}
        arrays = {"real": points.cpu().numpy(), "low": low.numpy(), "high": high.numpy()}
        told = asked_for(session, self.told, self.points)
        made = made_of(session, noise_of(session, self.points), told)
        arrays["made"] = made.cpu().numpy()
        if self.surface:
            across, up, grid = places(session, self.detail)
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
        low, high, words = frame["low"], frame["high"], frame.words
        traces: list[dict[str, Any]] = []
        if "said" in frame.arrays:
            traces.append(surface(frame["said"], frame["across"], frame["up"], words["middle"]))
        if "bent" in frame.arrays:
            bent = np.pad(frame["bent"], ((0, 0), (0, 1), (0, 0)), constant_values=np.nan).reshape(-1, 2)
            style = {"line": {"color": MADE, "width": 1}, "opacity": 0.55, "hoverinfo": "skip"}
            traces.append(at(bent, mode="lines", name="noise, bent", **style))
        if self.real:
            traces.append(dots(frame["real"], REAL, "real"))
        if "pull" in frame.arrays:
            traces.append(arrows(frame["made"], frame["pull"], float(high[0] - low[0])))
        if self.made:
            traces.append(dots(frame["made"], MADE, "made"))
        first, second = words["names"]
        said = []
        if "pull" in words:
            said.append(f"made points are drawn by {words['pull']:.2g} on average")
        if words.get("noise", 0) > 2:
            said.append(f"the grid shows two of {words['noise']} numbers of noise")
        return figure(
            traces,
            xaxis=axis(first, range=[low[0], high[0]], zeroline=False, constrain="domain"),
            yaxis=axis(second, range=[low[1], high[1]], zeroline=False, scaleanchor="x", constrain="domain"),
            margin={"l": 44, "r": 8, "t": 44, "b": 40},
            showlegend=True,
            legend={"orientation": "h", "x": 0, "y": 1.045, "yanchor": "bottom", "font": {"size": 11}},
            annotations=[caption("; ".join(said))] if said else [],
        )
