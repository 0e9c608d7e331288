"""Confusion: which classes are taken for which, and the examples behind each number."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from engine.choice import option
from engine.figures.figure import BAD, axis, figure, heat, nothing
from engine.figures.maps import Regions, spot_of
from engine.figures.pictures import pixels
from engine.figures.raster import Sheet
from engine.looking.frame import Frame
from engine.looking.lesions import without
from engine.looking.shared import OFF, Names, classified
from engine.looking.view import View, view
from engine.tasks.classify import confusion

SHOWN = 24  # examples of a picked cell
COLUMNS = 4


@view("confusion")
class Confusion(View):
    """How many examples of each class were taken for each class; a click on a cell shows them."""

    title, rank = "Confusion", 50
    follows = True
    hint = "The diagonal is right; a strong cell beside it is a pair that the network mixes up. Click it to see them."

    split: Literal["validation", "test", "train"] = option("validation", "Which examples.")
    examples: Annotated[int, Field(ge=10, le=20_000)] = option(1000, "How many of them, at most.")
    share: bool = option(False, "Shares of each class rather than numbers.")
    off: Names = OFF
    true: Annotated[int, Field(ge=0, le=9999)] | None = option(None, "The class whose row was clicked.", hidden=True)
    taken: Annotated[int, Field(ge=0, le=9999)] | None = option(None, "The class it was taken for.", hidden=True)

    def refuses(self, experiment):
        """Refuse what does not classify."""
        return classified(experiment)

    def stages(self, session):
        """Ask the network piece by piece, then look at its answers."""
        yield from without(session, self.off).asked(self.split, self.examples)
        yield self.compute(session)

    def compute(self, session):
        """Count, and gather the examples of the picked cell."""
        session = without(session, self.off)
        outputs, targets = session.outputs(self.split, self.examples)
        classes = session.network.dataset.classes
        arrays = {"table": confusion(outputs, targets).numpy()}
        if self.true is not None and self.taken is not None:
            there = ((targets == self.true) & (outputs.argmax(dim=1) == self.taken)).nonzero().flatten()[:SHOWN]
            arrays["places"] = there.numpy()
            if session.network.dataset.example == "image" and len(there):
                arrays["images"] = session.examples(self.split, there.tolist()).numpy()
        return Frame(arrays, {"classes": list(classes), "split": session.split(self.split)[0], "counted": len(targets)})

    def draw(self, frame):
        """Draw the table as a heat map, and beside it the picked cell's examples."""
        classes, table = frame.words["classes"], frame["table"].astype(float)
        share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        number = len(classes)
        if not number:
            return nothing("The dataset has no classes.")
        picked = "places" in frame.arrays
        words = [
            [f"{s:.0%}" if self.share else f"{int(n)}" if n else "" for n, s in zip(*row, strict=True)]
            for row in zip(table, share, strict=True)
        ]
        shown = heat(
            share,
            classes,
            classes,
            text=words,
            texttemplate="%{text}" if number <= 20 else "",
            customdata=table,
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate="%{y} taken for %{x}: %{customdata:,}<br>%{z:.1%} of them<extra></extra>",
        )
        right = np.trace(table) / max(1, table.sum())
        counted = f"{frame.words['counted']:,} {frame.words['split']} examples, {right:.1%} right"
        side = axis(
            f"taken for: {counted}", type="category", domain=[0, 0.66] if picked else [0, 1], constrain="domain"
        )
        down = axis("is really", type="category", range=[number - 0.5, -0.5])
        if not picked:
            return figure([shown], xaxis=side, yaxis=down)
        return self._beside(frame, figure([shown], xaxis=side, yaxis=down))

    def _beside(self, frame, drawn):
        """Add the picked cell's examples at the right."""
        classes, places = frame.words["classes"], frame["places"]
        title = f"{classes[self.true]} taken for {classes[self.taken]}"
        words = {"xref": "paper", "yref": "paper", "x": 0.85, "showarrow": False}
        drawn["layout"]["annotations"] = [
            words | {"text": title if len(places) else f"no {title}", "y": 1, "yanchor": "bottom"}
        ]
        drawn["layout"]["margin"]["t"] = 30
        if "images" in frame.arrays:
            self._pictures(frame, drawn)
        elif len(places):
            listed = "<br>".join(f"example {place:,}" for place in places)
            drawn["layout"]["annotations"].append(words | {"text": listed, "y": 0.95, "yanchor": "top"})
        x, y = float(self.taken or 0), float(self.true or 0)
        frame_of_cell = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
        drawn["layout"]["shapes"] = [frame_of_cell | {"type": "rect", "line": {"color": BAD, "width": 3}}]
        return drawn

    def _pictures(self, frame, drawn):
        """Add the pictures of the examples, each of which can be clicked."""
        images = frame["images"]
        regions, sheet = Regions(after=1), Sheet(len(images), *images.shape[2:], COLUMNS, 2)
        axes = regions.place((0.7, 1), (0, 1), sheet.shape)
        laid = [sheet.lay(pixels(images)[..., channel]) for channel in range(3)]
        regions.picture(np.nan_to_num(np.stack(laid), nan=255.0).astype(np.uint8), axes)
        names = [f"{frame.words['split']} {place}" for place in frame["places"].tolist()]
        regions.sheet(images[:, 0], sheet, axes, names, opacity=0)
        drawn["data"] += regions.traces
        drawn["layout"] |= {name: value for name, value in regions.layout.items() if "axis" in name or name == "images"}

    def looks(self, point):
        """Look at the example whose picture was clicked."""
        return {"sample": point["name"]} if spot_of(point) and isinstance(point.get("name"), str) else {}

    def pick(self, point):
        """Show the examples of the clicked cell; clicked again, hide them."""
        if spot_of(point):
            return None
        try:
            row, column = point["row"], point["column"]
        except KeyError:
            return None
        if (row, column) == (self.true, self.taken):
            return self.but(true=None, taken=None)
        return self.but(true=row, taken=column)
