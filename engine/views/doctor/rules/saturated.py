"""Outputs that lie at both ends of their range hardly move any more."""

from engine.looking.session import looking
from engine.tasks.coding import ending
from engine.views.doctor.rule import Finding, Remedy, Rule, rate, rule

END = 0.99  # a tanh beyond this has no slope left
MORE, LINE = 0.3, 0.5  # so much more often than real ones; and how often
MANY = 200


@rule("saturated")
class Saturated(Rule):
    """Most of what the generator gives lies at the ends of its tanh."""

    title, rank = "Outputs saturate", 5

    def suits(self, experiment):
        """Suit games whose generator ends in a tanh."""
        return experiment.task.noisy and ending(experiment.graphs[experiment.task.unfolds]) == "tanh"

    def finding(self, session):
        """See how often outputs lie at their ends, and how often real examples do."""
        learner = session.network
        with looking(learner):
            made = learner.task.sampled(learner)[:MANY]
        real = learner.material.given(learner.train.inputs[:MANY]).cpu()
        shares = [float((rows.abs() > END).float().mean()) for rows in (made, real)]
        words = f"{shares[0]:.0%} of made numbers lie at an end, {shares[1]:.0%} of real ones"
        less = float(f"{rate(session, 'generator') / 2:.2g}")
        remedy = Remedy(
            f"Generator's rate {less:g}", "Take the generator's steps half as long", {"generator:rate": less}
        )
        return Finding(shares[0] > LINE and shares[0] > shares[1] + MORE, words, remedy=remedy)
