"""Networks of points are changed on the picture of their neurons."""

import pytest
import torch

from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.graph.network import Network
from engine.graph.rows import columns, deeper, features_of, given, wider
from engine.graph.trace import trace
from engine.layers.activation import ReLU, Sigmoid, Tanh
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.features import Features
from engine.presets import PRESETS


def row(graph):
    """Return how wide each dense layer is, as torch has it, and that an example goes through."""
    made = Network(graph)
    made(torch.zeros(3, 2))
    return [module.out_features for module in made.modules() if isinstance(module, torch.nn.Linear)]


def test_a_layer_becomes_wider_and_narrower_and_what_follows_takes_that():
    graph = PRESETS["mlp-2-4-2-1"].make()
    assert row(wider(graph, "dense1", 1)) == [5, 2, 1]
    assert row(wider(graph, "dense2", -1)) == [4, 1, 1]


def test_a_layer_without_neurons_is_taken_out_with_its_bend():
    graph = wider(wider(PRESETS["mlp-2-4-2-1"].make(), "dense2", -1), "dense2", -1)
    assert row(graph) == [4, 1]
    assert [node.id for node in graph.nodes] == ["point", "dense1", "tanh1", "out"]


def test_the_last_layer_is_as_wide_as_what_is_to_be_told():
    with pytest.raises(VitrineError, match="out is no hidden layer"):
        wider(PRESETS["mlp-2-4-2-1"].make(), "out", 1)


@pytest.mark.parametrize(
    ("behind", "widths"), [("point", [4, 4, 2, 1]), ("tanh1", [4, 4, 2, 1]), ("tanh2", [4, 2, 2, 1])]
)
def test_a_layer_more_is_as_wide_as_the_one_before(behind, widths):
    graph = deeper(PRESETS["mlp-2-4-2-1"].make(), behind)
    assert row(graph) == widths
    assert len(columns(graph)) == 5


def test_a_layer_more_bends_like_the_others_but_not_like_the_end():
    bent = chain(point=Input(sizes=(2,)), dense1=Dense(units=3), relu1=ReLU(), out=Dense(units=1), end=Sigmoid())
    assert [node.layer.kind for node in deeper(bent, "relu1").nodes][2:5] == ["relu", "dense", "relu"]
    single = chain(point=Input(sizes=(2,)), out=Dense(units=1), end=Sigmoid())
    assert [node.layer.kind for node in deeper(single, "point").nodes] == ["input", "dense", "tanh", "dense", "sigmoid"]
    with pytest.raises(VitrineError, match="No layer can be put behind end"):
        deeper(bent, "end")


def test_features_are_given_and_taken_away_in_their_order():
    graph = PRESETS["mlp-2-4-2-1"].make()
    assert features_of(graph) == ["x1", "x2"]
    more = given(given(graph, "sin x1"), "x1²")
    assert features_of(more) == ["x1", "x2", "x1²", "sin x1"]
    assert row(more) == [4, 2, 1]
    point = torch.tensor([[2.0, 3.0]])
    entered = Network(more).features(point)
    torch.testing.assert_close(entered, torch.tensor([[2.0, 3.0, 4.0, torch.tensor(2.0).sin()]]))
    plain = given(given(more, "x1²"), "sin x1")
    assert plain == graph  # the plain point needs no layer
    one = given(graph, "x2")
    assert features_of(one) == ["x1"]
    with pytest.raises(VitrineError, match="must be given something"):
        given(one, "x1")
    with pytest.raises(VitrineError, match="no feature 'x9'"):
        given(graph, "x9")


def test_what_is_changed_on_the_picture_can_still_run():
    graph = chain(
        point=Input(sizes=(2,)),
        features=Features(of=("distance",)),
        dense1=Dense(units=1),
        tanh1=Tanh(),
        out=Dense(units=1),
    )
    assert trace(deeper(graph, "features")).sound
    assert row(wider(graph, "dense1", -1)) == [1]
