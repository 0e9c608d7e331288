"""Curves: values over steps, thinned so that a run of any length draws in the same time."""

from dataclasses import dataclass, field

MOST = 600
WHOLE = 200  # of them: the first ones stay as they are, for there most happens


@dataclass
class Curve:
    """Means over stretches of steps; whenever there are too many, neighbours become one and stretches twice as long.

    The first points are never thinned: they tell where the curve began.
    """

    stretch: int = 1  # steps a point stands for
    points: list[tuple[int, float]] = field(default_factory=list)  # last step of a stretch, its mean
    waiting: list[float] = field(default_factory=list)

    def add(self, step: int, value: float) -> None:
        """Take the next step's value in."""
        self.waiting.append(value)
        if len(self.waiting) == self.stretch:
            self.points.append((step, sum(self.waiting) / self.stretch))
            self.waiting = []
        if len(self.points) >= MOST:
            first, rest = self.points[:WHOLE], self.points[WHOLE:]
            pairs = zip(rest[::2], rest[1::2], strict=True)
            self.points = first + [(b_step, (a + b) / 2) for (_, a), (b_step, b) in pairs]
            self.stretch *= 2
