"""Surface: what the network answers everywhere in the plane."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import axis, figure, heat, says
from engine.figures.pictures import placed
from engine.figures.raster import coded
from engine.looking.frame import Frame
from engine.looking.view import View, view
from engine.views.points.plane import COLOURS, answers, marks, neurons, off_the_plane, plane, told_apart

FINER = 3  # times as many places where an answer jumps
OF_LOSS = (("train", "loss"), ("validation", "kept aside"))
STEPPED = 3  # numbers that an answer takes at most which jumps


@view("surface")
class Surface(View):
    """What the network, or one of its neurons, says of every point in the plane, with the points it learns from."""

    title, rank, height = "Surface", 2, 400
    abreast = True
    hint = "Colours say what each place is taken for; the fuller, the surer. Hollow points are kept aside to test on."

    node: Annotated[str, Field(max_length=200)] = option("", "Whose answer; empty: that of the whole network.")
    unit: Annotated[int, Field(ge=0, le=9_999)] = option(0, "Which of its neurons, from 0.")
    show: Literal["how sure", "decision"] = option("how sure", "Shades, or only which side a place is on.")
    train: bool = option(True, "Show the points it learns from.")
    test: bool = option(True, "Show the points that are kept aside.")
    detail: Annotated[int, Field(ge=20, le=200)] = option(70, "How many places in a row are worked out.", rare=True)

    def refuses(self, experiment):
        """Refuse what is no plane."""
        return off_the_plane(experiment)

    def offers(self, experiment):
        """Offer the layers of the network."""
        return {"node": [node.id for node in experiment.graph.nodes]}

    def compute(self, session):
        """Ask the network, or one neuron, at every place of a grid."""
        grid, given = self._asked(session, self.detail * (FINER if self.show == "decision" else 1))
        if self.show != "decision" and len(given.unique()) <= STEPPED:  # it jumps, and so the border would be a stair
            grid, given = self._asked(session, self.detail * FINER)
        names = getattr(session.experiment.data, "names", ("x1", "x2"))[:2]
        words = {"classes": told_apart(session), "names": list(names), "what": "", "aside": 0}
        words["tells classes"] = session.network.task.classifies and not self.node
        words["what"] = f"{self.node}, neuron {self.unit}" if self.node else _losses(session)
        shaped = given.reshape(len(grid.up), len(grid.across), -1).numpy().astype(np.float32)
        return Frame({"across": grid.across, "up": grid.up, "given": shaped} | marks(session), words)

    def _asked(self, session, detail):
        """Return a grid of so many places in a row, and what is answered there."""
        grid = plane(session, detail)
        if not self.node:
            return grid, answers(session, grid.inputs)
        if self.node not in session.graph:
            raise VitrineError(f"There is no layer {self.node!r} any more.", cure="Choose another.")
        given = neurons(session, [self.node], grid.inputs)[0].flatten(1)
        if self.unit >= given.shape[1]:
            raise VitrineError(f"{self.node} has {given.shape[1]} neurons.", cure="Choose a smaller number.")
        return grid, given[:, self.unit : self.unit + 1]

    def draw(self, frame):
        """Draw the plane in colours, and the points upon it."""
        classes, given = frame.words["classes"], frame["given"]
        if given.shape[2] > 2:
            traces, images = [], [self._mixed(frame, given)]
        else:
            traces, images = [self._shaded(frame, given, frame.words["tells classes"])], []
        traces += self._points(frame, classes)
        across, up = frame["across"], frame["up"]
        first, second = frame.words["names"]
        return figure(
            traces,
            images=images,
            xaxis=axis(first, range=[across[0], across[-1]], zeroline=False, constrain="domain"),
            yaxis=axis(second, range=[up[0], up[-1]], zeroline=False, scaleanchor="x", constrain="domain"),
            margin={"l": 48, "r": 12, "t": 26, "b": 40},  # room above, for the name of a neuron that is pointed at
            annotations=[_named(frame.words["what"])] if frame.words["what"] else [],
        )

    def _shaded(self, frame, given, chances):
        """Return signed values as a heat map: of two classes the second one's lead, else the answer itself."""
        values = 2 * given[..., 1] - 1 if chances else given[..., 0]
        most = 1.0 if chances else max(float(np.abs(values).max()), 1e-6)
        shown = np.sign(values) * most * 0.6 if self.show == "decision" else values
        first, second = frame.words["classes"] if chances else ("", "")
        told = f"%{{z:.2f}}, from −1 {first} to 1 {second}" if chances else "%{z:.3g}"
        return heat(
            coded(np.round(shown, 2 if chances else 4)),
            np.round(frame["across"], 4),
            np.round(frame["up"], 4),
            "diverging",
            zmin=-most,
            zmax=most,
            opacity=0.6,
            zsmooth=False if self.show == "decision" or len(values) > self.detail else "best",
            showscale=False,
            hovertemplate=f"%{{x:.2f}}, %{{y:.2f}}<br>{told}<extra></extra>",
        )

    def _mixed(self, frame, given):
        """Return a picture of several classes: each place in the likeliest one's colour, the fuller the surer."""
        palette = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in COLOURS])
        best = given.argmax(axis=2)
        lead = (given.max(axis=2) - 1 / given.shape[2]) / (1 - 1 / given.shape[2])
        alpha = np.full_like(lead, 0.6) if self.show == "decision" else 0.1 + 0.65 * lead.clip(0, 1)
        sheet = np.concatenate([palette[best % len(palette)], (255 * alpha)[..., None]], axis=2).astype(np.uint8)
        across, up = frame["across"], frame["up"]
        width, height = float(across[-1] - across[0]), float(up[-1] - up[0])
        shown = placed(sheet[::-1], "x", "y", float(across[0]), float(up[-1]), width, height)
        return shown | {"layer": "below", "sizing": "stretch"}

    def _points(self, frame, classes):
        """Return the points of each class, test points hollow; where there is no class, coloured by their height."""
        found = []
        for aside, wanted in ((False, self.train), (True, self.test)):
            here = frame["aside"] == aside
            if not wanted or not here.any():
                continue
            at, of = frame["at"][here], frame["of"][here]
            line = {"width": 1.6 if aside else 0.8}
            shared = {"type": "scatter", "mode": "markers", "meta": {"points": True}}
            if not classes:
                most = float(np.abs(frame["of"]).max()) or 1.0
                marker = {"color": of, "cmin": -most, "cmax": most, "size": 7, "line": line}
                text = "%{x:.2f}, %{y:.2f}<br>is %{marker.color:.3g}<extra></extra>"
                coloured = {"meta": {"points": True, "marker": "diverging"}}
                found.append(
                    shared | coloured | {"x": at[:, 0], "y": at[:, 1], "marker": marker, "hovertemplate": text}
                )
                continue
            for place, name in enumerate(classes):
                chosen = at[of == place]
                colour = COLOURS[place % len(COLOURS)]
                marker = {"color": colour, "size": 6.5, "symbol": "circle-open" if aside else "circle", "line": line}
                called = f"{name}{', kept aside' if aside else ''}"
                text = f"%{{x:.2f}}, %{{y:.2f}}<br>is {called}<extra></extra>"
                drawn = {"name": called, "x": chosen[:, 0], "y": chosen[:, 1], "marker": marker}
                found.append(shared | drawn | {"hovertemplate": text})
        return found


def _losses(session):
    """Return the latest losses up to this moment, in words."""
    found = [(called, session.record.last(split, "loss", session.step)) for split, called in OF_LOSS]
    return ", ".join(f"{called} {value:.3g}" for called, value in found if value is not None)


def _named(what):
    return says(what, xref="paper", yref="paper", x=0.5, y=1.02, yanchor="bottom")
