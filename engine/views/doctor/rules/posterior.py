"""Numbers of a drawn code that tell nothing have collapsed."""

from engine.tasks.telling import size_of_code
from engine.views.doctor.rule import Finding, Remedy, Rule, curve, rule


@rule("posterior")
class Posterior(Rule):
    """Some numbers of a code tell nothing."""

    title, rank = "The posterior has collapsed", 10

    def suits(self, experiment):
        """Suit codes that are drawn."""
        return experiment.task.draws

    def finding(self, session):
        """See how many numbers told something after the last epoch."""
        steps, values = curve(session, "validation", "active units")
        if not len(values):
            return None
        size = size_of_code(session.experiment.graphs[session.experiment.task.unfolds])
        beta = session.network.task.beta
        less = float(f"{beta / 10:.2g}")
        words = f"{values[-1]:.0f} of {size} numbers tell something, at beta {beta:g}"
        told = f"Let what numbers tell cost a tenth: beta from {beta:g} to {less:g}"
        remedy = Remedy(f"Beta {less:g}", told, {"beta": less}) if beta else None
        return Finding(values[-1] < size, words, steps, values, float(size), remedy=remedy)
