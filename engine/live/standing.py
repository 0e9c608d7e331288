"""Standing: what pages tell of a run, whatever is looked at."""

from typing import Any

from engine.live.past import Past
from engine.live.scene import RUN
from engine.runs.desk import FULL
from engine.runs.launch import learning, most_runs
from engine.runs.store import ACTIVE, Row, Store, changed_of, result_of, titled

TOLD = ("run", "name", "status", "step", "total", "epoch", "seconds", "pace", "rate", "error", "device", "parent")


def standing(store: Store, past: Past, row: Row) -> dict[str, Any]:
    """Return what a page tells of a run."""
    ended = result_of(store.run(row["run"])) if row["status"] == "done" else None
    changed = changed_of(row)
    return {name: row[name] for name in TOLD} | {
        "speed": changed.speed if row["status"] in ACTIVE else None,
        "changed": changed.write(),
        "loss": store.last(row["run"], "train", "loss"),
        "accuracy": store.last(row["run"], "validation", "accuracy"),
        "moments": store.checkpoints(row["run"]),
        "metrics": ended["metrics"] if ended else _tested(store, row),
        "words": ended.get("words", "") if ended else "",
        "parts": past.parts(f"{RUN}{row['run']}"),
        "waits": _waits(store, row),
    }


def _tested(store: Store, row: Row) -> dict[str, dict[str, float]] | None:
    """Return how well a run that was stopped did on the test examples, where that was found out."""
    accuracy = store.last(row["run"], "test", "accuracy", row["step"]) if row["status"] == "stopped" else None
    return None if accuracy is None else {"test": {"accuracy": accuracy}}


def _waits(store: Store, row: Row) -> dict[str, str] | None:
    """Return for what a run waits, and which run could make way."""
    if row["status"] != "queued" and not (row["error"] or "").startswith(FULL):
        return None
    ahead = learning(store)
    if len(ahead) < most_runs():
        return {"words": "It begins in a moment." if row["status"] == "queued" else "It goes on in a moment."}
    names = ", ".join(titled(one) for one in ahead[:3]) + (" and others" if len(ahead) > 3 else "")
    words = f"It waits until a run that learns now ends or pauses: {names}."
    return {"words": words, "run": ahead[-1]["run"], "name": titled(ahead[-1])}
