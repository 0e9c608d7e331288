"""Codes: what an encoder makes of examples, and what a decoder makes of codes, as pictures whatever their form."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from engine.errors import VitrineError
from engine.fields import Fields
from engine.graph.trace import trace
from engine.looking.frame import Frame
from engine.looking.sample import Sample, noise_of, sample_of
from engine.looking.session import Session, in_turn, looking
from engine.looking.small import bounds, in_lines
from engine.tasks.telling import LABEL, NOISE, size_of_code
from engine.training.experiment import Experiment

Dimension = Annotated[int, Field(ge=0, le=511)]  # of a code that is walked in
OF_TWO = "two numbers where there are no more, else PCA"


@dataclass(frozen=True)
class Codes:
    """Codes of examples, a row each; where they are drawn, their deviations too."""

    at: torch.Tensor
    deviations: torch.Tensor | None = None

    @property
    def size(self) -> int:
        """Return how many numbers a code has."""
        return self.at.shape[1]


def codeless(experiment: Experiment, noise: bool = False) -> str:
    """Return why there are no codes to look at, or nothing; noise of which examples are made may do, too."""
    task = experiment.task
    if not task.unfolds or not (task.folds or (noise and task.noisy)):
        return "Only networks that make codes of examples, and examples of codes, have this."
    codes = trace(experiment.graphs[task.unfolds]).shapes
    entry = next((name for name in experiment.graphs[task.unfolds].inputs if name != LABEL), "")
    if entry not in codes or codes[entry].rank != 1:
        return "The decoder takes no row of numbers."
    return ""


def size_of(experiment: Experiment) -> int:
    """Return how many numbers a code has."""
    return size_of_code(experiment.graphs[experiment.task.unfolds])


def coded(session: Session, given: torch.Tensor, classes: torch.Tensor | None = None) -> Codes:
    """Return the codes of examples as networks take them; of what is drawn, the means."""
    learner: Any = session.network
    with looking(learner):
        found = learner.task.coded(learner.networks, given, classes)
    code, *more = (one.float().cpu() for one in found)
    return Codes(code, (more[1] / 2).exp() if learner.task.draws else None)


def asked_about(session: Session, name: str) -> Sample:
    """Return the sample of this name, as the network takes it that makes codes, or examples of noise."""
    task = session.network.task
    return sample_of(session.of(task.unfolds) if task.noisy else session, name)


def code_of(session: Session, *samples: Sample) -> torch.Tensor:
    """Return the codes of samples, a row each; of noise, that itself."""
    if session.network.task.noisy:
        rows = [one.given[NOISE] if isinstance(one.given, Fields) else one.given for one in samples]
        return torch.cat(rows).float().cpu()
    return coded(session, torch.cat([one.given for one in samples]), class_of(session, *samples)).at


def codes_of(session: Session, split: str, most: int, told: bool = True) -> Iterator[Frame]:
    """Ask for the codes of a split's first examples, piece by piece; they are kept as `session.kept[("codes", …)]`.

    Networks that take classes are told them, or not.
    """
    if (key := _key("codes", session, split, most, told)) in session.kept:
        return
    if session.network.task.noisy:
        session.kept[key] = Codes(noise_of(session, most).cpu())
        return
    found = yield from _piece_by_piece(session, split, most, lambda still, *both: coded(still, *both), told)
    deviations = [one.deviations for one in found if one.deviations is not None]
    at = torch.cat([one.at for one in found])
    session.kept[key] = Codes(at, torch.cat(deviations) if deviations else None)


def kept_codes(session: Session, split: str, most: int, told: bool = True) -> Codes:
    """Return the codes of a split's first examples, asked for where they were not yet."""
    for _ in codes_of(session, split, most, told):
        pass
    return session.kept[_key("codes", session, split, most, told)]


def returns_of(session: Session, split: str, most: int) -> Iterator[Frame]:
    """Ask how far off a split's first examples come back, piece by piece; it is kept for `kept_returns`."""
    if (key := _key("off", session, split, most)) in session.kept:
        return

    def asked(still: Session, given: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        return off(decoded(still, coded(still, given, classes).at, classes), given.cpu())

    session.kept[key] = torch.cat((yield from _piece_by_piece(session, split, most, asked)))


def kept_returns(session: Session, split: str, most: int) -> torch.Tensor:
    """Return how far off a split's first examples come back, asked for where that was not yet."""
    for _ in returns_of(session, split, most):
        pass
    return session.kept[_key("off", session, split, most)]


def _key(what: str, session: Session, split: str, most: int, told: bool = True) -> tuple[Any, ...]:
    """Return under what it is kept what a split's first examples gave."""
    return what, session.split(split)[0], most, told


def _piece_by_piece(
    session: Session, split: str, most: int, ask: Callable[[Session, torch.Tensor, Any], Any], told: bool = True
) -> Generator[Frame, None, list[Any]]:
    """Return what a copy of the networks answers to a split's first examples, told their classes or not."""
    _, examples = session.split(split)
    still = session.still()
    learner = still.network
    pieces = learner.pieces(examples.inputs[:most])
    both = zip(pieces, examples.targets[:most].split(len(pieces[0])), strict=True)

    def answer(one: tuple[torch.Tensor, torch.Tensor]) -> Any:
        return ask(still, learner.material.given(one[0]), one[1] if told else None)

    return (yield from in_turn(list(both), answer))


def decoded(session: Session, codes: torch.Tensor, classes: torch.Tensor | None = None) -> torch.Tensor:
    """Return what is made of codes, as networks take examples, on the processor."""
    learner: Any = session.network
    if codes.shape[1] != (wide := size_of(session.experiment)):
        raise VitrineError(f"A code has {wide:,} numbers; these have {codes.shape[1]:,}.")
    with looking(learner):
        device = learner.place.device
        classes = None if classes is None else classes.to(device)
        return learner.task.unfolded(learner.networks, codes.to(device), classes).float().cpu()


def class_of(session: Session, *samples: Sample) -> torch.Tensor:
    """Return the class of each sample, −1 where nobody knows it."""
    kinds = [-1 if sample.truth is None else sample.truth for sample in samples]
    return torch.tensor(kinds, device=session.network.place.device)


def off(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return how far examples are from others, each by the root of its mean squared distance; gaps count nothing."""
    far = (one - other).square().flatten(1)
    return far.nanmean(dim=1).sqrt()


def errors(session: Session, made: torch.Tensor, right: torch.Tensor) -> np.ndarray:
    """Return how far each dot is off, as pictures: black where it is right."""
    far = (made - right).abs().nan_to_num()
    if session.network.dataset.example != "image":
        low, high = bounds(session)
        return in_lines(far, 0.0, high - low)
    _, deviation = session.network.material.scales
    return (far * deviation.cpu() * 255).round().clamp(0, 255).to(torch.uint8).numpy()


def strips(codes: np.ndarray) -> np.ndarray:
    """Return codes as small pictures (n, 3, height, width): a dot for each number, blue below zero and red above."""
    number, size = codes.shape
    wide = int(np.ceil(np.sqrt(size))) if size > 4 else size
    high = -(-size // wide)
    padded = np.zeros((number, high * wide), np.float32)
    padded[:, :size] = codes / max(float(np.abs(codes).max(initial=0)), 1e-9)
    share = np.abs(padded)[..., None]
    colour = np.where(padded[..., None] > 0, np.array([178, 24, 43]), np.array([33, 102, 172]))
    mixed = (1 - share) * 247 + share * colour
    return mixed.round().astype(np.uint8).reshape(number, high, wide, 3).transpose(0, 3, 1, 2)


def named(places: Sequence[int], split: str) -> list[str]:
    """Return the names by which examples of a split are looked at."""
    return [f"{split} {place}" for place in places]
