"""Unending: which runs come to no end by themselves."""

import functools

import orjson

from engine.errors import VitrineError
from engine.runs.store import Row
from engine.training.experiment import load
from engine.training.recipe import Recipe


def unending(row: Row) -> bool:
    """Return whether nothing ends a run but whoever stops it, by what is known of its recipe by now."""
    return _of(row["experiment"], row["changed"] or "{}")


@functools.lru_cache(maxsize=256)
def _of(experiment: str, changed: str) -> bool:
    told = orjson.loads(changed)
    try:
        if told.keys() - {"speed"}:
            return Recipe.read(
                {name: value for name, value in told.items() if name not in ("speed", "task", "kind")}
            ).unending
        return load(experiment).recipe.unending
    except VitrineError:  # of another version: whatever it is, it is not sent away
        return False
