"""Alive: whether a process is still the one that was meant; process numbers come round again."""

import os
import platform
import signal
import subprocess
from pathlib import Path


def identity(pid: int) -> str | None:
    """Return this machine's name and the moment at which the process began, or None where there is none."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        state, began = words[0], words[19]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        state, began = _by_ps(pid)
    except ProcessLookupError:
        return None
    return None if state[:1] in ("Z", "X", "") else f"{machine()} {began}"


def _by_ps(pid: int) -> tuple[str, str]:
    """Return state and beginning where there is no /proc."""
    shown = subprocess.run(["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True).stdout
    state, _, began = shown.strip().partition(" ")
    return state, began.strip()


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
        os.kill(pid, signal.SIGKILL)
