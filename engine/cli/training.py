"""Commands about learning: data, training, runs and what came of them."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from engine.cli.words import Json, Named, Run, console, experiment_of, named, table_of
from engine.errors import VitrineError
from engine.tasks.task import WHAT

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from engine.runs.store import Store
    from engine.training.loop import Report


def data(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A dataset's name.")] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch its files, where they are not here.")] = False,
) -> None:
    """List the datasets, or load one and say what it holds."""
    from engine.data import DATASETS

    if name is None:
        table = table_of("name", "here", "options", "what it is")
        for kind, source in DATASETS.items():
            options = ", ".join(option.name for option in source.options())
            here = "yes" if source().here() else "to be fetched" if source.fetched else "by its path"
            table.add_row(kind, here, options, source.help())
        console().print(table)
        return
    source = DATASETS[name]()
    if fetch:
        source.fetch(lambda file, have, total: print(f"\r{file}: {have:,} of {total:,} bytes", end="", file=sys.stderr))
    found = source.load()
    print(f"{found.title}: {source.help()}")
    print(
        f"an example is {found.example}, {'×'.join(map(str, found.sizes))}; {source.origin}; licence: {source.licence}"
    )
    print(", ".join(f"{len(split):,} {name}" for name, split in found.splits().items()))
    print(f"{len(found.classes)} classes: {' '.join(found.classes)}" if found.classes else WHAT[found.goal])


def train(
    name: Named,
    data: Annotated[str | None, typer.Option(help="The dataset to learn from.")] = None,
    task: Annotated[
        str | None,
        typer.Option(help="What to learn: classify, regress …; else as the experiment says, or what is left."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="recipe.rate=0.01, data.number=500, task.smoothing=0.1")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    watch: Annotated[
        float | None, typer.Option(help="With --json: every so many seconds, what a step did in each node.")
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Learn in a process of its own, and print the run's name.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Learn an experiment; Ctrl+C leaves a run that `vitrine resume` continues."""
    from engine.runs.carry import learner_of, new_run
    from engine.runs.desk import Desk, attended
    from engine.runs.launch import mine
    from engine.runs.store import Store
    from engine.training.choosing import suited
    from engine.training.loop import every
    from engine.training.series import parts, several
    from engine.training.settings import changed
    from engine.training.unfit import unfit

    settings = [*(settings or []), *([f"recipe.device={device}"] if device else [])]
    experiment = changed(experiment_of(name), data, settings, task)
    if any(setting.startswith("data.path=") for setting in settings):  # typed here, rather than found in a file
        experiment = named(experiment)
    assert experiment.data
    dataset = experiment.data.load()
    if not task and (other := suited(experiment, dataset)) != experiment:
        print(f"{dataset.title} leaves only the task {other.task.kind!r}, so that is learned.", file=sys.stderr)
        experiment = other
    series = several(experiment.recipe)
    first = parts(experiment, dataset)[0] if series else experiment
    learner, store = learner_of(first, None if series else dataset), Store()  # what cannot begin leaves no run behind
    if words := unfit(first.graphs, first.task, learner.recipe, learner.dataset):
        raise VitrineError(words)
    if detach:
        _start(store, new_run(store, experiment), as_json)
        return
    run = new_run(store, experiment, status="running", **mine())
    more = {} if series else {"learner": learner, "watch": every(watch) if watch else None}
    _learn(store, run, attended(store, run, Desk(store, run), **more), as_json)


def _start(store: "Store", run: str, as_json: bool) -> None:
    """Let the run have its turn in a process of its own."""
    from engine.runs.launch import fill

    fill(store)
    print(json.dumps({"run": run}) if as_json else run)


def resume(
    run: Run,
    detach: Annotated[bool, typer.Option("--detach", help="In a process of its own.")] = False,
    as_json: Json = False,
) -> None:
    """Go on with a run that was stopped or interrupted, as if it never had been."""
    from engine.runs.desk import Desk, attended
    from engine.runs.launch import again
    from engine.runs.store import Store
    from engine.runs.tend import sweep

    store = Store()
    sweep(store)
    name = again(store, run, here=not detach)
    if detach:
        _start(store, name, as_json)
    else:
        _learn(store, name, attended(store, name, Desk(store, name)), as_json)


def runs(as_json: Json = False) -> None:
    """List all runs, the latest first."""
    from engine.runs.store import Store, public
    from engine.runs.tend import sweep

    store = Store()
    sweep(store)
    rows = [public(row) for row in store.runs()]
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    table = table_of("run", "name", "status", "step", "epoch", "seconds", "device", "error")
    for row in rows:
        numbers = (f"{row['step']:,}", f"{row['epoch']:.1f}", f"{row['seconds']:.0f}")
        table.add_row(row["run"], row["name"], row["status"], *numbers, row["device"] or "", row["error"] or "")
    console().print(table)


def command(
    run: Run,
    order: Annotated[str, typer.Argument(metavar="ORDER", help="pause, resume, step, stop or set.")],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="[N | NAME=VALUE ...]", help="Steps to take, or what to set.")
    ] = None,
) -> None:
    """Tell a run that is being learned to pause, resume, step N, stop, or set rate=0.01 and the like."""
    from engine.runs import orders
    from engine.runs.store import Store
    from engine.runs.tend import sweep
    from engine.training.settings import pairs, plain

    store = Store()
    sweep(store)
    given: Any = None
    if order == "set":
        given = pairs(values or [])
    elif values:
        given = plain(values[0]) if len(values) == 1 else values
    name = store.run(run)["run"]
    orders.tell(store, name, order, given)
    row = store.run(name)
    print(f"{name} is {row['status']} at step {row['step']:,}.")


def mend() -> None:
    """Make a damaged store anew from the runs' folders; nothing is thrown away."""
    from engine.runs.mend import mended

    print(mended()[1] or "The store is sound.")


def evaluate(run: Run, as_json: Json = False) -> None:
    """Score a run's newest weights on all its data."""
    from engine.runs.carry import classes_of, finish, reopened
    from engine.runs.store import Store

    learner = reopened(Store(), run)
    result, by_class = finish(learner), classes_of(learner)
    if as_json:
        print(json.dumps({name: result[name] for name in ("metrics", "weights_sha256")} | {"classes": by_class}))
        return
    for split, scores in result["metrics"].items():
        print(f"{split:<11}", "  ".join(f"{metric} {value:.4f}" for metric, value in scores.items()))
    if by_class:
        table = table_of("class", "precision", "recall", "taken for")
        for row in by_class:
            taken = ", ".join(f"{name} {count}" for name, count in row["taken for"].items())
            table.add_row(row["class"], f"{row['precision']:.3f}", f"{row['recall']:.3f}", taken)
        console().print(table)


def export(
    run: Run,
    to: Annotated[str, typer.Option(help="safetensors, pt, onnx or source.")] = "safetensors",
    out: Annotated[Path | None, typer.Option(help="The file; else named after the run.")] = None,
) -> None:
    """Write a run's newest weights, or its network's source, to a file."""
    from engine.runs.carry import reopened
    from engine.runs.export import export as write
    from engine.runs.store import Store

    print(write(reopened(Store(), run), to, out or Path(f"{run}.{'py' if to == 'source' else to}")))


def _learn(store: "Store", run: str, reports: "Generator[Report, None, None]", as_json: bool) -> None:
    try:
        for report in _json_lines(reports) if as_json else _with_bar(reports, run):
            if report.problem:
                raise VitrineError(report.problem, where=run)
    except KeyboardInterrupt:
        reports.close()
        if store.run(run)["status"] == "interrupted":
            store.update(run, status="stopped")
        sys.exit(f"\nStopped. `vitrine resume {run}` goes on.")
    row = store.run(run)
    if row["status"] != "done":
        sys.exit(f"{run} is {row['status']}. `vitrine resume {run}` goes on.")
    result = json.loads(row["result"])
    if as_json:
        print(json.dumps({"run": run, "status": row["status"], **result}))
    else:
        for one in result.get("sweep", ()):
            errors = (f"{split} loss {scores['loss']:.4f}" for split, scores in one["metrics"].items())
            print(f"{result['vary']} {one['value']:g}:", ", ".join(errors))
        best = "validation" if {"folds", "sweep"} & result.keys() else "test"
        scores = result["metrics"].get(best) or result["metrics"]["train"]
        print(f"{run} is done:", ", ".join(f"{metric} {value:.4f}" for metric, value in scores.items()))


def _json_lines(reports: "Iterator[Report]") -> "Iterator[Report]":
    for report in reports:
        line: dict[str, Any] = {
            "step": report.step,
            "epoch": report.epoch,
            "seconds": report.seconds,
            "rate": report.rate,
        }
        scores = {split: found for _, split, found in report.scores}  # the latest of each
        line |= {"nodes": report.watched[-1].numbers} if report.watched else {}
        print(json.dumps(line | {"loss": report.loss if report.losses else None, "scores": scores}), flush=True)
        yield report


def _with_bar(reports: "Iterator[Report]", run: str) -> "Iterator[Report]":
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(run), BarColumn(), TimeRemainingColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar, scores = progress.add_task("", total=None, said=""), ""
        for report in reports:
            for _, split, found in report.scores:
                scores = f"{split} " + " ".join(f"{metric} {value:.3f}" for metric, value in found.items())
            said = f"rate {report.rate:.2g}  loss {report.loss:.4f}  {report.examples_per_second:,.0f}/s  {scores}"
            progress.update(bar, completed=report.step, total=report.total, said=said)
            yield report


COMMANDS = (data, train, resume, runs, command, mend, evaluate, export)
