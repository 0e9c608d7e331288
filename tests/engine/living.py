"""Runs that live in processes of their own, for tests: started, waited for, and ended by process id."""

import contextlib
import dataclasses
import os
import signal
import time

from engine.data import DATASETS
from engine.presets import PRESETS
from engine.runs import alive
from engine.runs.carry import new_run
from engine.runs.launch import fill
from engine.runs.store import ACTIVE, ENDED, Store
from engine.training.recipe import Recipe
from tests.serving import PATIENCE

LONG = Recipe(epochs=100_000, batch=16, rate=0.0005)
EXPERIMENT = dataclasses.replace(PRESETS["mlp-784-100-10"].experiment(), data=DATASETS["digits"](), recipe=LONG)


def begun(store: Store, experiment=EXPERIMENT, **more) -> str:
    """Start a run in a worker, and wait until it has taken some steps."""
    run = new_run(store, experiment, **more)
    fill(store)
    await_run(store, run, lambda row: row["step"] > 0 or row["status"] in ENDED)
    return run


def await_run(store: Store, run: str, is_so, seconds: float = PATIENCE) -> dict:
    """Wait until something is so of a run, and return what is known of it."""
    deadline = time.monotonic() + seconds
    while not is_so(row := store.run(run)):
        assert time.monotonic() < deadline, f"still {row['status']} at step {row['step']}: {row['error']}"
        time.sleep(0.02)
    return row


def await_status(store: Store, run: str, *statuses: str, seconds: float = PATIENCE) -> dict:
    """Wait until a run has one of these statuses."""
    return await_run(store, run, lambda row: row["status"] in statuses, seconds)


def end_all(store: Store) -> None:
    """Kill whatever workers are left, and wait until they are gone."""
    for row in store.runs(*ACTIVE):
        if row["pid"] and row["pid"] != os.getpid() and alive.lives(row["pid"], row["host"]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(row["pid"], signal.SIGKILL)
            while alive.lives(row["pid"], row["host"]):
                time.sleep(0.01)
