"""The real app and a real browser, for browser tests and benchmarks."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.applications import Starlette
from starlette.routing import BaseRoute

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 90.0  # seconds that anything may take: no test is about time, and machines may be shared
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a camera that shows a clock
]


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(
    home: Path | None = None, host: str = "127.0.0.1", port: int = 0, cwd: Path = ROOT, **variables: str
) -> Iterator[tuple[str, subprocess.Popen]]:
    """Start the app as people start it; yield its address and its process; end it by its process id."""
    address = f"http://127.0.0.1:{(port := port or free_port())}"
    command = [sys.executable, "-m", "engine", "app", f"--port={port}", f"--host={host}"]
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as fresh:
        environment = os.environ | {"VITRINE_HOME": str(home or fresh)} | variables
        server = subprocess.Popen(command, cwd=cwd, stdout=log, stderr=log, env=environment)
        try:
            _wait(address, server)
            yield address, server
        finally:
            server.terminate()
            server.wait(PATIENCE)
            log.seek(0)
            print(log.read().decode(errors="replace"))  # where a test failed, it is shown


@contextmanager
def listening(*routes: BaseRoute, **more: Any) -> Iterator[int]:
    """Serve these routes in a thread of this process; yield the port."""
    port, app = free_port(), Starlette(routes=routes, **more)
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join(10)


def _wait(address: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert server.poll() is None, "the app ended before it answered"
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
            return
        except urllib.error.HTTPError:  # it answers, to those who were invited
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the app did not answer")


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium: an installed one where there is one, else Playwright's own."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield chromium
        chromium.close()


def full_speed(page: Page) -> None:
    """Let the next run learn as fast as it can, rather than as slowly as is good to watch."""
    page.get_by_role("combobox", name="Speed").select_option("")
    settled(page)


def settled(page: Page) -> None:
    """Wait until the page's script has run to its end and the diagram is drawn."""
    page.wait_for_timeout(200)  # a click takes a moment to reach the server; people are slower than that
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_selector('[data-testid="diagram"] .box')
