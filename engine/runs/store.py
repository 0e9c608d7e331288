"""The store: what is known of every run, in SQLite under VITRINE_HOME or in the database of VITRINE_STORE."""

import json
import math
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import exc

from engine.errors import VitrineError
from engine.home import home
from engine.registry import shortened
from engine.runs.tables import CHECKPOINTS, DIARY, METRICS, OF_A_RUN, RUNS, address, database, inserting

Row = dict[str, Any]
ENDED = ("done", "stopped", "interrupted", "failed")
ACTIVE = ("running", "paused")
BRIEF = [column for column in RUNS.c if column.name not in ("experiment", "result")]


def folder(run: str) -> Path:
    """Return a run's own folder."""
    return home() / "runs" / run


class Store:
    """Reads and writes the tables; holds nothing itself."""

    def __init__(self, url: str | None = None):
        with telling():
            self.engine = database(url or address())

    @contextmanager
    def writing(self) -> Generator[sa.Connection, None, None]:
        """Yield a connection whose writes come about all or not at all."""
        with telling(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Generator[sa.Connection, None, None]:
        """Yield a connection to read from."""
        with telling(), self.engine.connect() as connection:
            yield connection

    # -- runs ----------------------------------------------------------------------------------------------------

    def create(self, run: str, name: str, experiment: str, parent: str | None = None, **more: Any) -> None:
        """Enter a new run."""
        now = time.time()
        row = {"run": run, "name": name, "experiment": experiment, "status": "queued", "parent": parent} | more
        with self.writing() as connection:
            connection.execute(
                RUNS.insert().values({"step": 0, "epoch": 0.0, "seconds": 0.0, "created": now, "updated": now} | row)
            )

    def update(self, run: str, **values: Any) -> None:
        """Change what is known of a run."""
        with self.writing() as connection:
            connection.execute(RUNS.update().where(RUNS.c.run == run).values(**values, updated=time.time()))

    def turn(self, run: str, before: str, status: str, of: int | None = None, **more: Any) -> bool:
        """Change a run's status from one to another, of this worker if one is named; return whether it was so."""
        where = [RUNS.c.run == run, RUNS.c.status == before, *([RUNS.c.pid == of] if of else [])]
        with self.writing() as connection:
            done = connection.execute(RUNS.update().where(*where).values(status=status, updated=time.time(), **more))
        return done.rowcount == 1

    def runs(self, *statuses: str) -> list[Row]:
        """Return all runs, or those of some statuses, the latest first, without experiment and result."""
        return self._rows(*([RUNS.c.status.in_(statuses)] if statuses else []))

    def children(self, run: str) -> list[Row]:
        """Return the runs that began from this one."""
        return self._rows(RUNS.c.parent == run)

    def part(self, run: str) -> str:
        """Return the run of a series that was begun last; the run itself where it has no parts."""
        mine = (RUNS.c.parent == run) & RUNS.c.parent_step.is_(None)
        latest = sa.select(RUNS.c.run).where(mine).order_by(RUNS.c.created.desc(), RUNS.c.run).limit(1)
        with self.reading() as connection:
            return connection.execute(latest).scalar() or run

    def some(self, names: list[str]) -> list[Row]:
        """Return these runs, those of them that there are."""
        return self._rows(RUNS.c.run.in_(names)) if names else []

    def _rows(self, *where: Any) -> list[Row]:
        with self.reading() as connection:
            found = connection.execute(sa.select(*BRIEF).where(*where).order_by(RUNS.c.created.desc(), RUNS.c.run))
            return [dict(row._mapping) for row in found]

    def run(self, run: str) -> Row:
        """Return all of one run, by its name or the beginning of it, where only one begins so."""
        with self.reading() as connection:
            exact = connection.execute(sa.select(RUNS).where(RUNS.c.run == run)).all()
            begins = RUNS.c.run.startswith(run, autoescape=True) if run else sa.false()
            found = exact or connection.execute(sa.select(RUNS).where(begins)).all()
        if len(found) != 1:
            if found:
                raise VitrineError(f"More than one run begins with {shortened(run)}.", cure="Write more of its name.")
            raise VitrineError(f"There is no run {shortened(run)}.", cure="It may have been deleted.")
        return dict(found[0]._mapping)

    def delete(self, run: str) -> None:
        """Forget a run and everything about it."""
        with self.writing() as connection:
            for table in (RUNS, *OF_A_RUN):
                connection.execute(table.delete().where(table.c.run == run))

    # -- what runs leave -----------------------------------------------------------------------------------------

    def record(self, run: str, rows: list[tuple[str, str, int, float]]) -> None:
        """Keep metrics: split, metric, step, value; a step recorded twice counts once, with the later value."""
        keys = ("split", "metric", "step", "value")
        values = [
            {"run": run} | dict(zip(keys, (*row[:3], row[3] if math.isfinite(row[3]) else None), strict=True))
            for row in rows
        ]
        if not values:
            return
        insert = inserting(self.engine)(METRICS)
        latest = insert.on_conflict_do_update(
            index_elements=["run", "split", "metric", "step"], set_={"value": insert.excluded.value}
        )
        with self.writing() as connection:
            connection.execute(latest, values)

    def forget(self, run: str, split: str, metric: str, since: int) -> None:
        """Forget a curve's points from a step on."""
        where = (METRICS.c.run == run) & (METRICS.c.split == split) & (METRICS.c.metric == metric)
        with self.writing() as connection:
            connection.execute(METRICS.delete().where(where & (METRICS.c.step >= since)))

    def metrics(self, run: str) -> dict[tuple[str, str], list[tuple[int, float]]]:
        """Return all curves of a run, by split and metric."""
        curves: dict[tuple[str, str], list[tuple[int, float]]] = {}
        columns = (METRICS.c.split, METRICS.c.metric, METRICS.c.step, METRICS.c.value)
        with self.reading() as connection:
            found = connection.execute(sa.select(*columns).where(METRICS.c.run == run).order_by(METRICS.c.step)).all()
        for split, metric, step, value in found:
            curves.setdefault((split, metric), []).append((step, value))
        return curves

    def last(self, run: str, split: str, metric: str, since: int = 0, until: int = 2**62) -> float | None:
        """Return the latest value of one curve of a run, from a step on and up to another."""
        curve = (METRICS.c.run == run) & (METRICS.c.split == split) & (METRICS.c.metric == metric)
        curve &= METRICS.c.step.between(since, until)
        with self.reading() as connection:
            asked = sa.select(METRICS.c.value).where(curve).order_by(METRICS.c.step.desc()).limit(1)
            return connection.execute(asked).scalar()

    def keep_checkpoint(self, run: str, step: int, size: int) -> None:
        """Enter a checkpoint."""
        insert = inserting(self.engine)(CHECKPOINTS).values(run=run, step=step, bytes=size)
        with self.writing() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["run", "step"], set_={"bytes": size}))

    def checkpoints(self, run: str) -> list[int]:
        """Return the steps of which there are checkpoints, in order."""
        asked = sa.select(CHECKPOINTS.c.step).where(CHECKPOINTS.c.run == run).order_by(CHECKPOINTS.c.step)
        with self.reading() as connection:
            return list(connection.execute(asked).scalars())

    # -- the diary -----------------------------------------------------------------------------------------------

    def note(self, run: str, step: int, words: str, at: float | None = None) -> None:
        """Write into a run's diary."""
        with self.writing() as connection:
            connection.execute(DIARY.insert().values(run=run, at=at or time.time(), step=step, words=words))

    def diary(self, run: str) -> list[Row]:
        """Return what happened to a run, in order."""
        asked = sa.select(DIARY.c.at, DIARY.c.step, DIARY.c.words).where(DIARY.c.run == run).order_by(DIARY.c.id)
        with self.reading() as connection:
            return [dict(row._mapping) for row in connection.execute(asked)]


@contextmanager
def telling() -> Generator[None, None, None]:
    """While entered, what the database cannot do is told in words."""
    try:
        yield
    except exc.OperationalError as error:
        raise VitrineError(f"The store could not be used ({error.orig}).", cure=_cure(str(error.orig))) from None
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        reason = getattr(error, "orig", error)
        if not any(sign in str(reason) for sign in ("malformed", "not a database")):
            raise  # a statement of ours is wrong
        cure = "Start the app anew, or `vitrine mend`: both make it anew from the runs' folders."
        raise VitrineError(f"The store is damaged ({reason}).", cure=cure) from None


def _cure(said: str) -> str:
    """Return what to do about what a database says."""
    cures = {
        ("full", "disk i/o"): "Make room on the disk, and resume the run.",
        ("readonly", "read-only", "permission", "unable to open"): f"Let {home()} be read and written by this program.",
        ("locked", "busy"): "Another program holds it: end that one, or wait, and try again.",
    }
    usual = "See that the database can be reached, and resume the run."
    return next((cure for signs, cure in cures.items() if any(sign in said.lower() for sign in signs)), usual)


def public(row: Row) -> Row:
    """Return what a list of runs tells of one."""
    names = ("run", "name", "status", "step", "epoch", "parent", "error", "pid", "seconds", "device", "created")
    return {name: row[name] for name in names}


def is_part(row: Row) -> bool:
    """Return whether a run is part of a series: it has a parent, and did not branch off at some step."""
    return row["parent"] is not None and row["parent_step"] is None


def titled(row: Row) -> str:
    """Return a run's name with the end of its number, which tells runs of one name apart."""
    return f"{row['name']} ({row['run'][-6:]})"


class Changed(NamedTuple):
    """What was changed of a run on its way, as pages are told of it."""

    recipe: dict[str, Any] | None  # none where it is the one that the run began with
    task: dict[str, Any]
    speed: float | None

    def write(self) -> str:
        """Return all but the speed as text, or none where nothing else was changed."""
        return "" if self.recipe is None else json.dumps(self.recipe | {"task": self.task})


def changed_of(row: Row) -> Changed:
    """Return what was changed of a run on its way."""
    told = json.loads(row["changed"] or "{}")
    speed, task = told.pop("speed", None), told.pop("task", {})
    changed = told.pop("kind", None) or told  # a recipe as usual says nothing but its kind
    return Changed(told if changed or task else None, task, speed)


def result_of(row: Row) -> dict[str, Any] | None:
    """Return what came out at a run's end, if it came to one."""
    return json.loads(row["result"]) if row["result"] else None
