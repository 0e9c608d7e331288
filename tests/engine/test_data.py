"""Datasets: seeded, split without overlap, and what they say they are."""

import pytest
import torch

from engine.data import DATASETS
from engine.errors import VitrineError

OFFLINE = [kind for kind, source in DATASETS.items() if source().here()]


@pytest.mark.parametrize("kind", OFFLINE)
def test_a_dataset_is_what_it_says(kind):
    source = DATASETS[kind]()
    found = source.load()
    assert source.help().endswith(".")
    assert source.licence
    assert source.origin
    for split in found.splits().values():
        assert len(split.inputs) == len(split.targets)
        if found.classes:
            assert set(split.targets.tolist()) <= set(range(len(found.classes)))
    if found.example == "image":
        assert found.train.inputs.dtype == torch.uint8
        assert found.train.inputs.dim() == 4
        assert found.train.inputs.float().std() > 20


@pytest.mark.parametrize("kind", OFFLINE)
def test_the_same_seed_draws_the_same_and_another_seed_otherwise(kind):
    one, same, other = (DATASETS[kind](seed=seed).load() for seed in (3, 3, 4))
    assert torch.equal(one.train.inputs, same.train.inputs)
    assert torch.equal(one.test.targets, same.test.targets)
    assert not torch.equal(one.train.inputs, other.train.inputs)


def test_splits_do_not_overlap_and_leave_nothing_out():
    found = DATASETS["glyphs"](number=300).load()
    every = torch.cat([split.inputs.flatten(1).float() for split in found.splits().values()])
    assert len(every) == 300
    assert len(torch.unique(every, dim=0)) == 300


@pytest.mark.parametrize("shape", ["gauss", "circle", "xor", "spiral", "moons"])
def test_classes_of_points_are_balanced_and_finite(shape):
    found = DATASETS["points"](shape=shape, number=2000, noise=0.2).load()
    assert 0.4 < found.train.targets.float().mean() < 0.6
    assert found.train.inputs.isfinite().all()


def test_nothing_left_to_train_on_is_told():
    with pytest.raises(VitrineError, match="Nothing is left to train on"):
        DATASETS["points"](number=10, test=0.9, validation=0.9).load()
