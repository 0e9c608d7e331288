"""Tokens: how much each piece of a text speaks for an answer."""

from typing import Literal

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
from engine.looking.session import Session, looking
from engine.looking.shared import SAMPLE, TOWARD, Example, Words, steps
from engine.looking.view import View, view
from engine.views.sequences.asking import aimed, asked
from engine.views.sequences.cells import labels
from engine.views.sequences.states import along

STEPS = 50  # from nothing to the text, at which gradients are asked for
Method = Literal["integrated gradients", "gradient × input", "leave one out"]


@view("tokens")
class Tokens(View):
    """How much each piece speaks for the answer, by three methods; integrated gradients add up to the whole change."""

    title, rank, height, wide = "Tokens", 15, 230, True
    follows = True
    hint = "Blue speaks for it, orange against. Leave a piece out: what is lost? The three need not agree."

    sample: Example = SAMPLE
    toward: Words = TOWARD
    methods: tuple[Method, ...] = option(
        ("integrated gradients", "gradient × input", "leave one out"), "By which methods."
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
        with looking(session.network), torch.backends.cudnn.flags(enabled=False):  # whose cells give none at rest
            target, name = aimed(session, self.toward, sample)
            with torch.enable_grad():
                ways = {"integrated gradients": integrated, "gradient × input": times_input, "leave one out": left_out}
                rows = [ways[name](session, step.path, given, target) for name in self.methods]
            whole, none = (float(_through(session, step.path, given, target, share)) for share in (1.0, 0.0))
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


def _through(session: Session, path: str, given: Tensor, target: int, share: float) -> Tensor:
    """Return the score where every vector has only a share of its length."""
    with capturing(session.module, [], {path: lambda vectors: vectors * share}):
        return asked(session, given, target)[0]


def _gradients(session: Session, path: str, given: Tensor, target: int, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Return the vectors of the pieces, and the gradient of the score by them at each share of their lengths."""
    kept: list[Tensor] = []

    def shortened(vectors: Tensor) -> Tensor:
        kept.append(vectors.detach())
        kept.append((vectors.detach() * shares.to(vectors)[:, None, None]).requires_grad_())
        vars(kept[1]).update(vars(vectors))  # how long its sequences are
        return kept[1]

    with capturing(session.module, [], {path: shortened}):
        scores = asked(session, given.expand(len(shares), *given.shape[1:]), target)
    (gradients,) = torch.autograd.grad(scores.sum(), kept[1])
    return kept[0][0], gradients


def integrated(session: Session, path: str, given: Tensor, target: int) -> Tensor:
    """Return, of each piece, the integral of its gradient on the way from vectors of nothing, along its vector."""
    places, weights = (torch.as_tensor(values / 2, device="cpu") for values in np.polynomial.legendre.leggauss(STEPS))
    vectors, gradients = _gradients(session, path, given, target, places + 0.5)
    return (vectors * (gradients * weights.to(vectors)[:, None, None]).sum(dim=0)).sum(dim=1)


def times_input(session: Session, path: str, given: Tensor, target: int) -> Tensor:
    """Return, of each piece, its gradient along its vector."""
    vectors, gradients = _gradients(session, path, given, target, torch.ones(1))
    return (vectors * gradients[0]).sum(dim=1)


def left_out(session: Session, path: str, given: Tensor, target: int) -> Tensor:
    """Return how much of the score is lost without each piece.

    What comes behind it moves up, or where sequences may not be shorter, its vector is nothing.
    """
    long = int(lengths_of(given)[0])
    whole, others = asked(session, given, target).detach(), given.repeat(long, 1)
    with torch.no_grad():
        if not session.module.sequences or long == 1:
            kept = 1 - torch.eye(long, given.shape[1], device=given.device)[:, :, None]
            with capturing(session.module, [], {path: lambda vectors: vectors * kept.to(vectors)}):
                return whole - asked(session, others, target)
        for place in range(long):
            others[place, place:-1] = given[0, place + 1 :]
            others[place, -1] = 0
        return whole - asked(session, others, target)


def _n(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")
