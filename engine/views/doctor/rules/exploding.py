"""A gradient that grows beyond all measure throws weights far away."""

import numpy as np

from engine.looking.pulse import gradients
from engine.views.doctor.rule import LEAST, Finding, Remedy, Rule, rule

LINE = 100.0  # the length of a gradient


@rule("exploding")
class Exploding(Rule):
    """A network's gradient is very long."""

    title, rank = "Gradients explode", 12

    def finding(self, session):
        """See which network's gradient was longest of late."""
        every = {role: gradients(session, role) for role in session.experiment.graphs}
        known = {role: both for role, both in every.items() if len(both[1]) >= LEAST}
        if not known:
            return None
        role, (steps, values) = max(known.items(), key=lambda one: np.median(one[1][1][-3:]))
        now = float(np.median(values[-3:]))
        remedy = Remedy("Clip at 1", "Shorten every gradient that is longer than 1, from now on", {"clip": 1.0})
        whose = f"the {role}'s" if len(every) > 1 else "its"
        return Finding(now > LINE, f"{whose} length is {now:.3g}", steps, np.maximum(values, 1e-12), LINE, True, remedy)
