"""Recorder: a run's curves on their way into the store, thinned as they grow."""

from collections import defaultdict

from engine.runs.store import Store
from engine.training.curve import Curve
from engine.training.loop import Report


class Recorder:
    """Curves of one stretch of learning; what an earlier stretch left in the store stays."""

    def __init__(self, store: Store, run: str, step: int, losses: int = 1):
        self.store, self.run, self.since, self.losses = store, run, step + 1, losses
        self.curves: dict[tuple[str, str], Curve] = defaultdict(Curve)
        self.written: dict[tuple[str, str], tuple[int, int]] = {}  # of each curve: its stretch, and the last step

    def take(self, report: Report) -> None:
        """Take in a report's losses and scores, and write what is new."""
        for role, losses in report.losses.items():
            name = "loss" if self.losses == 1 else f"{role} loss"
            for step, loss in losses:
                self.curves["train", name].add(step, loss)
        for step, split, scores in report.scores:
            for metric, value in scores.items():
                self.curves[split, metric].add(step, value)
        rows = []
        for (split, metric), curve in self.curves.items():
            stretch, last = self.written.get((split, metric), (curve.stretch, 0))
            if stretch != curve.stretch:  # neighbours have become one: the whole curve is written anew
                self.store.forget(self.run, split, metric, self.since)
                last = 0
            new = [(split, metric, step, value) for step, value in curve.points if step > last]
            rows += new
            self.written[split, metric] = curve.stretch, new[-1][2] if new else last
        self.store.record(self.run, rows)
