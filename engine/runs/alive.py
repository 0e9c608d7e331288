"""Alive: whether a process is still the one that was meant; process numbers come round again."""

import contextlib
import platform
from pathlib import Path

import psutil

OVER = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def identity(pid: int) -> str | None:
    """Return this machine's name and the moment at which the process began, or None where there is none."""
    try:
        process = psutil.Process(pid)
        return None if process.status() in OVER else f"{machine()} {_beginning(process)}"
    except (psutil.NoSuchProcess, FileNotFoundError):
        return None


def _beginning(process: psutil.Process) -> str:
    """Return when a process began; by Linux's own count since it was started, which no change of the clock moves."""
    if psutil.LINUX:
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    return f"{process.create_time():.2f}"


def machine() -> str:
    """Return this machine's name, in one word."""
    return (platform.node() or "localhost").replace(" ", "-")[:80]


def here(host: str | None) -> bool:
    """Return whether an identity is of this machine."""
    return bool(host) and str(host).split(" ")[0] == machine()


def lives(pid: int | None, host: str | None) -> bool:
    """Return whether the process of this identity still runs on this machine."""
    return pid is not None and identity(pid) == host


def kill(pid: int, host: str | None) -> None:
    """End a process at once, if it still is the one that was meant."""
    if lives(pid, host):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended by itself this very moment
            psutil.Process(pid).kill()
