"""Which task data and network leave, and how one is chosen by the command line."""

import dataclasses

import pytest

from engine.data import DATASETS
from engine.presets import PRESETS
from engine.tasks.classify import Classify
from engine.tasks.perceptron import Perceptron
from engine.tasks.regress import Regress
from engine.training.choosing import refusals, suited
from engine.training.settings import changed

HEIGHTS = DATASETS["points"].read({"shape": "hills"})
TWO, THREE = DATASETS["points"].read({}), DATASETS["points"].read({"shape": "gauss", "classes": 3})


@pytest.mark.parametrize(
    ("preset", "data", "begins", "ends"),
    [
        ("mlp-2-8-8-1", HEIGHTS, Classify(), Regress()),
        ("mlp-2-8-8-1", HEIGHTS, Regress(loss="huber"), Regress(loss="huber")),
        ("mlp-2-8-8-1", TWO, Regress(), Classify()),  # the rule is for one neuron, so one is left
        ("mlp-2-8-8-1", TWO, Classify(smoothing=0.1), Classify(smoothing=0.1)),
        ("mlp-2-8-8-1", THREE, Perceptron(), Classify()),
        ("perceptron", TWO, Perceptron(), Perceptron()),
        ("perceptron", TWO, Regress(), Regress()),  # two are left: a person chooses
        ("lenet-5", DATASETS["digits"].read({"size": 28}), Regress(), Classify()),
    ],
)
def test_a_task_is_switched_only_where_one_is_left(preset, data, begins, ends):
    experiment = dataclasses.replace(PRESETS[preset].experiment(), data=data, task=begins)
    assert suited(experiment, data.load()).task == ends


def test_why_a_task_is_not_for_data_is_said():
    found = refusals(PRESETS["mlp-2-8-8-1"].experiment().graphs, HEIGHTS.load())
    assert found["regress"] == ""
    assert "no classes" in found["classify"]
    assert "but no classes. Choose the task 'regress'" in found["perceptron"]
    several = refusals(dict.fromkeys(("generator", "discriminator"), PRESETS["mlp-2-8-8-1"].make()), HEIGHTS.load())
    assert several["regress"] == "It is for network; here there are generator and discriminator."


def test_a_task_is_named_on_the_command_line_and_its_options_after_it():
    experiment = PRESETS["mlp-2-8-8-1"].experiment()
    found = changed(experiment, "points", ["data.shape=hills", "task.loss=absolute"], "regress")
    assert found.task == Regress(loss="absolute")
