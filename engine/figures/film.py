"""Film: a figure in slides that are shown one after the other, each with its words; what several show is sent once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.figures.figure import Figure, Trace, figure

PARTS = ("data", "images", "annotations")


@dataclass(frozen=True)
class Slide:
    """What is shown for a while: traces, pictures and texts, and the words beside them."""

    words: str
    data: Sequence[Trace] = ()
    images: Sequence[dict[str, Any]] = field(default=())
    annotations: Sequence[dict[str, Any]] = field(default=())
    lit: Sequence[str] = field(default=())  # what it is about, in the drawing of the networks


def film(slides: Sequence[Slide], **layout: Any) -> Figure:
    """Return a figure that holds everything once, and for each slide which of it is shown."""
    pools: dict[str, dict[int, tuple[int, Any]]] = {part: {} for part in PARTS}
    shown = []
    for slide in slides:
        told: dict[str, Any] = {"words": slide.words, "lit": list(slide.lit)}
        for part, pool in pools.items():
            told[part] = [pool.setdefault(id(one), (len(pool), one))[0] for one in getattr(slide, part)]
        shown.append(told)
    every = {part: [one for _, one in pool.values()] for part, pool in pools.items()}
    traces = every.pop("data")
    return figure(traces, **layout, **every) | {"film": shown}


def still(shown: Figure, place: int = -1) -> Figure:
    """Return a single slide of a film, by its place; any other figure as it is."""
    if not (slides := shown.get("film")):
        return shown
    slide = slides[place]
    layout = dict(shown["layout"])
    for part in PARTS[1:]:
        layout[part] = [layout[part][one] for one in slide[part]]
    return {"data": [shown["data"][one] for one in slide["data"]], "layout": layout}
