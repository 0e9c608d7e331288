"""A generator and a discriminator are made to fit other data, and can be played with at once."""

import pytest

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.graph.trace import trace
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.pooling import GlobalAveragePool
from engine.layers.reshaping import Reshape
from engine.presets import PRESETS
from engine.training.experiment import Experiment
from engine.training.fit import suiting
from engine.training.pairing import giving
from engine.training.unfit import unfit

FEW = {"number": 200}
DATA = {
    "density": FEW,
    "digits": {"size": 8},
    "digits 28": {"size": 28},
    "digits 32": {"size": 32},
    "glyphs": FEW,
    "scenes": FEW,
    "stripes": FEW,
    "waves": {"length": 400},
}


@pytest.mark.parametrize("name", ["gan-eight", "gan-digits", "dcgan-glyphs", "dcgan-scenes", "conditional-dcgan"])
@pytest.mark.parametrize("kind", list(DATA))
def test_both_networks_fit_other_data_or_say_why_not(name, kind):
    begun = PRESETS[name].experiment()
    data = DATASETS[kind.split(" ")[0]](**DATA[kind])
    dataset = data.load()
    try:
        made = suiting(begun, dataset)
    except VitrineError as error:
        assert "Change its last layers" in str(error)
        assert "dcgan" in name  # transposed convolutions give maps of few sizes
        return
    assert list(made.graphs) == list(begun.graphs)
    assert trace(made.graphs["generator"]).outputs[0].sizes == dataset.sizes
    words = unfit(made.graphs, made.task, made.recipe.but(batch=32), dataset)
    told = "label" in begun.graphs["generator"].inputs
    maps = name.startswith(("dcgan", "conditional"))
    if not words:
        return
    assert (told and dataset.goal != "class") or maps, words


def test_maps_grow_from_larger_first_ones():
    graph = giving(PRESETS["dcgan-glyphs"].experiment().graphs["generator"], (3, 32, 32), True)
    assert graph["maps"].layer.sizes == (64, 8, 8)
    assert graph["dense1"].layer.units == 64 * 64
    assert trace(graph).outputs[0].sizes == (3, 32, 32)


def test_points_become_pictures_behind_a_tanh():
    graph = giving(chain(noise=Input(sizes=(2,)), out=Dense(units=2)), (1, 8, 8), True)
    assert [node.layer.kind for node in graph.nodes] == ["input", "dense", "tanh", "reshape"]


def test_points_come_out_without_a_bound_and_a_class_is_spread_as_far_as_the_picture():
    points = suiting(PRESETS["gan-digits"].experiment(), DATASETS["density"](number=200).load())
    assert not [node for node in points.graphs["generator"].nodes if node.layer.kind == "tanh"]
    large = DATASETS["digits"](size=32).load()
    told = suiting(PRESETS["conditional-dcgan"].experiment(), large)
    assert not unfit(told.graphs, told.task, told.recipe, large)
    assert told.graphs["discriminator"]["as_map"].layer.sizes == (1, 32, 32)


def test_what_cannot_be_fitted_is_said():
    odd = chain(noise=Input(sizes=(8,)), maps=Reshape(sizes=(2, 2, 2)), pool=GlobalAveragePool())
    with pytest.raises(VitrineError, match="No layer of the generator could be made to give 1×8×8"):
        giving(odd, (1, 8, 8), True)
    begun = PRESETS["gan-eight"].experiment()
    two = chain(a=Input(sizes=(2,)), b=Input(sizes=(2,)), out=(Dense(units=1), "a"))
    with pytest.raises(VitrineError, match="with one input"):
        suiting(
            Experiment("x", begun.graphs | {"discriminator": two}, begun.data, begun.task), DATASETS["density"]().load()
        )
