"""Worth: how much of what was never asked for can be told from the codes alone."""

from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import UNKNOWN
from engine.errors import VitrineError
from engine.figures.figure import PALETTE, axis, caption, figure
from engine.looking.frame import Frame
from engine.looking.view import View, view
from engine.tasks.probing import probed, voted
from engine.views.latent.codes import codeless, codes_of, kept_codes


@view("worth")
class Worth(View):
    """How well classes, which no autoencoder is told, can be told from codes: by a line between them (a linear probe),
    and by the nearest neighbours; beside as many principal components, and all numbers of the examples themselves.
    """

    title, rank, height = "What the code is worth", 11, 300
    together = True
    hint = "A good code keeps what matters: classes that nobody asked for lie apart in it."

    neighbours: Annotated[int, Field(ge=1, le=50)] = option(5, "How many neighbours vote.")
    examples: Annotated[int, Field(ge=20, le=10_000)] = option(1500, "Of how many training examples codes are taken.")

    def refuses(self, experiment):
        """Refuse what makes no codes of examples."""
        return codeless(experiment)

    def stages(self, session):
        """Ask for codes of training and validation examples, then tell classes from them."""
        if session.network.dataset.goal != "class":
            raise VitrineError("These examples have no classes to be told.", cure="Choose data with classes.")
        for split in ("train", "validation"):
            yield from codes_of(session, split, self.examples, told=False)
        yield from self._probed(session)

    def _probed(self, session):
        """Tell the classes of validation examples by what is known of training ones, one kind of rows after another."""
        learner = session.network
        rows: dict[str, list[torch.Tensor]] = {"code": [], "PCA": [], "everything": []}
        truths = []
        found = learner.task.compared(learner)
        for split in ("train", "validation"):
            name, examples = session.split(split)
            targets = examples.targets[: self.examples].cpu()
            known = targets != UNKNOWN
            truths.append(targets[known])
            rows["code"].append(kept_codes(session, name, self.examples, told=False).at[known])
            given = learner.material.given(examples.inputs[: self.examples]).cpu().flatten(1)[known]
            if found is not None:
                rows["PCA"].append(found.codes(given))
                rows["everything"].append(given)
        if not all(map(len, truths)):
            raise VitrineError("Nobody knows the class of any of these examples.", cure="Choose other data.")
        kinds = [kind for kind, parts in rows.items() if parts]
        by_line, by_near = [], []
        for place, kind in enumerate(kinds):
            by_near.append(voted(*rows[kind], *truths, self.neighbours))
            yield Frame({}, {"progress": (place + 0.2) / len(kinds)})
            by_line.append(probed(*rows[kind], *truths))
            if place + 1 < len(kinds):
                yield Frame({}, {"progress": (place + 1) / len(kinds)})
        size = rows["code"][0].shape[1]
        usual = float(truths[1].bincount().max() / len(truths[1]))
        words = {"kinds": kinds, "size": size, "usual": usual, "all": session.network.train.inputs[0].numel()}
        yield Frame({"line": np.array(by_line), "near": np.array(by_near)}, words)

    def draw(self, frame):
        """Draw a bar for each way, from each kind of row."""
        words = frame.words
        sizes = {"code": words["size"], "PCA": words["size"], "everything": words["all"]}
        names = [f"{kind}: {sizes[kind]:,}" for kind in words["kinds"]]
        bars = [
            {
                "type": "bar",
                "name": name,
                "x": names,
                "y": np.round(frame[key], 4),
                "marker": {"color": colour},
                "text": [f"{share:.1%}" for share in frame[key]],
                "hovertemplate": "%{x}: %{y:.1%}<extra></extra>",
            }
            for name, key, colour in (("by a line", "line", PALETTE[0]), ("by neighbours", "near", PALETTE[1]))
        ]
        return figure(
            bars,
            xaxis=axis(type="category"),
            yaxis=axis("told rightly", range=[0, 1.02], tickformat=".0%"),
            annotations=[caption(f"always saying the commonest class: {words['usual']:.1%}")],
            showlegend=True,
            legend={"x": 0, "y": 1, "font": {"size": 10}, "bgcolor": "rgba(128,128,128,0.12)"},
            margin={"l": 52, "r": 8, "t": 26, "b": 36},
            barmode="group",
        )
