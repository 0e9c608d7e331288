"""The command `vitrine`: the engine without a browser. Torch is imported by the commands that need it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from engine.errors import VitrineError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from engine.runs.store import Store
    from engine.training.experiment import Experiment
    from engine.training.loop import Report

PROSE = ("what it is", "what it does", "options")
NARROWEST = 140  # numbers are never cut, whatever the terminal says of its width

cli = typer.Typer(
    help="Vitrine: build, count and look into neural networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Named = Annotated[str, typer.Argument(metavar="NAME|FILE.json", help="A preset's name, or an experiment's file.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's name, or its beginning.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """Run the command; what a person can cure ends in a sentence and exit code 1."""
    try:
        cli()
    except VitrineError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), markup=False)
        sys.exit(1)


@cli.command()
def presets() -> None:
    """List the networks that ship with Vitrine."""
    from engine.graph.cost import cost
    from engine.presets import by_size

    table = _table("name", "weights", "what it is")
    for name, preset in by_size():
        table.add_row(name, f"{cost(preset.make()).total.weights:,}", f"{preset.title}. {preset.about}")
    _console().print(table)


@cli.command()
def layers() -> None:
    """List the kinds of layer, and the options of each."""
    from engine.layers import LAYERS

    table = _table("kind", "options", "what it does")
    for kind, layer in sorted(LAYERS.items(), key=lambda item: item[1].family):
        if layer.family not in ("entry", "block"):
            table.add_row(kind, ", ".join(option.name for option in layer.options()), layer.help())
    _console().print(table)


@cli.command()
def describe(name: Named, as_json: Json = False) -> None:
    """Count weights, neurons, connections, operations and memory, layer by layer."""
    from engine.graph import cost
    from engine.graph.trace import trace

    experiment = _experiment(name)
    graph = experiment.graph
    for problem in (found := trace(graph)).problems:
        Console(stderr=True, highlight=False, soft_wrap=True).print(problem.text, markup=False)
    if not found.sound:
        sys.exit(1)
    described = cost.describe(graph, experiment.name)
    if as_json:
        print(json.dumps(described))
    else:
        _print_description(described)


@cli.command()
def code(name: Named) -> None:
    """Print the network as one PyTorch file."""
    from engine.graph.source import source

    experiment = _experiment(name)
    print(source(experiment.graph, experiment.name), end="")


@cli.command()
def data(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A dataset's name.")] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch its files, where they are not here.")] = False,
) -> None:
    """List the datasets, or load one and say what it holds."""
    from engine.data import DATASETS

    if name is None:
        table = _table("name", "here", "options", "what it is")
        for kind, source in DATASETS.items():
            options = ", ".join(option.name for option in source.options())
            here = "yes" if source().here() else "to be fetched" if source.fetched else "by its path"
            table.add_row(kind, here, options, source.help())
        _console().print(table)
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
    print(f"{len(found.classes)} classes: {' '.join(found.classes)}" if found.classes else "a number to be learned")


@cli.command()
def train(
    name: Named,
    data: Annotated[str | None, typer.Option(help="The dataset to learn from.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="recipe.rate=0.01, data.number=500, task.smoothing=0.1")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    watch: Annotated[
        float | None, typer.Option(help="With --json: every so many seconds, what a step did in each node.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Learn an experiment; Ctrl+C leaves a run that `vitrine resume` continues."""
    from engine.runs.carry import carry_out, learner_of, new_run
    from engine.runs.folds import carry_folds
    from engine.runs.store import Store
    from engine.training.settings import changed

    settings = [*(settings or []), *([f"recipe.device={device}"] if device else [])]
    experiment = changed(_experiment(name), data, settings)
    learner, store = learner_of(experiment), Store()  # what cannot begin leaves no run behind
    run = new_run(store, experiment)
    if experiment.recipe.folds:
        _learn(store, run, carry_folds(store, run), as_json)
    else:
        _learn(store, run, carry_out(store, run, learner=learner, watch=watch), as_json)


@cli.command()
def resume(run: Run, as_json: Json = False) -> None:
    """Go on with a run that was stopped or interrupted, as if it never had been."""
    from engine.runs.carry import carry_out
    from engine.runs.folds import carry_folds
    from engine.runs.store import Store
    from engine.training.experiment import load

    store = Store()
    row = store.run(run)
    if row["status"] == "done":
        raise VitrineError(f"{row['run']} is done.", cure="Train its experiment again, with more epochs.")
    folds = load(row["experiment"]).recipe.folds
    fold = load(row["experiment"]).recipe.fold
    reports = carry_folds(store, row["run"]) if folds and fold is None else carry_out(store, row["run"], resume=True)
    _learn(store, row["run"], reports, as_json)


@cli.command()
def runs(as_json: Json = False) -> None:
    """List all runs, the latest first."""
    from engine.runs.store import Store, public

    rows = [public(row) for row in Store().runs()]
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    table = _table("run", "name", "status", "step", "epoch", "seconds", "device", "error")
    for row in rows:
        numbers = (f"{row['step']:,}", f"{row['epoch']:.1f}", f"{row['seconds']:.0f}")
        table.add_row(row["run"], row["name"], row["status"], *numbers, row["device"] or "", row["error"] or "")
    _console().print(table)


@cli.command()
def evaluate(run: Run, as_json: Json = False) -> None:
    """Score a run's newest weights on all its data."""
    from engine.runs.carry import finish, reopened
    from engine.runs.store import Store

    result = finish(reopened(Store(), run))
    if as_json:
        print(json.dumps({name: result[name] for name in ("metrics", "weights_sha256")}))
        return
    for split, scores in result["metrics"].items():
        print(f"{split:<11}", "  ".join(f"{metric} {value:.4f}" for metric, value in scores.items()))


@cli.command()
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
    result = json.loads(row["result"])
    if as_json:
        print(json.dumps({"run": run, "status": row["status"], **result}))
    else:
        best = "validation" if "folds" in result else "test"
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
        line |= {"nodes": report.watched} if report.watched else {}
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


@cli.command()
def app(
    port: Annotated[int | None, typer.Option(help="The port; else 8501, or the next free one.")] = None,
    host: Annotated[str, typer.Option(help="Where to listen; others reach you at 0.0.0.0.")] = "localhost",
) -> None:
    """Start Vitrine for browsers, and print its address."""
    home = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.address={host}"]
    command += [f"--server.port={port}"] if port else []
    if os.name == "posix":  # become the server, so that whoever ends this process ends it
        os.chdir(home)
        os.execv(sys.executable, command)
    sys.exit(subprocess.run(command, cwd=home).returncode)


def _experiment(name: str) -> "Experiment":
    from engine.presets import PRESETS
    from engine.training.experiment import MOST_BYTES, load

    path = Path(name)
    if path.suffix != ".json" and not path.exists():
        return PRESETS[name].experiment()
    try:
        if path.stat().st_size > MOST_BYTES:
            raise VitrineError(f"{name} has {path.stat().st_size:,} bytes: at most {MOST_BYTES:,} fit.")
        return load(path.read_bytes())
    except OSError as error:
        raise VitrineError(f"{name} cannot be read: {(error.strerror or 'unknown reason').lower()}.") from None


def _print_description(described: dict[str, Any]) -> None:
    counts = ("weights", "neurons", "connections", "multiply_adds")
    table = _table("node", "kind", "shape", *(count.replace("_", "-") for count in counts), "sees")
    for node in described["nodes"]:
        field = node["receptive_field"]
        sees = "×".join(map(str, field["size"])) if field else ""
        numbers = (f"{node[count]:,}" if node[count] else "" for count in counts)
        table.add_row(node["id"], node["kind"], "×".join(map(str, node["shape"])), *numbers, sees)
    table.add_section()
    total = described["totals"]
    table.add_row(described["name"], "", "", *(f"{total[count]:,}" for count in counts), "")
    _console().print(table)
    print(
        f"{total['weights_without_biases']:,} weights without biases; "
        f"{total['connections_with_biases']:,} connections with biases; "
        f"{total['memory_bytes'] / 2**20:,.2f} MiB"
    )


def _console() -> Console:
    width = Console().width
    return Console(width=max(width, NARROWEST), highlight=False)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    numeric = ("weights", "neurons", "connections", "multiply-adds")
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", no_wrap=column not in PROSE)
    return table
