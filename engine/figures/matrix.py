"""Matrix: pictures in rows and columns, each row with a name, each column with words beneath."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.figures.figure import Figure, Trace, figure, says
from engine.figures.pictures import pixels, placed

SIGN = 6.5  # dots of a sign in a row's name


@dataclass(frozen=True)
class Row:
    """Pictures (n, channels, height, width) with a name; words beneath each, and what a click on one looks at."""

    name: str
    pictures: np.ndarray
    words: Sequence[str] = ()
    clicks: Sequence[str] = field(default=())


def matrix(rows: Sequence[Row], heads: Sequence[str] = (), top: int = 6, **layout: Any) -> Figure:
    """Return rows of pictures, the first on top."""
    columns = max(len(row.pictures) for row in rows)
    images: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    spots: list[tuple[float, float, str, str]] = []
    for down, row in enumerate(rows):
        notes.append(says(row.name, xref="paper", yref="y", x=-0.008, y=down + 0.44, xanchor="right"))
        for along, picture in enumerate(pixels(row.pictures)):
            spot = placed(picture, "x", "y", along + 0.5, down + 0.03, 0.94, 0.8 if row.words else 0.94)
            images.append(spot | {"xanchor": "center"})
            words = row.words[along] if along < len(row.words) else ""
            click = row.clicks[along] if along < len(row.clicks) else ""
            spots.append((along + 0.5, down + 0.45, click or words, click))
            if words:
                notes.append(says(words, xref="x", yref="y", x=along + 0.5, y=down + 0.92, font={"size": 10}))
    for along, head in enumerate(heads):
        notes.append(says(head, xref="x", yref="paper", x=along + 0.5, y=1, yanchor="bottom", font={"size": 11}))
    dots: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [spot[0] for spot in spots],
        "y": [spot[1] for spot in spots],
        "text": [spot[2] for spot in spots],
        "ids": [spot[3] for spot in spots],
        "meta": {"part": "pictures"},
        "marker": {"size": 24, "opacity": 0.01},
        "hovertemplate": "%{text}<extra></extra>",
    }
    bare = {"visible": False, "fixedrange": True}
    shape = {"xaxis": bare | {"range": [0, columns], "domain": [0, 1]}, "yaxis": bare | {"range": [len(rows), 0]}}
    longest = max(len(line) for row in rows for line in row.name.split("<br>"))
    margin = {"l": 10 + SIGN * longest, "r": 6, "t": 24 if heads else top, "b": 6}
    return figure([dots], **shape | {"images": images, "annotations": notes, "margin": margin} | layout)
