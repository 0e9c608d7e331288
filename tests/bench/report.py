"""What a benchmark reports."""

import os
import platform
import statistics
from dataclasses import asdict, dataclass, field
from typing import Any


def machine() -> str:
    """Return what this machine is, as far as it matters to speed."""
    return f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}"


@dataclass
class Report:
    """Rows of measurements, and the aims they are held against."""

    name: str
    machine: str = field(default_factory=machine)
    rows: list[dict[str, Any]] = field(default_factory=list)
    aims: list[dict[str, Any]] = field(default_factory=list)

    def aim(self, what: str, measured: float, most: float) -> None:
        """Hold a measurement against the most that it should be."""
        self.aims.append({"what": what, "aim": f"≤ {most:g}", "measured": measured, "met": measured <= most})

    def aim_least(self, what: str, measured: float, least: float) -> None:
        """Hold a measurement against the least that it should be."""
        self.aims.append({"what": what, "aim": f"≥ {least:g}", "measured": measured, "met": measured >= least})

    def write(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def spread(times: list[float]) -> dict[str, float]:
    """Return the median and the 95th percentile, in milliseconds."""
    return {
        "median ms": 1000 * statistics.median(times),
        "95 % ms": 1000 * statistics.quantiles(times, n=20)[-1],
    }
