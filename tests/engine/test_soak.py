"""Five minutes of runs, browsers that come and go, and orders at random: nothing grows, nothing is left behind."""

import dataclasses
import json
import random
import time

import psutil
import pytest

from engine.errors import VitrineError
from engine.runs import orders
from engine.runs.carry import new_run
from engine.runs.launch import again
from engine.runs.store import ACTIVE, ENDED, Store
from engine.training.recipe import Recipe
from tests.engine.living import EXPERIMENT, await_run, end_all
from tests.engine.test_faults import workers
from tests.engine.test_live import Page
from tests.serving import served

SECONDS = 300
SETTLED = 100  # seconds after which nothing may grow any more
MOST_GROWTH = 40  # MiB
KINDS = ("curves", "flow", "histograms", "activations", "confusion", "predictions", "colours")


def used(pid):
    """Return memory in MiB, threads and open files of a process."""
    process = psutil.Process(pid)
    return process.memory_info().rss / 2**20, process.num_threads(), process.num_fds()


def someone_orders(store, runs, chance):
    """Give one order at random, as people do; what cannot be is refused in words."""
    run = chance.choice(runs)
    order, value = chance.choice(
        [("pause", None), ("resume", None), ("step", 5), ("set", {"rate": chance.uniform(1e-4, 1e-2)}), ("stop", None)]
    )
    try:
        if store.run(run)["status"] in ENDED:
            again(store, run)
        else:
            orders.give(store, run, order, value)
    except VitrineError as refusal:
        assert str(refusal).endswith((".", "'"))


@pytest.mark.slow
def test_nothing_grows_and_nothing_is_left_behind(home):
    chance, pages, measured = random.Random(0), [], {}
    store = Store()
    with served(home) as (address, server):
        port = int(address.rpartition(":")[2])
        experiment = dataclasses.replace(EXPERIMENT, recipe=Recipe(epochs=100_000, batch=64))
        runs = [new_run(store, experiment, minded=0) for _ in range(3)]
        began = time.monotonic()
        while (passed := time.monotonic() - began) < SECONDS:
            if chance.random() < 0.5 or len(pages) < 2:
                page = Page(port)
                for kind in chance.sample(KINDS, 4):
                    page.say(do="watch", id=kind, source=f"run:{chance.choice(runs)}", view={"kind": kind})
                pages.append(page)
            if len(pages) > 8:
                pages.pop(chance.randrange(len(pages))).door.close()
            someone_orders(store, runs, chance)
            until = time.monotonic() + 1.0
            while time.monotonic() < until:
                for page in pages:
                    try:
                        message = json.loads(page.socket.recv(timeout=0.02))
                    except TimeoutError:
                        continue
                    page.say(do="drawn", id=message["id"])
            measured[passed] = used(server.pid)
        for page in pages:
            page.door.close()
        for run in runs:
            if store.run(run)["status"] not in ENDED:
                orders.give(store, run, "stop")
        for run in runs:
            await_run(store, run, lambda row: row["status"] in ENDED)
    early = [values for passed, values in measured.items() if SETTLED < passed < SETTLED + 50]
    late = [values for passed, values in measured.items() if passed > SECONDS - 50]
    for place, (what, most) in enumerate((("memory", MOST_GROWTH), ("threads", 4), ("files", 12))):
        before, after = (sorted(v[place] for v in values)[len(values) // 2] for values in (early, late))
        print(f"{what}: {before:.0f} → {after:.0f}")
        assert after - before <= most, f"{what} grew from {before:.0f} to {after:.0f}"
    deadline = time.monotonic() + 20
    while workers() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert workers() == set()
    assert store.runs(*ACTIVE) == []
    end_all(store)
