"""Lookout: computes what somebody watches, within a share of the worker's time."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from engine.looking import Frame, Session, View
from engine.looking.view import staged
from engine.runs import frames
from engine.runs.pulses import Pulses
from engine.runs.record import StoredRecord
from engine.runs.store import Store
from engine.training.learner import Learner
from engine.views.reading import read

BUDGET = 0.035  # of the time, for all that is watched; with the pulses that stay, 5 % in all
CREDIT = 0.08  # seconds that may be saved up in all,
OWN = 0.004  # and by one watch for itself
LEAST = 0.001  # seconds: what takes less counts as that
DEBT = -1.0  # seconds that are owed at most, after a piece that took long
PULSES = "pulses"  # has a share like a watch, where somebody looks at what steps do
LEASE = 12.0  # seconds after which a watch that nobody renews is over


@dataclass(frozen=True)
class Shown:
    """Of which step a watch's last frame was, when, and whether it was ever shown whole."""

    step: int
    at: float
    whole: bool


NEW = Shown(-1, 0.0, False)


class Lookout:
    """What is watched of one run, and how much time is left to look."""

    def __init__(self, store: Store, run: str, learner: Learner, pulses: Pulses):
        self.store, self.run, self.learner, self.pulses = store, run, learner, pulses
        self.record = StoredRecord(store, run)
        self.views: dict[str, View] = {}
        self.renewed: dict[str, tuple[int, float]] = {}  # by watch: its count, and when that was new
        self.shown: dict[str, Shown] = {}  # by watch: its last frame
        self.under_way: dict[str, tuple[int, Iterator[Frame]]] = {}  # by watch: the step, and the pieces to come
        self.costs: dict[str, float] = {}  # by watch: seconds that it took last
        self.own: dict[str, float] = {}  # by watch: seconds of its share that it has not used, or owes
        self.credit, self.at = CREDIT, time.monotonic()  # seconds that are left over, for whoever waits longest

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
                self.under_way.pop(watch, None)
                self.own.pop(watch, None)
                self.costs.pop(watch, None)

    def look(self, rests: bool = False) -> bool:
        """Compute what is due: what is new at once, the rest in turn while there is time; all of it while at rest.

        What takes long is computed piece by piece; return whether pieces are left.
        """
        now, step = time.monotonic(), self.learner.step
        self._share(now)
        due = [w for w, v in self.views.items() if v.reads == "network" and self._seen(w)[0] != step]
        due.sort(key=lambda watch: self._seen(watch)[1])
        session = Session(self.learner.experiment, step, self.record, self.learner)
        bodies: dict[int, dict[str, bytes]] = {}
        looked: list[str] = []
        for watch in due:
            beside = self._abreast(watch, due)
            if watch in self.shown and not rests and not (set(beside) & set(looked) or all(map(self._may, beside))):
                continue
            began = time.monotonic()
            at, frame = self._piece(watch, session)
            if frame.whole or not self.shown.get(watch, NEW).whole:  # what was whole stays until it is whole again
                bodies.setdefault(at, {})[watch] = frame.pack()
            looked.append(watch)
            self._pay(watch, 0.0 if rests else time.monotonic() - began)
        began = time.monotonic()
        for at, found in bodies.items():
            frames.put(self.store, self.run, at, found)
        each = 0.0 if rests else (time.monotonic() - began) / max(1, len(looked))
        for watch in looked:
            self._pay(watch, each, more=True)
        self._ask_for_pulses(rests)
        return bool(self.under_way)

    def _share(self, now: float) -> None:
        """Give every watch a part of the time that may be taken since, a larger one to what is quick; what one cannot
        use, others may. So what is quick is seen often, however long others take.
        """
        waiting = [watch for watch, view in self.views.items() if view.reads == "network"]
        waiting += [PULSES] if self._wants_pulses else []
        weights = {watch: 1 / max(LEAST, self.costs.get(watch, 0.0)) for watch in waiting}
        given, whole, self.at = BUDGET * (now - self.at), sum(weights.values()), now
        left = 0.0 if waiting else given
        for watch, weight in weights.items():
            has = self.own.get(watch, 0.0) + given * weight / whole
            self.own[watch] = min(OWN, has)
            left += max(0.0, has - OWN)
        self.credit = min(CREDIT, self.credit + left)

    def _abreast(self, watch: str, due: list[str]) -> list[str]:
        """Return the watches that are due and are to show the same step as this one, which is among them."""
        if not self.views[watch].abreast:
            return [watch]
        return [other for other in due if self.views[other].abreast]

    def _may(self, watch: str) -> bool:
        """Return whether there is time left for a watch: of its own, or of nobody's."""
        return self.own.get(watch, 0.0) > 0 or self.credit > 0

    def _pay(self, watch: str, took: float, more: bool = False) -> None:
        """Take what somebody has used from their own share, or where that is used up from what is left over."""
        if took > 0:
            self.costs[watch] = took + more * self.costs.get(watch, 0.0)
        if self.own.get(watch, 0.0) > 0:
            self.own[watch] = max(DEBT, self.own[watch] - took)
        else:
            self.credit = max(DEBT, self.credit - took)

    def _seen(self, watch: str) -> tuple[int, float]:
        """Return of which step a watch was shown the whole last, and when a part of it."""
        seen = self.shown.get(watch, NEW)
        return -1 if watch in self.under_way else seen.step, seen.at

    def _piece(self, watch: str, session: Session) -> tuple[int, Frame]:
        """Compute a watch's frame, or the next piece of one that takes long; return its step too."""
        step, pieces = self.under_way.pop(watch, None) or (session.step, staged(self.views[watch], session))
        frame = next(pieces)
        if not frame.whole:
            self.under_way[watch] = step, pieces
        whole = frame.whole or self.shown.get(watch, NEW).whole
        self.shown[watch] = Shown(step, time.monotonic(), whole)
        return step, frame

    @property
    def _wants_pulses(self) -> bool:
        return any(view.pulses for view in self.views.values())

    def _ask_for_pulses(self, rests: bool) -> None:
        """Let the next step be watched in every node, where somebody looks at that and there is time."""
        self._pay(PULSES, self.pulses.took)
        self.pulses.took = 0.0
        self.pulses.asked = self._wants_pulses and (rests or self._may(PULSES))
