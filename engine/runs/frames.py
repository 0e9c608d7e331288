"""Watches and frames: what somebody wants to see of a run, and what its worker saw."""

import hashlib
import time
from typing import Any

import orjson
import sqlalchemy as sa

from engine.runs.store import Store
from engine.runs.tables import FRAMES, WATCHES, inserting

PULSE, LAST_PULSE = "pulse", "last pulse"  # what steps did in every node: now and then for good, and the latest
Key = tuple[str, str]  # a run, and the name of a watch


def watch_of(view: dict[str, Any]) -> str:
    """Return the name of the watch for a view with its options: equal ones are one watch."""
    return hashlib.sha256(orjson.dumps(view, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def renew(store: Store, run: str, view: dict[str, Any]) -> None:
    """Say that somebody watches; it must be said again every few seconds."""
    row = {"run": run, "watch": watch_of(view), "view": orjson.dumps(view).decode(), "renewed": 0}
    insert = inserting(store.engine)(WATCHES).values(row)
    with store.writing() as connection:
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["run", "watch"], set_={"renewed": WATCHES.c.renewed + 1, "view": row["view"]}
            )
        )


def leave(store: Store, run: str, watch: str) -> None:
    """Say that nobody watches this any more, and forget what was seen."""
    with store.writing() as connection:
        for table in (WATCHES, FRAMES):
            connection.execute(table.delete().where((table.c.run == run) & (table.c.watch == watch)))


def clear(store: Store, run: str) -> None:
    """Forget all watches of a run and what was seen; what is recorded for good stays."""
    with store.writing() as connection:
        connection.execute(WATCHES.delete().where(WATCHES.c.run == run))
        connection.execute(FRAMES.delete().where(FRAMES.c.run == run, FRAMES.c.watch.not_in((PULSE, LAST_PULSE))))


def watches(store: Store, run: str) -> dict[str, tuple[dict[str, Any], int]]:
    """Return what is watched, by name: the view, and how often it was renewed."""
    asked = sa.select(WATCHES.c.watch, WATCHES.c.view, WATCHES.c.renewed).where(WATCHES.c.run == run)
    with store.reading() as connection:
        return {watch: (orjson.loads(view), renewed) for watch, view, renewed in connection.execute(asked)}


def put(store: Store, run: str, step: int, bodies: dict[str, bytes]) -> None:
    """Keep new frames by watch, each in place of the one before; pulses stay for good."""
    turns = dict.fromkeys(bodies, 0)
    with store.writing() as connection:
        same = (FRAMES.c.run == run) & FRAMES.c.watch.in_([watch for watch in bodies if watch != PULSE])
        for watch, turn in connection.execute(sa.select(FRAMES.c.watch, FRAMES.c.turn).where(same)):
            turns[watch] = turn + 1
        connection.execute(FRAMES.delete().where(same))
        if PULSE in bodies:
            connection.execute(
                FRAMES.delete().where((FRAMES.c.run == run) & (FRAMES.c.watch == PULSE) & (FRAMES.c.step == step))
            )
        connection.execute(
            FRAMES.insert(),
            [
                {"run": run, "watch": w, "step": step, "turn": turns[w], "body": body, "made": time.time()}
                for w, body in bodies.items()
            ],
        )


def turns(store: Store, keys: list[Key]) -> dict[Key, tuple[int, int]]:
    """Return step and turn of the newest frame of each watch that has one."""
    if not keys:
        return {}
    columns = (FRAMES.c.run, FRAMES.c.watch, FRAMES.c.step, FRAMES.c.turn)
    asked = sa.select(*columns).where(sa.tuple_(FRAMES.c.run, FRAMES.c.watch).in_(keys))
    with store.reading() as connection:
        return {(run, watch): (step, turn) for run, watch, step, turn in connection.execute(asked)}


def newest(store: Store, run: str, watch: str) -> tuple[int, bytes, float] | None:
    """Return step and body of the newest frame of a watch, and when it was made."""
    columns = (FRAMES.c.step, FRAMES.c.body, FRAMES.c.made)
    asked = sa.select(*columns).where((FRAMES.c.run == run) & (FRAMES.c.watch == watch))
    with store.reading() as connection:
        row = connection.execute(asked.order_by(FRAMES.c.step.desc()).limit(1)).first()
    return (row.step, row.body, row.made or 0.0) if row else None


def pulses(store: Store, run: str, after: int = -1) -> list[tuple[int, bytes]]:
    """Return the pulses that stay, after a step, in order."""
    where = (FRAMES.c.run == run) & (FRAMES.c.watch == PULSE) & (FRAMES.c.step > after)
    with store.reading() as connection:
        found = connection.execute(sa.select(FRAMES.c.step, FRAMES.c.body).where(where).order_by(FRAMES.c.step))
        return [(step, body) for step, body in found]
