"""Live: what watching costs a run, how soon orders and frames arrive, a hundred browsers, a million steps."""

import asyncio
import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.report import Report, spread
from tests.serving import served

SIX = ("curves", "flow", "histograms", "activations", "confusion", "predictions")
ROUNDS, STRETCH = 4, 6.0  # how often, and for how many seconds, training is timed each way
BROWSERS = 100
MANY, FEW = 1_000_000, 1_000


def run() -> Report:
    """Measure all of it, each with real processes."""
    report = Report("live")
    with tempfile.TemporaryDirectory() as home, _at_home(home):
        _watched(report)
        _orders(report)
        _hundred(report, Path(home))
        _million(report, Path(home))
    return report


@contextlib.contextmanager
def _at_home(home: str) -> Iterator[None]:
    before = os.environ.get("VITRINE_HOME")
    os.environ["VITRINE_HOME"] = home
    yield
    if before is None:
        del os.environ["VITRINE_HOME"]
    else:
        os.environ["VITRINE_HOME"] = before


@contextlib.contextmanager
def _learning(preset: str, data: str, **options) -> Iterator[tuple]:
    """Yield a store and a run that learns in a worker of its own, for as long as is needed."""
    from engine.data import DATASETS
    from engine.presets import PRESETS
    from engine.runs import orders
    from engine.runs.carry import new_run
    from engine.runs.launch import fill
    from engine.runs.store import Store
    from engine.training.recipe import Recipe

    store = Store()
    experiment = dataclasses.replace(
        PRESETS[preset].experiment(), data=DATASETS[data](), recipe=Recipe(**{"epochs": 100_000.0} | options)
    )
    run = new_run(store, experiment)
    fill(store)
    while store.run(run)["step"] == 0:
        time.sleep(0.05)
    time.sleep(2)
    yield store, run
    orders.tell(store, run, "stop", patience=30)


def _pace(store, run: str, seconds: float) -> float:
    """Return the steps a second by the clock on the wall, whatever the run itself counts."""
    first, began = store.run(run)["step"], time.perf_counter()
    time.sleep(seconds)
    return (store.run(run)["step"] - first) / (time.perf_counter() - began)


def _watched(report: Report) -> None:
    """Time a run with six views watched and with none, in turn."""
    from engine.runs import frames

    for preset, data in (("lenet-5", "digits"), ("mlp-784-100-10", "digits")):
        with _learning(preset, data) as (store, run):
            paces: dict[bool, list[float]] = {True: [], False: []}
            for _ in range(ROUNDS):
                for watched in (False, True):
                    over = threading.Event()
                    keeper = threading.Thread(target=_keep_watching, args=(store, run, over))
                    if watched:
                        keeper.start()
                        time.sleep(1.5)
                    paces[watched].append(_pace(store, run, STRETCH))
                    over.set()
                    if watched:
                        keeper.join()
                        for kind in SIX:
                            frames.leave(store, run, frames.watch_of({"kind": kind}))
                        time.sleep(1.0)
            ratio = statistics.median(w / n for w, n in zip(paces[True], paces[False], strict=True))
            alone, seen = statistics.median(paces[False]), statistics.median(paces[True])
            what = f"{preset}: steps a second, nobody watching | six views"
            report.rows.append({"what": what, "median ms": alone, "95 % ms": seen})
            report.aim_least(f"{preset}: six views watched ÷ nobody watching", ratio, 0.95)


def _keep_watching(store, run: str, over: threading.Event) -> None:
    from engine.runs import frames

    while True:
        for kind in SIX:
            frames.renew(store, run, {"kind": kind})
        if over.wait(3.0):
            return


def _orders(report: Report) -> None:
    """Time how soon a run acknowledges an order."""
    from engine.runs import orders

    with _learning("lenet-5", "digits") as (store, run):
        times = []
        for turn in range(40):
            began = time.perf_counter()
            orders.tell(store, run, "set", {"rate": 0.001 + turn * 1e-6})
            times.append(time.perf_counter() - began)
            time.sleep(0.05)
    report.rows.append({"what": "order given → acknowledged"} | spread(times))
    report.aim("order acknowledged, 95 %, seconds", spread(times)["95 % ms"] / 1000, 0.1)


def _hundred(report: Report, home: Path) -> None:
    """Time a run that a hundred browsers watch, and how late their frames are."""
    with _learning("lenet-5", "digits") as (store, run), served(home) as (address, _):
        time.sleep(5)
        alone = [_pace(store, run, STRETCH)]
        crowd = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.live", address, run, str(3 * STRETCH + 4)],
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(4)
        together = [_pace(store, run, STRETCH) for _ in range(2)]
        late = json.loads(crowd.communicate(timeout=120)[0])
        time.sleep(2)
        alone.append(_pace(store, run, STRETCH))
    ratio = statistics.median(together) / statistics.median(alone)
    report.rows.append({"what": f"frame made → received by each of {BROWSERS}"} | spread(late))
    report.aim_least(f"training watched by {BROWSERS} browsers ÷ nobody watching", ratio, 0.9)
    report.aim(f"{BROWSERS} browsers: frames late, 95 %, seconds", spread(late)["95 % ms"] / 1000, 1.0)


async def _crowd(address: str, run: str, seconds: float) -> list[float]:
    """Be a hundred browsers that look at six views; return how late each frame was."""
    import websockets

    late: list[float] = []
    begin = time.time()

    async def browser() -> None:
        async with websockets.connect(address.replace("http", "ws") + "/live", origin=address) as socket:
            for kind in SIX:
                message = {"do": "watch", "id": kind, "source": f"run:{run}", "view": {"kind": kind}}
                await socket.send(json.dumps(message))
            while time.time() < begin + seconds:
                try:
                    text = await asyncio.wait_for(socket.recv(), 1)
                except TimeoutError:
                    continue
                now, head = time.time(), text[:200]
                if '"made":' not in head:  # the app's name, which comes first
                    continue
                name = head.split('"id":"', 1)[1].split('"', 1)[0]
                made = float(head.split('"made":', 1)[1].split(",", 1)[0])
                if now > begin + 3:  # what lay ready when they came is not late
                    late.append(now - made)
                await socket.send(json.dumps({"do": "drawn", "id": name}))

    await asyncio.gather(*(browser() for _ in range(BROWSERS)))
    return late


def _million(report: Report, home: Path) -> None:
    """Learn a million steps, and open the curves of that run and of a short one."""
    from engine.data import DATASETS
    from engine.graph.chain import chain
    from engine.layers.activation import Tanh
    from engine.layers.dense import Dense
    from engine.layers.entry import Input
    from engine.live.past import Past
    from engine.looking import Session
    from engine.runs.carry import carry_out, new_run
    from engine.runs.store import Store, folder
    from engine.training.experiment import Experiment
    from engine.training.recipe import Recipe
    from engine.views import VIEWS

    network = chain(points=Input(sizes=(2,)), hidden=Dense(units=8), tanh=Tanh(), out=Dense(units=2))
    store, past = Store(), Past(Store())
    sizes, times = {}, {}
    for steps in (FEW, MANY):
        recipe = Recipe(steps=steps, epochs=None, batch=20)
        before = _bytes(home, "vitrine.db*")
        run = new_run(store, Experiment("points", {"network": network}, DATASETS["points"](), recipe=recipe))
        began = time.perf_counter()
        for _ in carry_out(store, run):
            pass
        row = {"what": f"{steps:,} steps of a 2–8–2 network: steps a second, and checkpoints in MiB"}
        kept = _bytes(folder(run), "checkpoints/*") / 2**20
        report.rows.append(row | {"median ms": steps / (time.perf_counter() - began), "95 % ms": kept})
        sizes[steps] = (_bytes(home, "vitrine.db*") - before) / 1e6
        view, found = VIEWS["curves"](), []
        for _ in range(15):
            began = time.perf_counter()
            view.draw(view.compute(Session(past.experiment(f"run:{run}"), 2**62, past.record(run))))
            found.append(time.perf_counter() - began)
        times[steps] = spread(found)
        report.rows.append({"what": f"curves of {steps:,} steps opened"} | times[steps])
    report.aim("store grows by a million steps, MB", sizes[MANY], 50)
    ratio = times[MANY]["median ms"] / times[FEW]["median ms"]
    report.aim("curves of a million steps ÷ of a thousand", ratio, 2.0)


def _bytes(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_crowd(sys.argv[1], sys.argv[2], float(sys.argv[3])))))
