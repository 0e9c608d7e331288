"""Pulses on their way into the store: some for good, close together at first, and the latest while somebody looks."""

import time

from engine.runs import frames
from engine.runs.store import Store
from engine.training.learner import Learner
from engine.training.watch import Watched
from engine.views.pulse import framed

GROWTH = 1.05  # each that stays comes this much later than the last: 250 in a million steps
MOST_SHARE = 0.02  # of the time, for those that stay


class Pulses:
    """Says which steps are watched in every node, and keeps what they did."""

    def __init__(self, store: Store, run: str, learner: Learner):
        self.store, self.run, self.learner = store, run, learner
        self.next = learner.step + 1
        self.paid = 0.0  # when the last one will be paid for
        self.took = 0.0  # seconds that all of them took
        self.asked = False  # whether the next step is to be watched for those who look now

    def due(self, step: int) -> bool:
        """Return whether a step is to be watched."""
        return self.asked or (step >= self.next and time.perf_counter() >= self.paid)

    def take(self, watched: Watched) -> None:
        """Keep what was watched."""
        if not watched:
            return
        began = time.perf_counter()
        body = framed(watched).pack()
        bodies = {frames.LAST_PULSE: body}
        if watched.step >= self.next:
            bodies[frames.PULSE] = body
            self.next = max(watched.step + 1, round(watched.step * GROWTH))
        frames.put(self.store, self.run, watched.step, bodies)
        self.asked = False
        took = watched.seconds + time.perf_counter() - began
        self.took += took
        if frames.PULSE in bodies:
            self.paid = time.perf_counter() + took / MOST_SHARE
