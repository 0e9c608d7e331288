"""Aloud: what a figure shows, in words, for those who hear it rather than see it."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.figures.figure import Figure, Trace, bare
from engine.figures.raster import STEPS, decoded

MOST_TRACES, MOST_BARS, MOST_WORDS, MOST_SIGNS = 8, 5, 12, 900


def aloud(title: str, figure: Figure) -> str:
    """Return in a few sentences what a figure shows: its words, and of its traces where they begin, end and turn."""
    layout = figure.get("layout", {})
    said = [title]
    said += [words for words in _written(layout)[:MOST_WORDS] if words]
    shown = [trace for trace in figure.get("data", ()) if trace.get("hoverinfo") != "skip"]
    said += [words for trace in shown[:MOST_TRACES] if (words := _trace(trace))]
    if len(shown) > MOST_TRACES:
        said.append(f"And {len(shown) - MOST_TRACES} more")
    if pictures := len(layout.get("images", ())):
        said.append(f"{pictures} picture{'s' if pictures > 1 else ''}")
    whole = ". ".join(dict.fromkeys(words.rstrip(". ") for words in said if words.strip())) + "."
    return whole if len(whole) <= MOST_SIGNS else whole[: MOST_SIGNS - 1] + "…"


def _written(layout: dict[str, Any]) -> list[str]:
    """Return what is written on a figure, and what its axes are called."""
    axes = sorted(name for name in layout if re.fullmatch(r"[xy]axis\d*", name))
    titles = [("Across" if name[0] == "x" else "Up", _text(layout[name].get("title"))) for name in axes]
    named = dict.fromkeys(f"{way}: {text}" for way, text in titles if text)
    return [*(_text(one) for one in layout.get("annotations", ())), *named]


def _text(one: Any) -> str:
    text = one.get("text", "") if isinstance(one, dict) else one or ""
    return re.sub(r"\s+", " ", re.sub(r"</?(?:br|b|i|sub|sup|span)\b[^>]*>", " ", bare(str(text)))).strip()


def _trace(trace: Trace) -> str:
    kind = trace.get("type", "scatter")
    if kind in ("heatmap", "contour"):
        return _table(trace)
    if kind == "bar":
        return _bars(trace)
    return _line(trace) if "lines" in trace.get("mode", "lines") else _dots(trace)


def _table(trace: Trace) -> str:
    """Return how large a table is, and between which numbers it lies."""
    z = trace.get("z")
    if isinstance(z, dict):
        rows, columns = (*z["shape"], 1)[:2]
        low, high = z["low"], z["low"] + STEPS * z["step"]
    else:
        values = _numbers(z)
        if values.ndim != 2 or not np.isfinite(values).any() or trace.get("opacity") == 0:
            return ""
        (rows, columns), low, high = values.shape, float(np.nanmin(values)), float(np.nanmax(values))
    if grid := trace.get("meta", {}).get("grid"):
        return f"{grid['number']} maps, {grid['high']} by {grid['wide']}, from {low:.4g} to {high:.4g}"
    name = _text(trace.get("name")) or "Values"
    return f"{name}, {rows} by {columns}, from {low:.4g} to {high:.4g}"


def _numbers(values: Any) -> np.ndarray:
    if isinstance(values, dict):
        return decoded(values)
    try:
        if isinstance(values, np.ndarray):  # in one go, for there may be many
            return values.astype(float)
        return np.asarray([np.nan if value is None else value for value in (() if values is None else values)], float)
    except (TypeError, ValueError):  # words, or rows of unlike length
        return np.zeros(0)


def _bars(trace: Trace) -> str:
    """Return the longest bars, each by its name."""
    along, names = ("x", "y") if trace.get("orientation") == "h" else ("y", "x")
    values, called = _numbers(trace.get(along, ())), [str(name) for name in trace.get(names, ())]
    if not len(values) or len(called) != len(values):
        return ""
    order = np.argsort(-np.abs(np.nan_to_num(values)), kind="stable")[:MOST_BARS]
    more = f" and {len(values) - MOST_BARS} more" if len(values) > MOST_BARS else ""
    head = f"{name}: " if (name := _text(trace.get("name"))) else ""
    return head + ", ".join(f"{_text(called[place])} {values[place]:.3g}" for place in order) + more


def _line(trace: Trace) -> str:
    """Return where a line begins and ends, and its lowest and highest place."""
    x, y = trace.get("x"), _numbers(trace.get("y", ()))
    known = np.flatnonzero(np.isfinite(y))
    x = decoded(x) if isinstance(x, dict) else x
    if not trace.get("name") or not len(known) or x is None or len(x) != len(y):
        return ""
    first, last = known[0], known[-1]
    words = f"{_text(trace['name'])}: {y[first]:.4g} at {_at(x, first)}"
    if first == last:
        return words
    low, high = known[np.argmin(y[known])], known[np.argmax(y[known])]
    turns = [f"{word} {y[at]:.4g} at {_at(x, at)}" for word, at in (("lowest", low), ("highest", high))]
    ends = [
        f"{y[last]:.4g} at {_at(x, last)}",
        *(turn for turn, at in zip(turns, (low, high), strict=True) if at not in (first, last)),
    ]
    return f"{words}, then {', '.join(ends)}"


def _at(x: Sequence[Any], place: int) -> str:
    value = x[int(place)]
    return f"{float(value):,.6g}" if isinstance(value, float | int | np.number) else _text(str(value))


def _dots(trace: Trace) -> str:
    """Return how many points there are."""
    many = len(_numbers(trace.get("y")))
    name = _text(trace.get("name"))
    return (
        f"{many:,} point{'s' if many != 1 else ''}{f' of {name}' if name else ''}"
        if many and "markers" in trace.get("mode", "")
        else ""
    )
