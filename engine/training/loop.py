"""The loop: one open generator, which learns and tells of it a few times a second."""

import math
import time
from collections.abc import Generator
from dataclasses import dataclass, field

import torch

from engine.training.learner import Learner
from engine.training.trouble import Keepsake, trouble

PAUSE = 0.25  # seconds between reports


@dataclass(frozen=True)
class Report:
    """What was learned since the last report."""

    step: int
    epoch: float
    seconds: float
    rate: float
    losses: list[float] = field(default_factory=list)  # one for each step since the last report
    scores: dict[str, dict[str, float]] = field(default_factory=dict)  # by split, where they were taken
    examples_per_second: float = 0.0
    total: int = 0  # the step at which the recipe ends
    problem: str = ""

    @property
    def loss(self) -> float:
        """Return the mean loss since the last report."""
        return sum(self.losses) / len(self.losses) if self.losses else math.nan


def learn(learner: Learner, pause: float = PAUSE) -> Generator[Report, None, None]:
    """Learn to the recipe's end, yielding now and then; between two yields anyone may look, nobody is waited for."""
    keepsake = Keepsake(learner)
    learner.enter()
    told, told_step = time.perf_counter(), learner.step

    def report(scores: dict[str, dict[str, float]] | None = None) -> Report:
        nonlocal told, told_step
        losses = torch.stack(learner.losses).float().tolist() if learner.losses else []  # the one wait for the device
        learner.losses = []
        now, taken = time.perf_counter(), learner.step - told_step
        pace = taken * learner.batch_size / max(1e-9, now - told)
        told, told_step = now, learner.step
        learner.leave()
        problem = "" if all(map(math.isfinite, losses)) else trouble(learner, keepsake)
        if not problem:
            keepsake.renew(learner)
        epoch = learner.epoch + learner.batch / learner.steps_an_epoch
        return Report(
            learner.step, epoch, learner.clock(), learner.rate, losses, scores or {}, pace, learner.total, problem
        )

    while not learner.finished:
        for inputs, targets in learner.batches():
            learner.advance(inputs, targets)
            if time.perf_counter() - told > pause:
                said = report()
                yield said
                if said.problem:
                    return
                learner.enter()
                told = time.perf_counter()
            learner.clock()
            if learner.finished:
                break
        if learner.batch >= learner.steps_an_epoch:
            said = report(learner.end_epoch())
            yield said
            if said.problem:
                return
            learner.enter()
            told = time.perf_counter()
    learner.keep_best()
    if learner.losses:
        yield report()
    learner.leave()
