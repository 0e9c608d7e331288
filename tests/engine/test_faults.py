"""Faults: full disks, damaged files, an app or a worker that dies; nothing recorded is lost."""

import contextlib
import ctypes
import dataclasses
import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.home import home
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.reshaping import Flatten
from engine.live import house as houses
from engine.live.past import Past
from engine.presets import PRESETS
from engine.runs import frames, launch, orders, tables, tend
from engine.runs.carry import carry_out, new_run, reopened, telling_disk
from engine.runs.launch import again, fill
from engine.runs.manage import annotate, delete, differences, pin, rename
from engine.runs.mend import mended
from engine.runs.store import Store, folder, public, telling
from engine.training import checkpoint
from engine.training.recipe import Recipe
from tests.engine.living import EXPERIMENT, await_run, await_status, begun, end_all
from tests.serving import PATIENCE, served

SHORT = dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=4, batch=16))
ROOT = Path(__file__).resolve().parents[2]


def carried(store, experiment=SHORT):
    run = new_run(store, experiment)
    for _ in carry_out(store, run):
        pass
    return run


@pytest.mark.parametrize("damage", ["cut", "garbage", "middle", "gone"])
def test_a_damaged_store_is_made_anew_from_the_folders(store, damage):
    run, cut = carried(store), new_run(store, SHORT)
    reports = carry_out(store, cut)
    next(reports)
    reports.close()
    annotate(store, run, "keep this one")
    before, curves, diary = store.run(run), store.metrics(run), store.diary(run)
    store.engine.dispose()
    path = home() / "vitrine.db"
    content = path.read_bytes()
    assert len(content) > 30_000
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    match damage:
        case "cut":
            path.write_bytes(content[: len(content) // 3])
        case "garbage":
            path.write_bytes(os.urandom(5000))
        case "middle":
            path.write_bytes(content[:8192] + b"\xa5" * (len(content) - 12_288) + content[-4096:])
        case "gone":
            path.write_bytes(b"")
    again_store, said = mended()
    assert "2 runs were read from their folders" in said
    assert public(again_store.run(run)) == public(before)
    assert again_store.metrics(run) == curves
    assert [line["words"] for line in again_store.diary(run)] == [line["words"] for line in diary]
    assert again_store.checkpoints(run) == checkpoint.steps(folder(run) / "checkpoints")
    assert again_store.run(cut)["status"] == "stopped"
    again(again_store, cut)
    for _ in carry_out(again_store, cut):
        pass
    results = [json.loads(again_store.run(one)["result"])["weights_sha256"] for one in (run, cut)]
    assert results[0] == results[1]
    assert bool(list(home().glob("vitrine.db.damaged-*"))) == (damage != "gone")  # an empty file is a sound database
    assert mended()[1] == ""


def test_commands_say_that_a_store_is_damaged_and_how_it_is_mended(store):
    carried(store)
    store.engine.dispose()
    (home() / "vitrine.db").write_bytes(os.urandom(5000))
    for tail in ("-wal", "-shm"):
        (home() / f"vitrine.db{tail}").unlink(missing_ok=True)

    def vitrine(*arguments):
        command = [sys.executable, "-m", "engine", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=4 * PATIENCE)

    refused = vitrine("runs")
    assert (refused.returncode, "`vitrine mend`" in refused.stderr) == (1, True), refused.stderr
    assert "1 runs were read" in vitrine("mend").stdout
    assert json.loads(vitrine("runs", "--json").stdout)["status"] == "done"
    assert "sound" in vitrine("mend").stdout


def test_a_damaged_checkpoint_is_told_where_it_is_looked_at_and_passed_by_on_resuming(store):
    run = new_run(store, EXPERIMENT)
    fill(store)
    await_run(store, run, lambda row: row["step"] > 100)
    orders.tell(store, run, "stop")
    steps = checkpoint.steps(folder(run) / "checkpoints")
    last = checkpoint.path_of(folder(run) / "checkpoints", steps[-1])
    last.write_bytes(last.read_bytes()[:2000])
    with pytest.raises(VitrineError, match="is damaged"):
        Past(store).session(f"run:{run}", steps[-1])
    assert Past(store).session(f"run:{run}", steps[-1] - 1).step == steps[-2]
    again(store, run)
    fill(store)
    await_run(store, run, lambda row: row["status"] == "running" and row["step"] > steps[-1])
    orders.tell(store, run, "stop")
    assert any("is learned again" in line["words"] for line in store.diary(run))


def mounted(path, size):
    """Mount a small file system of its own, where the machine lets us."""
    path.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.mount(b"tmpfs", str(path).encode(), b"tmpfs", 0, f"size={size}".encode())
    return done == 0 or errno.errorcode[ctypes.get_errno()]


def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_room(tmp_path, monkeypatch):
    monkeypatch.delenv("VITRINE_STORE", raising=False)
    if (done := mounted(tmp_path / "small", "12m")) is not True:
        pytest.skip(f"this machine lets nobody mount a small disk ({done})")
    try:
        monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "small"))
        store = Store()
        run = begun(store)
        ballast = tmp_path / "small" / "ballast"
        pid = store.run(run)["pid"]
        deadline = time.monotonic() + 60
        while launch.alive.identity(pid) and time.monotonic() < deadline:
            with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
                while file.write(b"\x01" * 4096):  # whatever is left is taken away, and what old checkpoints leave free
                    pass
            time.sleep(0.05)
        assert launch.alive.identity(pid) is None, "the worker went on although nothing could be kept"
        for child in launch.CHILDREN:
            child.wait(10)
        ballast.unlink()
        tend.sweep(store)
        row = store.run(run)
        assert row["status"] in ("interrupted", "failed")
        assert "full" in row["error"] or "no space" in row["error"] or "disk" in row["error"]
        curves = store.metrics(run)["train", "loss"]
        assert len(curves) > 0
        steps = checkpoint.steps(folder(run) / "checkpoints")
        assert reopened(store, run).step == steps[-1]
        again(store, run)
        fill(store)
        await_run(store, run, lambda row: row["status"] == "running" and row["step"] > steps[-1])
        orders.tell(store, run, "stop")
        end_all(store)
        store.engine.dispose()
    finally:
        ctypes.CDLL(None).umount2(str(tmp_path / "small").encode(), 2)


def test_a_killed_app_leaves_its_runs_learning_and_a_new_one_finds_them(store, monkeypatch):
    with served(home()) as (address, server):
        assert address
        run = begun(store, minded=0)
        spare = workers()
        os.kill(server.pid, signal.SIGKILL)
        server.wait(10)
        step = store.run(run)["step"]
        await_run(store, run, lambda row: row["step"] > step and row["status"] == "running")
        deadline = time.monotonic() + 20
        while workers() - {store.run(run)["pid"]} and time.monotonic() < deadline:
            time.sleep(0.1)  # the spare worker notices that its app is gone
        assert workers() == {store.run(run)["pid"]}, f"of {spare}"
    with served(home()):
        orders.tell(store, run, "pause")
        os.kill(store.run(run)["pid"], signal.SIGKILL)
        row = await_status(store, run, "interrupted", seconds=20)  # the app's own round finds it
        assert "Resume" in row["error"]


def workers():
    """Return the processes of workers of this home."""
    found = set()
    for process in psutil.process_iter():
        try:
            if "engine.runs.worker" in process.cmdline() and process.environ().get("VITRINE_HOME") == str(home()):
                found.add(process.pid)
        except psutil.Error:
            continue  # it has just ended
    return found


def test_memory_that_runs_out_ends_one_run_in_words_and_the_others_go_on(store):
    other = begun(store)
    wide = chain(
        image=Input(sizes=(1, 28, 28)), conv=Conv2d(channels=512, kernel=5), flatten=Flatten(), out=Dense(units=10)
    )
    greedy = dataclasses.replace(EXPERIMENT, graphs={"network": wide}, recipe=Recipe(epochs=1, batch="all"))
    run = new_run(store, greedy)
    code = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_AS, ({3 * 2**30},) * 2);"
        f"sys.argv = ['worker', '{run}']; from engine.runs.worker import main; main()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=4 * PATIENCE, check=True)
    row = store.run(run)
    assert (row["status"], "Memory ran out" in (row["error"] or "")) == ("failed", True), row["error"]
    step = store.run(other)["step"]
    await_run(store, other, lambda row: row["step"] > step)


def test_runs_are_renamed_annotated_pinned_and_deleted_with_all_they_left(store):
    run, other = carried(store), carried(store)
    rename(store, run, "  better  ")
    annotate(store, run, "a note")
    assert (store.run(run)["name"], store.run(run)["note"]) == ("better", "a note")
    store.update(run, pinned=True)
    with pytest.raises(VitrineError, match="Unpin it first"):
        delete(store, run)
    store.update(run, pinned=False)
    delete(store, run)
    assert [row["run"] for row in store.runs()] == [other]
    assert (store.metrics(run), store.diary(run), store.checkpoints(run)) == ({}, [], [])
    assert not folder(run).exists()
    for wrong in ("", " ", "x" * 81):
        with pytest.raises(VitrineError, match="A name has 1 to 80"):
            rename(store, other, wrong)
    with pytest.raises(VitrineError, match="at most 2,000"):
        annotate(store, other, "x" * 2001)


def test_a_run_that_learns_is_not_deleted(store):
    run = begun(store)
    with pytest.raises(VitrineError, match="Stop it first"):
        delete(store, run)
    assert folder(run).exists()


def test_what_sets_experiments_apart_is_told():
    other = dataclasses.replace(SHORT, recipe=Recipe(epochs=9, batch=16), data=SHORT.data.but(size=8))
    assert differences([SHORT, other]) == [("data: size", ["28", "8"]), ("recipe: epochs", ["4.0", "9.0"])]
    assert differences([SHORT, SHORT]) == []
    lenet = dataclasses.replace(SHORT, graphs=PRESETS["lenet-5"].experiment().graphs)
    assert dict(differences([SHORT, lenet]))["weights"] == ["79,510", "61,706"]


def lost(store):
    """Take the store away, as a damaged disk would, and return it made anew from the runs' folders."""
    store.engine.dispose()
    for tail in ("", "-wal", "-shm"):
        (home() / f"vitrine.db{tail}").unlink(missing_ok=True)
    return mended()


def test_what_a_person_wrote_waiting_runs_and_pulses_outlive_the_store(store):
    run, waiting = carried(store), new_run(store, SHORT)
    rename(store, run, "the good one")
    annotate(store, run, "keep this")
    pin(store, run, True)
    before, diary, kept = store.run(run), store.diary(run), frames.pulses(store, run)
    assert len(kept) > 3
    again_store, said = lost(store)
    assert "2 runs were read" in said
    after = again_store.run(run)
    assert [after[n] for n in ("name", "note", "pinned")] == [before[n] for n in ("name", "note", "pinned")]
    assert [line["words"] for line in again_store.diary(run)] == [line["words"] for line in diary]
    assert frames.pulses(again_store, run) == kept
    assert again_store.run(waiting)["status"] == "queued"


ODD = {
    "no object": "[]",
    "no row": '{"curves": []}',
    "a name that is null": lambda copy: copy["row"].update(name=None),
    "a name that is long": lambda copy: copy["row"].update(name="x" * 1000),
    "a step that is text": lambda copy: copy["row"].update(step="seven"),
    "a step beyond all numbers": lambda copy: copy["row"].update(step=2**63),
    "a status that is a list": lambda copy: copy["row"].update(status=["done"]),
    "a pin that is a number": lambda copy: copy["row"].update(pinned=3),
    "curves of another shape": lambda copy: copy.update(curves=[["train", "loss", [[1, 2, 3]]]]),
    "curves that are no list": lambda copy: copy.update(curves={"train": 1}),
    "a diary line without a step": lambda copy: copy.update(diary=[{"words": "x", "at": 1.0}]),
    "a diary of words": lambda copy: copy.update(diary=["begun"]),
    "cut short": "{",
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_copy_is_set_aside_by_name_and_all_other_runs_are_read(store, odd):
    good, bad = carried(store), carried(store)
    path, change = folder(bad) / "run.json", ODD[odd]
    copy = json.loads(path.read_text())
    if callable(change):
        change(copy)
    path.write_text(json.dumps(copy) if callable(change) else change)
    content = path.read_bytes()
    again_store, said = lost(store)
    assert "1 runs were read" in said
    assert bad in said
    assert [row["run"] for row in again_store.runs()] == [good]
    assert path.read_bytes() == content  # nothing is thrown away


def test_pulses_that_are_cut_short_are_read_as_far_as_they_are_whole(store):
    run = carried(store)
    kept = frames.pulses(store, run)
    path = folder(run) / "pulses.bin"
    path.write_bytes(path.read_bytes()[:-7])
    assert frames.pulses(lost(store)[0], run) == kept[:-1]


def test_what_is_the_matter_with_the_store_is_said_as_it_is(store, monkeypatch):
    run = carried(store)
    words = {
        "attempt to write a readonly database": "be read and written",
        "unable to open database file": "be read and written",
        "database is locked": "Another program holds it",
        "database or disk is full": "Make room",
        "could not connect to server": "can be reached",
    }
    for said, cure in words.items():
        with pytest.raises(VitrineError) as caught, telling():
            raise sa.exc.OperationalError("x", {}, sqlite3.OperationalError(said))
        assert cure in str(caught.value)
        assert ("Make room" in str(caught.value)) == (cure == "Make room")
    for number, cure in {errno.EROFS: "Let ", errno.EACCES: "Let ", errno.ENOSPC: "Make room"}.items():
        with pytest.raises(VitrineError, match=cure), telling_disk():
            raise OSError(number, os.strerror(number))
    held = sqlite3.connect(home() / "vitrine.db")
    held.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(tables, "WAITS", 100)
    tables.database.cache_clear()
    try:
        with pytest.raises(VitrineError, match="Another program holds it"):
            Store().update(run, note="x")
    finally:
        held.rollback()
        held.close()
        tables.database.cache_clear()


def test_an_app_that_could_not_begin_on_a_full_disk_begins_with_the_first_visitor_when_there_is_room(home, monkeypatch):
    monkeypatch.setenv("VITRINE_SPARE", "0")
    houses.made.cache_clear()
    houses.serves.set()
    try:
        with monkeypatch.context() as full:
            full.setattr(houses, "mended", lambda: (_ for _ in ()).throw(VitrineError("No room.")))
            with pytest.raises(VitrineError, match="No room"):
                houses.house()
        found = houses.house()
        assert found.rounds.is_alive()
        assert houses.house() is found
        found.close()
        assert not found.rounds.is_alive()
    finally:
        houses.serves.clear()
        houses.made.cache_clear()
