"""House: what one app needs to keep runs going and browsers informed, started once."""

import functools
import threading
import time
import traceback
from collections.abc import Collection, Sequence
from typing import Any

from engine.errors import VitrineError
from engine.live.hub import Hub
from engine.live.limits import begin_one
from engine.live.route import Live
from engine.live.visitor import HOST, Visitor
from engine.runs import orders
from engine.runs.carry import branch, new_run
from engine.runs.launch import Launcher, again, fill, make_way
from engine.runs.mend import mended
from engine.runs.store import ACTIVE, result_of
from engine.runs.tend import Watchman
from engine.training.experiment import Experiment, load
from engine.training.recipe import longer

ROUND = 1.0  # seconds between two rounds
LEFT = 15.0  # seconds without a look after which nobody looks at a run any more
Beforehand = Sequence[tuple[str, Any]]  # orders and their values


class House:
    """The store, the hub, the launcher, and a thread that goes its rounds."""

    def __init__(self) -> None:
        self.store, said = mended()
        if said:
            print(said, flush=True)
        self.hub, self.launcher, self.watchman = Hub(self.store), Launcher(), Watchman(self.store)
        self.live = Live(self.hub)
        self.seen: dict[str, float] = {}  # runs, and when they were last looked at
        self.opened = time.monotonic()
        self.over = threading.Event()
        self.began = False
        self.rounds = threading.Thread(target=self._go_rounds, daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self.began = True
        self.launcher.prepare()
        self.hub.start()
        self.rounds.start()

    def close(self) -> None:
        """End what serves browsers; runs go on."""
        self.over.set()
        if not self.began:
            return
        self.rounds.join(10)
        self.hub.close()
        self.launcher.close()

    def _go_rounds(self) -> None:
        while not self.over.wait(ROUND):
            try:
                seen = self._seen()
                self.watchman.look(seen)
                make_way(self.store, seen)
                fill(self.store, self.launcher)
                self.launcher.prepare()
            except VitrineError as error:  # a full disk, a database away: the next round may find it mended
                print(error, flush=True)
            except Exception:  # one bad round must not leave all runs untended; the log has it
                traceback.print_exc()

    def _seen(self) -> Collection[str]:
        """Return the runs that were on somebody's page not long ago: who reloads it has not left."""
        now = time.monotonic()
        self.seen |= dict.fromkeys(self.hub.looked_at, now)
        self.seen = {run: at for run, at in self.seen.items() if now - at < LEFT}
        if now - self.opened < LEFT:  # pages that were open under the app before are still to come
            return {row["run"] for row in self.store.runs(*ACTIVE, "queued")}
        return self.seen

    def train(self, experiment: Experiment, beforehand: Beforehand = (), visitor: Visitor = HOST) -> str:
        """Begin a run, or let it wait for its turn; it ends itself when no app is there for long.

        Orders given beforehand are carried out before its first step.
        """
        begin_one(self.store, visitor)
        run = new_run(self.store, experiment, minded=0, owner=visitor.mark)
        return self._begin(run, beforehand)

    def branch(
        self,
        parent: str,
        step: int,
        experiment: Experiment,
        beforehand: Beforehand = (),
        visitor: Visitor = HOST,
        diary: str = "",
    ) -> str:
        """Begin a run that goes on from another one's checkpoint; what is said to its diary stands at that step."""
        begin_one(self.store, visitor)
        run = branch(self.store, parent, step, experiment, minded=0, owner=visitor.mark)
        if diary:
            self.store.note(run, self.store.run(run)["parent_step"], diary)
        return self._begin(run, beforehand)

    def again(self, run: str, visitor: Visitor = HOST, beforehand: Beforehand = ()) -> str:
        """Let a run go on that ended early; one that is done goes on for as long again."""
        row = self.store.run(run)
        visitor.check(row)
        begin_one(self.store, visitor)
        if row["status"] == "done":
            if (result_of(row) or {}).get("settled"):
                raise VitrineError("It has come to rest: a whole pass makes no mistake, so nothing is left to learn.")
            ends = longer(load(row["experiment"]).recipe, row)
            beforehand = (*beforehand, *([("set", ends)] if ends else []))
        return self._begin(again(self.store, row["run"], longer=True, beforehand=beforehand))

    def _begin(self, run: str, beforehand: Beforehand = ()) -> str:
        for command, value in beforehand:
            orders.enter(self.store, run, command, value)
        fill(self.store, self.launcher)
        return run


made = functools.cache(House)
serves = threading.Event()  # set where browsers are served, rather than pages tried out
_making = threading.Lock()  # a first visitor may come while the app still warms up


def house() -> House:
    """Return the one house of this process; where browsers are served, it has begun to serve."""
    with _making:
        found = made()
        if serves.is_set() and not found.began:
            found.start()
        return found
