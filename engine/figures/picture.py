"""Picture: a figure as PNG, drawn without a browser."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from engine.figures.export import coloured
from engine.figures.figure import PALETTE, Figure
from engine.figures.strokes import DASHES, bars, heat, lines, plain, tint

INCH = 100  # pixels


def png(figure: Figure, width: int = 1200, height: int = 500, title: str = "") -> bytes:
    """Return the figure as the bytes of a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    shown = coloured(figure)
    canvas = Canvas(figsize=(width / INCH, height / INCH), dpi=INCH)
    FigureCanvasAgg(canvas)
    sheet = _Sheet(canvas, shown["layout"], height, bool(title))
    _stand(shown)
    for number, trace in enumerate(shown["data"]):
        sheet.draw(trace, PALETTE[number % len(PALETTE)])
    sheet.finish()
    if title:
        canvas.text(0.5, 0.995, title, ha="center", va="top", fontsize=11, fontweight="bold")
    file = io.BytesIO()
    canvas.savefig(file, format="png")
    return file.getvalue()


def _stand(shown: Figure) -> None:
    """Tell bars of the same axes which of how many they are."""
    if shown["layout"].get("barmode", "group") != "group":
        return
    bars = [trace for trace in shown["data"] if trace["type"] == "bar" and trace.get("orientation") != "h"]
    for trace in bars:
        same = [one for one in bars if (one.get("xaxis"), one.get("yaxis")) == (trace.get("xaxis"), trace.get("yaxis"))]
        trace["beside"] = next(place for place, one in enumerate(same) if one is trace), len(same)


class _Sheet:
    """The axes of a figure, made as traces name them."""

    def __init__(self, canvas: Any, layout: dict[str, Any], height: int, titled: bool):
        self.canvas, self.layout = canvas, layout
        self.axes: dict[tuple[str, str], Any] = {}
        top = 1 - 0.06 * titled
        bare = not _axis(layout, "x").get("visible", True)
        left, bottom = (0.01, 0.01) if bare else (0.1, 62 / height)
        self.room = (left, bottom, 0.985 - left, top - 0.02 - bottom)
        self.labelled = False

    def at(self, x: str, y: str) -> Any:
        """Return the axes of these names."""
        if (x, y) not in self.axes:
            along, up = _axis(self.layout, x), _axis(self.layout, y)
            left, bottom, wide, high = self.room
            x0, x1 = along.get("domain") or (0, 1)
            y0, y1 = up.get("domain") or (0, 1)
            place = (left + wide * x0, bottom + high * y0, wide * (x1 - x0), high * (y1 - y0))
            axes = self.axes[x, y] = self.canvas.add_axes(place)
            axes.tick_params(labelsize=8)
        return self.axes[x, y]

    def draw(self, trace: dict[str, Any], colour: str) -> None:
        """Draw one trace."""
        if trace.get("visible") == "legendonly":
            return
        axes = self.at(trace.get("xaxis", "x"), trace.get("yaxis", "y"))
        {"heatmap": heat, "contour": heat, "bar": bars, "scatter": lines}[trace["type"]](axes, trace, colour)
        self.labelled |= bool(trace.get("name")) and trace.get("showlegend", True)

    def finish(self) -> None:
        """Add what lies upon the traces, then set each axis as it is asked for."""
        for image in self.layout.get("images", ()):
            self._image(image)
        for words in self.layout.get("annotations", ()):
            self._place(words)  # a region may hold nothing but words
        shown: set[str] = set()
        for (x, y), axes in self.axes.items():
            _set(axes, _axis(self.layout, x), _axis(self.layout, y))
            axes.tick_params(labelleft=y not in shown)
            shown.add(y)
        for shape in self.layout.get("shapes", ()):
            self._shape(shape)
        for words in self.layout.get("annotations", ()):
            self._words(words)
        if self.layout.get("showlegend") and self.labelled:
            for axes in self.axes.values():
                if axes.get_legend_handles_labels()[0]:
                    axes.legend(fontsize=8)

    def _place(self, thing: dict[str, Any]) -> tuple[Any, Any]:
        """Return the axes in which a thing lies, and how its coordinates are to be read."""
        x, y = thing.get("xref", "x"), thing.get("yref", "y")
        if x == y == "paper":
            return None, None
        named = [pair for pair in self.axes if x in (pair[0], "paper") and y in (pair[1], "paper")]
        axes = self.axes[named[0]] if named else self.at("x" if x == "paper" else x, "y" if y == "paper" else y)
        from matplotlib.transforms import Affine2D, blended_transform_factory

        left, bottom, wide, high = self.room
        paper = Affine2D().scale(wide, high).translate(left, bottom) + self.canvas.transFigure
        across, up = (paper if one == "paper" else axes.transData for one in (x, y))
        return axes, axes.transData if across is up else blended_transform_factory(across, up)

    def _paper(self, x: float, y: float) -> tuple[float, float]:
        left, bottom, wide, high = self.room
        return left + wide * x, bottom + high * y

    def _image(self, image: dict[str, Any]) -> None:
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(image["source"].partition(",")[2]))))
        left, top, wide, high = image["x"], image["y"], image["sizex"], image["sizey"]
        axes, _ = self._place(image)
        if axes is None or "paper" in (image["xref"], image["yref"]):
            x, y = self._paper(left, top - high if image["yref"] == "paper" else 0)
            inset = self.canvas.add_axes((x, y, wide * self.room[2], high * self.room[3]))
            inset.imshow(picture)
            inset.set_axis_off()
            return
        rows, down = axes.get_ylim(), _axis(self.layout, image["yref"])
        ends = down.get("range") or [0, 1]
        high = high if ends[0] > ends[1] else -high  # a picture hangs from its upper edge, whichever way numbers run
        if image.get("sizing") == "contain":
            left, top, wide, high = self._contained(axes, picture.shape, image, (left, top, wide, high))
        elif image.get("xanchor") == "center":
            left -= wide / 2
        below = 0.5 if image.get("layer") == "below" else 3
        axes.imshow(picture, extent=(left, left + wide, top + high, top), aspect="auto", zorder=below)
        axes.set_ylim(rows)

    def _contained(
        self, axes: Any, shape: tuple[int, ...], image: dict[str, Any], box: tuple[float, float, float, float]
    ) -> tuple[float, float, float, float]:
        """Return left, top, width and height of the part of a box that a picture of this shape fills."""
        left, top, wide, high = box
        across, up = (_axis(self.layout, image[name]).get("range") or (0, 1) for name in ("xref", "yref"))
        place, sheet = axes.get_position(), self.canvas.get_size_inches()
        dots = place.width * sheet[0] / abs(across[1] - across[0]), place.height * sheet[1] / abs(up[1] - up[0])
        share = (shape[1] / shape[0]) / (wide * dots[0] / (abs(high) * dots[1]))  # of the width that it needs
        narrow = wide * min(1.0, share)
        low = high * min(1.0, 1 / share)
        if image.get("xanchor") == "center":
            left -= narrow / 2
        return left, top, narrow, low

    def _shape(self, shape: dict[str, Any]) -> None:
        from matplotlib.patches import Rectangle

        axes, reading = self._place(shape)
        line = shape.get("line", {})
        x0, x1, y0, y1 = (shape[name] for name in ("x0", "x1", "y0", "y1"))
        if axes is None:
            return
        style: dict[str, Any] = {"color": tint(line.get("color")), "lw": line.get("width", 1)}
        style["ls"] = DASHES.get(line.get("dash"), "-")
        if shape["type"] == "line":
            axes.plot([x0, x1], [y0, y1], transform=reading, scalex=False, scaley=False, **style)
            return
        sizes = (x0, y0), x1 - x0, y1 - y0
        if filled := shape.get("fillcolor"):
            axes.add_patch(Rectangle(*sizes, color=tint(filled), alpha=0.3, transform=reading))
        axes.add_patch(Rectangle(*sizes, fill=False, transform=reading, **style))

    def _words(self, words: dict[str, Any]) -> None:
        axes, reading = self._place(words)
        style = {
            "ha": {"left": "left", "right": "right"}.get(words.get("xanchor", ""), "center"),
            "va": {"top": "top", "bottom": "bottom"}.get(words.get("yanchor", ""), "center"),
            "fontsize": 0.72 * words.get("font", {}).get("size", 12),
            "color": tint(words.get("font", {}).get("color")),
        }
        text = plain(words["text"])
        if axes is not None and words.get("showarrow") and words.get("axref") == words.get("xref", "x"):
            ends = {"xy": (words["x"], words["y"]), "xytext": (words["ax"], words["ay"])}
            drawn = {"arrowstyle": "->", "color": tint(words.get("arrowcolor")), "lw": 0.8}
            axes.annotate("", **ends, xycoords=reading, textcoords=reading, arrowprops=drawn)
        if axes is None:
            self.canvas.text(*self._paper(words.get("x", 0.5), words.get("y", 0.5)), text, **style)
        else:
            axes.text(words["x"], words["y"], text, transform=reading, clip_on=False, **style)


def _axis(layout: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the options of an axis: 'x2' is the layout's xaxis2."""
    return layout.get(f"{name[0]}axis{name[1:]}") or {}


def _set(axes: Any, along: dict[str, Any], up: dict[str, Any]) -> None:
    for which, options, axis in (("x", along, axes.xaxis), ("y", up, axes.yaxis)):
        if not options.get("visible", True):
            axis.set_visible(False)
        if options.get("type") == "log":
            getattr(axes, f"set_{which}scale")("log")
        if "tickvals" in options:
            words = options.get("ticktext", options["tickvals"])
            axis.set_ticks(list(options["tickvals"]), [plain(word) for word in words])
        if options.get("side") == "right":
            axis.tick_right()
        limits = options.get("range")
        if limits and all(isinstance(limit, int | float) for limit in limits):
            ends = [10**limit for limit in limits] if options.get("type") == "log" else limits
            getattr(axes, f"set_{which}lim")(*ends)
        if words := (options.get("title") or {}).get("text"):
            axis.set_label_text(plain(words), fontsize=9)
    if up.get("autorange") == "reversed":
        axes.invert_yaxis()
    if "scaleanchor" in up:
        axes.set_aspect("equal", adjustable="box", anchor="N")
    bare = not along.get("visible", True) and not up.get("visible", True)
    for name, side in axes.spines.items():
        side.set_visible(not bare and name in ("left", "bottom"))
