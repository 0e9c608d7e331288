"""Benchmarks: `python -m tests.bench NAME …` runs those named, without a name all; `--json` prints objects."""

import importlib
import json
import pkgutil
import sys

from rich.console import Console
from rich.table import Table

from tests import bench
from tests.bench.report import Report


def main() -> None:
    """Run the benchmarks that the command line names."""
    names = [argument for argument in sys.argv[1:] if argument != "--json"]
    known = sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if m.name not in ("__main__", "report"))
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"There is no benchmark {unknown[0]!r}. There are: {', '.join(known)}.")
    for name in names or known:
        report = importlib.import_module(f"tests.bench.{name}").run()
        print(json.dumps(report.write())) if "--json" in sys.argv else show(report)


def show(report: Report) -> None:
    """Print the rows as a table, then the aims and whether they are met."""
    console = Console(highlight=False)
    console.print(f"[bold]{report.name}[/] on {report.machine}")
    table = Table(box=None, pad_edge=False)
    for column in report.rows[0]:
        table.add_column(column, justify="right")
    for row in report.rows:
        table.add_row(*(f"{value:,.4g}" if isinstance(value, float) else str(value) for value in row.values()))
    console.print(table)
    for aim in report.aims:
        console.print(f"{'met   ' if aim['met'] else 'missed'} {aim['what']}: {aim['measured']:.4g}, aim {aim['aim']}")


if __name__ == "__main__":
    main()
