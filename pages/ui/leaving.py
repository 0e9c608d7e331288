"""Leaving: runs that are taken off a lab's table; one without an end would learn on unseen."""

import contextlib
from collections.abc import Iterable

from engine.errors import VitrineError
from engine.live.house import house
from engine.runs import orders
from engine.runs.store import ENDED
from engine.runs.unending import unending
from pages.ui.visitor import visitor


def let_go(runs: Iterable[str], all: bool = False) -> None:
    """Stop those of these runs that have no end and that this visitor began, or all of those; they can be resumed."""
    for run in filter(None, runs):
        with contextlib.suppress(VitrineError):  # deleted meanwhile, or just over
            row = house().store.run(run)
            if row["status"] not in ENDED and visitor().owns(row) and (all or unending(house().store, row)):
                orders.give(house().store, run, "stop")
