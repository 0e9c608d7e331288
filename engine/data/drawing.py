"""Drawings: lines that a person draws, brought to where and how large the examples of a dataset are drawn."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from engine.data.dataset import Dataset

LOOKED_AT = 500  # examples
EMPTY = 24  # how much of 255 a line must differ from its ground
LIKE = 0.6  # the share of the edges that must be plain ground for examples to count as drawings


@dataclass(frozen=True)
class Hand:
    """How a dataset's examples are drawn: ground and ink of each channel, and where and how large, as shares."""

    ground: np.ndarray
    ink: np.ndarray
    size: float  # the longer side of what is drawn
    middle: tuple[float, float]  # down, right
    by_mass: bool  # whether the centre of mass lies there, rather than that of the frame


def hand(dataset: Dataset) -> Hand | None:
    """Return how the training examples are drawn, or nothing where they are no drawings on plain ground."""
    images = dataset.train.inputs[:LOOKED_AT].numpy().astype(np.float32)
    edge = np.concatenate([images[..., 0, :], images[..., -1, :], images[..., :, 0], images[..., :, -1]], axis=-1)
    ground = np.median(edge, axis=(0, 2))  # of each channel
    if (np.abs(edge - ground[None, :, None]) < EMPTY).mean() < LIKE:
        return None
    apart = np.abs(images - ground[None, :, None, None]).max(axis=1)
    measured = [found for one in apart if (found := _placed(one)) is not None]
    if not measured:
        return None
    sizes, frames, masses = (np.array(column) for column in zip(*measured, strict=True))
    by_mass = masses.std(axis=0).sum() < frames.std(axis=0).sum()
    middle = (masses if by_mass else frames).mean(axis=0)
    drawn = apart >= np.quantile(apart, 0.97)
    ink = np.array([np.median(images[:, channel][drawn]) for channel in range(images.shape[1])])
    return Hand(ground, ink, float(np.median(sizes)), (float(middle[0]), float(middle[1])), bool(by_mass))


def _placed(ink: np.ndarray) -> tuple[float, tuple[float, float], tuple[float, float]] | None:
    """Return the longer side of what is drawn, the centre of its frame, and that of its mass, as shares."""
    rows, columns = np.nonzero(ink > EMPTY)
    if not len(rows):
        return None
    high, wide = ink.shape
    size = max((np.ptp(rows) + 1) / high, (np.ptp(columns) + 1) / wide)
    frame = ((rows.min() + rows.max() + 1) / 2 / high, (columns.min() + columns.max() + 1) / 2 / wide)
    weights = ink[rows, columns]
    down, right = ((places + 0.5) @ weights / weights.sum() for places in (rows, columns))
    return float(size), (float(frame[0]), float(frame[1])), (float(down / high), float(right / wide))


def redrawn(ink: np.ndarray, sizes: tuple[int, ...], how: Hand | None) -> tuple[np.ndarray, str]:
    """Return a drawing (height×width, 255 where there is ink) as an example drawn like the data, and what was done."""
    channels, height, width = sizes
    if how is None or not (ink > EMPTY).any():
        paper = 255 - np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BOX))
        ground = how.ground if how else np.full(channels, 255.0)
        plain = paper[None].repeat(channels, axis=0) if how is None else np.tile(ground[:, None, None], paper.shape)
        return plain.astype(np.uint8), "black on white, as the data are no drawings" if how is None else "empty"
    rows, columns = np.nonzero(ink > EMPTY)
    cut = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    longer = how.size * max(height, width)
    times = longer / max(cut.shape)
    sizes = max(1, round(cut.shape[1] * times)), max(1, round(cut.shape[0] * times))
    small = np.asarray(Image.fromarray(cut).resize(sizes, Image.Resampling.BOX)).astype(np.float32)
    if how.by_mass:
        down = float((np.arange(len(small)) + 0.5) @ small.sum(axis=1) / small.sum())
        right = float((np.arange(small.shape[1]) + 0.5) @ small.sum(axis=0) / small.sum())
    else:
        down, right = small.shape[0] / 2, small.shape[1] / 2
    top, left = round(how.middle[0] * height - down), round(how.middle[1] * width - right)
    sheet = np.zeros((height, width), np.float32)
    laid = small[max(0, -top) : height - top, max(0, -left) : width - left]
    sheet[max(0, top) : max(0, top) + laid.shape[0], max(0, left) : max(0, left) + laid.shape[1]] = laid
    share = np.minimum(1.0, sheet / max(sheet.max(), 1.0))[None]
    ground, full = how.ground[:, None, None], how.ink[:, None, None]
    done = f"made {round(longer)} pixels large and centred by its {'mass' if how.by_mass else 'frame'}, as the data are"
    return (ground + share * (full - ground)).clip(0, 255).round().astype(np.uint8), done
