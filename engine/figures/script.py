"""Where Plotly's own script lies; it is served from here, so that figures are drawn without any network.

It is Plotly's build of traces in the plane, `plotly.js-cartesian-dist-min` on npm (MIT), a third of the whole.
"""

from pathlib import Path

TRACES = ("bar", "contour", "heatmap", "scatter")  # of those that it draws, the ones that figures have


def script() -> Path:
    """Return the path of the script."""
    return Path(__file__).with_name("plotly.min.js")
