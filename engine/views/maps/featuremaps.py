"""Feature maps: what every channel of a layer gives for one example."""

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional as F

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.maps import Regions, normalised, spot_of
from engine.figures.raster import Sheet
from engine.graph.capture import capturing
from engine.graph.reach import ends
from engine.looking.frame import Frame
from engine.looking.lesions import without
from engine.looking.sample import sample_of
from engine.looking.session import looking
from engine.looking.shared import (
    NODE,
    OFF,
    PLACE,
    SAMPLE,
    UNIT,
    Example,
    Names,
    Number,
    Words,
    offered,
    paints,
    picked,
    pictured,
    seen_by,
    united,
)
from engine.looking.view import View, view

MOST_DOTS = 40_000  # in the grid of small maps; larger maps are shown there as means of neighbours


@view("feature-maps")
class FeatureMaps(View):
    """What each channel of a layer gives for the example: all of them small, one of them large."""

    title, rank, height = "Feature maps", 10, 300
    follows = True
    hint = (
        "Each small map is one channel: strong colour where it found what it looks for. Click one to enlarge it, "
        "click a place to see what part of the picture it saw."
    )

    sample: Example = SAMPLE
    node: Words = NODE
    unit: Number = UNIT
    row: Number | None = PLACE
    column: Number | None = PLACE
    off: Names = OFF
    sort: Literal["index", "mean", "variance"] = option("index", "In which order: by number, or the strongest first.")
    colours: Literal["each map", "this layer", "all layers"] = option(
        "this layer", "Whose lowest and highest values the colours run between."
    )
    number: Annotated[int, Field(ge=1, le=512)] = option(64, "How many maps at most.")

    def refuses(self, experiment):
        """Refuse what takes no pictures, and makes none out of noise."""
        return "" if paints(experiment) else pictured(experiment)

    def offers(self, experiment):
        """Offer the layers that give maps or units."""
        return {"node": offered(united(experiment.graph))}

    def compute(self, session):
        """Let the example through, and keep what the layer gave."""
        session = without(session, self.off)
        graph = session.graph
        suiting = united(graph)
        step = picked(suiting, graph, self.node, "that gives maps")
        sample = sample_of(session, self.sample)
        wanted = [one.path for one in suiting] if self.colours == "all layers" else [step.path]
        with capturing(session.module, wanted) as found, looking(session.network):
            session.run(sample.given)
        values = found[step.path][0].float()
        values = values if values.dim() == 3 else values.reshape(-1, 1, 1)
        unit, single = min(self.unit, len(values) - 1), values[0].numel() == 1
        means = values.mean(dim=(1, 2))
        spreads = means.abs() if single else values.var(dim=(1, 2), correction=0)
        order = {"mean": -means, "variance": -spreads}.get(self.sort)
        chosen = (torch.arange(len(values)) if order is None else order.argsort().cpu())[: self.number]
        small, times = _small(values[chosen.to(values.device)])
        every = torch.stack([torch.stack([*one.float().aminmax()]) for one in found.values()])
        row, column = self._place(values[unit])
        seen = seen_by(session, step.path) if step.gives.rank == 3 else None
        box = ends(seen, (row, column)) if seen else []
        arrays = {
            "maps": small.cpu().numpy(),
            "units": chosen.numpy(),
            "large": values[unit].cpu().numpy(),
            "picture": sample.picture,
            "range": np.array([float(every[:, 0].min()), float(every[:, 1].max())], np.float32),
        }
        words = {"node": step.path, "unit": unit, "of": len(values), "times": times, "row": row, "column": column}
        words |= {"box": [] if single else box, "value": float(values[unit, row, column])}
        return Frame(arrays, words | sample.told())

    def _place(self, values):
        """Return the chosen place of a map, or the strongest one."""
        high, wide = values.shape
        if self.row is None or self.column is None:
            at = int(values.abs().argmax())
            return at // wide, at % wide
        return min(self.row, high - 1), min(self.column, wide - 1)

    def draw(self, frame):
        """Draw the picture with what the place saw of it, the chosen map, and all maps."""
        words, maps = frame.words, frame["maps"]
        low, high = frame["range"]
        signed = low < 0
        scale = "diverging" if signed else "sequential"
        reach = max(-low, high)
        limits = {"zmin": -reach, "zmax": reach} if signed else {"zmin": float(low), "zmax": float(high)}
        regions = Regions()
        picture = frame["picture"]
        many = frame["large"].size > 1
        across, upper = ((0, 0.31), (0.57, 1)) if many else ((0, 0.2), (0, 1))
        first = regions.place(across, upper, picture.shape[1:], words["sample"].split(" (")[0])
        regions.picture(picture, first)
        if words["box"]:
            rows, columns = words["box"]
            regions.box(first, rows, columns)
        large = frame["large"]
        title = f"{words['node']}, map {words['unit']} of {words['of']}"
        if many:
            second = regions.place(across, (0.07, 0.48), large.shape, title)
            regions.heat(large, second, scale, **limits, meta={"part": "large"})
            place = words["row"], words["column"]
            regions.box(second, (place[0], place[0]), (place[1], place[1]))
            regions.write(
                f"row {place[0]}, column {place[1]}: {words['value']:.4g}",
                None,
                0.155,
                0.0,
                xanchor="center",
                yanchor="bottom",
            )
        own = None
        if self.colours == "each map" and many:
            own, limits = normalised(maps, signed), {"zmin": -1 if signed else 0, "zmax": 1}
        sheet = Sheet.of(maps, proportion=1.3 if many else 2.2, gap=None if many else 0)
        said = f"{len(maps)} of {words['of']}" if len(maps) < words["of"] else f"all {words['of']}"
        said += f", means of {words['times']}×{words['times']}" if words["times"] > 1 else ""
        third = regions.place((0.34 if many else 0.25, 1), (0, 1), sheet.shape, f"{said}, by {self.sort}")
        names = [f"map {unit}" for unit in frame["units"].tolist()]
        bar = {"showscale": own is None, "colorbar": {"thickness": 10, "len": 0.9, "x": 1.0}}
        regions.sheet(maps, sheet, third, names, scale, own, **limits, **bar)
        if words["unit"] in frame["units"].tolist() and len(maps) > 1:
            top, left = sheet.corner(frame["units"].tolist().index(words["unit"]))
            regions.box(third, (top, top + sheet.high - 1), (left, left + sheet.wide - 1))
        return regions.figure()

    def pick(self, point):
        """Enlarge the map that was clicked in the grid, or choose the place that was clicked in the large one."""
        spot, name = spot_of(point), str(point.get("name")).rpartition(" ")[2]
        if spot and name.isdecimal():
            return self.but(unit=int(name), row=None, column=None)
        row, column = point.get("row"), point.get("column")
        if point.get("part") == "large" and isinstance(row, int) and isinstance(column, int):
            return self.but(row=row, column=column)
        return None if spot is None else self


def _small(maps):
    """Return maps made smaller until they are few dots altogether, and how many times."""
    if maps.numel() <= MOST_DOTS or maps.shape[1] * maps.shape[2] == 1:
        return maps, 1
    times = int(np.ceil((maps.numel() / MOST_DOTS) ** 0.5))
    if times > min(maps.shape[1:]):
        raise VitrineError("These are too many maps to show at once.", cure="Choose fewer.")
    return F.avg_pool2d(maps.unsqueeze(1), times, ceil_mode=True).squeeze(1), times
