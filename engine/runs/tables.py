"""Tables: what the store is made of, and the database that holds them."""

import functools
import os
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from engine.errors import VitrineError
from engine.home import cure_of, home

WAITS = 10_000  # milliseconds that one program waits for another to be done writing
META = sa.MetaData()
Name = sa.String(32)  # a run's
Count = sa.BigInteger

RUNS = sa.Table(
    "runs",
    META,
    sa.Column("run", Name, primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),  # queued, running, paused, done, stopped, interrupted, failed
    sa.Column("experiment", sa.Text, nullable=False),
    sa.Column("step", Count, nullable=False, default=0),
    sa.Column("epoch", sa.Float, nullable=False, default=0.0),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0),
    sa.Column("device", sa.String(32)),
    sa.Column("parent", Name),
    sa.Column("error", sa.Text),
    sa.Column("pid", sa.Integer),
    sa.Column("result", sa.Text),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("updated", sa.Float, nullable=False),
    sa.Column("parent_step", Count),  # of the parent's checkpoint that a branch began from
    sa.Column("note", sa.Text),
    sa.Column("pinned", sa.Boolean),
    sa.Column("host", sa.String(120)),  # the machine that the worker runs on, since its last start
    sa.Column("beat", Count),  # counts up while the worker lives
    sa.Column("minded", Count),  # counts up while an app looks after the run; none where nobody need
    sa.Column("total", Count),  # the step at which the recipe ends
    sa.Column("pace", sa.Float),  # examples a second
    sa.Column("rate", sa.Float),
    sa.Column(
        "changed", sa.Text
    ),  # recipe and what may change of the task, as JSON, where that was changed on the way; and the speed
    sa.Column("owner", sa.String(64)),  # the visitor who began it; none where that was the host
    sa.Column("threads", sa.Integer),  # of the processor it began with: with others, last bits may differ
)
METRICS = sa.Table(
    "metrics",
    META,
    sa.Column("run", Name, primary_key=True),
    sa.Column("split", sa.String(16), primary_key=True),
    sa.Column("metric", sa.String(32), primary_key=True),
    sa.Column("step", Count, primary_key=True),
    sa.Column("value", sa.Float),
)
CHECKPOINTS = sa.Table(
    "checkpoints",
    META,
    sa.Column("run", Name, primary_key=True),
    sa.Column("step", Count, primary_key=True),
    sa.Column("bytes", Count, nullable=False),
)
Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up in INTEGER columns only
COMMANDS = sa.Table(
    "commands",
    META,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("run", Name, nullable=False, index=True),
    sa.Column("command", sa.String(16), nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("answer", sa.Text),  # none until the worker has taken it; empty when done; else why not
)
WATCHES = sa.Table(
    "watches",
    META,
    sa.Column("run", Name, primary_key=True),
    sa.Column("watch", sa.String(64), primary_key=True),  # a digest of view and options
    sa.Column("view", sa.Text, nullable=False),
    sa.Column("renewed", Count, nullable=False),  # counts up while somebody watches
)
FRAMES = sa.Table(
    "frames",
    META,
    sa.Column("run", Name, primary_key=True),
    sa.Column("watch", sa.String(64), primary_key=True),
    sa.Column("step", Count, primary_key=True),
    sa.Column("turn", Count, nullable=False),  # counts up with each frame of a watch
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("made", sa.Float),  # when, to tell how late it was drawn
)
DIARY = sa.Table(
    "diary",
    META,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("run", Name, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("step", Count, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
)
# What goes with a run that is deleted. Whoever writes into several tables in one breath takes runs first and then
# these in their order: two who took them crosswise would wait for each other for ever.
OF_A_RUN = (METRICS, CHECKPOINTS, COMMANDS, WATCHES, FRAMES, DIARY)


def address() -> str:
    """Return the address of the store: of VITRINE_STORE, or SQLite's file under VITRINE_HOME."""
    if not (given := os.environ.get("VITRINE_STORE")):
        try:
            home().mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = (error.strerror or "unknown reason").lower()
            raise VitrineError(f"{home()} could not be made: {why}.", cure=cure_of(error)) from None
        return f"sqlite:///{home() / 'vitrine.db'}"
    return given.replace("postgresql://", "postgresql+psycopg://", 1)


@functools.cache
def database(url: str) -> sa.Engine:
    """Return the database behind an address, its tables made, and columns added that an older one lacks."""
    try:
        made = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    except (exc.ArgumentError, ModuleNotFoundError) as error:
        missing = isinstance(error, ModuleNotFoundError)
        cure = "pip install 'vitrine[cluster]'" if missing else "Write it like postgresql://user@host/name."
        raise VitrineError(f"VITRINE_STORE cannot be used ({error}).", cure=cure) from None
    if made.dialect.name == "sqlite":
        event.listen(made, "connect", _prepare)
    META.create_all(made)
    known = {table.name: {c["name"] for c in sa.inspect(made).get_columns(table.name)} for table in META.sorted_tables}
    with made.begin() as connection:
        for table in META.sorted_tables:
            for column in table.columns:
                if column.name not in known[table.name]:
                    kind = column.type.compile(made.dialect)
                    connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))
    return made


def _prepare(connection: Any, _: Any) -> None:
    connection.execute(f"PRAGMA busy_timeout={WAITS}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def inserting(made: sa.Engine) -> Callable[..., Any]:
    """Return the dialect's insert, which knows what to do about rows that are there."""
    if made.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert

        return insert
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert
