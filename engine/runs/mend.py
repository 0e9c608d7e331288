"""Mending: a copy of each run in its folder, from which a damaged store is made anew."""

import os
import sqlite3
import time
from pathlib import Path

import orjson
import sqlalchemy as sa

from engine.errors import VitrineError
from engine.home import cure_of, home
from engine.runs import frames
from engine.runs.left import COPY, Left, left, pulses_of
from engine.runs.store import ENDED, Store, folder, telling
from engine.runs.tables import address, database
from engine.training import checkpoint


def keep_copy(store: Store, run: str) -> None:
    """Write what the store knows of a run into its folder, apart from the experiment, which lies there already."""
    row = {name: value for name, value in store.run(run).items() if name not in ("experiment", "result")}
    curves = [[split, metric, points] for (split, metric), points in store.metrics(run).items()]
    aside = folder(run) / f"{COPY}.{os.getpid()}.part"
    try:
        copy = {"row": row, "curves": curves, "diary": store.diary(run)}
        # The database's column names are texts of a kind of their own.
        aside.write_bytes(orjson.dumps(copy, option=orjson.OPT_NON_STR_KEYS))
        aside.replace(folder(run) / COPY)
    except OSError as error:
        aside.unlink(missing_ok=True)
        why = (error.strerror or "unknown reason").lower()
        raise VitrineError(f"The copy of {run} could not be written: {why}.", cure=cure_of(error)) from None


def sound(store: Store) -> bool:
    """Return whether the database can be read from end to end; only SQLite's can be asked that."""
    if store.engine.dialect.name != "sqlite":
        return True
    try:
        with telling(), store.engine.connect() as connection:
            return connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() == "ok"
    except VitrineError:
        return False


def mended() -> tuple[Store, str]:
    """Return a store that can be read, with all runs that lie in folders, and what was done about it."""
    database.cache_clear()
    aside = "" if _readable() else _put_aside().name
    store = Store()
    known = {row["run"] for row in store.runs()}
    lost = [path.parent for path in sorted((home() / "runs").glob(f"*/{COPY}")) if path.parent.name not in known]
    found, odd = [], []
    for place in lost:
        try:
            _enter(store, place, left(place))
            found.append(place.name)
        except VitrineError as error:  # this one stays as it is, and all others are read
            odd.append(f"{place.name} ({error.what})")
    words = f"The store was damaged; it is {aside} now. " if aside else ""
    words += f"{len(found)} runs were read from their folders." if found or aside else ""
    return store, words + (f" Left in their folders, as they cannot be read: {'; '.join(odd)}." if odd else "")


def _readable() -> bool:
    """Return whether the store's file, if it is one, can be read."""
    try:
        store = Store()
        if good := sound(store):
            return good
        store.engine.dispose()
    except VitrineError:
        if not _damaged():
            raise
    return False


def _damaged() -> bool:
    """Return whether it is the file that cannot be read, rather than the disk or the network."""
    url = sa.make_url(address())
    if url.get_backend_name() != "sqlite":
        return False
    connection = sqlite3.connect(str(url.database))
    try:
        return connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok"
    except sqlite3.DatabaseError as error:
        return "malformed" in str(error) or "not a database" in str(error)
    finally:
        connection.close()


def _put_aside() -> Path:
    """Move the damaged files out of the way; nothing is thrown away."""
    database.cache_clear()
    path = Path(str(sa.make_url(address()).database))
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%y%m%d-%H%M%S')}")
    for tail in ("", "-wal", "-shm"):
        part = path.with_name(path.name + tail)
        if part.exists():
            part.replace(aside.with_name(aside.name + tail))
    return aside


def _enter(store: Store, place: Path, known: Left) -> None:
    """Enter a run by what lies in its folder."""
    row = {name: value for name, value in known.row.items() if name not in ("run", "name", "experiment")}
    kept = checkpoint.steps(place / "checkpoints")
    row |= {"pid": None, "step": max([row.get("step") or 0, *kept])}
    if (place / "result.json").exists():
        row |= {"status": "done", "result": (place / "result.json").read_text(encoding="utf-8")}
    elif row.get("status") not in (*ENDED, "queued") or (row.get("status") == "queued" and kept):
        row |= {"status": "interrupted", "error": "The store was damaged while it learned. Resume goes on."}
    store.create(place.name, known.row["name"], known.experiment, **row)
    for split, metric, points in known.curves:
        store.record(place.name, [(split, metric, s, float("nan") if v is None else v) for s, v in points])
    for line in known.diary:
        store.note(place.name, line["step"], line["words"], line["at"])
    for step in kept:
        store.keep_checkpoint(place.name, step, checkpoint.path_of(place / "checkpoints", step).stat().st_size)
    for step, body in pulses_of(place):
        frames.put(store, place.name, step, {frames.PULSE: body})
