"""The command `vitrine`: the engine without a browser. Torch is imported by the commands that need it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.cli import looking, networks, training
from engine.errors import VitrineError
from engine.home import home as kept

cli = typer.Typer(
    help="Vitrine: build, train and look into neural networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (*networks.COMMANDS, *training.COMMANDS, *looking.COMMANDS):
    cli.command()(command)


def main() -> None:
    """Run the command; what a person can cure ends in a sentence and exit code 1."""
    try:
        cli()
    except VitrineError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), markup=False)
        sys.exit(1)


@cli.command()
def app(
    port: Annotated[int | None, typer.Option(help="The port; else 8501, or the next free one.")] = None,
    host: Annotated[str, typer.Option(help="Where to listen; others reach you at 0.0.0.0.")] = "localhost",
) -> None:
    """Start Vitrine for browsers, and print its address."""
    os.environ["VITRINE_HOME"] = str(kept())  # the server begins in another folder
    engine = Path(__file__).resolve().parents[1]
    home = next(folder for folder in (engine / "site", engine.parent) if (folder / "app.py").exists())
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.address={host}"]
    command += [f"--server.port={port}"] if port else []
    if os.name == "posix":  # become the server, so that whoever ends this process ends it
        os.chdir(home)
        os.execv(sys.executable, command)
    sys.exit(subprocess.run(command, cwd=home).returncode)
