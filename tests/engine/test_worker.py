"""Runs in processes of their own: orders, queue, branches, death and what comes after it."""

import dataclasses
import json
import os
import signal
import threading
import time

import pytest
import torch

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph import edits
from engine.graph.chain import chain
from engine.layers.activation import ReLU
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.live.house import House
from engine.live.standing import standing
from engine.runs import alive, frames, launch, orders, tend
from engine.runs.carry import branch, carry_out, fingerprint, learner_of, new_run, reopened
from engine.runs.desk import Desk, attended
from engine.runs.launch import Launcher, again, fill, most_runs
from engine.runs.store import Store, folder
from engine.tasks.regress import Regress
from engine.training import checkpoint
from engine.training.experiment import Experiment, load
from engine.training.recipe import Recipe
from tests.engine.living import EXPERIMENT, await_run, await_status, begun, end_all
from tests.serving import PATIENCE


def said(store, run):
    return [line["words"] for line in store.diary(run)]


def test_a_run_is_paused_stepped_changed_resumed_and_stopped(store):
    run = begun(store)
    orders.tell(store, run, "pause")
    step = store.run(run)["step"]
    time.sleep(0.4)
    assert (store.run(run)["status"], store.run(run)["step"]) == ("paused", step)
    orders.tell(store, run, "step", 5)
    assert (store.run(run)["status"], store.run(run)["step"]) == ("paused", step + 5)
    orders.tell(store, run, "set", {"rate": 0.02, "batch": 32})
    orders.tell(store, run, "resume")
    row = await_run(store, run, lambda row: row["step"] > step + 20)
    assert (row["status"], row["rate"]) == ("running", 0.02)
    orders.tell(store, run, "stop")
    assert store.run(run)["status"] == "stopped"
    assert reopened(store, run).recipe.but() == EXPERIMENT.recipe.but(rate=0.02, batch=32)
    assert [w for w in said(store, run) if not w.startswith("begins")] == [
        "paused",
        "step 5",
        "has taken its steps, and waits",
        "set rate = 0.02, batch = 32",
        "goes on",
        "told to stop",
        "stopped",
    ]


def test_orders_given_one_after_another_are_all_acknowledged_and_the_last_counts(store):
    run = begun(store)
    for turn in range(20):  # how soon is measured by the benchmark `live`
        orders.tell(store, run, "set", {"rate": 0.001 + turn * 1e-5})
    orders.tell(store, run, "pause")
    assert store.run(run)["rate"] == pytest.approx(0.00119)


@pytest.mark.parametrize(
    ("command", "value", "words"),
    [
        ("set", {"rate": 0}, "rate must be more than 0"),
        ("set", {"rate": "fast"}, "rate must be a number"),
        ("set", {"batch": 10**6}, "larger than the"),
        ("set", {"momentun": 0.5}, "Did you mean 'momentum'?"),
        ("set", {"optimiser": "sgd"}, "A new run or a branch can have another"),
        ("set", {"dropout": 0.5}, "has no dropout layer"),
        ("set", {"epochs": 0.001}, "would end the run"),
        ("set", {"steps": 1}, "would end the run"),
        ("set", {"momentum": 0.5, "optimiser": "sgd"}, "A new run or a branch can have another"),
        ("set", {"freeze": "conv9"}, "has no node 'conv9'"),
        ("set", {"frozen": ["hidden", "out"]}, "nothing could learn"),
    ],
)
def test_what_cannot_be_set_is_refused_in_words_and_changes_nothing(learning, command, value, words):
    store, run = learning
    before = reopened(store, run).recipe
    with pytest.raises(VitrineError, match=words):
        orders.tell(store, run, command, value)
    orders.tell(store, run, "pause")
    assert reopened(store, run).recipe == before
    orders.tell(store, run, "resume")
    assert f"was refused: {words}" in said(store, run)[-3] or words in said(store, run)[-3]


@pytest.fixture(scope="module")
def learning(lasting_home):
    """Yield a store and a run that learns, for tests that do it no harm."""
    store = Store()
    run = begun(store)
    yield store, run
    end_all(store)


@pytest.mark.parametrize(
    ("command", "value", "words"),
    [
        ("jump", None, "There is no order 'jump'"),
        ("step", 0, "or a whole number from 1"),
        ("step", "many", "or a whole number from 1"),
        ("step", True, "or a whole number from 1"),
        ("set", {}, "set takes names and values"),
        ("set", {"rate": "x" * 30_000}, "too much"),
        ("pause", 3, "pause takes no value"),
    ],
)
def test_what_is_no_order_is_refused_before_it_is_given(learning, command, value, words):
    with pytest.raises(VitrineError, match=words):
        orders.give(*learning, command, value)
    assert orders.pending(*learning) == []


def test_two_people_giving_orders_get_one_order_of_events(store):
    run = begun(store)
    given: list[list[int]] = [[], []]

    def person(place):
        for turn in range(15):
            given[place].append(orders.give(Store(), run, "set", {"rate": (1 + turn + 100 * place) / 10_000}))

    people = [threading.Thread(target=person, args=(place,)) for place in range(2)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    last = max(given[0][-1], given[1][-1])
    orders.settle(store, run, last)
    told = {id: (1 + turn + 100 * place) / 10_000 for place in range(2) for turn, id in enumerate(given[place])}
    in_order = [f"set rate = {told[id]}" for id in sorted(told)]
    assert [words for words in said(store, run) if words.startswith("set")] == in_order
    assert store.run(run)["rate"] == told[last]


def test_a_watched_run_with_pauses_ends_in_the_bits_of_an_unwatched_one(store):
    short = dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=40, batch=16, augment={"noise": 0.1}))
    plain = new_run(store, short)
    for _ in carry_out(store, plain):
        pass
    run = new_run(store, short)
    for kind in ("activations", "confusion", "predictions", "flow", "histograms"):
        frames.renew(store, run, {"kind": kind})
    fill(store)
    await_run(store, run, lambda row: row["step"] > 0)
    orders.tell(store, run, "pause")
    time.sleep(0.3)
    seen = frames.turns(store, [(run, frames.watch_of({"kind": "confusion"}))])
    assert seen, "nothing was seen of the paused run"
    orders.tell(store, run, "step", 3)
    orders.tell(store, run, "resume")
    await_status(store, run, "done")
    whole, watched = (json.loads(store.run(name)["result"]) for name in (plain, run))
    assert watched["weights_sha256"] == whole["weights_sha256"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_worker_leaves_an_interrupted_run_that_goes_on_to_the_same_bits(store, how):
    short = dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=30, batch=8))
    plain = new_run(store, short)
    for _ in carry_out(store, plain):
        pass
    run = begun(store, short)
    before = store.metrics(run)
    os.kill(store.run(run)["pid"], how)
    row = await_run(store, run, lambda row: tend.sweep(store) or row["status"] in ("interrupted", "stopped"))
    expected = ("interrupted", "killed, or memory ran out") if how == signal.SIGKILL else ("stopped", "")
    assert (row["status"], expected[1] in (row["error"] or "")) == (expected[0], True)
    after = store.metrics(run)
    assert all(after[curve][: len(points)] == points for curve, points in before.items())
    again(store, run)
    fill(store)
    await_status(store, run, "done")
    whole, cut = (json.loads(store.run(name)["result"]) for name in (plain, run))
    assert cut["weights_sha256"] == whole["weights_sha256"]


def test_runs_wait_in_a_queue_and_the_next_begins_when_one_ends(store, monkeypatch):
    monkeypatch.setenv("VITRINE_RUNS", "1")
    assert most_runs() == 1
    first = begun(store)
    short = dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=1))
    second, third = new_run(store, short), new_run(store, short)
    fill(store)
    time.sleep(0.5)
    assert [store.run(run)["status"] for run in (second, third)] == ["queued", "queued"]
    with pytest.raises(VitrineError, match="waits for its turn"):
        orders.give(store, second, "pause")
    orders.give(store, third, "stop")
    assert store.run(third)["status"] == "stopped"
    orders.tell(store, first, "stop")
    await_status(store, second, "done")
    assert store.run(third)["step"] == 0


def test_a_spare_worker_takes_a_run_and_an_unused_one_ends_with_its_app(store, monkeypatch):
    launcher = Launcher()
    launcher.prepare()
    spare = launcher.spare
    short = dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=1))
    run = new_run(store, short)
    fill(store, launcher)
    launcher.prepare()
    assert launcher.spare is None  # the run that begins has the machine for itself
    await_status(store, run, "done")
    assert spare.wait(PATIENCE) == 0
    monkeypatch.setattr(launch, "CALM", 0.0)
    launcher.prepare()
    spare = launcher.spare
    launcher.close()
    assert spare.returncode in (0, -signal.SIGKILL)  # one that is still importing does not hear it


def test_a_branch_with_nothing_changed_goes_where_its_parent_goes(store):
    short = dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=20, batch=16))
    parent = new_run(store, short)
    for _ in carry_out(store, parent):
        pass
    middle = checkpoint.steps(folder(parent) / "checkpoints")[-3]
    child = branch(store, parent, middle + 1, short)
    assert (store.run(child)["parent"], store.run(child)["parent_step"]) == (parent, middle)
    for _ in carry_out(store, child):
        pass
    same, other = (json.loads(store.run(run)["result"])["weights_sha256"] for run in (parent, child))
    assert same == other
    first = min(step for points in store.metrics(child).values() for step, _ in points)
    assert first > middle


def test_a_branch_may_change_recipe_and_network_and_says_what_begins_anew(store):
    short = dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=4, batch=16))
    parent = new_run(store, short)
    for _ in carry_out(store, parent):
        pass
    graph = short.graph
    other = edits.insert_after(graph, next(n.id for n in graph.nodes if n.layer.kind == "dense"), ReLU())
    recipe = Recipe(epochs=6, batch=32, optimiser="momentum")
    changed = dataclasses.replace(short, graphs={"network": other}, recipe=recipe)
    child = branch(store, parent, 10**9, changed)
    for _ in carry_out(store, child):
        pass
    assert store.run(child)["status"] == "done"
    assert store.run(child)["step"] == store.run(parent)["step"] + 2 * -(-1294 // 32)
    with pytest.raises(VitrineError, match="Give it more epochs"):
        list(carry_out(store, branch(store, parent, 10**9, short)))


def test_nan_is_told_and_the_run_branches_from_before_it(store):
    heights = chain(points=Input(sizes=(2,)), hidden=Dense(units=8), out=Dense(units=1))
    data = DATASETS["points"].read({"shape": "plane"})
    recipe = Recipe(epochs=50, rate=100.0, optimiser="sgd", batch=8)
    wild = Experiment("wild", {"network": heights}, data, Regress(), recipe)
    run = new_run(store, wild)
    fill(store)
    row = await_status(store, run, "failed")
    assert "not finite" in row["error"]
    child = branch(store, run, 0, dataclasses.replace(wild, recipe=Recipe(epochs=1, rate=0.001)))
    fill(store)
    assert await_status(store, child, "done")["error"] is None


def test_a_worker_that_hangs_is_noticed_and_ended_when_told_to_stop(store, monkeypatch):
    run = begun(store)
    pid = store.run(run)["pid"]
    monkeypatch.setattr(tend, "SILENT", 1.5)
    monkeypatch.setattr(tend, "PATIENCE", 0.5)
    watchman = tend.Watchman(store)
    os.kill(pid, signal.SIGSTOP)
    row = await_run(store, run, lambda row: watchman.look() or row["error"])
    assert (row["status"], tend.SAYS_SILENT in row["error"]) == ("running", True)
    os.kill(pid, signal.SIGCONT)
    await_run(store, run, lambda row: watchman.look() or not row["error"])
    os.kill(pid, signal.SIGSTOP)
    orders.give(store, run, "stop")
    row = await_run(store, run, lambda row: watchman.look() or row["status"] == "interrupted")
    assert "resume" in row["error"].lower()


def test_a_run_of_an_app_saves_and_stops_when_no_app_minds_it_for_long(store, monkeypatch):
    monkeypatch.setenv("VITRINE_AWAY", "4")
    run = new_run(store, EXPERIMENT, minded=0)
    fill(store)
    watchman = tend.Watchman(store)
    await_run(store, run, lambda row: watchman.look() or row["step"] > 0)
    for _ in range(20):
        time.sleep(0.3)
        watchman.look()
    assert store.run(run)["status"] == "running"
    row = await_status(store, run, "stopped")
    assert row["pid"] is None
    assert "no app has minded it for long, or nobody has looked at it" in said(store, run)


ENDLESS = dataclasses.replace(EXPERIMENT, recipe=EXPERIMENT.recipe.but(epochs=None))


def test_a_run_without_an_end_needs_somebody_who_looks_at_it(store, monkeypatch):
    monkeypatch.setenv("VITRINE_AWAY", "4")
    run = new_run(store, ENDLESS, minded=0)
    fill(store)
    watchman = tend.Watchman(store)
    await_run(store, run, lambda row: watchman.look([run]) or row["step"] > 0)
    for _ in range(20):
        time.sleep(0.3)
        watchman.look([run])
    assert store.run(run)["status"] == "running"
    row = await_run(store, run, lambda row: watchman.look() or row["status"] == "stopped")
    assert row["step"] > 0


def test_a_run_without_an_end_makes_way_only_unseen_and_where_others_wait(store, monkeypatch):
    monkeypatch.setenv("VITRINE_RUNS", "1")
    run = begun(store, ENDLESS, minded=0)
    launch.make_way(store, [])
    assert store.run(run)["status"] == "running"  # nobody waits
    later = new_run(store, EXPERIMENT)
    launch.make_way(store, [run])
    time.sleep(0.5)
    assert store.run(run)["status"] == "running"  # somebody looks at it
    launch.make_way(store, [])
    await_status(store, run, "paused")
    fill(store)
    await_status(store, later, "running")
    waits = new_run(store, EXPERIMENT)
    launch.make_way(store, [])
    time.sleep(0.5)
    assert store.run(later)["status"] == "running"  # what has an end goes on to it
    orders.tell(store, waits, "stop")


def test_a_run_keeps_its_speed_when_it_goes_on_and_tells_of_it_apart_from_its_recipe(store):
    run = begun(store)
    orders.tell(store, run, "set", {"speed": 20})
    orders.tell(store, run, "pause")
    house = House()
    told = standing(store, house.hub.past, store.run(run))
    assert (told["speed"], told["changed"]) == (20, "")
    assert told["loss"] == store.metrics(run)["train", "loss"][-1][1]
    orders.tell(store, run, "set", {"rate": 0.02})
    orders.tell(store, run, "stop")
    stopped = standing(store, house.hub.past, store.run(run))
    assert stopped["speed"] is None
    assert json.loads(stopped["changed"])["rate"] == 0.02
    again(store, run)
    fill(store)
    await_status(store, run, "running")
    before = await_run(store, run, lambda row: row["step"] > stopped["step"])["step"]
    time.sleep(1.5)
    orders.tell(store, run, "pause")
    assert store.run(run)["step"] - before <= 45
    assert standing(store, house.hub.past, store.run(run))["speed"] == 20
    house.close()


def test_a_clock_that_goes_back_disturbs_nothing(store, monkeypatch):
    run = begun(store)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 86_400)
    tend.Watchman(store).look()
    orders.tell(store, run, "pause")
    assert store.run(run)["status"] == "paused"
    later = new_run(store, EXPERIMENT)
    assert {row["run"] for row in store.runs()} == {run, later}


def test_a_process_number_that_came_round_again_is_not_taken_for_the_worker(store):
    run = new_run(store, EXPERIMENT)
    store.update(run, status="running", pid=os.getpid(), host=f"{alive.machine()} 1")
    tend.sweep(store)
    assert store.run(run)["status"] == "interrupted"


def test_cross_validation_takes_orders_too(store):
    folds = dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=40, batch=16, folds=3))
    run = new_run(store, folds)
    fill(store)
    await_run(store, run, lambda row: store.children(run) and store.children(run)[0]["step"] > 0)
    orders.tell(store, run, "pause")
    assert store.run(run)["status"] == "paused"
    orders.tell(store, run, "stop")
    assert store.run(run)["status"] == "stopped"


def test_a_dataset_that_is_gone_is_told_when_a_run_goes_on(store):
    run = begun(store)
    orders.tell(store, run, "stop")
    text = store.run(run)["experiment"].replace('"digits"', '"mnist"')
    store.update(run, experiment=text)
    again(store, run)
    fill(store)
    row = await_status(store, run, "failed")
    assert load(text).data.kind == "mnist"
    assert "fetch" in row["error"].lower() or "mnist" in row["error"].lower()


def test_weights_are_the_same_whoever_reopens_them(store):
    run = begun(store)
    orders.tell(store, run, "stop")
    assert fingerprint(reopened(store, run)) == fingerprint(reopened(Store(), run))
    assert torch.isfinite(next(reopened(store, run).networks["network"].parameters())).all()
    assert DATASETS["digits"]().here()


def test_a_slow_start_brings_no_second_worker(store):
    launcher = Launcher()
    run = new_run(store, dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=1)))
    before = len(launch.CHILDREN)
    for _ in range(20):  # rounds while the worker still imports
        fill(store, launcher)
        launcher.prepare()
    assert len(launch.CHILDREN) <= before + 2, "more than the run's worker and a spare one"
    await_status(store, run, "done")
    deadline = time.monotonic() + 20
    while launcher.coming() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert launcher.coming() == set()
    launcher.close()


def test_a_step_may_go_an_epoch_or_a_single_example(store):
    run = begun(store)
    orders.tell(store, run, "pause")
    before = store.run(run)["step"]
    orders.tell(store, run, "step", "example")
    assert store.run(run)["step"] == before + 1
    assert reopened(store, run).recipe.batch == 16
    orders.tell(store, run, "step", "epoch")
    learner = reopened(store, run)
    assert learner.epoch_over or learner.seen == 0
    assert learner.step > before + 1
    assert {"one example", "one epoch"} <= set(said(store, run))


def test_a_run_may_be_slowed_and_hears_orders_all_the_same(store):
    run = begun(store)
    orders.tell(store, run, "set", {"speed": 20})
    first, began = store.run(run)["step"], time.monotonic()
    time.sleep(1.5)
    pace = (store.run(run)["step"] - first) / (time.monotonic() - began)
    assert 5 < pace < 30
    orders.tell(store, run, "set", {"speed": 0.05})
    asked = time.monotonic()
    orders.tell(store, run, "pause")
    assert time.monotonic() - asked < 1
    orders.tell(store, run, "set", {"speed": None})
    orders.tell(store, run, "step", 50)
    assert store.run(run)["status"] == "paused"
    for wrong in (0, -1, "fast", True):
        with pytest.raises(VitrineError, match="speed is a number"):
            orders.tell(store, run, "set", {"speed": wrong})


# -- places on the machine -----------------------------------------------------------------------------------------


def test_paused_runs_give_up_their_place_and_take_one_again_when_there_is_one(store, monkeypatch):
    monkeypatch.setenv("VITRINE_RUNS", "1")
    first = begun(store)
    orders.tell(store, first, "pause")
    second = begun(store)
    await_status(store, second, "running")  # though the first one is not over
    orders.tell(store, first, "resume")
    row = await_run(store, first, lambda row: row["error"])
    assert (row["status"], "goes on by itself" in row["error"]) == ("paused", True)
    orders.tell(store, first, "step", 3)  # single steps need no place
    assert await_status(store, first, "paused")["error"] is None
    orders.tell(store, first, "resume")
    await_run(store, first, lambda row: row["error"])
    orders.tell(store, second, "stop")
    row = await_status(store, first, "running")
    assert row["error"] is None
    end_all(store)


def test_a_waiting_run_is_stopped_without_a_worker_and_goes_on_unhindered(store, monkeypatch):
    monkeypatch.setenv("VITRINE_RUNS", "0")
    run = new_run(store, EXPERIMENT)
    began = time.monotonic()
    orders.tell(store, run, "stop")
    assert time.monotonic() - began < 5
    assert store.run(run)["status"] == "stopped"
    assert orders.pending(store, run) == []
    orders.enter(store, run, "stop")  # one that was left open long ago
    monkeypatch.setenv("VITRINE_RUNS", "2")
    again(store, run)
    assert orders.pending(store, run) == []
    fill(store)
    await_run(store, run, lambda row: row["status"] == "running" and row["step"] > 3)
    end_all(store)


def test_a_run_whose_worker_died_before_its_first_sign_is_taken_up_by_resume(store):
    run = new_run(store, EXPERIMENT)
    assert again(store, run) == run
    fill(store)
    await_status(store, run, "running")
    end_all(store)


def test_no_order_is_entered_for_a_run_that_has_just_ended(store, monkeypatch):
    run = new_run(store, EXPERIMENT, status="running")
    real = store.run

    def ended_meanwhile(name):
        row = real(name)
        store.update(run, status="stopped")
        return row

    monkeypatch.setattr(store, "run", ended_meanwhile)
    with pytest.raises(VitrineError, match="it has just ended"):
        orders.give(store, run, "pause")
    assert orders.pending(store, run) == []


def test_a_run_that_is_done_goes_on_as_if_it_had_been_longer_from_the_start(store, monkeypatch):
    monkeypatch.setattr("engine.live.house.fill", lambda *_: None)
    house = House()
    short = dataclasses.replace(EXPERIMENT, recipe=EXPERIMENT.recipe.but(epochs=3.0))
    run = house.train(short)
    for _ in attended(house.store, run, Desk(house.store, run)):
        pass
    assert house.store.run(run)["status"] == "done"
    house.again(run)
    for _ in attended(house.store, run, Desk(house.store, run)):
        pass
    long = new_run(store, dataclasses.replace(EXPERIMENT, recipe=EXPERIMENT.recipe.but(epochs=6.0)))
    for _ in carry_out(store, long):
        pass
    rows = [store.run(one) for one in (run, long)]
    assert rows[0]["step"] == rows[1]["step"]
    assert len({json.loads(row["result"])["weights_sha256"] for row in rows}) == 1
    assert json.loads(rows[0]["changed"])["epochs"] == 6.0


def test_what_is_ordered_beforehand_and_stopped_takes_no_step(store):
    run = new_run(store, EXPERIMENT)
    weight = next(name for name, p in learner_of(EXPERIMENT).networks["network"].named_parameters() if p.dim() == 2)
    for command, value in (("set", {f"{weight}[0,0]": 1.5}), ("stop", None)):
        orders.enter(store, run, command, value)
    for _ in attended(store, run, Desk(store, run)):
        pass
    assert (store.run(run)["status"], store.run(run)["step"]) == ("stopped", 0)
    learner = reopened(store, run)
    assert learner.networks["network"].state_dict()[weight].flatten()[0] == 1.5


def test_a_paused_run_of_an_app_lets_the_next_one_begin(store, monkeypatch):
    monkeypatch.setenv("VITRINE_RUNS", "1")
    monkeypatch.setenv("VITRINE_SPARE", "0")
    launcher = Launcher()
    first, second = (new_run(store, EXPERIMENT) for _ in range(2))
    fill(store, launcher)
    await_run(store, first, lambda row: row["step"] > 0)
    orders.tell(store, first, "pause")
    assert first in launcher.coming()  # its worker lives, and holds no place
    fill(store, launcher)
    await_status(store, second, "running")
    end_all(store)
    launcher.close()


def test_what_is_ordered_for_a_run_that_goes_on_is_not_closed_by_the_worker_that_ended(store, monkeypatch):
    run = new_run(store, EXPERIMENT)
    desk = Desk(store, run)
    reports = attended(store, run, desk)
    next(reports)
    orders.give(store, run, "stop")
    seen = []
    clear = frames.clear

    def ended(cleared_store, name):  # the last thing that its desk does: somebody has let it go on just before
        seen.append(store.run(run)["status"])
        again(store, run, beforehand=(("set", {"rate": 0.5}), ("stop", None)))
        clear(cleared_store, name)

    monkeypatch.setattr(frames, "clear", ended)
    list(reports)
    assert seen == ["stopped"]
    assert [order.command for order in orders.pending(store, run)] == ["set", "stop"]
