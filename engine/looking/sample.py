"""Sample: the one example that views look at: of the dataset, or brought by a person."""

import re
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from engine.data.dataset import UNKNOWN
from engine.errors import VitrineError
from engine.fields import Fields
from engine.graph.capture import capturing
from engine.graph.graph import Graph
from engine.graph.trace import trace
from engine.looking.form import form_of
from engine.looking.session import Session, looking
from engine.registry import shortened
from engine.tasks import Task
from engine.tasks.task import Direct
from engine.tasks.telling import LABEL, NOISE

MOST = 16  # samples kept at hand
SPLITS = ("validation", "test", "train")
MOST_NOISE = 1000  # made examples that have a name


@dataclass(frozen=True)
class Sample:
    """One example: as the dataset holds it and as the network takes it, what it really is, and what it is called."""

    values: Any  # a tensor, or those of several fields by name
    given: Any  # as a batch of one
    truth: int | None
    words: str
    at: tuple[str, int] | None = None  # of an example of the dataset, its split and place there

    @property
    def picture(self) -> np.ndarray:
        """Return the picture that it is, channels×height×width in bytes."""
        return self.values.numpy()

    def told(self) -> dict[str, str | int | None]:
        """Return what a frame says of it."""
        return {"sample": self.words, "truth": self.truth}


def sample_of(session: Session, name: str) -> Sample:
    """Return the example of this name: '12' or 'validation 12', 'train 3', 'picture KEY', 'text' and the text, or
    'noise 3' of what is made out of noise.
    """
    if (key := ("sample", name)) not in session.kept:
        for old in [key for key in session.kept if key[0] == "sample"][:-MOST]:
            del session.kept[old]
        session.kept[key] = _found(session, name)
    return session.kept[key]


def _found(session: Session, name: str) -> Sample:
    how, _, text = name.partition(" ")
    if session.network.task.noisy and (how == NOISE or session.role == session.network.task.unfolds):
        return _of_noise(session, name)
    form = form_of(session.network)
    if how in form.names:
        values, done = form.brought(session.network, how, text)
        given = session.network.material.given(values[None])
        return Sample(values, given, None, f"your {how}" + (f" ({done})" if done else ""))
    word, _, rest = name.strip().rpartition(" ")
    if word not in ("", *SPLITS) or not re.fullmatch(r"\d{1,9}", rest):
        raise VitrineError(
            f"{shortened(name)} names no example.", cure="Write a number such as 12, or 'train 3' or 'test 5'."
        )
    return example(session, word or "validation", int(rest))


def _of_noise(session: Session, name: str) -> Sample:
    """Return what is made of noise with a number; the network that makes it is given the noise itself."""
    learner: Any = session.network
    word, _, rest = name.strip().rpartition(" ")
    if word not in ("", NOISE, *SPLITS) or not (rest.isdecimal() and int(rest) < MOST_NOISE):
        raise VitrineError(
            f"{shortened(name)} names no noise.", cure=f"Write 'noise' and a number up to {MOST_NOISE - 1}."
        )
    place, task = int(rest), learner.task
    classes = learner.dataset.classes if task.told else ()
    kind = torch.tensor([place % len(classes)], device=learner.place.device) if classes else None
    noise = noise_of(session, place + 1)[-1:]
    with looking(learner):
        made = task.unfolded(learner.networks, noise, kind)
    values = torch.from_numpy(looks(session, made))[0] if learner.dataset.example == "image" else made[0].float().cpu()
    words = f"noise {place}" + (f": asked for {classes[int(kind)]}" if kind is not None else "")
    if session.role != task.unfolds:
        return Sample(values, made, None, words)
    return Sample(values, noise if kind is None else Fields({NOISE: noise, LABEL: kind}), None, words)


def noise_of(session: Session, number: int, seed: int | None = None) -> torch.Tensor:
    """Return so many rows of noise, always the same by the same seed; without one, those that samples are named by."""
    learner: Any = session.network
    more = {} if seed is None else {"seed": seed}
    return learner.task.fixed(learner.networks, number, learner.place.device, **more)


def class_called(session: Session, name: str, number: int) -> torch.Tensor | None:
    """Return a class by its name, so many times, where networks are told classes; without a name, none is told."""
    dataset, task = session.network.dataset, session.network.task
    if not name:
        return None
    if not getattr(task, "told", False):
        raise VitrineError("These networks are not told any class.", cure="Leave it empty.")
    if name not in dataset.classes:
        raise VitrineError(f"There is no class {shortened(name)}.", cure=f"Choose one of {', '.join(dataset.classes)}.")
    return torch.full((number,), dataset.classes.index(name), device=session.network.place.device)


def example(session: Session, split: str, place: int) -> Sample:
    """Return one example of a split."""
    split, examples = session.split(split)
    if place >= len(examples):
        raise VitrineError(f"There are {len(examples):,} {split} examples.", cure="Choose a smaller number.")
    values = session.examples(split, [place])[0]
    target, dataset = examples.targets[place], session.network.dataset
    truth = int(target) if dataset.goal == "class" and target != UNKNOWN else None
    named = dataset.named(target)
    given = session.network.material.given(examples.inputs[place : place + 1])
    words = f"{split} example {place:,}" + (f": {named}" if named else "")
    if session.experiment.data is None:  # nothing that it could learn from: a picture stands in
        truth, words = None, f"{session.network.dataset.title.lower()}, {place:,}"
    return Sample(values, given, truth, words, (split, place))


def looks(session: Session, given: torch.Tensor) -> np.ndarray:
    """Return inputs, as the network takes them, as pictures (n, channels, height, width) in bytes."""
    mean, deviation = session.network.material.scales
    return ((given.detach().float() * deviation + mean) * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()


# -- what the network says of it ---------------------------------------------------------------------------------


class Scoring(Protocol):
    """A learner, or what stands for one: networks and what they are to do."""

    task: Task
    networks: Any  # modules by role


def opinions(learner: "Scoring", inputs: torch.Tensor, answers: torch.Tensor | None = None) -> torch.Tensor:
    """Return what is said to inputs, a column for each thing that can be asked about: of classes, how probable."""
    task = learner.task
    answers = task.answer(learner.networks, inputs) if answers is None else answers
    return task.opinions(task.chances(answers), inputs)


def scored(learner: "Scoring", inputs: torch.Tensor) -> torch.Tensor:
    """Return what gradients are asked of: scores of classes, as they are before a last softmax or sigmoid, which would
    let one class's gain be another's loss; of a single output that tells of two classes, both its signs.
    """
    task = learner.task
    if not (before := before_chances(learner)):
        answers = task.opinions(task.answer(learner.networks, inputs), inputs)
        return apart(answers, tells_two(learner))
    with capturing(learner.networks[task.answering], [before]) as found:
        task.answer(learner.networks, inputs)
    scores = found[before]
    if tells_two(learner):
        return torch.cat([-scores, scores], dim=1)
    return task.opinions(task.laid(scores), inputs) if isinstance(task, Direct) else scores


def answering(learner: "Scoring") -> Graph:
    """Return the graph of the network that gives the answer."""
    return learner.networks[learner.task.answering].graph


def before_chances(learner: "Scoring") -> str:
    """Return the node that gives scores which the last one makes probabilities of, or nothing."""
    graph = answering(learner)
    end = graph[graph.outputs[0]]
    if learner.task.answers not in ("classes", "several", "labels") or end.block:
        return ""
    sizes = trace(graph).outputs[0].sizes
    single = (sizes[-1] if len(sizes) == 2 else sizes[0]) == 1 and not tells_two(learner)
    return end.inputs[0] if end.layer.kind in ("softmax", "sigmoid") and not single else ""


def tells_two(learner: "Scoring") -> bool:
    """Return whether the network has one output, which tells of two classes."""
    return learner.task.classifies and trace(answering(learner)).outputs[0].sizes[0] == 1


def apart(answers: torch.Tensor, single: bool) -> torch.Tensor:
    """Return the answers of a single output with both its signs, where the first class's column is zero."""
    if single and not answers[:, 0].any():
        return torch.cat([-answers[:, 1:], answers[:, 1:]], dim=1)
    return answers


def said(session: Session, sample: Sample) -> torch.Tensor:
    """Return the probability of each class for a sample, or the numbers told of it, on the CPU."""
    with looking(session.network):
        return opinions(session.network, sample.given).float()[0].cpu()


def aim(session: Session, toward: str, sample: Sample, answers: torch.Tensor | None = None) -> int:
    """Return the column of the network's answer that is asked about; the answers, where they are known already."""
    classes = session.network.task.names(session.network.dataset)
    wanted = toward if toward in classes else toward.strip()
    if wanted in ("", "predicted") or (wanted == "true" and sample.truth is None):
        return int((said(session, sample) if answers is None else answers).argmax())
    if wanted == "true":
        return int(sample.truth or 0)
    if wanted in classes:
        return classes.index(wanted)
    number = len(said(session, sample) if answers is None else answers)
    place = wanted.removeprefix("output ")
    if place.isdecimal() and int(place) < number:
        return int(place)
    raise VitrineError(
        f"The network tells no class {shortened(toward)}.",
        cure=f"Choose 'predicted', 'true', or one of: {', '.join(classes[:20]) or f'0 to {number - 1}'}.",
    )


def called(session: Session, place: int) -> str:
    """Return what a column of the network's answer is called."""
    classes = session.network.task.names(session.network.dataset)
    return classes[place] if place < len(classes) else f"output {place}"
