"""Landscape: the loss around the weights as they are, along two directions, with the way that led there."""

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch.func import functional_call, vmap

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import PALETTE, axis, figure
from engine.graph.cost import cost
from engine.graph.rows import columns
from engine.graph.trace import lenders
from engine.looking.frame import Frame
from engine.looking.pulse import path
from engine.looking.session import Session, looking
from engine.looking.shared import ROLE, Words
from engine.looking.view import View, view
from engine.training.watch import FEW

ASKED = 200  # training examples by which the loss is measured
RACERS = {
    "sgd": lambda weights, rate: torch.optim.SGD(weights, rate),
    "momentum": lambda weights, rate: torch.optim.SGD(weights, rate, momentum=0.9),
    "rmsprop": lambda weights, rate: torch.optim.RMSprop(weights, rate),
    "adam": lambda weights, rate: torch.optim.Adam(weights, rate),
}


@view("landscape")
class Landscape(View):
    """The loss around the present weights along two directions; the way so far, and where optimisers would go."""

    title, rank = "Loss landscape", 36
    of_learning = True
    hint = "A valley that is long and narrow makes plain descent zigzag; momentum and Adam cut through it."

    role: Words = ROLE
    along: Literal["path", "random"] = option(
        "path", "The two directions in which the way so far varied most, or two drawn at random."
    )
    reach: Annotated[float, Field(ge=0.05, le=20)] = option(
        1.0, "How far to look: as a share of the weights' own length, or of the way so far."
    )
    race: bool = option(False, "Let four optimisers run on from here, on all examples at once.")
    race_steps: Annotated[int, Field(ge=5, le=500)] = option(60, "How many steps each of them takes.")
    race_rate: Annotated[float, Field(ge=1e-5, le=10)] = option(0.03, "The rate of all four.")
    detail: Annotated[int, Field(ge=9, le=61)] = option(31, "How many places in a row are worked out.", rare=True)
    seed: Annotated[int, Field(ge=0, le=10_000)] = option(0, "Draws the random directions.", rare=True)

    def refuses(self, experiment):
        """Refuse networks whose loss would take long to map."""
        total = cost(experiment.graph).total.weights
        if total > FEW:
            return f"{total:,} weights are too many for a map of the loss: at most {FEW:,}."
        if not columns(experiment.graph) or not experiment.task.by_gradient:
            return "The loss is mapped of dense layers in a row that learn by gradients."
        return ""

    def compute(self, session):
        """Measure the loss at every place of a grid of weights."""
        learner = session.network
        if any(session.role in lenders(graph) for graph in session.experiment.graphs.values()):
            words = f"Another network goes through the weights of {session.role}, so the loss hangs on both of them."
            raise VitrineError(words, cure="Look at the landscape of the other one.")
        steps, way, _ = path(session, session.role)
        with looking(learner):
            here, measure = _measuring(session)
            way = torch.from_numpy(way).float() if len(way) else torch.zeros(0, len(here))
            first, second, far, drawn = self._directions(here, way)
            along = torch.linspace(-1, 1, self.detail) * far * self.reach
            b, a = torch.meshgrid(along, along, indexing="ij")
            places = here + a.flatten()[:, None] * first + b.flatten()[:, None] * second
            losses = torch.cat([measure(part) for part in places.split(256)]).reshape(self.detail, self.detail)
        arrays = {
            "along": along.numpy(),
            "losses": losses.numpy().astype(np.float32),
            "way": torch.stack([(way - here) @ first, (way - here) @ second], dim=1).numpy(),
            "steps": steps,
        }
        for name, run in (self._race(session, here) if self.race else {}).items():
            arrays[f"race {name}"] = torch.stack([(run - here) @ first, (run - here) @ second], dim=1).numpy()
        return Frame(arrays, {"along": drawn, "loss": float(losses[self.detail // 2, self.detail // 2])})

    def _directions(self, here, way):
        """Return two directions at right angles, how far to look, and what they are."""
        if self.along == "path" and len(way) > 2:
            moved = way - here
            _, sizes, found = torch.linalg.svd(moved, full_matrices=False)
            if sizes[1] > 1e-6:
                signs = found.gather(1, found.abs().argmax(dim=1, keepdim=True)).sign()
                first, second = (found * signs)[:2]
                return first, second, float((moved @ found[:2].T).abs().max()) * 1.25, "path"
        generator = torch.Generator().manual_seed(self.seed)
        first, second = torch.randn(2, len(here), generator=generator)
        first = first / first.norm()
        second = second - (second @ first) * first
        return first, second / second.norm(), float(here.norm().clamp_min(1.0)), "random"

    def _race(self, session, here):
        """Return of each optimiser the weights at each of its steps, from here on."""
        runs = {}
        _, measure = _measuring(session)
        for name, make in RACERS.items():
            weights = here.clone().requires_grad_(True)
            racer = make([weights], self.race_rate)
            kept = [here]
            with torch.enable_grad():
                for _ in range(self.race_steps):
                    racer.zero_grad()
                    measure(weights[None])[0].backward()
                    racer.step()
                    kept.append(weights.detach().clone())
            runs[name] = torch.stack(kept)
        return runs

    def draw(self, frame):
        """Draw the loss as contours, the way so far, and the race."""
        along, losses = np.round(frame["along"], 5), frame["losses"]
        shown = np.log10(np.maximum(losses, 1e-8))
        contours = {
            "type": "contour",
            "x": along,
            "y": along,
            "z": np.round(shown, 3),
            "customdata": losses,
            "meta": {"scale": "sequential"},
            "ncontours": 24,
            "line": {"width": 0.5},
            "showscale": False,
            "hovertemplate": "loss %{customdata:.4g}<extra></extra>",
        }
        traces = [contours]
        reach = float(np.abs(along).max())
        if len(frame["way"]):
            near = np.abs(frame["way"]).max(axis=1) <= reach
            way = np.where(near[:, None], frame["way"], np.nan)
            traces.append(_line("way so far", way, "#7b8794", 2.2))
        for place, name in enumerate(name for name in RACERS if f"race {name}" in frame.arrays):
            run = frame[f"race {name}"]
            inside = np.abs(run).max(axis=1) <= reach
            traces.append(_line(name, np.where(inside[:, None], run, np.nan), PALETTE[(place + 1) % len(PALETTE)], 2.2))
        here = {"symbol": "x", "size": 11, "color": "#d55e00"}
        traces.append(
            {"type": "scatter", "mode": "markers", "x": [0], "y": [0], "marker": here, "name": "here"}
            | {"hovertemplate": f"here: loss {frame.words['loss']:.4g}<extra></extra>"}
        )
        words = {"path": "direction of the way so far", "random": "random direction"}[frame.words["along"]]
        aside = {"x": 1.02, "xanchor": "left", "y": 1, "font": {"size": 11}}
        return figure(traces, xaxis=axis(f"1st {words}"), yaxis=axis(f"2nd {words}"), showlegend=True, legend=aside)


class Swapped(torch.nn.Module):
    """A network that runs with other weights than its own."""

    def __init__(self, network: torch.nn.Module, weights: dict[str, torch.Tensor]):
        super().__init__()
        self.network, self.weights = network, weights

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Return what the network gives with these weights."""
        return functional_call(self.network, self.weights, inputs)


def _line(name, points, colour, width):
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": np.round(points[:, 0], 4),
        "y": np.round(points[:, 1], 4),
        "line": {"color": colour, "width": width},
        "hoverinfo": "name",
    }


def _measuring(session: Session):
    """Return all weights in one row, and what measures the loss of many such rows at once, off the device."""
    learner, network = session.network, session.module
    named = {name.replace("_orig_mod.", ""): p for name, p in network.named_parameters()}
    buffers = dict(network.named_buffers())
    sizes = [p.numel() for p in named.values()]
    inputs, targets = learner.train.inputs[:ASKED], learner.train.targets[:ASKED]
    here = torch.cat([p.detach().flatten().float() for p in named.values()]).cpu()

    def loss(row: torch.Tensor) -> torch.Tensor:
        parts = row.split(sizes)
        weights = {name: part.reshape(p.shape) for part, (name, p) in zip(parts, named.items(), strict=True)}
        swapped = Swapped(network, weights | buffers)
        return session.turn({**learner.networks, session.role: swapped}, inputs, targets).loss()

    losses = vmap(loss, randomness="same")
    return here, lambda rows: losses(rows.to(learner.place.device)).cpu()
