"""Matching: which units are on all along a stretch, and where else the same ones are (as LSTMVis asked, 2016)."""

from dataclasses import dataclass

import numpy as np

from engine.views.sequences.pool import Pool


@dataclass(frozen=True)
class Match:
    """A stretch of an example in which so many of the units are on all along."""

    example: int
    first: int
    last: int
    units: int


def on_along(states: np.ndarray, first: int, last: int, least: float) -> np.ndarray:
    """Return of each unit 1 or −1 where it is at least so far from zero, on that side, all along a stretch, else 0."""
    stretch = states[first : last + 1]
    return (stretch >= least).all(axis=0).astype(int) - (stretch <= -least).all(axis=0).astype(int)


def matches(pool: Pool, signs: np.ndarray, long: int, least: float, most: int, but: Match | None) -> list[Match]:
    """Return the stretches where most of these units are on: first those with more of them, then those as long.

    A stretch is as long as that many are on at each of its places; none overlaps one before it in the list, or `but`.
    """
    chosen = np.flatnonzero(signs)
    if not len(chosen):
        return []
    together = (pool.states[:, chosen] * signs[chosen] >= least).sum(axis=1)
    begins = set(pool.begins.tolist())
    taken = np.zeros(len(together), bool)
    if but:
        taken |= (pool.example == but.example) & (pool.place >= but.first) & (pool.place <= but.last)
    found: list[Match] = []
    for level in range(int(together.max(initial=0)), 0, -1):
        here = [run for run in runs(together >= level, begins) if not taken[run[0] : run[1] + 1].any()]
        here.sort(key=lambda run: (abs(run[1] - run[0] + 1 - long), run[0]))
        for begin, end in here:
            found.append(Match(int(pool.example[begin]), int(pool.place[begin]), int(pool.place[end]), level))
            taken[begin : end + 1] = True
            if len(found) == most:
                return found
    return found


def runs(there: np.ndarray, begins: set[int]) -> list[tuple[int, int]]:
    """Return the first and last place of every longest stretch in which all is true; none reaches over a beginning."""
    found: list[tuple[int, int]] = []
    for place in np.flatnonzero(there).tolist():
        if found and found[-1][1] == place - 1 and place not in begins:
            found[-1] = found[-1][0], place
        else:
            found.append((place, place))
    return found
