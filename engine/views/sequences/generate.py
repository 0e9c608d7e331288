"""Generate: what a network writes that has learned what comes next, piece by piece."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import PALETTE, axis, bare, caption, figure, literal
from engine.graph.capture import carrying
from engine.graph.graph import Graph
from engine.layers.sequence import PositionalEncoding
from engine.looking.forms.tokens import are_letters, tokens
from engine.looking.frame import Frame
from engine.looking.session import Session, looking
from engine.looking.shared import Example, steps
from engine.looking.view import View, view
from engine.views.sequences.cells import KINDS, SHOWN, recurrent, visible

LINE, LINES = 96, 12  # signs in a line, and lines that are shown
TINIEST = 1e-30  # a chance below it counts as this
CURSOR = "│"  # stands where the beginning ends
CHOICES = 24  # of what may come next, those that are shown
BLANK = "\u00a0"  # which a figure does not leave out


@view("generate")
class Generate(View):
    """Text that goes on as the network has learned, one piece at a time: each is drawn by how probable it is."""

    title, rank, height, wide = "Generate", 9, 360, True
    hint = "First it learns how often signs come, then words, then lines. Click a bar to choose what comes next."

    start: Example = option("The ", "How the text begins.")
    length: Annotated[int, Field(ge=1, le=1000)] = option(500, "How many pieces are written.")
    temperature: Annotated[float, Field(ge=0.0, le=5.0)] = option(
        0.7,
        "Below 1 what is probable becomes more so, above 1 less; 0 always takes the most probable.",
        felt=(0.0, 5.0),
    )
    top_k: Annotated[int, Field(ge=1, le=1000)] | None = option(
        None, "Only so many of the most probable pieces may come.", none="all", rare=True
    )
    top_p: Annotated[float, Field(ge=0.01, le=1)] | None = option(
        None, "Only the most probable pieces may come, as many as make up this share.", none="all", rare=True
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = option(0, "Another number, another text.", rare=True)

    def refuses(self, experiment):
        """Refuse what does not tell of every piece of a text which one comes next."""
        told = experiment.task.answers == "labels" and experiment.data and experiment.data.foretells
        return "" if told else "Only networks that learn what comes next in a text can write one."

    def compute(self, session):
        """Write on from the start."""
        learner = session.network
        dataset = learner.dataset
        begun, _ = tokens(dataset, self.start)
        if not begun:
            raise VitrineError("There is nothing to begin with.", cure="Write how the text begins.")
        told, written = [], []
        random = torch.Generator().manual_seed(self.seed)
        for scores in spoken(session, begun, written):
            if not bool(scores.isfinite().all()):
                raise VitrineError(
                    "The network's answers are no numbers any more.", cure="Go back to an earlier moment."
                )
            chances = self.chances(scores)
            told.append(chances)
            if len(told) > self.length:
                break
            written.append(1 + int(torch.multinomial(chances, 1, generator=random)))
        first = told[0].float()
        order = first.argsort(descending=True, stable=True)[:CHOICES]
        words = {"pieces": [dataset.words[token] for token in (*begun, *written)], "begun": len(begun)}
        words |= {
            "next": [dataset.classes[place] for place in order.tolist()],
            "letters": are_letters(dataset.words[1:]),
        }
        return Frame({"chances": first[order].numpy(), "tokens": np.array(written)}, words)

    def chances(self, scores: Tensor) -> Tensor:
        """Return how probable each piece is to come, as it is drawn."""
        if not self.temperature:
            return torch.nn.functional.one_hot(scores.argmax(), len(scores)).double()
        chances = (scores.double() / self.temperature).softmax(dim=0)
        order = chances.argsort(descending=True, stable=True)
        if self.top_k:
            chances[order[self.top_k :]] = 0
        if self.top_p:
            before = chances[order].cumsum(dim=0) - chances[order]
            chances[order[before >= self.top_p * chances.sum()]] = 0
        return chances / chances.sum()

    def pick(self, point):
        """Let the piece that was clicked come next."""
        name = point.get("name")
        if not isinstance(name, str) or len(name) > 100:
            return None
        name = bare(name)
        piece = next((sign for sign, shown in SHOWN.items() if shown == name), name)
        return self.but(start=self.start + (piece if point.get("part") == "letters" else f" {piece}"))

    def draw(self, frame):
        """Draw the text, and how probable each piece was to come first."""
        pieces, begun = frame.words["pieces"], frame.words["begun"]
        joint = "" if frame.words["letters"] else " "
        lines = excerpt(laid(bare(joint.join(pieces[:begun]) + CURSOR + joint.join(pieces[begun:]))))
        names = [visible(piece) for piece in frame.words["next"]]
        bars = {
            "type": "bar",
            "x": names,
            "y": frame["chances"],
            "marker": {"color": PALETTE[0]},
            "hovertemplate": "%{x}: %{y:.1%}<extra></extra>",
            "meta": {"names": names, "part": "letters" if frame.words["letters"] else "words"},
        }
        text = caption("<br>".join(lines), yanchor="top", y=1, font={"family": "monospace", "size": 12})
        return figure(
            [bars],
            xaxis=axis("what may come first", type="category", tickangle=0),
            yaxis=axis("chance", tickformat=".0%", domain=[0, 0.3], rangemode="tozero", nticks=4),
            annotations=[text],
            margin={"l": 56, "r": 8, "t": 8, "b": 44},
        )


def stepwise(graph: Graph) -> bool:
    """Return whether a text can be read piece by piece: nothing but cells that read forwards looks beyond its place."""
    back = [step for step in recurrent(graph) if isinstance(step.layer, KINDS) and step.layer.both_directions]
    others = [step for step in steps(graph) if not isinstance(step.layer, KINDS)]
    placed = [step for step in others if isinstance(step.layer, PositionalEncoding)]  # to it a piece alone is the first
    return not back and not placed and all(step.layer.sees(step.given[0]) == "point" for step in others)


def spoken(session: Session, begun: list[int], written: list[int]) -> Iterator[Tensor]:
    """Yield the scores of what comes next, again and again; `written` is what was chosen of it so far."""
    learner = session.network
    device, window = learner.place.device, learner.dataset.sizes[0]

    def asked(tokens: list[int]) -> Tensor:
        with looking(learner):
            given = learner.material.given(torch.tensor([tokens], device=device))
            chances = learner.task.chances(learner.task.answer(learner.networks, given))
            return chances[0, len(tokens) - 1].float().cpu().clamp_min(TINIEST).log()

    if not stepwise(session.graph):
        while True:
            yield asked([*begun, *written][-window:])
    with carrying(session.module):
        for place in range(0, len(begun), window):
            scores = asked(begun[place : place + window])
        while True:
            yield scores
            scores = asked(written[-1:])


def excerpt(lines: list[str]) -> list[str]:
    """Return as many lines as there is room for, from shortly before the cursor on; dots say where more is."""
    at = next(place for place, line in enumerate(lines) if CURSOR in line)
    first = max(0, min(at - 2, len(lines) - LINES))
    shown = lines[first : first + LINES]
    return ["…"] * bool(first) + shown + ["…"] * (first + LINES < len(lines))


def laid(text: str) -> list[str]:
    """Return the lines of a text as a figure shows them, every blank where it is."""
    lines = [""]
    for sign in text:
        if sign == "\n" or len(lines[-1]) >= LINE:
            lines.append("")
        if sign != "\n":
            lines[-1] += BLANK if sign == " " else sign
    return [literal(line) for line in lines]
