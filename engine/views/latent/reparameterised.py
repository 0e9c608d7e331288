"""Reparameterised: from an example to its code and back, with all numbers written out, chance among them."""

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.figures.figure import figure, heat, says
from engine.figures.pictures import address, pixels
from engine.looking.frame import Frame
from engine.looking.sample import sample_of
from engine.looking.shared import SAMPLE, Example
from engine.looking.small import pictured
from engine.looking.view import View, view
from engine.tasks.vary import unlike
from engine.views.latent.codes import class_of, coded, codeless, decoded

SHOWN = 8  # numbers of the code
COLUMNS = ("μ", "σ", "ε", "z = μ + σ·ε", "KL")


@view("reparameterised")
class Reparameterised(View):
    """One example's way to its code and back: the mean and deviation that the encoder tells, the number that chance
    draws, the code of both, and what the decoder makes of it; with what each number costs.
    """

    title, rank, height, wide = "By chance, step by step", 4, 300, True
    together = follows = True
    hint = "Chance enters beside the way of the gradient: through μ and σ it comes back, for ε is only multiplied."

    sample: Example = SAMPLE
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = option(0, "Draws ε: the same numbers whenever it is the same.")

    def refuses(self, experiment):
        """Refuse codes that nobody draws."""
        return codeless(experiment) or ("" if experiment.task.draws else "These codes are not drawn by chance.")

    def compute(self, session):
        """Go the way step by step."""
        sample = sample_of(session, self.sample)
        kind = class_of(session, sample)
        codes = coded(session, sample.given, kind)
        assert codes.deviations is not None, "what varies tells deviations"
        chance = torch.randn(codes.at.shape, generator=torch.Generator().manual_seed(self.seed))
        z = codes.at + codes.deviations * chance
        made, plain = decoded(session, z, kind), decoded(session, codes.at, kind)
        costs = unlike(codes.at, 2 * codes.deviations.log())[0]
        task = session.network.task
        lost = float(task.improbable(made, sample.given.cpu()).sum())
        table = torch.stack([codes.at[0], codes.deviations[0], chance[0], z[0], costs], dim=1)
        arrays = {"table": table.numpy(), "pictures": pictured(session, torch.cat([sample.given.cpu(), made, plain]))}
        told = {"lost": lost, "told": float(costs.sum()), "beta": task.beta, "size": codes.size}
        return Frame(arrays, told | sample.told())

    def draw(self, frame):
        """Draw x, the numbers in a table, and what is made of them."""
        table, words = frame["table"], frame.words
        rows = table[:SHOWN]
        notes, images = [], []
        for picture, said, left in zip(
            pixels(frame["pictures"]),
            ("x: the sample", "x̂: made of z", "made of μ alone"),
            (0.0, 0.74, 0.88),
            strict=True,
        ):
            spot = {"xref": "paper", "yref": "paper", "x": left, "y": 0.9, "sizex": 0.12, "sizey": 0.6}
            images.append(spot | {"sizing": "contain", "source": address(picture, 160)})
            notes.append(says(said, xref="paper", yref="paper", x=left, y=0.92, xanchor="left", yanchor="bottom"))
        for x in (0.135, 0.715):
            notes.append(says("→", xref="paper", yref="paper", x=x, y=0.6, font={"size": 24}))
        shown = heat(
            np.zeros(rows.shape),
            np.arange(len(COLUMNS)),
            np.arange(len(rows)),
            "diverging",
            showscale=False,
            opacity=0.0,
            customdata=np.round(rows, 4).tolist(),
            hovertemplate="%{customdata}<extra></extra>",
        )
        for place, row in enumerate(rows.tolist()):
            notes += [says(f"{value:.3f}", xref="x", yref="y", x=along, y=place) for along, value in enumerate(row)]
        rest = f" (the first {len(rows)} of {words['size']:,} numbers)" if words["size"] > len(rows) else ""
        sums = f"lost by the way back: {words['lost']:.2f} nats · told by the code: {words['told']:.2f} nats{rest}"
        sums += f" · loss at β = {words['beta']:g}: {words['lost'] + words['beta'] * words['told']:.2f}"
        notes.append(says(sums, xref="paper", yref="paper", x=0.5, y=0, yanchor="top"))
        bare: dict[str, Any] = {"showgrid": False, "zeroline": False}
        across = bare | {"tickvals": np.arange(len(COLUMNS)), "ticktext": list(COLUMNS)}
        down = bare | {"tickvals": np.arange(len(rows)), "ticktext": [f"z{n}" for n in range(len(rows))]}
        drawn = figure(
            [shown],
            xaxis=across | {"domain": [0.19, 0.69], "side": "top", "range": [-0.5, len(COLUMNS) - 0.5]},
            yaxis=down | {"domain": [0.06, 0.9], "range": [len(rows) - 0.5, -0.5]},
            images=images,
            annotations=notes,
            margin={"l": 8, "r": 8, "t": 30, "b": 30},
        )
        again = {"label": "Draw ε anew", "words": "Draw other chance", "point": {"draw": self.seed + 1}}
        return drawn | {"buttons": [again]}

    def pick(self, point):
        """Draw ε anew."""
        seed = point.get("draw")
        return self.but(seed=seed % 2**31) if isinstance(seed, int) and not isinstance(seed, bool) else None
