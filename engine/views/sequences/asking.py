"""Asking: what gradients are asked of where a network reads sequences: one column of its answer, at the end."""

import torch
from torch import Tensor

from engine.graph.trace import trace
from engine.layers.modules import lengths_of
from engine.looking.sample import Sample, aim, answering, apart, called, scored
from engine.looking.session import Session
from engine.views.sequences.cells import visible


def at_the_end(session: Session, given: Tensor) -> Tensor | None:
    """Return what is answered at the last place of each example, where every place is answered."""
    learner = session.network
    if learner.task.answers != "labels":
        return None
    places = learner.task.answer(learner.networks, given).flatten(1, -2)
    if not isinstance(given, Tensor) or not session.module.sequences:
        return places[:, -1]
    last = lengths_of(given).clamp(max=places.shape[1]) - 1
    return places[torch.arange(len(places), device=places.device), last]


def aimed(session: Session, toward: str, sample: Sample) -> tuple[int, str]:
    """Return which column of the answer is asked about, where every place is answered at the last one, and its name."""
    end = at_the_end(session, sample.given)
    target = aim(session, toward, sample, None if end is None else end[0])
    return target, visible(called(session, target))


def asked(session: Session, given: Tensor, target: int) -> Tensor:
    """Return a score of each example; where every place is answered, the one at the last place."""
    learner = session.network
    if (end := at_the_end(session, given)) is None:
        return scored(learner, given)[:, target]
    single = trace(answering(learner)).outputs[0].sizes[-1] == 1  # which tells of the second of two classes
    return apart(end, single)[:, target]
