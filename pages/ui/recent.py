"""Runs in small: how a run's loss fell, in a few points."""

from collections.abc import Mapping, Sequence

POINTS = 40  # of the small curve

Curves = Mapping[tuple[str, str], Sequence[tuple[int, float | None]]]


def falling(curves: Curves) -> list[float]:
    """Return a run's loss in a few points, the latest among them; of a game, that of its first network."""
    names = [name for name in curves if name[0] == "train" and name[1].endswith("loss")]
    names.sort(key=lambda name: (name[1] != "loss", name))
    losses = [value for _, value in curves[names[0]] if value is not None][::-1] if names else []
    return losses[:: max(1, len(losses) // POINTS)][::-1]
