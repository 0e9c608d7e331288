"""Counting: what comes next as a table of counts tells it, beside the network: n-grams, which remember a few pieces."""

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from engine.choice import option
from engine.data import Split
from engine.data.dataset import UNKNOWN
from engine.figures.figure import PALETTE, axis, caption, figure
from engine.looking.frame import Frame
from engine.looking.session import Session
from engine.looking.view import View, view

MOST_LEARNED = 400_000  # pieces that are counted
ASKED = 20_000  # pieces that are told
POOL = 300  # examples that the network is asked about
MEASURES = {"nats": 1.0, "bits": 1 / math.log(2), "perplexity": 0.0}


@view("n-grams")
class NGrams(View):
    """How well counting tells what comes next, from the last one, two, three … pieces, beside the network."""

    title, rank, height = "Against counting", 17, 300
    hint = "Counting more pieces helps until they are seen too seldom; a memory that is better holds something longer."

    longest: Annotated[int, Field(ge=1, le=8)] = option(5, "Up to how many pieces are counted together.")
    measure: Literal["nats", "bits", "perplexity"] = option(
        "nats", "Of a piece: nats, bits, or among how many equally likely ones it would be as hard to tell."
    )
    split: Literal["validation", "test"] = option("validation", "Of which examples.")

    def refuses(self, experiment):
        """Refuse what does not tell of every piece of a text which one comes next."""
        told = experiment.task.answers == "labels" and experiment.data and experiment.data.foretells
        return "" if told else "Only networks that learn what comes next in a text can be compared with counting."

    def stages(self, session):
        """Ask about every example in turn, then count."""
        yield from session.asked(self.split, _examples(session))
        yield self.compute(session)

    def compute(self, session):
        """Compare the mean surprise at what comes next, of the same pieces."""
        learner, dataset = session.network, session.network.dataset
        many = _examples(session)
        answers, targets = session.outputs(self.split, many)
        name, _ = session.split(self.split)
        scores = learner.task.tally()
        scores.take(answers, targets)
        found = scores.scores()["loss"]
        kept = learner.lasting
        if (key := ("n-grams", name, self.longest)) not in kept:
            learned = running(dataset.train, MOST_LEARNED)
            told = running(dataset.splits()[name], ASKED, many)
            kept[key] = surprises(learned, told, self.longest, len(dataset.classes))
        return Frame({"counted": np.array(kept[key]), "network": np.array([found])}, {"split": name})

    def draw(self, frame):
        """Draw a bar for each length, and one for the network."""
        names = [f"{n}" for n in range(1, len(frame["counted"]) + 1)]
        values = [self._in(value) for value in (*frame["counted"].tolist(), float(frame["network"][0]))]
        labels = ["how often it comes", *(f"after the last {int(n) - 1}" for n in names[1:]), "network"]
        bars = {
            "type": "bar",
            "x": labels,
            "y": np.round(values, 4),
            "text": [f"{value:.3g}" for value in values],
            "marker": {"color": [PALETTE[7]] * len(names) + [PALETTE[0]]},
            "hovertemplate": "%{x}: %{y:.4g}<extra></extra>",
        }
        best = int(np.argmin(frame["counted"]))
        better = "better" if values[-1] < values[best] else "worse"
        said = f"the network is {better} than the best count ({labels[best]}), {frame.words['split']}"
        return figure(
            [bars],
            xaxis=axis(type="category"),
            yaxis=axis(f"{self.measure} a piece" if self.measure != "perplexity" else "perplexity", rangemode="tozero"),
            annotations=[caption(said)],
            margin={"l": 56, "r": 8, "t": 26, "b": 60},
        )

    def _in(self, nats: float) -> float:
        return math.exp(min(nats, 700.0)) if self.measure == "perplexity" else nats * MEASURES[self.measure]


def _examples(session: Session) -> int:
    """Return how many examples are told of, by the network and by counting."""
    return max(1, min(POOL, ASKED // session.network.dataset.sizes[0]))


def running(split: Split, most: int, examples: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return texts one behind another as numbers of classes, and of each piece its place in its text.

    Of a text that is what stands first, and all that is right to come behind it; so many pieces at most.
    """
    tokens, labels = split.inputs[:examples].numpy(), split.targets[:examples].numpy()
    rows = np.concatenate([tokens[:, :1] - 1, labels], axis=1)
    there = rows != UNKNOWN
    there[:, 0] = True
    enough = max(1, int((np.cumsum(there.sum(axis=1) - 1) <= most).sum()))
    places = np.cumsum(there, axis=1) - 1
    return rows[:enough][there[:enough]], places[:enough][there[:enough]]


def surprises(
    learned: tuple[np.ndarray, np.ndarray], told: tuple[np.ndarray, np.ndarray], longest: int, classes: int
) -> list[float]:
    """Return the mean surprise, in nats, of models that count 1, 2, … pieces together.

    Each leans on the shorter one by Witten and Bell's rule (1991): the more different pieces came behind what stands
    before, the more. The shortest leans on all being equally likely. Nothing is told across the beginning of a text.
    """
    pieces, places = (np.concatenate(pair).astype(np.int64) for pair in zip(learned, told, strict=True))
    known = np.arange(len(pieces)) < len(learned[0])
    asked = ~known & (places > 0)
    before = np.zeros(len(pieces), np.int64)  # of each piece, a number for what stands before it
    chance = np.full(int(asked.sum()), 1 / classes)
    found = []
    for n in range(longest):
        if n:
            first = np.concatenate([np.zeros(min(n, len(pieces)), np.int64), pieces[:-n]])
            before = np.unique(first * (int(before.max()) + 1) + before, return_inverse=True)[1]
        whole = places >= max(n, 1)  # those that have so many before them
        pairs, counts = np.unique((before * classes + pieces)[known & whole], return_counts=True)
        size = int(before.max()) + 1
        totals = np.bincount(pairs // classes, counts, minlength=size)[before[asked]]
        different = np.bincount(pairs // classes, minlength=size)[before[asked]]
        wanted = (before * classes + pieces)[asked]
        at = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
        times = np.where(pairs[at] == wanted, counts[at], 0) if len(pairs) else np.zeros(len(wanted))
        there = whole[asked] & (totals > 0)
        chance = np.where(there, (times + different * chance) / np.maximum(totals + different, 1), chance)
        found.append(float(-np.log(chance).mean()) if len(chance) else math.nan)
    return found
