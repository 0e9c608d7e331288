"""What all figures share: how they are put together, and the names of colours that the browser knows."""

import re
from typing import Any

import numpy as np

Figure = dict[str, Any]  # Plotly's data and layout, as plain values and arrays
Trace = dict[str, Any]

JOINER = "\u2060"

# Okabe and Ito's colours, which people with any colour vision tell apart, in an order that also reads in grey.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#9a8c00", "#7b8794")
GOOD, BAD = "#009e73", "#d55e00"


def figure(traces: list[Trace], **layout: Any) -> Figure:
    """Return a figure of these traces."""
    return {"data": traces, "layout": {"margin": {"l": 48, "r": 12, "t": 12, "b": 40}, "showlegend": False} | layout}


def axis(title: str = "", log: bool = False, **more: Any) -> dict[str, Any]:
    """Return an axis with a title."""
    return {"title": {"text": title}, "automargin": True} | ({"type": "log"} if log else {}) | more


def says(words: str, **more: Any) -> dict[str, Any]:
    """Return a text upon the figure."""
    return {"text": words, "showarrow": False} | more


def caption(words: str, **more: Any) -> dict[str, Any]:
    """Return lines that stand above a figure, at its left."""
    place = {"xref": "paper", "yref": "paper", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "align": "left"}
    return says(words, **place | more)


def line(name: str, x: Any, y: Any, colour: str, **more: Any) -> Trace:
    """Return a line with a dot at every place."""
    style = {"line": {"color": colour}, "marker": {"size": 4}}
    return {"type": "scatter", "mode": "lines+markers", "name": name, "x": x, "y": y} | style | more


def literal(words: str) -> str:
    """Return words as a figure shows them unread: an invisible joiner keeps Plotly from seeing markup in them."""
    return re.sub(r"[<&%](?=[\w/#{!])", f"\\g<0>{JOINER}", words)


def bare(words: str) -> str:
    """Return words as they were before `literal`."""
    return words.replace(JOINER, "")


def wrapped(words: str, wide: int) -> list[str]:
    """Return words in lines of about so many letters."""
    lines = [""]
    for word in words.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= wide:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def nothing(words: str) -> Figure:
    """Return an empty figure that says why it is empty."""
    centred = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
    hidden = {"visible": False}
    return figure([], xaxis=hidden, yaxis=hidden, annotations=[says(words, **centred)])


def heat(values: np.ndarray, x: Any, y: Any, scale: str = "sequential", **more: Any) -> Trace:
    """Return a heat map; `scale` names how the browser colours it: magnitudes, or signed values around zero."""
    return {"type": "heatmap", "z": values, "x": x, "y": y, "meta": {"scale": scale}} | more


def smoothed(values: np.ndarray, weight: float) -> np.ndarray:
    """Return exponentially weighted means, the beginning counted in full; gaps stay gaps."""
    found = np.full(len(values), np.nan)
    mean = total = 0.0
    for place, value in enumerate(values):
        if np.isfinite(value):
            mean = weight * mean + (1 - weight) * value
            total = weight * total + (1 - weight)
            found[place] = mean / total
    return found


def thinned(steps: np.ndarray, values: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return at most so many points: the first ones, then means of neighbours, each at the last one's step."""
    if len(steps) <= most:
        return steps, values
    whole = most // 10
    bounds = np.append(np.arange(whole), np.linspace(whole, len(steps), most - whole + 1).astype(int))
    sums = np.add.reduceat(np.nan_to_num(values), bounds[:-1])
    counts = np.add.reduceat(np.isfinite(values).astype(float), bounds[:-1])
    with np.errstate(invalid="ignore", divide="ignore"):
        return steps[bounds[1:] - 1], sums / counts
