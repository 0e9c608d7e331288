"""Cross-validation as a run of runs: a child for each fold, and a parent that tells their mean and spread."""

import dataclasses
import hashlib
import json
import os
import statistics
from collections.abc import Generator
from typing import Any

from engine.errors import VitrineError
from engine.runs.alive import identity
from engine.runs.carry import Meet, carry_out, new_run
from engine.runs.store import Store
from engine.training.experiment import Experiment, load
from engine.training.folds import number_of_folds
from engine.training.loop import Report


def carry_folds(store: Store, run: str, meet: Meet | None = None) -> Generator[Report, None, None]:
    """Carry out one child after another; those that are done already stay, one cut short goes on."""
    experiment = load(store.run(run)["experiment"])
    assert experiment.data
    store.update(run, status="running", pid=os.getpid(), host=identity(os.getpid()), error=None)
    rows = [store.run(child["run"]) for child in store.children(run) if child["parent_step"] is None]
    children = {load(row["experiment"]).recipe.fold or 0: row for row in rows}
    try:
        for fold in range(number_of_folds(experiment.data.load(), experiment.recipe)):
            child = children.get(fold)
            name = child["run"] if child else new_run(store, _with_fold(experiment, fold), parent=run)
            if not child or child["status"] != "done":
                yield from carry_out(store, name, meet=meet)
            children[fold] = store.run(name)
            if children[fold]["status"] != "done":
                raise VitrineError(children[fold]["error"] or f"The run of fold {fold + 1} ended early.", where=name)
            store.update(run, epoch=float(fold + 1), step=sum(row["step"] for row in children.values()))
    except VitrineError as error:
        store.update(run, status="failed", error=str(error), pid=None)
        raise
    except BaseException as error:
        store.update(run, status="stopped" if isinstance(error, GeneratorExit) else "interrupted", pid=None)
        raise
    result = together([json.loads(children[fold]["result"]) for fold in sorted(children)])
    store.update(run, status="done", pid=None, result=json.dumps(result), seconds=result["seconds"])


def _with_fold(experiment: Experiment, fold: int) -> Experiment:
    return dataclasses.replace(experiment, recipe=experiment.recipe.but(fold=fold))


def together(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean of each score over the folds, and how far the folds lie apart."""
    metrics: dict[str, dict[str, float]] = {}
    for split in results[0]["metrics"]:
        scores = [result["metrics"][split] for result in results]
        for metric in scores[0]:
            values = [score[metric] for score in scores]
            metrics.setdefault(split, {})[metric] = statistics.fmean(values)
            metrics[split][f"{metric} spread"] = statistics.stdev(values) if len(values) > 1 else 0.0
    digest = hashlib.sha256("".join(result["weights_sha256"] for result in results).encode())
    return {
        "folds": len(results),
        "seconds": sum(result["seconds"] for result in results),
        "examples_per_second": statistics.fmean(result["examples_per_second"] for result in results),
        "metrics": metrics,
        "weights_sha256": digest.hexdigest(),
    }
