"""The store: what is known of every run, in SQLite under VITRINE_HOME or in the database of VITRINE_STORE."""

import functools
import json
import math
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy import event

from engine.errors import VitrineError
from engine.home import home
from engine.registry import did_you_mean

META = sa.MetaData()
RUNS = sa.Table(
    "runs",
    META,
    sa.Column("run", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),  # queued, running, paused, done, stopped, interrupted, failed
    sa.Column("experiment", sa.Text, nullable=False),
    sa.Column("step", sa.BigInteger, nullable=False, default=0),
    sa.Column("epoch", sa.Float, nullable=False, default=0.0),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0),
    sa.Column("device", sa.String(32)),
    sa.Column("parent", sa.String(32)),
    sa.Column("error", sa.Text),
    sa.Column("pid", sa.Integer),
    sa.Column("result", sa.Text),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("updated", sa.Float, nullable=False),
)
METRICS = sa.Table(
    "metrics",
    META,
    sa.Column("run", sa.String(32), primary_key=True),
    sa.Column("split", sa.String(16), primary_key=True),
    sa.Column("metric", sa.String(32), primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    sa.Column("value", sa.Float),
)
CHECKPOINTS = sa.Table(
    "checkpoints",
    META,
    sa.Column("run", sa.String(32), primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)

Row = dict[str, Any]


def folder(run: str) -> Path:
    """Return a run's own folder."""
    return home() / "runs" / run


@functools.cache
def engine(url: str) -> sa.Engine:
    """Return the database behind an address, its tables made."""
    made = sa.create_engine(url)
    if made.dialect.name == "sqlite":
        event.listen(made, "connect", _prepare)
    META.create_all(made)
    return made


def _prepare(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=10000")


class Store:
    """Reads and writes the tables; holds nothing itself."""

    def __init__(self, url: str | None = None):
        if not (address := url or os.environ.get("VITRINE_STORE")):
            home().mkdir(parents=True, exist_ok=True)
            address = f"sqlite:///{home() / 'vitrine.db'}"
        self.engine = engine(address)

    @contextmanager
    def _writing(self) -> Generator[sa.Connection, None, None]:
        """Yield a connection whose writes come about all or not at all; what the machine lacks is told in words."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except sa.exc.OperationalError as error:
            raise VitrineError(
                f"The store could not be written ({error.orig}).", cure="Make room on the disk, and resume the run."
            ) from None

    def create(self, run: str, name: str, experiment: str, parent: str | None = None) -> None:
        """Enter a new run."""
        now = time.time()
        row = {"run": run, "name": name, "experiment": experiment, "status": "queued", "parent": parent}
        with self._writing() as connection:
            connection.execute(RUNS.insert().values(**row, step=0, epoch=0.0, seconds=0.0, created=now, updated=now))

    def update(self, run: str, **values: Any) -> None:
        """Change what is known of a run."""
        with self._writing() as connection:
            connection.execute(RUNS.update().where(RUNS.c.run == run).values(**values, updated=time.time()))

    def runs(self) -> list[Row]:
        """Return all runs, the latest first."""
        with self.engine.connect() as connection:
            found = connection.execute(sa.select(RUNS).order_by(RUNS.c.created.desc()))
            return [dict(row._mapping) for row in found]

    def run(self, run: str) -> Row:
        """Return one run, by its name or the beginning of it, where only one begins so."""
        rows = self.runs()
        found = [row for row in rows if row["run"] == run] or [row for row in rows if row["run"].startswith(run)]
        if len(found) != 1:
            what = "no run" if not found else f"more than one run that begins with {run!r}, so no one run"
            near = did_you_mean(run, [row["run"] for row in rows]) if not found else ""
            raise VitrineError(f"There is {what} {run!r}.{near}")
        return found[0]

    def record(self, run: str, rows: list[tuple[str, str, int, float]]) -> None:
        """Keep metrics: split, metric, step, value; a step recorded twice counts once, with the later value."""
        keys = ("split", "metric", "step", "value")
        values = [
            {"run": run} | dict(zip(keys, (*row[:3], row[3] if math.isfinite(row[3]) else None), strict=True))
            for row in rows
        ]
        if not values:
            return
        insert = _insert(self.engine)(METRICS)
        latest = insert.on_conflict_do_update(
            index_elements=["run", "split", "metric", "step"], set_={"value": insert.excluded.value}
        )
        with self._writing() as connection:
            connection.execute(latest, values)

    def forget(self, run: str, split: str, metric: str, since: int) -> None:
        """Forget a curve's points from a step on."""
        where = (METRICS.c.run == run) & (METRICS.c.split == split) & (METRICS.c.metric == metric)
        with self._writing() as connection:
            connection.execute(METRICS.delete().where(where & (METRICS.c.step >= since)))

    def metrics(self, run: str) -> dict[tuple[str, str], list[tuple[int, float]]]:
        """Return all curves of a run, by split and metric."""
        curves: dict[tuple[str, str], list[tuple[int, float]]] = {}
        with self.engine.connect() as connection:
            found = connection.execute(sa.select(METRICS).where(METRICS.c.run == run).order_by(METRICS.c.step))
            for row in found:
                curves.setdefault((row.split, row.metric), []).append((row.step, row.value))
        return curves

    def keep_checkpoint(self, run: str, step: int, size: int) -> None:
        """Enter a checkpoint."""
        insert = _insert(self.engine)(CHECKPOINTS).values(run=run, step=step, bytes=size)
        with self._writing() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["run", "step"], set_={"bytes": size}))


def _insert(engine: sa.Engine) -> Any:
    """Return the dialect's insert, which knows what to do about rows that are there."""
    if engine.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert

        return insert
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert


def public(row: Row) -> Row:
    """Return what a list of runs tells of one."""
    names = ("run", "name", "status", "step", "epoch", "parent", "error", "pid", "seconds", "device", "created")
    return {name: row[name] for name in names} | {"result": json.loads(row["result"]) if row["result"] else None}
