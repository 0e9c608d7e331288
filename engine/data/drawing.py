"""Drawings: lines that a person draws, brought to where and how large the examples of a dataset are drawn."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from engine.data.dataset import Dataset
from engine.errors import VitrineError

LOOKED_AT = 500  # examples,
LOOKED_VALUES = 2**24  # and numbers of theirs, at most
EMPTY = 24  # how much of 255 a line must differ from its ground
SHEET = 320  # dots to a side of a photographed drawing
LINE = 0.09  # how wide a line is beside the longer side of what is drawn
LEAST = 0.0005  # of all dots that are ink
SPECK = 0.04  # a spot of less than this share of the largest is dirt
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
    inputs = dataset.train.inputs
    images = inputs[: min(LOOKED_AT, LOOKED_VALUES // inputs[0].numel())].numpy().astype(np.float32)
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


def inked(photograph: Image.Image) -> np.ndarray:
    """Return the ink of a photographed drawing (255 where there is some), in whatever light: pen on paper, or chalk."""
    from scipy import ndimage

    sheet = photograph.convert("L")
    sheet.thumbnail((SHEET, SHEET), Image.Resampling.BOX)
    values = np.asarray(sheet).astype(np.float32)
    dark, usual, bright = np.quantile(values, [0.01, 0.5, 0.99])
    if bright - usual > usual - dark:  # chalk on a board
        values = 255 - values
    # What the paper alone would look like: the brightest nearby, so that shadows do not count as ink.
    coarse = Image.fromarray(values).resize((-(-sheet.width // 10), -(-sheet.height // 10)), Image.Resampling.BOX)
    paper = Image.fromarray(ndimage.gaussian_filter(ndimage.maximum_filter(np.asarray(coarse), 7), 2))
    apart = (np.asarray(paper.resize(sheet.size, Image.Resampling.BILINEAR)) - values).clip(0)
    full = float(np.quantile(apart, 0.995))
    if full < 2 * EMPTY:
        raise VitrineError("There is no ink to be seen.", cure="Draw with a broader pen, or take all of the picture.")
    ink = ((apart / full - 0.35) / 0.3).clip(0, 1)
    spots, number = ndimage.label(ink > 0, np.ones((3, 3)))
    areas = ndimage.sum_labels(ink, spots, np.arange(1, number + 1))
    edge = np.unique(np.concatenate([spots[0], spots[-1], spots[:, 0], spots[:, -1]]))
    inside = np.setdiff1d(np.arange(1, number + 1), edge)  # what runs out of the picture is the table, or a finger
    largest = areas[inside - 1].max(initial=0.0)
    if largest < LEAST * ink.size:
        raise VitrineError(
            "There is no ink to be seen with plain paper all around.", cure="Leave some paper around it."
        )
    meant = inside[areas[inside - 1] > SPECK * largest]
    drawn = np.where(np.isin(spots, meant), ink, 0)
    # A pen's line is thinner for its letter than a brush's: it is widened to what a drawing pad gives.
    width = 4 * float(ndimage.distance_transform_edt(drawn)[drawn > 0].mean())
    wanted = LINE * max(np.ptp(places) + 1 for places in np.nonzero(drawn))
    if wanted > width:
        drawn = ndimage.grey_dilation(np.pad(drawn, SHEET // 10), size=(1 + round(wanted - width),) * 2)
    return (255 * drawn).astype(np.uint8)


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
