"""A discriminator that is never wrong teaches its generator little."""

import numpy as np

from engine.tasks.verdicts import WITHOUT_LABELS
from engine.views.doctor.rule import LEAST, Finding, Remedy, Rule, curve, interval, rule

LINE = 0.97  # share of verdicts that are right


@rule("strong")
class Strong(Rule):
    """The discriminator is right nearly always."""

    title, rank = "The discriminator is too strong", 1

    def suits(self, experiment):
        """Suit games whose verdicts are right or wrong, which a critic's are not."""
        return experiment.task.noisy and experiment.task.loss != "wasserstein"

    def finding(self, session):
        """See how often it was right of late."""
        steps, values = curve(session, "validation", "accuracy")
        if len(values) < LEAST:
            return None
        now = float(np.mean(values[-LEAST:]))
        said = [curve(session, "validation", name)[1][-1] for name in ("D of real", "D of fake")]
        words = f"right {now:.0%} of the time; it says {said[0]:.2f} of real, {said[1]:.2f} of made"
        return Finding(now > LINE, words, steps, values, LINE, remedy=self._remedy(session))

    def _remedy(self, session):
        task, every = session.network.task, interval(session, "discriminator")
        if task.loss not in WITHOUT_LABELS and not task.smooth:
            words = "Let it not be so sure: real examples are to be called 0.9 real (one-sided label smoothing)"
            return Remedy("Smooth labels", words, {"smooth": 0.1})
        words = f"Let it move in one of {2 * every} steps, the generator in each"
        return Remedy(f"Hold it back: 1 of {2 * every}", words, {"discriminator:interval": 2 * every})
