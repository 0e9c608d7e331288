"""Sheet: many small pictures on one, each where it belongs as far as there is room."""

import numpy as np
from PIL import Image

from engine.figures.pictures import pixels

SIZE = (720, 1100)  # dots, height and width
SIDE = 34  # of one small picture


def spread_out(pictures: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """Return pictures (n, channels, height, width) at their places, from 0 to 1 across and up, on see-through ground;
    where two would lie over one another, the first.
    """
    sheet = np.zeros((*SIZE, 4), np.uint8)
    taken: set[tuple[int, int]] = set()
    for picture, (x, y) in zip(pixels(pictures), placed, strict=True):
        cell = int(y * SIZE[0] / SIDE), int(x * SIZE[1] / SIDE)
        if cell in taken:
            continue
        taken.add(cell)
        small = np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX))
        top = min(max(round((1 - y) * SIZE[0] - SIDE / 2), 0), SIZE[0] - SIDE)
        left = min(max(round(x * SIZE[1] - SIDE / 2), 0), SIZE[1] - SIDE)
        sheet[top : top + SIDE, left : left + SIDE, :3] = small
        sheet[top : top + SIDE, left : left + SIDE, 3] = 255
    return sheet
