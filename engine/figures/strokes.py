"""Strokes: traces drawn with matplotlib, without a browser."""

import re
from typing import Any

import numpy as np

from engine.figures.figure import bare

DASHES = {"dot": ":", "dash": "--", "dashdot": "-."}
MAPS = ("viridis",)  # scales that matplotlib calls as Plotly does
MARKS = {"circle": "o", "square": "s", "diamond": "D", "cross": "+", "x": "x", "star": "*", "triangle-up": "^"}


def plain(text: str) -> str:
    """Return words without markup, as matplotlib shows them."""
    words = re.sub(r"</?(?:b|i|sub|sup|span|extra)\b[^<>]*>", "", str(text).replace("<br>", "\n"))
    return bare(words).replace("$", r"\$")


def _place(place: Any) -> Any:
    """Return where a mark stands: a number, or the word of a category."""
    return plain(place) if isinstance(place, str) else place


def _label(trace: dict[str, Any]) -> str | None:
    """Return a name as the legend shows it, which would leave out one that begins with a line below."""
    name = trace.get("name")
    return None if name is None else re.sub(r"^_", " _", plain(name))


def tint(colour: Any) -> Any:
    """Return a colour as matplotlib reads it."""
    if not isinstance(colour, str):
        return "#222222"
    if found := re.fullmatch(r"rgba?\(([^)]*)\)", colour):
        r, g, b, *a = (float(part) for part in found[1].split(","))
        return (r / 255, g / 255, b / 255, *(a or [1.0]))
    return colour


def heat(axes: Any, trace: dict[str, Any], colour: str) -> None:
    """Draw a table of numbers as colours."""
    from matplotlib.colors import LinearSegmentedColormap

    values = np.array([[np.nan if v is None else v for v in row] for row in trace["z"]], dtype=float)
    if trace.get("opacity") == 0 or not np.isfinite(values).any():
        return
    (left, right), (first, last) = (
        _edges(axis, range(size) if trace.get(name) is None else trace[name])
        for axis, name, size in ((axes.xaxis, "x", values.shape[1]), (axes.yaxis, "y", values.shape[0]))
    )
    colours = LinearSegmentedColormap.from_list("scale", [(at, tint(colour)) for at, colour in trace["colorscale"]])
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
            axes.text(x, y, plain(text), ha="center", va="center", **style)


def _edges(axis: Any, places: Any) -> tuple[float, float]:
    """Return where the first cell begins and the last one ends; words become numbered ticks."""
    places = list(places)
    if isinstance(places[0], str):
        axis.set_ticks(range(len(places)), [plain(place) for place in places])
        return -0.5, len(places) - 0.5
    half = (places[-1] - places[0]) / max(1, len(places) - 1) / 2 or 0.5
    return places[0] - half, places[-1] + half


def bars(axes: Any, trace: dict[str, Any], colour: str) -> None:
    """Draw bars, upright or lying."""
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
    axes.bar(x, np.asarray(trace["y"], float), trace.get("width", 0.8 / of), bottom=trace.get("base"), **style)


def _colours(colour: Any) -> Any:
    """Return one colour, or one for each mark; numbers stay numbers."""
    if isinstance(colour, list | np.ndarray):
        return [tint(one) if isinstance(one, str) else one for one in colour]
    return tint(colour)


def lines(axes: Any, trace: dict[str, Any], colour: str) -> None:
    """Draw lines, marks and words at their places."""
    mode, marker, line = trace.get("mode", "lines"), trace.get("marker", {}), trace.get("line", {})
    x, y = [_place(one) for one in trace["x"]], [np.nan if value is None else value for value in trace["y"]]
    name = _label(trace)
    if "lines" in mode:
        style = {"color": tint(line.get("color") or colour), "lw": line.get("width", 2) * 0.75}
        style["ls"] = DASHES.get(line.get("dash"), "-")
        axes.plot(x, y, label=name, **style, **({"drawstyle": "steps-post"} if line.get("shape") == "hv" else {}))
    if "markers" in mode:
        symbol = str(marker.get("symbol", "circle"))
        filled = _colours(marker.get("color", colour))
        style = {"alpha": marker.get("opacity", 1), "s": (0.7 * np.asarray(marker.get("size", 6), float)) ** 2}
        style["marker"] = MARKS.get(symbol.removesuffix("-open"), "o")
        style |= {"facecolors": "none", "edgecolors": filled} if "open" in symbol else {"c": filled}
        if str(marker.get("colorscale")).lower() in MAPS and "c" in style:
            style["cmap"] = str(marker["colorscale"]).lower()
        axes.scatter(x, y, label=None if "lines" in mode else name, **style)
    if "text" in mode:
        for place, words in enumerate(trace["text"]):
            axes.text(x[place], y[place], plain(words), ha="center", va="center", fontsize=8)
