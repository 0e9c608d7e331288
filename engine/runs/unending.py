"""Unending: which runs come to no end by themselves."""

import functools

from engine.errors import VitrineError
from engine.runs.store import Row, Store, changed_of
from engine.training.experiment import load
from engine.training.recipe import Recipe


def unending(store: Store, row: Row) -> bool:
    """Return whether nothing ends a run but whoever stops it, by what is known of its recipe by now."""
    changed = changed_of(row)
    return Recipe.read(changed.recipe).unending if changed.recipe is not None else _began(store, row["run"])


@functools.lru_cache(maxsize=256)
def _began(store: Store, run: str) -> bool:
    """Return whether a run began without an end."""
    try:
        return load(store.run(run)["experiment"]).recipe.unending
    except VitrineError:  # of another version: whatever it is, it is not sent away
        return False
