"""What is kept from batch to batch and how far back is learned: as if the loop were written by hand."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.graph.cost import learning_bytes
from engine.graph.network import Network
from engine.graph.trace import trace
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Part
from engine.layers.sequence import GRU, LSTM, RNN, Embedding
from engine.tasks.label import Label
from engine.training import checkpoint
from engine.training.branch import adopt
from engine.training.change import change, changeable
from engine.training.duel import with_cells
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.memory import held, remember, streams
from engine.training.recipe import Recipe
from engine.training.trouble import copied
from engine.training.unfit import unfit
from engine.views import VIEWS

PROSE = DATASETS["prose"](length=2600, vocabulary=30, window=12)
CELLS = {"rnn": (RNN, nn.RNN), "lstm": (LSTM, nn.LSTM), "gru": (GRU, nn.GRU)}


def experiment_of(cell, data=PROSE, out=30, **recipe):
    """Return an experiment that tells what comes next."""
    dataset = data.load()
    graph = chain(
        text=Input(sizes=dataset.sizes, values="tokens", sequence=True),
        embed=Embedding(vocabulary=len(dataset.words), features=4),
        cell=cell,
        out=Dense(units=out),
    )
    options = {"epochs": 2.0, "batch": 5, "rate": 0.01} | recipe
    return Experiment("kept", {"network": graph}, data, Label(), Recipe(**options)), dataset


def advanced(learner, steps):
    """Return a learner after so many steps of its first epoch."""
    learner.enter()
    for inputs, targets in learner.batches():
        learner.advance(inputs, targets)
        if learner.step == steps:
            break
    learner.leave()
    return learner


@pytest.mark.parametrize("kind", list(CELLS))
def test_kept_state_equals_one_long_sequence(kind):
    layer, _ = CELLS[kind]
    graph = chain(series=Input(sizes=(6, 3), sequence=True), cell=layer(units=4, layers=2, gives="sequence"))
    network = Network(graph)
    network.train()
    x = torch.randn(3, 18, 3)
    with torch.no_grad():
        whole = network(x)
    remember([network], Recipe(carry=True))
    with torch.no_grad():
        pieces = [network(piece) for piece in x.split(6, dim=1)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole)
    network.eval()
    with torch.no_grad():
        alone = network(x[:, :6])
        torch.testing.assert_close(alone, network(x[:, :6]))  # at rest nothing is kept
    torch.testing.assert_close(alone, whole[:, :6])


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(list(CELLS)), st.integers(1, 2), st.integers(1, 9), st.integers(2, 8), st.booleans())
def test_truncated_backpropagation_equals_detaching_by_hand(kind, layers, back, length, whole):
    torch.manual_seed(length)
    layer, cell = CELLS[kind]
    graph = chain(
        series=Input(sizes=(length, 3)), cell=layer(units=4, layers=layers, gives="sequence" if whole else "last")
    )
    network = Network(graph)
    network.train()
    x = torch.randn(2, length, 3)
    by_hand = cell(3, 4, layers, batch_first=True)
    by_hand.load_state_dict(network.get_submodule("cell").cell.state_dict())
    state, outputs = None, []
    for start in range(0, length, back):
        if state is not None:
            state = tuple(one.detach() for one in state) if kind == "lstm" else state.detach()
        output, state = by_hand(x[:, start : start + back], state)
        outputs.append(output)
    wanted = torch.cat(outputs, dim=1)
    wanted = wanted if whole else wanted[:, -1]
    remember([network], Recipe(back=back))
    found = network(x)
    torch.testing.assert_close(found, wanted)
    weigh = torch.randn_like(found)
    (found * weigh).sum().backward()
    (wanted * weigh).sum().backward()
    for name, weight in by_hand.named_parameters():
        torch.testing.assert_close(dict(network.get_submodule("cell").cell.named_parameters())[name].grad, weight.grad)


@pytest.mark.parametrize("kind", list(CELLS))
def test_unequal_sequences_are_cut_as_each_would_be_alone(kind):
    layer, _ = CELLS[kind]
    dataset = DATASETS["recall"](number=40, delay=9, shortest=1, symbols=3).load()
    nodes = {
        "letters": Input(sizes=dataset.sizes, values="tokens", sequence=True),
        "embed": Embedding(vocabulary=7, features=3),
        "cell": layer(units=4),
        "state": (Part(what="state"), "cell"),
    }
    network = Network(chain(**nodes))
    network.train()
    remember([network], Recipe(back=3))
    rows = dataset.train.inputs[:9]
    together = network(rows)
    for place, row in enumerate(rows):
        long = int((row != 0).sum())
        torch.testing.assert_close(together[place], network(row[None, :long])[0])
    together.sum().backward()
    grads = [weight.grad.clone() for weight in network.parameters()]
    network.zero_grad()
    for row in rows:
        network(row[None, : int((row != 0).sum())]).sum().backward()
    for one, other in zip(grads, network.parameters(), strict=True):
        torch.testing.assert_close(one, other.grad, atol=1e-5, rtol=1e-4)


def test_batches_go_on_where_the_last_one_ended():
    assert streams(11, 3).tolist() == [0, 3, 6, 1, 4, 7, 2, 5, 8, 9, 10]
    experiment, dataset = experiment_of(LSTM(units=4, gives="sequence"), carry=True)
    learner = Learner(experiment, dataset)
    last = None
    for inputs, targets in learner.batches():
        if last is not None and len(inputs) == len(last):
            assert torch.equal(inputs[:, 0] - 1, last)
        last = targets[:, -1]
    assert dataset.goes_on


@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_learning_with_kept_state_is_that_of_a_loop_by_hand(cell):
    experiment, dataset = experiment_of(
        cell(units=4, gives="sequence"), carry=True, epochs=2.0, optimiser="sgd", rate=0.1
    )
    learner = Learner(experiment, dataset)
    network = Network(experiment.graph)
    network.load_state_dict(learner.networks["network"].state_dict())
    for _ in learn(learner):
        pass
    embed, rnn, out = (network.get_submodule(name) for name in ("embed", "cell", "out"))
    number, optimiser = len(dataset.train), torch.optim.SGD(network.parameters(), lr=0.1)
    many = number // 5
    for _ in range(2):
        state = None
        for step in range(many + (number % 5 > 1)):
            rows = [stream * many + step for stream in range(5)] if step < many else list(range(5 * many, number))
            if len(rows) < 5:
                state = None
            output, state = rnn.cell(embed(dataset.train.inputs[rows]), state)
            state = tuple(one.detach() for one in state) if isinstance(state, tuple) else state.detach()
            loss = nn.functional.cross_entropy(out(output).flatten(0, 1), dataset.train.targets[rows].flatten())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    for name, weight in learner.networks["network"].named_parameters():
        torch.testing.assert_close(weight, dict(network.named_parameters())[name], atol=1e-5, rtol=1e-4)


def test_kept_state_survives_a_checkpoint_to_the_last_bit(tmp_path):
    experiment, dataset = experiment_of(LSTM(units=4, gives="sequence"), carry=True, back=5)
    through = Learner(experiment, dataset)
    for _ in learn(through):
        pass
    begun = advanced(Learner(experiment, dataset), 7)
    assert held(begun.networks)["network"]["cell"].shape == (5, 8)
    path = checkpoint.save(begun, tmp_path)
    again = Learner(experiment, dataset)
    again.restore(checkpoint.load(path))
    for _ in learn(again):
        pass
    assert again.step == through.step
    for one, other in zip(
        through.networks["network"].parameters(), again.networks["network"].parameters(), strict=True
    ):
        assert torch.equal(one, other)


def test_views_of_a_network_that_keeps_state_begin_with_nothing():
    from engine.looking.session import Session
    from engine.runs.record import DraftRecord

    experiment, dataset = experiment_of(GRU(units=4, gives="sequence"), carry=True, epochs=1.0)
    learner = Learner(experiment, dataset)
    for _ in learn(learner):
        pass
    session = Session(experiment, learner.step, DraftRecord(learner), learner)
    before = held(learner.networks)
    first = VIEWS["states"]().compute(session)["values0"]
    still = session.still()
    assert (VIEWS["states"]().compute(still)["values0"] == first).all()
    for one, other in zip(before.values(), held(learner.networks).values(), strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("cell", "recipe", "words"),
    [
        (GRU(units=3, gives="sequence", both_directions=True), {"back": 4}, "reads both ways"),
        (GRU(units=3, gives="sequence"), {"carry": True, "compile": True}, "between plain steps"),
        (GRU(units=3, gives="sequence"), {"carry": True, "optimiser": "lbfgs", "batch": "all"}, "between plain steps"),
    ],
)
def test_what_cannot_be_kept_is_said(cell, recipe, words):
    experiment, dataset = experiment_of(cell, **recipe)
    assert words in unfit(experiment.graphs, experiment.task, experiment.recipe, dataset)


def test_state_is_kept_only_where_texts_go_on_and_something_remembers():
    recall = DATASETS["recall"](number=60, delay=4, symbols=3)
    read = {"embed": Embedding(vocabulary=7, features=3), "cell": RNN(units=3)}
    graph = chain(letters=Input(sizes=(5,), values="tokens"), **read, out=Dense(units=3))
    experiment = Experiment("no", {"network": graph}, recall, recipe=Recipe(carry=True, batch=9))
    assert "goes on where another ended" in unfit(experiment.graphs, experiment.task, experiment.recipe, recall.load())
    points = DATASETS["points"]()
    plain = Experiment(
        "no", {"network": chain(series=Input(sizes=(2,)), out=Dense(units=2))}, points, recipe=Recipe(back=3)
    )
    assert "no recurrent layer" in unfit(plain.graphs, plain.task, plain.recipe, points.load())


# -- teacher forcing ---------------------------------------------------------------------------------------------


def test_without_a_teacher_the_network_reads_what_it_said():
    experiment, dataset = experiment_of(GRU(units=5, gives="sequence"))
    network = Network(experiment.graph)
    network.train()
    inputs = dataset.train.inputs[:6]
    task = Label(teacher=0.0).suited(experiment.graphs, dataset)
    found = task.fed_back(network, inputs)
    with torch.no_grad():
        said = network(inputs).argmax(dim=2) + 1
    assert torch.equal(found[:, 0], inputs[:, 0])
    assert torch.equal(found[:, 1:], said[:, :-1])
    assert network.training
    half = Label(teacher=0.5).fed_back(network, dataset.train.inputs)
    own = (half[:, 1:] != dataset.train.inputs[:, 1:]).float().mean()
    most = (network(dataset.train.inputs).argmax(dim=2)[:, :-1] + 1 != dataset.train.inputs[:, 1:]).float().mean()
    assert float(own) == pytest.approx(0.5 * float(most), abs=0.05)
    sentences = DATASETS["sentences"](number=100).load()
    words = experiment_of(GRU(units=5, gives="sequence"), DATASETS["sentences"](number=100), 37)[0]
    given = sentences.train.inputs
    mixed = Label(teacher=0.0).fed_back(Network(words.graph), given)
    assert torch.equal(mixed == 0, given == 0)


def test_learning_without_a_teacher_repeats_and_differs():
    ends = []
    for teacher in (1.0, 0.6, 0.6):
        experiment, dataset = experiment_of(GRU(units=5, gives="sequence"), epochs=1.0)
        learner = Learner(dataclasses.replace(experiment, task=Label(teacher=teacher)), dataset)
        for _ in learn(learner):
            pass
        ends.append(torch.cat([weight.flatten() for weight in learner.networks["network"].parameters()]))
    assert torch.equal(ends[1], ends[2])
    assert not torch.equal(ends[0], ends[1])


def test_a_teacher_is_left_out_only_where_something_is_said():
    experiment, dataset = experiment_of(GRU(units=3, gives="sequence"), DATASETS["dates"](number=60), 4)
    assert "nothing said can be read" in Label(teacher=0.5).refuses(experiment.graphs, dataset)


def test_bits_and_perplexity_say_what_nats_say():
    experiment, dataset = experiment_of(GRU(units=3, gives="sequence"))
    learner = Learner(experiment, dataset)
    scores = learner.score("validation")
    with torch.no_grad():
        answers = learner.networks["network"](dataset.validation.inputs)
    nats = float(nn.functional.cross_entropy(answers.flatten(0, 1), dataset.validation.targets.flatten()))
    assert scores["loss"] == pytest.approx(nats, rel=1e-5)
    assert scores["bits"] == pytest.approx(nats / math.log(2), rel=1e-5)
    assert scores["perplexity"] == pytest.approx(math.exp(nats), rel=1e-5)
    assert "mean IoU" not in scores


# -- the duel ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(CELLS))
def test_only_the_cells_differ_in_a_duel(kind):
    experiment, dataset = experiment_of(LSTM(units=6, layers=2, gives="sequence", forget_bias=2.0))
    rival = with_cells(experiment, kind)
    layer = rival.graph["cell"].layer
    assert layer.kind == kind
    assert (layer.units, layer.layers, layer.gives) == (6, 2, "sequence")
    assert (rival.data, rival.task, rival.recipe) == (experiment.data, experiment.task, experiment.recipe)
    if kind == "lstm":
        assert layer.forget_bias == 2.0
    learner = Learner(rival, dataset)
    assert isinstance(learner.networks["network"].get_submodule("cell").cell, CELLS[kind][1])
    again = with_cells(with_cells(rival, "gru"), kind)
    assert again == (rival if kind != "lstm" else with_cells(again, "lstm"))


def test_layers_that_bear_the_name_of_their_cells_are_called_neutrally():
    graph = chain(
        series=Input(sizes=(5, 2)), lstm=LSTM(units=3, gives="sequence"), gru2=GRU(units=3), out=Dense(units=1)
    )
    experiment = Experiment("two", {"network": graph})
    rival = with_cells(experiment, "rnn")
    assert [node.id for node in rival.graph.nodes] == ["series", "cell1", "cell2", "out"]
    assert rival.name == "RNN: two"
    assert with_cells(rival, "gru").name == "GRU: two"
    frozen = dataclasses.replace(experiment, recipe=Recipe(frozen=("lstm",)))
    assert [node.id for node in with_cells(frozen, "rnn").graph.nodes] == ["series", "lstm", "gru2", "out"]


def test_sequences_that_are_too_long_for_memory_are_told_how_long(monkeypatch):
    experiment, dataset = experiment_of(LSTM(units=64, layers=2, gives="sequence"), batch=50)
    assert unfit(experiment.graphs, experiment.task, experiment.recipe, dataset) == ""
    whole = experiment.recipe.but(optimiser="lbfgs")
    monkeypatch.setenv("VITRINE_MEMORY", str(1.5 * learning_bytes(experiment.graphs, 50) / 2**30))
    assert unfit(experiment.graphs, experiment.task, experiment.recipe, dataset) == ""
    assert f"A batch of {len(dataset.train)} such" in unfit(experiment.graphs, experiment.task, whole, dataset)
    monkeypatch.setenv("VITRINE_MEMORY", "0.0001")
    words = unfit(experiment.graphs, experiment.task, experiment.recipe, dataset)
    assert "A batch of 50 such long sequences takes about 0.0 GiB" in words
    assert "Lower the batch, how much is read at a time, or the units" in words


@pytest.mark.parametrize("kind", list(CELLS))
def test_the_estimate_of_memory_is_about_what_the_way_back_keeps(kind):
    layer, _ = CELLS[kind]
    graph = chain(series=Input(sizes=(200, 8)), cell=layer(units=64, gives="sequence"), out=Dense(units=4))
    network, kept = Network(graph), {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(torch.randn(16, 200, 8))
    estimate = learning_bytes({"network": graph}, 16)
    assert 0.3 * sum(kept.values()) < estimate < 4 * sum(kept.values())


def test_a_duel_of_networks_that_hand_state_on_or_mix_cells():
    nodes = {
        "series": Input(sizes=(6, 3)),
        "lstm1": LSTM(units=4, gives="sequence"),
        "state": (Part(what="state"), "lstm1"),
        "gru1": (GRU(units=8, gives="sequence"), "lstm1"),
        "lstm2": (LSTM(units=4), "gru1", "state"),
    }
    graph = chain(**nodes, out=Dense(units=2))
    for kind in CELLS:
        rival = with_cells(Experiment("both", {"network": graph}), kind).graph
        assert {rival[name].layer.kind for name in ("cell1", "cell2", "cell3")} == {kind}
        assert not trace(rival).problems
        Network(rival)(torch.randn(2, 6, 3))
    named = chain(series=Input(sizes=(5, 2)), cell=RNN(units=3, gives="sequence"), gru=GRU(units=3), out=Dense(units=1))
    rival = with_cells(Experiment("named", {"network": named}), "lstm").graph
    assert [node.id for node in rival.nodes][1:3] == ["cell", "gru"]


def test_a_branch_of_kept_state_goes_where_its_parent_goes():
    experiment, dataset = experiment_of(LSTM(units=4, gives="sequence"), carry=True)
    parent = advanced(Learner(experiment, dataset), 6)
    state = copied(parent.state())
    branch = Learner(experiment, dataset)
    assert adopt(branch, copied(state)) == []
    again = Learner(experiment, dataset)
    again.restore(state)
    for learner in (branch, again):
        for _ in learn(learner):
            pass
    ends = (learner.networks["network"].parameters() for learner in (branch, again))
    assert all(torch.equal(one, other) for one, other in zip(*ends, strict=True))
    wider = dataclasses.replace(experiment, recipe=experiment.recipe.but(batch=7, epochs=3.0))
    less = PROSE.but(length=2000)
    shorter = dataclasses.replace(experiment, data=less)
    for changed, data in ((wider, dataset), (shorter, less.load())):
        other = Learner(changed, data)
        adopt(other, copied(parent.state()))
        assert (other.seen, held(other.networks)) == (0, {})
    forgetful = Learner(dataclasses.replace(experiment, recipe=experiment.recipe.but(carry=False, back=6)), dataset)
    adopt(forgetful, copied(parent.state()))
    assert held(forgetful.networks) == {}


def test_batches_stay_as_large_while_state_is_kept():
    experiment, dataset = experiment_of(LSTM(units=4, gives="sequence"), carry=True)
    learner = Learner(experiment, dataset)
    assert "batch" not in changeable(learner.recipe)
    with pytest.raises(VitrineError, match="batches stay as large as they are"):
        change(learner, {"batch": 9})
    change(learner, {"rate": 0.5})
    taught = Label(teacher=0.5)
    assert "let the teacher be 1" in unfit(experiment.graphs, taught, experiment.recipe, dataset)
