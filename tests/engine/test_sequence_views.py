"""Views of sequences: gates and states are torch's, gradients through time are differences, and powers."""

import dataclasses

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient, IntegratedGradients
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_squared_error
from torch import nn

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.layers import LAYERS
from engine.layers.convolution import Conv1d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Part
from engine.layers.sequence import GRU, LSTM, RNN, Embedding, PositionalEncoding
from engine.looking import Session
from engine.looking.frame import Frame
from engine.looking.sample import aim, sample_of
from engine.presets import PRESETS
from engine.runs.record import DraftRecord
from engine.tasks.label import Label
from engine.tasks.regress import Regress
from engine.training.experiment import Experiment
from engine.training.folds import fewer, folded
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from engine.views import VIEWS
from engine.views.answers.predictions import said
from engine.views.sequences.cells import read, through
from engine.views.sequences.generate import excerpt
from engine.views.sequences.throughtime import verdict
from tests.engine.looked import seen

CELLS = {nn.RNN: "rnn", nn.LSTM: "lstm", nn.GRU: "gru"}
RECALL = DATASETS["recall"](number=60, delay=8, shortest=2, symbols=4)


def session_on(cell, data=RECALL, task=None, out=4, **layers):
    """Return a session on an untrained network that reads letters."""
    dataset = data.load()
    graph = chain(
        letters=Input(sizes=dataset.sizes, values="tokens", sequence=True),
        embed=Embedding(vocabulary=len(dataset.words), features=5),
        cell=cell,
        **layers,
        out=Dense(units=out),
    )
    experiment = Experiment("read", {"network": graph}, data, recipe=Recipe(seed=1, batch=16))
    experiment = dataclasses.replace(experiment, task=task) if task else experiment
    learner = Learner(experiment, dataset)
    return Session(experiment, 0, DraftRecord(learner), learner)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(CELLS)),
    st.integers(1, 3),
    st.booleans(),
    st.integers(1, 7),
    st.integers(1, 5),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1000),
)
def test_states_are_those_of_torch(kind, layers, both, length, units, bias, begun, seed):
    torch.manual_seed(seed)
    cell = kind(3, units, layers, bias=bias, bidirectional=both, batch_first=True)
    rows = layers * (1 + both)
    x = torch.randn(length, 3)
    begins = torch.randn(rows, 1, units)
    memory = torch.randn(rows, 1, units)
    given = ((begins, memory) if kind is nn.LSTM else begins) if begun else None
    with torch.no_grad():
        sequence, last = cell(x[None], given)
        flat = torch.cat([begins, memory] if kind is nn.LSTM else [begins]).flatten() if begun else None
        readings = through("cell", cell, x, flat)
    assert len(readings) == rows
    top = torch.cat([one.rows("state") for one in readings[-(1 + both) :]], dim=1)
    torch.testing.assert_close(top, sequence[0])
    for row, reading in enumerate(readings):
        end = 0 if reading.backwards else -1
        states, memories = last if kind is nn.LSTM else (last, None)
        torch.testing.assert_close(reading.values["state"][end], states[row, 0])
        if memories is not None:
            torch.testing.assert_close(reading.values["memory"][end], memories[row, 0])


def sigmoid(x):
    """Return the logistic function, by numpy alone."""
    return 1 / (1 + np.exp(-x))


def test_gates_are_those_of_the_formulas():
    torch.manual_seed(4)
    for kind in (nn.LSTM, nn.GRU):
        cell = kind(3, 4, batch_first=True)
        x = torch.randn(5, 3)
        with torch.no_grad():
            found = through("cell", cell, x)[0]
        w, u = cell.weight_ih_l0.detach().numpy(), cell.weight_hh_l0.detach().numpy()
        b, c = cell.bias_ih_l0.detach().numpy(), cell.bias_hh_l0.detach().numpy()
        h, memory = np.zeros(4), np.zeros(4)
        for place in range(5):
            comes, last = w @ x[place].numpy() + b, u @ h + c
            if kind is nn.LSTM:
                i, f, g, o = np.split(comes + last, 4)
                memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(memory)
                told = {"input": sigmoid(i), "forget": sigmoid(f), "output": sigmoid(o), "candidate": np.tanh(g)}
                told |= {"memory": memory, "state": h}
            else:
                (r, z, n), (hr, hz, hn) = np.split(comes, 3), np.split(last, 3)
                r, z = sigmoid(r + hr), sigmoid(z + hz)
                n = np.tanh(n + r * hn)
                h = (1 - z) * n + z * h
                told = {"reset": r, "update": z, "candidate": n, "state": h}
            assert told.keys() == found.values.keys()
            for name, value in told.items():
                np.testing.assert_allclose(found.values[name][place].numpy(), value, atol=1e-6)


@pytest.mark.parametrize(
    "cell",
    [
        RNN(units=4),
        LSTM(units=3, layers=2),
        GRU(units=3, both_directions=True, layers=2),
        RNN(units=4, activation="relu"),
    ],
    ids=["rnn", "lstm", "gru both ways", "relu"],
)
def test_states_and_gates_of_a_network_are_what_it_gives(cell):
    session = session_on(cell)
    module = session.module.get_submodule("cell")
    for name in ("0", "1", "2"):
        sample = sample_of(session, name)
        long = int((sample.values != 0).sum())
        with torch.no_grad():
            embedded = session.module.get_submodule("embed")(sample.given[:, :long])
            wanted = module.cell(embedded)[0][0].T.numpy()
        frame = seen(session, "states", sample=name)
        top = [frame[f"values{place}"] for place, one in enumerate(frame.words["names"])][-(1 + cell.both_directions) :]
        np.testing.assert_allclose(np.concatenate(top), wanted, atol=1e-5)
        assert "".join(frame.words["pieces"][0]) == "".join(
            session.network.dataset.words[t] for t in sample.values[:long]
        )
        ways = ["forwards", "backwards"][: 1 + cell.both_directions]
        gates = [seen(session, "gates", sample=name, way=way) for way in ways]
        np.testing.assert_allclose(np.concatenate([one["state"] for one in gates]), wanted, atol=1e-5)
        for one in gates:
            drawn = VIEWS["gates"](unit=1, place=0).draw(one)
            assert f"{one['state'][1, 0]:.2f}".replace("-", "−") in drawn["layout"]["annotations"][-1]["text"]
            assert len(VIEWS["gates"](show="one unit").draw(one)["data"]) == len(one.words["gates"])


ONE = {nn.RNN: nn.RNNCell, nn.LSTM: nn.LSTMCell, nn.GRU: nn.GRUCell}


def one_of(module, inputs, layer=0, back=False):
    """Return torch's cell for one step, with the weights of a layer and direction."""
    options = {"nonlinearity": module.nonlinearity} if type(module) is nn.RNN else {}
    one = ONE[type(module)](inputs, module.hidden_size, **options).double()
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        setattr(one, name, nn.Parameter(getattr(module, f"{name}_l{layer}{'_reverse' if back else ''}").detach()))
    return one


def moved(session, sample, layer, place, unit, by, backwards=False, held="state"):
    """Return what the cells give where one number that they hold is moved by a little, by torch's own cells."""
    module = session.module.get_submodule("cell").cell
    x = session.module.get_submodule("embed")(sample.given[:, : int((sample.values != 0).sum())])[0]
    for number in range(module.num_layers):
        both = []
        for way in range(2 if module.bidirectional else 1):
            one = one_of(module, x.shape[1], number, bool(way))
            state = x.new_zeros(1, module.hidden_size)
            memory, rows = state.clone(), {}
            for at in reversed(range(len(x))) if way else range(len(x)):
                if type(module) is nn.LSTM:
                    state, memory = one(x[at : at + 1], (state, memory))
                else:
                    state = one(x[at : at + 1], state)
                if (number, bool(way), at) == (layer, backwards, place):
                    state, memory = state.clone(), memory.clone()
                    (state if held == "state" else memory)[0, unit] += by
                rows[at] = state
            both.append(torch.cat([rows[at] for at in range(len(x))]))
        x = torch.cat(both, dim=1)
    return x


@pytest.mark.parametrize(
    "cell",
    [
        RNN(units=3),
        RNN(units=3, activation="relu"),
        LSTM(units=3, layers=2),
        GRU(units=3),
        GRU(units=2, both_directions=True),
    ],
    ids=["rnn", "relu", "lstm", "gru", "gru both ways"],
)
def test_the_gradient_that_comes_back_is_what_differences_say(cell):
    session = session_on(cell)
    session.module.double()
    sample = sample_of(session, "0")
    frame = seen(session, "through-time", sample="0", toward="B")
    out = session.module.get_submodule("out")
    units, by = cell.units, 1e-6

    def score(*at):
        with torch.no_grad():
            x = moved(session, sample, *at)
            ends = torch.cat([x[-1, :units], x[0, units:]]) if cell.both_directions else x[-1]
            return float(out(ends)[1])

    rows = [(layer, way) for layer in range(cell.layers) for way in range(2 if cell.both_directions else 1)]
    for row, (layer, way) in enumerate(rows):
        for place in range(frame["values"].shape[1]):
            slopes = [
                (score(layer, place, unit, by, bool(way), held) - score(layer, place, unit, -by, bool(way), held))
                / (2 * by)
                for unit in range(units)
                for held in (("state", "memory") if isinstance(cell, LSTM) else ("state",))
            ]
            assert frame["values"][row, place] == pytest.approx(np.linalg.norm(slopes), rel=1e-4, abs=1e-9)


def test_where_every_place_is_answered_the_last_is_asked_about():
    data = DATASETS["parity"](number=60, length=6)
    session = session_on(RNN(units=3, gives="sequence"), data, Label(), 2)
    session.module.double()
    sample = sample_of(session, "3")
    frame = seen(session, "through-time", sample="3", toward="odd")
    out, by = session.module.get_submodule("out"), 1e-6

    def score(place, unit, by):
        with torch.no_grad():
            return float(out(moved(session, sample, 0, place, unit, by)[-1])[1])

    for place in range(6):
        slopes = [(score(place, unit, by) - score(place, unit, -by)) / (2 * by) for unit in range(3)]
        assert frame["values"][0, place] == pytest.approx(np.linalg.norm(slopes), rel=1e-4)


def test_of_a_linear_cell_the_way_back_is_the_powers_of_its_weights():
    session = session_on(RNN(units=3, activation="relu"))
    cell = session.module.get_submodule("cell").cell
    with torch.no_grad():  # positive throughout, so that relu is the identity
        turn = torch.linalg.qr(torch.rand(3, 3))[0]
        cell.weight_hh_l0.copy_((turn @ torch.diag(torch.tensor([0.9, 0.5, 0.3])) @ turn.T).abs())
        for name in ("weight_ih_l0", "bias_ih_l0", "bias_hh_l0"):
            getattr(cell, name).copy_(getattr(cell, name).abs() + 0.1)
        session.module.get_submodule("embed").weight.abs_()
    frame = seen(session, "through-time", sample="0", show="steps")
    own = cell.weight_hh_l0.detach().double().numpy()
    long = frame["values"].shape[1]
    wanted = [np.linalg.norm(np.linalg.matrix_power(own, long - 1 - place), 2) for place in range(long)]
    np.testing.assert_allclose(frame["values"][0], wanted, rtol=1e-6)
    assert frame.words["radii"]["cell"] == pytest.approx(np.abs(np.linalg.eigvals(own)).max())


@pytest.mark.parametrize("cell", [RNN(units=3), LSTM(units=3), GRU(units=3), GRU(units=2, both_directions=True)])
def test_what_a_step_passes_on_is_torchs_jacobian(cell):
    session = session_on(cell)
    session.module.double()
    sample = sample_of(session, "1")
    frame = seen(session, "through-time", sample="1", show="steps")
    x = session.module.get_submodule("embed")(sample.given[:, : int((sample.values != 0).sum())])[0].detach()
    module = session.module.get_submodule("cell").cell
    for row, reading in enumerate(read(session, "cell", sample)):
        order = list(range(len(x)))[:: -1 if reading.backwards else 1]
        one = one_of(module, x.shape[1], 0, reading.backwards)

        def onward(state, after, one=one, x=x, order=order):
            for place in order[after + 1 :]:
                if isinstance(one, nn.LSTMCell):
                    h, c = state.chunk(2)
                    state = torch.cat([part[0] for part in one(x[place][None], (h[None], c[None]))])
                else:
                    state = one(x[place][None], state[None])[0]
            return state

        for position, place in enumerate(order):
            state = reading.values["state"][place].detach()
            if isinstance(one, nn.LSTMCell):
                state = torch.cat([state, reading.values["memory"][place].detach()])
            wanted = torch.autograd.functional.jacobian(lambda s, p=position, go=onward: go(s, p), state)
            assert frame["values"][row, place] == pytest.approx(float(torch.linalg.matrix_norm(wanted, 2)), rel=1e-6)


def test_what_becomes_of_a_gradient_is_said_in_words():
    assert verdict(np.array([1e-6, 1e-3, 1.0]), False) == "vanishes on its way back"
    assert verdict(np.array([1.0, 1e-3, 1e-6]), False) == "explodes on its way back"
    assert verdict(np.array([1.0, 1e-3, 1e-6]), True) == "vanishes on its way back"
    assert verdict(np.array([0.1, 0.2, 1.0, np.nan]), False) == "reaches the beginning"
    assert (
        verdict(np.array([1e-6, 1.0, 0.0]), False) == "vanishes on its way back"
    )  # asked about a place before the last
    assert verdict(np.zeros(3), False) == "no gradient at all"
    assert verdict(np.array([0.0, 0.0, 0.5]), True) == "asked about where it has only begun to read"
    assert verdict(np.array([np.inf, 1.0]), False) == "grows until it is no number any more"


def test_a_network_without_cells_says_so():
    experiment = PRESETS["sentiment-cnn"].experiment()
    for kind in ("states", "gates", "through-time"):
        assert VIEWS[kind]().refusal(experiment) == "This network has no recurrent layer."


def test_frozen_weights_do_not_hide_the_way_back():
    session = session_on(GRU(units=3))
    before = seen(session, "through-time", sample="0")["values"]
    for weight in session.module.parameters():
        weight.requires_grad_(False)
    np.testing.assert_allclose(seen(session, "through-time", sample="0")["values"], before)


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.family == "rnn"])
def test_a_preset_of_sequences_can_be_learned_and_seen(name, tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    experiment = PRESETS[name].experiment()
    if name == "airline":  # whose file must be fetched: another one stands in
        months = [f'"{year}-{month:02}",{year * month}\n' for year in range(1949, 1961) for month in range(1, 13)]
        (tmp_path / "data" / "airline").mkdir(parents=True)
        (tmp_path / "data" / "airline" / "airline-passengers.csv").write_text(
            '"Month","Passengers"\n' + "".join(months)
        )
    dataset = experiment.data.load()
    assert experiment.task.refuses(experiment.graphs, dataset) == ""
    learner = Learner(experiment, dataset)
    session = Session(experiment, 0, DraftRecord(learner), learner)
    for kind in ("states", "gates", "through-time", "predictions"):
        if not VIEWS[kind]().refusal(experiment):
            frame = seen(session, kind)
            assert "data" in VIEWS[kind]().draw(frame)


PROSE = DATASETS["prose"](length=3000, characters=30, window=20)


@pytest.mark.parametrize(
    "cell",
    [
        LSTM(units=6, layers=2, gives="sequence"),
        RNN(units=6, gives="sequence"),
        GRU(units=6, both_directions=True, gives="sequence"),
    ],
    ids=["lstm", "rnn", "both ways"],
)
def test_what_is_written_is_what_a_loop_over_the_whole_text_writes(cell):
    session = session_on(cell, PROSE, Label(), 30)
    dataset = session.network.dataset
    with torch.no_grad():
        for weight in session.module.parameters():
            weight.mul_(3)  # so that one piece hangs on the others
    frame = seen(session, "generate", start="the statement that is long ", length=40, temperature=0.8, seed=5)
    tokens = [dataset.words.index(sign) for sign in "the statement that is long "]
    random = torch.Generator().manual_seed(5)
    for _ in range(40):
        given = tokens[-20:] if cell.both_directions else tokens
        with torch.no_grad():
            scores = session.module(torch.tensor([given]))[0, -1].double().numpy() / 0.8
        chances = np.exp(scores - scores.max())
        tokens.append(1 + int(torch.multinomial(torch.tensor(chances / chances.sum()), 1, generator=random)))
    assert "".join(frame.words["pieces"]) == "".join(dataset.words[token] for token in tokens)
    assert frame.words["begun"] == 27
    assert VIEWS["generate"]().draw(frame)["data"]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in session.module.modules())


def test_what_may_come_is_cut_as_it_is_said():
    scores = torch.tensor([2.0, 0.0, 1.0, -1.0])
    usual = np.exp([2.0, 0.0, 1.0, -1.0]) / np.exp([2.0, 0.0, 1.0, -1.0]).sum()
    generate = VIEWS["generate"]
    np.testing.assert_allclose(generate(temperature=1.0).chances(scores), usual, rtol=1e-6)
    np.testing.assert_allclose(generate(temperature=0.0).chances(scores), [1, 0, 0, 0])
    hot = np.exp(np.array([2.0, 0.0, 1.0, -1.0]) / 4)
    np.testing.assert_allclose(generate(temperature=4.0).chances(scores), hot / hot.sum(), rtol=1e-6)
    two = usual * [1, 0, 1, 0]
    np.testing.assert_allclose(generate(temperature=1.0, top_k=2).chances(scores), two / two.sum(), rtol=1e-6)
    assert usual[0] < 0.7 < usual[0] + usual[2]
    np.testing.assert_allclose(generate(temperature=1.0, top_p=0.7).chances(scores), two / two.sum(), rtol=1e-6)
    np.testing.assert_allclose(generate(temperature=1.0, top_p=0.5).chances(scores), [1, 0, 0, 0])


def test_a_piece_that_is_clicked_comes_next_and_markup_stays_text():
    generate = VIEWS["generate"](start="a")
    assert generate.pick({"name": "b", "part": "letters"}).start == "ab"
    assert generate.pick({"name": "␣", "part": "letters"}).start == "a "
    assert generate.pick({"name": "⏎", "part": "letters"}).start == "a\n"
    assert generate.pick({"name": 3}) is None
    frame = Frame({"chances": np.ones(1)}, {"pieces": list("<a>\n<b"), "begun": 1, "next": ["<"], "letters": True})
    text = generate.draw(frame)["layout"]["annotations"][0]["text"]
    assert "<a" not in text
    assert text.count("<br>") == 1


def test_what_does_not_say_what_comes_next_cannot_write():
    assert "can write one" in VIEWS["generate"]().refusal(PRESETS["recall-gru"].experiment())
    data = DATASETS["parity"](number=60, length=6)
    session = session_on(RNN(units=3, gives="sequence"), data, Label(), 2)
    assert "can write one" in VIEWS["generate"](start="1").refusal(session.experiment)


@pytest.mark.parametrize("kind", [kind for kind, one in DATASETS.items() if one.example == "tokens"])
def test_data_that_ask_what_comes_next_say_so_beforehand(kind):
    if not DATASETS[kind]().here():
        assert kind in ("texts", "writing", "rt-polarity", "imdb", "tiny-shakespeare", "names")
        return
    assert DATASETS[kind]().load().foretells == DATASETS[kind].foretells


def test_right_answers_are_counted_by_length():
    data = DATASETS["recall"](number=400, delay=8, shortest=2, symbols=4, validation=0.5)
    session = session_on(GRU(units=3), data)
    frame = seen(session, "memory", split="validation")
    split = session.network.dataset.validation
    right, counted = {}, {}
    for tokens, target in zip(split.inputs, split.targets.tolist(), strict=True):
        with torch.no_grad():
            found = int(session.module(tokens[None])[0].argmax())
        length = int((tokens != 0).sum())
        right[length] = right.get(length, 0) + (found == target)
        counted[length] = counted.get(length, 0) + 1
    assert frame["lengths"].tolist() == sorted(counted)
    assert frame["right"].tolist() == [right[length] for length in sorted(counted)]
    assert frame["counted"].tolist() == [counted[length] for length in sorted(counted)]
    shown = VIEWS["memory"]().draw(frame)
    assert shown["layout"]["shapes"][0]["y0"] == 1 / 4
    long = DATASETS["recall"](number=400, delay=200, shortest=1, symbols=4, validation=0.5)
    grouped = seen(session_on(GRU(units=3), long), "memory")
    assert len(grouped["lengths"]) <= 40
    assert grouped["counted"].sum() == 160


def test_of_answers_at_every_place_all_that_are_known_count():
    data = DATASETS["copy"](number=200, length=3, delay=5, shortest=1, symbols=4, validation=0.3)
    session = session_on(GRU(units=3, gives="sequence"), data, Label(), 4)
    frame = seen(session, "memory")
    assert frame["counted"].sum() == 3 * len(session.network.dataset.validation)
    right = 0
    for tokens, target in zip(*dataclasses.astuple(session.network.dataset.validation)[:2], strict=True):
        with torch.no_grad():
            found = session.module(tokens[None])[0].argmax(dim=1)
        right += int(((found == target) & (target >= 0)).sum())
    assert frame["right"].sum() == right


def test_predictions_show_the_text_they_are_of():
    session = session_on(GRU(units=3))
    frame = seen(session, "predictions", number=4)
    dataset = session.network.dataset
    for text, tokens in zip(frame.words["texts"], dataset.validation.inputs, strict=False):
        assert text == "".join(dataset.words[token] for token in tokens if token)
    shown = VIEWS["predictions"]().draw(frame)
    assert [one["text"] for one in shown["layout"]["annotations"]] == frame.words["texts"]
    assert said(list("a" * 20 + "b" * 20)) == "a" * 12 + "…" + "b" * 12
    assert said(["two", "words"]) == "two words"


def test_an_lstm_that_holds_on_is_not_said_to_forget():
    session = session_on(LSTM(units=4))
    cell = session.module.get_submodule("cell").cell
    with torch.no_grad():
        cell.weight_hh_l0.zero_()
        cell.bias_ih_l0[4:8] = 10.0  # the forget gate is open
    frame = seen(session, "through-time", sample="0", toward="A")
    line = frame["values"][0]
    assert verdict(line, False) == "reaches the beginning"
    assert line[0] > 0.5 * line[-2]


def test_numbers_that_overflow_are_said_to_and_not_drawn():
    session = session_on(RNN(units=3, activation="relu"), DATASETS["recall"](number=60, delay=300, symbols=4))
    with torch.no_grad():
        session.module.get_submodule("cell").cell.weight_hh_l0.copy_(8 * torch.eye(3))
        session.module.get_submodule("embed").weight.abs_()
        session.module.get_submodule("cell").cell.weight_ih_l0.abs_()
    frame = seen(session, "through-time", sample="0", show="steps")
    drawn = VIEWS["through-time"](show="steps").draw(frame)
    assert "grows until it is no number" in drawn["layout"]["annotations"][0]["text"]
    assert not np.isinf(drawn["data"][0]["y"]).any()


@pytest.mark.parametrize("kind", [GRU, LSTM])
def test_a_state_that_is_handed_on_carries_the_gradient_back(kind):
    dataset = RECALL.load()
    graph = chain(
        letters=Input(sizes=dataset.sizes, values="tokens", sequence=True),
        embed=Embedding(vocabulary=len(dataset.words), features=5),
        first=(kind(units=3, gives="sequence", hands=("state",)), "embed"),
        state=(Part(what="state"), "first"),
        second=(kind(units=3), "embed", "state"),
        out=Dense(units=4),
    )
    learner = Learner(Experiment("two", {"network": graph}, RECALL, recipe=Recipe(batch=16)), dataset)
    session = Session(learner.experiment, 0, DraftRecord(learner), learner)
    session.module.double()
    frame = seen(session, "through-time", sample="0", toward="B")
    assert frame.words["names"] == ["first", "second"]
    length = int((sample_of(session, "0").values != 0).sum())
    # By the embedding of the first letter alone, which reaches the answer through both layers, by torch itself.
    weight = session.module.get_submodule("first").cell.weight_hh_l0
    given = sample_of(session, "0").given
    session.module.zero_grad()
    session.module(given)[0, 1].backward()
    assert float(weight.grad.norm()) > 0
    assert (frame["values"][0] > 0).all()
    first, second = (session.module.get_submodule(name).cell for name in ("first", "second"))
    x = session.module.get_submodule("embed")(given[:, :length]).detach()
    with torch.no_grad():
        last = first(x)[1]
    parts = [part.clone().requires_grad_() for part in (last if kind is LSTM else (last,))]
    answer = session.module.get_submodule("out")(second(x, tuple(parts) if kind is LSTM else parts[0])[0][0, -1])[1]
    wanted = torch.cat([gradient.flatten() for gradient in torch.autograd.grad(answer, parts)]).norm()
    assert frame["values"][0, -1] == pytest.approx(float(wanted), rel=1e-6)
    off = seen(session, "memory", off=("first",))
    assert off["counted"].sum() > 0


def test_places_have_the_words_of_their_own_letters_or_none():
    dataset = RECALL.load()

    def pieces(**conv):
        layers = {"conv": Conv1d(channels=5, kernel=3, **conv), "cell": GRU(units=3)}
        graph = chain(
            letters=Input(sizes=dataset.sizes, values="tokens", sequence=True),
            embed=Embedding(vocabulary=len(dataset.words), features=5),
            **layers,
            out=Dense(units=4),
        )
        learner = Learner(Experiment("conv", {"network": graph}, RECALL, recipe=Recipe(batch=16)), dataset)
        session = Session(learner.experiment, 0, DraftRecord(learner), learner)
        frame = seen(session, "gates")
        assert VIEWS["gates"](place=0).draw(frame)["data"]
        assert len(frame.words["pieces"]) == frame["state"].shape[1]
        return frame.words["pieces"]

    letters = [dataset.words[token] for token in dataset.validation.inputs[0] if token]
    assert pieces(padding="same") == letters
    assert pieces(stride=2, padding=1) == [str(place) for place in range((len(letters) + 1) // 2)]
    assert pieces(padding=2) == [str(place) for place in range(len(letters) + 2)]


@pytest.mark.parametrize(
    "layers",
    [{"soft": LAYERS["softmax"]()}, {}],
    ids=["ends in chances", "plain"],
)
@pytest.mark.parametrize("placed", [True, False])
def test_what_is_written_is_drawn_by_the_networks_own_chances(layers, placed):
    dataset = PROSE.load()
    graph = chain(
        text=Input(sizes=dataset.sizes, values="tokens", sequence=True),
        embed=Embedding(vocabulary=31, features=6),
        **({"position": PositionalEncoding()} if placed else {}),
        cell=GRU(units=6, gives="sequence"),
        out=Dense(units=30),
        **layers,
    )
    experiment = Experiment("text", {"network": graph}, PROSE, Label(probabilities=bool(layers)), Recipe(batch=16))
    learner = Learner(experiment, dataset)
    session = Session(experiment, 0, DraftRecord(learner), learner)
    frame = seen(session, "generate", start="the statement ", length=5, temperature=0.0)
    tokens = [dataset.words.index(sign) for sign in "the statement "]
    first = None
    for _ in range(5):
        with torch.no_grad():
            given = session.module(torch.tensor([tokens]))[0, -1]
        chances = given if layers else given.softmax(dim=0)
        first = chances if first is None else first
        tokens.append(1 + int(chances.argmax()))
    assert frame.words["pieces"] == [dataset.words[token] for token in tokens]
    warm = seen(session, "generate", start="the statement ", length=1, temperature=1.0)
    np.testing.assert_allclose(warm["chances"], first.sort(descending=True).values[:24], rtol=1e-4)


def test_a_blank_can_be_asked_about():
    session = session_on(GRU(units=3, gives="sequence"), PROSE, Label(), 30)
    classes = session.network.dataset.classes
    sample = sample_of(session, "0")
    for sign in (" ", "\n", "e"):
        assert aim(session, sign, sample) == classes.index(sign)
    assert "gradient of ␣" in str(VIEWS["through-time"]().draw(seen(session, "through-time", toward=" ")))


def test_long_texts_are_shown_from_where_they_were_begun():
    lines = [str(number) for number in range(40)]
    lines[20] += "│"
    assert excerpt(lines) == ["…", *lines[18:30], "…"]
    assert excerpt(["a│"]) == ["a│"]
    lines = ["│", *lines[:20]]
    assert excerpt(lines) == [*lines[:12], "…"]


def test_maps_of_several_layers_share_one_scale():
    frame = seen(session_on(LSTM(units=3, layers=2)), "states", show="memory")
    most = max(np.abs(frame[name]).max() for name in frame.arrays)
    for trace in VIEWS["states"]().draw(frame)["data"]:
        assert (trace["zmin"], trace["zmax"]) == (-most, most)


@pytest.mark.parametrize("task", ["class", "labels"])
def test_what_each_piece_says_is_what_captum_finds(task):
    if task == "class":
        session = session_on(LSTM(units=3))
    else:
        data = DATASETS["parity"](number=60, length=9, shortest=3)
        session = session_on(GRU(units=3, gives="sequence"), data, Label(), 2)
    session.module.double()
    with torch.no_grad():
        for weight in session.module.parameters():
            weight.mul_(2)
    embed, cell, out = (session.module.get_submodule(name) for name in ("embed", "cell", "out"))
    dataset = session.network.dataset
    for name in ("0", "1"):
        frame = seen(session, "tokens", sample=name, toward=dataset.classes[1])
        tokens = sample_of(session, name).values
        tokens = tokens[tokens != 0][None]
        vectors = embed(tokens).detach()

        def score(vectors):
            return out(cell.cell(vectors)[0][:, -1])[:, 1]

        wanted = IntegratedGradients(score).attribute(vectors, n_steps=50, method="gausslegendre")[0].sum(dim=1)
        np.testing.assert_allclose(frame["parts"][0], wanted.detach(), rtol=1e-4, atol=1e-7)
        times = InputXGradient(score).attribute(vectors.clone().requires_grad_())[0].sum(dim=1)
        np.testing.assert_allclose(frame["parts"][1], times.detach(), rtol=1e-4, atol=1e-7)
        for place in range(tokens.shape[1]):
            rest = torch.cat([tokens[:, :place], tokens[:, place + 1 :]], dim=1)
            lost = (score(vectors) - score(embed(rest))).detach()
            assert frame["parts"][2, place] == pytest.approx(float(lost), abs=1e-6)
        change = float((score(vectors) - score(torch.zeros_like(vectors))).detach())
        assert frame["parts"][0].sum() == pytest.approx(change, rel=1e-4)
        assert frame.words["whole"] - frame.words["none"] == pytest.approx(change, rel=1e-5)
        assert VIEWS["tokens"]().draw(frame)["data"]


def test_what_looks_nothing_up_has_no_pieces_to_explain():
    assert "through an embedding" in VIEWS["tokens"]().refusal(PRESETS["sines"].experiment())
    assert VIEWS["tokens"](methods=()).refusal(PRESETS["recall-gru"].experiment()) == "No method is chosen."


def forecasting(ahead=3, **options):
    """Return a session on a network that tells what comes next of waves."""
    data = DATASETS["waves"](length=300, window=12, ahead=ahead, **options)
    graph = chain(series=Input(sizes=(12, 1)), gru=GRU(units=4), out=Dense(units=ahead))
    experiment = Experiment("waves", {"network": graph}, data, Regress(), Recipe(epochs=3, batch=16, rate=0.02))
    learner = Learner(experiment, data.load())
    for _ in learn(learner):
        pass
    return Session(experiment, learner.step, DraftRecord(learner), learner)


def test_a_forecast_is_compared_with_what_costs_nothing():
    session = forecasting()
    dataset = session.network.dataset
    frame = seen(session, "forecast", split="test", ahead=2, season=5)
    raw = DATASETS["waves"](length=300, window=1, validation=0.0, test=0.0).load()
    mean, deviation = raw.scale
    series = mean + deviation * np.append(raw.train.inputs[:, 0, 0].numpy(), float(raw.train.targets[-1, 0]))
    inputs, targets = dataset.test.inputs, dataset.test.targets.numpy()
    np.testing.assert_allclose(frame["truth"], series[-len(targets) - 1 :][: len(targets)], atol=1e-5)

    def whole(values):
        return dataset.scale[0] + dataset.scale[1] * values

    with torch.no_grad():
        answers = whole(session.module(inputs).numpy())
    targets, known = whole(targets), whole(inputs[:, :, 0].numpy())
    np.testing.assert_allclose(frame["truth"], targets[:, 1])
    np.testing.assert_allclose(frame["told"], answers[:, 1], atol=1e-6)
    for ahead in range(3):
        for row, guess in enumerate((answers[:, ahead], known[:, -1], known[:, 12 - 5 + ahead])):
            wanted = mean_squared_error(targets[:, ahead], guess) ** 0.5
            assert frame["errors"][row, ahead] == pytest.approx(wanted, rel=1e-5)
    values, told = list(inputs[0, :, 0].numpy()), []
    while len(told) < len(targets) + 1:
        with torch.no_grad():
            three = session.module(torch.tensor(values[-12:])[None, :, None])[0].tolist()
        told, values = told + three, values + three
    np.testing.assert_allclose(frame["alone"], whole(np.array(told[1 : len(targets) + 1])), atol=1e-5)
    assert len(frame["alone"]) == len(frame["at"])
    residuals = targets[:, 0] - answers[:, 0]
    for lag in (1, 7):
        low, high = residuals[:-lag] - residuals.mean(), residuals[lag:] - residuals.mean()
        assert frame["autocorrelation"][lag - 1] == pytest.approx(
            (low * high).sum() / residuals.var() / len(residuals), abs=1e-5
        )
    assert VIEWS["forecast"]().draw(frame)["data"]


def test_a_season_reaches_back_as_often_as_it_must_and_not_beyond_the_window():
    session = forecasting()
    frame = seen(session, "forecast", split="test", season=2)
    dataset = session.network.dataset
    inputs, targets = dataset.test.inputs, dataset.test.targets.numpy()
    for ahead, back in enumerate((10, 11, 10)):  # the third is two seasons after what the first is compared with
        wanted = dataset.scale[1] * mean_squared_error(targets[:, ahead], inputs[:, back, 0].numpy()) ** 0.5
        assert frame["errors"][2, ahead] == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(VitrineError, match="A season of 40 is longer than the window of 12"):
        seen(session, "forecast", season=40)
    assert "can forecast" in VIEWS["forecast"]().refusal(PRESETS["adding-lstm"].experiment())


def test_one_output_that_tells_of_two_classes_is_asked_about_both():
    data = DATASETS["parity"](number=60, length=9, shortest=3)
    session = session_on(GRU(units=3, gives="sequence"), data, Label(), 1)
    for kind, values in (("through-time", "values"), ("tokens", "parts")):
        even, odd = (seen(session, kind, toward=name)[values] for name in ("even", "odd"))
        assert np.abs(odd).max() > 0
        np.testing.assert_allclose(np.abs(even), np.abs(odd), rtol=1e-4, atol=1e-7)


def test_without_a_piece_that_must_stand_its_vector_is_nothing():
    dataset = PROSE.load()
    graph = chain(
        text=Input(sizes=dataset.sizes, values="tokens"),
        embed=Embedding(vocabulary=31, features=6),
        cell=GRU(units=6, gives="sequence"),
        out=Dense(units=30),
    )
    learner = Learner(Experiment("text", {"network": graph}, PROSE, Label(), Recipe(batch=16)), dataset)
    session = Session(learner.experiment, 0, DraftRecord(learner), learner)
    frame = seen(session, "tokens", toward="e", methods=("leave one out",))
    column, tokens = dataset.classes.index("e"), dataset.validation.inputs[:1]
    with torch.no_grad():
        embed, cell, out = (session.module.get_submodule(name) for name in ("embed", "cell", "out"))
        whole = out(cell(embed(tokens))[0, -1])[column]
        for place in range(20):
            vectors = embed(tokens)
            vectors[0, place] = 0
            assert frame["parts"][0, place] == pytest.approx(float(whole - out(cell(vectors)[0, -1])[column]), abs=1e-6)


def test_a_stretch_that_overflows_while_states_do_not_is_said_to():
    session = session_on(RNN(units=3), DATASETS["recall"](number=60, delay=400, symbols=4))
    with torch.no_grad():
        for weight in session.module.get_submodule("cell").parameters():
            weight.zero_()
        session.module.get_submodule("cell").cell.weight_hh_l0.copy_(8 * torch.eye(3))
    drawn = VIEWS["through-time"](show="steps").draw(seen(session, "through-time", show="steps"))
    assert "grows until it is no number" in drawn["layout"]["annotations"][0]["text"]


def test_a_network_whose_weights_are_no_numbers_says_so():
    session = session_on(RNN(units=3, gives="sequence"), PROSE, Label(), 30)
    with torch.no_grad():
        for weight in session.module.parameters():
            weight.fill_(torch.nan)
    with pytest.raises(VitrineError, match="no numbers any more"):
        seen(session, "generate")
    assert VIEWS["states"]().draw(seen(session, "states"))["data"][0]["zmax"] == 1.0
    assert seen(session, "through-time").words["radii"] == {}


def test_a_forecast_keeps_to_one_stretch_in_the_order_of_time():
    session = forecasting(ahead=1)
    few = dataclasses.replace(session.experiment, recipe=session.experiment.recipe.but(examples=100))
    learner = Learner(few, fewer(few.data.load(), few.recipe))
    found = seen(Session(few, 0, DraftRecord(learner), learner), "forecast", split="train")
    whole = few.data.load()
    np.testing.assert_allclose(
        found["truth"], whole.scale[0] + whole.scale[1] * whole.train.targets[-100:, 0].numpy(), rtol=1e-6
    )
    fold = folded(few.data.load(), Recipe(folds=3, fold=2))
    learner = Learner(session.experiment, fold)
    frame = seen(Session(session.experiment, 0, DraftRecord(learner), learner), "forecast")
    many = len(frame["truth"])
    inputs = fold.validation.inputs[:, :, 0]
    assert many < len(inputs)
    assert torch.equal(inputs[1:many, :-1], inputs[: many - 1, 1:])
    assert not torch.equal(inputs[many, :-1], inputs[many - 1, 1:])
    assert "up to a gap in time" in VIEWS["forecast"]().draw(frame)["layout"]["annotations"][0]["text"]


def test_what_runs_away_when_fed_back_ends_there():
    session = forecasting(ahead=1)
    with torch.no_grad():
        session.module.get_submodule("out").bias.fill_(50.0)
    alone = seen(session, "forecast", split="train")["alone"]
    assert np.isnan(alone).all()
    long = DATASETS["waves"](length=2000, window=12, ahead=1)
    learner = Learner(dataclasses.replace(session.experiment, data=long), long.load())
    alone = seen(Session(learner.experiment, 0, DraftRecord(learner), learner), "forecast", split="train")["alone"]
    assert np.isfinite(alone[:300]).all()
    assert np.isnan(alone[300:]).all()
