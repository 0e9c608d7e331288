"""Pictures: examples as small images, stitched into one."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from engine.figures.figure import Figure, Trace

PHOTO = 128 * 128  # dots from which on a picture is sent as a photograph


def pixels(images: np.ndarray) -> np.ndarray:
    """Return images (n, channels, height, width) as bytes of colour (n, height, width, 3)."""
    if images.dtype != np.uint8:
        low, high = images.min(), images.max()
        images = ((images - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    channels = images.shape[1]
    shown = images[:, :3] if channels >= 3 else images[:, :1].repeat(3, axis=1)
    return shown.transpose(0, 2, 3, 1)


def stitched(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Return images (n, height, width, 3) side by side in rows, on see-through ground (rows, columns, 4)."""
    number, height, width, _ = images.shape
    rows = -(-number // columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for place, image in enumerate(images):
        top, left = (place // columns) * (height + gap), (place % columns) * (width + gap)
        sheet[top : top + height, left : left + width, :3] = image
        sheet[top : top + height, left : left + width, 3] = 255
    return sheet


def address(sheet: np.ndarray, least: int = 0) -> str:
    """Return a picture as a PNG within an address; small ones enlarged, dot by dot, to about so many."""
    times = max(1, least // max(sheet.shape[:2]))
    enlarged = sheet.repeat(times, axis=0).repeat(times, axis=1)
    file = io.BytesIO()
    if enlarged[..., 0].size < PHOTO or times > 1:
        Image.fromarray(enlarged).save(file, kind := "png", compress_level=1)
    else:  # a tenth of the bytes
        Image.fromarray(enlarged).save(file, kind := "webp", quality=90, method=0)
    return f"data:image/{kind};base64," + base64.b64encode(file.getvalue()).decode()


def placed(sheet: np.ndarray, x: str, y: str, left: float, top: float, wide: float, high: float) -> dict[str, Any]:
    """Return a picture as part of a layout, in the units of its axes."""
    return {
        "source": address(sheet, 256),
        "xref": x,
        "yref": y,
        "x": left,
        "y": top,
        "sizex": wide,
        "sizey": high,
        "sizing": "contain",
        "layer": "above",
    }


def gallery(images: np.ndarray, labels: list[str], columns: int, right: list[bool] | None = None) -> Figure:
    """Return pictures in a grid, each with a label beneath."""
    from engine.figures.figure import BAD, GOOD, figure

    rows = -(-len(images) // columns)
    spots = [(place % columns, place // columns) for place in range(len(images))]
    colours = [GOOD if good else BAD for good in right] if right else None
    words: Trace = {
        "type": "scatter",
        "mode": "text",
        "x": [x + 0.5 for x, _ in spots],
        "y": [y + 0.93 for _, y in spots],
        "text": labels,
        "textfont": {"size": 11} | ({"color": colours} if colours else {}),
        "hoverinfo": "skip",
    }
    shown = [
        placed(stitched(image[None], 1), "x", "y", x + 0.08, y + 0.02, 0.84, 0.82)
        for (x, y), image in zip(spots, pixels(images), strict=True)
    ]
    bare = {"visible": False, "fixedrange": True}
    return figure(
        [words],
        images=shown,
        xaxis=bare | {"range": [0, columns]},
        yaxis=bare | {"range": [rows, 0]},
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
    )
