"""Inside: what every layer gives for the example, small, as the drawing of the network shows it within its boxes."""

import base64
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.figures.pictures import address, pixels
from engine.figures.raster import coded, shrunk
from engine.graph.capture import capturing
from engine.graph.trace import trace
from engine.layers.base import Shape
from engine.layers.modules import lengths_of
from engine.looking.frame import Frame
from engine.looking.lesions import without
from engine.looking.sample import Sample, called, looks, said, sample_of
from engine.looking.session import Session, looking
from engine.looking.shared import OFF, SAMPLE, Example, Names, Number, Words
from engine.looking.view import View, view
from engine.training.address import address as addressed
from engine.training.address import place

MOST_BOXES = 64
MOST_MAPS = 8  # of a layer
SIDE = 28  # dots of a small map
LENGTH = 40  # places of a sequence in a small map
MOST_UNITS = 128  # of a row of numbers, small
LARGE = 96  # dots of a map that is looked at closely
BEST = 5  # classes
Paths = Annotated[tuple[Words, ...], Field(max_length=MOST_BOXES)]


@view("inside")
class Inside(View):
    """Within each box of the drawing: what the layer gives for the example."""

    title, rank = "Inside the drawing", 91
    follows = together = True

    sample: Example = SAMPLE
    off: Names = OFF
    nodes: Paths = option((), "Boxes of the drawing, by their addresses; of none, all layers that are not in a block.")
    unit: Number | None = option(None, "Of one box only: the map or unit that is looked at closely.", none="none")

    def compute(self, session):
        """Let the example through each network, and keep what the boxes give."""
        session = without(session, self.off)
        graphs = session.experiment.graphs
        every = [addressed(role, node.id, graphs) for role in graphs for node in graphs[role].nodes]
        wanted = [place(name, list(graphs)) for name in (self.nodes or every)[:MOST_BOXES]]
        arrays: dict[str, np.ndarray] = {}
        words: dict[str, Any] = {"nodes": {}}
        for role in graphs:
            paths = [path for at, path in wanted if at == role and (not path or path in graphs[role])]
            if not paths:
                continue
            here = session.of(role) if len(graphs) > 1 else session
            sample = sample_of(here, self.sample)
            words |= sample.told()
            for path, told in self._given(here, paths, sample, arrays).items():
                words["nodes"][addressed(role, path, graphs)] = told
        return Frame(arrays, words)

    def _given(self, session: Session, paths: list[str], sample: Sample, arrays: dict[str, np.ndarray]):
        """Return what boxes of one network give, in words; their numbers go to the arrays."""
        graph, shapes, task = session.graph, trace(session.graph).shapes, session.network.task
        last = graph.outputs[0]
        pictures = graph.inputs if session.network.dataset.example == "image" else {}
        named = {path: path or last for path in paths}  # a whole network gives what its last layer does
        computed = [path for path in paths if named[path] not in graph.inputs and named[path] in shapes]
        with capturing(session.module, [named[path] for path in computed]) as found, looking(session.network):
            session.run(sample.given)
        told: dict[str, Any] = {}
        for path in computed:
            if named[path] not in found or shapes[named[path]].tokens:
                continue
            given = found[named[path]]
            if named[path] == last and pictures and session.role == task.unfolds:
                told[path] = {"picture": _picture(session, given)}
                continue
            maps, number = _maps(given[0][: _long(sample, shapes[named[path]])].float(), shapes[named[path]])
            name = str(len(arrays))
            told[path] = {"array": name, "of": number, "rank": shapes[named[path]].rank} | self._close(maps, arrays)
            arrays[name] = _small(maps).cpu().numpy()
        for path in paths:
            if path in pictures and pictures[path].sizes == session.network.dataset.sizes:
                told[path] = {"picture": _picture(session, sample.given)}
        if task.classifies and session.role == task.answering and (ends := [p for p in told if named[p] == last]):
            chances = said(session, sample)
            order = chances.argsort(descending=True)[:BEST].tolist()
            told[ends[0]]["best"] = [[called(session, one), float(chances[one])] for one in order]
        return told

    def _close(self, maps: torch.Tensor, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """Return what is said of the map that is looked at closely, where it is one of these."""
        if self.unit is None or len(self.nodes) != 1:
            return {}
        row = len(maps) == 1 and maps.shape[1] == 1  # of numbers, of which the unit is one
        unit = 0 if row else min(self.unit, len(maps) - 1)
        large = maps[unit].cpu().numpy()
        arrays["large"] = large[:, : LARGE**2] if row else shrunk(large, LARGE).astype(np.float32)
        times = 1 if row else -(-max(large.shape) // LARGE)
        return {
            "unit": min(self.unit, large.shape[1] - 1) if row else unit,
            "size": list(large.shape),
            "times": times,
            "least": float(large.min()),
            "most": float(large.max()),
            "mean": float(large.mean()),
        }

    def draw(self, frame):
        """Return for each box its small maps as signed bytes, in steps of the largest number among them."""
        nodes = {}
        for path, told in frame.words.get("nodes", {}).items():
            if "array" not in told:
                nodes[path] = told
                continue
            maps = np.nan_to_num(frame[told["array"]], posinf=0, neginf=0)
            reach = float(np.abs(maps).max(initial=0)) or 1.0
            levels = np.round(maps / reach * 127).astype(np.int8)
            nodes[path] = {name: value for name, value in told.items() if name != "array"} | {
                "maps": base64.b64encode(levels.tobytes()).decode(),
                "shape": list(maps.shape),
                "reach": reach,
            }
            if "size" in told:
                nodes[path]["large"] = coded(frame["large"])
        return {"nodes": nodes}


def _long(sample: Sample, shape: Shape) -> int | None:
    """Return how many places of what a layer gives are of the example, where the others are padding."""
    given = sample.given
    alike = shape.sequence and isinstance(given, torch.Tensor) and given.dim() > 1 and given.shape[1] == shape.sizes[0]
    return int(lengths_of(given)[0]) if alike else None


def _picture(session: Session, given: torch.Tensor) -> str:
    """Return an example as a picture, as it comes into a network or out of one."""
    return address(pixels(looks(session, given[:1]))[0], 64)


def _maps(values: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, int]:
    """Return what a layer gives as maps (n, height, width), and how many maps or units it has."""
    if shape.rank == 3:
        return values, len(values)
    if shape.rank == 2:  # a sequence: its features from top to bottom, its places from left to right
        return values.T[None], values.shape[1]
    return values.reshape(1, 1, -1), values.numel()


def _small(maps: torch.Tensor) -> torch.Tensor:
    """Return the first maps, small; a row of numbers as it is, as far as there is room."""
    if maps.shape[:2] == (1, 1):
        return maps[:, :, :MOST_UNITS]
    most = SIDE if len(maps) > 1 else LENGTH
    few = maps[:MOST_MAPS].cpu().numpy()
    return torch.from_numpy(np.stack([shrunk(one, most) for one in few]).astype(np.float32))
