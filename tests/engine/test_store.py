"""The store keeps what it is told, in SQLite and in PostgreSQL alike; both are real here."""

import dataclasses
import getpass
import graphlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.errors import VitrineError
from engine.runs import frames, orders, tend
from engine.runs.carry import carry_out, new_run
from engine.runs.launch import again, claim, fill
from engine.runs.store import Store, changed_of
from engine.runs.tables import RUNS, database
from engine.training.experiment import dump
from engine.training.recipe import Recipe
from tests.engine.living import EXPERIMENT, await_run, await_status, begun, end_all
from tests.serving import PATIENCE, free_port

FOUND = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")), *filter(None, [shutil.which("postgres")])]


@pytest.fixture(scope="module")
def postgres():
    """Start a PostgreSQL of our own, and yield its address."""
    if not FOUND:
        pytest.skip("PostgreSQL is not installed on this machine")
    place = Path(FOUND[-1]).resolve().parent
    user = "postgres" if getpass.getuser() == "root" else getpass.getuser()  # it refuses to run as root
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    shutil.chown(folder, user)
    data = folder / "data"
    as_user = {"user": user} if user == "postgres" else {}
    making = [place / "initdb", "-D", data, "-A", "trust", "-U", user, "-N"]
    subprocess.run(making, check=True, capture_output=True, cwd="/", **as_user)
    port = free_port()
    command = [place / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", "", "-F"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **as_user)
    deadline = time.monotonic() + 30
    while subprocess.run([place / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode:
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.05)
    yield f"postgresql://{user}@127.0.0.1:{port}/postgres"
    server.send_signal(signal.SIGINT)
    server.wait(30)
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, home, monkeypatch):
    if request.param == "postgres":
        monkeypatch.setenv("VITRINE_STORE", request.getfixturevalue("postgres"))
    store = Store()
    yield store
    end_all(store)
    for row in store.runs():
        store.delete(row["run"])
    store.engine.dispose()


def test_runs_are_entered_changed_found_and_deleted(store):
    store.create("a1", "first", "{}")
    store.create("a2", "second", "{}", parent="a1", parent_step=7)
    store.update("a1", step=10**12, note="words 'quoted' and 漢字", pinned=True)
    assert store.run("a1")["step"] == 10**12
    assert store.run("a1")["note"] == "words 'quoted' and 漢字"
    assert [row["run"] for row in store.runs()] == ["a2", "a1"]
    assert [row["run"] for row in store.children("a1")] == ["a2"]
    assert [row["run"] for row in store.some(["a2", "gone"])] == ["a2"]
    with pytest.raises(VitrineError, match="More than one run"):
        store.run("a")
    with pytest.raises(VitrineError, match="There is no run '%'"):
        store.run("%")
    assert store.turn("a1", "queued", "running")
    assert not store.turn("a1", "queued", "running")
    store.delete("a1")
    assert [row["run"] for row in store.runs("queued")] == ["a2"]


def test_metrics_count_once_a_step_with_the_later_value(store):
    store.create("a", "first", "{}")
    store.record(
        "a", [("train", "loss", 1, 2.0), ("train", "loss", 2, float("nan")), ("validation", "accuracy", 2, 0.5)]
    )
    store.record("a", [("train", "loss", 1, 1.5)])
    store.record("a", [])
    assert store.metrics("a") == {("train", "loss"): [(1, 1.5), (2, None)], ("validation", "accuracy"): [(2, 0.5)]}
    store.forget("a", "train", "loss", 2)
    assert store.metrics("a")["train", "loss"] == [(1, 1.5)]
    store.keep_checkpoint("a", 5, 100)
    store.keep_checkpoint("a", 5, 120)
    assert store.checkpoints("a") == [5]


def test_frames_give_way_to_newer_ones_and_pulses_stay(store):
    watch = frames.watch_of({"kind": "confusion"})
    assert watch == frames.watch_of({"kind": "confusion"})
    frames.renew(store, "a", {"kind": "confusion"})
    frames.renew(store, "a", {"kind": "confusion"})
    assert frames.watches(store, "a") == {watch: ({"kind": "confusion"}, 1)}
    for step in (1, 2, 2):
        frames.put(store, "a", step, {watch: b"x" * step, frames.PULSE: b"p", frames.LAST_PULSE: b"l"})
    assert frames.turns(store, [("a", watch)]) == {("a", watch): (2, 2)}
    assert frames.newest(store, "a", watch)[:2] == (2, b"xx")
    assert frames.pulses(store, "a") == [(1, b"p"), (2, b"p")]
    assert frames.pulses(store, "a", 1) == [(2, b"p")]
    frames.clear(store, "a")
    assert (frames.watches(store, "a"), frames.newest(store, "a", watch)) == ({}, None)
    assert len(frames.pulses(store, "a")) == 2
    frames.renew(store, "a", {"kind": "flow"})
    frames.leave(store, "a", frames.watch_of({"kind": "flow"}))
    assert frames.watches(store, "a") == {}


def test_orders_come_in_the_order_in_which_they_were_given(store):
    store.create("a", "first", "{}")
    store.turn("a", "queued", "running")
    given = [orders.give(store, "a", "set", {"rate": n}) for n in (1, 2, 3)]
    assert [(o.id, o.value) for o in orders.pending(store, "a")] == [
        (i, {"rate": n}) for i, n in zip(given, (1, 2, 3), strict=True)
    ]
    orders.answer(store, given[0])
    assert orders.answered(store, given[0]) == ""
    assert orders.answered(store, given[1]) is None
    orders.answer_all(store, "a", "over")
    assert orders.answered(store, given[2]) == "over"
    with pytest.raises(VitrineError, match="over"):
        orders.settle(store, "a", given[2])


def test_the_diary_keeps_its_order(store):
    for words in ("one", "two", "three"):
        store.note("a", 1, words)
    assert [line["words"] for line in store.diary("a")] == ["one", "two", "three"]


def test_of_many_workers_only_one_gets_a_run_and_no_more_than_the_machine_takes(store, monkeypatch):
    monkeypatch.setenv("VITRINE_RUNS", "2")
    for number in range(4):
        store.create(f"r{number}", "x", dump(EXPERIMENT))
    won: list[str] = []

    def try_all():
        for number in range(4):
            if claim(Store(), f"r{number}"):
                won.append(f"r{number}")

    threads = [threading.Thread(target=try_all) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == len(set(won)) == 2


def test_an_older_store_gets_the_columns_it_lacks(store):
    store.create("a", "first", "{}")
    with store.writing() as connection:
        connection.execute(sa.text("ALTER TABLE runs DROP COLUMN note"))
        connection.execute(sa.text("ALTER TABLE runs DROP COLUMN pace"))
    database.cache_clear()
    newer = Store()
    newer.update("a", note="kept", pace=1.5)
    assert newer.run("a")["note"] == "kept"
    assert {c["name"] for c in sa.inspect(newer.engine).get_columns("runs")} == set(RUNS.c.keys())
    newer.engine.dispose()


def test_a_worker_learns_obeys_is_seen_dies_and_goes_on(store):
    run = begun(store, dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=200, batch=16)))
    frames.renew(store, run, {"kind": "activations"})
    await_run(store, run, lambda row: frames.newest(store, run, frames.watch_of({"kind": "activations"})))
    orders.tell(store, run, "set", {"rate": 0.002})
    orders.tell(store, run, "pause")
    orders.tell(store, run, "step", 3)
    assert store.run(run)["rate"] == 0.002
    os.kill(store.run(run)["pid"], signal.SIGKILL)
    await_run(store, run, lambda row: tend.sweep(store) or row["status"] == "interrupted")
    again(store, run)
    fill(store)
    await_status(store, run, "running")
    orders.tell(store, run, "stop")
    assert len(frames.pulses(store, run)) > 0


def test_no_two_writers_can_wait_for_each_other(store):
    """In one breath tables are written in one order, whoever writes: crosswise, PostgreSQL ends one of the two."""
    breaths: list[list[str]] = []

    def begin(connection):
        breaths.append([])

    def write(connection, cursor, statement, *_):
        verb, table = re.match(r"(INSERT INTO|UPDATE|DELETE FROM)? ?(\w+)", statement).groups()
        if verb:
            breaths[-1].append(table)

    sa.event.listen(store.engine, "begin", begin)
    sa.event.listen(store.engine, "before_cursor_execute", write)
    run = new_run(store, dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=1, batch=64)))
    claim(store, run)
    frames.renew(store, run, {"kind": "flow"})
    for _ in carry_out(store, run):
        pass
    frames.put(store, run, 1, {"a": b"x", frames.PULSE: b"p"})
    frames.leave(store, run, frames.watch_of({"kind": "flow"}))
    frames.clear(store, run)
    store.delete(run)
    sa.event.remove(store.engine, "begin", begin)
    sa.event.remove(store.engine, "before_cursor_execute", write)
    after = graphlib.TopologicalSorter()
    for tables in breaths:
        for one, other in itertools.pairwise(dict.fromkeys(tables)):
            after.add(other, one)
    assert {"runs", "commands", "watches", "frames"} <= set(after.static_order())


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nonsense", "VITRINE_STORE cannot be used"),
        ("postgresql://nobody@127.0.0.1:9/none", "The store could not be used"),
        ("oracle://x", "VITRINE_STORE cannot be used"),
    ],
)
def test_an_address_that_cannot_be_used_is_told(address, words, tmp_path):
    environment = os.environ | {"VITRINE_STORE": address, "VITRINE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "engine", "runs"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=4 * PATIENCE)
    assert (found.returncode, words in found.stderr, "Traceback" in found.stderr) == (1, True, False), found.stderr


def test_runs_are_named_so_that_nobody_else_has_the_name(store):
    assert len({new_run(store, EXPERIMENT) for _ in range(5)}) == 5


def test_a_recipe_that_was_changed_back_to_the_usual_one_is_a_change():
    usual = json.dumps(Recipe().write() | {"speed": 20})
    back, paced, never = (changed_of({"changed": text}) for text in (usual, '{"speed": 20}', None))
    assert (back.recipe, back.speed) == ({}, 20)
    assert back.write() != ""
    assert (paced.recipe, paced.speed, paced.write()) == (None, 20, "")
    assert (never.recipe, never.speed, never.write()) == (None, None, "")
