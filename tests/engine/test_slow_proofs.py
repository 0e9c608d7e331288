"""Longer proofs: real MNIST, points for ten seeds, and memory over a long run. Run them with `pytest -m slow`."""

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.neural_network import MLPClassifier

from engine.data import DATASETS
from engine.presets import PRESETS
from engine.training.evaluating import evaluating
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from tests.engine.test_data import REAL, needs_real, placed

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


@needs_real
@pytest.mark.parametrize(
    ("preset", "recipe", "least"),
    [
        ("lenet-5", Recipe(epochs=2, rate=0.003, batch=64, schedule="one_cycle"), 0.98),
        ("mlp-784-100-10", Recipe(epochs=4, rate=0.003, batch=64, schedule="one_cycle"), 0.95),
    ],
)
def test_real_mnist_is_learned(home, preset, recipe, least):
    placed(home, "mnist", {name: REAL / "mnist" / name for name in DATASETS["mnist"].files})
    experiment = dataclasses.replace(PRESETS[preset].experiment(), data=DATASETS["mnist"](), recipe=recipe)
    learner = Learner(experiment, experiment.data.load())
    for report in learn(learner):
        assert not report.problem
    accuracy = learner.score("test")["accuracy"]
    print(f"{preset}: {accuracy:.4f} after {learner.epoch} epochs, {learner.seconds:.0f} s")
    assert accuracy >= least


LONG = """
import os, resource, sys
from engine.cli import main
sys.argv = ["vitrine", *sys.argv[1:]]
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def test_memory_does_not_grow_with_the_length_of_a_run(tmp_path):
    def peak(steps):
        settings = ("data.number=200", "recipe.batch=10", "recipe.epochs=null", f"recipe.steps={steps}")
        arguments = [word for setting in settings for word in ("--set", setting)]
        done = subprocess.run(
            [sys.executable, "-c", LONG, "train", str(points(tmp_path)), "--data", "points", "--json", *arguments],
            cwd=ROOT,
            env=os.environ | {"VITRINE_HOME": str(tmp_path / str(steps))},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        database = tmp_path / str(steps) / "vitrine.db"
        return int(done.stderr.split()[-1]) / 1024, database.stat().st_size / 2**20

    (short, small), (long, large) = peak(2_000), peak(200_000)
    print(f"peak {short:.0f} MiB after 2,000 steps, {long:.0f} MiB after 200,000; store {small:.2f}, {large:.2f} MiB")
    assert long < short + 40
    assert large < 50


def points(folder):
    from engine.graph.chain import chain
    from engine.layers.activation import Tanh
    from engine.layers.dense import Dense
    from engine.layers.entry import Input
    from engine.training.experiment import Experiment, dump

    graph = chain(points=Input(sizes=(2,)), hidden=Dense(units=8), tanh=Tanh(), out=Dense(units=2))
    file = folder / "points.json"
    file.write_text(dump(Experiment("points", {"network": graph})))
    return file


@pytest.mark.parametrize(
    ("preset", "shape"),
    [
        ("mlp-2-4-2-1", "circle"),
        ("mlp-2-8-8-1", "xor"),
        ("mlp-2-8-8-1", "moons"),
        ("mlp-2-8-8-1", "gauss"),
        ("mlp-2-16-16-1", "spiral"),
    ],
)
def test_points_are_told_apart_for_nine_of_ten_seeds(preset, shape):
    experiment = PRESETS[preset].experiment()
    found = []
    for seed in range(10):
        data, recipe = experiment.data.but(seed=seed, shape=shape), experiment.recipe.but(seed=seed)
        learner = Learner(dataclasses.replace(experiment, data=data, recipe=recipe), data.load())
        for _ in learn(learner):
            pass
        found.append(learner.score("test")["accuracy"])
    print(f"{preset} on {shape}: {', '.join(f'{one:.3f}' for one in found)}")
    assert sum(one >= 0.97 for one in found) >= 9


@pytest.mark.parametrize(("preset", "least", "most"), [("rnn", 0.0, 0.35), ("lstm", 0.99, 1.0), ("gru", 0.99, 1.0)])
def test_the_duel_of_cells_ends_as_the_lecture_says(preset, least, most):
    found = []
    for seed in range(3):
        experiment = PRESETS[f"recall-{preset}"].experiment()
        experiment = dataclasses.replace(experiment, recipe=experiment.recipe.but(seed=seed))
        learner = Learner(experiment, experiment.data.load())
        for _ in learn(learner):
            pass
        found.append(learner.score("test")["accuracy"])
    print(preset, found)
    assert least <= sum(found) / 3 <= most


@pytest.mark.parametrize(
    ("preset", "score", "least"),
    [
        ("adding-lstm", "r²", 0.98),
        ("brackets", "accuracy", 0.97),
        ("sentiment-lstm", "accuracy", 0.98),
        ("sentiment-gru", "accuracy", 0.98),
        ("sentiment-cnn", "accuracy", 0.98),
        ("sines", "r²", 0.99),
    ],
)
def test_presets_of_sequences_learn_what_they_are_for(preset, score, least):
    experiment = PRESETS[preset].experiment()
    learner = Learner(experiment, experiment.data.load())
    for _ in learn(learner):
        pass
    assert learner.score("test")[score] >= least


def test_characters_of_the_manual_are_told_better_than_by_their_neighbours():
    experiment = PRESETS["char-lstm"].experiment()
    learner = Learner(experiment, dataset := experiment.data.load())
    for _ in learn(learner):
        pass
    counts = torch.ones(len(dataset.words), len(dataset.classes))  # which character follows which, one of each added
    counts.index_put_(
        (dataset.train.inputs.flatten(), dataset.train.targets.flatten()), torch.tensor(1.0), accumulate=True
    )
    pairs = (counts / counts.sum(dim=1, keepdim=True)).log()
    by_pairs = -pairs[dataset.test.inputs.flatten(), dataset.test.targets.flatten()].mean()
    assert learner.score("test")["loss"] < by_pairs - 0.5


def test_printed_digits_made_of_noise_are_recognised_by_somebody_else():
    """Of all ten digits there are some that a classifier which shares no code is sure of; of mere beginnings, none."""
    made = PRESETS["dcgan-glyphs"].experiment()
    learner = Learner(made, made.data.load())
    given = learner.material.given(learner.dataset.train.inputs).flatten(1).numpy()
    oracle = MLPClassifier((128,), max_iter=300, early_stopping=True, random_state=0).fit(
        given, learner.dataset.train.targets
    )

    def told():
        with evaluating(learner.networks):
            noise = learner.task.fixed(learner.networks, 1000, learner.place.device)
            chances = oracle.predict_proba(learner.task.unfolded(learner.networks, noise).flatten(1).numpy())
        sure = chances.max(axis=1) >= 0.9
        return sure.mean(), np.bincount(chances.argmax(axis=1)[sure], minlength=10)

    before, _ = told()
    began = time.monotonic()
    for report in learn(learner):
        assert not report.problem
    took = time.monotonic() - began
    share, counts = told()
    held = learner.dataset.validation
    real = oracle.predict_proba(learner.material.given(held.inputs).flatten(1).numpy()).max(axis=1)
    print(
        f"{took:.0f} s; sure of {share:.0%} (of real ones {np.mean(real >= 0.9):.0%}, at first {before:.0%}): {counts}"
    )
    assert took < 600
    assert (counts >= 10).sum() >= 9
    assert share > 0.25 > before
