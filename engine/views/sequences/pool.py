"""Pool: what all units hold all over many texts or series, to be searched through."""

from dataclasses import dataclass

import numpy as np
import torch

from engine.errors import VitrineError
from engine.layers.modules import lengths_of
from engine.looking.session import Session, looking
from engine.looking.shared import offered
from engine.views.sequences.cells import Reading, read_together, recurrent

PLACES = 6000  # that are looked through
MOST_UNITS = 4096


@dataclass(frozen=True)
class Pool:
    """The states of all units, a row for each place of one example after another."""

    states: np.ndarray  # places of all examples × units
    example: np.ndarray  # of each place, which example of the split
    place: np.ndarray  # and where in it
    units: list[tuple[str, int]]  # of each column, the layer and the unit

    @property
    def begins(self) -> np.ndarray:
        """Return at which rows an example begins."""
        return np.flatnonzero(self.place == 0)


def pooled(session: Session, split: str) -> tuple[str, Pool]:
    """Return what all units hold in the first examples of a split, as many as there is room for; and which split."""
    name, part = session.split(split)
    if (key := ("pool", name)) not in session.kept:
        session.kept[key] = _read(session, part.inputs)
    return name, session.kept[key]


def _read(session: Session, inputs: torch.Tensor) -> Pool:
    lengths = lengths_of(inputs).cpu()
    whole = max(1, int((lengths.cumsum(0) <= PLACES).sum()))
    inputs, lengths = inputs[:whole], lengths[:whole]
    paths = offered(recurrent(session.graph))
    rows: list[np.ndarray | None] = [None] * whole
    names: list[tuple[str, int]] = []
    known: set[str] = set()
    with looking(session.network):
        for long in lengths.unique().flip(0).tolist():  # the longest tell which layers read place by place
            at = (lengths == long).nonzero().flatten()
            given = session.network.material.given(inputs[at.to(inputs.device)])
            every = read_together(session, paths, given)
            suiting = [one for one in every if len(one.values["state"]) == long and one.name in (known or {one.name})]
            if not suiting:
                raise VitrineError("No recurrent layer reads a text place by place.", cure="Look at another network.")
            table = torch.cat([one.rows("state") for one in suiting], dim=-1).float().cpu().numpy()
            names = names or units_of(suiting)
            known = known or {one.name for one in suiting}
            for column, example in enumerate(at.tolist()):
                rows[example] = table[:, column]
    found = [row for row in rows if row is not None]
    sizes = [len(row) for row in found]
    return Pool(
        np.concatenate(found)[:, :MOST_UNITS],
        np.repeat(np.arange(whole), sizes),
        np.concatenate([np.arange(size) for size in sizes]),
        names[:MOST_UNITS],
    )


def units_of(readings: list[Reading]) -> list[tuple[str, int]]:
    """Return of all units of readings, one behind another, the layer's name and the unit's number."""
    return [(one.name, unit) for one in readings for unit in range(one.values["state"][0].shape[-1])]
