"""Spoiled: wrong labels and rare classes, counted; what is held out stays as it is."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from engine.data import DATASETS, Split
from engine.data.dataset import UNKNOWN
from engine.presets import PRESETS
from engine.training.learner import Learner
from engine.training.recipe import Recipe
from engine.training.spoiled import as_learned, wrong
from engine.training.unfit import impossible


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"]().load()


@pytest.mark.parametrize("share", [0.1, 0.37, 1.0])
def test_just_so_many_are_wrong_and_by_any_other_class(digits, share):
    found = as_learned(digits, Recipe(mislabelled=share))
    before, after = digits.train.targets.numpy(), found.train.targets.numpy()
    assert (before != after).sum() == round(len(before) * share)
    assert torch.equal(found.train.inputs, digits.train.inputs)
    assert torch.equal(found.test.targets, digits.test.targets)
    assert torch.equal(found.validation.targets, digits.validation.targets)
    moves = np.bincount((after - before)[before != after] % 10, minlength=10)
    assert moves[0] == 0
    assert chisquare(moves[1:]).pvalue > 0.001


def test_classes_grow_rare_by_the_same_factor(digits):
    found = as_learned(digits, Recipe(imbalance=20.0))
    counts = np.bincount(found.train.targets.numpy(), minlength=10)
    first = int((digits.train.targets == 0).sum())
    assert counts.tolist() == [round(first * 20 ** (-kind / 9)) for kind in range(10)]
    rows = {row.numpy().tobytes() for row in digits.train.inputs}
    assert all(row.numpy().tobytes() in rows for row in found.train.inputs)


def test_fewer_examples_are_taken_of_what_is_uneven(digits):
    found = as_learned(digits, Recipe(imbalance=20.0, examples=200, mislabelled=0.1))
    counts = np.bincount(as_learned(digits, Recipe(imbalance=20.0, examples=200)).train.targets, minlength=10)
    assert len(found.train) == 200
    assert counts[0] > 10 * counts[9] > 0
    assert wrong(found, Recipe(mislabelled=0.1)) == 20


def test_the_seed_decides_which(digits):
    one, same, other = (as_learned(digits, Recipe(mislabelled=0.2, seed=seed)).train.targets for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_what_nobody_knows_stays_so():
    targets = torch.tensor([0, 1, UNKNOWN, 1, UNKNOWN, 0])
    split = Split(torch.zeros(6, 2), targets)
    dataset = dataclasses.replace(DATASETS["points"]().load(), train=split)
    found = as_learned(dataset, Recipe(mislabelled=1.0, imbalance=2.0)).train.targets
    assert sorted(found.tolist()) == [UNKNOWN, UNKNOWN, 0, 1, 1]


def test_nothing_is_touched_where_nothing_is_asked_for(digits):
    assert as_learned(digits, Recipe()) is digits


def test_a_run_learns_the_wrong_labels_and_is_scored_by_the_right_ones(digits):
    experiment = PRESETS["mlp-784-100-10"].experiment()
    data = DATASETS["digits"](size=28)
    recipe = experiment.recipe.but(mislabelled=0.5)
    learner = Learner(dataclasses.replace(experiment, data=data, recipe=recipe), data.load())
    clean = data.load()
    assert (learner.data["train"].targets.cpu() != clean.train.targets).float().mean() == pytest.approx(0.5, abs=0.001)
    assert torch.equal(learner.data["test"].targets.cpu(), clean.test.targets)


def test_what_has_no_class_is_told():
    experiment = PRESETS["hills"].experiment()
    assert experiment.data
    words = impossible(experiment.graphs, experiment.task, Recipe(mislabelled=0.1), experiment.data.load())
    assert "no class could be wrong or rare" in words
    assert "mislabelled" in words
