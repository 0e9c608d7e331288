"""Orders: what people tell a run that is being learned; one order of events, however many give them."""

import time
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa

from engine.errors import VitrineError
from engine.registry import Registry, shortened
from engine.runs.store import ACTIVE, ENDED, Row, Store
from engine.runs.tables import COMMANDS, RUNS

ORDERS: Registry[str] = Registry("order")
for _order, _help in {
    "pause": "Wait after this step.",
    "resume": "Go on.",
    "step": "Take so many steps, then wait.",
    "stop": "End, and keep everything.",
    "set": "Change the recipe from the next step on.",
}.items():
    ORDERS.add(_order, _help)
# How far a step may go, besides a number of batches; or the turn of one network.
STRIDES = ("example", "epoch", "round")
SPEEDS = (0.01, 1e6)  # steps a second: the slowest, and the fastest
MOST_BYTES, MOST_DEEP = 20_000, 6  # of what is set, and how far values may lie in one another
DONE = -1  # in the place of an order's number: it needed no worker


@dataclass(frozen=True, order=True)
class Order:
    """One thing a run was told."""

    id: int
    command: str
    value: Any = field(compare=False)

    def __str__(self) -> str:
        if self.command == "set":
            return "set " + ", ".join(f"{name} = {value}" for name, value in self.value.items())
        if self.command == "step":
            if self.value in STRIDES:
                return f"one {self.value}"
            return f"step {self.value:,}" if isinstance(self.value, int) else f"one step of the {self.value} alone"
        return self.command


def give(store: Store, run: str, command: str, value: Any = None) -> int:
    """Tell a run something, and return the order's number; what cannot be meant is refused here."""
    ORDERS[command]
    row = store.run(run)
    value = _read(command, value, row)
    if row["status"] in ENDED:
        raise VitrineError(f"{row['run']} takes no orders: it is {row['status']}.", cure=_instead(row))
    if row["status"] == "queued":
        if command != "stop":
            raise VitrineError(f"{row['run']} waits for its turn.", cure="It takes orders as soon as it runs.")
        if store.turn(row["run"], "queued", "stopped"):
            answer_all(store, row["run"], f"{row['run']} was stopped before its turn came.")
            store.note(row["run"], row["step"], "stopped before its turn came")
            return DONE
    if order := _enter(store, row["run"], command, value, RUNS.c.status.in_(ACTIVE)):
        return order
    raise VitrineError(f"{row['run']} takes no orders: it has just ended.", cure=_instead(store.run(row["run"])))


def enter(store: Store, run: str, command: str, value: Any = None) -> int:
    """Write an order down, whether or not there is a worker yet; one that begins hears it before its first step."""
    return _enter(store, run, command, _read(command, value, store.run(run)))


def _enter(store: Store, run: str, command: str, value: Any, *where: Any) -> int:
    """Write an order down in the same breath in which its run is seen to be so; return its number, or 0."""
    written = orjson.dumps(value).decode()
    columns = sa.select(RUNS.c.run, sa.literal(command), sa.literal(written)).where(RUNS.c.run == run, *where)
    with store.writing() as connection:
        entered = connection.execute(
            COMMANDS.insert().from_select(["run", "command", "value"], columns).returning(COMMANDS.c.id)
        )
        return int(entered.scalar() or 0)


def _read(command: str, value: Any, row: Row) -> Any:
    if command == "step":
        count = 1 if value is None else value
        if count in STRIDES or (isinstance(count, str) and count in _roles(row)):
            return count
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 10**9:
            fitting = "example, epoch, round, a network, or a whole number from 1 to 1,000,000,000"
            raise VitrineError(f"step takes {fitting}; received {shortened(value)}.")
        return count
    if command == "set":
        if not isinstance(value, dict) or not value or not all(isinstance(name, str) for name in value):
            raise VitrineError(f"set takes names and values; received {shortened(value)}.", cure="Like rate=0.01.")
        if _depth(value) > MOST_DEEP or len(orjson.dumps(value)) > MOST_BYTES:
            raise VitrineError("That is too much to set at once.")
        return value
    if value is not None:
        raise VitrineError(f"{command} takes no value; received {shortened(value)}.")
    return None


def _roles(row: Row) -> list[str]:
    """Return which networks a run has, of which each may take a step alone; of a single one there is nothing to say."""
    roles = list(orjson.loads(row["experiment"])["graphs"])
    return roles if len(roles) > 1 else []


def _depth(value: Any, most: int = MOST_DEEP + 1) -> int:
    """Return how far values lie in one another, looking no further than is allowed."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return 1 + max((_depth(one, most - 1) for one in inside), default=0) if most > 0 else 1


def _instead(row: Row) -> str:
    if row["status"] == "done":
        return "Branch from it, or train its experiment again."
    return f"`vitrine resume {row['run']}` goes on with it."


def pending(store: Store, run: str, after: int = 0) -> list[Order]:
    """Return the orders that nobody has answered yet, the earliest first."""
    columns = (COMMANDS.c.id, COMMANDS.c.command, COMMANDS.c.value)
    where = (COMMANDS.c.run == run) & (COMMANDS.c.id > after) & COMMANDS.c.answer.is_(None)
    with store.reading() as connection:
        found = connection.execute(sa.select(*columns).where(where).order_by(COMMANDS.c.id)).all()
    return [Order(id, command, orjson.loads(value)) for id, command, value in found]


def answer(store: Store, id: int, words: str = "") -> None:
    """Answer an order: with nothing where it is done, else with the reason why not."""
    with store.writing() as connection:
        connection.execute(COMMANDS.update().where(COMMANDS.c.id == id).values(answer=words))


def answer_all(store: Store, run: str, words: str) -> None:
    """Answer whatever a run that has ended left open."""
    with store.writing() as connection:
        where = (COMMANDS.c.run == run) & COMMANDS.c.answer.is_(None)
        connection.execute(COMMANDS.update().where(where).values(answer=words))


def answered(store: Store, id: int) -> str | None:
    """Return the answer to an order, or None while there is none."""
    with store.reading() as connection:
        return connection.execute(sa.select(COMMANDS.c.answer).where(COMMANDS.c.id == id)).scalar()


def tell(store: Store, run: str, command: str, value: Any = None, patience: float = 10.0) -> None:
    """Give an order and wait until it is carried out; a refusal is raised."""
    end = time.monotonic() + patience
    settle(store, run, give(store, run, command, value), patience)
    aim = {"stop": ENDED, "step": ("paused", *ENDED)}.get(command, ())
    while aim and store.run(run)["status"] not in aim and time.monotonic() < end:
        time.sleep(0.02)


def settle(store: Store, run: str, id: int, patience: float = 10.0) -> None:
    """Wait until an order is answered; a refusal is raised, and so is silence."""
    if not heard(store, id, patience):
        raise VitrineError(silent(run, patience), cure="It may be in a long step.")


def silent(run: str, patience: float) -> str:
    """Return that an order was not answered."""
    return f"{run} has not answered for {patience:.0f} seconds."


def heard(store: Store, id: int, patience: float) -> bool:
    """Return whether an order is answered in time; a refusal is raised."""
    end = time.monotonic() + patience
    while (words := "" if id == DONE else answered(store, id)) is None:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    if words:
        raise VitrineError(words)
    return True
