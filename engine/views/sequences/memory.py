"""Memory: how well a network does on sequences of every length: how long it can hold on."""

from typing import Literal

import torch

from engine.choice import option
from engine.data.dataset import UNKNOWN
from engine.figures.figure import PALETTE, axis, caption, figure, line
from engine.layers.modules import lengths_of
from engine.looking.frame import Frame
from engine.looking.lesions import without
from engine.looking.shared import OFF, Names
from engine.looking.view import View, view

POOL = 2000  # examples that are asked
GROUPS = 40  # lengths that are told apart


@view("memory")
class Memory(View):
    """The share of right answers by how long the sequence is; a network that only sees what is near falls."""

    title, rank, height = "Memory", 13, 300
    follows = True
    hint = "A line that stays up holds on to what it read, however long ago; the dotted line is chance."

    split: Literal["validation", "test", "train"] = option("validation", "Of which examples.")
    off: Names = OFF

    def refuses(self, experiment):
        """Refuse what has no right answers or reads no sequences."""
        if experiment.task.answers not in ("classes", "labels"):
            return "Only networks that tell classes have right and wrong answers."
        if len(experiment.graph.inputs) != 1:
            return "Only networks with one input have this."
        ends = any(layer.sequence for layer in experiment.graph.inputs.values())
        return "" if ends else "Only networks that read sequences of several lengths have this."

    def stages(self, session):
        """Ask the network piece by piece, then count by length."""
        session = without(session, self.off)
        yield from session.asked(self.split, POOL)
        yield self.compute(session)

    def compute(self, session):
        """Count right answers by length; of answers at every place, all places of a sequence count."""
        session = without(session, self.off)
        outputs, targets = session.outputs(self.split, POOL)
        name, split = session.split(self.split)
        lengths = lengths_of(split.inputs[: len(outputs)]).cpu()
        task = session.network.task
        found = task.chances(outputs).argmax(dim=-1)
        known = (targets != UNKNOWN).reshape(len(targets), -1)
        right = (found == targets).reshape(len(targets), -1) & known
        bounds = _groups(lengths)
        group = torch.bucketize(lengths, bounds, right=True) - 1
        counts = torch.zeros(len(bounds), dtype=torch.long).index_add(0, group, known.sum(dim=1))
        hits = torch.zeros(len(bounds), dtype=torch.long).index_add(0, group, right.sum(dim=1))
        there = counts > 0
        ends = torch.cat([bounds[1:] - 1, lengths.max()[None]])
        kept = {"lengths": bounds, "ends": ends, "right": hits, "counted": counts}
        arrays = {name: values[there].numpy() for name, values in kept.items()}
        return Frame(arrays, {"split": name, "classes": len(session.network.dataset.classes)})

    def draw(self, frame):
        """Draw the share by length, and chance."""
        counted, lengths = frame["counted"], frame["lengths"]
        share = frame["right"] / counted
        chance = 1 / max(1, frame.words["classes"])
        spans = [f"{a}" if a == b else f"{a} to {b}" for a, b in zip(lengths, frame["ends"], strict=True)]
        told = [f"length {span}: {one:.1%} of {n:,}" for span, one, n in zip(spans, share, counted, strict=True)]
        hover = "%{customdata}<extra></extra>"
        shown = line("right", lengths, share, PALETTE[0], customdata=told, hovertemplate=hover)
        flat = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": chance, "y1": chance}
        words = f"{frame.words['split']}: {frame['right'].sum() / counted.sum():.1%} right of {counted.sum():,} answers"
        return figure(
            [shown],
            xaxis=axis("length of the sequence"),
            yaxis=axis("right", tickformat=".0%", range=[0, 1.04]),
            shapes=[flat | {"line": {"color": PALETTE[7], "dash": "dot", "width": 1.5}}],
            annotations=[caption(words)],
            margin={"l": 52, "r": 12, "t": 26, "b": 40},
        )


def _groups(lengths: torch.Tensor) -> torch.Tensor:
    """Return where each group of lengths begins: every length by itself, or as many next to one another as it takes."""
    least, most = int(lengths.min()), int(lengths.max())
    return torch.arange(least, most + 1, -(-(most - least + 1) // GROUPS))
