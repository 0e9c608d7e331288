"""Text by unit: a text in the colours of what one unit holds, and a search for the units that go with a pattern."""

import time
from typing import Annotated, Any, Literal

import numpy as np
import regex
import torch
from pydantic import Field
from torch import Tensor

from engine.choice import option
from engine.data import Dataset
from engine.errors import VitrineError
from engine.figures.figure import PALETTE, axis, caption, figure, heat
from engine.layers.modules import lengths_of
from engine.looking.forms.tokens import are_letters
from engine.looking.frame import Frame
from engine.looking.sample import sample_of
from engine.looking.session import Session, looking
from engine.looking.shared import UNIT, Number, Words, picked
from engine.looking.view import view
from engine.registry import shortened
from engine.views.sequences.cells import OfCells, read, recurrent, visible
from engine.views.sequences.pool import Pool, pooled

WIDE, LOW, HIGH = 84, 5, 10  # signs in a line, and lines: at least and at most
FOUND = 12  # units that are shown
LONG = 0.7  # seconds that a search may take
RECURSIVE = regex.compile(r"\(\?(?:R|[+-]?\d|&|P>)")  # a group within itself, which may take all memory
FEWEST = 3  # places that a pattern must be found at, and be missing at


@view("text")
class TextByUnit(OfCells):
    """A text, each piece coloured by what one unit holds there; and the units that go with a pattern or a class."""

    title, rank, height, wide = "Text by unit", 13, 330, True
    hint = "Search a pattern, such as \\d+ or [A-Z] or a word: a unit that is on just there has learned to see it."

    unit: Number = UNIT
    pattern: Annotated[str, Field(max_length=200)] = option(
        "", "Find units that are on where this is, and off where it is not: a regular expression."
    )
    of_class: Words = option("", "Or units that go with this class, of the text or of the place.")
    further: Annotated[int, Field(ge=0, le=20)] = option(
        8, "How many more windows of a text that goes on are read behind the sample.", rare=True
    )
    among: Literal["validation", "test", "train"] = option("validation", "Where it is searched.", rare=True)
    way: Literal["forwards", "backwards"] = option("forwards", "Which direction, where the layer reads both ways.")

    def refuses(self, experiment):
        """Refuse what reads no text with memory."""
        data = experiment.data
        return super().refuses(experiment) or ("" if data and data.example == "tokens" else "It reads no text.")

    def compute(self, session):
        """Read the sample, and what comes behind it in a text that goes on; then search."""
        dataset = session.network.dataset
        sample = sample_of(session, self.sample)
        path = picked(recurrent(session.graph), session.graph, self.node, "that remembers").path
        tokens, rows, name = [], [], ""
        for one in [sample, *self._behind(session, sample)]:
            with looking(session.network):
                every = read(session, path, one)
            reading = ([r for r in every if r.backwards == (self.way == "backwards")] or every)[-1]
            values, name = reading.rows("state").float().cpu().numpy(), reading.name
            long = int(lengths_of(one.values[None])[0])
            if len(values) != long:
                raise VitrineError(f"{path} does not read a text place by place.", cure="Look at another layer.")
            rows.append(values)
            tokens += one.values[:long].tolist()
        states = np.concatenate(rows)
        unit = min(self.unit, states.shape[1] - 1)
        words: dict[str, Any] = {"node": path, "name": name, "unit": unit, **sample.told()}
        words |= {"pieces": [dataset.words[token] for token in tokens], "letters": are_letters(dataset.words[1:])}
        arrays = {"values": states[:, unit]}
        if self.pattern or self.of_class:
            split, pool = pooled(session, self.among)
            mask, words["searched"] = self._mask(session, split, pool)
            arrays["share"] = np.array([mask.mean()])
            strengths = correlations(pool.states, mask)
            best = np.argsort(-np.abs(strengths), kind="stable")[:FOUND]
            arrays["strengths"] = strengths[best]
            words["units"] = [pool.units[place] for place in best.tolist()]
        return Frame(arrays, words)

    def _behind(self, session: Session, sample) -> list:
        """Return the windows behind a sample, of a text that goes on."""
        dataset = session.network.dataset
        if not sample.at or not dataset.foretells or dataset.divided != "in order":
            return []
        split, place = sample.at
        many = min(self.further, len(session.split(split)[1]) - place - 1)
        return [sample_of(session, f"{split} {place + ahead}") for ahead in range(1, many + 1)]

    def _mask(self, session: Session, split: str, pool: Pool) -> tuple[np.ndarray, str]:
        """Return at which places of the pool the pattern or the class is, and what was searched, in words."""
        dataset = session.network.dataset
        part = dataset.splits()[split]
        if self.pattern:
            inputs = part.inputs[: int(pool.example[-1]) + 1]
            until = time.monotonic() + LONG
            mask = np.concatenate([_found(self.pattern, dataset, row, until) for row in inputs])
            what = f"the pattern {shortened(self.pattern)}"
        else:
            if self.of_class not in dataset.classes:
                raise VitrineError(
                    f"There is no class {shortened(self.of_class)}.", cure=f"Choose one of: {_some(dataset)}."
                )
            targets, wanted = part.targets, dataset.classes.index(self.of_class)
            if dataset.goal == "class":
                mask = (targets[torch.from_numpy(pool.example)] == wanted).numpy()
            elif dataset.goal == "labels" and targets.dim() == 2:
                mask = (targets[torch.from_numpy(pool.example), torch.from_numpy(pool.place)] == wanted).numpy()
            else:
                raise VitrineError("These data have no classes to go with.", cure="Search a pattern.")
            what = f"the class {self.of_class}"
        if not FEWEST <= mask.sum() <= len(mask) - FEWEST:
            much = "hardly anywhere" if mask.sum() < FEWEST else "nearly everywhere"
            raise VitrineError(f"{what[:1].upper()}{what[1:]} is {much}.", cure="Search something else.")
        return mask, what

    def pick(self, point):
        """Look at the unit whose bar was clicked."""
        row, name = point.get("row"), point.get("name")
        if not isinstance(name, str) or not isinstance(row, int) or ":" not in name:
            return None
        node, _, unit = name.rpartition(":")
        if not unit.isdecimal():
            return None
        back = node.endswith(" ←")
        return self.but(node=node.split(" ")[0], unit=int(unit[:7]), way="backwards" if back else "forwards")

    def draw(self, frame):
        """Draw the text in its colours, and under it the units that were found."""
        words = frame.words
        letters, values = laid(words["pieces"], frame["values"], words["letters"])
        searched = "strengths" in frame.arrays
        most = float(np.abs(frame["values"]).max(initial=0)) or 1.0
        text = heat(
            np.round(values, 3),
            np.arange(values.shape[1]),
            np.arange(values.shape[0]),
            "diverging",
            zmin=-most,
            zmax=most,
            text=letters,
            texttemplate="%{text}",
            textfont={"family": "monospace", "size": 13},
            hovertemplate=f"unit {words['unit']}: %{{z:.3f}}<extra></extra>",
            colorbar={"thickness": 8, "len": 1},
        )
        low = 0.36 if searched else 0.0
        traces, layout = (
            [text],
            {
                "xaxis": axis(visible=False, domain=[0, 1]),
                "yaxis": axis(visible=False, autorange="reversed", domain=[low, 1]),
            },
        )
        said = f"{words['name']}, unit {words['unit']}"
        if searched:
            strengths = frame["strengths"]
            names = [f"{node}:{unit}" for node, unit in words["units"]]
            bars = {"type": "bar", "x": names, "y": np.round(strengths, 3), "marker": {"color": PALETTE[0]}}
            bars |= {"xaxis": "x2", "yaxis": "y2", "meta": {"names": names}}
            traces.append(bars | {"hovertemplate": "%{x}: %{y:.3f}<extra></extra>"})
            layout["xaxis2"] = axis(type="category", anchor="y2", domain=[0, 1])
            layout["yaxis2"] = axis("goes with it", domain=[0, 0.24], range=[-1, 1], anchor="x2", nticks=4)
            share = float(frame["share"][0])
            said += f"; units that go with {words['searched']} ({share:.1%} of all places): click one"
        return figure(traces, annotations=[caption(said)], margin={"l": 48, "r": 8, "t": 26, "b": 30}, **layout)


def _some(dataset: Dataset) -> str:
    return ", ".join(visible(name) for name in dataset.classes[:12])


def _found(pattern: str, dataset: Dataset, row: Tensor, until: float) -> np.ndarray:
    """Return at which places of one text a pattern is found, where that is done by a moment."""
    pieces = [dataset.words[token] for token in row[: int(lengths_of(row[None])[0])].tolist()]
    between = "" if are_letters(dataset.words[1:]) else " "
    text, ends = between.join(pieces), np.cumsum([len(piece) + len(between) for piece in pieces])
    begins = ends - [len(piece) + len(between) for piece in pieces]
    mask = np.zeros(len(pieces), bool)
    for first, last in spans(pattern, text, until - time.monotonic()):
        mask |= (begins < last) & (ends - len(between) > first)
    return mask


def spans(pattern: str, text: str, seconds: float) -> list[tuple[int, int]]:
    """Return where a regular expression is found; one that takes longer, or is none, is refused in words."""
    if RECURSIVE.search(pattern):
        raise VitrineError("A pattern cannot hold itself here.", cure="Search something simpler.")
    try:
        found = regex.finditer(pattern, text, timeout=max(seconds, 1e-3), concurrent=True)
        return [match.span() for match in found if match.end() > match.start()]
    except TimeoutError:
        raise VitrineError(
            f"{shortened(pattern)} takes too long to be searched.", cure="Search something simpler."
        ) from None
    except MemoryError:
        raise VitrineError(f"{shortened(pattern)} takes too much memory.", cure="Search something simpler.") from None
    except (regex.error, RecursionError, OverflowError, ValueError) as error:
        raise VitrineError(f"{shortened(pattern)} is no regular expression: {str(error)[:100]}.") from None


def correlations(states: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return how each column goes together with what is true or not, from −1 to 1; a column that never moves, 0."""
    centred, there = states.astype(np.float64) - states.mean(axis=0, dtype=np.float64), mask - mask.mean()
    lengths = np.sqrt(np.square(centred).sum(axis=0) * np.square(there).sum())
    return np.divide(there @ centred, lengths, out=np.zeros(states.shape[1]), where=lengths > 1e-9)


def laid(pieces: list[str], values: np.ndarray, letters: bool) -> tuple[list[list[str]], np.ndarray]:
    """Return a text sign by sign in lines, and under each sign the value of its piece; between words there is none."""
    signs, under = [[]], [[]]
    for piece, value in zip(pieces, values.tolist(), strict=True):
        shown = visible(piece)
        if signs[-1] and len(signs[-1]) + len(shown) > WIDE:
            signs.append([])
            under.append([])
        signs[-1] += shown[:WIDE]
        under[-1] += [value] * len(shown[:WIDE])
        if not letters and len(signs[-1]) < WIDE:
            signs[-1].append("")
            under[-1].append(np.nan)
        if piece == "\n":
            signs.append([])
            under.append([])
    signs, under = signs[:HIGH], under[:HIGH]
    signs += [[]] * (LOW - len(signs))
    under += [[]] * (LOW - len(under))
    lines = [line + [""] * (WIDE - len(line)) for line in signs]
    table = np.full((len(under), WIDE), np.nan)
    for place, line in enumerate(under):
        table[place, : len(line)] = line
    return lines, table
