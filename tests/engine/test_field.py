"""Receptive fields against an independent witness: which inputs have a gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.graph.chain import chain
from engine.graph.cost import cost
from engine.graph.network import Network
from engine.graph.trace import trace
from engine.layers import LAYERS
from engine.layers.activation import Tanh
from engine.layers.convolution import Conv2d
from engine.layers.entry import Input
from engine.layers.merging import Add, Concat
from engine.layers.pooling import AveragePool2d, MaxPool2d
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
