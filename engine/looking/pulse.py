"""Pulses: what steps did in every node, as frames; and how several become one history."""

from dataclasses import dataclass

import numpy as np

from engine.looking.frame import Frame
from engine.looking.session import Session
from engine.training.address import SIGN
from engine.training.watch import BINS, Watched

NUMBERS = (
    "gradient norm",
    "gradient mean",
    "update ratio",
    "weight norm",
    "dead units",
    "activation mean",
    "activation deviation",
    "clipped gradient",  # at the end: pulses of earlier versions end before it
)
HISTOGRAMS = ("weights", "gradients", "activations")


def framed(watched: Watched) -> Frame:
    """Return what one step did as a frame: nodes × numbers, nodes × histograms × bins; absent ones are no numbers."""
    numbers = [[found.get(what, np.nan) for what in NUMBERS] for found in watched.numbers.values()]
    empty = [np.nan] * (BINS + 2)
    histograms = [
        [watched.histograms.get(node, {}).get(what, empty) for what in HISTOGRAMS] for node in watched.numbers
    ]
    arrays = {"numbers": np.array(numbers, np.float32), "histograms": np.array(histograms, np.float32)}
    words: dict[str, object] = {"nodes": list(watched.numbers)}
    if watched.weights:
        arrays["weights"] = np.concatenate([weight.flatten().numpy() for weight in watched.weights.values()])
        words["weights"] = [[name, list(weight.shape)] for name, weight in watched.weights.items()]
    return Frame(arrays, words)


@dataclass(frozen=True)
class History:
    """One quantity of every node that has it, over steps."""

    nodes: list[str]
    steps: np.ndarray  # T
    values: np.ndarray  # nodes × T


def path(session: Session, role: str = "") -> tuple[np.ndarray, np.ndarray, list]:
    """Return the steps up to the session's own, all weights at each, and the parameters' names and sizes in order.

    Of several networks those of one role, where one is named.
    """
    pulses = [(s, f) for s, f in session.record.pulses() if s <= session.step and "weights" in f.arrays]
    names = pulses[-1][1].words["weights"] if pulses else []
    kept = [(step, frame["weights"]) for step, frame in pulses if frame.words["weights"] == names]
    rows = np.array([weights for _, weights in kept])
    if role and len(session.experiment.graphs) > 1:
        sizes = [int(np.prod(size)) for _, size in names]
        mine = [name.startswith(f"{role}{SIGN}") for name, _ in names]
        rows = rows[:, np.repeat(mine, sizes)] if len(rows) else rows
        names = [one for one, belongs in zip(names, mine, strict=True) if belongs]
    return np.array([step for step, _ in kept]), rows, names


def history(session: Session, quantity: str) -> History:
    """Return a quantity over the steps up to the session's own."""
    pulses = [(step, frame) for step, frame in session.record.pulses() if step <= session.step]
    if not pulses:
        return History([], np.zeros(0, int), np.zeros((0, 0)))
    nodes = pulses[-1][1].words["nodes"]
    column = NUMBERS.index(quantity)
    kept = [frame["numbers"] for _, frame in pulses if frame.words["nodes"] == nodes]
    values = np.array([n[:, column] if column < n.shape[1] else np.full(len(n), np.nan) for n in kept]).T
    steps = np.array([step for step, frame in pulses if frame.words["nodes"] == nodes])
    here = np.flatnonzero(np.isfinite(values).any(axis=1))
    return History([nodes[place] for place in here], steps, values[here])


def gradients(session: Session, role: str) -> tuple[np.ndarray, np.ndarray]:
    """Return how long a network's gradient was at the steps that were watched."""
    found = history(session, "gradient norm")
    several = len(session.experiment.graphs) > 1
    mine = [place for place, node in enumerate(found.nodes) if not several or node.startswith(f"{role}{SIGN}")]
    if not mine or not len(found.steps):
        return np.zeros(0), np.zeros(0)
    values = found.values[mine]
    there = np.isfinite(values).any(axis=0)
    return found.steps[there].astype(float), np.sqrt(np.nansum(np.square(values[:, there]), axis=0))
