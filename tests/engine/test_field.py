"""Receptive fields against an independent witness: which inputs have a gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.graph.chain import chain
from engine.graph.cost import cost
from engine.graph.network import Network
from engine.graph.reach import reach, spans
from engine.graph.trace import trace
from engine.layers import LAYERS
from engine.layers.activation import Tanh
from engine.layers.convolution import Conv1d, Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Add, Concat
from engine.layers.pooling import AveragePool2d, MaxPool2d
from engine.layers.reshaping import Flatten
from engine.presets import PRESETS


def seen_by(graph, unit):
    """Return the first and last place, along each axis, at which the unit's gradient is not zero."""
    torch.manual_seed(0)
    network = Network(graph).double()
    x = torch.randn(1, *next(iter(graph.inputs.values())).sizes, dtype=torch.double, requires_grad=True)
    network(x)[0, :, unit[0], unit[1]].sum().backward()
    touched = x.grad.abs().sum(dim=(0, 1)) > 0
    rows, columns = touched.any(1).nonzero().flatten(), touched.any(0).nonzero().flatten()
    return (rows.min().item(), rows.max().item()), (columns.min().item(), columns.max().item())


def told(graph, unit, sizes):
    """Return the same as the field tells it, cut off at the input's edge."""
    field = cost(graph).layers[-1].field
    ends = [axis.of(place) for axis, place in zip(field.axes, unit, strict=True)]
    return tuple((max(0, first), min(size - 1, last)) for (first, last), size in zip(ends, sizes, strict=True))


WINDOWS = st.one_of(
    st.builds(
        lambda k, s, p, d: Conv2d(channels=2, kernel=k, stride=s, padding=p, dilation=d),
        st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3)),
        st.integers(1, 2),
        st.integers(0, 2),
        st.integers(1, 2),
    ),
    st.builds(lambda k, s: AveragePool2d(kernel=k, stride=s), st.integers(1, 3), st.integers(1, 3)),
    st.just(Tanh()),
)


@given(st.lists(WINDOWS, min_size=1, max_size=4), st.data())
@settings(max_examples=80)
def test_the_field_is_where_the_gradient_is(windows, data):
    sizes = (21, 19)
    graph = chain(image=Input(sizes=(1, *sizes)), **{f"n{i}": window for i, window in enumerate(windows)})
    if not trace(graph).sound:
        return
    _, height, width = trace(graph).outputs[0].sizes
    unit = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    try:
        seen = seen_by(graph, unit)
    except RuntimeError:  # a unit that looks at padding only has no gradient at all
        return
    expected = told(graph, unit, sizes)
    for (first, last), (least, most) in zip(seen, expected, strict=True):
        assert least <= first <= last <= most
    padded = any(getattr(window, "padding", 0) for window in windows)
    spaced = any(
        getattr(window, "stride", 1) not in (1, None) or getattr(window, "dilation", 1) != 1 for window in windows
    )
    if not padded and not spaced:
        assert seen == expected


def test_branches_see_what_the_widest_sees():
    graph = chain(
        image=Input(sizes=(1, 15, 15)),
        narrow=Conv2d(channels=2, kernel=1),
        wide=(Conv2d(channels=2, kernel=5, padding=2), "image"),
        both=(Add(), "narrow", "wide"),
    )
    assert cost(graph).layers[-1].field.size == (5, 5)
    assert seen_by(graph, (7, 7)) == told(graph, (7, 7), (15, 15)) == ((5, 9), (5, 9))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("conv_transpose2d", {"kernel": 4, "stride": 2, "padding": 1}),
        ("conv_transpose2d", {"kernel": 3, "stride": 2}),
        ("upsample_nearest", {"scale": 3}),
        ("upsample_bilinear", {"scale": 2}),
        ("adaptive_average_pool2d", {"size": 4}),
        ("pad", {"left": 2, "top": 1}),
        ("crop", {"left": 2, "top": 1}),
    ],
)
def test_layers_that_resize_tell_exactly_what_they_see(kind, options):
    graph = chain(image=Input(sizes=(1, 11, 11)), conv=Conv2d(channels=2, kernel=3), resize=LAYERS[kind](**options))
    _, height, width = trace(graph).outputs[0].sizes
    inner = [(r, c) for r in range(2, height - 2) for c in range(2, width - 2)] or [(1, 1)]
    for unit in inner:
        assert seen_by(graph, unit) == told(graph, unit, (11, 11))


def test_what_is_pooled_and_enlarged_again_is_seen_exactly():
    def field(**enlarging):
        return (
            cost(chain(image=Input(sizes=(1, 28, 28)), conv=Conv2d(), pool=MaxPool2d(), **enlarging)).layers[-1].field
        )

    assert field(up=LAYERS["upsample_nearest"]()).size == (4, 4)
    assert field(up=LAYERS["conv_transpose2d"]()).size == (4, 4)
    assert field(unpool=(LAYERS["max_unpool2d"](), "pool", "pool")).size == (4, 4)


def test_a_dense_layer_sees_everything_and_a_flattened_unit_no_longer_says_where():
    layers = {layer.step.path: layer.field for layer in cost(PRESETS["lenet-5"].make()).layers}
    assert layers["conv2"].write() == {"size": [14, 14], "stride": [2, 2], "offset": [4.5, 4.5]}
    assert layers["flatten"].write() == {"size": [16, 16], "stride": None, "offset": None}
    assert layers["out"].size == (28, 28)


def test_concatenated_branches_of_unequal_pace_see_everything_to_be_safe():
    graph = chain(
        image=Input(sizes=(1, 9, 9)),
        slow=Conv2d(channels=1, kernel=1, stride=2),
        fast=(Conv2d(channels=1, kernel=5), "image"),
        both=(Concat(), "slow", "fast"),
    )
    assert cost(graph).layers[-1].field.whole == (9, 9)


def places_seen(graph, unit):
    """Return at which rows and columns the unit's gradient is not zero."""
    torch.manual_seed(0)
    network = Network(graph).double()
    x = torch.randn(1, *next(iter(graph.inputs.values())).sizes, dtype=torch.double, requires_grad=True)
    network(x)[0, :, *unit].sum().backward()
    touched = x.grad.abs().sum(dim=(0, 1)) > 0
    other = [tuple(axis for axis in range(touched.dim()) if axis != one) for one in range(touched.dim())]
    seen = [touched.any(dim=axes) if axes else touched for axes in other]
    return [set(axis.nonzero().flatten().tolist()) for axis in seen]


BORDERED = st.one_of(
    st.builds(
        lambda k, s, p, m: Conv2d(channels=2, kernel=k, stride=s, padding=min(p, k - 1), padding_mode=m),
        st.integers(1, 4),
        st.integers(1, 2),
        st.integers(0, 3),
        st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
    ),
    st.builds(
        lambda a, b, m: LAYERS["pad"](left=a, top=b, right=b, bottom=a, mode=m),
        st.integers(0, 2),
        st.integers(0, 2),
        st.sampled_from(["zeros", "reflect", "replicate"]),
    ),
    st.builds(lambda k: AveragePool2d(kernel=k, stride=1), st.integers(1, 3)),
)


@given(st.lists(BORDERED, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_at_the_borders_too_every_unit_sees_exactly_what_has_a_gradient(layers):
    graph = chain(image=Input(sizes=(1, 11, 9)), **{f"n{i}": layer for i, layer in enumerate(layers)})
    if not trace(graph).sound:
        return
    _, height, width = trace(graph).outputs[0].sizes
    seen = reach(trace(graph), trace(graph).steps[-1].path)
    for unit in {(0, 0), (0, width - 1), (height - 1, 0), (height // 2, width // 2), (height - 1, width - 1)}:
        told = [{place for a, b in axis for place in range(a, b + 1)} for axis in spans(seen, unit)]
        if all(told):  # a unit that sees nothing but padding has no gradient at all
            strided = any(getattr(layer, "stride", 1) != 1 for layer in layers)
            found = places_seen(graph, unit)
            assert found == told or (strided and all(a <= b for a, b in zip(found, told, strict=True)))


def test_a_wrapped_window_sees_both_ends():
    graph = chain(series=Input(sizes=(1, 12)), conv=Conv1d(channels=2, kernel=5, padding=2, padding_mode="circular"))
    seen = reach(trace(graph), "conv")
    assert spans(seen, (0,)) == [[[0, 2], [10, 11]]]
    assert spans(seen, (6,)) == [[[4, 8]]]


def test_what_windows_leave_over_at_the_edge_nobody_behind_them_sees():
    graph = chain(
        image=Input(sizes=(1, 28, 28)),
        conv=Conv2d(channels=2, kernel=4),
        pool=MaxPool2d(),
        flatten=Flatten(),
        dense1=Dense(units=3),
        dense2=Dense(units=2),
    )
    network = Network(graph).double()
    x = torch.randn(1, 1, 28, 28, dtype=torch.double, requires_grad=True)
    torch.nn.functional.avg_pool2d(network.conv(x), 2).sum().backward()
    rows = (x.grad[0, 0].abs().sum(dim=1) > 0).sum().item()
    fields = {layer.step.path: layer.field for layer in cost(graph).layers}
    assert fields["dense1"].size == fields["dense2"].size == (rows, rows) == (27, 27)
