"""A network that learns by heart does worse on what it has not seen."""

import numpy as np

from engine.figures.figure import smoothed
from engine.views.doctor.rule import LEAST, Finding, Remedy, Rule, curve, rule

WORSE = 1.1  # times the best


@rule("overfitting")
class Overfitting(Rule):
    """The validation loss rises again."""

    title, rank = "It learns by heart", 13

    def suits(self, experiment):
        """Suit all but games, whose losses tell nothing of that."""
        return not experiment.task.noisy

    def finding(self, session):
        """See how far the smoothed validation loss is above the least that it was."""
        steps, values = curve(session, "validation", "loss")
        if len(values) < LEAST:
            return None
        smooth = smoothed(values, 0.5)
        best, now = float(smooth.min()), float(smooth[-1])
        above = now - best
        wrong = above > (WORSE - 1) * max(abs(best), 1e-6) and int(smooth.argmin()) < len(smooth) - 2
        words = f"the validation loss is {now:.3g}; at step {steps[int(np.argmin(smooth))]:,.0f} it was {best:.3g}"
        more = max(2 * session.network.recipe.decay, 1e-3)
        remedy = Remedy(f"Decay {more:g}", "Pull weights to zero more strongly from now on", {"decay": more})
        return Finding(wrong, words, steps, values, best, remedy=remedy)
