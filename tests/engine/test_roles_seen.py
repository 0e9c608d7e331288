"""Views of several networks: what is cut in two shows the same as it did whole, and nothing is ever a fault."""

import dataclasses

import numpy as np
import pytest
import torch

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.layers.activation import ReLU
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.pooling import MaxPool2d
from engine.layers.reshaping import Flatten
from engine.live.scene import drawn
from engine.looking import Session
from engine.looking.view import frame_of
from engine.runs.record import DraftRecord
from engine.tasks import TASKS
from engine.tasks.classify import Classify
from engine.tasks.task import Turn
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.recipe import Recipe
from engine.views import VIEWS
from tests.engine.test_parts import Game
from tests.engine.test_parts import experiment as game_of

ROLES = ("front", "back")
DATA = DATASETS["digits"](size=28)
FRONT = {"conv1": Conv2d(channels=4, kernel=3), "relu1": ReLU(), "pool1": MaxPool2d()}
BACK = {"conv2": Conv2d(channels=5, kernel=3), "relu2": ReLU(), "flatten": Flatten(), "out": Dense(units=10)}


class Halves(Classify):
    """Classify by two networks, of which the second takes what the first gives."""

    kind, title, roles, answering = "halves", "Halves", ROLES, "back"
    flow = (("front", "back"),)

    def refuses(self, graphs, dataset):
        return ""

    def suited(self, graphs, dataset):
        return self

    def turns(self, networks, inputs, targets, step=0):
        for role in ROLES:
            yield Turn((role,), lambda: self.wrong(self.answer(networks, inputs), targets))

    def answer(self, networks, inputs):
        return self.laid(networks["back"](networks["front"](inputs)))


@pytest.fixture(autouse=True, scope="module")
def tasks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS._things, "halves", Halves)
        patch.setitem(TASKS._things, "game", Game)
        yield


@pytest.fixture(scope="module")
def sessions(tasks):
    """Return the same network with the same weights, whole and in halves."""
    whole = chain(image=Input(sizes=(1, 28, 28)), **FRONT, **BACK)
    halves = {
        "front": chain(image=Input(sizes=(1, 28, 28)), **FRONT),
        "back": chain(maps=Input(sizes=(4, 13, 13)), **BACK),
    }
    dataset, found = DATA.load(), []
    for graphs, task in (({"network": whole}, Classify()), (halves, Halves())):
        learner = Learner(Experiment("cut", graphs, DATA, task, Recipe(seed=3)), dataset)
        found.append(Session(learner.experiment, 0, DraftRecord(learner), learner))
    for role in ROLES:
        weights = found[0].network.networks["network"].state_dict()
        own = found[1].network.networks[role].state_dict()
        found[1].network.networks[role].load_state_dict({name: weights[name] for name in own})
    return found


def views_of_nodes():
    """Return of every view that looks at a node that node in each half."""
    kinds = [kind for kind, view in VIEWS.items() if "node" in view.model_fields and view.reads == "network"]
    return [(kind, role, node) for kind in kinds for role, node in (("front", "relu1"), ("back", "relu2"))]


@pytest.mark.parametrize(("kind", "role", "node"), views_of_nodes())
def test_a_node_of_either_half_shows_what_it_shows_in_the_whole_network(sessions, kind, role, node):
    whole, halves = sessions
    one, other = VIEWS[kind](node=node), VIEWS[kind](node=f"{role}:{node}")
    refused = one.refusal(whole.experiment)
    assert other.refusal(halves.experiment) == refused or kind == "filters"  # of which the second half has none
    if refused:
        return
    expected, found = frame_of(one, whole), frame_of(other, halves)
    if "problem" in found.words:  # the second half has no maps before its dense layer, say
        assert "fault" not in found.words["problem"]
        assert "problem" in expected.words
        return
    # Where maps lie in the picture is not told of the second half, which never sees it.
    unlike = {"seconds"} | ({"maps", "with it"} if (kind, role) == ("invariance", "back") else set())
    stays = expected.arrays.keys() - unlike
    assert stays <= found.arrays.keys()
    same_node = found.words.get("node", "").removeprefix(f"{role}:") == expected.words.get("node", "")
    for name in stays if same_node else ():
        a, b = expected[name], found[name]
        if a.shape == b.shape and a.dtype.kind == "f":
            np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-4, err_msg=name)
    if "node" in expected.words and same_node:
        assert found.words["node"].startswith(f"{role}:")


def test_weights_compared_with_the_beginning_are_those_of_the_half(sessions):
    view = VIEWS["filters"](node="back:conv2", compare="beside")
    frame = frame_of(view, sessions[1])
    assert np.array_equal(frame["then"], frame["now"])
    assert frame["now"].shape[0] == 5


def test_what_is_switched_off_in_one_half_is_off_for_every_view(sessions):
    whole, halves = sessions
    for off, cut in (("conv1:2", "front:conv1:2"), ("relu2", "back:relu2")):
        expected = frame_of(VIEWS["confusion"](off=(off,)), whole)
        found = frame_of(VIEWS["confusion"](off=(cut,)), halves)
        assert all(np.array_equal(expected[name], found[name]) for name in expected.arrays)
    with pytest.raises(VitrineError, match="say of which 'conv1' is"):
        VIEWS["sample"](off=("conv1",)).compute(halves)


def test_forms_offer_the_nodes_of_every_network_that_suits(sessions):
    offered = VIEWS["feature-maps"]().choices(sessions[1].experiment)["node"]
    assert offered == ["front:conv1", "front:relu1", "front:pool1", *(f"back:{n}" for n in BACK)]
    assert VIEWS["feature-maps"]().choices(sessions[0].experiment)["node"] == [*FRONT, *BACK]
    assert VIEWS["histograms"]().choices(sessions[1].experiment)["node"] == [
        *(f"front:{n}" for n in FRONT),
        *(f"back:{n}" for n in BACK),
    ]


def of_game():
    learner = Learner(game_of(), game_of().data.load())
    return Session(learner.experiment, 0, DraftRecord(learner), learner)


@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_of_two_networks_is_a_figure_or_a_reason_in_words(sessions, kind):
    for session in (sessions[1], of_game()):
        view = VIEWS[kind]()
        offered = view.choices(session.experiment)
        named = [(name, one) for name in ("node", "role") for one in offered.get(name, [])]
        looked = [view, *(view.but(**{name: one}) for name, one in named)]
        for one in looked:
            if words := one.refusal(session.experiment):
                assert words.endswith(".")
                continue
            frame = frame_of(one, session)
            problem = frame.words.get("problem", "")
            assert "fault" not in problem, problem
            if problem:
                assert problem.endswith(".")
            else:
                assert b'"problem"' not in drawn(one, frame, 0)


def test_a_view_of_one_network_follows_the_role_that_is_chosen(sessions):
    game = of_game()
    frames = {role: frame_of(VIEWS["landscape"](role=role), game) for role in game.experiment.graphs}
    assert not any("problem" in frame.words for frame in frames.values())
    learner = game.network
    inputs, targets = learner.train.inputs[:200], learner.train.targets[:200]
    learner.enter()
    for turn in learner.task.turns(learner.networks, inputs, targets):
        if "discriminator" in turn.roles:  # the generator's loss is a draw of noise
            made = frames[turn.roles[0]].words["loss"]
            torch.manual_seed(0)
            assert made == pytest.approx(turn.loss().item(), rel=0.2)
    with pytest.raises(VitrineError, match="no network 'generatr'"):
        VIEWS["landscape"](role="generatr").aimed(game.experiment)


def test_an_experiment_seen_from_another_role_is_the_same_experiment(sessions):
    experiment = sessions[1].experiment
    turned = experiment.of("back")
    assert list(turned.graphs) == ["back", "front"]
    assert turned.of("front").graph is experiment.graph
    assert dataclasses.replace(turned, graphs=experiment.graphs) == experiment
