"""Looking into convolutional networks: every view held against an oracle of its own."""

import dataclasses
import itertools

import captum.attr as captum
import numpy as np
import orjson
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch.nn import functional as F

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph.capture import capturing, node
from engine.graph.chain import chain
from engine.graph.cost import cost
from engine.graph.units import unit_axes
from engine.layers import LAYERS
from engine.layers.activation import ReLU, Softmax, Tanh
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.pooling import AveragePool2d, GlobalAveragePool
from engine.layers.reshaping import Flatten
from engine.layers.sequence import LSTM, LastStep
from engine.live.scene import drawn
from engine.looking import session as sessions
from engine.looking.lesions import silenced
from engine.looking.sample import sample_of
from engine.looking.session import looking
from engine.training import answering
from engine.views import VIEWS
from engine.views.maps.invariance import _lie
from engine.views.maps.window import EXAMPLES, Window, backward, forward, pooled
from engine.views.reasons.attributing import METHODS, Answers, Question, attributed
from engine.views.reasons.camethods import BY_GRADIENT
from engine.views.reasons.trial import randomised
from tests.engine.looked import averaging, flat, seen, session_of, weights_of


@pytest.fixture(scope="module")
def trained():
    """Return a session on a network that ends in global average pooling and knows its digits."""
    return session_of(averaging(), epochs=15, rate=0.01, batch=32)


@pytest.fixture(scope="module")
def deep():
    return session_of(flat(), epochs=4, rate=0.005)


def network_of(session):
    return session.learner.networks["network"].eval()


# -- one capture ---------------------------------------------------------------------------------------------------


def test_what_nodes_give_is_kept_by_their_paths_in_blocks_and_branches_too(deep):
    network = network_of(deep)
    inputs = deep.network.train.inputs[:3]
    with capturing(network, ["conv1", "stage.1.relu", "stage.0"]) as found, torch.no_grad():
        outputs = network(inputs)
    assert torch.equal(found["conv1"], network.conv1(inputs))
    first = network.stage[0](found["conv1"].relu())
    assert torch.equal(found["stage.0"], first)
    assert torch.equal(found["stage.1.relu"], network.stage[1].conv(first).relu())
    assert outputs.shape == (3, 10)
    assert node(network, "stage.conv") is network.stage[0].conv  # as the graph calls it: the first turn


def test_a_change_takes_the_place_of_what_a_node_gives_and_is_gone_afterwards(deep):
    network, inputs = network_of(deep), deep.network.train.inputs[:3]
    with torch.no_grad():
        before = network(inputs)
        with capturing(network, ["conv1"], {"conv1": torch.zeros_like}) as found:
            changed = network(inputs)
        assert not found["conv1"].any()
        assert not torch.equal(changed, before)
        assert torch.equal(network(inputs), before)


def test_a_node_that_is_not_there_is_said_and_leaves_no_hook(deep):
    network = network_of(deep)
    with pytest.raises(VitrineError, match="no node 'conv7'"), capturing(network, ["conv1", "conv7"]):
        pass
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("kind", ["attribution", "unit", "ablation", "features"])
def test_what_takes_long_may_be_left_at_any_piece_and_leaves_no_trace(deep, kind):
    network = network_of(deep)
    before = [p.detach().clone() for p in network.parameters()]
    options = {"unit": {"show": "made", "steps": 40}, "features": {"by": "t-SNE"}}.get(kind, {})
    stages = VIEWS[kind](**options).stages(deep)
    frame = next(stages)
    assert 0 < frame.words["progress"] < 1
    stages.close()
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())
    assert all(torch.equal(p, b) for p, b in zip(network.parameters(), before, strict=True))


MANY = {
    "confusion": {"off": ("conv1:2",)},
    "predictions": {"which": "worst"},
    "features": {},
    "ablation": {"node": "conv1", "off": ("conv1:1",)},
}


@pytest.mark.parametrize("kind", MANY)
def test_many_examples_are_asked_about_piece_by_piece_at_the_weights_of_the_beginning(deep, monkeypatch, kind):
    network, view = network_of(deep), VIEWS[kind](**MANY[kind])
    *_, whole = view.stages(dataclasses.replace(deep, kept={}))
    monkeypatch.setattr(sessions, "LONG", 0.0)
    monkeypatch.setattr(answering, "LOOK", 50)
    stages = view.stages(dataclasses.replace(deep, kept={}))
    frames = [next(stages)]
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)  # the run learns on meanwhile
    frames += stages
    network.load_state_dict(weights)
    assert frames[0].bare
    shares = [frame.words["progress"] for frame in frames[:-1]]
    assert shares == sorted(shares)
    assert 0 < shares[0] <= shares[-1] < 1
    for name, array in whole.arrays.items():
        np.testing.assert_allclose(frames[-1][name], array, atol=1e-4, err_msg=name)
    assert set(orjson.loads(drawn(view, frames[0], 7))) == {"step", "progress"}


# -- feature maps and filters -------------------------------------------------------------------------------------


def test_feature_maps_are_what_the_layer_gives_in_any_order(deep):
    network = network_of(deep)
    with torch.no_grad():
        maps = network.conv1(deep.network.data["validation"].inputs[3:4])[0]
    frame = seen(deep, "feature-maps", sample="3", node="conv1")
    assert np.allclose(frame["maps"], maps, atol=1e-6)
    ranked = seen(deep, "feature-maps", sample="3", node="conv1", sort="variance")["units"]
    assert ranked.tolist() == maps.var(dim=(1, 2)).argsort(descending=True).tolist()
    at = seen(deep, "feature-maps", sample="3", node="conv1", unit=2).words
    assert abs(maps[2, at["row"], at["column"]]) == maps[2].abs().max()


def test_the_frame_on_the_picture_is_what_a_place_of_the_map_sees(deep):
    words = seen(deep, "feature-maps", node="conv1", row=3, column=5).words
    assert words["box"] == [[6, 10], [10, 14]]  # a 5×5 window in strides of 2


def test_filters_are_the_weights_now_at_the_start_and_their_change(deep):
    weight = weights_of(deep, "stage.1.conv").detach()
    frame = seen(deep, "filters", node="stage.1.conv", channel=2)
    assert np.array_equal(frame["now"], weight[:, 2])
    norms = seen(deep, "filters", node="stage.1.conv", show="norms")["now"][0]
    assert np.allclose(norms, weight.flatten(2).norm(dim=2))
    assert np.array_equal(seen(deep, "filters", node="stage.1.conv", show="all of one unit", unit=4)["now"], weight[4])
    both = seen(deep, "filters", node="conv1", compare="beside")
    assert np.array_equal(both["then"], both["now"])  # a record that holds nothing older


def test_a_network_trained_on_stripes_shows_oriented_filters():
    data = DATASETS["stripes"](size=16, number=600)
    graph = chain(
        image=Input(sizes=(1, 16, 16)),
        conv=Conv2d(channels=8, kernel=7),
        relu=ReLU(),
        average=GlobalAveragePool(),
        out=Dense(units=len(data.load().classes)),
    )
    before, after = session_of(graph, data), session_of(graph, data, epochs=25, rate=0.01, batch=32)
    first, last = (_oriented(seen(session, "filters", node="conv")["now"]) for session in (before, after))
    assert last > first + 0.15
    assert last > 0.5


def _oriented(filters):
    """Return how much of the filters' change runs across one direction, in the mean: 0 all alike, 1 only one."""
    found = []
    for values in filters:
        down, along = np.gradient(values)
        tensor = np.array([[(down**2).sum(), (down * along).sum()], [(down * along).sum(), (along**2).sum()]])
        low, high = np.linalg.eigvalsh(tensor)
        found.append((high - low) / (high + low))
    return np.mean(found)


# -- close-up -------------------------------------------------------------------------------------------------------

SIDES = some.integers(1, 3)


@settings(max_examples=60, deadline=None)
@given(data=some.data())
def test_a_convolution_worked_out_is_what_torch_gives_forward_and_back(data):
    groups = data.draw(some.sampled_from([1, 2]))
    kernel, stride, dilation = (data.draw(some.tuples(SIDES, SIDES)) for _ in range(3))
    pad = data.draw(some.tuples(some.integers(0, 2), some.integers(0, 2)))
    mode = data.draw(some.sampled_from(["zeros", "replicate"]))
    high, wide = data.draw(some.integers(9, 12)), data.draw(some.integers(9, 12))
    torch.manual_seed(data.draw(some.integers(0, 99)))
    module = torch.nn.Conv2d(4, 6, kernel, stride, pad, dilation, groups, padding_mode=mode)
    x = torch.randn(4, high, wide, requires_grad=True)
    y = module(x[None])[0]
    gives = y.detach()
    pads = ((pad[0], pad[0]), (pad[1], pad[1]))
    window = Window(kernel, stride, pads, dilation, 6, module.weight.detach(), module.bias.detach(), groups, mode)
    unit, row, column = (data.draw(some.integers(0, size - 1)) for size in y.shape)
    shown = forward(x.detach(), window, unit, row, column)
    assert shown.words["value"] == pytest.approx(float(gives[unit, row, column]), abs=1e-4)
    assert torch.allclose(shown.maps["to"], gives[unit], atol=1e-4)
    if mode == "zeros":
        gradient = torch.randn_like(y)
        truth = torch.autograd.grad(y, x, gradient)[0]
        channel, row, column = (data.draw(some.integers(0, size - 1)) for size in x.shape)
        back = backward(x.detach(), window, channel, row, column, gradient)
        assert back.words["value"] == pytest.approx(float(truth[channel, row, column]), abs=1e-4)
        assert torch.allclose(back.maps["to"], truth[channel], atol=1e-4)
        assert torch.equal(back.kernel, window.weight[_mine(groups, channel), channel % (4 // groups)].flip(1, 2))


def _mine(groups, channel):
    outputs, inside = 6 // groups, 4 // groups
    group = channel // inside
    return slice(group * outputs, (group + 1) * outputs)


@settings(max_examples=40, deadline=None)
@given(data=some.data())
def test_a_pooling_worked_out_is_what_torch_gives_and_its_gradient_goes_where_autograd_sends_it(data):
    how = data.draw(some.sampled_from(["max", "average"]))
    kernel, stride = data.draw(some.tuples(SIDES, SIDES)), data.draw(some.tuples(SIDES, SIDES))
    pad = tuple(data.draw(some.integers(0, k // 2)) for k in kernel)
    x = torch.randn(2, 9, 8, generator=torch.Generator().manual_seed(data.draw(some.integers(0, 99)))).requires_grad_()
    pool = F.max_pool2d if how == "max" else F.avg_pool2d
    y = pool(x[None], kernel, stride, pad)[0]
    window = Window(kernel, stride, ((pad[0],) * 2, (pad[1],) * 2), (1, 1), 2, pools=how)
    unit, row, column = (data.draw(some.integers(0, size - 1)) for size in y.shape)
    shown = pooled(x.detach(), window, unit, row, column, gives=y.detach())
    assert shown.words["value"] == pytest.approx(float(y[unit, row, column].detach()), abs=1e-5)
    gradient = torch.randn_like(y)
    back = pooled(x.detach(), window, unit, row, column, gradient=gradient)
    alone = torch.zeros_like(y)
    alone[unit, row, column] = gradient[unit, row, column]
    truth = torch.autograd.grad(y, x, alone)[0][unit]
    sent = torch.zeros(9 + 8, 8 + 8)
    rows, columns = window.rows(row, column)
    for i, r in enumerate(rows):
        for j, c in enumerate(columns):
            if 0 <= r < 9 and 0 <= c < 8:
                sent[r, c] += back.share[i, j]
    assert torch.allclose(sent[:9, :8], truth, atol=1e-5)


def test_the_ready_cases_are_those_of_the_notes(deep):
    patch = seen(deep, "close-up", case="colour patch")
    assert (patch["patch"] * patch["kernel"]).sum(axis=(1, 2)).tolist() == [308, -498, 164]
    assert patch.words["value"] == -25
    x, window = EXAMPLES["pooling"]
    values = [[pooled(x, window, 0, r, c).words["value"] for c in range(2)] for r in range(2)]
    assert values == [[3, 5], [2, 4]]
    assert seen(deep, "close-up", case="pooling").words["winners"] == [[1, 0]]


@pytest.mark.parametrize("path", ["conv1", "stage.1.conv"])
def test_the_close_up_of_a_node_is_what_it_gave_and_what_autograd_says(deep, path):
    network, sample = network_of(deep), sample_of(deep, "2")
    with capturing(network, ["relu1", "stage.0.add", path], joined=True) as found, torch.enable_grad():
        inputs = sample.given.detach().clone().requires_grad_()
        score = network(inputs)[0, 7]
    frame = seen(deep, "close-up", sample="2", node=path, unit=3, row=2, column=4)
    assert frame.words["value"] == pytest.approx(found[path][0, 3, 2, 4].item(), abs=1e-5)
    gradient = torch.autograd.grad(score, found[path], retain_graph=True)[0]
    given_to = inputs if path == "conv1" else found["stage.0.add"]
    truth = torch.autograd.grad(found[path], given_to, gradient)[0][0]
    channel = 0 if path == "conv1" else 3
    back = seen(deep, "close-up", sample="2", node=path, way="backward", toward="7", unit=channel, row=2, column=4)
    assert back.words["value"] == pytest.approx(float(truth[channel, 2, 4]), abs=1e-5)


def test_the_window_steps_sweeps_and_jumps_by_clicks(deep):
    view = VIEWS["close-up"](node="conv1", row=0, column=0)
    figure = view.draw(view.compute(deep))
    moves = {button["label"]: button.get("point") for button in figure["buttons"]}
    assert moves["▶"] == {"place": [0, 1]}
    assert moves["▲"] == {"place": [11, 0]}  # around the edge
    assert view.pick(figure["again"]) == view.but(column=1)
    assert view.pick({"part": "to", "row": 3, "column": 2}) == view.but(row=3, column=2)
    assert view.pick(moves["The way backward"]) == VIEWS["close-up"](node="conv1", way="backward")
    for nonsense in ({}, {"place": "x"}, {"place": [1]}, {"way": "up"}, {"part": "from"}):
        assert view.pick(nonsense) is None


# -- class activation -----------------------------------------------------------------------------------------------


def maps_of(frame):
    return [frame[f"map {place}"] for place in range(len(frame.words["titles"]))]


def by_hand():
    """Return maps, gradients and answers small enough to work out: two maps of 1×2, gradients (1, 3) and (−2, 0)."""
    return torch.tensor([[[1.0, 2.0]], [[4.0, 0.0]]]), torch.tensor([[[1.0, 3.0]], [[-2.0, 0.0]]])


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("Grad-CAM", [1 * 2 + 4 * -1, 2 * 2 + 0]),  # mean gradients 2 and −1
        # weights: map 0: 1/(2+1·3)·1 + 9/(18+27·3)·3 = 1/5 + 3/11; map 1 has no positive gradient
        ("Grad-CAM++", [1 / 5 + 3 / 11, 2 * (1 / 5 + 3 / 11)]),
        ("HiResCAM", [1 - 8, 6]),
        ("LayerCAM", [1, 6]),
    ],
)
def test_class_activation_methods_give_what_is_worked_out_by_hand(name, truth):
    maps, gradient = by_hand()
    assert BY_GRADIENT[name](maps, gradient)[0].tolist() == pytest.approx(truth)


def test_eigen_cam_is_the_first_principal_component():
    maps = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(0))
    found = BY_GRADIENT["Eigen-CAM"](maps, maps).flatten()
    table = maps.flatten(1).T.double()
    values, vectors = torch.linalg.eigh(torch.cov(table.T))
    truth = (table - table.mean(dim=0)) @ vectors[:, values.argmax()]
    assert torch.allclose(found.double().abs(), truth.abs(), atol=1e-5)
    assert abs(float(F.cosine_similarity(found.double(), truth, dim=0))) == pytest.approx(1, abs=1e-5)


def test_cam_is_grad_cam_up_to_scale_where_averages_come_last(trained):
    frame = seen(trained, "class-activation", methods=("CAM", "Grad-CAM", "HiResCAM"), node="relu2", signed=True)
    cam, grad, hires = maps_of(frame)
    assert np.allclose(cam / cam.std(), grad / grad.std(), atol=1e-4)
    assert np.allclose(grad / grad.std(), hires / hires.std(), atol=1e-4)  # its gradients are the same everywhere


@pytest.mark.parametrize("path", ["conv2", "relu1"])
def test_grad_cam_is_what_captum_gives(trained, path):
    network, sample = network_of(trained), sample_of(trained, "1")
    truth = captum.LayerGradCam(network, node(network, path)).attribute(sample.given, 4)[0, 0].detach()
    frame = seen(trained, "class-activation", sample="1", toward="4", node=path, methods=("Grad-CAM",), signed=True)
    assert np.allclose(maps_of(frame)[0], truth, atol=1e-5)


def test_score_and_ablation_cam_are_what_a_loop_over_the_maps_gives(trained):
    network, sample = network_of(trained), sample_of(trained, "1")
    options = {"sample": "1", "toward": "true", "node": "relu2", "signed": True}
    with torch.no_grad():
        maps = network.relu2(network.conv2(network.pool1(network.relu1(network.conv1(sample.given)))))[0]
        whole = network(sample.given)[0, sample.truth]
        weights, scores = [], []
        for channel, one in enumerate(maps):
            less = maps.clone()
            less[channel] = 0
            weights.append((whole - network.out(network.average(less[None]))[0, sample.truth]) / whole.abs())
            mask = (one - one.min()) / (one.max() - one.min()).clamp_min(1e-12)
            large = F.interpolate(mask[None, None], (28, 28), mode="bilinear", align_corners=False)
            scores.append(network(sample.given * large)[0, sample.truth])
    ablation = (torch.stack(weights)[:, None, None] * maps).sum(dim=0)
    score = (torch.stack(scores).softmax(dim=0)[:, None, None] * maps).sum(dim=0)
    found = maps_of(seen(trained, "class-activation", methods=("Ablation-CAM", "Score-CAM"), **options))
    assert np.allclose(found[0], ablation, atol=1e-4)
    assert np.allclose(found[1], score, atol=1e-4)
    assert np.corrcoef(found[1].flatten(), maps.mean(dim=0).flatten())[0, 1] < 0.999  # no plain mean of all maps


def test_cam_says_why_it_does_not_suit_and_what_does(deep):
    words = VIEWS["class-activation"](methods=("CAM",)).refuses(deep.experiment)
    assert words == (
        "CAM needs global average pooling before the last dense layer; this network has flatten: try Grad-CAM."
    )
    frame = seen(deep, "class-activation", methods=("CAM", "Grad-CAM"))
    assert frame.words["titles"][0] == words
    assert maps_of(frame)[0].size == 0
    assert maps_of(frame)[1].any()


def test_classes_and_steps_stand_side_by_side(trained):
    words = seen(trained, "class-activation", methods=("Grad-CAM",), classes=3, since=0).words
    assert len(words["titles"]) == 6
    assert words["titles"][3].endswith(" at step 0")


# -- attribution ----------------------------------------------------------------------------------------------------


def asked(session, name="0"):
    session = session.still()
    sample = sample_of(session, name)
    layer = "relu2" if "relu2" in session.experiment.graph else "relu1"
    question = Question(sample.given, int(sample.truth), torch.zeros_like(sample.given), layer, 4)
    return Answers(session.network, session.role).eval(), question


CAPTUM = {
    "saliency": lambda m, q: captum.Saliency(m).attribute(q.given, q.target),
    "input × gradient": lambda m, q: captum.InputXGradient(m).attribute(q.given, q.target),
    "integrated gradients": lambda m, q: captum.IntegratedGradients(m).attribute(
        q.given, q.baseline, q.target, n_steps=32
    ),
    "guided backpropagation": lambda m, q: captum.GuidedBackprop(m).attribute(q.given, q.target),
    "deconvolution": lambda m, q: captum.Deconvolution(m).attribute(q.given, q.target),
    "guided Grad-CAM": lambda m, q: captum.GuidedGradCam(m, m.relu2).attribute(q.given, q.target),
    "DeepLIFT": lambda m, q: captum.DeepLift(m).attribute(q.given, q.baseline, q.target),
    "occlusion": lambda m, q: captum.Occlusion(m).attribute(
        q.given, (1, 4, 4), (1, 2, 2), baselines=q.baseline, target=q.target
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CAPTUM)
def test_attributions_are_captums_own(trained, name):
    answers, question = asked(trained)
    truth = CAPTUM[name](answers.network, question).detach()
    assert torch.allclose(attributed(name, answers, question), truth, atol=1e-5)
    assert not any(m._forward_hooks or m._backward_hooks or m._forward_pre_hooks for m in answers.modules())


@pytest.mark.filterwarnings("ignore")
def test_relevance_is_captums_own_and_nothing_of_the_score_is_lost(trained):
    plain = chain(
        image=Input(sizes=(1, 28, 28)),
        conv=Conv2d(channels=3, bias=False),
        relu=ReLU(),
        flatten=Flatten(),
        out=Dense(units=10, bias=False),
    )
    answers, question = asked(session_of(plain))
    found = attributed("LRP", answers, question)
    alone, linear = answers.network, [answers.network.conv.weight.detach(), answers.network.out.weight.detach()]
    with torch.no_grad():  # by hand: the gradient, as relevance of sums without biases is input times gradient
        on = alone.relu(alone.conv(question.given)) > 0
        back = (linear[1][question.target].reshape(on.shape[1:]) * on[0])[None]
        truth = question.given * F.conv_transpose2d(back, linear[0])
    assert torch.allclose(found, truth, atol=1e-3)
    score = answers(question.given)[0, question.target].detach()
    assert float(found.sum()) == pytest.approx(float(score), abs=1e-3)
    assert attributed("LRP", *asked(trained)).abs().max() > 0


def test_smooth_grad_and_gradient_shap_come_near_gradients_where_the_network_is_linear():
    linear = chain(image=Input(sizes=(1, 28, 28)), flatten=Flatten(), out=Dense(units=10))
    answers, question = asked(session_of(linear))
    gradient = answers.network.out.weight[question.target].reshape(1, 1, 28, 28).detach()
    torch.manual_seed(0)
    assert torch.allclose(attributed("SmoothGrad", answers, question), gradient, atol=1e-5)
    for name in ("integrated gradients", "DeepLIFT", "input × gradient"):
        assert torch.allclose(attributed(name, answers, question), gradient * question.given, atol=1e-5)
    for name in ("feature ablation", "occlusion"):
        single = Question(question.given, question.target, question.baseline, "", 1)
        assert torch.allclose(attributed(name, answers, single), gradient * question.given, atol=1e-4)


def test_methods_that_need_relu_or_rules_say_so(deep):
    tanh = chain(
        image=Input(sizes=(1, 28, 28)), conv=Conv2d(channels=3), tanh=Tanh(), flatten=Flatten(), out=Dense(units=10)
    )
    frame = seen(session_of(tanh), "attribution", methods=("guided backpropagation", "saliency"))
    guided, saliency = frame.words["notes"]
    assert guided == "Guided backpropagation changes how ReLU passes gradients; this network has none: try saliency."
    assert saliency == ""
    assert np.isfinite(frame["maps"][1]).all()
    lrp = seen(deep, "attribution", methods=("LRP",)).words["notes"][0]
    assert lrp == "LRP has no rule for Add in this network: try DeepLIFT."


@pytest.mark.parametrize(
    "layer",
    [LAYERS[kind]() for kind in ("gelu", "silu", "hard_tanh", "sine", "layer_norm", "local_response_norm")],
    ids=lambda layer: layer.kind,
)
def test_deep_lift_is_refused_where_it_would_not_be_deep_lift(layer):
    graph = chain(image=Input(sizes=(1, 28, 28)), conv=Conv2d(), odd=layer, flatten=Flatten(), out=Dense(units=10))
    answers, question = asked(session_of(graph))
    with pytest.raises(VitrineError, match=r"DeepLIFT has no rule for \w+ in this network: try integrated gradients"):
        attributed("DeepLIFT", answers, question)


@pytest.mark.filterwarnings("ignore")
def test_what_should_add_up_says_how_much_it_leaves_unexplained(trained):
    answers, question = asked(trained)
    with torch.no_grad():
        change = (answers.network(question.given) - answers.network(question.baseline))[0, question.target]
    frame = seen(trained, "attribution", methods=("integrated gradients", "DeepLIFT", "saliency"), toward="true")
    sums = frame["maps"].sum(axis=(1, 2))
    for gap, total in zip(frame["gaps"][:2], sums[:2], strict=True):
        assert gap == pytest.approx(abs(total - change.item()) / abs(change.item()), abs=1e-4)
    assert frame["gaps"][1] < 0.001
    assert np.isnan(frame["gaps"][2])


@pytest.mark.filterwarnings("ignore")
def test_what_speaks_for_a_class_is_asked_before_a_last_softmax():
    plain = session_of(averaging(), epochs=1)
    layers = {one.id: one.layer for one in averaging().nodes}
    ended = chain(**layers, chances=Softmax())
    other = session_of(ended)
    other.network.networks["network"].load_state_dict(plain.network.networks["network"].state_dict())
    for methods in (("Grad-CAM", "HiResCAM", "Score-CAM", "Ablation-CAM"),):
        options = {"sample": "1", "toward": "4", "node": "relu2", "methods": methods, "signed": True}
        for one, same in zip(*(maps_of(seen(s, "class-activation", **options)) for s in (plain, other)), strict=True):
            assert np.allclose(one, same, atol=1e-5)
    for one, same in zip(
        *(seen(s, "attribution", methods=("saliency", "DeepLIFT"), toward="4")["maps"] for s in (plain, other)),
        strict=True,
    ):
        assert np.allclose(one, same, atol=1e-5)


def test_a_place_in_colour_counts_once():
    layers = {"pool": AveragePool2d(kernel=4), "flatten": Flatten(), "out": Dense(units=5, bias=False)}
    session = session_of(chain(image=Input(sizes=(3, 32, 32)), **layers), DATASETS["scenes"](size=32, number=100))
    answers = Answers(session.still().network, session.role).eval()
    given = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        change = answers(given)[0, 2]
    for name in ("occlusion", "feature ablation"):
        found = attributed(name, answers, Question(given, 2, torch.zeros_like(given), "", 1))
        assert float(found.sum()) == pytest.approx(float(change), abs=1e-4)


def test_grad_cam_plus_plus_is_steady_where_maps_are_negative():
    maps = torch.tensor([[[1.0, -1.0001]], [[3.0, 1.0]]])
    gradient = torch.tensor([[[-20.0, 3.0]], [[1.0, 1.0]]])
    found = BY_GRADIENT["Grad-CAM++"](maps, gradient)
    # weights: 9/(18 + 27·1)·3 = 3/5; 1/(2 + 4)·1 twice = 1/3
    assert found[0].tolist() == pytest.approx([0.6 + 1.0, -0.60006 + 1 / 3])


def test_features_switched_off_are_features_and_not_places():
    graph = chain(series=Input(sizes=(7, 4)), lstm=LSTM(units=6, gives="sequence"), last=LastStep(), out=Dense(units=3))
    values = torch.randn(2, 7, 6)
    assert silenced(values, [3], unit_axes(graph)["lstm"])[:, :, 3].abs().max() == 0
    assert torch.equal(silenced(values, [3], unit_axes(graph)["lstm"])[:, 3, :3], values[:, 3, :3])


def test_maps_of_a_valid_convolution_move_by_as_many_dots_as_the_picture():
    layers = {"conv": Conv2d(channels=4, kernel=11), "flatten": Flatten(), "out": Dense(units=10)}
    session = session_of(chain(image=Input(sizes=(1, 28, 28)), **layers))
    inputs = session.network.data["validation"].inputs
    inputs[0] = 0
    inputs[0, 0, 13:15, 13:15] = 2.0
    for change, most in (("shift right", 3 / 14), ("shift down", 3 / 14)):
        frame = seen(session, "invariance", node="conv", change=change, reach=most)
        whole = np.isclose(np.round(frame["amounts"] * 14), frame["amounts"] * 14)
        assert whole.sum() == 7
        assert frame["with it"][whole] == pytest.approx(1, abs=1e-3)


def test_occlusion_finds_a_planted_patch():
    session = session_of(averaging())
    network = session.learner.networks["network"]
    with torch.no_grad():  # the network answers with what stands in one corner
        for p in network.parameters():
            p.zero_()
        network.conv1.weight[:, :, 1, 1] = 1.0
        network.conv2.weight[:, :, 1, 1] = 1.0
        network.out.weight[3] = 1.0
    answers, _ = asked(session)
    image = torch.zeros(1, 1, 28, 28)
    image[..., 9:13, 2:6] = 3.0
    found = attributed("occlusion", answers, Question(image, 3, torch.zeros_like(image), "", 4))[0, 0]
    row, column = divmod(int(found.argmax()), 28)
    assert 8 <= row <= 13
    assert 1 <= column <= 6
    assert found[:6, 8:].abs().max() == 0


def test_randomising_the_weights_tells_a_method_that_ignores_them(trained):
    answers, question = asked(trained)
    torch.manual_seed(0)
    alike = {}
    for name in ("edges of the picture", "saliency", "integrated gradients"):
        alike[name] = randomised(name, answers, question, attributed(name, answers, question))
    assert alike["edges of the picture"] > 0.999
    assert alike["saliency"] < 0.7
    assert alike["integrated gradients"] < 0.9


def test_the_bench_prefers_what_looks_at_the_network_to_what_does_not(trained):
    options = {
        "show": "bench",
        "toward": "true",
        "methods": ("occlusion", "integrated gradients", "edges of the picture"),
    }
    every = [seen(trained, "attribution", sample=str(place), **options)["trials"] for place in range(8)]
    deletion, insertion, *_, alike = np.mean(every, axis=0).T
    assert insertion[0] > insertion[2]
    assert deletion[1] < deletion[2]
    assert alike.argmax() == 2


def test_every_method_is_offered_and_named_once():
    field = VIEWS["attribution"].model_fields["methods"]
    assert set(field.default) == METHODS.keys() - {"edges of the picture"}


# -- units ----------------------------------------------------------------------------------------------------------


def test_the_examples_of_a_unit_are_those_it_answers_to_most(trained):
    network = network_of(trained)
    inputs = trained.network.train.inputs[:400]
    with torch.no_grad():
        maps = network.relu1(network.conv1(inputs))[:, 2].flatten(1)
    frame = seen(trained, "unit", node="relu1", unit=2, examples=400, number=5)
    truth = maps.amax(dim=1).topk(5)
    assert np.allclose(frame["values"], truth.values, atol=1e-6)
    at = divmod(int(maps[frame["places"][0]].argmax()), 28)
    assert frame.words["boxes"][0] == [[at[0] - 1, at[0] + 1], [at[1] - 1, at[1] + 1]]


@pytest.mark.parametrize("spectrum", [True, False])
def test_an_input_that_is_made_answers_more_than_any_example(trained, spectrum):
    options = {"node": "out", "unit": 3, "steps": 80, "jitter": 0, "turn": 0.0, "zoom": 0.0, "smooth": 0.0}
    frame = seen(trained, "unit", show="made", spectrum=spectrum, **options)
    best = seen(trained, "unit", node="out", unit=3)["values"][0]
    assert frame["way"][-1] > frame["way"][0]
    assert frame["way"].max() > best
    assert frame["image"].shape == (1, 28, 28)


# -- receptive field ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("graph", [averaging, flat])
def test_what_a_unit_sees_is_where_gradients_are_and_nowhere_else(graph):
    session = session_of(graph())
    frame = seen(session, "receptive-field", row=3, column=3, examples=64)
    for values, (rows, columns) in zip(frame["seen"], frame.words["boxes"], strict=True):
        inside = np.zeros_like(values, bool)
        for (top, bottom), (left, right) in itertools.product(rows, columns):
            inside[top : bottom + 1, left : right + 1] = True
        assert not values[~inside].any()
        assert values[inside].astype(bool).mean() > 0.9
    assert [max(size) for size in frame.words["sizes"]] == sorted(max(size) for size in frame.words["sizes"])


def test_what_counts_for_one_unit_is_its_own_gradient(trained):
    network, count = network_of(trained), 5
    given = trained.network.data["validation"].inputs
    inputs = torch.cat([given[:1], given[: count - 1]]).requires_grad_()  # the sample, and the first of the others
    with capturing(network, ["conv2"]) as found:
        network(inputs)
    own = [torch.autograd.grad(found["conv2"][:, unit, 3, 2].sum(), inputs, retain_graph=True)[0] for unit in (0, 4)]
    for unit, gradient in zip((0, 4), own, strict=True):
        asked = {"node": "conv2", "of": "this unit", "unit": unit, "row": 3, "column": 2, "examples": count}
        frame = seen(trained, "receptive-field", **asked)
        np.testing.assert_allclose(frame["seen"][-1], gradient.abs().mean(dim=(0, 1)).numpy(), atol=1e-6)
        assert frame.words["unit"] == unit


# -- ablation -------------------------------------------------------------------------------------------------------


def test_what_is_switched_off_gives_nothing_and_accuracy_follows(trained):
    network = network_of(trained)
    split = trained.network.data["validation"]
    with torch.no_grad(), capturing(network, [], {"relu2": lambda maps: maps * (torch.arange(8) != 5)[:, None, None]}):
        right = network(split.inputs[:300]).argmax(dim=1) == split.targets[:300]
    frame = seen(trained, "ablation", off=("relu2:5",), ranking=False)
    assert frame.words["is"]["accuracy"] == pytest.approx(float(right.float().mean()))
    ranked = seen(trained, "ablation", node="relu2", by="accuracy")
    assert ranked["lost"][5] == pytest.approx(frame.words["was"]["accuracy"] - frame.words["is"]["accuracy"], abs=1e-6)
    none = seen(trained, "ablation", off=("conv2",), ranking=False)
    assert (none["after"] > 0).sum() <= 1  # only the bias is left: one class for all
    maps = seen(trained, "feature-maps", node="relu2", off=("conv2:3", "conv1"))
    assert not maps["maps"][3].any()


def test_a_click_switches_a_unit_off_and_on_again():
    view = VIEWS["ablation"](off=("conv1",))
    point = {"part": "units", "x": "relu2:5"}
    assert view.pick(point).off == ("conv1", "relu2:5")
    assert view.pick(point).pick(point) == view
    assert view.pick({"x": "3"}) is None


@pytest.mark.parametrize("off", ["conv9", "conv1:99", "conv1:x", "conv1:-1"])
def test_what_cannot_be_switched_off_is_said(trained, off):
    with pytest.raises(VitrineError, match=r"conv9|units 0 to 5"):
        seen(trained, "feature-maps", off=(off,))


# -- invariance, features, adversarial ------------------------------------------------------------------------------


def test_maps_of_convolutions_move_along_and_averages_hold():
    session = session_of(averaging())
    inputs = session.network.data["validation"].inputs
    inputs[0] = 0  # a spot on plain ground, which no edge cuts
    inputs[0, 0, 12:16, 12:16] = 2.0
    frame = seen(session, "invariance", node="relu1", change="shift right", reach=6 / 14)
    whole = np.isclose(np.round(frame["amounts"] * 14), frame["amounts"] * 14)
    assert whole.sum() == 13
    assert frame["with it"][whole] == pytest.approx(1, abs=1e-3)
    assert frame["alike"][0] < 0.99
    assert np.ptp(frame["chances"], axis=0).max() < 0.02
    assert frame["alike"][len(frame["alike"]) // 2] == pytest.approx(1)


def test_nothing_done_changes_nothing_and_twice_mirrored_is_as_before(trained):
    view = VIEWS["invariance"](change="mirror")
    image = torch.rand(1, 3, 7, 9)
    once = view._moved(image, torch.tensor([1.0]))
    assert torch.allclose(once, image.flip(3), atol=1e-5)
    for change in ("shift right", "shift down", "turn", "scale", "mirror"):
        same = VIEWS["invariance"](change=change)._moved(image, torch.tensor([0.0]))
        assert torch.allclose(same, image, atol=1e-5)
    half = VIEWS["invariance"](change="turn")._moved(torch.rand(1, 1, 8, 8), torch.tensor([1.0]))
    assert half.shape == (1, 1, 8, 8)
    frame = seen(trained, "invariance", change="turn")
    assert np.isfinite(frame["with it"]).all()


def test_a_layout_on_its_way_is_called_what_it_is(trained):
    view = VIEWS["features"](by="t-SNE", examples=40)
    frames = [frame for frame in view.stages(dataclasses.replace(trained, kept={})) if not frame.bare]
    titles = [str(view.draw(frame)["layout"]["annotations"][0]["text"]) for frame in frames]
    assert ["by PCA" in titles[0], "by t-SNE" in titles[1]] == [True, True]


def test_the_nearest_neighbours_are_the_nearest(trained):
    network = network_of(trained)
    inputs = trained.network.data["validation"].inputs
    with torch.no_grad():
        found = network.average(network.relu2(network.conv2(network.pool1(network.relu1(network.conv1(inputs))))))
    frame = seen(trained, "features", node="average", sample="4", examples=100)
    distances = torch.cdist(found[4:5], found[:100])[0]
    truth = distances.argsort().tolist()
    assert frame["near"].tolist() == truth[1:9]
    assert VIEWS["features"]().pick({"part": "points", "label": "test 3"}).sample == "test 3"


def test_an_adversary_stays_within_its_reach_and_misleads(trained):
    for method in ("fast gradient sign", "projected gradient"):
        frame = seen(trained, "adversarial", method=method, strength=24.0)
        assert np.abs(frame["change"]).max() <= 24.01
        picture = frame["picture"].astype(float)
        assert np.abs(frame["misled"] - picture).max() <= 24.6
        assert frame["chances"][0, 0] > frame["chances"][-1, 0]
    one, several = (
        seen(trained, "adversarial", method=method)["chances"][:, 0].mean()
        for method in ("fast gradient sign", "projected gradient")
    )
    assert several <= one + 0.02


def test_a_step_along_the_signs_is_what_autograd_says(trained):
    sample = sample_of(trained, "0")
    inputs = sample.given.detach().clone().requires_grad_()
    with looking(trained.network), torch.enable_grad():
        scores = trained.network.networks["network"](inputs)
        loss = F.cross_entropy(scores, scores.argmax(dim=1))
    truth = torch.autograd.grad(loss, inputs)[0].sign()[0]
    change = seen(trained, "adversarial", strength=4.0)["change"]
    moved = np.abs(change) > 1e-3  # what is black or white already cannot go further
    assert (np.sign(change)[moved] == truth.numpy()[moved]).all()
    assert moved.mean() > 0.3


# -- a single output, which tells of two classes --------------------------------------------------------------------


@pytest.fixture(scope="module")
def single():
    """Return a session on a network whose one output tells noughts from ones."""
    graph = chain(
        image=Input(sizes=(1, 28, 28)),
        conv=Conv2d(channels=4),
        relu=ReLU(),
        average=GlobalAveragePool(),
        out=Dense(units=1),
    )
    return session_of(graph, TwoDigits())


class TwoDigits:
    """Digits of two classes only."""

    example = "image"

    def load(self):
        whole = DATASETS["digits"](size=28).load()
        parts = [split.take((split.targets < 2).nonzero().flatten()) for split in whole.splits().values()]
        return dataclasses.replace(
            whole, classes=("0", "1"), **dict(zip(("train", "validation", "test"), parts, strict=True))
        )


def test_both_classes_of_a_single_output_are_asked_about(single):
    for kind, options in (("class-activation", {"methods": ("Grad-CAM", "CAM"), "signed": True, "node": "relu"}),):
        no, yes = (maps_of(seen(single, kind, toward=toward, **options)) for toward in ("0", "1"))
        for first, second in zip(no, yes, strict=True):
            assert first.any()
            assert np.allclose(first, -second, atol=1e-5)
    for name in ("saliency", "integrated gradients", "occlusion"):
        no, yes = (seen(single, "attribution", toward=toward, methods=(name,))["maps"][0] for toward in ("0", "1"))
        assert no.any()
        assert np.allclose(np.abs(no), np.abs(yes), atol=1e-4)
    back = seen(single, "close-up", node="conv", way="backward", toward="0", row=9, column=9)
    assert back["patch"].any()


def test_what_is_off_in_a_repeated_block_is_off_in_every_turn(deep):
    maps = seen(deep, "feature-maps", node="stage.1.conv", off=("stage.conv",))["maps"]
    assert not maps.any()
    assert not seen(deep, "feature-maps", node="stage.0.conv", off=("stage.conv:2",))["maps"][2].any()


def test_one_copy_of_a_network_is_kept_whatever_was_switched_off(deep):
    for unit in range(4):
        VIEWS["feature-maps"](off=(f"conv1:{unit}",)).compute(deep)
    assert sum(key[0] == "without" for key in deep.kept) == 1


def test_maps_turn_by_the_pictures_own_proportions():
    view = VIEWS["invariance"](change="turn")
    picture = torch.zeros(1, 1, 20, 40)
    picture[..., 6:10, 25:29] = 1.0
    conv = chain(image=Input(sizes=(1, 20, 40)), conv=Conv2d(channels=1, kernel=5, stride=1))
    turned = view._moved(picture, torch.tensor([0.5]))  # a quarter: what was right of the middle is below or above it
    ones = torch.ones(1, 1, 5, 5)
    field = {layer.step.path: layer.field for layer in cost(conv).layers}["conv"]
    expected = view._moved(F.conv2d(picture, ones), torch.tensor([0.5]), _lie(field, (16, 36), (20, 40)))
    found = F.conv2d(turned, ones)
    assert float(F.cosine_similarity(found.flatten(), expected.flatten(), dim=0)) > 0.999


@pytest.mark.parametrize(("reversed_rows", "upper"), [(False, "high"), (True, "low")])
def test_rows_of_a_picture_go_up_as_in_a_browser(reversed_rows, upper):
    import io

    from PIL import Image

    from engine.figures.figure import axis, figure, heat
    from engine.figures.picture import png

    values = np.array([[0.0, 0.0], [1.0, 1.0]])
    along = axis(visible=False)
    up = axis(visible=False, **({"autorange": "reversed"} if reversed_rows else {}))
    drawn = figure([heat(values, [0, 1], [0, 1], showscale=False)], xaxis=along, yaxis=up)
    dots = np.asarray(Image.open(io.BytesIO(png(drawn, 200, 200))).convert("L")).astype(int)
    top, bottom = dots[60, 100], dots[140, 100]  # what is high is dark
    assert (top < bottom) == (upper == "high")
