"""Asking: what gradients are asked of where a network reads sequences: one column of its answer, at the end."""

import torch
from torch import Tensor

from engine.graph.trace import trace
from engine.layers.modules import lengths_of
from engine.looking.sample import Sample, aim, answering, apart, called, scored
from engine.looking.session import Session
from engine.views.sequences.cells import visible

Where = int | Tensor | None  # a place of every example, or of each its own; none is the last


def at_the_end(session: Session, given: Tensor, where: Where = None) -> Tensor | None:
    """Return what is answered at the last place of each example, or at another, where every place is answered."""
    learner = session.network
    if learner.task.answers != "labels":
        return None
    places = learner.task.answer(learner.networks, given).flatten(1, -2)
    last = torch.full((len(places),), places.shape[1] - 1, device=places.device)
    if isinstance(given, Tensor) and session.module.sequences:
        last = lengths_of(given).clamp(max=places.shape[1]) - 1
    at = last if where is None else torch.minimum(last, torch.as_tensor(where, device=last.device).expand_as(last))
    return places[torch.arange(len(places), device=places.device), at]


def aimed(session: Session, toward: str, sample: Sample, where: Where = None) -> tuple[int, str]:
    """Return which column of the answer is asked about, where every place is answered at one of them, and its name."""
    end = at_the_end(session, sample.given, where)
    target = aim(session, toward, sample, None if end is None else end[0])
    return target, visible(called(session, target))


def asked(session: Session, given: Tensor, target: int, where: Where = None) -> Tensor:
    """Return a score of each example; where every place is answered, the one at the last place, or at another."""
    learner = session.network
    if (end := at_the_end(session, given, where)) is None:
        return scored(learner, given)[:, target]
    single = trace(answering(learner)).outputs[0].sizes[-1] == 1  # which tells of the second of two classes
    return apart(end, single)[:, target]
