"""Limits: how much one visitor, and all together, may have learn and keep here; said before they are reached."""

import os
import shutil
from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from engine.errors import VitrineError
from engine.home import home
from engine.live.visitor import Visitor
from engine.runs.store import ACTIVE, Row, Store, is_part
from engine.runs.tables import CHECKPOINTS, RUNS

GIB = 2**30
NEAR = 0.8  # of a limit, from which on it is told
BROUGHT: Counter[str] = Counter()  # by visitor: pictures and files since the app began,
FILES: Counter[str] = Counter()  # and bytes of files


def setting(name: str, usual: float) -> float:
    """Return a limit: VITRINE_… where it says a number, else the usual one."""
    chosen = os.environ.get(f"VITRINE_{name}", "")
    try:
        return float(chosen) if chosen else usual
    except ValueError:
        raise VitrineError(f"VITRINE_{name} is {chosen!r}: it must be a number.") from None


@dataclass(frozen=True)
class Use:
    """What somebody has of something, and how much may be had."""

    what: str
    has: float
    most: float
    unit: str = ""

    def __str__(self) -> str:
        has, most = (f"{n:,.0f}" if n >= 100 else f"{n:.2f}".rstrip("0").rstrip(".") for n in (self.has, self.most))
        return f"{self.what}: {has} of {most}{self.unit}"


def uses(store: Store, visitor: Visitor) -> list[Use]:
    """Return what a visitor has: runs that learn or wait, and room on the disk; the host's is everybody's."""
    rows = [row for row in store.runs(*ACTIVE, "queued") if not is_part(row)]
    found = [Use("waiting runs", sum(row["status"] == "queued" for row in rows), setting("WAITING", 20))]
    if visitor.rules:
        kept, free = kept_bytes(store) / GIB, shutil.disk_usage(_there()).free / GIB
        return [*found, Use("room taken by runs", kept, setting("DISK", kept + max(0.0, free - 1.0)), " GiB")]
    own = sum(visitor.owns(row) for row in rows)
    mine = kept_bytes(store, visitor.key) / GIB
    return [
        *found,
        Use("your runs that learn or wait", own, setting("GUEST_RUNS", 2)),
        Use("room taken by your runs", mine, setting("GUEST_DISK", 1.0), " GiB"),
    ]


def _there() -> str:
    home().mkdir(parents=True, exist_ok=True)
    return str(home())


def kept_bytes(store: Store, owner: str | None = None) -> int:
    """Return how much room the checkpoints of all runs take, or of one visitor's."""
    whose = sa.select(RUNS.c.run).where(RUNS.c.owner.startswith(f"{owner} ", autoescape=True))
    where = [CHECKPOINTS.c.run.in_(whose)] if owner is not None else []
    with store.reading() as connection:
        return int(connection.execute(sa.select(sa.func.sum(CHECKPOINTS.c.bytes)).where(*where)).scalar() or 0)


def begin_one(store: Store, visitor: Visitor) -> None:
    """Refuse another run where a limit is reached."""
    begin_some(store, visitor, 1)


def begin_some(store: Store, visitor: Visitor, many: int) -> None:
    """Refuse so many runs at once where a limit would be passed."""
    if words := visitor.may_act():
        raise VitrineError(words)
    for use in uses(store, visitor):
        if use.has >= use.most or (not use.unit and use.has + many > use.most):
            cure = "Delete some on the Runs page." if use.unit else "Wait, or stop one of them."
            cure = f"Choose at most {use.most:,.0f}." if not use.unit and many > use.most else cure
            what = "No other run can begin now" if many == 1 else f"{many} runs cannot begin at once now"
            raise VitrineError(f"{what} ({use}).", cure=cure)


def near(store: Store, visitor: Visitor) -> str:
    """Return which limits are nearly reached, in words, or nothing."""
    return ", ".join(str(use) for use in uses(store, visitor) if use.has >= NEAR * use.most)


def bring_file(visitor: Visitor, size: int) -> None:
    """Count a file that a visitor brings; refuse too many, too large ones, and any where the disk is nearly full."""
    bring_one(visitor)
    bring_bytes(visitor, size)


def bring_bytes(visitor: Visitor, size: int, counted: bool = True) -> None:
    """Count so many bytes more of what a visitor brings, or only refuse them where they are too many."""
    most = setting("GUEST_FILES", 100) * 2**20
    if not visitor.rules and FILES[visitor.key] + size > most:
        raise VitrineError(f"You have brought {most / 2**20:,.0f} MiB of files, which is as much as one visitor may.")
    if shutil.disk_usage(_there()).free < GIB + size:
        raise VitrineError("The disk is nearly full.", cure="Make room on it first.")
    FILES[visitor.key] += size if counted else 0


def bring_one(visitor: Visitor) -> None:
    """Count a picture or file that a visitor brings; refuse too many."""
    if words := visitor.may_act():
        raise VitrineError(words)
    most = setting("GUEST_PICTURES", 300)
    if not visitor.rules and BROUGHT[visitor.key] >= most:
        raise VitrineError(f"You have brought {most:,.0f} pictures and files, which is as many as one visitor may.")
    BROUGHT[visitor.key] += 1


def room_made(store: Store, visitor: Visitor) -> list[Row]:
    """Return the runs that are deleted first where room is needed: failed ones, without a pin, of this visitor."""
    return [row for row in store.runs("failed") if visitor.owns(row) and not row["pinned"] and not is_part(row)]
