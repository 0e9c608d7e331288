"""The loop: one open generator, which learns and tells of it a few times a second."""

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import torch

from engine.training.learner import Learner
from engine.training.trouble import Keepsake, trouble
from engine.training.watch import Watched, watching

PAUSE = 0.2  # seconds between reports
FIRST = 0.02  # seconds to the first report
Watch = Callable[[int], bool]  # told a step before it is taken


@dataclass(frozen=True)
class Report:
    """What was learned since the last report."""

    step: int
    epoch: float
    seconds: float
    rate: float
    losses: dict[str, list[tuple[int, float]]] = field(default_factory=dict)  # by role: each step, and its loss
    scores: list[tuple[int, str, dict[str, float]]] = field(default_factory=list)  # step, split, scores
    examples_per_second: float = 0.0
    total: int = 0  # the step at which the recipe ends
    watched: list[Watched] = field(default_factory=list)  # of the steps that were watched since the last report
    problem: str = ""

    @property
    def loss(self) -> float:
        """Return the mean loss since the last report, of the first network."""
        first = next(iter(self.losses.values()), [])
        return sum(loss for _, loss in first) / len(first) if first else math.nan


def fetched(losses: list[tuple[int, torch.Tensor]]) -> list[tuple[int, float]]:
    """Return losses from the device, each with its step."""
    steps, values = zip(*losses, strict=True)
    return list(zip(steps, torch.stack(values).float().tolist(), strict=True))


def every(seconds: float) -> Watch:
    """Return what asks for a step to be watched every so many seconds."""
    looked = float("-inf")

    def due(step: int) -> bool:
        nonlocal looked
        if (now := time.perf_counter()) - looked < seconds:
            return False
        looked = now
        return True

    return due


def learn(learner: Learner, pause: float = PAUSE, watch: Watch | None = None) -> Generator[Report, None, None]:
    """Learn to the recipe's end, yielding now and then, more often at first.

    Between two yields anyone may look, nobody is waited for.
    A step for which `watch` says so is watched inside every node; what it did comes with the next report.
    """
    keepsake = Keepsake(learner)
    learner.enter()
    began = told = time.perf_counter()
    due, told_step = began + min(pause, FIRST), learner.step
    scores: list[tuple[int, str, dict[str, float]]] = []
    watched: list[Watched] = []

    def report() -> Report:
        nonlocal told, told_step, scores, watched
        taken = learner.take_losses()  # the one wait for the device
        losses = {role: fetched(some) for role, some in taken.items() if some}
        now, steps = time.perf_counter(), learner.step - told_step
        pace = learner.batch_size * min(steps / max(1e-9, now - told), learner.speed or math.inf)
        told, told_step = now, learner.step
        learner.leave()
        sound = all(math.isfinite(loss) for some in losses.values() for _, loss in some)
        problem = "" if sound else trouble(learner, keepsake)
        if not problem:
            keepsake.renew(learner)
        taken_scores, scores = scores, []
        seen, watched = watched, []
        learner.called = False
        return Report(
            learner.step,
            learner.epochs,
            learner.clock(),
            learner.rate,
            losses,
            taken_scores,
            pace,
            learner.total,
            seen,
            problem,
        )

    while not learner.finished:
        learner.rearranged = False
        for inputs, targets in learner.batches(strides=True):
            if watch is not None and watch(learner.step + 1):
                size = learner.batch_size
                first, *others = zip(inputs.split(size), targets.split(size), strict=True)
                with watching(learner) as seen:
                    learner.advance(*first)
                watched.append(seen)
                for batch in others:
                    learner.advance(*batch)
            else:
                learner.advance(inputs, targets)
            if learner.clock_due(due) or learner.called or learner.step == learner.rest_at:
                said = report()
                yield said
                if said.problem:
                    return
                learner.enter()
                told = time.perf_counter()
                due = told + min(pause, FIRST + (told - began) / 8)
                if learner.rearranged:
                    keepsake.renew(learner, now=True)
                    break
            if learner.finished:
                break
        if learner.epoch_over:
            scores += [(learner.step, split, found) for split, found in learner.end_epoch().items()]
    learner.keep_best()
    if any(learner.losses.values()) or scores:
        yield report()
    learner.leave()
