"""A graphics card: all that is done there, on a device that only pretends to be one but refuses what one refuses."""

import dataclasses

import pytest
import torch

from engine.data import DATASETS
from engine.data.augment import Augment
from engine.graph.chain import chain
from engine.layers.activation import ReLU
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.normalisation import BatchNorm
from engine.layers.regularisation import Dropout
from engine.layers.reshaping import Flatten
from engine.live.scene import drawn
from engine.looking import Frame, Session
from engine.looking.sample import said, sample_of
from engine.looking.view import frame_of
from engine.presets import PRESETS
from engine.runs.record import DraftRecord
from engine.training import checkpoint
from engine.training.device import place
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from engine.views import VIEWS
from tests.engine.goals import SOURCES, experiment
from tests.pretend import Pretended, pretending

RECIPES = (
    {"optimiser": "adam", "augment": Augment(rotation=5.0)},
    {"optimiser": "momentum", "decay": 0.01, "clip": 1.0},
    {"optimiser": "rmsprop", "l1": 0.001},
    {"optimiser": "adagrad"},
    {"optimiser": "adamw", "decay": 0.01, "channels_last": True},
    {"optimiser": "lbfgs", "decay": 0.01, "rate": 0.5},
    {"optimiser": "adam", "precision": "fp16"},
)


@pytest.fixture(scope="module", autouse=True)
def device():
    """Let this machine have a graphics card, as far as it is told."""
    with pretending() as there, pytest.MonkeyPatch.context() as patch:
        for one in SOURCES:
            patch.setitem(DATASETS._things, one.kind, one)
        yield there


def pictures(**recipe):
    """Return a small network on pictures, with all that behaves otherwise while it learns."""
    layers = {"conv": Conv2d(channels=4), "norm": BatchNorm(), "relu": ReLU(), "flatten": Flatten()}
    graph = chain(image=Input(sizes=(1, 8, 8)), **layers, dropout=Dropout(), out=Dense(units=10))
    made = Recipe(**{"epochs": 1, "examples": 200, "batch": 32} | recipe)
    return Experiment("pictures", {"network": graph}, DATASETS["digits"](size=8), recipe=made)


def preset(name):
    """Return a preset that learns a few steps."""
    found = PRESETS[name].experiment()
    return dataclasses.replace(found, recipe=found.recipe.but(steps=3))


EXPERIMENTS = {
    "pictures": pictures,
    **{
        name: lambda name=name: preset(name)
        for name in ("mlp-2-4-2-1", "sentiment-gru", "char-lstm", "sines", "vae", "denoising-ae", "sequence-ae")
    },
    **{name: lambda name=name: experiment(name, steps=3) for name in ("outline", "odd", "sway", "twofold")},
}


def learned(learner, until=None):
    """Return the learner when it is done, or has come to a step."""
    for report in (going := learn(learner, pause=0)):
        if until and report.step >= until:
            going.close()
            break
    return learner


@pytest.fixture(scope="module", params=EXPERIMENTS)
def session(request, device):
    """Return a session on a network that has learned on the device."""
    made = EXPERIMENTS[request.param]()
    learner = learned(Learner(made, made.data.load()))
    return Session(made, learner.step, DraftRecord(learner), learner)


@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_is_worked_out_and_drawn(session, kind):
    view = VIEWS[kind]()
    if view.refusal(session.experiment):
        return
    frame = frame_of(view, dataclasses.replace(session, kept={}))
    assert "fault" not in str(frame.words.get("problem", "")), frame.words
    assert b"fault" not in drawn(view, Frame.unpack(frame.pack()), session.step)


@pytest.mark.parametrize("options", RECIPES, ids=lambda options: options["optimiser"])
def test_stopped_and_resumed_it_ends_with_the_same_bits(tmp_path, options):
    made = pictures(epochs=2, **options)
    whole = learned(Learner(made, made.data.load()))
    assert whole.place == place(made.recipe)
    assert all(isinstance(weight, Pretended) for weight in whole.networks["network"].parameters())
    stopped = learned(Learner(made, made.data.load()), until=1)
    assert stopped.step < whole.step
    resumed = Learner(made, made.data.load())
    torch.rand(3, device="cuda")  # whoever draws from the device meanwhile changes nothing
    resumed.restore(checkpoint.load(checkpoint.save(stopped, tmp_path)))
    learned(resumed)
    for name, values in whole.networks["network"].state_dict().items():
        assert torch.equal(values, resumed.networks["network"].state_dict()[name]), name
    assert resumed.score("test") == whole.score("test")


@pytest.mark.parametrize("name", ["text the film was good", "text film"])
def test_what_a_person_brings_is_brought_to_the_device(name):
    made = preset("sentiment-gru")
    learner = Learner(made, made.data.load())
    session = Session(made, 0, DraftRecord(learner), learner)
    assert isinstance(sample_of(session, name).given, Pretended)
    assert len(said(session, sample_of(session, name))) == 2


def test_a_state_from_a_device_goes_on_without_one(tmp_path):
    made = pictures()
    learner = learned(Learner(made, made.data.load()), until=1)
    path = checkpoint.save(learner, tmp_path)
    plain = dataclasses.replace(made, recipe=made.recipe.but(device="cpu"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "set_rng_state", None)  # as where there is none
        resumed = Learner(plain, plain.data.load())
        resumed.restore(checkpoint.load(path))
        learned(resumed)
    assert resumed.step > learner.step


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (lambda here: here.numpy(), "numpy"),
        (lambda here: here + torch.ones(3), "same device"),
        (lambda here: torch.stack([here[0], torch.ones(())]), "same device"),
        (lambda here: torch.ones(3)[here.long()], "indices"),
        (lambda here: torch.histogram(here, 3), "not implemented"),
        (lambda here: here.long()[None] @ here.long()[:, None], "not implemented"),
    ],
)
def test_the_device_refuses_what_a_graphics_card_refuses(device, refused, words):
    with pytest.raises((RuntimeError, TypeError), match=words):
        refused(torch.ones(3, device=device))


def test_a_recurrent_layer_at_rest_knows_no_way_back(device):
    cell = torch.nn.GRU(3, 4).to(device)
    values = torch.rand(2, 3, device=device)
    cell(values)[0].sum().backward()
    with pytest.raises(RuntimeError, match="training mode"):
        cell.eval()(values)[0].sum().backward()
