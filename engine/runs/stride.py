"""Stride: how far a step goes that a person asks for: a batch, example, epoch or round, or one network's turn."""

from engine.errors import VitrineError
from engine.registry import did_you_mean, shortened
from engine.training.change import change
from engine.training.learner import Learner


class Stride:
    """What is otherwise while a learner goes so far, and is put back when it has come there."""

    def __init__(self) -> None:
        self.batch: int | str | None = None  # what to go back to, after a step of a single example

    def begin(self, learner: Learner, value: int | str) -> int:
        """Make a learner ready, and return how many steps it takes."""
        if isinstance(value, int):
            return value
        if value == "epoch":
            whole, rest = divmod(len(learner.train) - learner.seen, learner.batch_size)
            return learner.steps_an_epoch if learner.epoch_over else whole + (rest > 1)
        if value == "round":
            longest = max(part.interval for part in learner.parts.values())
            return longest - learner.step % longest
        if value == "example":
            self._one_example(learner)
        else:
            _alone(learner, value)
        return 1

    def _one_example(self, learner: Learner) -> None:
        if any("BatchNorm" in type(m).__name__ for n in learner.networks.values() for m in n.modules()):
            words = "Batch normalisation cannot tell the spread of a single example."
            raise VitrineError(words, cure="Take a step of a whole batch.")
        if learner.batch_size > 1:
            self.batch = learner.recipe.batch
            change(learner, {"batch": 1})

    def end(self, learner: Learner) -> bool:
        """Put everything back, and return whether the state is another one than was kept."""
        for part in learner.parts.values():
            part.called = None
        if self.batch is None:
            return False
        change(learner, {"batch": self.batch})
        self.batch = None
        return True


def _alone(learner: Learner, role: str) -> None:
    """Let one network move in the next step, and no other."""
    if role not in learner.parts:
        raise VitrineError(f"There is no network {shortened(role)}.{did_you_mean(role, learner.parts)}")
    if learner.parts[role].rests:
        raise VitrineError(f"The {role} is frozen.", cure="Thaw it first.")
    for part in learner.parts.values():
        part.called = part.role == role
