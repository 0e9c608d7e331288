"""Colours: one number for every node, by which the diagram is coloured."""

from typing import Literal

import numpy as np

from engine.choice import option
from engine.looking.frame import Frame
from engine.looking.pulse import history
from engine.looking.view import View, view
from engine.views.learning.flow import marked

QUANTITIES = (
    "gradient norm",
    "update ratio",
    "dead units",
    "weight norm",
    "activation mean",
    "activation deviation",
)


@view("colours")
class Colours(View):
    """One quantity of every layer at the latest step, to colour the diagram by."""

    title, reads, pulses, rank = "Diagram colours", "record", True, 90

    quantity: Literal[
        "gradient norm", "update ratio", "dead units", "weight norm", "activation mean", "activation deviation"
    ] = option("gradient norm", "What the colour tells.")

    def compute(self, session):
        """Read the quantity of every node at the latest watched step."""
        found = history(session, self.quantity)
        latest = found.values[:, -1] if found.nodes else np.zeros(0)
        step = int(found.steps[-1]) if found.nodes else 0
        return Frame({"values": latest.astype(np.float32)}, {"nodes": found.nodes, "step": step})

    def draw(self, frame):
        """Return for each node its number in words, its place between 0 and 1, and what is unhealthy of it."""
        values, nodes = frame["values"], frame.words["nodes"]
        if not nodes:
            return {"nodes": {}, "words": f"No {self.quantity} yet: no step has been watched."}
        log = self.quantity in ("gradient norm", "update ratio", "weight norm")
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = np.log10(values) if log else values
        scaled = np.where(np.isfinite(scaled), scaled, np.nan)
        low, high = (np.nanmin(scaled), np.nanmax(scaled)) if np.isfinite(scaled).any() else (0.0, 1.0)
        along = (scaled - low) / max(high - low, 1e-12) if self.quantity != "dead units" else scaled
        told = {
            node: {
                "words": f"{self.quantity} {value:.3g}",
                "short": f"{value:.0%}" if self.quantity == "dead units" else f"{value:.2g}",
                "along": float(np.nan_to_num(place)),
                "mark": mark,
            }
            for node, value, place, mark in zip(nodes, values, along, marked(self.quantity, values), strict=True)
        }
        ends = (0.0, 1.0) if self.quantity == "dead units" else (10**low, 10**high) if log else (low, high)
        scale = [f"{end:.0%}" if self.quantity == "dead units" else f"{end:.2g}" for end in ends]
        return {"nodes": told, "words": f"{self.quantity}, step {frame.words['step']:,}", "scale": scale}
