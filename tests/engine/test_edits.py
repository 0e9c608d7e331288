"""Edits: each does what it says, keeps the graph sound in structure, and undo is the graph before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import VitrineError
from engine.graph import edits, grouping
from engine.graph.chain import block, chain
from engine.graph.cost import cost
from engine.graph.graph import Graph, in_order
from engine.graph.trace import trace
from engine.layers.activation import ReLU, Tanh
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Add
from engine.layers.pooling import MaxPool2d
from engine.layers.reshaping import Flatten
from engine.presets import PRESETS
from tests.engine.random_graphs import graphs, layers

PLAIN = chain(
    image=Input(sizes=(1, 8, 8)), conv1=Conv2d(padding=1), relu1=ReLU(), flatten=Flatten(), out=Dense(units=10)
)


def order(graph):
    return [node.id for node in graph.nodes]


def ways(graph):
    return {node.id: node.inputs for node in graph.nodes}


def test_add_puts_a_layer_at_the_end():
    graph = edits.add(PLAIN, Tanh())
    assert graph.outputs == ("tanh1",)
    assert graph["tanh1"].inputs == ("out",)


def test_insert_leads_everyone_through_the_new_layer():
    graph = edits.insert_after(PLAIN, "conv1", MaxPool2d())
    assert ways(graph)["relu1"] == ("pool1",)
    assert ways(graph)["pool1"] == ("conv1",)
    assert order(graph) == ["image", "conv1", "pool1", "relu1", "flatten", "out"]


def test_remove_joins_the_neighbours():
    graph = edits.remove(PLAIN, "relu1")
    assert ways(graph)["flatten"] == ("conv1",)
    assert edits.remove(PLAIN, "out").outputs == ("flatten",)


def test_move_takes_a_layer_along():
    graph = edits.move(PLAIN, "relu1", "image")
    assert order(graph) == ["image", "relu1", "conv1", "flatten", "out"]
    assert ways(graph) == {
        "image": (),
        "relu1": ("image",),
        "conv1": ("relu1",),
        "flatten": ("conv1",),
        "out": ("flatten",),
    }
    assert edits.move(graph, "relu1", "conv1") == PLAIN


def test_duplicate_copies_options_under_a_new_name():
    graph = edits.duplicate(PLAIN, "conv1")
    assert graph["conv2"].layer == graph["conv1"].layer
    assert ways(graph)["relu1"] == ("conv2",)


def test_rename_follows_every_mention():
    graph = edits.rename(PLAIN, "out", "answer")
    assert graph.outputs == ("answer",)
    with pytest.raises(VitrineError, match="Another node is called conv1"):
        edits.rename(PLAIN, "out", "conv1")


def test_connect_and_disconnect_make_a_shortcut_and_take_it_back():
    graph = edits.insert_after(PLAIN, "relu1", Add())
    shortcut = edits.connect(graph, "add1", "conv1")
    assert shortcut["add1"].inputs == ("relu1", "conv1")
    assert trace(shortcut).sound
    assert edits.disconnect(shortcut, "add1", 1) == graph


def test_a_circle_is_refused_in_words():
    graph = edits.insert_after(PLAIN, "conv1", Add())
    with pytest.raises(VitrineError, match="go round in a circle"):
        edits.connect(graph, "add1", "relu1")


def test_edits_reach_into_blocks():
    graph = chain(image=Input(sizes=(1, 8, 8)), part=block("Part", 2, conv=Conv2d(channels=1, padding=1)))
    longer = edits.insert_after(graph, "part.conv", ReLU())
    assert [s.path for s in trace(longer).steps] == [
        "image",
        "part.0.conv",
        "part.0.relu1",
        "part.1.conv",
        "part.1.relu1",
    ]
    with pytest.raises(VitrineError, match="no node 'nobody'"):
        edits.remove(graph, "part.nobody")
    with pytest.raises(VitrineError, match="stays"):
        edits.remove(graph, "part.entry")


def test_group_and_ungroup_are_each_others_undo():
    graph = grouping.group(PLAIN, ["conv1", "relu1"], "ConvReLU")
    assert graph["convrelu"].layer.name == "ConvReLU"
    assert cost(graph).total == cost(PLAIN).total
    assert grouping.ungroup(graph, "convrelu") == PLAIN


def test_a_group_needs_one_way_out():
    graph = PRESETS["mini-resnet"].make()
    with pytest.raises(VitrineError, match=r"A way leads out|one output"):
        grouping.group(graph, ["stage1.conv1", "stage1.add"])
    with pytest.raises(VitrineError, match="brings data in"):
        grouping.group(PLAIN, ["image", "conv1"])


def test_ungroup_lays_repeats_out_one_after_another():
    graph = PRESETS["densenet-121"].make()
    laid = grouping.ungroup(graph, "dense1")
    assert cost(laid).total == cost(graph).total
    assert trace(laid).shapes["transition1"] == trace(graph).shapes["transition1"]


def changes(graph, data):
    """Draw one edit, and carry it out or say that it was refused."""
    paths = list(graph.paths())
    path, other = (data.draw(st.sampled_from(paths)) for _ in range(2))
    last = other.rpartition(".")[2]
    drawn = data.draw(
        st.sampled_from(
            [
                "add",
                "insert_after",
                "remove",
                "move",
                "duplicate",
                "replace",
                "rename",
                "connect",
                "disconnect",
                "group",
                "ungroup",
                "toggle_output",
            ]
        )
    )
    details = {
        "add": (data.draw(layers()),),
        "insert_after": (path, data.draw(layers())),
        "move": (path, last),
        "replace": (path, data.draw(layers())),
        "rename": (path, data.draw(st.sampled_from(["fresh", "conv1", "for"]))),
        "connect": (path, last, data.draw(st.none() | st.integers(0, 2))),
        "disconnect": (path, data.draw(st.integers(0, 2))),
        "group": ([path, other],),
    }.get(drawn, (path,))
    return getattr(grouping if "group" in drawn else edits, drawn)(graph, *details)


@given(graphs(most=5), st.data())
def test_random_edits_keep_the_graph_whole(graph, data):
    for _ in range(6):
        if not graph.nodes:
            return
        before, printed = graph, repr(graph)
        try:
            graph = changes(graph, data)
        except VitrineError as error:
            assert str(error)
        assert isinstance(graph, Graph)
        assert in_order(graph.nodes) == graph.nodes  # every source exists and comes first
        assert all(problem.text for problem in trace(graph).problems)
        assert repr(before) == printed  # the graph before is untouched, so undo has it
