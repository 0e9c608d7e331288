"""Attack: strangers at every door of a real app while somebody honest looks at a network; all of it counted.

Meanwhile an honest page asks for pictures and is timed, and the app's memory is read.
"""

import contextlib
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.bench.report import Report, spread
from tests.serving import served
from tests.strangers import VIEWS, attacks


def run() -> Report:
    """Attack an app in every way, one after another, and count."""
    report = Report("attack")
    with tempfile.TemporaryDirectory() as home:
        os.environ["VITRINE_HOME"] = home
        with _learning() as (store, run), served(Path(home)) as (address, server):
            honest = Honest(address, run, server.pid)
            honest.quiet(10)
            for name, attack in attacks(address, store, run, server.pid):
                tried, wrong = honest.during(name, attack)
                report.rows.append({"what": name, "tried": tried, "wrong": sum(wrong.values())} | honest.seen(name))
                report.aim(f"{name}: wrong{''.join(f', {n} × {what}' for what, n in wrong.items())}", wrong.total(), 0)
            report.aim("honest page meanwhile, 95 %, seconds", honest.worst(), 1.0)
            report.aim("memory of the app beyond what it took before, MiB", honest.grown(), 400)
            begun = store.run(run)["step"]
            time.sleep(2)
            alive = server.poll() is None and store.run(run)["step"] > begun
            report.aim_least("app and run go on", float(alive), 1)
    return report


@contextlib.contextmanager
def _learning() -> Iterator[tuple]:
    from engine.runs import orders
    from engine.runs.store import Store
    from tests.engine.living import begun

    store = Store()
    run = begun(store)
    yield store, run
    orders.tell(store, run, "stop", patience=60)


class Honest:
    """A page that looks at a run all the while: asks for a view newly, again and again, and is timed."""

    def __init__(self, address: str, run: str, pid: int):
        self.address, self.run, self.pid = address, run, pid
        self.times: dict[str, list[float]] = {}
        self.memory: dict[str, float] = {}

    def quiet(self, seconds: float) -> None:
        """Look for a while at peace."""
        self.during("nothing", lambda: (time.sleep(seconds), (0, Counter()))[1])

    def during(self, name: str, attack: Callable[[], tuple[int, Counter]]) -> tuple[int, Counter]:
        """Attack, and look meanwhile."""
        self.times[name], self.memory[name] = [], 0.0
        over = threading.Event()
        looking = threading.Thread(target=self._look, args=(name, over))
        looking.start()
        try:
            return attack()
        finally:
            time.sleep(1)
            over.set()
            looking.join()

    def _look(self, name: str, over: threading.Event) -> None:
        from tests.engine.test_live import Page

        turn, page = 0, Page(int(self.address.rpartition(":")[2]))
        while not over.is_set():
            kind = VIEWS[turn % len(VIEWS)]
            turn += 1
            began = time.perf_counter()
            page.say(do="watch", id=f"{kind}{turn}", source=f"run:{self.run}", view={"kind": kind})
            page.hear(f"{kind}{turn}")
            self.times[name].append(time.perf_counter() - began)
            page.say(do="drop", id=f"{kind}{turn}")
            self.memory[name] = max(self.memory[name], _memory(self.pid))
            time.sleep(0.1)
        page.door.close()

    def seen(self, name: str) -> dict[str, float]:
        """Return how long the page waited, and how large the app was."""
        return spread(self.times[name] * 2) | {"app MiB": self.memory[name]}

    def worst(self) -> float:
        """Return the 95th percentile of waiting, of the part in which it was largest."""
        return max(spread(times * 2)["95 % ms"] for name, times in self.times.items() if name != "nothing") / 1000

    def grown(self) -> float:
        """Return how much larger the app became than it was at peace."""
        return max(self.memory.values()) - self.memory["nothing"]


def _memory(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / 2**20
