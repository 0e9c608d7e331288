"""Views: every one of them computes, draws, keeps its options, and leaves no trace."""

import dataclasses
import re
import warnings
from pathlib import Path

import numpy as np
import orjson
import plotly
import plotly.graph_objects as go
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from sklearn.metrics import confusion_matrix

from engine.data import DATASETS
from engine.data.augment import Augment
from engine.errors import VitrineError
from engine.figures.figure import smoothed, thinned
from engine.figures.pictures import address, stitched
from engine.figures.raster import decoded
from engine.figures.script import TRACES, script
from engine.graph.chain import chain
from engine.layers.activation import ReLU
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.regularisation import Dropout
from engine.layers.reshaping import Flatten
from engine.live.scene import drawn
from engine.looking import Frame, Session
from engine.looking.shared import nodes_of
from engine.runs.carry import carry_out, fingerprint, new_run, reopened
from engine.runs.record import DraftRecord, StoredRecord
from engine.runs.store import Store
from engine.tasks.regress import Regress
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.recipe import Recipe
from engine.views import VIEWS
from engine.views.learning.flow import marked
from engine.views.learning.histograms import ROWS, rebinned
from engine.views.reading import read

IMAGES = Experiment(
    "tiny",
    {
        "network": chain(
            image=Input(sizes=(1, 8, 8)),
            conv=Conv2d(channels=4, kernel=3),
            relu=ReLU(),
            flatten=Flatten(),
            dropout=Dropout(),
            out=Dense(units=10),
        )
    },
    DATASETS["digits"](size=8),
    recipe=Recipe(epochs=3, augment=Augment(rotation=5.0)),
)
NUMBERS = Experiment(
    "heights",
    {"network": chain(points=Input(sizes=(2,)), hidden=Dense(units=4), relu=ReLU(), out=Dense(units=1))},
    DATASETS["points"](shape="plane", number=80),
    Regress(),
    Recipe(epochs=2, batch=8),
)
SILENT = {"filters", "augmentation", "doctor"}  # they do not ask the network
PAGE = {
    "colours",
    "neurons",
    "by-hand",
    "sample",
    "examples",
    "inside",
}  # they draw no Plotly figure: the page takes it


@pytest.fixture(scope="module", params=[IMAGES, NUMBERS], ids=["classify", "regress"])
def session(request, lasting_home):
    """Return a session at the end of a tiny run."""
    store = Store()
    run = new_run(store, request.param)
    for _ in carry_out(store, run):
        pass
    learner = reopened(store, run)
    return Session(learner.experiment, learner.step, StoredRecord(store, run), learner)


def fitting(session):
    return {kind: view() for kind, view in VIEWS.items() if not view().refuses(session.experiment)}


def settings_of(view):
    """Return the view with each of its options at each of its ends."""
    found = [view]
    for option in type(view).options():
        if option.form == "words":
            found += [view.but(**{option.name: word}) for word in option.words]
        elif option.form == "switch":
            found.append(view.but(**{option.name: not option.default}))
        elif option.form in ("whole", "number") and option.least is not None:
            found.append(view.but(**{option.name: option.least}))
    return found


def validated(message):
    """Return a message's figure, as Plotly itself reads it."""
    said = orjson.loads(message)
    assert "problem" not in said
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = decoded(said["figure"])
        return go.Figure({"data": figure["data"], "layout": figure["layout"]})


@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_draws_what_plotly_takes_with_any_option(session, kind):
    if words := VIEWS[kind]().refuses(session.experiment):
        assert words.endswith(".")
        return
    for place, view in enumerate(settings_of(VIEWS[kind]())):
        if view.refuses(session.experiment):
            continue
        try:
            frame = Frame.unpack(view.compute(session).pack())
        except VitrineError as error:  # an option that does not suit this network is answered in words
            assert place
            assert str(error).endswith(".")
            continue
        message = drawn(view, frame, session.step)
        if kind in PAGE:
            figure = orjson.loads(message)["figure"]
            known = {*nodes_of(session.experiment.graph), *session.graph.inputs}
            assert set(figure.get("nodes", [])) <= known
            assert figure.keys() & {"nodes", "neurons", "table", "shown", "labels"}
        else:
            shown = validated(message).data
            assert shown
            assert {trace.type for trace in shown} <= set(TRACES)  # of which Plotly's script here knows


@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_explains_itself_and_keeps_its_options(kind):
    view = VIEWS[kind]
    assert view.title
    assert view.hint.endswith(".") or kind in PAGE
    assert view.help().endswith(".")
    assert all(option.help for option in view.options())
    for changed in settings_of(view()):
        assert read(orjson.loads(orjson.dumps(changed.write()))) == changed


def test_looking_leaves_no_trace(session):
    learner = session.learner
    before, random = fingerprint(learner), torch.get_rng_state()
    modes = [m.training for m in learner.networks["network"].modules()]
    gradients = [None if p.grad is None else p.grad.clone() for p in learner.networks["network"].parameters()]
    for view in fitting(session).values():
        view.compute(dataclasses.replace(session, kept={}))
    assert fingerprint(learner) == before
    assert torch.equal(torch.get_rng_state(), random)
    assert [m.training for m in learner.networks["network"].modules()] == modes
    assert not any(m._forward_hooks for m in learner.networks["network"].modules())
    for p, gradient in zip(learner.networks["network"].parameters(), gradients, strict=True):
        assert (p.grad is None and gradient is None) or torch.equal(p.grad, gradient)


@pytest.mark.parametrize("kind", [kind for kind, view in VIEWS.items() if view.reads == "network"])
def test_a_view_that_fails_leaves_no_trace_either(session, kind, monkeypatch):
    silent = SILENT if session.network.task.classifies else SILENT | {"examples"}
    if VIEWS[kind]().refuses(session.experiment) or kind in silent:
        return
    network = session.learner.networks["network"]
    last = list(network.children())[-1]
    monkeypatch.setattr(last, "forward", lambda *_: 1 / 0)
    network.train()
    with pytest.raises(ZeroDivisionError):
        VIEWS[kind]().compute(dataclasses.replace(session, kept={}))
    assert all(module.training for module in network.modules())
    assert not any(module._forward_hooks for module in network.modules())
    assert torch.is_grad_enabled()


def test_confusion_counts_as_scikit_learn_does_and_shows_the_examples_behind_a_cell(session):
    if session.experiment is not IMAGES and session.experiment.name != "tiny":
        return
    view = VIEWS["confusion"](split="train")
    outputs, targets = session.outputs("train", 1000)
    table = view.compute(session)["table"]
    assert np.array_equal(table, confusion_matrix(targets, outputs.argmax(dim=1), labels=range(10)))
    row, column = np.unravel_index(np.where(np.eye(10), 0, table).argmax(), table.shape)
    picked = view.pick({"row": int(row), "column": int(column)})
    frame = picked.compute(session)
    places = frame["places"]
    assert len(places) == min(24, table[row, column])
    assert (targets[places] == row).all()
    assert (outputs.argmax(dim=1)[places] == column).all()
    assert np.array_equal(frame["images"], session.learner.dataset.train.inputs[places].numpy())
    assert picked.pick({"row": int(row), "column": int(column)}) == view


def test_the_worst_predictions_are_those_with_the_highest_loss(session):
    if session.experiment.name != "tiny":
        return
    frame = VIEWS["predictions"](which="worst", number=5).compute(session)
    outputs, targets = session.outputs("validation", 1000)
    losses = torch.nn.functional.cross_entropy(outputs, targets, reduction="none")
    assert set(frame["places"]) == set(losses.topk(5).indices.tolist())
    assert frame["chances"].sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_activations_are_those_of_the_network(session):
    view = VIEWS["activations"](examples=10)
    frame = view.compute(session)
    learner = session.learner
    inputs = session.split("validation")[1].inputs[:10]
    with torch.no_grad():
        outputs = learner.networks["network"].eval()(learner.material.given(inputs))
    learner.networks["network"].train()
    last = frame["measured"][frame.words["nodes"].index("out")]
    assert last[:2] == pytest.approx([outputs.mean().item(), outputs.std(correction=0).item()], rel=1e-4)


def test_a_pulse_holds_what_the_step_did(session):
    step, frame = session.record.pulses()[0]
    assert step == 1
    learner = Learner(session.experiment, session.experiment.data.load())
    draft = DraftRecord(learner)
    before = fingerprint(learner)
    (_, first), *_ = draft.pulses()
    assert fingerprint(learner) == before
    np.testing.assert_allclose(first["numbers"], frame["numbers"], rtol=1e-4, atol=1e-6)


def test_histograms_count_every_weight_whatever_their_bins(session):
    frame = VIEWS["histograms"](of="weights", node="out").compute(session)
    weights = sum(p.numel() for n, p in session.learner.networks["network"].named_parameters() if n.startswith("out."))
    assert frame["density"].sum(axis=1) == pytest.approx(weights, rel=1e-4)
    missing = VIEWS["histograms"](node="relu").compute(session)
    assert "it has no weights" in VIEWS["histograms"]().draw(missing)["layout"]["annotations"][0]["text"]


@given(some.lists(some.lists(some.integers(0, 9), min_size=4, max_size=4), min_size=1, max_size=5), some.floats(-5, 5))
def test_rebinning_keeps_every_count(counts, low):
    rows = np.array([[*count, low + place, low + 2 * place] for place, count in enumerate(counts)])
    edges, found = rebinned(rows)
    assert len(edges) == ROWS + 1
    np.testing.assert_allclose(found.sum(axis=1), rows[:, :-2].sum(axis=1), atol=1e-6)


def test_vanishing_exploding_and_dead_are_marked():
    assert marked("gradient norm", np.array([1e-6, 1.0, 500.0])) == ["vanishing", "", "exploding"]
    assert marked("gradient norm", np.array([0.5, np.nan])) == ["", "not finite"]
    assert marked("update ratio", np.array([1e-7, 1e-3, 0.4])) == ["hardly moves", "", "too fast"]
    assert marked("dead units", np.array([0.2, 0.9])) == ["", "mostly dead"]


def test_plotlys_script_is_of_the_same_version_as_what_checks_figures():
    def version(path):
        return re.search(r"v(\d+\.\d+\.\d+)", path.read_text(encoding="utf-8")[:200])[1]

    whole = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    assert version(script()) == version(whole)
    assert script().stat().st_size * 3 < whole.stat().st_size


def test_smoothing_begins_at_the_first_value_and_leaves_gaps():
    values = np.array([3.0, 3.0, np.nan, 3.0])
    np.testing.assert_allclose(smoothed(values, 0.9), values)
    np.testing.assert_allclose(smoothed(np.array([0.0, 1.0]), 0.5), [0, 2 / 3])


@given(some.integers(1, 3000), some.integers(5, 400))
def test_thinning_keeps_the_beginning_the_mean_and_the_last_step(number, most):
    steps, values = np.arange(number), np.sin(np.arange(number))
    kept, means = thinned(steps, values, most)
    assert len(kept) <= max(most, 1)
    assert kept[-1] == steps[-1]
    whole = most // 10 if number > most else number
    np.testing.assert_array_equal(means[:whole], values[:whole])
    stretches = np.diff(kept, prepend=-1)  # steps that each point stands for
    assert (means * stretches).sum() == pytest.approx(values.sum())


def test_pictures_are_stitched_in_rows_and_written_as_png():
    images = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1).repeat(3, axis=3) * 50
    sheet = stitched(images, 2, gap=1)
    assert sheet.shape == (3, 3, 4)
    assert (sheet[0, 0, 0], sheet[0, 2, 0], sheet[2, 0, 0], sheet[2, 2, 3]) == (0, 50, 100, 0)
    assert address(sheet, 64).startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "curve"}, "Did you mean 'curves'?"),
        ({}, "There is no view ''"),
        ({"kind": "curves", "smoothing": 2}, "smoothing must be at most"),
        ({"kind": "confusion", "size": 2}, "has no option 'size'"),
        ({"kind": "curves", "also": ["x" * 100]}, "too long"),
    ],
)
def test_what_is_no_view_is_told(options, words):
    with pytest.raises(VitrineError, match=words.replace("?", r"\?")):
        read(options)
