"""Drawing: what views of a game in a plane have in common: the plane, the discriminator's opinion, points, arrows."""

from typing import Any

import numpy as np
import torch

from engine.figures.figure import Trace, heat
from engine.looking.session import Session

MARGIN = 0.2  # of the real points' extent, beyond them
LONGEST = 0.08  # of the plane's side: the arrow of the strongest gradients


def square(session: Session) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the lower left and the upper right corner of what is drawn: a square around the real points."""
    kept = session.network.lasting
    if "square" not in kept:
        points = session.network.train.inputs[:, :2].float()
        low, high = points.amin(dim=0).cpu(), points.amax(dim=0).cpu()
        half = float((high - low).max().clamp_min(1e-6)) * (0.5 + MARGIN)
        kept["square"] = (low + high) / 2 - half, (low + high) / 2 + half
    return kept["square"]


def places(session: Session, detail: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return so many places along each side of the plane, and all places of that grid, row by row, on the device."""
    across, up = (torch.linspace(float(a), float(b), detail) for a, b in zip(*square(session), strict=True))
    y, x = torch.meshgrid(up, across, indexing="ij")
    return across, up, torch.stack([x.flatten(), y.flatten()], dim=1).to(session.network.place.device)


def surface(said: np.ndarray, across: np.ndarray, up: np.ndarray, middle: float | None) -> Trace:
    """Return what the discriminator says as colours, around the middle between real and made."""
    around = float(np.median(said)) if middle is None else middle
    reach = 0.5 if middle == 0.5 else max(float(np.abs(said - around).max()), 1e-6)
    if middle == 0.5:  # of squares a verdict may lie beyond both ends
        reach = max(reach, float(np.abs(said - around).max()) * 0.5)
    return heat(
        np.round(said - around, 3),
        np.round(across, 3),
        np.round(up, 3),
        "diverging",
        customdata=np.round(said, 3),
        zmin=-reach,
        zmax=reach,
        zsmooth="best",
        opacity=0.75,
        showscale=False,
        hovertemplate="%{x:.2f}, %{y:.2f}<br>D says %{customdata:.3f}<extra></extra>",
    )


def dots(places: np.ndarray, colour: str, name: str, **more: Any) -> Trace:
    """Return points of one kind."""
    marker = {"color": colour, "size": 5, "opacity": 0.85, "line": {"width": 0.5, "color": "#ffffff"}}
    hover = f"{name}: %{{x:.2f}}, %{{y:.2f}}<extra></extra>"
    style = {"mode": "markers", "name": name, "marker": marker, "hovertemplate": hover, "meta": {"points": True}}
    return at(places, **style | more)


def arrows(places: np.ndarray, pull: np.ndarray, side: float) -> Trace:
    """Return a line from each point towards where it is drawn; the strongest pulls are cut to one length."""
    length = np.linalg.norm(pull, axis=1, keepdims=True)
    most = max(float(np.quantile(length, 0.9)), 1e-12)
    ways = pull / np.maximum(length, 1e-12) * np.minimum(length / most, 1) * LONGEST * side
    lines = np.stack([places, places + ways, np.full_like(places, np.nan)], axis=1).reshape(-1, 2)
    return at(lines, mode="lines", line={"color": "#444444", "width": 1.1}, hoverinfo="skip", showlegend=False)


def at(places: np.ndarray, **style: Any) -> Trace:
    """Return a trace through places in the plane; no numbers are gaps."""
    x, y = np.round(places.astype(float), 3).T
    return {"type": "scatter", "x": x, "y": y} | style
