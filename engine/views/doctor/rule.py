"""Rule: one thing that may go wrong, how it is seen, and what helps."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from engine.looking.session import Session
from engine.registry import Registry
from engine.training.experiment import Experiment

RULES: Registry["Rule"] = Registry("rule of the doctor")
LEAST = 5  # values from which something can be said


@dataclass(frozen=True)
class Remedy:
    """What may be set at once of a run that learns, and in words why that helps."""

    label: str
    words: str
    order: dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """What a rule sees: whether something is wrong, the evidence in words, how it developed, and where the line is."""

    wrong: bool
    evidence: str
    steps: np.ndarray = field(default_factory=lambda: np.zeros(0))
    values: np.ndarray = field(default_factory=lambda: np.zeros(0))
    line: float | None = None
    log: bool = False
    remedy: Remedy | None = None


class Rule:
    """One thing that may go wrong."""

    title: ClassVar[str] = ""
    rank: ClassVar[int] = 50  # its place among the rules

    def suits(self, experiment: Experiment) -> bool:
        """Return whether it can go wrong with this experiment at all."""
        return True

    def finding(self, session: Session) -> Finding | None:
        """Return what is seen now, or nothing where too little is known yet."""
        raise NotImplementedError(type(self).__name__)  # each rule answers this itself


class OfGames(Rule):
    """One thing that may go wrong with games only."""

    def suits(self, experiment: Experiment) -> bool:
        """Suit games."""
        return experiment.task.noisy


def rule(name: str) -> Callable[[type[Rule]], type[Rule]]:
    """Return the decorator that puts a rule into the registry."""

    def register(cls: type[Rule]) -> type[Rule]:
        RULES.add(name, cls())
        return cls

    return register


def curve(session: Session, split: str, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps up to the session's own, and the values that were finite there."""
    if "curves" not in session.kept:
        session.kept["curves"] = session.record.curves()
    told = session.kept["curves"].get((split, metric), [])
    points = [(step, value) for step, value in told if value is not None and step <= session.step]
    table = np.array(points, float).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def interval(session: Session, role: str) -> int:
    """Return in one of how many steps a network takes its turn."""
    return session.network.recipe.own_of(role).interval


def rate(session: Session, role: str) -> float:
    """Return a network's rate."""
    recipe = session.network.recipe
    return recipe.own_of(role).rate or recipe.rate


def slower(session: Session) -> Remedy:
    """Return the remedy of half the rate, for all networks that have none of their own."""
    less = float(f"{session.network.recipe.rate / 2:.2g}")
    return Remedy(f"Rate {less:g}", f"Take steps half as long from now on: rate {less:g}", {"rate": less})
