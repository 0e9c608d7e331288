"""Losses that swing to and fro around no better level."""

import numpy as np

from engine.figures.figure import smoothed
from engine.views.doctor.rule import Finding, OfGames, curve, rule, slower

ENOUGH, KEPT = 60, 0.5  # losses; the share of them that is looked at, the latest
SWING, TREND = 0.5, 0.5  # of the level; how much of the swing may be a way up or down


@rule("oscillating")
class Oscillating(OfGames):
    """The generator's loss swings."""

    title, rank = "Losses oscillate", 4

    def finding(self, session):
        """See how far the smoothed loss swings of late, what it rises or falls on the way left out."""
        steps, values = curve(session, "train", "generator loss")
        if len(values) < ENOUGH:
            return None
        late = slice(int(len(values) * (1 - KEPT)), None)
        x, y = steps[late], smoothed(values, 0.8)[late]
        slope, level = np.polyfit(x - x.mean(), y, 1)
        around = y - level - slope * (x - x.mean())
        swing = float(np.quantile(around, 0.95) - np.quantile(around, 0.05))
        turns = int((np.diff(np.sign(around)) != 0).sum())
        size = max(abs(float(level)), 0.5)
        wrong = swing > SWING * size and abs(slope) * (x[-1] - x[0]) < TREND * swing * 2 and turns >= 4
        words = f"the generator's loss swings by {swing:.2f} around {level:.2f}, {turns} times to and fro"
        return Finding(wrong, words, steps, values, None, remedy=slower(session))
