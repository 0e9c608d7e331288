"""A generator that makes few of many kinds has collapsed."""

import numpy as np

from engine.looking.session import looking
from engine.tasks.heaps import heaps_in, kinds_met, member
from engine.views.doctor.rule import Finding, OfGames, Remedy, curve, interval, rule

FEW, ALIKE = 0.5, 0.5  # of kinds that are met; of the distance between two real examples
MANY = 500  # examples that are made to see it


@rule("collapsed")
class Collapsed(OfGames):
    """What is made is of few kinds, or much alike."""

    title, rank = "Modes have collapsed", 3

    def finding(self, session):
        """See how many heaps are met, or how far made examples lie apart."""
        learner = session.network
        if not learner.epoch:  # nothing was made to be like anything yet
            return None
        with looking(learner):
            made = learner.task.sampled(learner)[:MANY]
        heaps = heaps_in(learner)
        if heaps is not None:
            met, number = int(kinds_met(member(made, heaps), heaps.shares).sum()), len(heaps.middles)
            steps, values = curve(session, "validation", "modes")
            words = f"{met} of {number} heaps are met"
            return Finding(met <= FEW * number, words, steps, values, FEW * number, remedy=self._remedy(session))
        real = learner.material.given(learner.train.inputs[:MANY]).cpu()
        apart = [_apart(rows.flatten(1).numpy()) for rows in (made, real)]
        share = apart[0] / max(apart[1], 1e-12)
        words = f"two made ones differ {share:.0%} as much as two real ones"
        return Finding(share < ALIKE, words, remedy=self._remedy(session))

    def _remedy(self, session):
        if interval(session, "discriminator") > 1:
            words = "Let the discriminator move in each step, so that it sees what is made where it is made"
            return Remedy("Discriminator in each step", words, {"discriminator:interval": 1})
        every = 2 * interval(session, "generator")
        words = f"Let the generator move in one of {every} steps, so that the discriminator keeps up with it"
        return Remedy(f"Generator in 1 of {every}", words, {"generator:interval": every})


def _apart(rows: np.ndarray) -> float:
    """Return how far rows lie from the middle of all, on average of squares: half as far as from one another."""
    return float(np.sqrt(np.square(rows - rows.mean(axis=0)).sum(axis=1).mean()))
