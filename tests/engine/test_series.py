"""Series: cross-validation and sweeps, what each part learns, how they are shown, stopped and gone on with."""

import dataclasses
import json
import statistics
import threading

import numpy as np
import pytest
import torch

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.graph.cost import together
from engine.home import home
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.live.past import Past
from engine.looking import Session
from engine.presets import PRESETS
from engine.runs import orders
from engine.runs.carry import branch, carry_out, new_run
from engine.runs.desk import Desk, attended
from engine.runs.manage import delete
from engine.runs.mend import mended
from engine.runs.series import carry_series
from engine.runs.store import folder, is_part
from engine.training.change import change
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.recipe import Recipe
from engine.training.series import number_of_parts, parts
from engine.training.sweep import Sweep
from engine.training.varied import widened
from engine.views import VIEWS
from tests.engine.living import await_run, await_status
from tests.serving import PATIENCE

POINTS = chain(points=Input(sizes=(2,)), hidden=Dense(units=4), out=Dense(units=2))
DATA = DATASETS["points"](number=60, validation=0.2, test=0.25)
EXPERIMENT = Experiment("series", {"network": POINTS}, DATA, recipe=Recipe(epochs=3, batch=8))


def of(**recipe):
    return dataclasses.replace(EXPERIMENT, recipe=EXPERIMENT.recipe.but(**recipe))


def carried(store, experiment):
    run = new_run(store, experiment)
    for _ in carry_series(store, run):
        pass
    return run


def test_cross_validation_is_a_run_of_runs_that_holds_every_example_out_once(store):
    data = DATASETS["points"](number=60, validation=0.2, test=0.25)
    experiment = Experiment("folds", {"network": POINTS}, data, recipe=Recipe(epochs=3, batch=8, folds=4))
    held_out = torch.cat(
        [Learner(one, data.load()).data["validation"].inputs for one in parts(experiment, data.load())]
    )
    assert len(torch.unique(held_out, dim=0)) == 45
    run = new_run(store, experiment)
    for _ in carry_series(store, run):
        pass
    children = [store.run(child["run"]) for child in store.children(run)]
    accuracy = [json.loads(row["result"])["metrics"]["validation"]["accuracy"] for row in children]
    found = json.loads(store.run(run)["result"])
    assert (store.run(run)["status"], found["folds"], len(children)) == ("done", 4, 4)
    assert found["metrics"]["validation"]["accuracy"] == pytest.approx(sum(accuracy) / 4)
    assert found["metrics"]["validation"]["accuracy spread"] == pytest.approx(statistics.stdev(accuracy))


def test_cross_validation_cut_short_goes_on_with_the_folds_that_are_left(store):
    data = DATASETS["points"](number=40, test=0.5, validation=0.0)
    experiment = Experiment("folds", {"network": POINTS}, data, recipe=Recipe(epochs=2, batch=8, folds="all"))
    whole, cut = new_run(store, experiment), new_run(store, experiment)
    for _ in carry_series(store, whole):
        pass
    reports = carry_series(store, cut)
    for _ in range(5):
        next(reports)
    reports.close()
    assert store.run(cut)["status"] == "stopped"
    for _ in carry_series(store, cut):
        pass
    assert json.loads(store.run(cut)["result"])["folds"] == 20
    assert (
        json.loads(store.run(cut)["result"])["weights_sha256"]
        == json.loads(store.run(whole)["result"])["weights_sha256"]
    )


def test_a_sweep_of_sizes_widens_all_hidden_layers_and_nothing_else():
    found = parts(of(sweep=Sweep(vary="size", values=(0.5, 1, 3), seeds=2)), DATA.load())
    assert [one.graph["hidden"].layer.units for one in found] == [2, 2, 4, 4, 12, 12]
    assert {one.graph["out"].layer.units for one in found} == {2}
    assert [one.recipe.seed for one in found] == [0, 1] * 3
    assert {(one.recipe.sweep, one.data, one.recipe.epochs) for one in found} == {(None, DATA, 3)}


def test_widening_keeps_every_preset_of_images_and_points_sound():
    for name in ("lenet-5", "resnet-18", "mlp-2-8x6-1"):
        graphs = PRESETS[name].experiment().graphs
        narrow, wide = (together(widened(graphs, factor)).weights for factor in (0.5, 2))
        assert narrow < together(graphs).weights < wide


def test_a_sweep_of_noise_changes_the_data_and_one_of_examples_the_training_set():
    found = parts(of(sweep=Sweep(vary="noise", values=(0.3, 0), seeds=1)), DATA.load())
    assert [one.data.noise for one in found] == [0, 0.3]
    whole = DATA.load()
    found = parts(of(sweep=Sweep(vary="examples", values=(0.25, 1), seeds=1)), whole)
    few, every = (Learner(one, whole) for one in found)
    assert (len(few.train), len(every.train)) == (9, 36)
    known = {tuple(point) for point in whole.train.inputs.tolist()}
    assert {tuple(point) for point in few.train.inputs.tolist()} < known
    assert len(few.data["validation"]) == len(every.data["validation"]) == len(whole.validation)
    assert few.total == every.total == 15


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"sweep": Sweep(), "folds": 3}, "Folds and a sweep cannot be had at once"),
        ({"sweep": Sweep(vary="noise", values=(3.0,))}, "noise must be at most 1"),
        ({"folds": 400}, "400 folds are more than the 45 examples"),
    ],
)
def test_what_cannot_be_learned_in_parts_is_said(recipe, words):
    with pytest.raises(VitrineError, match=words):
        parts(of(**recipe), DATA.load())


def test_what_has_nothing_to_vary_is_said():
    single = dataclasses.replace(EXPERIMENT, graphs={"network": chain(points=Input(sizes=(2,)), out=Dense(units=2))})
    with pytest.raises(VitrineError, match="No hidden layer has a width to vary"):
        parts(dataclasses.replace(single, recipe=Recipe(sweep=Sweep())), DATA.load())
    digits = DATASETS["digits"](size=8)
    images = PRESETS["mlp-784-100-10"].experiment()
    with pytest.raises(VitrineError, match="have no noise to vary"):
        parts(dataclasses.replace(images, data=digits, recipe=Recipe(sweep=Sweep(vary="noise"))), digits.load())


def test_a_sweep_tells_mean_and_spread_of_every_value_and_its_figure_shows_them(store):
    experiment = of(sweep=Sweep(vary="size", values=(0.5, 2), seeds=3))
    run = carried(store, experiment)
    row, found = store.run(run), json.loads(store.run(run)["result"])
    children = [store.run(child["run"]) for child in reversed(store.children(run))]
    losses = [json.loads(child["result"])["metrics"]["validation"]["loss"] for child in children]
    assert (row["status"], len(children), row["step"]) == ("done", 6, sum(child["step"] for child in children))
    assert all(map(is_part, children))
    assert not is_part(row)
    means = [one["metrics"]["validation"]["loss"] for one in found["sweep"]]
    assert means == pytest.approx([sum(losses[:3]) / 3, sum(losses[3:]) / 3])
    assert f"lowest at size {(0.5, 2.0)[means.index(min(means))]:g}:" in found["words"]
    past = Past(store)
    assert past.parts(f"run:{run}") == number_of_parts(experiment.recipe, DATA.load) == 6
    view = VIEWS["spread"](measure="loss")
    frame = view.compute(Session(experiment, 0, past.record(run)))
    assert frame["at"].tolist() == [12] * 3 + [42] * 3  # weights
    np.testing.assert_allclose(frame["values"][:, 1], losses)
    lines = [trace for trace in view.draw(frame)["data"] if trace.get("mode") == "lines"]
    np.testing.assert_allclose(lines[1]["y"], means)


def test_a_series_shows_the_part_that_is_learned_and_goes_with_its_parts(store):
    run = new_run(store, of(folds=3))
    past = Past(store)
    assert past.shown(f"run:{run}") == run
    reports, seen = carry_series(store, run), []
    for _ in reports:
        seen.append(past.shown(f"run:{run}"))
    children = [child["run"] for child in reversed(store.children(run))]
    assert list(dict.fromkeys(seen)) == children
    session = past.session(f"run:{run}", 2**62)
    assert session.experiment.recipe.fold == 2
    assert past.record(run).curves() == store.metrics(children[-1])
    assert len(past.record(run).parts()) == 3
    delete(store, run)
    assert store.runs() == []
    assert not any(folder(name).exists() for name in (run, *children))


def test_a_series_survives_the_loss_of_the_store(store):
    run = carried(store, of(folds=3))
    before = store.run(run)
    store.engine.dispose()
    for path in home().glob("vitrine.db*"):
        path.unlink()
    again, _ = mended()
    row = again.run(run)
    assert (row["status"], row["result"], len(again.children(run))) == ("done", before["result"], 3)
    assert not is_part(row)


def test_a_pinned_part_keeps_its_series_from_being_deleted(store):
    run = carried(store, of(folds=2))
    part = store.children(run)[0]["run"]
    store.update(part, pinned=True)
    with pytest.raises(VitrineError, match=f"{part} is pinned"):
        delete(store, run)
    assert len(store.runs()) == 3


def test_a_branch_cannot_be_a_series(store):
    run = new_run(store, EXPERIMENT)
    for _ in carry_out(store, run):
        pass
    with pytest.raises(VitrineError, match="cannot branch off"):
        branch(store, run, 10, of(folds=3))


def test_a_fault_in_a_part_is_the_fault_of_its_series(store, monkeypatch):
    run = new_run(store, of(folds=3))
    reports = carry_series(store, run)
    next(reports)
    monkeypatch.setattr(Learner, "score", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        for _ in reports:
            pass
    assert store.run(run)["status"] == "failed"
    assert "ZeroDivisionError" in store.run(run)["error"]


def test_steps_that_were_asked_for_go_on_in_the_next_part(store):
    run = new_run(store, of(folds=3, epochs=400.0))
    orders.enter(store, run, "pause", None)
    desk = Desk(store, run)
    learning = threading.Thread(target=lambda: list(attended(store, run, desk)))
    learning.start()
    await_status(store, run, "paused")
    part = store.part(run)
    assert store.run(run)["epoch"] == 0  # of a series it counts parts
    orders.tell(store, run, "step", desk.learner.total - desk.learner.step + 3, patience=PATIENCE)
    second = await_run(store, run, lambda row: row["status"] == "paused" and store.part(run) != part)
    assert (desk.learner.step, int(second["epoch"])) == (3, 1)
    with pytest.raises(VitrineError, match="by one recipe"):
        orders.tell(store, run, "set", {"rate": 0.5}, patience=PATIENCE)
    orders.tell(store, run, "stop", patience=PATIENCE)
    learning.join(PATIENCE)
    assert store.run(run)["status"] == "stopped"


def test_a_sweep_of_examples_stretches_whatever_counts_epochs():
    sweep = Sweep(vary="examples", values=(0.25, 1), seeds=1)
    recipe = {"epochs": 20.0, "schedule": "step", "every": 10, "patience": 6}
    few, every = parts(of(sweep=sweep, **recipe), DATA.load())
    for name, value in {"epochs": 20.0, "every": 10, "patience": 6}.items():
        assert getattr(every.recipe, name) == value
        assert getattr(few.recipe, name) == pytest.approx(value * 5 / 1)
    last = [Learner(one, DATA.load()) for one in (few, every)]
    assert last[0].rate_at(99) == pytest.approx(last[1].rate_at(99))
    few, every = parts(of(sweep=sweep, optimiser="lbfgs"), DATA.load())
    assert Learner(few, DATA.load()).total == Learner(every, DATA.load()).total


def test_views_of_one_run_say_how_to_come_by_a_series():
    assert "Choose folds or a sweep" in VIEWS["spread"]().refuses(EXPERIMENT)
    assert not VIEWS["spread"]().refuses(of(folds=3))


def test_activation_and_gradient_of_single_neurons_equal_those_of_autograd():
    experiment = PRESETS["mlp-2-4-2-1"].experiment()
    learner = Learner(experiment, experiment.data.load())
    frame = VIEWS["units"](examples=50).compute(Session(experiment, 0, Past, learner))
    network = learner.networks["network"]
    inputs, targets = learner.train.inputs[:50], learner.train.targets[:50]
    first = network.each(inputs)["tanh1"].detach()
    free = first.clone().requires_grad_()
    rest = network.out(network.tanh2(network.dense2(free)))
    torch.nn.functional.binary_cross_entropy_with_logits(rest[:, 0], targets.float(), reduction="sum").backward()
    table = frame["table"][:4]
    np.testing.assert_allclose(table[:, 3], first.mean(dim=0), atol=1e-6)
    np.testing.assert_allclose(table[:, 1], first.quantile(0.5, dim=0), atol=1e-6)
    np.testing.assert_allclose(table[:, 4], free.grad.abs().mean(dim=0), atol=1e-6)
    change(learner, {"freeze": "dense1"})
    frozen = VIEWS["units"](examples=50).compute(Session(experiment, 0, Past, learner))
    np.testing.assert_allclose(frozen["table"], frame["table"], atol=1e-6)
    assert frame.words["names"][:5] == ["tanh1 0", "tanh1 1", "tanh1 2", "tanh1 3", "tanh2 0"]
