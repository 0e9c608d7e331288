"""Weights that two nodes go through: back or again, counted once, learned from both, and the same in code."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph import edits, grouping
from engine.graph.chain import block, chain
from engine.graph.cost import cost
from engine.graph.document import read, write
from engine.graph.field import fields
from engine.graph.network import Network
from engine.graph.source import source
from engine.graph.trace import problems, trace
from engine.layers import LAYERS
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.sequence import GRU, Embedding
from engine.layers.tied import Tied
from engine.looking import Session
from engine.runs.record import DraftRecord
from engine.tasks.label import Label
from engine.tasks.reconstruct import Reconstruct
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.loop import every, learn
from engine.training.recipe import Recipe
from engine.views import VIEWS
from tests.engine.goals import LONG, Cloud, Odd
from tests.engine.seeing import figure_or_reason
from tests.engine.stopping import stopped_and_not

FOLDED = chain(row=Input(sizes=(6,)), fold=Dense(units=3), relu=LAYERS["relu"](), unfold=(Tied(), "relu", "fold"))
AGAIN = chain(row=Input(sizes=(6,)), one=Dense(units=6), two=(Tied(way="again"), "one", "one"))
WORDS = chain(
    words=Input(sizes=(LONG,), values="tokens", sequence=True),
    embed=Embedding(vocabulary=4, features=5),
    gru=GRU(units=5, gives="sequence"),
    out=(Tied(), "gru", "embed"),
)
NORMED = chain(row=Input(sizes=(6,)), fold=Dense(units=3, normed="weight"), unfold=(Tied(bias=False), "fold", "fold"))


def by_hand(name, network, x):
    """Return what the network of this name gives, as people write it."""
    if name == "folded":
        folded = F.relu(F.linear(x, network.fold.weight, network.fold.bias))
        return F.linear(folded, network.fold.weight.t(), network.unfold.bias)
    if name == "again":
        one = F.linear(x, network.one.weight, network.one.bias)
        return F.linear(one, network.one.weight, network.two.bias)
    if name == "normed":
        return F.linear(network.fold(x), network.fold.weight.t())
    lengths = (x > 0).sum(dim=1)
    packed = nn.utils.rnn.pack_padded_sequence(network.embed(x), lengths, True, enforce_sorted=False)
    read_all, _ = nn.utils.rnn.pad_packed_sequence(network.gru.cell(packed)[0], True, total_length=LONG)
    return F.linear(read_all, network.embed.weight, network.out.bias)


EVERY = {"folded": FOLDED, "again": AGAIN, "words": WORDS, "normed": NORMED}


def inputs_of(name):
    if name == "words":
        words = torch.randint(1, 4, (4, LONG))
        words[torch.arange(LONG) >= torch.tensor([[8], [3], [5], [1]])] = 0
        return words
    return torch.randn(4, 6)


@pytest.mark.parametrize("name", EVERY)
def test_weights_are_shared_counted_once_and_the_same_in_code(name):
    graph, x = EVERY[name], inputs_of(name)
    assert trace(graph).sound
    torch.manual_seed(0)
    network = Network(graph).eval()
    torch.testing.assert_close(network(x), by_hand(name, network, x))
    assert cost(graph).total.weights == sum(p.numel() for p in network.parameters())
    space = {"__name__": "exported"}
    exec(compile(source({"network": graph}, "shared"), "<shared>", "exec"), space)
    made = space["Shared"]().eval()
    assert made.state_dict().keys() == network.state_dict().keys()
    made.load_state_dict(network.state_dict())
    assert torch.equal(made(x), network(x))
    assert read(write(graph)) == graph


@pytest.mark.parametrize("name", EVERY)
def test_gradients_come_from_both_ways(name):
    x = inputs_of(name)
    network = Network(EVERY[name]).train()
    ours = torch.autograd.grad(network(x).pow(2).mean(), list(network.parameters()))
    theirs = torch.autograd.grad(by_hand(name, network, x).pow(2).mean(), list(network.parameters()))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_what_cannot_be_shared_is_told():
    def told(**layers):
        return [problem.text for problem in problems(chain(row=Input(sizes=(6,)), **layers)) if problem.stops]

    assert told(relu=LAYERS["relu"](), tied=(Tied(), "row", "relu")) == [
        "tied needs a dense layer or an embedding as its second input but receives 6 from row and relu. Connect one."
    ]
    assert told(fold=Dense(units=3), tied=(Tied(), "row", "fold")) == [
        "tied needs 3 numbers to go through these weights but receives 6 from row and fold. Let 3 come in."
    ]
    assert told(fold=Dense(units=3), tied=(Tied(), "fold"))[0] == (
        "tied needs 2 inputs but receives one input from fold. Connect another."
    )
    words = edits.replace(WORDS, "out", Tied(way="again"))
    assert [p.text for p in problems(words)] == [
        "out cannot look up tokens again in embed. Use the way back, or an embedding."
    ]


def test_what_is_put_between_leaves_the_tie_and_blocks_hold_both_or_none():
    graph = edits.insert_after(FOLDED, "fold", LAYERS["tanh"](), "tanh")
    assert graph["unfold"].inputs == ("relu", "fold")
    with pytest.raises(VitrineError, match="unfold is bound to fold: group both or none"):
        grouping.group(graph, ["relu", "unfold"])
    both = grouping.group(FOLDED, ["fold", "relu", "unfold"], "Bottle")
    x = torch.randn(3, 6)
    one, other = Network(FOLDED).eval(), Network(both).eval()
    other.load_state_dict({f"bottle.{name}": value for name, value in one.state_dict().items()})
    assert torch.equal(one(x), other(x))


def test_a_repeated_block_ties_each_turn_to_itself():
    turn = block("Turn", 2, fold=Dense(units=3), unfold=(Tied(), "fold", "fold"))
    graph = chain(row=Input(sizes=(6,)), turns=turn)
    network, x = Network(graph).eval(), torch.randn(3, 6)
    wanted = x
    for one in network.turns:
        wanted = F.linear(one.fold(wanted), one.fold.weight.t(), one.unfold.bias)
    torch.testing.assert_close(network(x), wanted)


def test_what_is_seen_through_shared_weights_comes_from_the_first_input_alone():
    graph = chain(
        series=Input(sizes=(9, 4)),
        gru=GRU(units=4, gives="sequence"),
        fold=(Dense(units=4), "series"),
        unfold=(Tied(), "series", "fold"),
    )
    found = fields(trace(graph))
    assert found["unfold"] == found["series"]
    assert found["gru"].whole


def experiment(kind, **recipe):
    graph, data, task = {
        "cloud": (
            chain(row=Input(sizes=(2,)), fold=Dense(units=1), unfold=(Tied(), "fold", "fold")),
            Cloud(),
            Reconstruct(),
        ),
        "odd": (
            chain(
                words=Input(sizes=(LONG,), values="tokens", sequence=True),
                embed=Embedding(vocabulary=4, features=6),
                gru=GRU(units=6, gives="sequence"),
                back=(Tied(), "gru", "embed"),
                out=Dense(units=2),
            ),
            Odd(),
            Label(),
        ),
    }[kind]
    made = Recipe(**{"batch": 16, "epochs": 2.0, "rate": 0.02} | recipe)
    return Experiment("tied", {"network": graph}, data, task, made)


@pytest.fixture(autouse=True)
def sources(monkeypatch):
    for one in (Cloud, Odd):
        monkeypatch.setitem(DATASETS._things, one.kind, one)


def test_a_tied_fold_of_points_near_a_line_finds_its_direction():
    made = experiment("cloud", epochs=300.0)
    one = Learner(made, made.data.load())
    for _ in learn(one):
        pass
    direction = torch.linalg.svd(one.train.inputs)[2][0]
    found = one.networks["network"].fold.weight.detach()[0]
    assert found.norm().item() == pytest.approx(1, abs=0.02)  # what is folded and unfolded by one row has length 1
    assert abs(found @ direction).item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("kind", ["cloud", "odd"])
def test_it_is_watched_stopped_and_goes_on_to_the_same_bits(tmp_path, kind):
    stopped_and_not(tmp_path, experiment(kind, decay=0.01))
    made = experiment(kind)
    one = Learner(made, made.data.load())
    watched = [seen for report in learn(one, pause=0, watch=every(0)) for seen in report.watched]
    assert set(made.graph.by_id) - set(made.graph.inputs) <= watched[0].numbers.keys()


@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_is_a_figure_or_a_reason_in_words(kind):
    for name in ("cloud", "odd"):
        made = experiment(name)
        one = Learner(made, made.data.load())
        session = Session(made, 0, DraftRecord(one), one)
        figure_or_reason(VIEWS[kind](), session)
