"""Launching: workers are started, as many at once as the machine takes; the others wait in a queue."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.errors import VitrineError
from engine.home import home
from engine.runs import alive, orders
from engine.runs.alive import identity, machine
from engine.runs.store import ENDED, Row, Store, is_part
from engine.runs.tables import RUNS
from engine.runs.unending import unending

ROOT = Path(__file__).resolve().parents[2]
CHILDREN: list[subprocess.Popen] = []  # that this process has started
CALM = 3.0  # seconds after a run's start in which no spare worker gets ready
WORKER = [sys.executable, "-m", "engine.runs.worker"]


def most_runs() -> int:
    """Return how many runs this machine learns at once: VITRINE_RUNS, or one for each core, at least three."""
    chosen = os.environ.get("VITRINE_RUNS", "")
    if chosen and not chosen.isdecimal():
        raise VitrineError(f"VITRINE_RUNS is {chosen!r}: it must be a whole number.")
    return int(chosen) if chosen else max(3, os.cpu_count() or 1)


def claim(store: Store, run: str) -> bool:
    """Take a waiting run for this process, if it still waits and the machine is not full."""
    return _turned(store, run, "queued")


def take_turn(store: Store, run: str) -> bool:
    """Let a paused run of this process learn again, if the machine is not full: while it waited, others might begin."""
    return _turned(store, run, "paused")


def _turned(store: Store, run: str, before: str) -> bool:
    whole = RUNS.c.parent.is_(None) | RUNS.c.parent_step.is_not(None)  # a series and its part are one
    here = RUNS.c.host.startswith(f"{machine()} ")
    busy = sa.select(sa.func.count()).where(RUNS.c.status == "running", here, whole)
    turned = RUNS.update().where(RUNS.c.run == run, RUNS.c.status == before, busy.scalar_subquery() < most_runs())
    with store.writing() as connection:
        if store.engine.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7316)"))
        return connection.execute(turned.values(status="running", error=None, **mine())).rowcount == 1


def learning(store: Store) -> list[Row]:
    """Return the runs that hold a place on this machine, the longest learning last."""
    return [row for row in store.runs("running") if alive.here(row["host"]) and not is_part(row)]


def mine() -> dict[str, Any]:
    """Return what is told of a run that this process learns."""
    return {"pid": os.getpid(), "host": identity(os.getpid())}


def fill(store: Store, launcher: "Launcher | None" = None) -> None:
    """Start workers for as many waiting runs as there is room for, the longest waiting first."""
    coming = launcher.coming() if launcher else set()
    busy = {row["run"] for row in learning(store)}
    queued = [row["run"] for row in store.runs("queued")[::-1]]
    room = most_runs() - len(busy | (coming & set(queued)))  # a paused run has a worker and holds no place
    waiting = [run for run in queued if run not in coming]
    for run in waiting[: max(0, room)]:
        if launcher:
            launcher.start(run)
        else:
            _spawn([*WORKER, run], subprocess.DEVNULL)  # it lives on when this process ends


def make_way(store: Store, seen: Collection[str]) -> None:
    """Where a run waits for a place, pause one of an app that has no end and that nobody looks at."""
    if not store.runs("queued") or len(busy := learning(store)) < most_runs():
        return
    idle = [row for row in busy if row["minded"] is not None and row["run"] not in seen and unending(store, row)]
    told = next((row["run"] for row in idle if not orders.pending(store, row["run"])), "")
    if told:
        with contextlib.suppress(VitrineError):  # it has just ended, which makes way too
            orders.give(store, told, "pause")
            store.note(told, store.run(told)["step"], "makes way: another run waits, and nobody looks at this one")


def again(
    store: Store, run: str, here: bool = False, longer: bool = False, beforehand: Sequence[tuple[str, Any]] = ()
) -> str:
    """Let a run that ended early wait for its turn again, or go on in this process; return its whole name.

    One that is done goes on where somebody sees to it that it lasts longer. Orders given beforehand come first.
    """
    row = store.run(run)
    if row["status"] == "done" and not longer:
        raise VitrineError(f"{row['run']} is done.", cure="Train its experiment again, with more epochs, or branch.")
    if row["status"] == "queued" and not here:
        return row["run"]  # whoever was to begin it may have died before: it is taken up like any that waits
    if row["status"] not in (*ENDED, "queued"):
        raise VitrineError(f"{row['run']} is {row['status']} already.")
    orders.answer_all(store, row["run"], f"{row['run']} had ended.")  # nothing old must stop it again
    for command, value in beforehand:
        orders.enter(store, row["run"], command, value)
    status, more = ("running", mine()) if here else ("queued", {})
    if not store.turn(row["run"], row["status"], status, error=None, **more):
        raise VitrineError(f"{row['run']} has just been taken up by somebody else.")
    store.note(row["run"], row["step"], "asked to go on")
    return row["run"]


def _spawn(command: list[str], given: int) -> subprocess.Popen:
    CHILDREN[:] = [child for child in CHILDREN if child.poll() is None]  # asks after those that have ended
    # Workers begin in another folder, so that a home that was said relative to this one must be said whole.
    environment = os.environ | {
        "VITRINE_HOME": str(home()),
        "OMP_WAIT_POLICY": "PASSIVE",
    }  # several runs share the cores: who waits must not spin
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=given,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
    )
    CHILDREN.append(child)
    return child


class Launcher:
    """Starts workers for an app, with a spare one that has imported what takes long."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.spare: subprocess.Popen | None = None
        self.started = float("-inf")  # when a run was last started
        self.given: dict[str, subprocess.Popen] = {}  # by run: the worker that it was given to

    def prepare(self) -> None:
        """Let a spare worker stand by, unless VITRINE_SPARE is 0; it ends by itself when this process does.

        It does not get ready while a run has only just begun, which it would slow down.
        """
        if os.environ.get("VITRINE_SPARE") == "0":
            return
        with self.lock:
            calm = time.monotonic() - self.started > CALM
            if calm and (self.spare is None or self.spare.poll() is not None):
                self.spare = _spawn(WORKER, subprocess.PIPE)

    def coming(self) -> set[str]:
        """Return the runs that have a worker already, which may still be busy importing: they get no second one."""
        with self.lock:
            self.given = {run: worker for run, worker in self.given.items() if worker.poll() is None}
            return set(self.given)

    def start(self, run: str) -> None:
        """Give the run to the spare worker, or to a new one where none stands by."""
        with self.lock:
            self.started = time.monotonic()
            spare, self.spare = self.spare, None
            if spare and spare.stdin and spare.poll() is None:
                try:
                    spare.stdin.write(f"{run}\n".encode())
                    spare.stdin.close()
                except BrokenPipeError:  # it ended this very moment
                    spare = None
            self.given[run] = spare or _spawn([*WORKER, run], subprocess.DEVNULL)

    def close(self) -> None:
        """End the spare worker; those that carry runs out go on."""
        with self.lock:
            if self.spare and self.spare.stdin:
                self.spare.stdin.close()
                try:
                    self.spare.wait(10)
                except subprocess.TimeoutExpired:  # it is still importing, and would only then notice
                    self.spare.kill()
                    self.spare.wait()
                self.spare = None
