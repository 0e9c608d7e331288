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
    from engine.training.experiment import Experiment

PROSE = ("what it is", "what it does", "options")
NARROWEST = 140  # numbers are never cut, whatever the terminal says of its width

cli = typer.Typer(
    help="Vitrine: build, count and look into neural networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Named = Annotated[str, typer.Argument(metavar="NAME|FILE.json", help="A preset's name, or an experiment's file.")]
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
