"""A moving average of weights, against torch's own averaging, and everywhere that a network is asked."""

import dataclasses

import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from engine.data import DATASETS
from engine.graph.chain import chain
from engine.layers.activation import ReLU
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.normalisation import BatchNorm
from engine.looking.session import looking
from engine.looking.view import frame_of
from engine.presets import PRESETS
from engine.runs.carry import carry_out, new_run
from engine.runs.export import export
from engine.runs.record import StoredRecord
from engine.runs.store import Store
from engine.training.average import idle
from engine.training.branch import adopt
from engine.training.change import change
from engine.training.evaluating import evaluating
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.loop import every, learn
from engine.training.recipe import Own, Recipe
from engine.training.twin import copied, following, twin
from engine.training.watch import watching
from engine.views import VIEWS
from engine.views.game.turns import one_round
from tests.engine.test_games import game
from tests.engine.test_latent_views import session_of
from tests.engine.test_round import same, state, taken
from tests.engine.test_sprint import EXPERIMENT as PLAIN

SHARE = 0.9


def experiment(**recipe):
    """Return a small classifier with something to gather statistics."""
    graph = chain(point=Input(sizes=(2,)), one=Dense(units=8), norm=BatchNorm(), relu=ReLU(), out=Dense(units=2))
    plain = {"rate": 0.05, "batch": 20, "epochs": None, "steps": 40, "average": SHARE}
    return Experiment("mean", {"network": graph}, DATASETS["points"](number=200), recipe=Recipe(**plain | recipe))


def learner(**recipe):
    made = experiment(**recipe)
    return Learner(made, made.data.load())


def in_place(learner):
    """Return the weights that answer."""
    with evaluating(learner.networks):
        return state(learner)


def test_it_follows_as_torch_says_with_a_share_that_grows():
    one = learner()
    network = one.networks["network"]
    theirs = AveragedModel(network, use_buffers=False)
    theirs.n_averaged.fill_(1)
    kept = {
        name: value.detach().clone().double() for name, value in network.named_buffers() if value.is_floating_point()
    }
    for step in range(25):
        taken(one, 1)
        share = min(SHARE, (1 + step) / (10 + step))
        theirs.multi_avg_fn = get_ema_multi_avg_fn(share)
        theirs.update_parameters(network)
        for name, value in network.named_buffers():
            if name in kept:
                kept[name] = share * kept[name] + (1 - share) * value.double()
    mine = in_place(one)
    for name, value in theirs.module.named_parameters():
        assert torch.allclose(mine[f"network.{name}"], value, atol=1e-6), name
    for name, value in kept.items():
        assert torch.allclose(mine[f"network.{name}"].double(), value, atol=1e-6), name
    assert not same(mine, state(one))


def test_what_learns_is_not_touched_by_it():
    plain, averaged = learner(average=None), learner()
    for one in (plain, averaged):
        for _ in learn(one):
            pass
    assert same(state(plain), state(averaged))
    assert plain.score("validation") != averaged.score("validation")


def test_it_answers_when_asked_and_only_then():
    one = learner()
    taken(one, 10)
    before, mean = state(one), in_place(one)
    assert same(state(one), before)
    point = torch.tensor([[0.3, -0.2]])
    with looking(one):
        answered = one.networks["network"](point)
        with looking(one):  # once more inside changes nothing
            assert torch.equal(one.networks["network"](point), answered)
            assert same(state(one), mean)
    assert same(state(one), before)
    by_hand = learner(average=None)
    by_hand.networks["network"].load_state_dict({name.removeprefix("network."): value for name, value in mean.items()})
    with looking(by_hand):
        assert torch.equal(by_hand.networks["network"](point), answered)


def test_a_state_goes_on_to_the_last_bit():
    through, other = learner(), learner()
    taken(through, 12)
    kept = copied(through.state())
    taken(through, 12)
    other.restore(copied(kept))
    taken(other, 12)
    assert same(state(other), state(through))
    assert same(in_place(other), in_place(through))
    branch = learner()
    adopt(branch, copied(kept))
    taken(branch, 12)
    assert same(in_place(branch), in_place(through))


def test_a_state_from_before_begins_with_the_weights():
    one = learner(average=None)
    taken(one, 5)
    later = learner()
    adopt(later, one.state())
    assert same(in_place(later), state(one))


def test_the_best_weights_are_those_that_answered_best():
    one = learner(steps=400, patience=3, rate=0.3)
    for _ in learn(one, pause=0):
        pass
    assert one.step < 400
    assert one.score("validation")["accuracy"] == pytest.approx(one.best.score)
    assert same(in_place(one), state(one))


def test_it_may_be_let_in_and_taken_away_on_the_way():
    one = learner(average=None)
    taken(one, 10)
    assert same(in_place(one), state(one))
    change(one, {"average": 0.5})
    assert same(in_place(one), state(one))
    taken(one, 5)
    assert not same(in_place(one), state(one))
    change(one, {"average": None})
    assert same(in_place(one), state(one))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own compiler
def test_many_steps_in_one_call_have_none():
    made = dataclasses.replace(PLAIN, recipe=PLAIN.recipe.but(compile=True, average=SHARE))
    assert Learner(made, made.data.load()).sprint is None
    plain = dataclasses.replace(made, recipe=made.recipe.but(average=None))
    one = Learner(plain, plain.data.load())
    assert one.sprint
    assert not one.sprint.rests
    change(one, {"average": 0.5})
    assert one.sprint.rests
    taken(one, 3)
    assert not same(in_place(one), state(one))


def test_a_generator_alone_may_have_one():
    made = game(steps=60)
    made = dataclasses.replace(made, recipe=made.recipe.but(own=(Own(role="generator", average=0.95),)))
    session = session_of(made)
    one = session.network
    mean, raw = in_place(one), state(one)
    assert all(torch.equal(mean[name], raw[name]) for name in raw if name.startswith("discriminator"))
    assert not any(torch.equal(mean[name], raw[name]) for name in raw if name.startswith("generator"))
    noise = one.task.fixed(one.networks, 4, one.place.device)
    frame = frame_of(VIEWS["game"](points=10), session)
    weights = {name.removeprefix("generator."): value for name, value in mean.items() if name.startswith("generator")}
    bare = torch.func.functional_call(one.networks["generator"], weights, (noise,)).detach()
    assert torch.allclose(torch.from_numpy(frame["made"][:4]), bare, atol=1e-6)
    # Slow motion goes by the weights that learn.
    turns, other, _ = one_round(session, lambda seen: None)
    taken(one, 1)
    assert same(state(one), state(other))
    assert same(in_place(one), in_place(other))
    assert len(turns) == 2


def test_a_twin_of_a_network_that_answers_goes_on_by_what_learns():
    one = learner()
    taken(one, 10)
    with evaluating(one.networks):
        other = twin(one)
    taken(other, 5)
    taken(one, 5)
    assert same(state(one), state(other))
    assert same(in_place(one), in_place(other))


def test_runs_files_and_earlier_moments_have_it(home):
    store = Store()
    run = new_run(store, experiment())
    for _ in carry_out(store, run):
        pass
    one = learner()
    for _ in learn(one):
        pass
    step, weights = StoredRecord(store, run).weights(40, "network")
    assert step == 40
    mean = in_place(one)
    assert all(torch.equal(value, mean[f"network.{name}"]) for name, value in weights.items())
    path = export(one, "pt", home / "weights.pt")
    written = torch.load(path, weights_only=True)
    assert all(torch.equal(value, mean[f"network.{name}"]) for name, value in written.items())


def test_every_preset_of_games_may_be_averaged():
    made = PRESETS["wgan-ring"].experiment()
    short = made.recipe.but(steps=6, epochs=None, average=0.99)
    one = Learner(dataclasses.replace(made, recipe=short), made.data.load())
    for _, batch in zip(range(6), following(one), strict=False):
        one.advance(*batch)
    assert not same(in_place(one), state(one))


def test_a_layer_may_be_called_average():
    graph = chain(point=Input(sizes=(2,)), average=Dense(units=4), out=Dense(units=2))
    made = dataclasses.replace(experiment(), graphs={"network": graph})
    one = Learner(made, made.data.load())
    for report in learn(one, watch=every(0.0)):
        assert not report.problem
    assert "average" in dict(one.networks["network"].named_children())


def test_a_number_that_is_typed_is_seen_at_once():
    one = learner(average=0.999)
    taken(one, 5)
    change(one, {"one.weight[1,0]": 3.0})
    assert in_place(one)["network.one.weight"][1, 0] == state(one)["network.one.weight"][1, 0] == 3.0


def test_who_asks_about_what_learns_is_answered_by_that():
    one = learner()
    taken(one, 10)
    with idle(one.networks), evaluating(one.networks):
        assert same(state(one), before := state(one))
    assert same(before, state(one))
    assert not same(in_place(one), before)


def test_silent_units_are_those_of_the_weights_that_learn():
    one = learner(average=0.999)
    taken(one, 30)
    with torch.no_grad():
        one.networks["network"].norm.weight.zero_()
        one.networks["network"].norm.bias.fill_(-1.0)
    one.recipe = one.recipe.but(rate=1e-9)
    inputs, targets = next(following(one))
    with watching(one) as seen:
        one.enter()
        one.advance(inputs, targets)
        one.leave()
    assert seen.numbers["relu"]["dead units"] == 1.0


def test_directions_of_a_norm_are_not_averaged():
    made = PRESETS["gan-eight"].experiment()

    def normed(graph):
        layers = [
            node.layer.but(normed="spectral") if node.layer.kind == "dense" else node.layer for node in graph.nodes
        ]
        pairs = zip(graph.nodes, layers, strict=True)
        return dataclasses.replace(graph, nodes=tuple(dataclasses.replace(node, layer=layer) for node, layer in pairs))

    graphs = {role: normed(graph) for role, graph in made.graphs.items()}
    short = made.recipe.but(steps=30, epochs=None, average=0.9)
    one = Learner(dataclasses.replace(made, graphs=graphs, recipe=short), made.data.load())
    for report in learn(one):
        assert not report.problem
    with evaluating(one.networks):
        for network in one.networks.values():
            for name, value in network.named_buffers():
                if name.rpartition(".")[2] in ("_u", "_v"):
                    assert float(value.norm()) == pytest.approx(1.0, abs=1e-5)
