"""Tending: what is done about runs whose worker is dead or silent, by whoever is there to notice."""

import contextlib
import time
from collections.abc import Collection
from pathlib import Path

import sqlalchemy as sa

from engine.runs import alive, orders
from engine.runs.store import ACTIVE, Row, Store, folder
from engine.runs.tables import RUNS
from engine.runs.unending import unending

SILENT = 20.0  # seconds without a heartbeat after which a worker is said to hang
PATIENCE = 5.0  # seconds that a silent worker has to obey an order to stop
LOG = 16_384  # bytes at a log's end that are read
SAYS_SILENT = "The worker has not answered for"


def sweep(store: Store) -> None:
    """Record of every run of this machine whose worker is gone that it was interrupted."""
    for row in store.runs(*ACTIVE):
        gone = alive.here(row["host"]) and not alive.lives(row["pid"], row["host"])
        told = {"pid": None, "error": last_words(row)} if gone else {}
        if gone and store.turn(row["run"], row["status"], "interrupted", row["pid"], **told):
            orders.answer_all(store, row["run"], f"{row['run']} was interrupted.")
            store.note(row["run"], row["step"], "interrupted: its worker is gone")


def last_words(row: Row) -> str:
    """Return why a worker ended, as far as it could say."""
    said = ""
    with contextlib.suppress(FileNotFoundError):
        lines = _tail(folder(row["run"]) / "worker.log").strip().splitlines()
        said = lines[-1][:300] if lines else ""
    if said:
        return f"The worker ended: {said} Everything up to the last checkpoint is kept."
    return "The worker ended without a word: it was killed, or memory ran out. Resume goes on from the last checkpoint."


def _tail(path: Path) -> str:
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - LOG))
        return log.read().decode(errors="replace").replace("\0", "")


class Watchman:
    """Notices, over time, which workers have fallen silent; trusts no clock that can be set."""

    def __init__(self, store: Store):
        self.store = store
        self.beats: dict[str, tuple[object, float]] = {}  # by run: its beat, and when that was new

    def look(self, seen: Collection[str] = ()) -> None:
        """Sweep, mind the runs that somebody must mind, and deal with silent workers; some are looked at."""
        sweep(self.store)
        rows = self.store.runs(*ACTIVE)
        now = time.monotonic()
        for row in rows:
            beat = row["pid"], row["beat"]
            if self.beats.get(row["run"], (None, 0.0))[0] != beat:
                self.beats[row["run"]] = beat, now
                if (row["error"] or "").startswith(SAYS_SILENT):
                    self.store.update(row["run"], error=None)
            elif (silent := now - self.beats[row["run"]][1]) > SILENT:
                self._deal_with(row, silent)
        self.beats = {row["run"]: self.beats[row["run"]] for row in rows}
        self._mind(seen)

    def _deal_with(self, row: Row, silent: float) -> None:
        """Say that a worker is silent, and end it if somebody has ordered it to stop."""
        if not row["error"]:
            words = f"{SAYS_SILENT} {silent:.0f} seconds. Wait, or stop the run; it can be resumed."
            self.store.update(row["run"], error=words)
        told = [order for order in orders.pending(self.store, row["run"]) if order.command == "stop"]
        if told and silent > SILENT + PATIENCE and alive.here(row["host"]):
            alive.kill(row["pid"], row["host"])

    def _mind(self, seen: Collection[str]) -> None:
        """Count on, for the runs that end when no app minds them; one without an end also needs somebody who looks."""
        idle = [
            row["run"]
            for row in self.store.runs(*ACTIVE, "queued")
            if row["run"] not in seen and unending(self.store, row)
        ]
        minded = RUNS.c.minded.is_not(None) & RUNS.c.status.in_((*ACTIVE, "queued")) & RUNS.c.run.not_in(idle)
        with self.store.writing() as connection:  # the rows in one order, where several apps mind them
            connection.execute(sa.select(RUNS.c.run).where(minded).order_by(RUNS.c.run).with_for_update())
            connection.execute(RUNS.update().where(minded).values(minded=RUNS.c.minded + 1))
