"""What runs are called, what is their own, and the settings by which they can be sorted."""

import dataclasses

from engine.data import DATASETS
from engine.graph import edits
from engine.presets import PRESETS
from engine.training.recipe import endless
from pages.ui.apart import own, settings_apart, title


def lenet(**recipe):
    """Return LeNet-5 on digits with another recipe."""
    experiment = PRESETS["lenet-5"].experiment()
    data = DATASETS["digits"](size=28)
    return dataclasses.replace(experiment, data=data, recipe=experiment.recipe.but(**recipe))


def test_a_preset_is_called_by_its_title_and_anything_else_by_its_name():
    assert title("lenet-5") == "LeNet-5"
    assert title("my own") == "my own"


def test_a_preset_as_it_is_has_nothing_of_its_own():
    for preset in PRESETS.values():
        assert own(preset.experiment()) == ""
        experiment = preset.experiment()
        assert own(dataclasses.replace(experiment, recipe=endless(experiment.recipe))) == ""


def test_what_was_changed_is_told_in_few_words():
    experiment = lenet(rate=0.5, batch=8)
    graph = edits.replace(experiment.graph, "conv1", experiment.graph["conv1"].layer.but(channels=9))
    changed = dataclasses.replace(experiment, graphs={"network": graph})
    assert own(lenet(rate=0.5)) == "rate 0.5"
    assert own(changed) == "conv1 9 maps, 5×5, rate 0.5, batch 8"
    points = PRESETS["mlp-2-4-2-1"].experiment()
    assert points.data
    assert own(dataclasses.replace(points, data=points.data.but(noise=0.31))) == "noise 0.31"
    mine = dataclasses.replace(points, name="mine", recipe=points.recipe.but(rate=7.0))
    assert own(mine) == "Points, rate 7, batch 10"
    assert own(dataclasses.replace(mine, recipe=mine.recipe.but(seed=3))) == "Points, rate 7, batch 10 and 1 more"
    assert own(dataclasses.replace(points, data=DATASETS["digits"]())) == "Digits"


def test_many_changed_layers_are_counted():
    experiment = lenet()
    wider = {path: experiment.graph[path].layer.but(channels=33) for path in ("conv1", "conv2")}
    graph = experiment.graph
    for path, layer in wider.items():
        graph = edits.replace(graph, path, layer)
    graph = edits.replace(graph, "dense1", graph["dense1"].layer.but(units=77))
    assert own(dataclasses.replace(experiment, graphs={"network": graph})) == "3 layers changed"


def test_settings_that_differ_are_told_as_they_are():
    apart = settings_apart([lenet(), lenet(rate=0.5), lenet(rate=0.25, batch="all")])
    usual = lenet().recipe
    assert apart == {"rate": [usual.rate, 0.5, 0.25], "batch": [usual.batch, usual.batch, "all"]}
    assert settings_apart([]) == {}
    assert settings_apart([lenet()]) == {}


def test_settings_of_other_data_are_not_compared():
    points = PRESETS["mlp-2-4-2-1"].experiment()
    apart = settings_apart([lenet(), points])
    assert apart["weights"][0] == 61_706
    assert settings_apart([lenet(seed=1), lenet(seed=2)]) == {"seed": [1, 2]}
    twice = [dataclasses.replace(points, data=points.data.but(seed=seed)) for seed in (1, 2)]
    assert settings_apart(twice) == {"data: seed": [1, 2]}
    assert not {"size", "shape"} & apart.keys()
