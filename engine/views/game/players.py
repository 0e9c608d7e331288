"""Players: what the two networks of a game make, say, and lose, for the views that look at them."""

from collections.abc import Generator
from typing import Any

import torch

from engine.errors import VitrineError
from engine.looking.frame import Frame
from engine.looking.sample import class_called
from engine.looking.session import Session, asking_back, looking
from engine.tasks.judge import judge_of
from engine.tasks.telling import taken
from engine.tasks.verdicts import MIDDLE, deceived
from engine.training.experiment import Experiment

REAL, MADE = "#0072b2", "#d55e00"  # the colours of what is real, and of what is made


def gameless(experiment: Experiment) -> str:
    """Return why there is no game to look at, or nothing."""
    return "" if experiment.task.noisy else "Only a generator with a discriminator has this."


def off_the_plane(experiment: Experiment) -> str:
    """Return why there is no game in a plane to look at, or nothing."""
    if words := gameless(experiment):
        return words
    sizes = [shape.sizes for shape in taken(experiment.graphs[experiment.task.answering])]
    return "" if (2,) in sizes else "Only points in a plane can be drawn in one."


def in_turn(session: Session, number: int) -> torch.Tensor | None:
    """Return a class for each of so many made examples, one after the other, where networks are told any."""
    learner: Any = session.network
    return learner.task.in_turn(learner, number)


def asked_for(session: Session, name: str, number: int) -> torch.Tensor | None:
    """Return a class by its name, so many times; without a name one after the other."""
    return class_called(session, name, number) if name else in_turn(session, number)


def made_of(session: Session, noise: torch.Tensor, classes: torch.Tensor | None = None) -> torch.Tensor:
    """Return what the generator makes of noise, on the device."""
    learner: Any = session.network
    with looking(learner):
        made = learner.task.unfolded(learner.networks, noise, classes).float()
    if not bool(made.isfinite().all()):
        raise VitrineError("The generator gives numbers that are not finite.", cure="Go back to before, or begin anew.")
    return made


def said_of(session: Session, examples: torch.Tensor, classes: torch.Tensor | None = None) -> torch.Tensor:
    """Return what the discriminator says of examples, as it is read: chances where they are any; on the processor."""
    learner: Any = session.network
    with looking(learner):
        return learner.task.chances(learner.task.verdict(learner.networks, examples, classes)).float()[:, 0].cpu()


def pull_on(session: Session, made: torch.Tensor, classes: torch.Tensor | None = None) -> torch.Tensor:
    """Return where the generator's loss would have each made example move: minus its gradient; on the processor."""
    learner: Any = session.network
    task = learner.task
    with asking_back(learner):
        at = made.detach().requires_grad_()
        lost = deceived(task.verdict(learner.networks, at, classes), task.loss, task.bounded) * len(at)
        (gradient,) = torch.autograd.grad(lost, at)
    return -gradient.float().cpu()


def with_judge(session: Session) -> Generator[Frame, None, Session]:
    """Let the classifier of the data learn, where it has not; return the session with networks as they were before."""
    learner = session.network
    if "judge" in learner.lasting:
        return session
    still = session.still()
    for share in judge_of(learner):
        yield Frame({}, {"progress": share})
    return still


def middle(session: Session) -> float | None:
    """Return the verdict above which an example is taken for real, or nothing where a critic has no such line."""
    learner: Any = session.network
    return MIDDLE.get(learner.task.loss)
