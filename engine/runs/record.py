"""Records: what a run left in the store, and what an untrained network can show instead."""

import re
import threading
from collections.abc import Sequence
from contextlib import ExitStack

import torch

from engine.errors import VitrineError
from engine.looking.frame import Frame
from engine.looking.pulse import framed
from engine.looking.session import Curves, Part
from engine.runs import frames
from engine.runs.store import Store, folder, is_part, result_of, titled
from engine.training import checkpoint
from engine.training.average import answering
from engine.training.experiment import load
from engine.training.learner import Learner
from engine.training.modes import learning
from engine.training.twin import copied
from engine.training.watch import watching

SET = re.compile(r"set (?!speed = [^,]*$)(?!.* was refused)")  # in a run's diary


class StoredRecord:
    """A run's record, read anew only where it has grown."""

    def __init__(self, store: Store, run: str, series: bool = False):
        self.store, self.run, self.series = store, run, series
        self.seen = run  # whose pulses are kept here
        self.kept: list[tuple[int, Frame]] = []
        self.finished: dict[str, Part] = {}  # by run: parts of a series that no longer change
        self.remembered: tuple[str, int, dict[str, dict[str, torch.Tensor]]] = ("", -1, {})  # weights of one checkpoint
        self.stem: tuple[Curves, Sequence[tuple[int, Frame]]] | None = None  # of a branch, what was before it
        self.lock = threading.Lock()

    @property
    def shown(self) -> str:
        """Return the run whose way is shown: of a series, the part begun last."""
        return self.store.part(self.run) if self.series else self.run

    def curves(self, run: str = "") -> Curves:
        """Return the metrics of this run, or of another."""
        return self.store.metrics(self.store.run(run)["run"] if run else self.shown)

    def last(self, split: str, metric: str, step: int) -> float | None:
        """Return the latest value of one curve of this run, up to a step."""
        return self.store.last(self.shown, split, metric, until=step)

    def weights(self, step: int, role: str) -> tuple[int, dict[str, torch.Tensor]]:
        """Return a network's weights as they were at the checkpoint before a step, and that one's step."""
        run = self.shown
        here = folder(run) / "checkpoints"
        every = checkpoint.steps(here)
        if not every:
            raise VitrineError("There is no checkpoint yet.", cure="Wait until the first step is done.")
        at = max((kept for kept in every if kept <= step), default=every[0])
        if self.remembered[:2] != (run, at):
            self.remembered = run, at, answering(checkpoint.load(checkpoint.path_of(here, at)))
        return at, self.remembered[2][role]

    def before(self) -> tuple[Curves, Sequence[tuple[int, Frame]]]:
        """Return the metrics and pulses of the run of which this is a branch, up to where it left it; read once."""
        if self.stem is None:
            rows = {row["run"]: row for row in self.store.some([self.shown])}
            parent, step = (rows.get(self.shown, {}).get(name) for name in ("parent", "parent_step"))
            if parent is None or step is None or not self.store.some([parent]):
                self.stem = {}, []
            else:
                record = StoredRecord(self.store, parent)
                early, pulses = record.before()
                curves = {key: [*early.get(key, []), *points] for key, points in record.curves().items()}
                kept = {key: [one for one in points if one[0] <= step] for key, points in curves.items()}
                self.stem = kept, [one for one in (*pulses, *record.pulses()) if one[0] <= step]
        return self.stem

    def changes(self) -> Sequence[tuple[int, str]]:
        """Return what was set anew on the way, how fast it goes left out."""
        told = [(row["step"], row["words"]) for row in self.store.diary(self.shown)]
        return [(step, words) for step, words in told if SET.match(words)]

    def parts(self) -> Sequence[Part]:
        """Return the parts of a series that are done, in the order in which they were learned."""
        done = [
            row["run"] for row in reversed(self.store.children(self.run)) if is_part(row) and row["status"] == "done"
        ]
        for run in done:
            if run not in self.finished:
                row = self.store.run(run)
                result = result_of(row)
                self.finished[run] = Part(load(row["experiment"]), result["metrics"] if result else {})
        return [self.finished[run] for run in done]

    def title(self, run: str = "") -> str:
        """Return the name of this run, or of another, and the end of its number, which tells like names apart."""
        return titled(self.store.run(run or self.run))

    def pulses(self) -> Sequence[tuple[int, Frame]]:
        """Return what steps did in every node, in order, the latest one last."""
        run = self.shown
        with self.lock:
            if run != self.seen:
                self.seen, self.kept = run, []
            after = self.kept[-1][0] if self.kept else -1
            self.kept += [(step, Frame.unpack(body)) for step, body in frames.pulses(self.store, run, after)]
        latest = frames.newest(self.store, run, frames.LAST_PULSE)
        if latest and (not self.kept or latest[0] > self.kept[-1][0]):
            return [*self.kept, (latest[0], Frame.unpack(latest[1]))]
        return self.kept


class DraftRecord:
    """What one step would do in an untrained network; it is taken back at once."""

    run = ""

    def __init__(self, learner: Learner):
        self.learner = learner

    def curves(self, run: str = "") -> Curves:
        """Return none: nothing was learned."""
        return {}

    def last(self, split: str, metric: str, step: int) -> float | None:
        """Return none: nothing was learned."""
        return None

    def title(self, run: str = "") -> str:
        """Return none: it has no name yet."""
        return ""

    def weights(self, step: int, role: str) -> tuple[int, dict[str, torch.Tensor]]:
        """Return the weights with which it would begin."""
        return 0, self.learner.networks[role].state_dict()

    def before(self) -> tuple[Curves, Sequence[tuple[int, Frame]]]:
        """Return none: it began with itself."""
        return {}, []

    def changes(self) -> Sequence[tuple[int, str]]:
        """Return none: nothing was learned."""
        return []

    def parts(self) -> Sequence[Part]:
        """Return none: nothing was learned."""
        return []

    def pulses(self) -> Sequence[tuple[int, Frame]]:
        """Return what the first step would do."""
        learner, before = self.learner, copied(self.learner.state())
        learner.enter()
        inputs, targets = next(learner.batches())
        with ExitStack() as stack:  # for those who look let the networks rest
            for part in learner.parts.values():
                stack.enter_context(learning(part.network, part.recipe.frozen))
            watched = stack.enter_context(watching(learner))
            learner.advance(inputs, targets)
        learner.leave()
        learner.restore(before)
        return [(0, framed(watched))]
