"""Managing runs: naming, deleting, and telling what sets them apart."""

import shutil

from engine.choice import in_words
from engine.errors import VitrineError
from engine.graph.cost import together
from engine.graph.graph import Graph
from engine.registry import printable, shortened
from engine.runs.mend import keep_copy
from engine.runs.store import ENDED, Row, Store, folder, is_part, result_of
from engine.training.address import address
from engine.training.experiment import Experiment

MOST_NAME, MOST_NOTE = 80, 2_000
ABSENT = "–"


def rename(store: Store, run: str, name: str) -> None:
    """Give a run another name."""
    name = printable(name).strip()
    if not 1 <= len(name) <= MOST_NAME:
        raise VitrineError(f"A name has 1 to {MOST_NAME} characters; received {shortened(name)}.")
    row = store.run(run)
    store.update(row["run"], name=name)
    store.note(row["run"], row["step"], f"renamed from {row['name']} to {name}")
    keep_copy(store, row["run"])


def annotate(store: Store, run: str, note: str) -> None:
    """Keep a note with a run."""
    if len(note) > MOST_NOTE:
        raise VitrineError(f"A note has at most {MOST_NOTE:,} characters; this one has {len(note):,}.")
    row = store.run(run)
    store.update(row["run"], note=note.strip() or None)
    keep_copy(store, row["run"])


def pin(store: Store, run: str, pinned: bool) -> None:
    """Keep a run from being deleted, and at the head of lists; or no longer."""
    row = store.run(run)
    store.update(row["run"], pinned=pinned)
    keep_copy(store, row["run"])


def delete(store: Store, run: str) -> None:
    """Forget a run with its parts, checkpoints and everything about it; one that learns must be stopped first."""
    row = store.run(run)
    rows = [row, *(child for child in store.children(row["run"]) if is_part(child))]
    for one in rows:
        if one["status"] not in ENDED:
            raise VitrineError(f"{one['run']} is {one['status']}.", cure="Stop it first.")
        if one["pinned"]:
            raise VitrineError(f"{one['run']} is pinned.", cure="Unpin it first.")
    for one in rows:
        store.delete(one["run"])
        shutil.rmtree(folder(one["run"]), ignore_errors=True)  # what cannot be removed is no longer known of


def differences(experiments: list[Experiment]) -> list[tuple[str, list[str]]]:
    """Return what is not the same in all experiments: what it is, and how each has it."""
    rows: list[tuple[str, list[str]]] = []
    for part in ("data", "task", "recipe"):
        choices = [getattr(experiment, part) for experiment in experiments]
        names = dict.fromkeys(name for choice in choices if choice for name in ("kind", *type(choice).model_fields))
        for name in names:
            values = [in_words(getattr(choice, name, ABSENT)) for choice in choices]
            rows.append((part if name == "kind" else f"{part}: {name.replace('_', ' ')}", values))
    graphs = [layers_of(experiment) for experiment in experiments]
    for path in dict.fromkeys(path for layers in graphs for path in layers):
        rows.append((f"layer {path}", [" ".join(layers.get(path, (ABSENT,))).strip() for layers in graphs]))
    totals = [_counts(experiment) for experiment in experiments]
    rows += [(name, [total[name] for total in totals]) for name in totals[0]]
    return _differing(rows)


def outcomes(store: Store, rows: list[Row]) -> list[tuple[str, list[str]]]:
    """Return what has become of runs, where it is not the same of all: origin, length, and latest losses and scores."""
    found: list[tuple[str, list[str]]] = [
        ("goes on from", [parentage(row) or "its first weights" for row in rows]),
        ("status", [row["status"] for row in rows]),
        ("steps", [f"{row['step']:,}" for row in rows]),
        ("time", [f"{row['seconds']:,.0f} s" for row in rows]),
    ]
    scores = [latest(store, row["run"]) for row in rows]
    for name in sorted({name for one in scores for name in one}):
        values = [one.get(name) for one in scores]
        found.append((name, [ABSENT if value is None else f"{value:.4g}" for value in values]))
    return _differing(found)


def parentage(row: Row) -> str:
    """Return from which run and step a run goes on, or nothing."""
    at = "" if row["parent_step"] is None else f" at {row['parent_step']:,}"
    return f"{row['parent']}{at}" if row["parent"] else ""


def _differing(rows: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    return [(what, values) for what, values in rows if len(set(values)) > 1]


def layers_of(experiment: Experiment) -> dict[str, tuple[str, str]]:
    """Return the layers of all networks in words, by their addresses: what each is, and how."""
    graphs = experiment.graphs
    return {
        address(role, path, graphs): words for role, graph in graphs.items() for path, words in _layers(graph).items()
    }


def _layers(graph: Graph, prefix: str = "") -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for node in graph.nodes:
        path = prefix + node.id
        if node.block:
            found[path] = "block", f"×{node.block.repeat}"
            found |= _layers(node.block.graph, f"{path}.")
        else:
            found[path] = node.layer.title, node.layer.summary()
    return found


def _counts(experiment: Experiment) -> dict[str, str]:
    """Return the totals of an experiment's networks, in words."""
    total = together(experiment.graphs)
    names = ("weights", "neurons", "connections", "multiply_adds")
    return {name.replace("_", "-"): f"{getattr(total, name):,}" for name in names}


def latest(store: Store, run: str) -> dict[str, float]:
    """Return a run's scores by split and metric: those at its end, else the latest point of each curve."""
    result = result_of(row := store.run(run))
    ended = {f"{s} {m}": v for s, scores in result["metrics"].items() for m, v in scores.items()} if result else {}
    curves = {name: c for name, c in store.metrics(run).items() if name[0] != "test" or c[-1][0] >= row["step"]}
    return scored(curves) | ended  # what was tested before it went on is of other weights


def scored(metrics: dict[tuple[str, str], list[tuple[int, float]]]) -> dict[str, float]:
    """Return the latest value of each curve of a run."""
    return {f"{split} {metric}": points[-1][1] for (split, metric), points in metrics.items() if points}
