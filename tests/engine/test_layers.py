"""Every kind of layer is examined: register it and it is tested."""

import warnings

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.errors import VitrineError
from engine.graph.cost import counts
from engine.graph.graph import Block
from engine.layers import LAYERS, Init, Shape, check, outcome
from engine.layers.entry import Entry, Given
from tests.engine.random_graphs import shapes_of

COMPUTING = {kind: cls for kind, cls in LAYERS.items() if not issubclass(cls, Entry | Given | Block)}
EXAMPLES = [
    pytest.param(cls(**options), shapes_of(cls, given), id=f"{kind}-{number}")
    for kind, cls in COMPUTING.items()
    for number, (options, given) in enumerate(cls.examples)
]


def data(shapes, seed=0):
    torch.manual_seed(seed)
    batch = [s.sizes if s.weight else (2, *s.sizes) for s in shapes]
    return [torch.randint(0, 9, b) if s.tokens else torch.randn(b) for s, b in zip(shapes, batch, strict=True)]


def values(layer, shapes):
    return {f.name: f.value for f in layer.formulas(shapes, outcome(layer, shapes))}


def test_there_are_examples_of_every_kind():
    assert [kind for kind, cls in COMPUTING.items() if not cls.examples] == []


@pytest.mark.parametrize(("layer", "shapes"), EXAMPLES)
def test_the_shape_holds_on_real_data(layer, shapes):
    assert check(layer, shapes) is None
    gives = outcome(layer, shapes)
    output = layer.module(*shapes)()(*data(shapes))
    assert tuple(output.shape) == (2, *gives.sizes)
    assert output.is_floating_point() != gives.tokens


@pytest.mark.parametrize(("layer", "shapes"), EXAMPLES)
def test_formulas_agree_with_torch(layer, shapes):
    gives, worked_out = outcome(layer, shapes), values(layer, shapes)
    module = layer.module(*shapes)()
    assert worked_out.get("weights", 0) == sum(p.numel() for p in module.parameters())
    axes = {1: ("features",), 2: ("length", "features"), 3: ("channels", "height", "width")}[gives.rank]
    if layer.family in ("convolution", "pooling", "resizing") and gives.rank == 2:
        axes = ("channels", "length")
    for name, size in zip(axes, gives.sizes, strict=True):
        assert worked_out.get(name, size) == size
    if "height and width" in worked_out:
        assert gives.sizes[1:] == (worked_out["height and width"],) * 2
    if layer.family in ("convolution", "pooling", "dense"):
        assert worked_out["neurons"] >= gives.elements


@pytest.mark.parametrize(
    ("layer", "shapes"), [e for e in EXAMPLES if e.values[0].family in ("convolution", "dense", "merging")]
)
def test_multiply_adds_agree_with_torchs_own_counter(layer, shapes):
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        layer.module(*shapes)()(*data(shapes))
    batch, operations_each = 2, 2  # torch counts a multiplication and an addition as two
    measured = counter.get_total_flops() // batch // operations_each
    if layer.kind.startswith("conv_transpose") or layer.kind == "tied_transpose2d":
        return  # torch counts them by outputs, which the padding has cut off; the next test has them
    assert values(layer, shapes).get("multiply-adds", 0) == measured


@pytest.mark.parametrize(("layer", "shapes"), [e for e in EXAMPLES if "transpose" in e.values[0].kind])
def test_a_transposed_convolution_multiplies_as_often_as_the_one_it_reverses(layer, shapes):
    weight = shapes[1].elements if len(shapes) > 1 else layer.module(*shapes)().weight.numel()
    places = shapes[0].elements // shapes[0].sizes[0]
    assert values(layer, shapes)["multiply-adds"] == places * weight


@pytest.mark.parametrize(("layer", "shapes"), EXAMPLES)
def test_json_there_and_back(layer, shapes):
    document = layer.write()
    kind = document.pop("kind")
    if isinstance(document.get("init"), dict):
        document["init"].pop("kind")
    assert LAYERS[kind].read(document) == layer


@pytest.mark.parametrize(("layer", "shapes"), EXAMPLES)
def test_connections_with_biases_are_at_least_those_without(layer, shapes):
    found = counts(layer, shapes, outcome(layer, shapes))
    assert found.connections_with_biases >= found.connections
    assert found.weights >= found.weights_without_biases


@pytest.mark.parametrize("cls", COMPUTING.values(), ids=COMPUTING)
def test_everything_explains_itself(cls):
    assert cls.help().endswith(".")
    assert cls.title
    assert cls.stem
    for option in cls.options():
        assert option.help.endswith("."), option.name
        assert option.form != "other", option.name


@pytest.mark.parametrize("cls", COMPUTING.values(), ids=COMPUTING)
def test_wrong_inputs_are_refused_in_words(cls):
    layer = cls()
    wrong = Shape((2, 2, 2, 2))
    refusal = check(layer, (wrong,) * max(1, cls.arity[0]))
    assert refusal
    assert refusal.need
    assert refusal.cure.endswith(".")
    assert check(layer, ()) is not None


@pytest.mark.parametrize("cls", COMPUTING.values(), ids=COMPUTING)
def test_wrong_options_are_refused_in_words(cls):
    with pytest.raises(VitrineError, match="has no option 'colour'"):
        cls.read({"colour": 1})
    for option in cls.options():
        if option.most is not None and option.form in ("whole", "pair"):
            with pytest.raises(VitrineError, match=f"{option.name} must be at most"):
                cls.read({option.name: int(option.most) + 1})


REFUSED = [
    ("conv2d", {"kernel": 5}, [(3, 3, 3)], "room for a 5×5 kernel"),
    ("conv2d", {"channels": 5, "groups": 2}, [(4, 8, 8)], "split into 2 groups"),
    ("conv2d", {"padding": "same", "stride": 2}, [(3, 8, 8)], "stride 1"),
    ("conv2d", {"padding": 4, "padding_mode": "reflect"}, [(3, 4, 4)], "less padding"),
    ("dense", {}, [(3, 8, 8)], "a vector or a sequence"),
    ("add", {}, [(3, 8, 8), (4, 8, 8)], "inputs of one shape"),
    ("concat", {}, [(3, 8, 8), (3, 7, 8)], "agree in all but axis 1"),
    ("reshape", {"sizes": (2, 3)}, [(7,)], "6 numbers"),
    ("permute", {"axes": (1, 1)}, [(7, 2)], "every axis"),
    ("group_norm", {"groups": 3}, [(4, 2, 2)], "split into 3 groups"),
    ("self_attention", {"heads": 3}, [(5, 4)], "split over 3 heads"),
    ("lstm", {"dropout": 0.5}, [(5, 4)], "a second layer"),
    ("conv_transpose2d", {"output_padding": 2}, [(3, 4, 4)], "smaller than the stride"),
    ("crop", {"left": 3, "right": 3}, [(3, 4, 5)], "something left"),
    ("max_pool2d", {"kernel": 2, "padding": 2}, [(3, 8, 8)], "half the kernel"),
    ("embedding", {}, [(5,)], "tokens"),
]


@pytest.mark.parametrize(("kind", "options", "given", "words"), REFUSED, ids=[f"{r[0]}-{r[3]}" for r in REFUSED])
def test_what_does_not_fit_is_refused_with_a_reason(kind, options, given, words):
    refusal = check(LAYERS[kind](**options), tuple(Shape(tuple(sizes)) for sizes in given))
    assert refusal
    assert words in refusal.need


def test_sum_pooling_is_average_pooling_times_the_window():
    x = torch.randn(2, 3, 8, 8)
    summed = LAYERS["sum_pool2d"](kernel=(2, 4)).module(Shape((3, 8, 8)))()(x)
    averaged = LAYERS["average_pool2d"](kernel=(2, 4)).module(Shape((3, 8, 8)))()(x)
    torch.testing.assert_close(summed, averaged * 8)


def test_max_unpooling_puts_the_maxima_back():
    x = torch.randn(2, 3, 8, 8)
    pooled, places = torch.nn.functional.max_pool2d(x, 2, return_indices=True)
    ours = LAYERS["max_unpool2d"]().module(Shape((3, 4, 4)), Shape((3, 8, 8)))()(pooled, x)
    torch.testing.assert_close(ours, torch.nn.functional.max_unpool2d(pooled, places, 2))


@pytest.mark.parametrize("both", [False, True])
def test_the_last_state_of_an_lstm_is_torchs_own(both):
    layer = LAYERS["lstm"](units=4, both_directions=both)
    module = layer.module(Shape((7, 5)))()
    x = torch.randn(2, 7, 5)
    _, (hidden, _) = module.cell(x)
    torch.testing.assert_close(module(x), hidden.movedim(0, 1).flatten(1))


def test_causal_attention_sees_nothing_to_come():
    module = LAYERS["self_attention"](heads=2, causal=True).module(Shape((6, 4)))()
    x = torch.randn(1, 6, 4)
    later = x.clone()
    later[:, 4:] += 1
    torch.testing.assert_close(module(x)[:, :4], module(later)[:, :4])
    assert not torch.allclose(module(x)[:, 4:], module(later)[:, 4:])


def test_highway_begins_by_letting_the_first_branch_through():
    module = LAYERS["highway"](gate_bias=-20.0).module(Shape((5,)), Shape((5,)))()
    first, second = torch.randn(3, 5), torch.randn(3, 5)
    torch.testing.assert_close(module(first, second), first, atol=1e-4, rtol=0)


def test_step_fires_above_zero_and_has_no_gradient():
    x = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    fired = LAYERS["step"]().module(Shape((3,)))()(x)
    fired.sum().backward()
    assert fired.tolist() == [0, 0, 1]
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 0]


STABLE = {
    "xavier": "linear",
    "he_normal": "relu",
    "he_uniform": "relu",
    "glorot_normal": "linear",
    "orthogonal": "linear",
}


@pytest.mark.parametrize(("way", "activation"), STABLE.items())
def test_a_good_beginning_keeps_the_variance_through_ten_layers(way, activation):
    torch.manual_seed(1)
    x = torch.randn(400, 300)
    for _ in range(10):
        weight = torch.empty(300, 300)
        Init(way=way).fill([weight], [], transposed=False)
        x = x @ weight.T
        x = x.relu() if activation == "relu" else x
    power = x.pow(2).mean().item() if activation == "linear" else 2 * x.pow(2).mean().item()
    assert 0.5 < power / (1 if activation == "linear" else 2) < 2


def test_zeros_give_no_signal_and_small_normals_lose_it():
    x = torch.randn(50, 300)
    weight = torch.empty(300, 300)
    Init(way="zeros").fill([weight], [], transposed=False)
    assert not (x @ weight.T).any()
    Init(way="normal", value=0.01).fill([weight], [], transposed=False)
    assert (x @ weight.T).std() < 0.3 * x.std()


def test_no_module_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for parameter in EXAMPLES:
            layer, shapes = parameter.values
            layer.module(*shapes)().train()(*data(shapes))


@pytest.mark.parametrize(
    ("kind", "sizes", "options", "what"),
    [
        ("conv2d", (3, 9, 7), {"kernel": 3, "padding": 1}, "those to padding"),
        ("conv2d", (3, 9, 7), {"kernel": (5, 2), "padding": 2, "stride": 2}, "those to padding"),
        (
            "conv2d",
            (4, 12, 11),
            {"kernel": 3, "padding": 3, "dilation": 2, "groups": 2, "channels": 6},
            "those to padding",
        ),
        ("conv2d", (3, 8, 8), {"kernel": 4, "padding": "same"}, "those to padding"),
        ("depthwise2d", (3, 8, 8), {"kernel": 3, "padding": 1, "multiplier": 2}, "those to padding"),
        ("conv_transpose2d", (3, 5, 4), {"kernel": (4, 3), "stride": (2, 3), "padding": (1, 2)}, "those cut off"),
        ("conv_transpose2d", (3, 5, 4), {"kernel": 3, "stride": 2, "padding": 1, "output_padding": 1}, "those cut off"),
        ("conv_transpose1d", (2, 6), {"kernel": 5, "stride": 1, "padding": 2}, "those cut off"),
    ],
)
def test_connections_that_lead_outside_are_told_apart(kind, sizes, options, what):
    layer = LAYERS[kind].read(options)
    shape = Shape(sizes)
    module = layer.module(shape)()
    with torch.no_grad():
        module.weight.fill_(1.0)
        module.bias.zero_()
        met = module(torch.ones(1, *sizes)).sum()  # each weight of one that meets a one
    found = {formula.name: formula.value for formula in layer.formulas((shape,), outcome(layer, (shape,)))}
    assert found[f"connections, less {what}"] == int(met) < found["connections"]


def test_separable_connections_that_lead_outside_are_told_apart():
    layer, shape = LAYERS["separable2d"].read({"channels": 5, "kernel": 3, "padding": 2, "stride": 2}), Shape((4, 9, 7))
    outer, inner = (torch.ones(1, 4, 9, 7), torch.ones(4, 1, 3, 3))
    met = int(torch.nn.functional.conv2d(outer, inner, stride=2, padding=2, groups=4).sum())
    gives = outcome(layer, (shape,))
    found = {formula.name: formula.value for formula in layer.formulas((shape,), gives)}
    assert found["connections, less those to padding"] == met + gives.sizes[1] * gives.sizes[2] * 4 * 5


def test_numbers_are_drawn_as_torch_draws_them_and_gradients_go_through():
    module = LAYERS["draw"]().module(Shape((4,)), Shape((4,)))()
    mean, log_variance = torch.randn(3, 4, requires_grad=True), torch.randn(3, 4, requires_grad=True)
    torch.manual_seed(5)
    drawn = module(mean, log_variance)
    ours = torch.autograd.grad(drawn.sum(), [mean, log_variance])
    torch.manual_seed(5)
    expected = torch.distributions.Normal(mean, (log_variance / 2).exp()).rsample()
    theirs = torch.autograd.grad(expected.sum(), [mean, log_variance])
    torch.testing.assert_close(drawn, expected)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)
    assert torch.equal(module.eval()(mean, log_variance), mean)


@pytest.mark.parametrize(
    ("options", "sizes", "need"),
    [
        ({"axis": 3}, (4, 5), "3 axes"),
        ({"start": 4}, (4, 5), "a stretch of 4 along axis 1"),
        ({"start": 2, "stop": 2}, (4,), "a stretch of 4 along axis 1"),
        ({"stop": 6, "axis": 2}, (4, 5), "a stretch of 5 along axis 2"),
    ],
)
def test_a_stretch_that_is_not_there_is_refused(options, sizes, need):
    assert check(LAYERS["slice"](**options), (Shape(sizes),)).need == need


def test_a_slice_keeps_what_torch_keeps():
    values = torch.randn(2, 5, 6, 7)
    made = LAYERS["slice"](axis=2, start=1, stop=4).module(Shape((5, 6, 7)))()
    assert torch.equal(made(values), values[:, :, 1:4])
    assert torch.equal(LAYERS["slice"](start=3).module(Shape((5, 6, 7)))()(values), values[:, 3:])
