"""A distribution of one's own: drawn by hand, or taken from a picture's ink, and carried by a link."""

import base64
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from engine.data import DATASETS
from engine.data.inked import BYTES, CELLS, HALF, OwnDensity, packed, unpacked
from engine.data.pictures import Picture
from engine.errors import VitrineError
from engine.presets import PRESETS
from engine.training.experiment import Experiment
from engine.training.link import from_link, to_link


def blot(ground=255, ink=0, sizes=(128, 128)):
    """Return a picture with a box of ink in its upper left quarter."""
    image = Image.new("L", sizes, ground)
    ImageDraw.Draw(image).rectangle((16, 16, 47, 47), fill=ink)
    return Picture(image)


def test_points_lie_around_what_was_drawn():
    rows = ((-2.0, 1.0), (2.0, -1.0), (2.0, -1.0))
    split = DATASETS["own-density"](rows=rows, spread=0.05, number=9000, test=0.0, validation=0.0).load().train
    left = split.inputs[:, 0] < 0
    assert left.float().mean().item() == pytest.approx(1 / 3, abs=0.02)  # as often as it was drawn there
    assert split.inputs[left].mean(dim=0).tolist() == pytest.approx([-2, 1], abs=0.01)
    assert split.inputs[left].std(dim=0).tolist() == pytest.approx([0.05, 0.05], rel=0.1)


@pytest.mark.parametrize("colours", [(255, 0), (0, 255), (240, 90)])
def test_points_lie_where_a_picture_is_inked_whichever_way_round(colours):
    ink = packed(blot(*colours))
    assert len(ink) < 4000
    source = OwnDensity(ink=ink, spread=0.005, number=5000, test=0.0, validation=0.0)
    points = source.load().train.inputs
    side = 2 * HALF
    low, high = (16 / 128 - 0.5) * side, (48 / 128 - 0.5) * side
    within = (points[:, 0] > low - 0.05) & (points[:, 0] < high + 0.05)
    within &= (-points[:, 1] > low - 0.05) & (-points[:, 1] < high + 0.05)
    assert within.float().mean() > 0.995
    assert points.mean(dim=0).tolist() == pytest.approx([(low + high) / 2, -(low + high) / 2], abs=0.03)


def test_how_dark_it_is_tells_how_many_points_there_are():
    image = Image.new("L", (64, 64), 255)
    pen = ImageDraw.Draw(image)
    pen.rectangle((4, 4, 19, 19), fill=0)
    pen.rectangle((40, 40, 55, 55), fill=255 - 85)  # a third as dark
    points = OwnDensity(ink=packed(Picture(image)), number=20_000, test=0.0, validation=0.0).load().train.inputs
    assert (points[:, 0] < 0).float().mean().item() == pytest.approx(0.75, abs=0.015)


def test_a_picture_that_is_no_square_keeps_its_shape():
    cells = unpacked(packed(blot(sizes=(128, 64))))
    assert cells.shape == (CELLS, CELLS)
    rows, columns = np.nonzero(cells)
    assert np.ptp(rows) == np.ptp(columns)
    assert rows.min() >= 16  # it lies in the middle


def test_a_link_carries_it():
    begun = PRESETS["gan-eight"].experiment()
    for source in (OwnDensity(ink=packed(blot())), OwnDensity(rows=((0.5, 1.25), (-3.0, 0.0)))):
        made = Experiment("own", begun.graphs, source, begun.task, begun.recipe)
        again = from_link(to_link(made))
        assert again == made
        assert torch.equal(again.data.load().train.inputs, source.load().train.inputs)


@pytest.mark.parametrize(
    "ink",
    [
        "no ink",
        "ä" * 40,
        base64.urlsafe_b64encode(b"plain").decode(),
        base64.urlsafe_b64encode(zlib.compress(bytes(BYTES))).decode(),  # nothing in it
        base64.urlsafe_b64encode(zlib.compress(b"\1" * 10_000_000)).decode()[:4000],  # a bomb, cut short
        base64.urlsafe_b64encode(zlib.compress(b"\1" * 3_000_000, 9)).decode(),  # a whole one, of 4,000 characters
    ],
)
def test_what_is_no_ink_is_refused_and_not_unpacked_beyond_its_size(ink):
    with pytest.raises(VitrineError, match=r"no packed picture|at most 4,000|4000"):
        OwnDensity.read({"ink": ink})


def test_what_cannot_be_a_distribution_is_said():
    with pytest.raises(VitrineError, match="Nothing is drawn yet"):
        OwnDensity().load()
    with pytest.raises(VitrineError, match="of one tone"):
        packed(Picture(Image.new("L", (40, 40), 120)))
    with pytest.raises(VitrineError, match="rows"):
        OwnDensity.read({"rows": [[1.0, float("nan")]]})
    with pytest.raises(VitrineError, match="rows"):
        OwnDensity.read({"rows": [[0.0, 0.0]] * 2001})
