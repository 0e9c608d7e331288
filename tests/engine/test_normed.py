"""Weights that are normed, by length or by stretch: as torch norms them, in counts, code, learning and views."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from engine.data import DATASETS
from engine.graph.chain import chain
from engine.graph.cost import cost, formulas
from engine.graph.document import read, write
from engine.graph.graph import Graph
from engine.graph.network import Network
from engine.graph.source import source
from engine.graph.trace import trace
from engine.layers import LAYERS, Init, Shape, check
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.reshaping import Flatten
from engine.looking import Session
from engine.looking.view import frame_of
from engine.runs.record import DraftRecord
from engine.tasks.classify import Classify
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.loop import every, learn
from engine.training.recipe import Recipe
from engine.training.trouble import first_bad_output
from engine.views import VIEWS
from tests.engine.stopping import stopped_and_not

WAYS = ("weight", "spectral")
KINDS = {
    "dense": ((6,), {"units": 4}),
    "conv1d": ((3, 9), {"channels": 4, "kernel": 3}),
    "conv2d": ((3, 7, 6), {"channels": 4, "kernel": 3}),
    "depthwise2d": ((3, 7, 6), {"multiplier": 2, "kernel": 3}),
    "conv_transpose1d": ((3, 9), {"channels": 4, "kernel": 3, "stride": 2}),
    "conv_transpose2d": ((3, 7, 6), {"channels": 4, "kernel": 3, "stride": 2}),
}


def of_one(kind, normed, **init):
    sizes, options = KINDS[kind]
    graph = chain(data=Input(sizes=sizes), layer=LAYERS[kind](normed=normed, **options))
    return Graph(graph.nodes, graph.outputs, Init(**init)), torch.randn(5, *sizes)


def exported(graph):
    space = {"__name__": "exported"}
    exec(compile(source({"network": graph}, "normed"), "<normed>", "exec"), space)
    return space["Normed"]()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_normed_over_outputs_and_counted(kind, way):
    graph, inputs = of_one(kind, way)
    torch.manual_seed(0)
    network = Network(graph).eval()
    weight, outputs = network.layer.weight.detach(), 1 if "transpose" in kind else 0
    rows = weight.transpose(0, outputs).flatten(1)
    if way == "spectral":
        for _ in range(200):  # turns of the power method, one for each time that the weight is asked for
            network.train()(inputs)
        rows = network.eval().layer.weight.detach().transpose(0, outputs).flatten(1)
        assert torch.linalg.matrix_norm(rows, 2).item() == pytest.approx(1, abs=1e-3)
    else:
        lengths = network.layer.parametrizations.weight.original0.detach().flatten()
        torch.testing.assert_close(rows.norm(dim=1), lengths)
    assert cost(graph).total.weights == sum(p.numel() for p in network.parameters())
    told = {formula.name: formula.value for formula in formulas(trace(graph).steps[-1])}
    assert told["weights"] == cost(graph).total.weights
    made = exported(graph).eval()
    made.load_state_dict(network.state_dict())
    assert torch.equal(made(inputs), network(inputs))
    assert read(write(graph)) == graph


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["dense", "conv2d", "conv_transpose2d"])
def test_they_begin_as_they_are_told_to_here_and_in_code(kind, way):
    graph, _ = of_one(kind, way, way="constant", value=0.25)
    for network in (Network(graph), exported(graph)):
        layer = network.eval().layer
        begun = layer.parametrizations.weight.original if way == "spectral" else layer.weight
        torch.testing.assert_close(begun.detach(), torch.full_like(begun, 0.25))
        assert not layer.bias.any()


def test_a_norm_is_refused_where_sequences_of_several_lengths_are_convolved():
    refused = check(LAYERS["conv1d"](normed="spectral"), (Shape((9, 3), sequence=True),))
    assert refused.cure == "Choose no norm."
    assert check(Dense(normed="spectral"), (Shape((9, 3), sequence=True),)) is None


def experiment(way, **recipe):
    graph = chain(
        image=Input(sizes=(1, 8, 8)),
        conv=Conv2d(channels=4, kernel=3, normed=way),
        relu=LAYERS["relu"](),
        pool=LAYERS["global_average_pool"](),
        out=Dense(units=10, normed=way),
    )
    made = Recipe(**{"batch": 64, "epochs": 1.0, "optimiser": "sgd", "rate": 0.1} | recipe)
    return Experiment("normed", {"network": graph}, DATASETS["digits"](size=8), Classify(), made)


def learner(way, **recipe):
    made = experiment(way, **recipe)
    return Learner(made, made.data.load())


@pytest.mark.parametrize("way", WAYS)
def test_learning_equals_torchs_own_norms_in_a_loop_by_hand(way):
    norm = getattr(parametrizations, f"{way}_norm")
    ours = learner(way)
    hand = nn.Sequential(
        norm(nn.Conv2d(1, 4, 3)), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), norm(nn.Linear(4, 10))
    )
    names = dict(zip(ours.networks["network"].state_dict(), hand.state_dict(), strict=True))
    hand.load_state_dict({names[name]: value for name, value in ours.networks["network"].state_dict().items()})
    optimiser = torch.optim.SGD(hand.parameters(), lr=0.1)
    for inputs, targets in ours.batches():
        optimiser.zero_grad()
        nn.functional.cross_entropy(hand(inputs), targets).backward()
        optimiser.step()
    for _ in learn(ours):
        pass
    for name, value in ours.networks["network"].state_dict().items():
        torch.testing.assert_close(value, hand.state_dict()[names[name]], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_it_is_watched_stopped_and_goes_on_to_the_same_bits(tmp_path, way):
    stopped_and_not(tmp_path, experiment(way, decay=0.01))
    watched = [seen for report in learn(learner(way), pause=0, watch=every(0)) for seen in report.watched]
    assert {"conv", "out"} <= watched[0].numbers.keys()


@pytest.fixture(scope="module")
def session():
    one = learner("spectral")
    for _ in learn(one):
        pass
    return Session(one.experiment, one.step, DraftRecord(one), one)


@pytest.mark.parametrize("kind", VIEWS)
def test_whoever_looks_changes_nothing_though_such_weights_move_on_by_being_asked_for(session, kind):
    one = session.network
    one.networks["network"].train()
    before = {name: value.clone() for name, value in one.networks["network"].state_dict().items()}
    view = VIEWS[kind]()
    if not view.refusal(session.experiment):
        assert "fault" not in str(frame_of(view, session).words.get("problem", ""))
    for name, value in one.networks["network"].state_dict().items():
        assert torch.equal(value, before[name]), name
    assert one.networks["network"].training


def test_the_maps_of_classes_are_weighed_by_the_normed_weights():
    one = learner("weight")
    session = Session(one.experiment, 0, DraftRecord(one), one)
    found = frame_of(VIEWS["class-activation"](methods=("CAM",), toward="3"), session)
    network = one.networks["network"].eval()
    given = one.data["validation"].inputs[:1]
    with torch.no_grad():
        maps = network.relu(network.conv(given))[0]
        wanted = (network.out.weight[3][:, None, None] * maps).sum(dim=0)
    np.testing.assert_allclose(found["map 0"], wanted.numpy(), rtol=1e-4, atol=1e-5)


def test_what_stops_being_a_number_is_found_at_the_layer_and_not_inside_its_norm():
    network = Network(chain(image=Input(sizes=(1, 8, 8)), flat=Flatten(), out=Dense(units=10, normed="weight")))
    with torch.no_grad():
        network.out.parametrizations.weight.original1.fill_(torch.inf)
    with first_bad_output({"network": network}) as bad:
        network(torch.randn(2, 1, 8, 8))
    assert bad == ["out"]
