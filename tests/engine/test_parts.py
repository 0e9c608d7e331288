"""Several networks in one experiment: a small game of two, learned, watched, changed, stopped and gone on with."""

import dataclasses

import numpy as np
import pytest
import torch

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.graph.cost import cost
from engine.graph.network import Network
from engine.graph.source import source
from engine.layers.activation import Tanh
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.looking import Frame
from engine.presets import PRESETS
from engine.tasks import TASKS
from engine.tasks.task import Task, Turn
from engine.training.address import address, place
from engine.training.change import change
from engine.training.experiment import Experiment, dump, load
from engine.training.learner import Learner
from engine.training.loop import every, learn
from engine.training.recipe import Recipe
from engine.training.settings import changed
from engine.views import VIEWS
from tests.engine.stopping import stopped_and_not
from tests.verdicts import Verdicts, bce

ROLES = ("discriminator", "generator")
DATA = DATASETS["points"](number=200)
NOISE = 3


class Game(Task):
    """One network makes points out of noise, the other tells them from real ones."""

    kind, title, roles, answering = "game", "Game", ROLES, "discriminator"
    answers, flow = "neither", (("generator", "discriminator"),)

    def unlearnable(self, dataset):
        return ""

    def refuses(self, graphs, dataset):
        return ""

    def turns(self, networks, inputs, targets, step=0):
        verdict, maker = networks["discriminator"], networks["generator"]
        made = maker(torch.randn(len(inputs), NOISE))
        yield Turn(("discriminator",), lambda: bce(verdict(inputs), 1) + bce(verdict(made.detach()), 0))
        yield Turn(("generator",), lambda: bce(verdict(made), 1))

    def tally(self):
        return Verdicts()


@pytest.fixture(autouse=True)
def game(monkeypatch):
    monkeypatch.setitem(TASKS._things, "game", Game)


def graphs():
    return {
        "discriminator": chain(points=Input(sizes=(2,)), dense1=Dense(units=8), tanh=Tanh(), out=Dense(units=1)),
        "generator": chain(noise=Input(sizes=(NOISE,)), dense1=Dense(units=6), tanh=Tanh(), out=Dense(units=2)),
    }


def experiment(**recipe):
    return Experiment("game", graphs(), DATA, Game(), Recipe(**{"batch": 20, "epochs": 3.0, "rate": 0.01} | recipe))


def learner(**recipe):
    return Learner(experiment(**recipe), DATA.load())


def weights(one):
    return {role: {k: v.clone() for k, v in n.state_dict().items()} for role, n in one.networks.items()}


def same(one, other):
    return {role: all(torch.equal(one[role][k], other[role][k]) for k in one[role]) for role in one}


def test_addresses_say_the_role_where_there_are_several():
    assert address("generator", "out", ROLES) == "generator:out"
    assert address("network", "out", ("network",)) == "out"
    assert place("generator:block.out", ROLES) == ("generator", "block.out")
    assert place("out", ("network",)) == ("network", "out")
    with pytest.raises(VitrineError, match=r"say of which 'out' is\. Like discriminator:out or generator:out"):
        place("out", ROLES)
    with pytest.raises(VitrineError, match=r"no network 'generato'\. Did you mean 'generator'"):
        place("generato:out", ROLES)


def test_two_networks_learn_as_a_loop_by_hand():
    ours = learner(batch="all", epochs=None, steps=5, optimiser="adam")
    torch.manual_seed(0)
    hand = {role: Network(graph) for role, graph in graphs().items()}
    optimisers = {role: torch.optim.Adam(network.parameters(), lr=0.01) for role, network in hand.items()}
    real, losses = ours.train.inputs, []
    for _ in range(5):
        made = hand["generator"](torch.randn(len(real), NOISE))
        for role in ROLES:
            judged = hand["discriminator"]
            loss = bce(judged(real), 1) + bce(judged(made.detach()), 0) if role == ROLES[0] else bce(judged(made), 1)
            optimisers[role].zero_grad()
            loss.backward()
            optimisers[role].step()
            losses.append(loss.item())
    told = {role: [] for role in ROLES}
    for report in learn(ours, pause=100):
        for role, some in report.losses.items():
            told[role] += [loss for _, loss in some]
    for role in ROLES:
        for mine, theirs in zip(ours.networks[role].parameters(), hand[role].parameters(), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    assert told["discriminator"] == pytest.approx(losses[::2], rel=1e-4)
    assert told["generator"] == pytest.approx(losses[1::2], rel=1e-4)


@pytest.mark.parametrize("plain", [True, False])
def test_a_run_of_two_networks_keeps_both_losses_from_the_first_step_and_goes_on_to_the_same_bits(tmp_path, plain):
    own = Recipe(batch=20, epochs=3.0, rate=0.01).owning("generator", rate=0.02, interval=2, optimiser="sgd")
    begun = experiment() if plain else dataclasses.replace(experiment(), recipe=own)
    curves = stopped_and_not(tmp_path, begun)
    assert {name for split, name in curves if split == "train"} == {"discriminator loss", "generator loss"}
    lines = [{"run": "", "split": split, "metric": metric} for split, metric in curves]
    arrays = {str(place): np.array(points, np.float32).T for place, points in enumerate(curves.values())}
    figure = VIEWS["curves"]().draw(Frame(arrays, {"lines": lines}))
    losses = {trace["name"]: (trace["yaxis"], trace["line"]["color"]) for trace in figure["data"]}
    assert losses.keys() == {"discriminator loss", "generator loss", "validation"}
    assert {axis for axis, _ in losses.values()} == {"y"}  # no loss stands among the scores
    assert len({colour for _, colour in losses.values()}) == 3
    first = {name: points[0][0] for (split, name), points in curves.items() if split == "train"}
    assert first == {"discriminator loss": 1, "generator loss": 1 if plain else 2}  # in the last step of its rounds
    assert load(dump(experiment())) == experiment()


def test_what_is_frozen_typed_or_slowed_in_one_network_leaves_the_other_alone():
    one = learner()
    for name in ("dense1", "dense1.rate", "out.bias[0]", "discriminator:dense9", "maker:out"):
        settings = {"freeze": name} if "[" not in name and ".rate" not in name else {name: 1.0}
        with pytest.raises(VitrineError, match=r"say of which|no node|no network|Did you mean"):
            change(one, settings)
    change(one, {"freeze": "generator:dense1", "discriminator:out.rate": 0.0, "discriminator:dense1.weight[0,1]": 5})
    before = weights(one)
    assert before["discriminator"]["dense1.weight"][0, 1] == 5
    for _ in learn(one, pause=100):
        pass
    after = weights(one)
    still = {
        f"{role}:{name}" for role in ROLES for name in after[role] if torch.equal(before[role][name], after[role][name])
    }
    assert still == {
        "generator:dense1.weight",
        "generator:dense1.bias",
        "discriminator:out.weight",
        "discriminator:out.bias",
    }


def test_a_whole_network_may_rest_and_goes_on_with_what_its_optimiser_knew():
    one = learner()
    batches = list(one.batches())
    one.advance(*batches[0])
    change(one, {"freeze": "discriminator:"})
    knew = {k: v.clone() for k, v in one.parts["discriminator"].optimiser.state_dict()["state"][0].items()}
    before = weights(one)
    one.advance(*batches[1])
    assert same(before, weights(one)) == {"discriminator": True, "generator": False}
    change(one, {"thaw": "discriminator:"})
    assert torch.equal(one.parts["discriminator"].optimiser.state_dict()["state"][0]["exp_avg"], knew["exp_avg"])
    before = weights(one)
    one.advance(*batches[2])
    assert same(before, weights(one)) == {"discriminator": False, "generator": False}
    change(one, {"freeze": "generator:"})
    with pytest.raises(VitrineError, match="Every weight would be frozen"):
        change(one, {"freeze": "discriminator:"})


def test_what_every_node_did_is_told_by_role():
    one = learner(epochs=1.0)
    watched = [seen for report in learn(one, pause=0, watch=every(0)) for seen in report.watched]
    wanted = {f"{role}:{node}" for role, graph in graphs().items() for node in ("dense1", "tanh", "out")}
    assert set(watched[0].numbers) == wanted
    norms = {role: watched[-1].numbers[f"{role}:out"]["gradient norm"] for role in ROLES}
    assert all(norm > 0 for norm in norms.values())


def test_the_gradient_that_is_told_of_a_network_is_that_of_its_own_turn(monkeypatch):
    in_order = Game.turns  # the maker first: its loss has a gradient by the judge's weights too
    monkeypatch.setattr(Game, "turns", lambda *given: reversed(list(in_order(*given))))
    one = learner(batch="all", epochs=None, steps=1)
    real, hand = one.train.inputs, learner(batch="all", epochs=None, steps=1).networks
    (seen,) = [seen for report in learn(one, pause=0, watch=every(0)) for seen in report.watched]
    fresh = learner(batch="all", epochs=None, steps=1)
    fresh.enter()
    made = hand["generator"](torch.randn(len(real), NOISE))
    judge = hand["discriminator"]
    loss = bce(judge(real), 1) + bce(judge(made.detach()), 0)
    found = torch.autograd.grad(loss, list(judge.out.parameters()))
    expected = torch.cat([gradient.flatten() for gradient in found]).norm().item()
    assert seen.numbers["discriminator:out"]["gradient norm"] == pytest.approx(expected, rel=1e-4)


def test_what_clipping_leaves_is_told_of_each_network_by_its_own_length():
    one = learner(epochs=1.0, clip=1e6)
    change(one, {"generator:clip": 1e-3})
    (seen, *_) = [seen for report in learn(one, pause=0, watch=every(0)) for seen in report.watched]
    for role, left in (("generator", 1e-3), ("discriminator", None)):
        of_role = [
            numbers for name, numbers in seen.numbers.items() if name.startswith(role) and "gradient norm" in numbers
        ]
        whole, clipped = (sum(n[what] ** 2 for n in of_role) ** 0.5 for what in ("gradient norm", "clipped gradient"))
        assert whole > 1e-3
        assert clipped == pytest.approx(left or whole, rel=1e-2)


def test_where_numbers_went_wrong_is_told_by_role():
    one = learner()
    with torch.no_grad():
        one.networks["generator"].out.weight.fill_(torch.inf)
    *_, report = learn(one)
    assert "generator:out gave numbers that are not finite" in report.problem


def test_the_code_of_several_networks_is_one_file_that_builds_them_all():
    first, second = PRESETS["mini-resnet"].make(), PRESETS["mini-inception"].make()
    both = {"judge": first, "twin": first, "other": second}
    text = source(both, 'a "game"')
    space = {"__name__": "exported"}
    exec(compile(text, "<several>", "exec"), space)
    assert text.splitlines()[0].startswith('"""a \'game\': judge ')
    for role, graph in both.items():
        made, ours = space[f"AGame{role.capitalize()}"]().eval(), Network(graph).eval()
        made.load_state_dict(ours.state_dict())
        inputs = torch.randn(2, *next(iter(graph.inputs.values())).sizes)
        assert torch.equal(made(inputs), ours(inputs))
    space = {"__name__": "__main__", "print": lambda *said, **_: told.append(said[-1])}
    told = []
    exec(compile(text, "<several>", "exec"), space)
    assert told == [f"{cost(graph).total.weights:,} weights" for graph in both.values()]


def test_a_network_has_what_the_recipe_says_of_it_alone():
    recipe = Recipe(batch="all", epochs=None, steps=6, rate=0.01, optimiser="adam", decay=0.1)
    recipe = recipe.owning("generator", interval=3, rate=0.5, optimiser="sgd", decay=0.0)
    one = Learner(Experiment("game", graphs(), DATA, Game(), recipe), DATA.load())
    torch.manual_seed(0)
    hand = {role: Network(graph) for role, graph in graphs().items()}
    weights, biases = (
        [p for p in hand["discriminator"].parameters() if (p.dim() > 1) == many] for many in (True, False)
    )
    judge = torch.optim.Adam([{"params": weights, "weight_decay": 0.1}, {"params": biases}], lr=0.01)
    maker, real = torch.optim.SGD(hand["generator"].parameters(), lr=0.5), one.train.inputs
    for step in range(6):
        made = hand["generator"](torch.randn(len(real), NOISE))
        for role, optimiser in (("discriminator", judge), ("generator", maker)):
            if role == "generator" and step % 3 < 2:
                continue
            judged = hand["discriminator"]
            loss = bce(judged(real), 1) + bce(judged(made.detach()), 0) if role == ROLES[0] else bce(judged(made), 1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    told = [report.losses for report in learn(one, pause=100)]
    assert [step for losses in told for step, _ in losses.get("generator", [])] == [3, 6]
    assert [step for losses in told for step, _ in losses.get("discriminator", [])] == [1, 2, 3, 4, 5, 6]
    for role in ROLES:
        for mine, theirs in zip(one.networks[role].parameters(), hand[role].parameters(), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_what_a_network_has_of_its_own_is_written_read_changed_and_refused_in_words():
    recipe = Recipe().owning("generator", rate=0.5, interval=2).owning("discriminator", clip=1.0)
    whole = Experiment("game", graphs(), DATA, Game(), recipe)
    assert load(dump(whole)) == whole
    assert recipe.owning("generator", rate=None, interval=1).own == recipe.own[1:]
    assert changed(whole, None, ["recipe.generator:rate=0.25"]).recipe.own_of("generator").rate == 0.25
    one = Learner(whole, DATA.load())
    assert one.parts["generator"].recipe.rate == 0.5
    change(one, {"generator:rate": 0.125, "generator:interval": 5, "rate": 0.02})
    assert one.parts["generator"].recipe.rate == 0.125
    assert (one.parts["generator"].interval, one.parts["discriminator"].recipe.rate) == (5, 0.02)
    with pytest.raises(VitrineError, match="about 'maker', which is no network here"):
        change(one, {"maker:rate": 0.1})
    with pytest.raises(VitrineError, match="'generator:optimiser' cannot be changed while it is learned"):
        change(one, {"generator:optimiser": "sgd"})
    alone = Experiment("alone", {"network": graphs()["discriminator"]}, DATA)
    with pytest.raises(VitrineError, match="There is one network"):
        change(Learner(alone, DATA.load()), {"network:rate": 0.1})
