"""Maps: small pictures of numbers side by side, each region of a figure with axes of its own."""

from typing import Any

import numpy as np

from engine.figures.figure import BAD, Trace, says
from engine.figures.pictures import address, pixels
from engine.figures.raster import Sheet, coded

TITLE = 0.07  # of the figure's height, for a line of words above a region


class Regions:
    """A figure put together of regions: each has its own pair of axes, a title above it, and keeps dots square."""

    def __init__(self, after: int = 0) -> None:
        self.traces: list[Trace] = []
        self.layout: dict[str, Any] = {"annotations": [], "images": [], "shapes": []}
        self.number = after  # pairs of axes that the figure has already

    def place(
        self,
        across: tuple[float, float],
        up: tuple[float, float],
        shape: tuple[int, int],
        title: str = "",
        toward: str = "top",
    ) -> dict[str, str]:
        """Open a region for so many rows and columns of dots; return the names of its axes, as a trace says them."""
        self.number += 1
        n = "" if self.number == 1 else str(self.number)
        room = (up[0], up[1] - (TITLE * (1 + title.count("<br>")) if title else 0))
        rows, columns = shape
        bare = {"visible": False, "constrain": "domain"}
        self.layout[f"xaxis{n}"] = bare | {"domain": list(across), "range": [-0.5, columns - 0.5], "anchor": f"y{n}"}
        self.layout[f"yaxis{n}"] = bare | {
            "domain": list(room),
            "range": [rows - 0.5, -0.5],
            "scaleanchor": f"x{n}",
            "constraintoward": toward,
            "anchor": f"x{n}",
        }
        if title:
            words = {"xref": "paper", "yref": "paper", "x": sum(across) / 2, "y": up[1]}
            words |= {"xanchor": "center", "yanchor": "top"}
            self.layout["annotations"].append(says(title, **words))
        return {"xaxis": f"x{n}", "yaxis": f"y{n}"}

    def picture(self, image: np.ndarray, axes: dict[str, str]) -> None:
        """Show an image (channels, height, width) in a region."""
        high, wide = image.shape[1:]
        self.layout["images"].append(
            {
                "source": address(pixels(image[None])[0], 256),
                "xref": axes["xaxis"],
                "yref": axes["yaxis"],
                "x": -0.5,
                "y": -0.5,
                "sizex": wide,
                "sizey": high,
                "sizing": "stretch",
                "layer": "below",
            }
        )
        clear = np.zeros((2, 2))
        self.traces.append(  # something must be there for the axes to be drawn
            axes
            | {"type": "heatmap", "z": clear, "x": [0, wide - 1], "y": [0, high - 1], "opacity": 0, "showscale": False}
            | {"hoverinfo": "skip"}
        )

    def heat(self, values: np.ndarray, axes: dict[str, str], scale: str = "sequential", **more: Any) -> None:
        """Show a table of numbers in a region."""
        meta = {"scale": scale} | more.pop("meta", {})
        usual = {"type": "heatmap", "showscale": False, "hovertemplate": "%{z:.4g}<extra></extra>"}
        self.traces.append(axes | usual | {"z": coded(values), "meta": meta} | more)

    def sheet(
        self,
        maps: np.ndarray,
        sheet: Sheet,
        axes: dict[str, str],
        names: list[str],
        scale: str = "sequential",
        shown: np.ndarray | None = None,
        **more: Any,
    ) -> None:
        """Show many maps; `shown` are the values that are coloured, where they are not the maps' own."""
        laid = sheet.lay(maps)
        grid = {
            "columns": sheet.columns,
            "high": sheet.high,
            "wide": sheet.wide,
            "gap": sheet.gap,
            "number": sheet.number,
            "names": names,
        }
        if shown is not None:
            grid["values"] = coded(laid)
        values = laid if shown is None else sheet.lay(shown)
        self.heat(values, axes, scale, hovertemplate=None, hoverinfo="none", meta={"grid": grid}, **more)

    def box(self, axes: dict[str, str], rows: tuple[float, float], columns: tuple[float, float], **line: Any) -> None:
        """Frame places of a region, the last ones included."""
        self.layout["shapes"].append(
            {
                "type": "rect",
                "xref": axes["xaxis"],
                "yref": axes["yaxis"],
                "x0": columns[0] - 0.5,
                "x1": columns[1] + 0.5,
                "y0": rows[0] - 0.5,
                "y1": rows[1] + 0.5,
                "line": {"color": BAD, "width": 2} | line,
            }
        )

    def write(self, words: str, axes: dict[str, str] | None = None, x: float = 0, y: float = 0, **more: Any) -> None:
        """Write words at a place of a region, or of the whole figure."""
        at = {"xref": "paper", "yref": "paper"} if axes is None else {"xref": axes["xaxis"], "yref": axes["yaxis"]}
        self.layout["annotations"].append(says(words, **(at | {"x": x, "y": y} | more)))

    def figure(self, **layout: Any) -> dict[str, Any]:
        """Return the figure."""
        margin = {"l": 6, "r": 6, "t": 6, "b": 6}
        return {"data": self.traces, "layout": {"margin": margin, "showlegend": False} | self.layout | layout}


def normalised(maps: np.ndarray, signed: bool) -> np.ndarray:
    """Return each map brought to its own range: signed ones keep their zero."""
    low = maps.min(axis=(1, 2), keepdims=True)
    high = maps.max(axis=(1, 2), keepdims=True)
    if signed:
        return maps / np.maximum(np.maximum(-low, high), 1e-12)
    return (maps - low) / np.maximum(high - low, 1e-12)


def spot_of(point: dict[str, Any]) -> tuple[int, int, int] | None:
    """Return which map of a sheet was clicked, and which place of it, as the browser tells."""
    spot = point.get("spot")
    if not isinstance(spot, list) or len(spot) != 3:
        return None
    if not all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= 1_000_000 for one in spot):
        return None
    return spot[0], spot[1], spot[2]
