"""A run of runs: a child for each fold, or for each value of a sweep, and a parent that tells of them all."""

import hashlib
import json
import os
import statistics
from collections.abc import Generator
from typing import Any

from engine.errors import VitrineError
from engine.runs.alive import identity
from engine.runs.carry import Meet, carry_out, end, fault, new_run
from engine.runs.launch import mine
from engine.runs.mend import keep_copy
from engine.runs.store import ACTIVE, Row, Store, folder, is_part
from engine.training.experiment import Experiment, dump, load
from engine.training.loop import Report
from engine.training.series import parts


def carry_series(store: Store, run: str, meet: Meet | None = None) -> Generator[Report, None, None]:
    """Carry out one child after another; those that are done already stay, one cut short goes on."""
    whole = store.run(run)
    experiment = load(whole["experiment"])
    assert experiment.data
    store.update(run, status="running", pid=os.getpid(), host=identity(os.getpid()), error=None)
    keep_copy(store, run)
    rows = [store.run(child["run"]) for child in store.children(run) if is_part(child)]
    children = {row["experiment"]: row for row in rows}
    done: list[Row] = []
    steps = 0
    try:
        series = parts(experiment, experiment.data.load())
        for place, one in enumerate(series):
            text = dump(one)
            child = children.get(text)
            if child and child["status"] in ("queued", *ACTIVE):
                raise VitrineError(
                    f"{child['run']} is learned by itself already.", cure="Stop it, and resume this one."
                )
            name = (
                child["run"]
                if child
                else new_run(store, one, parent=run, status="running", owner=whole["owner"], **mine())
            )
            store.note(run, steps, f"{name} is part {place + 1} of {len(series)}")
            if not child or child["status"] != "done":
                for report in carry_out(store, name, meet=meet):
                    store.update(run, **_standing(done, report, len(series)))
                    yield report
            done.append(store.run(name))
            if done[-1]["status"] == "stopped":  # before its first step
                end(store, run, "stopped")
                return
            if done[-1]["status"] != "done":
                raise VitrineError(done[-1]["error"] or f"Part {place + 1} ended early.", where=name)
            steps = sum(row["step"] for row in done)
            store.update(run, epoch=float(place + 1), step=steps, device=done[-1]["device"])
    except VitrineError as error:
        end(store, run, "failed", str(error))
        raise
    except Exception as error:
        end(store, run, "failed", fault(run, error))
        raise
    except BaseException as error:  # the worker is told to end, or whoever listened has stopped it
        end(store, run, "stopped" if isinstance(error, GeneratorExit) else "interrupted")
        raise
    results = [json.loads(row["result"]) for row in done]
    result = together(experiment, series, results)
    (folder(run) / "result.json").write_text(json.dumps(result), encoding="utf-8")
    end(store, run, "done", result=json.dumps(result), seconds=result["seconds"], total=steps)


def _standing(done: list[Row], report: Report, number: int) -> dict[str, Any]:
    """Return how far a series is; its steps to come are taken to be as many as those of this part."""
    taken, seconds = sum(row["step"] for row in done), sum(row["seconds"] for row in done)
    far = min(1.0, report.step / report.total) if report.total else 0.0
    return {
        "step": taken + report.step,
        "total": taken + (number - len(done)) * report.total,
        "epoch": len(done) + far,
        "seconds": seconds + report.seconds,
        "pace": report.examples_per_second,
        "rate": report.rate,
    }


def together(experiment: Experiment, series: list[Experiment], results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean of each score over the parts and how far they lie apart; of a sweep, for each value."""
    sweep = experiment.recipe.sweep
    digest = hashlib.sha256("".join(result["weights_sha256"] for result in results).encode())
    shared = {
        "seconds": sum(result["seconds"] for result in results),
        "examples_per_second": statistics.fmean(result["examples_per_second"] for result in results),
        "weights_sha256": digest.hexdigest(),
    }
    if not sweep:
        return shared | {"folds": len(series), "metrics": _mean(results)}
    groups = [results[place : place + sweep.seeds] for place in range(0, len(results), sweep.seeds)]
    means = [_mean(group) for group in groups]
    losses = [mean.get("validation", mean["train"])["loss"] for mean in means]
    best = losses.index(min(losses))
    values = [{"value": value, "metrics": mean} for value, mean in zip(sweep.steps, means, strict=True)]
    words = f"The loss on unseen examples is lowest at {sweep.vary} {sweep.steps[best]:g}: {losses[best]:.3g}."
    return shared | {"vary": sweep.vary, "sweep": values, "words": words, "metrics": means[best]}


def _mean(results: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    metrics: dict[str, dict[str, float]] = {}
    for split in results[0]["metrics"]:
        scores = [result["metrics"][split] for result in results]
        for metric in scores[0]:
            values = [score[metric] for score in scores]
            metrics.setdefault(split, {})[metric] = statistics.fmean(values)
            metrics[split][f"{metric} spread"] = statistics.stdev(values) if len(values) > 1 else 0.0
    return metrics
