"""Real texts and series that others gathered: what is reached on them, in minutes on two cores."""

import dataclasses

import numpy as np
import pytest

from engine.data import DATASETS
from engine.graph import edits
from engine.graph.graph import Graph
from engine.layers.sequence import Embedding
from engine.looking.session import Session
from engine.presets import PRESETS
from engine.runs.record import DraftRecord
from engine.training.fit import fitted
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.views import VIEWS
from tests.engine.test_data import REAL, needs_real, placed

pytestmark = [pytest.mark.slow, needs_real]
FILES = {
    "rt-polarity": {"text/rt-polarity.pos": "rt-polarity.pos", "text/rt-polarity.neg": "rt-polarity.neg"},
    "imdb": {"imdb_sample/aclImdb_sample.tar.gz": "aclImdb_v1.tar.gz"},
    "tiny-shakespeare": {"text/tiny_shakespeare.txt": "input.txt"},
    "names": {"text/names.txt": "names.txt"},
    "airline": {"series/airline-passengers.csv": "airline-passengers.csv"},
    "temperatures": {"series/daily-min-temperatures.csv": "daily-min-temperatures.csv"},
    "sunspots": {"series/monthly-sunspots.csv": "monthly-sunspots.csv"},
}

EMBEDDING = Embedding(vocabulary=10_001, features=32)


@pytest.fixture(autouse=True)
def _placed(tmp_path, monkeypatch):
    """Place the files by hand where the datasets look for them."""
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    for kind, names in FILES.items():
        placed(tmp_path, kind, {name: REAL / source for source, name in names.items()})


def learned(preset, data, change=lambda graph: graph, **recipe):
    """Return a learner of a preset that has learned from other data."""
    experiment, dataset = PRESETS[preset].experiment(), data.load()
    graph = change(fitted(experiment.graph, dataset))
    recipe = experiment.recipe.but(**recipe)
    learner = Learner(dataclasses.replace(experiment, graphs={"network": graph}, data=data, recipe=recipe), dataset)
    for _ in learn(learner):
        pass
    return learner


def wide(graph: Graph) -> Graph:
    """Return a network of windows over words as wide as sentences of thousands of words need."""
    graph = edits.replace(graph, "embed", graph["embed"].layer.but(features=128))
    for size in (3, 4, 5):
        graph = edits.replace(graph, f"conv{size}", graph[f"conv{size}"].layer.but(channels=100))
    return edits.replace(graph, "drop", graph["drop"].layer.but(share=0.7))


def test_film_sentences_are_told_apart_three_times_in_four():
    data = DATASETS["rt-polarity"](vocabulary=20_000, test=0.1)
    recipe = {"epochs": 20.0, "rate": 0.0007, "batch": 32, "patience": 4, "decay": 1e-4}
    accuracy = learned("sentiment-cnn", data, wide, **recipe).score("test")["accuracy"]
    print("rt-polarity", accuracy)
    assert accuracy >= 0.74


def test_long_reviews_are_told_apart_four_times_in_five_from_two_thousand():
    data = DATASETS["imdb"](vocabulary=10_000, longest=400)
    recipe = {"epochs": 60.0, "rate": 0.003, "patience": 8, "decay": 1e-4}
    learner = learned("sentiment-mean", data, lambda graph: edits.replace(graph, "embed", EMBEDDING), **recipe)
    assert len(learner.dataset.train) + len(learner.dataset.validation) == 2000
    accuracy = learner.score("test")["accuracy"]
    print("imdb", accuracy)
    assert accuracy >= 0.80


def test_shakespeare_is_told_in_less_than_two_nats_a_letter():
    learner = learned("char-lstm", DATASETS["tiny-shakespeare"](), epochs=4.0, batch=64)
    scores = learner.score("test")
    print("shakespeare", scores, f"{learner.seconds:.0f} s")
    assert scores["loss"] < 2.0
    assert learner.seconds < 600


def test_names_are_told_better_than_by_counting_pairs():
    learner = learned("char-lstm", DATASETS["names"](), epochs=3.0)
    session = Session(learner.experiment, learner.step, DraftRecord(learner), learner)
    *_, frame = VIEWS["n-grams"](split="test", longest=2).stages(session)
    print("names", frame["network"], frame["counted"])
    assert frame["network"][0] < frame["counted"][1] - 0.1


def test_passengers_are_told_better_than_by_last_year():
    for seed in range(3):
        learner = learned("airline", DATASETS["airline"](), seed=seed)
        session = Session(learner.experiment, learner.step, DraftRecord(learner), learner)
        frame = VIEWS["forecast"](split="test").compute(session)
        errors = dict(zip(frame.words["names"], frame["errors"][:, 0], strict=True))
        print("airline", errors)
        rows = np.genfromtxt(REAL / "series" / "airline-passengers.csv", delimiter=",", skip_header=1, usecols=1)
        last = rows[-14:] - rows[-26:-12]
        assert errors["last season again"] == pytest.approx(float(np.sqrt((last**2).mean())))
        assert errors["network"] < 0.5 * errors["last season again"]


def test_temperatures_are_told_better_than_by_the_day_before():
    learner = learned("sines", DATASETS["temperatures"](), epochs=10.0)
    session = Session(learner.experiment, learner.step, DraftRecord(learner), learner)
    frame = VIEWS["forecast"](split="test").compute(session)
    errors = dict(zip(frame.words["names"], frame["errors"][:, 0], strict=True))
    print("temperatures", errors)
    assert errors["network"] < 0.95 * errors["last value again"]


@pytest.mark.parametrize(("kind", "file"), [("sunspots", "monthly-sunspots"), ("airline", "airline-passengers")])
def test_known_series_are_read_month_by_month(kind, file):
    rows = np.genfromtxt(REAL / "series" / f"{file}.csv", delimiter=",", skip_header=1, usecols=1)
    values, _ = DATASETS[kind]().series()
    np.testing.assert_allclose(values.numpy(), rows)
