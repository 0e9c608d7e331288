"""Tokens: how much each piece of a text speaks for an answer."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from engine.choice import option
from engine.figures.figure import axis, caption, figure, heat
from engine.graph.capture import capturing
from engine.graph.graph import Graph
from engine.graph.trace import Step
from engine.layers.modules import lengths_of
from engine.layers.sequence import Embedding
from engine.looking.frame import Frame
from engine.looking.sample import sample_of
from engine.looking.session import Session, asking_back, looking
from engine.looking.shared import SAMPLE, TOWARD, Example, Words, steps
from engine.looking.view import View, view
from engine.views.sequences.asking import Where, aimed, asked
from engine.views.sequences.cells import labels
from engine.views.sequences.states import Place, along

STEPS = 50  # from nothing to the text, at which gradients are asked for
NEAR = 0.01  # of the change of the score, to which parts should add up
HALVED, MOST_STEPS = 12, 300  # how often steep steps are halved, and how many there may be in the end
Method = Literal["integrated gradients", "gradient × input", "leave one out", "occlusion"]


@view("tokens")
class Tokens(View):
    """How much each piece speaks for the answer, by four methods; integrated gradients add up to the whole change."""

    title, rank, height, wide = "Tokens", 15, 230, True
    follows = True
    hint = "Blue speaks for it, orange against. Leave a piece out: what is lost? Methods need not agree."

    sample: Example = SAMPLE
    toward: Words = TOWARD
    methods: tuple[Method, ...] = option(
        ("integrated gradients", "gradient × input", "leave one out"),
        "By which methods: two by gradients; what is lost without a piece; or where its vector is nothing (occlusion).",
    )
    place: Place | None = option(
        None, "Whose answer is asked about, where every place has one.", none="the last", rare=True
    )

    def refuses(self, experiment):
        """Refuse networks that look nothing up."""
        if embedding(experiment.graph) is None:
            return "Only networks that read one text through an embedding have this."
        return "" if self.methods else "No method is chosen."

    def compute(self, session):
        """Ask for gradients of the pieces' vectors, and ask again without each piece."""
        sample = sample_of(session, self.sample)
        given, step = sample.given, embedding(session.graph)
        assert step
        long = int(lengths_of(given)[0])
        with looking(session.network):
            target, name = aimed(session, self.toward, sample, self.place)
            question = Question(session, step.path, target, self.place)
            with asking_back(session.network):
                rows = [WAYS[name](question, given) for name in self.methods]
            whole, none = (float(question.through(given, share)) for share in (1.0, 0.0))
        words = {"methods": list(self.methods), "toward": name, "whole": whole, "none": none}
        arrays = {"parts": np.stack([row[:long].float().cpu().numpy() for row in rows])}
        return Frame(arrays, words | {"pieces": labels(session, sample, long)} | sample.told())

    def draw(self, frame):
        """Draw a row for each method."""
        parts, words = frame["parts"], frame.words
        most = np.abs(parts).max(axis=1, keepdims=True)
        shown = heat(
            parts / np.maximum(most, 1e-12),  # each row by its own largest
            np.arange(parts.shape[1]),
            words["methods"],
            "diverging",
            zmin=-1,
            zmax=1,
            showscale=False,
            xgap=1,
            ygap=4,
            customdata=parts,
            hovertemplate="%{y}, place %{x}: %{customdata:.4g}<extra></extra>",
        )
        said = f"{words['toward']}: score {_n(words['whole'])}, with nothing read {_n(words['none'])}"
        if "integrated gradients" in words["methods"]:
            total = float(parts[words["methods"].index("integrated gradients")].sum())
            said += f"; integrated gradients add up to {_n(total)} of {_n(words['whole'] - words['none'])}"
        return figure(
            [shown],
            xaxis=along(words["pieces"], 48),
            yaxis=axis(type="category", autorange="reversed"),
            annotations=[caption(said)],
            margin={"l": 8, "r": 8, "t": 26, "b": 44},
        )


def embedding(graph: Graph) -> Step | None:
    """Return the only step that looks pieces of the only input up, or nothing."""
    found = [step for step in steps(graph) if isinstance(step.layer, Embedding)]
    read = len(graph.inputs) == 1 and len(found) == 1 and found[0].sources[0] in graph.inputs
    return found[0] if read else None


@dataclass(frozen=True)
class Question:
    """What is asked about a text: a column of the answer, where every place has one, at a place or the last one."""

    session: Session
    path: str  # of what looks pieces up
    target: int
    place: int | None

    def score(self, given: Tensor, where: Where = None) -> Tensor:
        """Return the score of each text."""
        return asked(self.session, given, self.target, self.place if where is None else where)

    def through(self, given: Tensor, shares: Any) -> Tensor:
        """Return scores where every vector has only a share of its length."""
        with capturing(self.session.module, [], {self.path: lambda vectors: vectors * shares}):
            return self.score(given)

    def gradients(self, given: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors of the pieces, and the gradient of the score by them at each share of their lengths."""
        kept: list[Tensor] = []

        def shortened(vectors: Tensor) -> Tensor:
            kept.append(vectors.detach())
            kept.append((vectors.detach() * shares.to(vectors)[:, None, None]).requires_grad_())
            vars(kept[1]).update(vars(vectors))  # how long its sequences are
            return kept[1]

        with capturing(self.session.module, [], {self.path: shortened}):
            scores = self.score(given.expand(len(shares), *given.shape[1:]))
        (gradients,) = torch.autograd.grad(scores.sum(), kept[1])
        return kept[0][0], gradients


def integrated(question: Question, given: Tensor) -> Tensor:
    """Return, of each piece, the integral of its gradient on the way from vectors of nothing, along its vector.

    Where the score turns sharply on that way, gradients are asked for close together there, so that parts add up.
    """
    with torch.no_grad():
        change = float(question.score(given)) - float(question.through(given, 0.0))
    at, weights = (torch.as_tensor(values / 2) for values in np.polynomial.legendre.leggauss(STEPS))
    found = _summed(question, given, at + 0.5, weights)
    if abs(float(found.sum()) - change) > NEAR * abs(change):
        found = _summed(question, given, *_closely(question, given))
    return found


def _summed(question: Question, given: Tensor, at: Tensor, weights: Tensor) -> Tensor:
    """Return the weighed sum of gradients at shares of the vectors, along them."""
    vectors, gradients = question.gradients(given, at)
    return (vectors * (gradients * weights.to(vectors)[:, None, None]).sum(dim=0)).sum(dim=1)


def _closely(question: Question, given: Tensor) -> tuple[Tensor, Tensor]:
    """Return shares of the way, close together where the score is steep, and what each stands for."""

    def scores(shares: Tensor) -> Tensor:
        with torch.no_grad():
            return question.through(given.repeat(len(shares), 1), shares.to(given.device).float()[:, None, None]).cpu()

    at = torch.linspace(0, 1, STEPS + 1, dtype=torch.double)
    known = scores(at)
    for _ in range(HALVED):
        steep = (known.diff().abs() > known.diff().abs().sum() * NEAR / 2).nonzero().flatten()
        if not len(steep) or len(at) + len(steep) > MOST_STEPS:
            break
        between = (at[steep] + at[steep + 1]) / 2
        at, order = torch.cat([at, between]).sort()
        known = torch.cat([known, scores(between)])[order]
    middle, half = (at[1:] + at[:-1]) / 2, (at[1:] - at[:-1]) / 2
    return torch.cat([middle - half / 3**0.5, middle + half / 3**0.5]), torch.cat([half, half])  # Gauss's two points


def times_input(question: Question, given: Tensor) -> Tensor:
    """Return, of each piece, its gradient along its vector."""
    vectors, gradients = question.gradients(given, torch.ones(1))
    return (vectors * gradients[0]).sum(dim=1)


def occluded(question: Question, given: Tensor) -> Tensor:
    """Return how much of the score is lost where the vector of each piece is nothing; all else stays in its place."""
    long = int(lengths_of(given)[0])
    kept = 1 - torch.eye(long, given.shape[1], device=given.device)[:, :, None]
    with torch.no_grad():
        return question.score(given) - question.through(given.repeat(long, 1), kept)


def left_out(question: Question, given: Tensor) -> Tensor:
    """Return how much of the score is lost without each piece.

    What comes behind it moves up, and the place that is asked about with it; where sequences may not be shorter, the
    piece's vector is nothing.
    """
    long = int(lengths_of(given)[0])
    if not question.session.module.sequences or long == 1:
        return occluded(question, given)
    others, every = given.repeat(long, 1), torch.arange(long, device=given.device)
    for place in range(long):
        others[place, place:-1] = given[0, place + 1 :]
        others[place, -1] = 0
    where = None if question.place is None else (question.place - (every <= question.place).long()).clamp(min=0)
    with torch.no_grad():
        return question.score(given) - question.score(others, where)


WAYS = {
    "integrated gradients": integrated,
    "gradient × input": times_input,
    "leave one out": left_out,
    "occlusion": occluded,
}


def _n(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")
