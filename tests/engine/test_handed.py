"""What nodes hand on beside their values: last states, attention's weights, further outputs of blocks."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph import edits, grouping
from engine.graph.chain import block, chain
from engine.graph.cost import cost
from engine.graph.document import read, write
from engine.graph.field import fields
from engine.graph.graph import Block, Graph, Node
from engine.graph.layout import layout
from engine.graph.network import Network
from engine.graph.reach import reach
from engine.graph.source import source
from engine.graph.trace import problems, trace
from engine.layers import LAYERS, Init, Shape, check
from engine.layers.attention import CrossAttention, SelfAttention
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Entry, Input
from engine.layers.merging import Add, Concat, Part, Stack
from engine.layers.pooling import MaxPool2d
from engine.layers.sequence import GRU, LSTM, RNN, Embedding, LastStep
from engine.looking import Session
from engine.looking.view import frame_of
from engine.runs.record import DraftRecord
from engine.tasks.label import Label
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.loop import every, learn
from engine.training.recipe import Recipe
from engine.views import VIEWS
from tests.engine.goals import LONG, Odd
from tests.engine.stopping import stopped_and_not
from tests.engine.test_sequences import LENGTH, padded

CELLS = {RNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU}


def carried_out(graph, name="handed"):
    """Return the network of exported code, with the weights of ours, and ours."""
    torch.manual_seed(0)
    ours = Network(graph).eval()
    space = {"__name__": "exported"}
    exec(compile(source({"network": graph}, name), f"<{name}>", "exec"), space)
    made = space["Handed"]().eval()
    made.load_state_dict(ours.state_dict())
    return made, ours


def same_in_code(graph, *inputs):
    made, ours = carried_out(graph)
    outputs = ours(*inputs)
    theirs = made(*inputs)
    for one, other in zip(*(o if isinstance(o, tuple) else (o,) for o in (outputs, theirs)), strict=True):
        assert torch.equal(one, other)
    assert read(write(graph)) == graph
    return outputs


def rows_of(state):
    """Return torch's last state in one row: every layer and direction, of an LSTM the memory behind that."""
    together = torch.cat(state) if isinstance(state, tuple) else state
    return torch.cat(list(together), dim=1)


def stateful(layer, sequence=True):
    """Return a network that gives the sequence and the last state of a layer that is given a first one."""
    graph = chain(
        series=Input(sizes=(LENGTH, 6), sequence=sequence),
        first=(Input(sizes=(layer.remembers,)),),
        cell=(layer, "series", "first"),
        state=Part(what="state"),
    )
    return Graph(graph.nodes, ("cell", "state"))


LAYER = st.builds(
    lambda kind, **options: kind(units=4, gives="sequence", **options),
    st.sampled_from(list(CELLS)),
    both_directions=st.booleans(),
    layers=st.integers(1, 3),
)


@settings(max_examples=40, deadline=None)
@given(LAYER, st.lists(st.integers(1, LENGTH), min_size=1, max_size=4))
def test_states_go_in_and_come_out_as_torchs_own(layer, lengths):
    graph = stateful(layer)
    series, first = padded(lengths), torch.randn(len(lengths), layer.remembers)
    sequence, state = same_in_code(graph, series, first)
    _, ours = carried_out(graph)
    cell = CELLS[type(layer)](6, 4, layer.layers, batch_first=True, bidirectional=layer.both_directions)
    cell.load_state_dict(ours.cell.cell.state_dict())
    number = layer.layers * (1 + layer.both_directions)
    for place, length in enumerate(lengths):
        begun = first[place].reshape(-1, 1, 4)
        begun = (begun[:number], begun[number:]) if isinstance(layer, LSTM) else begun
        wanted, last = cell(series[place : place + 1, :length], begun)
        torch.testing.assert_close(sequence[place : place + 1, :length], wanted, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(state[place : place + 1], rows_of(last), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("cut", [1, 4, 8])
def test_a_sequence_read_in_two_parts_is_read_as_one(kind, cut):
    layer = kind(units=4, layers=2, gives="sequence")
    _, ours = carried_out(stateful(layer, sequence=False))
    series, zero = padded([LENGTH] * 3), torch.zeros(3, layer.remembers)
    whole, end = ours(series, zero)
    first, state = ours(series[:, :cut], zero)
    second, again = ours(series[:, cut:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(again, end)


def test_without_a_first_state_it_is_zero():
    layer = GRU(units=4)
    alone = chain(series=Input(sizes=(LENGTH, 6)), cell=layer)
    _, one = carried_out(alone)
    _, other = carried_out(stateful(layer, sequence=False))
    other.load_state_dict(one.state_dict())
    series = padded([LENGTH] * 2)
    assert torch.equal(one(series), other(series, torch.zeros(2, 4))[0])


@pytest.mark.parametrize("causal", [False, True])
def test_attention_hands_on_how_much_each_head_looks_where(causal):
    graph = chain(
        series=Input(sizes=(LENGTH, 6), sequence=True),
        look=SelfAttention(heads=3, causal=causal),
        seen=Part(what="weights"),
    )
    graph = Graph(graph.nodes, ("look", "seen"))
    assert str(trace(graph).shapes["seen"]) == f"≤3×{LENGTH}×{LENGTH}"
    lengths = [9, 4, 1]
    series = padded(lengths)
    values, weights = same_in_code(graph, series)
    _, ours = carried_out(graph)
    for place, length in enumerate(lengths):
        x = series[place : place + 1, :length]
        mask = torch.ones(length, length, dtype=torch.bool).triu(1) if causal else None
        wanted = ours.look.attention(x, x, x, attn_mask=mask, need_weights=True, average_attn_weights=False)
        torch.testing.assert_close(values[place : place + 1, :length], wanted[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(weights[place, :, :length, :length], wanted[1][0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(weights[place, :, :length].sum(dim=2), torch.ones(3, length))
        assert not weights[place, :, :length, length:].any()
    plain = Network(chain(series=Input(sizes=(LENGTH, 6), sequence=True), look=SelfAttention(heads=3, causal=causal)))
    plain.load_state_dict(ours.state_dict())
    torch.testing.assert_close(plain.eval()(series), values)


def test_attention_over_a_memory_hands_on_its_weights_too():
    graph = chain(
        series=Input(sizes=(LENGTH, 6)),
        memory=(Input(sizes=(5, 4)),),
        look=(CrossAttention(heads=2), "series", "memory"),
        seen=Part(what="weights"),
    )
    graph = Graph(graph.nodes, ("seen",))
    (weights,) = (same_in_code(graph, torch.randn(2, LENGTH, 6), torch.randn(2, 5, 4)),)
    assert weights.shape == (2, 2, LENGTH, 5)


# -- blocks with several outputs ----------------------------------------------------------------------------------


def split_block(repeat=1):
    """Return a block that gives maps, and beside them what they were before they were halved."""
    inner = Graph(
        (
            Node("entry", Entry()),
            Node("conv", Conv2d(channels=3, kernel=3, padding="same"), ("entry",)),
            Node("small", MaxPool2d(), ("conv",)),
        ),
        ("small", "conv"),
    )
    return Block(name="Down", repeat=repeat, graph=inner)


def two_ways(repeat=1):
    image = (3, 8, 8)
    nodes = (
        Node("image", Input(sizes=image)),
        Node("down", split_block(repeat), ("image",)),
        Node("before", Part(what="conv"), ("down",)),
        Node("pooled", LAYERS["global_average_pool"](), ("before",)),
        Node("mean", LAYERS["global_average_pool"](), ("down",)),
        Node("both", Concat(), ("mean", "pooled")),
    )
    return Graph(nodes, ("both",))


@pytest.mark.parametrize("repeat", [1, 2, 3])
def test_a_block_hands_on_its_other_outputs_those_of_the_last_turn(repeat):
    graph, x = two_ways(repeat), torch.randn(2, 3, 8, 8)
    given = same_in_code(graph, x)
    _, ours = carried_out(graph)
    turns = ours.down if repeat > 1 else [ours.down]
    for turn in turns:
        conv = turn.conv(x)
        x = turn.small(conv)
    torch.testing.assert_close(given, torch.cat([x.mean(dim=(2, 3)), conv.mean(dim=(2, 3))], dim=1))
    assert cost(graph).total.weights == sum(p.numel() for p in ours.parameters())


def test_ungrouped_it_gives_the_same_and_sees_the_same():
    graph = two_ways(2)
    flat = grouping.ungroup(graph, "down")
    assert not [n for n in flat.nodes if n.block or isinstance(n.layer, Part)]
    x = torch.randn(2, 3, 8, 8)
    one, other = carried_out(graph)[1], carried_out(flat)[1]
    other.load_state_dict(dict(zip(other.state_dict(), one.state_dict().values(), strict=True)))
    assert torch.equal(one(x), other(x))
    inside, outside = fields(trace(graph)), fields(trace(flat))
    last = [name for name in outside if "conv" in name][-1]
    assert inside["before"] == outside[last]
    assert reach(trace(graph), "before") == reach(trace(flat), last)


def test_grouping_nodes_that_several_others_take_from_makes_a_block_of_several_outputs():
    graph = chain(
        image=Input(sizes=(3, 8, 8)),
        conv1=Conv2d(channels=4, kernel=3),
        conv2=Conv2d(channels=4, kernel=3, padding="same"),
        pool=(LAYERS["global_average_pool"](), "conv1"),
        mean=(LAYERS["global_average_pool"](), "conv2"),
        sum=(Add(), "pool", "mean"),
    )
    grouped = grouping.group(graph, ["conv1", "conv2"], "Twice")
    assert grouped["twice"].layer.graph.outputs == ("conv1", "conv2")
    assert grouped["conv2"] == Node("conv2", Part(what="conv2"), ("twice",))
    x = torch.randn(2, 3, 8, 8)
    one, other = carried_out(graph)[1], carried_out(grouped)[1]
    other.load_state_dict({f"twice.{name}": value for name, value in one.state_dict().items()})
    assert torch.equal(one(x), other(x))
    assert same_in_code(grouped, x) is not None
    assert grouping.ungroup(grouped, "twice") == graph


def test_a_block_whose_other_outputs_nobody_takes_gives_its_first():
    nodes = [n for n in two_ways().nodes if n.id in ("image", "down")]
    graph = Graph(tuple(nodes), ("down",))
    assert same_in_code(graph, torch.randn(2, 3, 8, 8)).shape == (2, 3, 4, 4)
    assert trace(graph).sound


def test_two_that_take_the_same_get_the_same():
    graph = two_ways()
    nodes = (*graph.nodes[:3], Node("again", Part(what="conv"), ("down",)), Node("sum", Add(), ("before", "again")))
    graph = Graph(nodes, ("sum",))
    x = torch.randn(2, 3, 8, 8)
    given = same_in_code(graph, x)
    assert torch.equal(given, 2 * carried_out(graph)[1].down.conv(x))


def test_sequences_that_a_block_shortens_keep_their_lengths_on_both_ways():
    inner = {"conv": LAYERS["conv1d"](channels=4, kernel=2, stride=2), "relu": LAYERS["relu"]()}
    shorter = block("Shorter", 2, **inner)
    shorter = shorter.but(graph=Graph(shorter.graph.nodes, ("relu", "conv")))
    graph = chain(
        series=Input(sizes=(LENGTH, 4), sequence=True),
        down=shorter,
        linear=Part(what="conv"),
        last=LastStep(),
        end=(LastStep(), "down"),
    )
    graph = Graph(graph.nodes, ("last", "end"))
    series = padded([9, 5, 8], 4)
    last, end = same_in_code(graph, series)
    _, ours = carried_out(graph)
    for place, length in enumerate((9, 5, 8)):
        alone = ours(series[place : place + 1, :length])
        torch.testing.assert_close(last[place], alone[0][0])
        torch.testing.assert_close(end[place], alone[1][0])


def two_entries(outputs):
    """Return a block that is given two sequences, shortens the second, and gives these of its nodes."""
    inner = (
        Node("entry1", Entry()),
        Node("entry2", Entry()),
        Node("one", GRU(units=4, gives="sequence"), ("entry1",)),
        Node("two", LAYERS["conv1d"](channels=4, kernel=2, stride=2), ("entry2",)),
        Node("last", LastStep(), ("one",)),
    )
    return Block(name="Both", graph=Graph(tuple(n for n in inner if n.id != "last" or "last" in outputs), outputs))


@pytest.mark.parametrize("outputs", [("one", "two"), ("two", "one"), ("last", "two"), ("last", "one"), ("two",)])
def test_the_code_knows_by_which_entry_a_sequence_came_whichever_output_it_is(outputs):
    nodes = [
        Node("a", Input(sizes=(LENGTH, 4), sequence=True)),
        Node("b", Input(sizes=(7, 3), sequence=True)),
        Node("both", two_entries(outputs), ("a", "b")),
    ]
    ends = ["both"]
    if len(outputs) > 1:
        nodes.append(Node("other", Part(what=outputs[1]), ("both",)))
        ends.append("other")
    rank = {end: trace(Graph(tuple(nodes), (end,))).outputs[0].rank for end in ends}
    for end in [end for end in ends if rank[end] == 2]:
        nodes.append(Node(f"mean_{end}", LAYERS["mean_over_time"](), (end,)))
    outs = tuple(f"mean_{end}" if rank[end] == 2 else end for end in ends)
    series, other = padded([9, 5, 8], 4), padded([7, 2, 4], 3)[:, :7]
    given = same_in_code(Graph(tuple(nodes), outs), series, other)
    _, ours = carried_out(Graph(tuple(nodes), outs))
    for place, (long, short) in enumerate(((9, 7), (5, 2), (8, 4))):
        alone = ours(series[place : place + 1, :long], other[place : place + 1, :short])
        pairs = zip(given, alone, strict=True) if isinstance(given, tuple) else [(given, alone)]
        for among, one in pairs:
            torch.testing.assert_close(among[place], one[0])


# -- edits, words, drawings ---------------------------------------------------------------------------------------


def test_what_is_handed_on_stays_bound_whatever_is_put_between():
    graph = edits.insert_after(two_ways(), "down", LAYERS["relu"](), "relu")
    assert graph["before"].inputs == ("down",)
    assert graph["mean"].inputs == ("relu",)
    with pytest.raises(VitrineError, match="before is bound to down: group both or none"):
        grouping.group(graph, ["down", "relu"])


def test_what_is_not_handed_on_is_told_with_what_is():
    def told(graph):
        return [problem.text for problem in problems(graph)]

    cell = chain(series=Input(sizes=(5, 4)), cell=LSTM(units=3), seen=Part(what="weights"))
    assert told(cell) == ["seen needs 'weights' of cell, which hands on state. Choose state."]
    both = chain(series=Input(sizes=(5, 4)), cell=LSTM(units=3), state=Part(), seen=(Part(what="weights"), "cell"))
    assert told(both)[0] == "seen needs 'weights' of cell, which hands on state. Choose state."
    dense = chain(row=Input(sizes=(5,)), out=Dense(units=3), state=Part())
    assert told(dense) == ["state needs 'state' of out, which hands on nothing. Remove state, or connect it elsewhere."]
    wrong = edits.replace(two_ways(), "before", Part(what="relu"))
    assert told(wrong)[0] == "before needs 'relu' of down, which hands on conv. Choose conv."
    hollow = edits.replace(two_ways(), "down", split_block().but(graph=Graph(split_block().graph.nodes, ())))
    assert told(hollow)[0] == "down gives nothing. Name an output in it."
    short = chain(
        series=Input(sizes=(5, 4)), first=(Input(sizes=(5,)),), cell=(LSTM(units=3, layers=2), "series", "first")
    )
    assert told(short) == [
        "cell needs a first state of 12 numbers but receives 5 from series and first. Let the second input be 12."
    ]
    assert "a sequence" in check(LSTM(units=3), (Shape((4,)),)).need
    assert "a vector" in check(LSTM(units=3), (Shape((5, 4)), Shape((5, 4)))).need


def test_an_open_block_is_drawn_with_wires_from_where_it_is_handed_on():
    graph = two_ways()
    folded, opened = layout(graph), layout(graph, ["down"])
    assert ("down", "before") in {(start, end) for start, end, _ in folded.wires}
    assert {("down.conv", "before"), ("down.small", "mean")} <= {(start, end) for start, end, _ in opened.wires}


def test_a_state_depends_on_the_whole_sequence():
    found = fields(trace(stateful(GRU(units=4), sequence=False)))
    assert found["state"].whole == (LENGTH,)


def test_vectors_are_stacked_to_a_sequence():
    graph = chain(a=Input(sizes=(4,)), b=(Input(sizes=(4,)),), both=(Stack(), "a", "b"))
    a, b = torch.randn(3, 4), torch.randn(3, 4)
    assert torch.equal(same_in_code(graph, a, b), torch.stack([a, b], dim=1))


# -- the forget gate ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["pytorch", "he_normal", "zeros"])
def test_the_forget_gate_begins_as_it_is_told_to(way):
    layer = LSTM(units=4, layers=2, both_directions=True, forget_bias=1.0)
    graph = chain(series=Input(sizes=(5, 3)), cell=layer)
    graph = Graph(graph.nodes, graph.outputs, Init(way=way))
    space = {"__name__": "exported"}
    exec(compile(source({"network": graph}, "handed"), "<handed>", "exec"), space)
    for network in (Network(graph), space["Handed"]()):
        found = dict(network.cell.cell.named_parameters())
        for name in (name for name in found if "bias" in name):
            gates = found[name].detach().view(4, 4)
            assert (gates[1] == (1.0 if "bias_ih" in name else 0.0)).all()
            assert gates[0].any() == (way == "pytorch")


def test_highways_still_begin_nearly_closed():
    graph = chain(row=Input(sizes=(5,)), d=Dense(units=5), gate=(LAYERS["highway"](gate_bias=-3.0), "row", "d"))
    graph = Graph(graph.nodes, graph.outputs, Init(way="he_normal"))
    space = {"__name__": "exported"}
    exec(compile(source({"network": graph}, "handed"), "<handed>", "exec"), space)
    for network in (Network(graph), space["Handed"]()):
        assert (network.gate.gate.bias == -3).all()


# -- learning -----------------------------------------------------------------------------------------------------


def told_twice():
    """Return a network that reads letters, and reads them again from where it ended."""
    return chain(
        words=Input(sizes=(LONG,), values="tokens", sequence=True),
        embed=Embedding(vocabulary=4, features=4),
        reader=LSTM(units=6, gives="sequence"),
        state=Part(what="state"),
        again=(LSTM(units=6, gives="sequence"), "embed", "state"),
        look=SelfAttention(heads=2),
        weights=Part(what="weights"),
        sum=(Add(), "again", "look"),
        out=Dense(units=2),
    )


@pytest.fixture(autouse=True)
def sources(monkeypatch):
    monkeypatch.setitem(DATASETS._things, "odd", Odd)


def experiment(**recipe):
    graph = told_twice()
    graph = Graph(tuple(n for n in graph.nodes if n.id != "weights"), ("out",))
    made = Recipe(**{"batch": 16, "epochs": 2.0, "rate": 0.02} | recipe)
    return Experiment("twice", {"network": graph}, Odd(), Label(), made)


class ByHand(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Embedding(4, 4, padding_idx=0), nn.Linear(6, 2)
        self.reader, self.again = nn.LSTM(4, 6, batch_first=True), nn.LSTM(4, 6, batch_first=True)
        self.look = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, words):
        lengths = (words > 0).sum(dim=1)
        packed = nn.utils.rnn.pack_padded_sequence(self.embed(words), lengths, True, enforce_sorted=False)
        _, state = self.reader(packed)
        x, _ = nn.utils.rnn.pad_packed_sequence(self.again(packed, state)[0], True, total_length=words.shape[1])
        return self.out(x + self.look(x, x, x, key_padding_mask=words == 0)[0])


def test_learning_with_a_state_handed_on_equals_a_loop_by_hand():
    ours, hand = Learner(experiment(epochs=1.0, optimiser="sgd", rate=0.5), Odd().load()), ByHand()
    names = {name: name.replace(".cell.", ".").replace("look.attention", "look") for name in ours.weights()["network"]}
    hand.load_state_dict({names[name]: value for name, value in ours.networks["network"].state_dict().items()})
    optimiser = torch.optim.SGD(hand.parameters(), lr=0.5)
    for inputs, targets in ours.batches():
        loss = nn.functional.cross_entropy(hand(inputs).transpose(1, 2), targets[:, : inputs.shape[1]], ignore_index=-1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for _ in learn(ours):
        pass
    for name, value in ours.networks["network"].state_dict().items():
        torch.testing.assert_close(value, hand.state_dict()[names[name]], rtol=1e-3, atol=1e-5)


def test_it_is_watched_stopped_and_goes_on_to_the_same_bits(tmp_path):
    stopped_and_not(tmp_path, experiment())
    one = Learner(experiment(), Odd().load())
    watched = [seen for report in learn(one, pause=0, watch=every(0)) for seen in report.watched]
    assert {"reader", "state", "again", "look"} <= watched[0].numbers.keys()


@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_of_such_a_network_is_a_figure_or_a_reason_in_words(kind):
    one = Learner(experiment(), Odd().load())
    session = Session(one.experiment, 0, DraftRecord(one), one)
    offers = VIEWS[kind]().choices(session.experiment).get("node", [""])
    for node in {"", "state", "reader"} & {"", *offers}:
        view = VIEWS[kind](node=node) if node else VIEWS[kind]()
        if words := view.refusal(session.experiment):
            assert words.endswith(".")
            continue
        assert "fault" not in str(frame_of(view, session).words.get("problem", ""))


def test_what_stands_beside_a_repeated_block_outlasts_its_turns_in_code():
    inside = Graph(
        (
            Node("one", Entry()),
            Node("two", Entry()),
            Node("dense", Dense(units=4), ("two",)),
            Node("sum", Add(), ("one", "dense")),
        ),
        ("sum",),
    )
    turned = Node("turned", Block(name="Turn", repeat=3, graph=inside), ("row", "bent"))
    graph = Graph((Node("row", Input(sizes=(4,))), Node("bent", LAYERS["tanh"](), ("row",)), turned), ("turned",))
    same_in_code(graph, torch.randn(3, 4))
