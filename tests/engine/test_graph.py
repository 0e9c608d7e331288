"""Graphs: structure, problems in words, running."""

import pytest
import torch

from engine.errors import VitrineError
from engine.graph.chain import block, chain
from engine.graph.graph import Graph, Node, in_order
from engine.graph.network import Network
from engine.graph.trace import problems, trace
from engine.layers import Init
from engine.layers.activation import ReLU
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Entry, Input
from engine.layers.merging import Add, Concat
from engine.layers.normalisation import LayerNorm
from engine.layers.pooling import MaxPool2d
from engine.layers.reshaping import Flatten, Reshape
from engine.layers.resizing import MaxUnpool2d
from engine.layers.sequence import Embedding, PositionalEncoding
from engine.presets import PRESETS

IMAGE = Input(sizes=(3, 8, 8))


def only_problem(graph):
    found = [problem for problem in problems(graph) if problem.stops]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_no_problems(name):
    assert all(problems(graph) == () for graph in PRESETS[name].graphs.values())


def test_a_kernel_too_large_is_told_as_the_design_tells_it():
    graph = chain(
        image=Input(sizes=(1, 6, 6)),
        pool2=MaxPool2d(),
        conv2=Conv2d(kernel=5),
        relu=ReLU(),
        flatten=Flatten(),
        out=Dense(),
    )
    problem = only_problem(graph)
    assert problem.node == "conv2"
    assert problem.text == (
        "conv2 needs room for a 5×5 kernel but receives 3×3 from pool2. Use a smaller kernel, padding, or remove pool2."
    )


def test_all_independent_problems_are_told_at_once():
    graph = chain(
        image=IMAGE,
        dense=Dense(),
        conv=(Conv2d(kernel=9), "image"),
        add=(Add(), "image"),
    )
    assert {problem.node for problem in problems(graph) if problem.stops} == {"dense", "conv", "add"}


def test_a_layer_that_leads_nowhere_is_told_but_stops_nothing():
    graph = chain(image=IMAGE, side=Conv2d(), main=(Conv2d(), "image"))
    assert [(p.node, p.stops) for p in problems(graph)] == [("side", False)]
    assert trace(graph).sound


def test_a_problem_in_a_block_is_told_once_and_at_its_place():
    graph = chain(image=IMAGE, part=block("Part", 3, pool=MaxPool2d(), conv=Conv2d(kernel=3)))
    problem = only_problem(graph)
    assert problem.node == "part.conv"
    assert "room for a 3×3 kernel" in problem.text


def test_what_is_empty_says_what_is_missing():
    assert [p.text for p in problems(Graph(()))] == [
        "The network has no input. Add one.",
        "The network has no output. Name one.",
    ]


def test_tokens_need_an_embedding():
    words = Input(sizes=(12,), values="tokens")
    assert "Put an embedding before it." in only_problem(chain(words=words, dense=Dense())).text
    assert trace(chain(words=words, embed=Embedding())).sound


def test_an_unpooling_is_tied_to_its_pool():
    pool = MaxPool2d(kernel=3, stride=2, padding=1)
    graph = chain(
        image=IMAGE, pool1=pool, conv1=Conv2d(channels=3, padding=1), unpool1=(MaxUnpool2d(), "conv1", "pool1")
    )
    assert trace(graph).shapes["unpool1"].sizes == (3, 8, 8)
    network = Network(graph)
    assert network(torch.randn(2, 3, 8, 8)).shape == (2, 3, 8, 8)
    assert network.unpool1.pooling == (3, 2, 1, 1, False)


def test_an_unpooling_without_a_pool_says_so():
    graph = chain(image=IMAGE, conv1=Conv2d(), unpool1=(MaxUnpool2d(), "conv1", "conv1"))
    assert "unpool1 needs a max pooling to undo" in only_problem(graph).text


def test_several_inputs_and_outputs():
    graph = chain(a=Input(sizes=(4,)), b=Input(sizes=(3,)), both=(Concat(), "a", "b"), out=Dense(units=2))
    graph = Graph(graph.nodes, ("out", "both"))
    first, second = Network(graph)(torch.randn(5, 4), torch.randn(5, 3))
    assert (first.shape, second.shape) == ((5, 2), (5, 7))
    with pytest.raises(VitrineError, match="takes 2 inputs; received 1"):
        Network(graph)(torch.randn(5, 4))


def test_repeats_have_weights_of_their_own_under_numbered_names():
    network = Network(chain(image=IMAGE, part=block("Part", 2, conv=Conv2d(channels=3, padding=1))))
    assert [name for name, _ in network.named_parameters()] == [
        "part.0.conv.weight",
        "part.0.conv.bias",
        "part.1.conv.weight",
        "part.1.conv.bias",
    ]
    assert not torch.equal(network.part[0].conv.weight, network.part[1].conv.weight)


def test_a_network_too_large_is_refused_before_anything_is_allocated():
    graph = chain(image=Input(sizes=(3, 720, 1280)), flatten=Flatten(), dense=Dense(units=1_000_000))
    with pytest.raises(VitrineError, match=r"needs [\d,.]+ GiB.*Use fewer units"):
        Network(graph)
    with pytest.raises(VitrineError, match="allowed"):
        Network(PRESETS["lenet-5"].make(), most_bytes=100_000)


def test_layers_begin_as_they_say_or_else_as_the_graph_says():
    graph = chain(
        Init(way="constant", value=0.5),
        image=IMAGE,
        conv=Conv2d(),
        part=block("Part", own=Conv2d(init=Init(way="zeros")), same=Conv2d()),
    )
    network = Network(graph)
    assert network.conv.weight.unique().tolist() == [0.5]
    assert network.part.own.weight.unique().tolist() == [0]
    assert network.part.same.weight.unique().tolist() == [0.5]
    assert network.conv.bias.unique().tolist() == [0]


def test_the_networks_beginning_leaves_scales_and_positions_alone():
    graph = chain(
        Init(way="zeros"),
        rows=Input(sizes=(4, 6)),
        place=PositionalEncoding(way="learned"),
        norm=LayerNorm(),
        up=Reshape(sizes=(2, 3, 4)),
        norm2=LayerNorm(),
    )
    network = Network(graph)
    assert network.norm2.weight.unique().tolist() == [1]
    assert network.place.place.any()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("2conv", "cannot name"),
        ("for", "meaning in Python"),
        ("forward", "meaning in Python"),
        ("Conv", "cannot name"),
        ("a" * 41, "cannot"),
    ],
)
def test_names_that_cannot_stand_in_code_are_refused(name, words):
    with pytest.raises(VitrineError, match=words):
        Graph((Node(name, IMAGE),))


def test_an_entry_stands_in_blocks_only():
    graph = Graph((Node("image", IMAGE), Node("entry", Entry()), Node("conv", Conv2d(), ("image",))), ("conv",))
    assert "stands in none" in only_problem(graph).text


def test_two_thousand_nodes_in_any_order_are_put_in_order_at_once_and_keep_the_given_one_where_they_may():
    chain_of = [Node(f"n{i}", ReLU(), (f"n{i - 1}",) if i else ()) for i in range(2_000)]
    assert [node.id for node in in_order(reversed(chain_of))] == [node.id for node in chain_of]
    free = [Node(name, ReLU(), ()) for name in "cab"]
    assert [node.id for node in in_order([Node("z", ReLU(), ("b",)), *free])] == ["c", "a", "b", "z"]
