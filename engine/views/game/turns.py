"""Turns: what happens in one round of a game, noted while a twin of the learner really takes its steps."""

import copy
import dataclasses
import math
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from engine.graph.capture import entered, hooked
from engine.looking.session import Session
from engine.tasks.deceive import DISCRIMINATOR, GENERATOR
from engine.tasks.task import Turn
from engine.tasks.telling import LABEL
from engine.training.average import idle
from engine.training.learner import Learner
from engine.training.twin import following, twin

MOST = 24  # steps of a round that are lived through
Rows = torch.Tensor


@dataclasses.dataclass
class Taken:
    """One network's turn: what it was given, and what was said of that before and after its weights moved."""

    role: str
    noise: Rows
    made: Rows
    real: Rows | None  # in the discriminator's turn
    said: list[Rows]  # of the real ones, in the discriminator's turn, then of the made ones
    now: list[Rows]  # the same once the weights have moved
    loss: float
    gradient: float  # how long it was, as it came back to the weights
    rests: bool  # whether the network is frozen, so that nothing came back
    pull: Rows | None = None  # in the generator's turn: minus the gradient that came back to what was made,
    after: Rows | None = None  # and what is made of the same noise afterwards


@dataclasses.dataclass(frozen=True)
class Told:
    """What a turn came to: its loss, the length of the gradient that came back, and by what that was multiplied."""

    loss: float
    gradient: float
    scale: float


class Telltale:
    """A task whose turns are noted; all else it leaves to the real one."""

    def __init__(self, learner: Learner, look: Callable[[], None]):
        self.learner, self.task, self.look = learner, learner.task, look
        self.found: list[Taken] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.task, name)

    def turns(self, *given: Any) -> Iterator[Turn]:
        """Yield the task's turns; what stands behind the yield comes after the step."""
        judge, maker = (self.learner.networks[role] for role in (DISCRIMINATOR, GENERATOR))
        for turn in self.task.turns(*given):
            made: list[Rows] = []
            said: list[Rows] = []
            lost: list[Rows] = []

            def loss(turn: Turn = turn, made: list[Rows] = made, lost: list[Rows] = lost) -> Rows:
                lost.append(turn.loss())
                if made[0].requires_grad:
                    made[0].retain_grad()
                return lost[0]

            role = turn.roles[0]
            looks = [(maker, made.append), (judge, said.append)]
            scale = self.learner.scaler.get_scale() if self.learner.scaler else 1.0
            with entered(judge) as shown, entered(maker) as drawn, hooked(looks), sent_back(self.learner, role) as sent:
                yield dataclasses.replace(turn, loss=loss)
            if lost:  # else it had no turn in this step
                few = 2 if role == DISCRIMINATOR else 1  # a gradient penalty asks once more, about places between
                told = Told(float(lost[0].detach()), math.hypot(*sent) / scale, scale)
                self._note(role, drawn[0], made[0], shown[:few], said[:few], told)
                self.look()

    def _note(
        self,
        role: str,
        drawn: tuple[Rows, ...],
        made: Rows,
        shown: list[tuple[Rows, ...]],
        said: list[Rows],
        told: "Told",
    ) -> None:
        """Note a turn, and ask what is said and made now, of copies, so that the twin goes on as if nobody had."""
        judge, maker = (self.learner.networks[role] for role in (DISCRIMINATOR, GENERATOR))
        place = _own(judge)
        pull = None if made.grad is None else -made.grad.float() * len(made) / told.scale
        after = None
        again = [tuple(one.detach() for one in asked) for asked in shown]
        with torch.no_grad(), self.learner.place.aside(), self.learner.place.precision():
            if role == GENERATOR:
                after = copy.deepcopy(maker)(*drawn)
                moved = after + (again[0][place] - made.detach())  # with the same instance noise, where there is any
                again = [tuple(moved if at == place else one for at, one in enumerate(again[0]))]
            then = copy.deepcopy(judge)
            now = [then(*one) for one in again]
        self.found.append(
            Taken(
                role,
                _here(drawn[_own(maker)]),
                _here(made),
                _here(shown[0][place]) if role == DISCRIMINATOR else None,
                [self._read(one) for one in said],
                [self._read(one) for one in now],
                told.loss,
                told.gradient,
                self.learner.parts[role].rests,
                None if pull is None else _here(pull),
                None if after is None else _here(after),
            )
        )

    def _read(self, said: Rows) -> Rows:
        return _here(self.task.chances(said.detach().float()))[:, 0]


@contextmanager
def sent_back(learner: Learner, role: str) -> Generator[list[float], None, None]:
    """While entered, the length of each weight's gradient is kept as it comes back, before anything is done to it."""
    lengths: list[float] = []
    weights = [weight for weight in learner.networks[role].parameters() if weight.requires_grad]
    keep = [w.register_post_accumulate_grad_hook(lambda one: lengths.append(float(one.grad.norm()))) for w in weights]
    try:
        yield lengths
    finally:
        for handle in keep:
            handle.remove()


def one_round(session: Session, look: Callable[[Session], None]) -> tuple[list[Taken], Learner, int]:
    """Return the turns of the round that comes next, the twin that has taken them, and how many steps are left of it.

    `look` is shown the game before the first turn and after each.
    """
    learner = session.network
    with learner.place.aside(), torch.enable_grad():
        other = twin(learner)
        seen = dataclasses.replace(session, learner=other, kept={})

        def show() -> None:
            with idle(other.networks):  # it is about the weights that learn
                look(seen)

        noting = Telltale(other, show)
        show()
        other.place.draw_as(learner.random)
        vars(other)["task"] = noting
        longest = max(part.interval for part in other.parts.values())
        left = longest - other.step % longest
        for _, (inputs, targets) in zip(range(min(left, MOST)), following(other), strict=False):
            other.advance(inputs, targets)
        other.leave()
        other.task = noting.task
    return noting.found, other, max(0, left - MOST)


def _here(values: Rows) -> Rows:
    return values.detach().float().cpu()


def _own(network: nn.Module) -> int:
    """Return which of the things that a network takes is no class."""
    return next(place for place, name in enumerate(network.graph.inputs) if name != LABEL)  # ty: ignore
