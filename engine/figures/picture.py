"""Picture: a figure as PNG, drawn without a browser."""

import base64
import io
import re
from typing import Any

import numpy as np
from PIL import Image

from engine.figures.export import coloured
from engine.figures.figure import PALETTE, Figure, bare

DASHES = {"dot": ":", "dash": "--", "dashdot": "-."}
MARKS = {"circle": "o", "square": "s", "diamond": "D", "cross": "+", "x": "x", "star": "*", "triangle-up": "^"}
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
        {"heatmap": _heat, "contour": _heat, "bar": _bars, "scatter": _lines}[trace["type"]](axes, trace, colour)
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
        if x == "paper":
            return axes, axes.get_yaxis_transform()
        return axes, axes.get_xaxis_transform() if y == "paper" else axes.transData

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
        below = 0.5 if image.get("layer") == "below" else 3
        axes.imshow(picture, extent=(left, left + wide, top + high, top), aspect="auto", zorder=below)
        axes.set_ylim(rows)

    def _shape(self, shape: dict[str, Any]) -> None:
        from matplotlib.patches import Rectangle

        axes, reading = self._place(shape)
        line = shape.get("line", {})
        x0, x1, y0, y1 = (shape[name] for name in ("x0", "x1", "y0", "y1"))
        if axes is None:
            return
        style: dict[str, Any] = {"color": _colour(line.get("color")), "lw": line.get("width", 1)}
        style["ls"] = DASHES.get(line.get("dash"), "-")
        if shape["type"] == "line":
            axes.plot([x0, x1], [y0, y1], transform=reading, scalex=False, scaley=False, **style)
            return
        sizes = (x0, y0), x1 - x0, y1 - y0
        if filled := shape.get("fillcolor"):
            axes.add_patch(Rectangle(*sizes, color=_colour(filled), alpha=0.3, transform=reading))
        axes.add_patch(Rectangle(*sizes, fill=False, transform=reading, **style))

    def _words(self, words: dict[str, Any]) -> None:
        axes, reading = self._place(words)
        style = {
            "ha": {"left": "left", "right": "right"}.get(words.get("xanchor", ""), "center"),
            "va": {"top": "top", "bottom": "bottom"}.get(words.get("yanchor", ""), "center"),
            "fontsize": 0.72 * words.get("font", {}).get("size", 12),
            "color": _colour(words.get("font", {}).get("color")),
        }
        text = _plain(words["text"])
        if axes is not None and words.get("showarrow") and words.get("axref") == words.get("xref", "x"):
            ends = {"xy": (words["x"], words["y"]), "xytext": (words["ax"], words["ay"])}
            drawn = {"arrowstyle": "->", "color": _colour(words.get("arrowcolor")), "lw": 0.8}
            axes.annotate("", **ends, xycoords=reading, textcoords=reading, arrowprops=drawn)
        if axes is None:
            self.canvas.text(*self._paper(words.get("x", 0.5), words.get("y", 0.5)), text, **style)
        else:
            axes.text(words["x"], words["y"], text, transform=reading, clip_on=False, **style)


def _axis(layout: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the options of an axis: 'x2' is the layout's xaxis2."""
    return layout.get(f"{name[0]}axis{name[1:]}") or {}


def _plain(text: str) -> str:
    words = re.sub(r"</?(?:b|i|sub|sup|span|extra)\b[^<>]*>", "", str(text).replace("<br>", "\n"))
    return bare(words).replace("$", r"\$")


def _place(place: Any) -> Any:
    """Return where a mark stands: a number, or the word of a category."""
    return _plain(place) if isinstance(place, str) else place


def _label(trace: dict[str, Any]) -> str | None:
    """Return a name as the legend shows it, which would leave out one that begins with a line below."""
    name = trace.get("name")
    return None if name is None else re.sub(r"^_", " _", _plain(name))


def _colour(colour: Any) -> Any:
    """Return a colour as matplotlib reads it."""
    if not isinstance(colour, str):
        return "#222222"
    if found := re.fullmatch(r"rgba?\(([^)]*)\)", colour):
        r, g, b, *a = (float(part) for part in found[1].split(","))
        return (r / 255, g / 255, b / 255, *(a or [1.0]))
    return colour


def _heat(axes: Any, trace: dict[str, Any], colour: str) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    values = np.array([[np.nan if v is None else v for v in row] for row in trace["z"]], dtype=float)
    if trace.get("opacity") == 0 or not np.isfinite(values).any():
        return
    (left, right), (first, last) = (
        _edges(axis, range(size) if trace.get(name) is None else trace[name])
        for axis, name, size in ((axes.xaxis, "x", values.shape[1]), (axes.yaxis, "y", values.shape[0]))
    )
    colours = LinearSegmentedColormap.from_list("scale", [(at, _colour(colour)) for at, colour in trace["colorscale"]])
    low, high = trace.get("zmin"), trace.get("zmax")
    if trace.get("zmid") == 0 and low is None:
        high = float(np.nanmax(np.abs(values))) or 1.0
        low = -high
    limits = {"cmap": colours, "vmin": low, "vmax": high, "alpha": trace.get("opacity", 1)}
    extent = (left, right, last, first)
    smooth = "bilinear" if trace.get("zsmooth") == "best" else "nearest"
    image = axes.imshow(values, extent=extent, aspect="auto", interpolation=smooth, zorder=1, **limits)
    axes.set_ylim(min(first, last), max(first, last))  # rows go up, as numbers do, unless the axis says otherwise
    if trace.get("texttemplate") and "text" in trace:
        _cells(axes, trace, values, image.norm, extent)
    if trace.get("showscale", True):
        axes.figure.colorbar(image, ax=axes, fraction=0.03, pad=0.01).ax.tick_params(labelsize=7)


def _cells(axes: Any, trace: dict[str, Any], values: np.ndarray, norm: Any, extent: tuple[float, ...]) -> None:
    """Write the words of each cell into it."""
    left, right, last, first = extent
    for row, texts in enumerate(trace["text"]):
        for column, text in enumerate(texts):
            share = float(norm(values[row, column]))
            dark = share > 0.6 if trace.get("zmid") != 0 else abs(share - 0.5) > 0.35
            x = left + (right - left) * (column + 0.5) / values.shape[1]
            y = first + (last - first) * (row + 0.5) / values.shape[0]
            style = {"fontsize": 8, "color": "white" if dark else "#222222"}
            axes.text(x, y, _plain(text), ha="center", va="center", **style)


def _edges(axis: Any, places: Any) -> tuple[float, float]:
    """Return where the first cell begins and the last one ends; words become numbered ticks."""
    places = list(places)
    if isinstance(places[0], str):
        axis.set_ticks(range(len(places)), [_plain(place) for place in places])
        return -0.5, len(places) - 0.5
    half = (places[-1] - places[0]) / max(1, len(places) - 1) / 2 or 0.5
    return places[0] - half, places[-1] + half


def _bars(axes: Any, trace: dict[str, Any], colour: str) -> None:
    marker = trace.get("marker", {})
    style = {"color": _colours(marker.get("color", colour)), "alpha": marker.get("opacity", 1)}
    style["label"] = _label(trace)
    if trace.get("orientation") == "h":
        axes.barh([_place(one) for one in trace["y"]], np.asarray(trace["x"], float), left=trace.get("base"), **style)
        return
    share, of = trace.get("beside", (0, 1))
    x = [_place(one) for one in trace["x"]]
    if of > 1:  # bars of the same places stand beside one another
        axes.set_xticks(range(len(x)), [str(one) for one in x])
        x = [place + 0.8 * ((share + 0.5) / of - 0.5) for place in range(len(x))]
    axes.bar(x, np.asarray(trace["y"], float), 0.8 / of, bottom=trace.get("base"), **style)


def _colours(colour: Any) -> Any:
    """Return one colour, or one for each mark; numbers stay numbers."""
    if isinstance(colour, list):
        return [_colour(one) if isinstance(one, str) else one for one in colour]
    return _colour(colour)


def _lines(axes: Any, trace: dict[str, Any], colour: str) -> None:
    mode, marker, line = trace.get("mode", "lines"), trace.get("marker", {}), trace.get("line", {})
    x, y = [_place(one) for one in trace["x"]], [np.nan if value is None else value for value in trace["y"]]
    name = _label(trace)
    if "lines" in mode:
        style = {"color": _colour(line.get("color") or colour), "lw": line.get("width", 2) * 0.75}
        style["ls"] = DASHES.get(line.get("dash"), "-")
        axes.plot(x, y, label=name, **style, **({"drawstyle": "steps-post"} if line.get("shape") == "hv" else {}))
    if "markers" in mode:
        symbol = str(marker.get("symbol", "circle"))
        filled = _colours(marker.get("color", colour))
        style = {"alpha": marker.get("opacity", 1), "s": (0.7 * np.asarray(marker.get("size", 6), float)) ** 2}
        style["marker"] = MARKS.get(symbol.removesuffix("-open"), "o")
        style |= {"facecolors": "none", "edgecolors": filled} if "open" in symbol else {"c": filled}
        axes.scatter(x, y, label=None if "lines" in mode else name, **style)
    if "text" in mode:
        for place, words in enumerate(trace["text"]):
            axes.text(x[place], y[place], _plain(words), ha="center", va="center", fontsize=8)


def _set(axes: Any, along: dict[str, Any], up: dict[str, Any]) -> None:
    for which, options, axis in (("x", along, axes.xaxis), ("y", up, axes.yaxis)):
        if not options.get("visible", True):
            axis.set_visible(False)
        if options.get("type") == "log":
            getattr(axes, f"set_{which}scale")("log")
        if "tickvals" in options:
            words = options.get("ticktext", options["tickvals"])
            axis.set_ticks(list(options["tickvals"]), [_plain(word) for word in words])
        if options.get("side") == "right":
            axis.tick_right()
        limits = options.get("range")
        if limits and all(isinstance(limit, int | float) for limit in limits):
            ends = [10**limit for limit in limits] if options.get("type") == "log" else limits
            getattr(axes, f"set_{which}lim")(*ends)
        if words := (options.get("title") or {}).get("text"):
            axis.set_label_text(_plain(words), fontsize=9)
    if up.get("autorange") == "reversed":
        axes.invert_yaxis()
    if "scaleanchor" in up:
        axes.set_aspect("equal", adjustable="box", anchor="N")
    bare = not along.get("visible", True) and not up.get("visible", True)
    for name, side in axes.spines.items():
        side.set_visible(not bare and name in ("left", "bottom"))
