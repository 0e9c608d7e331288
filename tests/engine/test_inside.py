"""Inside: what boxes of the drawing show is what the layers give, worked out with torch alone."""

import base64
import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.looking import Session
from engine.looking.view import figure_of, frame_of
from engine.presets import PRESETS
from engine.runs.record import DraftRecord
from engine.training.fit import suggested
from engine.training.learner import Learner
from engine.views.reading import read


def opened(name):
    """Return a session with a preset's networks as they begin."""
    experiment = PRESETS[name].experiment()
    data = experiment.data or suggested(experiment.graph)
    assert data
    learner = Learner(dataclasses.replace(experiment, data=data), data.load())
    experiment = learner.experiment
    return Session(experiment, 0, DraftRecord(learner), learner)


@pytest.fixture(scope="module")
def session():
    return opened("lenet-5")


def shown(session, **options):
    """Return what a drawing is given, by box."""
    view = read({"kind": "inside"} | options)
    frame = frame_of(view, session)
    assert "problem" not in frame.words, frame.words
    return figure_of(view, frame)["nodes"]


def maps(node):
    """Return a box's small maps as numbers again."""
    levels = np.frombuffer(base64.b64decode(node["maps"]), np.int8).reshape(node["shape"])
    return levels / 127 * node["reach"]


def test_each_box_shows_the_first_maps_that_its_layer_gives(session):
    told = shown(session)
    data = session.network.data["validation"]
    x = session.network.material.given(data.inputs[:1])
    module, x = session.module.eval(), x.clone()
    given = {}
    with torch.no_grad():
        for node in session.graph.nodes[1:]:
            x = given[node.id] = getattr(module, node.id)(x)
    mapped = [name for name, values in given.items() if values.dim() == 4]
    assert len(mapped) > 4
    for name in mapped:
        values = given[name][0, :8]
        times = -(-max(values.shape[1:]) // 28)
        expected = F.avg_pool2d(values[None], times)[0] if times > 1 else values
        node = told[name]
        assert node["of"] == given[name].shape[1]
        assert np.abs(maps(node) - expected.numpy()).max() <= node["reach"] / 254 + 1e-6
    chances = torch.softmax(given[session.graph.outputs[0]], 1)[0]
    best = told[session.graph.outputs[0]]["best"]
    assert len(best) == 5
    classes = session.network.dataset.classes
    for (name, chance), place in zip(best, chances.argsort(descending=True)[:5], strict=True):
        assert (name, chance) == (classes[place], pytest.approx(float(chances[place]), abs=1e-6))


def test_one_map_closely_holds_every_number(session):
    name = next(node.id for node in session.graph.nodes if node.layer.kind == "conv2d")
    node = shown(session, nodes=(name,), unit=3)[name]
    x = session.network.material.given(session.network.data["validation"].inputs[:1])
    with torch.no_grad():
        expected = getattr(session.module.eval(), name)(x)[0, 3]
    large = node["large"]
    levels = np.frombuffer(base64.b64decode(large["coded"]), "<u2").reshape(large["shape"])
    assert np.abs(large["low"] + levels * large["step"] - expected.numpy()).max() <= large["step"]
    assert node["size"] == list(expected.shape)
    assert (node["least"], node["most"], node["mean"]) == pytest.approx(
        (float(expected.min()), float(expected.max()), float(expected.mean())), rel=1e-5, abs=1e-7
    )


def test_what_is_switched_off_gives_nothing(session):
    name = next(node.id for node in session.graph.nodes if node.layer.kind == "conv2d")
    whole, off = shown(session, nodes=(name,)), shown(session, nodes=(name,), off=(f"{name}:1",))
    assert np.abs(maps(whole[name])[1]).max() > 0
    assert np.abs(maps(off[name])[1]).max() == 0
    assert np.allclose(maps(whole[name])[0], maps(off[name])[0], atol=whole[name]["reach"] / 60)


def test_networks_that_are_folded_show_what_they_make():
    session = opened("conv-vae")
    told = shown(session, nodes=("encoder:", "decoder:", "decoder:dense1"))
    assert told["decoder:"]["picture"].startswith("data:image/png")
    assert told["encoder:"]["of"] == 8
    assert told["decoder:dense1"]["shape"][:2] == [1, 1]


def test_sequences_are_shown_with_features_from_top_to_bottom():
    session = opened("char-lstm")
    told = shown(session, nodes=("lstm",))["lstm"]
    x = session.network.data["validation"].inputs[:1]
    with torch.no_grad():
        embedded = session.module.eval().embed(x)
        state = torch.nn.LSTM(32, 128, batch_first=True)
        own = dict(session.module.lstm.named_parameters())
        state.load_state_dict(
            {name: next(v for k, v in own.items() if k.endswith(name)) for name in state.state_dict()}
        )
        expected = state(embedded)[0][0].T
    high, wide = told["shape"][1:]
    rows, columns = (-(-size // times) for size, times in zip(expected.shape, (4, 4), strict=True))
    assert (high, wide) == (rows, columns)
    pooled = F.avg_pool2d(expected[None, None], 4)[0, 0]
    assert np.abs(maps(told)[0] - pooled.numpy()).max() <= told["reach"] / 254 + 1e-5


def test_padding_is_no_part_of_what_is_shown():
    session = opened("sentiment-gru")
    x = session.network.data["validation"].inputs[0]
    words = int((x != 0).sum())
    assert words < len(x)
    told = shown(session, nodes=("embed",), unit=0)["embed"]
    table = session.module.embed.weight.detach()[x[:words]].T
    assert told["size"] == [16, words]
    assert np.abs(maps(told)[0] - table.numpy()).max() <= told["reach"] / 254 + 1e-6
    assert told["mean"] == pytest.approx(float(table.mean()), abs=1e-6)


def test_what_is_no_box_is_left_out(session):
    assert shown(session, nodes=("nothing", "nowhere.conv")) == {}
