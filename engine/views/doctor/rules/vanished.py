"""A generator whose gradient is gone learns no more."""

import numpy as np

from engine.looking.pulse import gradients
from engine.views.doctor.rule import LEAST, Finding, OfGames, Remedy, interval, rule

LATEST = 3  # values of which the middle one counts, so that a single one changes nothing
SHARE, LEAST_LONG = 1e-2, 1e-5  # of the longest it ever was; and a length that moves nothing


@rule("vanished")
class Vanished(OfGames):
    """The generator's gradient has come to nothing."""

    title, rank = "The generator's gradient has vanished", 2

    def finding(self, session):
        """See how long it is, against the longest that it was."""
        steps, values = gradients(session, "generator")
        if len(values) < LEAST:
            return None
        now, most = float(np.median(values[-LATEST:])), float(values.max())
        line = max(SHARE * most, LEAST_LONG)
        words = f"its length is {now:.2g}; it was up to {most:.2g}"
        return Finding(
            now < line, words, steps, np.maximum(values, 1e-12), line, log=True, remedy=self._remedy(session)
        )

    def _remedy(self, session):
        if session.network.task.loss == "minimax":
            words = "Turn the generator's loss round: where the discriminator is sure, its gradient is full again"
            return Remedy("Non-saturating loss", words, {"loss": "non-saturating"})
        every = 2 * interval(session, "discriminator")
        words = f"Let the discriminator move in one of {every} steps, so that it is less sure"
        return Remedy(f"Hold it back: 1 of {every}", words, {"discriminator:interval": every})
