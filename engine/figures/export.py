"""Export: a figure as a page or a picture that stands on its own, in light colours."""

from typing import Any

from engine.figures.figure import Figure
from engine.figures.film import still
from engine.figures.raster import decoded
from engine.figures.script import script

# As the browser has them for light pages.
SCALES = {
    "sequential": [[0, "#f4f3ea"], [0.25, "#b7d8d0"], [0.5, "#58a9b8"], [0.75, "#1f6a9a"], [1, "#16305f"]],
    "diverging": [[0, "#8c3a06"], [0.25, "#e39a5b"], [0.5, "#f7f6f0"], [0.75, "#64a8cf"], [1, "#0b4a78"]],
    "warm": [
        [0, "rgba(40,20,90,0)"],
        [0.35, "rgba(134,38,120,0.65)"],
        [0.7, "rgba(236,104,44,1)"],
        [1, "rgba(255,232,96,1)"],
    ],
}


def coloured(figure: Figure) -> Figure:
    """Return the figure with its tables of numbers written out and its scales as colours; of a film, the last slide."""
    shown = still(figure)
    return {"data": [_trace(trace) for trace in decoded(shown["data"])], "layout": decoded(shown["layout"])}


def _trace(trace: dict[str, Any]) -> dict[str, Any]:
    meta = trace.get("meta") or {}
    trace = {name: value for name, value in trace.items() if name != "meta"}
    if trace.get("hoverinfo") == "none":
        trace["hoverinfo"] = "z"
    if scale := meta.get("scale"):
        trace |= {"colorscale": SCALES[scale]} | ({"zmid": 0} if scale == "diverging" else {})
    if (marker := meta.get("marker")) and "marker" in trace:
        trace["marker"] = trace["marker"] | {"colorscale": SCALES[marker]}
    return trace


def page(figure: Figure, title: str, hint: str, height: int) -> str:
    """Return an HTML page that needs nothing else."""
    import html

    from plotly.io import to_html

    shown = coloured(figure)
    shown["layout"] |= {"height": height, "paper_bgcolor": "#ffffff", "plot_bgcolor": "#ffffff"}
    body = to_html(shown, include_plotlyjs=False, full_html=False, config={"displaylogo": False}, validate=True)
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(title)}</title>"
        "<body style='margin:2rem auto;max-width:72rem;font-family:system-ui,sans-serif;color:#222'>"
        f"<script>{script().read_text(encoding='utf-8')}</script>"
        f"<h1 style='font-size:1.2rem'>{html.escape(title)}</h1>{body}<p>{html.escape(hint)}</p></body></html>\n"
    )
