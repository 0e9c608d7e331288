"""Random graphs: words for what is wrong, or a network, its cost and its source, all agreeing."""

import pytest
import torch
from hypothesis import given, settings

from engine.errors import VitrineError
from engine.graph import edits
from engine.graph.cost import cost
from engine.graph.diagram import diagram
from engine.graph.layout import layout
from engine.graph.network import Network
from engine.graph.source import source
from engine.graph.trace import trace
from engine.layers import Init
from engine.layers.entry import Input
from engine.presets import PRESETS
from tests.engine.random_graphs import graphs


def data_for(graph, batch=3):
    torch.manual_seed(0)
    shapes = [layer.shape for layer in graph.inputs.values()]
    return [
        torch.zeros(batch, *s.sizes, dtype=torch.long) if s.tokens else torch.randn(batch, *s.sizes) for s in shapes
    ]


def made_from_source(graph, name="random-net"):
    space = {"__name__": "exported"}
    text = source({"network": graph}, name)
    exec(compile(text, f"<{name}>", "exec"), space)
    return [value for value in space.values() if isinstance(value, type)][-1](), text


def as_tuple(output):
    return output if isinstance(output, tuple) else (output,)


def assert_same_network(graph, name="random-net"):
    """Check that exported source has the same parameters and, with the same weights, the same output."""
    torch.manual_seed(1)
    network = Network(graph).eval()
    exported, text = made_from_source(graph, name)
    assert [(n, p.shape) for n, p in exported.state_dict().items()] == [
        (n, p.shape) for n, p in network.state_dict().items()
    ], text
    exported.eval().load_state_dict(network.state_dict())
    inputs = data_for(graph)
    with torch.no_grad():
        ours, theirs = as_tuple(network(*inputs)), as_tuple(exported(*inputs))
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(ours, theirs, strict=True)), text


@given(graphs())
def test_problems_or_a_network_that_runs(graph):
    found = trace(graph)
    if not found.sound:
        assert all(problem.text.endswith((".", "…")) for problem in found.problems)
        with pytest.raises(VitrineError):
            Network(graph)
        with pytest.raises(VitrineError):
            source({"network": graph}, "x")
        return
    network = Network(graph)
    outputs = as_tuple(network.eval()(*data_for(graph)))
    assert [tuple(o.shape[1:]) for o in outputs] == [s.sizes for s in found.outputs]
    total = cost(graph).total
    assert total.weights == sum(p.numel() for p in network.parameters())
    assert total.weight_bytes == sum(t.nbytes for t in [*network.parameters(), *network.buffers()])
    for step in found.steps:
        if not isinstance(step.layer, Input):
            network.get_submodule(step.path)


@given(graphs())
@settings(max_examples=100)
def test_source_agrees_to_the_last_bit(graph):
    if trace(graph).sound:
        assert_same_network(graph)


@pytest.mark.parametrize("name", [n for n in PRESETS if n not in ("vgg-16", "alexnet")])
def test_the_source_of_presets_agrees_to_the_last_bit(name):
    for graph in PRESETS[name].graphs.values():
        assert_same_network(graph, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg-16", "alexnet"])
def test_the_source_of_the_largest_presets_agrees_to_the_last_bit(name):
    assert_same_network(PRESETS[name].make(), name)


@pytest.mark.parametrize("name", ["Add", "Highway", "Conv2d", "RandomNet"])
def test_a_block_may_be_called_like_a_module(name):
    graph = PRESETS["mini-resnet"].make()
    stage = graph["stage1"].layer
    assert_same_network(edits.replace(graph, "stage1", stage.model_copy(update={"name": name})))


def test_source_is_short_where_blocks_repeat():
    for name, most in (("resnet-50", 110), ("densenet-121", 100), ("googlenet", 110), ("vgg-16", 75)):
        assert len(source({"network": PRESETS[name].make()}, name).splitlines()) <= most
    assert "for i in range(24)" in source({"network": PRESETS["densenet-121"].make()}, "densenet-121")


@pytest.mark.parametrize("way", ["zeros", "constant", "he_normal", "glorot_uniform"])
def test_exported_source_begins_its_weights_in_the_same_way(way):
    graph = PRESETS["mini-resnet"].make()
    graph = type(graph)(graph.nodes, graph.outputs, Init(way=way, value=0.25))
    ours, (theirs, _) = Network(graph), made_from_source(graph)
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        a, b = a.detach(), b.detach()
        if way in ("zeros", "constant") or a.dim() < 2:
            assert torch.equal(a, b), name
        else:
            assert a.std().item() == pytest.approx(b.std().item(), rel=0.25), name
            assert a.std() > 0


@given(graphs(most=9, careful=0.7))
def test_layout_never_lays_one_thing_on_another(graph):
    opened = [path for path in graph.paths() if graph[path].block]
    for choice in ([], opened):
        found = layout(graph, choice)
        assert len(set(found.boxes.values())) == len(found.boxes)
        occupied = {place: path for path, place in found.boxes.items()}
        for start, end, lane in found.wires:
            first, last = found.boxes[start][0], found.boxes[end][0]
            assert first < last
            assert not any((column, lane) in occupied for column in range(first + 1, last))
        drawn = diagram(graph, choice)
        assert {box["path"] for box in drawn["boxes"]} == set(found.boxes)


def test_branches_lie_side_by_side():
    found = layout(PRESETS["mini-inception"].make(), ["inception1"])
    column = found.boxes["inception1.one"][0]
    assert [found.boxes[f"inception1.{name}"] for name in ("one", "reduce3", "reduce5", "pool")] == [
        (column, lane) for lane in range(4)
    ]
    assert found.boxes["inception1.three"][1] == found.boxes["inception1.reduce3"][1]


def test_a_shortcut_runs_in_a_lane_of_its_own():
    found = layout(PRESETS["mini-resnet"].make(), ["stage1"])
    wires = {(start, end): lane for start, end, lane in found.wires}
    assert {found.boxes[path][1] for path in found.frames["stage1"]} == {0}
    assert wires["relu", "stage1.add"] == 1
