"""Unending: which runs come to no end by themselves."""

import functools

import orjson

from engine.errors import VitrineError
from engine.runs.store import Row, Store
from engine.training.experiment import load
from engine.training.recipe import Recipe

BESIDE = ("speed", "task", "kind")  # what stands beside the recipe in what was changed on the way


def unending(store: Store, row: Row) -> bool:
    """Return whether nothing ends a run but whoever stops it, by what is known of its recipe by now."""
    told = orjson.loads(row["changed"] or "{}")
    if told.keys() - {"speed"}:
        return Recipe.read({name: value for name, value in told.items() if name not in BESIDE}).unending
    return _began(store, row["run"])


@functools.lru_cache(maxsize=256)
def _began(store: Store, run: str) -> bool:
    """Return whether a run began without an end."""
    try:
        return load(store.run(run)["experiment"]).recipe.unending
    except VitrineError:  # of another version: whatever it is, it is not sent away
        return False
