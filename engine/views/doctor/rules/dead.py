"""Units that are silent whatever comes learn nothing."""

from collections.abc import Mapping

import numpy as np

from engine.graph.graph import Graph
from engine.looking.pulse import history
from engine.training.address import place
from engine.views.doctor.rule import Finding, Rule, rule, slower

LINE = 0.5  # share of a layer's units


def _bent(graphs: Mapping[str, Graph], name: str) -> bool:
    """Return whether a node is a ReLU, or what one takes, so that a unit below zero is silent behind it."""
    role, path = place(name, list(graphs))
    graph = graphs[role]
    if path not in graph:
        return False
    near = [graph[path], *(graph[reader] for reader in graph.consumers.get(path, ()) if "." not in path)]
    return any(node.layer.kind == "relu" for node in near)


@rule("dead")
class Dead(Rule):
    """Many units of a layer are silent."""

    title, rank = "Units are dead", 11

    def finding(self, session):
        """See in which layer the largest share is silent."""
        found = history(session, "dead units")
        if not found.nodes:
            return None
        bent = [_bent(session.experiment.graphs, node) for node in found.nodes]
        last = np.where(bent, np.nan_to_num(found.values[:, -1]), -1.0)
        if not any(bent):
            return None
        most = int(last.argmax())
        words = f"{last[most]:.0%} of {found.nodes[most]} are silent"
        steps = found.steps.astype(float)
        return Finding(bool(last[most] > LINE), words, steps, found.values[most], LINE, remedy=slower(session))
