"""Pasts: what was on a table before, kept at home so that undo outlives the app's being started anew."""

import contextlib
import os
import re
import secrets
from typing import Any

import orjson

from engine.home import home

MOST_KEPT, MOST_UNDO = 300, 50  # tables, and changes of each
HELD = ("now", "past", "future")


def keep(key: str, state: dict[str, Any]) -> None:
    """Write a table's past under its name; where that cannot be done, undo lasts as long as the app."""
    folder = home() / "tables"
    held = {name: state[name][-MOST_UNDO:] if name != "now" else state[name] for name in HELD}
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f"{key}.{os.getpid()}.{secrets.token_hex(4)}.part"
        aside.write_bytes(orjson.dumps(held))
        aside.replace(folder / f"{key}.json")
        for old in sorted(folder.glob("*.json"), key=lambda one: one.stat().st_mtime)[:-MOST_KEPT]:
            old.unlink(missing_ok=True)


def kept(key: Any, now: str) -> dict[str, Any]:
    """Return the past of a table with this on it, if it is kept under that name."""
    if not isinstance(key, str) or not re.fullmatch(r"[0-9a-f]{32}", key):
        return {}
    with contextlib.suppress(OSError, orjson.JSONDecodeError):
        held = orjson.loads((home() / "tables" / f"{key}.json").read_bytes())
        texts = (
            [held["now"], *held["past"], *held["future"]] if isinstance(held, dict) and held.keys() >= set(HELD) else []
        )
        if texts and all(isinstance(text, str) for text in texts) and held["now"] == now:
            return {name: held[name] for name in HELD}
    return {}
