"""Where Plotly's own script lies; it is served from here, so that figures are drawn without any network."""

import importlib.util
from pathlib import Path


def script() -> Path:
    """Return the path of plotly.min.js."""
    spec = importlib.util.find_spec("plotly")
    assert spec is not None
    places = spec.submodule_search_locations or []
    return Path(places[0]) / "package_data" / "plotly.min.js"
