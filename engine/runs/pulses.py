"""Pulses on their way into the store: some for good, close together at first, and the latest while somebody looks."""

import contextlib
import time

from engine.looking.pulse import framed
from engine.runs import frames
from engine.runs.left import keep_pulse
from engine.runs.store import Store, folder
from engine.training.learner import Learner
from engine.training.watch import Watched

GROWTH = 1.05  # each that stays comes this much later than the last: 250 in a million steps
MOST_SHARE = 0.015  # of the time, for those that stay,
FIRST = 0.4  # and so many seconds for the first ones
MOST_AT_ONCE = 4  # between two reports


class Pulses:
    """Says which steps are watched in every node, and keeps what they did."""

    def __init__(self, store: Store, run: str, learner: Learner):
        self.store, self.run, self.learner = store, run, learner
        self.next = learner.step + 1
        self.began, self.spent = time.perf_counter(), 0.0  # seconds that went into those that stay
        self.took = 0.0  # seconds that those took that were asked for
        self.staying: set[int] = set()  # steps that are watched for good and not stored yet
        self.asked = False  # whether the next step is to be watched for those who look now

    def due(self, step: int) -> bool:
        """Return whether a step is to be watched."""
        allowed = FIRST + MOST_SHARE * (time.perf_counter() - self.began)
        stays = step >= self.next and len(self.staying) < MOST_AT_ONCE and self.spent <= allowed
        if stays:
            self.staying.add(step)
            self.next = max(step + 1, round(step * GROWTH))
        asked, self.asked = self.asked, False
        return stays or asked

    def take(self, watched: Watched) -> None:
        """Keep what one step did: for good, or only until the next."""
        began = time.perf_counter()
        body = framed(watched).pack()
        stays = watched.step in self.staying
        bodies = {frames.LAST_PULSE: body} | ({frames.PULSE: body} if stays else {})
        frames.put(self.store, self.run, watched.step, bodies)
        if stays:
            with contextlib.suppress(OSError):  # a full disk: the store holds it, and the run tells of the disk
                keep_pulse(folder(self.run), watched.step, body)
        took = watched.seconds + time.perf_counter() - began
        if stays:
            self.staying.discard(watched.step)
            self.spent += took
        else:
            self.took += took
