"""Factors: which number of a code tells which thing that is known of examples, and whether it tells that alone."""

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import axis, caption, figure, heat
from engine.looking.frame import Frame
from engine.looking.view import View, view
from engine.views.latent.attributes import Attribute, attribute, attributes
from engine.views.latent.codes import codeless, codes_of, kept_codes

BINS = 10  # into which numbers are sorted
SHOWN = 24  # numbers of a code that are drawn: those that tell most


@view("factors")
class Factors(View):
    """How much each number of the code tells of what is known of examples: the mutual information, as a share of all
    there is to be told. Below, the gap between the number that tells most of a thing and the next (Chen, 2018).
    """

    title, rank, height, wide = "One number, one thing", 12, 340, True
    together = True
    hint = "Where a column has one dark place, one number alone tells that thing: the code takes the world apart."

    examples: Annotated[int, Field(ge=100, le=10_000)] = option(3000, "Of how many training examples codes are taken.")

    def refuses(self, experiment):
        """Refuse what makes no codes of examples."""
        return codeless(experiment)

    def stages(self, session):
        """Ask for codes piece by piece, then count."""
        yield from codes_of(session, "train", self.examples, told=False)
        yield self.compute(session)

    def compute(self, session):
        """Measure what each number of the code tells of each thing that is known."""
        codes = kept_codes(session, "train", self.examples, told=False).at.double().numpy()
        if not np.isfinite(codes).all():
            raise VitrineError("Codes are no numbers any more.", cure="Look at an earlier step.")
        columns = [sorted_in(codes[:, place]) for place in range(codes.shape[1])]
        every = [attribute(session, name, "train", self.examples) for name in _known(session)]
        known = {one.name: np.isfinite(one.values) & ((one.values >= 0) | (not one.classes)) for one in every}
        kinds = {one.name: _kinds(one, known[one.name]) for one in every if known[one.name].any()}
        kinds = {name: kind for name, kind in kinds.items() if len(np.unique(kind)) > 1}
        if not kinds:
            raise VitrineError("Nothing is known of these examples in which they differ.", cure="Choose other data.")
        told = np.array(
            [[shared(column[known[name]], kind) / entropy(kind) for name, kind in kinds.items()] for column in columns]
        )
        order = np.sort(np.argsort(-told.max(axis=1), kind="stable")[:SHOWN])
        gaps = [float(np.ptp(np.sort(column)[-2:])) if len(told) > 1 else float(column[0]) for column in told.T]
        words: dict[str, Any] = {"names": list(kinds), "numbers": order.tolist(), "size": codes.shape[1]}
        return Frame({"told": told[order], "gaps": np.array(gaps)}, words)

    def draw(self, frame):
        """Draw a row for each number, a column for each thing that is known."""
        words, told = frame.words, np.round(frame["told"], 3)
        along = [f"{name}<br>gap {gap:.2f}" for name, gap in zip(words["names"], frame["gaps"], strict=True)]
        rows = [f"z{place}" for place in words["numbers"]]
        shown = heat(told, along, rows, zmin=0, zmax=max(0.2, float(told.max())))
        shown |= {"hovertemplate": "%{y} tells %{z:.1%} of %{x}<extra></extra>", "colorbar": {"tickformat": ".0%"}}
        if told.size <= 200:
            shown |= {"text": [[f"{value:.0%}" for value in row] for row in told], "texttemplate": "%{text}"}
        said = f"how much each number tells; gaps on average {frame['gaps'].mean():.2f}"
        said += f", the {len(rows)} that tell most of {words['size']:,}" if len(rows) < words["size"] else ""
        return figure(
            [shown],
            xaxis=axis(type="category", showgrid=False),
            yaxis=axis(type="category", autorange="reversed", showgrid=False),
            annotations=[caption(said)],
            margin={"l": 48, "r": 8, "t": 26, "b": 48},
        )


def _known(session) -> list[str]:
    """Return what is known of the examples; stand-ins for data that are not there know nothing of what these would."""
    data, facts = session.experiment.data, session.network.dataset.facts
    return [name for name in attributes(session.experiment) if not data or name not in data.knows or name in facts]


def _kinds(one: Attribute, known: np.ndarray) -> np.ndarray:
    """Return which class of an attribute those have of which it is known; numbers are sorted into bins."""
    return one.values[known].astype(int) if one.classes else sorted_in(one.values[known])


def sorted_in(values: np.ndarray) -> np.ndarray:
    """Return numbers by the bin they lie in, all of one width from the least to the greatest."""
    low, high = values.min(), values.max()
    if high - low < 1e-9 * max(1.0, abs(high)):
        return np.zeros(len(values), int)
    return np.minimum((BINS * (values - low) / (high - low)).astype(int), BINS - 1)


def entropy(kinds: np.ndarray) -> float:
    """Return how much there is to be told of what these are, in nats."""
    shares = np.unique(kinds, return_counts=True)[1] / len(kinds)
    return float(-(shares * np.log(shares)).sum())


def shared(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mutual information of two rows of kinds, in nats."""
    both = one.astype(np.int64) * (int(other.max()) + 2) + other
    return max(0.0, entropy(one) + entropy(other) - entropy(both))
