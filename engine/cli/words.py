"""What the commands share: their arguments, and tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from engine.errors import VitrineError

if TYPE_CHECKING:
    from engine.training.experiment import Experiment

PROSE = ("what it is", "what it does", "options", "taken for")
NARROWEST = 140  # numbers are never cut, whatever the terminal says of its width

Named = Annotated[str, typer.Argument(metavar="NAME|FILE.json", help="A preset's name, or an experiment's file.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's name, or its beginning.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def experiment_of(name: str) -> "Experiment":
    """Return the preset of this name, or the experiment in this file."""
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


def named(experiment: "Experiment") -> "Experiment":
    """Return the experiment with the path of its data made whole and allowed: whoever types a command may name any."""
    import dataclasses

    from engine.data.places import permit

    data, path = experiment.data, getattr(experiment.data, "path", "")
    return dataclasses.replace(experiment, data=data.but(path=permit(path))) if data and path else experiment


def console() -> Console:
    """Return a console wide enough for tables of numbers."""
    width = Console().width
    return Console(width=max(width, NARROWEST), highlight=False, markup=False, emoji=False)


def table_of(*columns: str) -> Table:
    """Return an empty table with these columns, numbers to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    numeric = ("weights", "neurons", "connections", "multiply-adds")
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", no_wrap=column not in PROSE)
    return table
