"""Shaping: a network of points changed on the picture of its neurons."""

from typing import Any

from engine.graph.rows import FEATURES, columns, deeper, features_of, given, wider
from pages.ui.workbench import Workbench


def shaped(bench: Workbench) -> dict[str, Any]:
    """Return what may be changed on the picture: nothing where building is hidden, or something is wrong."""
    plane = bench.experiment.data is not None and bench.experiment.data.example == "points"
    single = len(bench.roles) == 1 and len(bench.runs) == 1
    row = columns(bench.graph) if single and bench.can_run and plane and not bench.hides("build") else []
    if not row:
        return {"shapes": False}
    sizes = [layer.shape.sizes for layer in bench.graph.inputs.values()]
    return {"shapes": True, "features": list(FEATURES) if sizes == [(2,)] else [], "given": features_of(bench.graph)}


def shape(bench: Workbench, told: object) -> None:
    """Put neurons, layers or features in, or take them out, as a browser tells."""
    if not (may := shaped(bench))["shapes"]:
        return
    match told:
        case {"wider": str(path), "by": 1 | -1 as by}:
            bench.edit(wider, path, by)
        case {"deeper": str(path)}:
            bench.edit(deeper, path)
        case {"feature": str(name)} if name in may["features"]:
            bench.edit(given, name)
