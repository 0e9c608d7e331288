"""Sequences of unequal length: what stands behind an end changes nothing, in any layer, in code, in learning."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.data.dataset import DATASETS, Dataset, Source, Split, drawn
from engine.data.splitting import split
from engine.errors import VitrineError
from engine.graph import grouping
from engine.graph.chain import block, chain
from engine.graph.cost import counts
from engine.graph.document import read, write
from engine.graph.graph import Block, Graph, Node
from engine.graph.network import Network
from engine.graph.source import source
from engine.graph.trace import trace
from engine.layers import LAYERS, Init, Shape, check, outcome
from engine.layers.attention import CrossAttention, SelfAttention
from engine.layers.convolution import Conv1d
from engine.layers.dense import Dense
from engine.layers.entry import Entry, Input
from engine.layers.merging import Add
from engine.layers.modules import lengths_of
from engine.layers.normalisation import BatchNorm, LayerNorm
from engine.layers.pooling import GlobalAveragePool, GlobalMaxPool, MaxPool1d
from engine.layers.regularisation import Dropout
from engine.layers.sequence import GRU, LSTM, RNN, Embedding, LastStep, MaxOverTime, MeanOverTime, PositionalEncoding
from engine.live.scene import drawn as message_of
from engine.looking import Session
from engine.looking.view import frame_of
from engine.runs.record import DraftRecord
from engine.tasks.classify import Classify
from engine.tasks.regress import Regress
from engine.training.experiment import Experiment, dump, load
from engine.training.fit import fitted
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from engine.views import VIEWS
from tests.engine.stopping import stopped_and_not

LENGTH, WORDS = 9, 12
SERIES = Shape((LENGTH, 6), sequence=True)


def ragged(number, generator):
    """Return rows of tokens from 1 to 5 that end anywhere."""
    tokens = torch.randint(1, 6, (number, LENGTH), generator=generator)
    tokens[torch.arange(LENGTH) >= torch.randint(1, LENGTH + 1, (number, 1), generator=generator)] = 0
    return tokens


class Recall(Source):
    """Tell with which of three letters a word of unequal length began."""

    kind, title, example = "recall", "Recall", "tokens"

    number: int = 240
    seed: int = 0
    validation: float = 0.2
    test: float = 0.2

    def load(self):
        tokens = ragged(self.number, drawn(self.seed))
        tokens[:, 0] = (tokens[:, 0] - 1) % 3 + 1
        parts = split(Split(tokens, tokens[:, 0] - 1), self)
        return Dataset(self.title, "tokens", ("a", "b", "c"), *parts, words=("", *"abcde"))


class Sums(Recall):
    """Tell the sum of a series of unequal length."""

    kind, title, example = "sums", "Sums", "series"

    def load(self):
        values = torch.randn(self.number, LENGTH, 2, generator=drawn(self.seed))
        lengths = torch.randint(1, LENGTH + 1, (self.number,), generator=drawn(self.seed, 1))
        values[torch.arange(LENGTH) >= lengths.unsqueeze(1)] = torch.nan
        totals = values.nan_to_num().sum(dim=(1, 2)).unsqueeze(1)
        return Dataset(self.title, "series", (), *split(Split(values, totals), self))


@pytest.fixture(autouse=True)
def sources(monkeypatch):
    monkeypatch.setitem(DATASETS._things, "recall", Recall)
    monkeypatch.setitem(DATASETS._things, "sums", Sums)


def words(**layers):
    return chain(words=Input(sizes=(LENGTH,), values="tokens", sequence=True), **layers)


def series(**layers):
    return chain(series=Input(sizes=(LENGTH, 6), sequence=True), **layers)


def padded(lengths, features=6):
    """Return a batch of series of these lengths; behind their ends are no numbers."""
    torch.manual_seed(1)
    values = torch.randn(len(lengths), LENGTH, features)
    values[torch.arange(LENGTH) >= torch.tensor(lengths).unsqueeze(1)] = torch.nan
    return values


def same_alone(graph, lengths, inputs=None):
    """Assert that each sequence gives by itself, unpadded, what it gives among longer ones."""
    torch.manual_seed(0)
    network = Network(graph).eval()
    inputs = padded(lengths) if inputs is None else inputs
    whole = network(inputs)
    assert whole.isfinite().all()
    for place, length in enumerate(lengths):
        alone = network(inputs[place : place + 1, :length])[0]
        among = whole[place] if alone.dim() == 1 else whole[place][: len(alone)]
        torch.testing.assert_close(among, alone, rtol=1e-4, atol=1e-5)
    return network


def test_ends_are_where_padding_begins():
    assert lengths_of(torch.tensor([[3, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]])).tolist() == [2, 3, 1]
    nan = torch.nan
    rows = torch.tensor([[[1.0, 2.0], [nan, 1.0], [nan, nan]], [[nan, nan], [0.0, 0.0], [1.0, 1.0]]])
    assert lengths_of(rows).tolist() == [2, 3]  # one number that is missing is no end


LENGTHS = st.lists(st.integers(1, LENGTH), min_size=1, max_size=5)
RECURRENT = st.builds(
    lambda kind, **options: kind(units=6, **options),
    st.sampled_from([RNN, LSTM, GRU]),
    gives=st.just("sequence"),
    both_directions=st.booleans(),
    layers=st.integers(1, 3),
)
WITHIN = st.one_of(
    RECURRENT,
    st.builds(SelfAttention, heads=st.sampled_from([1, 2, 3]), causal=st.booleans()),
    st.builds(PositionalEncoding, way=st.sampled_from(["sines", "learned"])),
    st.builds(LayerNorm),
    st.builds(Dense, units=st.sampled_from([6, 12])),
    st.builds(Dropout),
    st.builds(
        Conv1d,
        channels=st.just(6),
        kernel=st.integers(1, 4),
        padding=st.sampled_from(["same", "causal", "valid", 1]),
        dilation=st.integers(1, 2),
    ),
    st.builds(Conv1d, channels=st.just(6), kernel=st.integers(1, 3), stride=st.just(2), padding=st.integers(0, 2)),
    st.builds(
        lambda kind, **options: LAYERS[kind](**options),
        st.sampled_from(["max_pool1d", "average_pool1d", "sum_pool1d"]),
        kernel=st.integers(1, 3),
        stride=st.sampled_from([None, 1, 2]),
    ),
    st.builds(BatchNorm),
    st.sampled_from([LAYERS[kind]() for kind in ("relu", "tanh", "sigmoid", "softmax", "gelu")]),
)
ENDS = st.one_of(
    st.sampled_from([MeanOverTime(), MaxOverTime(), LastStep(), GlobalAveragePool(), GlobalMaxPool()]),
    st.builds(
        lambda kind, **options: kind(units=4, **options),
        st.sampled_from([RNN, LSTM, GRU]),
        both_directions=st.booleans(),
        layers=st.integers(1, 2),
    ),
)


@settings(max_examples=60, deadline=None)
@given(LENGTHS, st.lists(WITHIN, max_size=4), ENDS)
def test_padding_changes_nothing_whatever_layers_and_lengths(lengths, layers, end):
    graph = series(**{f"layer{number}": layer for number, layer in enumerate(layers)}, end=end, out=Dense(units=3))
    if trace(graph).sound:
        same_alone(graph, lengths)


def over_time():
    """Return every kind of layer that says it is right of sequences, with options that fit."""
    return [
        (kind, options)
        for kind, layer in LAYERS.items()
        for options, shapes in (layer.examples if layer.over_time else ())
        if not layer.tokens
        and layer.bound is None  # to a layer that hands something on
        and len(shapes) == 1
        and check(layer(**options), (Shape((LENGTH, 6), sequence=True),)) is None
    ]


@pytest.mark.parametrize(("kind", "options"), over_time(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_layer_that_says_so_is_right_of_sequences_of_several_lengths(kind, options):
    same_alone(series(layer=LAYERS[kind](**options)), [9, 4, 1, 6])


@pytest.mark.parametrize("kind", [kind for kind, layer in LAYERS.items() if 2 in layer.takes and not layer.over_time])
def test_every_other_layer_refuses_them_in_words(kind):
    layer = LAYERS[kind]
    if not layer.arity[1]:
        return
    refused = check(layer(), (SERIES,) * max(1, layer.arity[0]))
    assert refused.need == "examples of one length"
    assert "recurrent layer" in refused.cure


def test_a_decoder_looks_at_no_place_that_its_memory_does_not_have():
    graph = chain(
        series=Input(sizes=(LENGTH, 6), sequence=True),
        memory=(Input(sizes=(7, 4), sequence=True),),
        attend=(CrossAttention(heads=2), "series", "memory"),
        mean=MeanOverTime(),
    )
    torch.manual_seed(0)
    network = Network(graph).eval()
    asked, memory = padded([9, 3, 5]), padded([7, 2, 1], 4)[:, :7]
    whole = network(asked, memory)
    for place, (long, held) in enumerate(((9, 7), (3, 2), (5, 1))):
        alone = network(asked[place : place + 1, :long], memory[place : place + 1, :held])
        torch.testing.assert_close(whole[place], alone[0], rtol=1e-4, atol=1e-5)


def decoder():
    """Return a decoder of three turns that each look at the same memory."""
    inner = Graph(
        (
            Node("entry", Entry()),
            Node("memory", Entry()),
            Node("look", CrossAttention(heads=2), ("entry", "memory")),
            Node("add", Add(), ("entry", "look")),
            Node("norm", LayerNorm(), ("add",)),
        ),
        ("norm",),
    )
    nodes = (
        Node("series", Input(sizes=(LENGTH, 6), sequence=True)),
        Node("told", Input(sizes=(7, 4), sequence=True)),
        Node("decode", Block(name="Decoder", repeat=3, graph=inner), ("series", "told")),
        Node("mean", MeanOverTime(), ("decode",)),
    )
    return Graph(nodes, ("mean",))


def test_a_repeated_block_is_given_the_same_memory_at_each_turn():
    graph = decoder()
    assert trace(graph).sound
    torch.manual_seed(0)
    network = Network(graph).eval()
    asked, memory, ends = padded([9, 3, 5]), padded([7, 2, 1], 4)[:, :7], torch.tensor([7, 2, 1])
    x, held = asked.nan_to_num(), memory.nan_to_num()
    behind = torch.arange(7) >= ends.unsqueeze(1)
    for turn in network.decode:
        x = turn.norm(x + turn.look.attention(x, held, held, key_padding_mask=behind)[0])
    there = (torch.arange(LENGTH) < torch.tensor([9, 3, 5]).unsqueeze(1)).unsqueeze(2)
    expected = (x * there).sum(dim=1) / there.sum(dim=1)
    torch.testing.assert_close(network(asked, memory), expected, rtol=1e-4, atol=1e-5)
    space = {"__name__": "exported"}
    exec(compile(source({"network": graph}, "told"), "<told>", "exec"), space)
    made = space["Told"]().eval()
    made.load_state_dict(network.state_dict())
    assert torch.equal(made(asked, memory), network(asked, memory))
    flat = grouping.ungroup(graph, "decode")
    assert not [node for node in flat.nodes if node.block]
    laid = Network(flat).eval()
    laid.load_state_dict(dict(zip(laid.state_dict(), network.state_dict().values(), strict=True)))
    assert torch.equal(laid(asked, memory), network(asked, memory))


def residual(repeat):
    inner = {"attend": SelfAttention(heads=2), "add": (Add(), "attend", "entry"), "norm": LayerNorm()}
    return block("Residual", repeat, **inner)


GRAPHS = {
    "tokens": words(embed=Embedding(vocabulary=WORDS, features=6), lstm=LSTM(both_directions=True), out=Dense(units=3)),
    "series": series(gru=GRU(units=6, gives="sequence"), mean=MeanOverTime(), out=Dense(units=2)),
    "windows": series(
        conv=Conv1d(channels=8, kernel=3, stride=2, padding=1),
        norm=BatchNorm(),
        pool=MaxPool1d(kernel=2, stride=1),
        shrink=block("Shrink", 1, conv=Conv1d(channels=4, kernel=2), relu=LAYERS["relu"]()),
        mean=GlobalAveragePool(),
    ),
    "blocks": series(stage=residual(3), single=residual(1), last=LastStep(), out=Dense(units=2)),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_the_code_gives_the_same_for_sequences_of_several_lengths(name):
    graph = GRAPHS[name]
    text = source({"network": graph}, "told")
    assert "lengths_of(" in text
    space = {"__name__": "exported"}
    exec(compile(text, "<told>", "exec"), space)
    lengths = [9, 4, 1, 6]
    inputs = padded(lengths)
    if name == "tokens":
        inputs = torch.randint(1, WORDS, (4, LENGTH))
        inputs[torch.arange(LENGTH) >= torch.tensor(lengths).unsqueeze(1)] = 0
    ours = same_alone(graph, lengths, inputs)
    made = space["Told"]().eval()
    made.load_state_dict(ours.state_dict())
    assert torch.equal(made(inputs), ours(inputs))
    exec(compile(text, "<told>", "exec"), {"__name__": "__main__", "print": lambda *_, **__: None})


@pytest.mark.parametrize("way", ["glorot_normal", "normal"])
def test_the_vector_of_the_padding_begins_at_zero_in_network_and_code(way):
    graph = words(embed=Embedding(vocabulary=6, features=4), mean=MeanOverTime(), out=Dense(units=2))
    graph = Graph(graph.nodes, graph.outputs, Init(way=way))
    space = {"__name__": "exported"}
    exec(compile(source({"network": graph}, "told"), "<told>", "exec"), space)
    for network in (Network(graph), space["Told"]()):
        assert not network.embed.weight[0].any()
        assert network.embed.weight[1:].all()


def test_sequences_are_written_down_and_refused_where_they_are_none():
    graph = GRAPHS["tokens"]
    assert read(write(graph)) == graph
    assert str(trace(graph).shapes["words"]) == "≤9 tokens"
    for sizes, values in (((3, 8, 8), "numbers"), ((4,), "numbers"), ((4, 4), "tokens")):
        with pytest.raises(VitrineError, match="a sequence has a length"):
            Input.read({"sizes": sizes, "values": values, "sequence": True})


LSTM_NET = words(embed=Embedding(vocabulary=6, features=5), lstm=LSTM(units=8), out=Dense(units=3))


def recalling(graph=LSTM_NET, **recipe):
    return Experiment(
        "recall", {"network": graph}, Recall(), Classify(), Recipe(**{"batch": 16, "epochs": 3.0} | recipe)
    )


class ByHand(nn.Module):
    """The same network as people write it, with packed sequences."""

    def __init__(self):
        super().__init__()
        self.embed, self.lstm = nn.Embedding(6, 5, padding_idx=0), nn.LSTM(5, 8, batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, tokens):
        lengths = (tokens > 0).sum(dim=1)
        packed = nn.utils.rnn.pack_padded_sequence(self.embed(tokens), lengths, True, enforce_sorted=False)
        return self.out(self.lstm(packed)[1][0][-1])


def test_learning_equals_a_loop_by_hand_with_packed_sequences():
    ours = Learner(recalling(rate=0.01), Recall().load())
    hand = ByHand()
    names = {name.replace("lstm.cell", "lstm"): value for name, value in ours.networks["network"].state_dict().items()}
    hand.load_state_dict(names)
    optimiser = torch.optim.Adam(hand.parameters(), lr=0.01)
    for epoch in range(3):
        for tokens, targets in ours.batches():
            loss = nn.functional.cross_entropy(hand(tokens), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        ours.epoch = epoch + 1
    ours.epoch = 0
    for _ in learn(ours):
        pass
    for name, value in ours.networks["network"].state_dict().items():
        torch.testing.assert_close(value, hand.state_dict()[name.replace("lstm.cell", "lstm")], rtol=1e-3, atol=1e-5)
    padding = ours.networks["network"].embed.weight[0]
    assert not padding.any()  # the padding's vector stays zero


def test_what_is_remembered_is_learned():
    learner = Learner(recalling(epochs=30.0, rate=0.02), Recall().load())
    for _ in learn(learner):
        pass
    assert learner.score("validation")["accuracy"] > 0.95


def test_batches_hold_sequences_of_like_length_each_once_and_always_in_the_same_order():
    learner = Learner(recalling(), Recall().load())
    batches = [inputs for inputs, _ in learner.batches()]
    assert sum(map(len, batches)) == len(learner.train) - (len(learner.train) % 16 == 1)
    longest = [lengths_of(batch).max().item() for batch in batches]
    assert [batch.shape[1] for batch in batches] == longest  # no batch is longer than its longest sequence
    spread = sum((lengths_of(batch).max() - lengths_of(batch).min()).item() for batch in batches) / len(batches)
    random.seed(0)
    chance = torch.randperm(len(learner.train))
    mixed = lengths_of(learner.train.inputs)[chance].split(16)
    assert spread < 0.4 * sum((part.max() - part.min()).item() for part in mixed) / len(mixed)
    assert sorted(longest) != longest  # but long and short batches alternate
    again = [inputs for inputs, _ in Learner(recalling(), Recall().load()).batches()]
    assert all(torch.equal(a, b) for a, b in zip(batches, again, strict=True))
    learner.epoch += 1
    assert not torch.equal(batches[0], next(learner.batches())[0])


def test_a_run_on_sequences_is_stopped_and_goes_on_to_the_same_bits(tmp_path):
    stopped_and_not(tmp_path, recalling(epochs=6.0))
    assert load(dump(recalling())) == recalling()


@pytest.mark.parametrize(
    "layer",
    [Conv1d(channels=4, kernel=3, padding="causal"), Conv1d(channels=4, stride=2, padding=1), MaxPool1d(kernel=3)],
)
def test_what_slides_along_time_counts_as_along_channels(layer):
    other = Shape((6, LENGTH))
    ours, theirs = (counts(layer, (shape,), outcome(layer, (shape,))) for shape in (SERIES, other))
    assert ours == theirs
    assert outcome(layer, (SERIES,)).sizes == outcome(layer, (other,)).sizes[::-1]


def test_series_that_end_early_are_learned_from_too():
    graph = chain(series=Input(sizes=(LENGTH, 2), sequence=True), rnn=RNN(units=12), out=Dense(units=1))
    experiment = Experiment("sums", {"network": graph}, Sums(), Regress(), Recipe(batch=20, epochs=40.0, rate=0.02))
    learner = Learner(experiment, Sums().load())
    for _ in learn(learner):
        pass
    assert learner.score("validation")["r²"] > 0.8


def test_what_does_not_suit_sequences_is_said_and_mended():
    dataset = Recall().load()
    fixed = chain(
        words=Input(sizes=(LENGTH,), values="tokens"),
        embed=Embedding(vocabulary=4),
        last=LastStep(),
        out=Dense(units=5),
    )
    assert "differ in length. Let words take a sequence" in Classify().refuses({"network": fixed}, dataset)
    numbers = chain(image=Input(sizes=(LENGTH,)), out=Dense(units=3))
    assert "9 but an example of Recall is 9 tokens" in Classify().refuses({"network": numbers}, dataset)
    small = words(embed=Embedding(vocabulary=4), last=LastStep(), out=Dense(units=3))
    assert "embed knows fewer tokens than the 6 of Recall" in Classify().refuses({"network": small}, dataset)
    assert Classify().refuses({"network": fitted(fixed, dataset)}, dataset) == ""


@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_of_a_network_on_sequences_is_a_figure_or_a_reason_in_words(kind):
    learner = Learner(recalling(), Recall().load())
    session = Session(learner.experiment, 0, DraftRecord(learner), learner)
    view = VIEWS[kind]()
    if words := view.refusal(session.experiment):
        assert words.endswith(".")
        return
    frame = frame_of(view, session)
    assert "problem" not in frame.words, frame.words
    assert b'"problem"' not in message_of(view, frame, 0)
