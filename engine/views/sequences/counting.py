"""Counting: what comes next as a table of counts tells it, beside the network: n-grams, which remember a few pieces."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
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
            learned = sequences(dataset.train, MOST_LEARNED)
            told = sequences(dataset.splits()[name], ASKED, many)
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


def sequences(split: Split, most: int, examples: int | None = None) -> list[list[int]]:
    """Return texts as numbers of classes: what stands first, and all that comes behind it; so many pieces at most."""
    found, many = [], 0
    for tokens, labels in zip(split.inputs[:examples].tolist(), split.targets[:examples].tolist(), strict=True):
        right = [label for label in labels if label != UNKNOWN]
        found.append([tokens[0] - 1, *right])
        many += len(right)
        if many >= most:
            break
    return found


def surprises(learned: Sequence[list[int]], told: Sequence[list[int]], longest: int, classes: int) -> list[float]:
    """Return the mean surprise, in nats, of models that count 1, 2, … pieces together.

    Each leans on the shorter one by Witten and Bell's rule (1991): the more different pieces came behind what stands
    before, the more. The shortest leans on all being equally likely. Nothing is told across the beginning of a text.
    """
    counts: list[dict[tuple[int, ...], Counter[int]]] = [defaultdict(Counter) for _ in range(longest)]
    for text in learned:
        for place in range(1, len(text)):
            for n in range(min(longest, place + 1)):
                counts[n][tuple(text[place - n : place])][text[place]] += 1
    totals = [{before: sum(after.values()) for before, after in table.items()} for table in counts]
    sums, many = [0.0] * longest, 0
    for text in told:
        for place in range(1, len(text)):
            chance = 1 / classes
            for n in range(longest):
                before = tuple(text[place - n : place]) if n <= place else None
                if before is not None and (total := totals[n].get(before, 0)):
                    after = counts[n][before]
                    chance = (after[text[place]] + len(after) * chance) / (total + len(after))
                sums[n] -= math.log(chance)
            many += 1
    return [total / many for total in sums] if many else [math.nan] * longest
