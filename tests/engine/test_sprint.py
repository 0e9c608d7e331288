"""Sprint: many steps in one call equal as many single steps, up to rounding."""

import dataclasses

import pytest
import torch

from engine.graph.chain import chain
from engine.layers.activation import Tanh
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.regularisation import Dropout
from engine.presets import PRESETS
from engine.training import sprint
from engine.training.change import change
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from engine.training.series import parts
from engine.training.sweep import Sweep

EXPERIMENT = PRESETS["mlp-2-4-2-1"].experiment()
# Torch's compiler imports what torch itself deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script")


def of(**recipe):
    return dataclasses.replace(EXPERIMENT, recipe=Recipe(**{"rate": 0.02, "batch": 10, "epochs": 4.0} | recipe))


def learned(experiment, watch=None):
    learner = Learner(experiment, experiment.data.load())
    reports = list(learn(learner, watch=watch))
    return learner, [loss for report in reports for _, loss in report.losses.get("network", [])], reports


@pytest.fixture
def uncompiled(monkeypatch):
    """Let strides be taken as they are, without the compiler, and count them."""
    taken = []

    def plain(steps, given):
        def counted(*inputs):
            taken.append(1)
            return steps(*inputs)

        return counted

    monkeypatch.setattr(sprint, "_compiled", plain)
    return taken


@pytest.mark.parametrize(
    "recipe",
    [
        {"optimiser": "sgd", "l1": 0.001},
        {"optimiser": "momentum", "decay": 0.01},
        {"optimiser": "nesterov", "decay": 0.01, "coupled": True},
        {"optimiser": "adam", "clip": 0.05, "schedule": "cosine"},
        {"optimiser": "adamw", "decay": 0.1, "warm_up": 30},
    ],
    ids=lambda recipe: recipe["optimiser"],
)
def test_many_steps_at_once_are_as_many_single_steps(recipe, uncompiled):
    single, losses, _ = learned(of(**recipe))
    many, found, _ = learned(of(compile=True, **recipe))
    assert len(uncompiled) > 6
    assert (many.step, many.epochs) == (single.step, single.epochs) == (100, 4.0)
    torch.testing.assert_close(torch.tensor(found), torch.tensor(losses), atol=2e-4, rtol=2e-4)
    for one, other in zip(many.networks["network"].parameters(), single.networks["network"].parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=5e-4, rtol=5e-4)
    if recipe["optimiser"] in ("adam", "adamw"):
        state = next(iter(many.parts["network"].optimiser.state.values()))
        assert float(state["step"]) == 100


def test_strides_stop_where_somebody_waits_or_watches(uncompiled):
    learner = Learner(of(compile=True), EXPERIMENT.data.load())
    learner.rest_at = 13
    asked, watched = [5, 8], []

    def watch(step):
        return bool(asked) and step >= asked[0] and bool(asked.pop(0))

    for report in learn(learner, watch=watch):
        watched += [one.step for one in report.watched]
        if report.step == 13:
            break
    assert learner.step == 13
    assert watched[0] in range(5, 8 + sprint.MOST)  # at the beginning of the next stride
    assert len(watched) == 2
    assert len(uncompiled) < 3


def test_a_change_that_needs_other_steps_goes_on_one_by_one(uncompiled):
    learner = Learner(of(compile=True, epochs=40.0), EXPERIMENT.data.load())
    reports = learn(learner)
    next(reports)
    change(learner, {"rate": 0.01})
    assert not learner.sprint.rests
    change(learner, {"batch": 20})
    assert learner.sprint.rests
    before = len(uncompiled)
    next(reports)
    assert len(uncompiled) == before
    change(learner, {"batch": 10})
    assert not learner.sprint.rests


def test_what_draws_or_is_large_keeps_to_single_steps():
    drawing = chain(points=Input(sizes=(2,)), hidden=Dense(units=4), tanh=Tanh(), drop=Dropout(), out=Dense(units=1))
    assert Learner(of(compile=True), EXPERIMENT.data.load()).sprint
    for experiment in (
        dataclasses.replace(of(compile=True), graphs={"network": drawing}),
        of(compile=True, optimiser="rmsprop"),
        of(compile=True, batch="all"),
        of(),
    ):
        assert Learner(experiment, experiment.data.load()).sprint is None


def test_freezing_and_thawing_goes_on_one_by_one(uncompiled):
    learner = Learner(of(compile=True, epochs=40.0), EXPERIMENT.data.load())
    reports = learn(learner)
    next(reports)
    for settings in ({"freeze": "dense1"}, {"thaw": "dense1"}):
        change(learner, settings)
        next(reports)
    before = len(uncompiled)
    next(reports)
    assert not learner.sprint.rests
    assert len(uncompiled) == before  # dense1 has taken fewer steps than the others


def test_the_rules_of_the_perceptron_keep_to_single_steps():
    experiment = PRESETS["perceptron"].experiment()
    compiled = dataclasses.replace(experiment, recipe=experiment.recipe.but(compile=True, epochs=2.0))
    assert Learner(compiled, compiled.data.load()).sprint is None


def test_the_parts_of_a_sweep_know_their_own_steps():
    series = parts(of(compile=True, sweep=Sweep(vary="examples", values=(0.1, 1), seeds=1)), EXPERIMENT.data.load())
    few, every = (Learner(one, EXPERIMENT.data.load()) for one in series)
    assert few.sprint is None  # an epoch has fewer steps than a stride
    assert every.steps_an_epoch % every.sprint.steps <= 1


@pytest.mark.slow
def test_compiled_steps_learn_the_same_and_faster():
    experiment = of(compile=True, epochs=200.0)
    single, _, _ = learned(of(epochs=200.0))
    many, _, _ = learned(experiment)
    assert many.score("test")["accuracy"] == pytest.approx(single.score("test")["accuracy"], abs=0.02)
    paces = {}
    for compiled in (False, True):
        learner = Learner(of(compile=compiled, epochs=1e5, steps=30_000), EXPERIMENT.data.load())
        reports = learn(learner)
        while learner.step < 100:  # compiling is over
            next(reports)
        step, seconds = learner.step, learner.seconds
        for _ in reports:
            pass
        paces[compiled] = (learner.step - step) / (learner.seconds - seconds)
    assert paces[True] > 2 * paces[False], paces
