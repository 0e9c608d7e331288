"""Raster: many numbers as few bytes, and many small maps as one sheet."""

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np

LEAST = 600  # numbers from which on bytes are shorter than digits
STEPS = 65_534  # levels between the lowest and the highest value; one more is for gaps
GAP = 65_535


def coded(values: np.ndarray) -> Any:
    """Return a table of numbers as bytes, in so many steps that none is 1/65,000 of the range off; gaps are NaN."""
    if values.size < LEAST:
        return np.round(values.astype(np.float64), 5)
    finite = np.isfinite(values)
    low, high = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 0.0)
    step = (high - low) / STEPS or 1.0
    levels = np.full(values.shape, GAP, np.uint16)
    # In double precision: of the smallest numbers there are, a step is none in single.
    levels[finite] = np.round((values[finite].astype(np.float64) - low) / step).astype(np.uint16)
    body = base64.b64encode(levels.astype("<u2").tobytes()).decode()
    return {"coded": body, "shape": list(values.shape), "low": low, "step": step}


def shrunk(values: np.ndarray, most: int) -> np.ndarray:
    """Return a table with at most so many rows and columns: the means of neighbours."""
    times = -(-max(values.shape) // most)
    if times <= 1:
        return values
    high, wide = (-(-size // times) * times for size in values.shape)
    padded = np.pad(values.astype(np.float64), [(0, high - values.shape[0]), (0, wide - values.shape[1])], mode="edge")
    return padded.reshape(high // times, times, wide // times, times).mean(axis=(1, 3))


def decoded(value: Any) -> Any:
    """Return a figure's values with all tables that were coded as arrays again."""
    if isinstance(value, dict):
        if "coded" not in value:
            return {key: decoded(inner) for key, inner in value.items()}
        levels = np.frombuffer(base64.b64decode(value["coded"]), "<u2").reshape(value["shape"])
        return np.where(levels == GAP, np.nan, value["low"] + value["step"] * levels)
    return [decoded(inner) for inner in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Sheet:
    """How maps of one size lie side by side: so many columns, with a gap between them."""

    number: int
    high: int
    wide: int
    columns: int
    gap: int = 1

    @classmethod
    def of(cls, maps: np.ndarray, proportion: float = 1.6, gap: int | None = None) -> "Sheet":
        """Return a sheet on which maps (n, height, width) fill an area of this width to height."""
        number, high, wide = maps.shape
        between = max(1, round(min(high, wide) / 12)) if gap is None else gap
        columns = max(1, min(number, round((number * proportion * (high + between) / (wide + between)) ** 0.5)))
        return cls(number, high, wide, columns, between)

    @property
    def shape(self) -> tuple[int, int]:
        """Return rows and columns of the whole sheet."""
        rows = -(-self.number // self.columns)
        return rows * (self.high + self.gap) - self.gap, self.columns * (self.wide + self.gap) - self.gap

    def corner(self, place: int) -> tuple[int, int]:
        """Return the first row and column of a map."""
        return place // self.columns * (self.high + self.gap), place % self.columns * (self.wide + self.gap)

    def lay(self, maps: np.ndarray) -> np.ndarray:
        """Return the maps on one sheet; between them there is nothing."""
        sheet = np.full(self.shape, np.nan, np.float32)
        for place, values in enumerate(maps):
            top, left = self.corner(place)
            sheet[top : top + self.high, left : left + self.wide] = values
        return sheet

    def spot(self, row: int, column: int) -> tuple[int, int, int] | None:
        """Return which map lies there and which place of it, or nothing in a gap."""
        down, y = divmod(row, self.high + self.gap)
        right, x = divmod(column, self.wide + self.gap)
        place = down * self.columns + right
        inside = y < self.high and x < self.wide and right < self.columns and place < self.number
        return (place, y, x) if inside else None
