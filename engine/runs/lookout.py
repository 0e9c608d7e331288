"""Lookout: computes what somebody watches, within a share of the worker's time."""

import time

from engine.runs import frames
from engine.runs.pulses import Pulses
from engine.runs.record import StoredRecord
from engine.runs.store import Store
from engine.training.learner import Learner
from engine.views import Session, View
from engine.views.view import frame_of, read

BUDGET = 0.035  # of the time, for all that is watched; with the pulses that stay, 5 % in all
CREDIT = 0.08  # seconds that may be saved up
LEASE = 12.0  # seconds after which a watch that nobody renews is over


class Lookout:
    """What is watched of one run, and how much time is left to look."""

    def __init__(self, store: Store, run: str, learner: Learner, pulses: Pulses):
        self.store, self.run, self.learner, self.pulses = store, run, learner, pulses
        self.record = StoredRecord(store, run)
        self.views: dict[str, View] = {}
        self.renewed: dict[str, tuple[int, float]] = {}  # by watch: its count, and when that was new
        self.shown: dict[str, tuple[int, float]] = {}  # by watch: the step of its last frame, and when
        self.credit, self.at = CREDIT, time.monotonic()

    def take(self, watched: dict[str, tuple[dict, int]]) -> None:
        """Take in what is watched now; a watch that is not renewed for a while is over."""
        now = time.monotonic()
        for watch, (options, count) in watched.items():
            if self.renewed.get(watch, (-1, 0.0))[0] != count:
                self.renewed[watch] = count, now
            if watch not in self.views:
                self.views[watch] = read(options)
        for watch in list(self.views):
            if watch not in watched or now - self.renewed[watch][1] > LEASE:
                del self.views[watch]
                self.shown.pop(watch, None)

    def look(self, rests: bool = False) -> None:
        """Compute what is due: what is new at once, the rest in turn while there is time; all of it while at rest."""
        now, step = time.monotonic(), self.learner.step
        self.credit = min(CREDIT, self.credit + BUDGET * (now - self.at))
        self.at = now
        due = [w for w, v in self.views.items() if v.reads == "network" and self.shown.get(w, (-1, 0.0))[0] != step]
        due.sort(key=lambda watch: self.shown.get(watch, (0, 0.0))[1])
        session = Session(self.learner.experiment, step, self.record, self.learner)
        bodies: dict[str, bytes] = {}
        for watch in due:
            if watch in self.shown and not rests and self.credit - (time.monotonic() - now) <= 0:
                break
            bodies[watch] = frame_of(self.views[watch], session).pack()
            self.shown[watch] = step, time.monotonic()
        if bodies:
            frames.put(self.store, self.run, step, bodies)
        self.credit -= 0 if rests else time.monotonic() - now
        self._ask_for_pulses(rests)

    def _ask_for_pulses(self, rests: bool) -> None:
        """Let the next step be watched in every node, where somebody looks at that and there is time."""
        self.credit -= self.pulses.took
        self.pulses.took = 0.0
        wanted = any(view.pulses for view in self.views.values())
        self.pulses.asked = wanted and (rests or self.credit > 0)
