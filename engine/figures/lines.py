"""Lines: rows of numbers drawn as small pictures, where a table of figures would be too many."""

import numpy as np

HIGH, WIDE = 40, 64  # dots
INK = np.array([[86, 180, 233], [230, 159, 0], [0, 158, 115], [204, 121, 167]])  # of each feature, on dark ground


def lined(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return series (n, length, features) as pictures (n, 3, height, width) in bytes, all to one scale; gaps are left
    out, and what lies beyond the scale runs along its edge.
    """
    number, length, features = values.shape
    found = np.full((number, HIGH, WIDE, 3), 24, np.uint8)
    room = max(high - low, 1e-12)
    at = np.linspace(0, length - 1, WIDE)
    before = np.floor(at).astype(int)
    after = np.minimum(before + 1, length - 1)
    share = (at - before)[None, :, None]
    between = values[:, before] * (1 - share) + values[:, after] * share  # n, wide, features
    rows = (HIGH - 1) * (1 - (between - low) / room)
    rows = np.clip(np.where(np.isfinite(rows), rows, np.nan), 0, HIGH - 1)
    down = np.arange(HIGH)[None, :, None]
    for feature in range(features - 1, -1, -1):
        here = rows[:, :, feature]
        there = np.concatenate([here[:, 1:], here[:, -1:]], axis=1)
        top = np.fmin(here, there)[:, None, :]
        bottom = np.fmax(here, there)[:, None, :]
        with np.errstate(invalid="ignore"):
            inked = (down >= np.floor(top)) & (down <= np.floor(bottom) + (bottom - top < 1))
        found[inked] = INK[feature % len(INK)]
    return found.transpose(0, 3, 1, 2)
