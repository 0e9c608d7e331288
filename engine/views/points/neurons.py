"""Neurons: the network neuron by neuron, each with the surface that it draws over the plane."""

from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.graph.rows import PLAIN, columns, features_of
from engine.looking.frame import Frame
from engine.looking.shared import ROLE, Words
from engine.looking.view import View, view
from engine.training.address import address
from engine.views.points.plane import neurons, off_the_plane, plane

MOST_COLUMNS = 12
ASKED = 500  # training examples by which dead and saturated neurons are told
BOUNDED = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "hard_tanh": (-1.0, 1.0)}
NEAR = 0.02  # of its reach: how near to an end counts as saturated
MOSTLY = 0.95  # of the examples


@view("neurons")
class Neurons(View):
    """Every neuron as a small surface, every weight as a line: orange draws down, blue lifts, thick is strong."""

    title, rank, height = "Neurons", 1, 400
    abreast = True
    hint = "Point at a neuron to see it large; click a line to type a weight. Dashed frames are dead or saturated."

    role: Words = ROLE
    units: Annotated[int, Field(ge=2, le=32)] = option(12, "How many neurons of a layer are drawn, at most.")
    detail: Annotated[int, Field(ge=8, le=60)] = option(24, "How many places in a row are worked out.", rare=True)

    def refuses(self, experiment):
        """Refuse what is no plane, or no row of dense layers."""
        row = columns(experiment.graph)
        if words := off_the_plane(experiment):
            return words
        if not row or len(row) > MOST_COLUMNS:
            return f"Neurons are drawn of dense layers in a row, of at most {MOST_COLUMNS}."
        return ""

    def compute(self, session):
        """Ask every neuron at every place of a small grid."""
        grid = plane(session, self.detail)
        examples = session.network.train.inputs[:ASKED]
        arrays, told = {}, []
        row, graphs = columns(session.graph), session.experiment.graphs
        gives = [column.gives for column in row]
        everywhere, of_examples = neurons(session, gives, grid.inputs), neurons(session, gives, examples)
        for place, (column, whole, said) in enumerate(zip(row, everywhere, of_examples, strict=True)):
            given = whole[:, : self.units]
            reach = given.abs().amax(dim=0).clamp_min(1e-12)
            arrays[f"surface{place}"] = (given / reach * 127).round().to(torch.int8).T.contiguous().numpy()
            arrays[f"reach{place}"] = reach.numpy()
            if column.weights:
                module = session.module.get_submodule(column.weights)
                weight, bias = module.weight.detach().float().cpu(), module.bias
                arrays[f"weight{place}"] = weight[: self.units, : self.units].numpy()
                none = torch.zeros(0)
                arrays[f"bias{place}"] = (none if bias is None else bias.detach().float().cpu())[: self.units].numpy()
            told.append(
                {
                    "weights": column.weights and address(session.role, column.weights, graphs),
                    "gives": address(session.role, column.gives, graphs),
                    "units": said.shape[1],
                    "marks": _unwell(session, column, said)[: self.units],
                }
            )
        return Frame(arrays, {"columns": told, "detail": self.detail, "names": _names(session)})

    def draw(self, frame):
        """Return surfaces as bytes, and weights, for the page's own drawing."""
        found = []
        for place, column in enumerate(frame.words["columns"]):
            surfaces, reach = frame[f"surface{place}"], frame[f"reach{place}"]
            shown = column | {
                "surfaces": [surface.tolist() for surface in surfaces],
                "reach": [float(f"{value:.4g}") for value in reach],
                "names": frame.words["names"] if place == 0 else [],
            }
            if f"weight{place}" in frame.arrays:
                shown |= {"weight": np.round(frame[f"weight{place}"], 4), "bias": np.round(frame[f"bias{place}"], 4)}
            found.append(shown)
        return {"neurons": found, "detail": frame.words["detail"]}


def _names(session):
    """Return what the numbers that enter the first dense layer are called."""
    chosen = features_of(session.graph)
    return chosen if tuple(chosen) != PLAIN else list(getattr(session.experiment.data, "names", PLAIN))


def _unwell(session, column, said):
    """Return of each neuron whether it is dead, or saturated, in a word."""
    kind = session.graph[column.gives].layer.kind
    words = ["" for _ in range(said.shape[1])]
    if kind in ("relu", "leaky_relu") and column.weights:
        silent = (said.amax(dim=0) <= 0) if kind == "relu" else torch.zeros(said.shape[1], dtype=torch.bool)
        words = ["dead: silent for every example" if one else "" for one in silent]
    if kind in BOUNDED and column.weights:
        low, high = BOUNDED[kind]
        near = NEAR * (high - low)
        at_an_end = ((said < low + near) | (said > high - near)).float().mean(dim=0)
        words = [f"saturated for {one:.0%} of the examples" if one > MOSTLY else "" for one in at_an_end]
    return words
