"""Linear is PCA: what an autoencoder keeps beside what principal components keep, and the angle between the two."""

from typing import Any

import numpy as np
import torch

from engine.errors import VitrineError
from engine.figures.figure import PALETTE, axis, caption, figure, line, says
from engine.figures.pictures import address, pixels
from engine.looking.frame import Frame
from engine.looking.session import looking
from engine.looking.small import pictured
from engine.looking.view import View, view
from engine.views.latent.codes import codeless, codes_of, decoded, kept_codes

MOST = 2000  # training examples of which is told how much is kept
SHOWN = 5  # directions


@view("pca")
class LinearPCA(View):
    """How much of the examples' variance a code of this size keeps, beside as many principal components; where all is
    linear, the largest angle between the space it spans and theirs, step by step.
    """

    title, rank, height, wide = "Linear is PCA", 9, 330, True
    together = True
    hint = "A linear autoencoder ends in the space of the principal components: the angle goes to zero, the bars meet."

    def refuses(self, experiment):
        """Refuse what makes no codes of examples."""
        return codeless(experiment)

    def stages(self, session):
        """Ask for codes piece by piece, then compare."""
        yield from codes_of(session, "train", MOST)
        yield self.compute(session)

    def compute(self, session):
        """Compare what is kept, and in which directions."""
        learner = session.network
        if (found := learner.task.compared(learner)) is None:
            raise VitrineError("Where numbers are missing there are no principal components to compare with.")
        given = learner.material.given(learner.train.inputs[:MOST]).cpu()
        rows = given.flatten(1)
        whole = float((rows - rows.mean(dim=0)).square().sum())
        made = decoded(session, kept_codes(session, "train", MOST).at, learner.train.targets[:MOST]).flatten(1)
        kept = 1 - float((made - rows).square().sum()) / max(whole, 1e-12)
        steps = torch.arange(1, found.ways.shape[1] + 1)
        shares = (found.spread.double().cumsum(0) / max(found.whole, 1e-12)).numpy()
        arrays = {"sizes": steps.numpy(), "shares": shares.astype(np.float32)}
        words = {"kept": kept, "components": int(found.ways.shape[1]), "linear": False}
        with looking(learner):
            ways = learner.task.spanned(learner.networks, learner.place.device)
        if ways is not None:
            arrays["angles"] = found.angles(ways).numpy()
            arrays["own"] = self._directions(session, torch.linalg.qr(ways)[0].T[:SHOWN])
            arrays["principal"] = self._directions(session, found.ways.T[:SHOWN])
            told = session.record.curves().get(("validation", "angle to PCA"), [])
            known = [(step, value) for step, value in told if value is not None]
            arrays["past"] = np.array(known, np.float32).reshape(-1, 2)
            words["linear"] = True
        return Frame(arrays, words)

    def _directions(self, session, ways):
        """Return directions as pictures: grey where they leave a dot as it is."""
        shape = (len(ways), *session.network.dataset.sizes)
        values = ways.reshape(shape)
        if session.network.dataset.example != "image":
            return pictured(session, values)
        most = values.abs().amax(dim=tuple(range(1, values.dim())), keepdim=True).clamp_min(1e-12)
        return ((values / most + 1) * 127.5).round().to(torch.uint8).numpy()

    def draw(self, frame):
        """Draw what is kept, the angle's way, and the directions themselves."""
        words, shares = frame.words, frame["shares"]
        sizes = frame["sizes"]
        kept = line("principal components", sizes, np.round(shares, 4), PALETTE[7])
        own: dict[str, Any] = {"type": "scatter", "mode": "markers", "name": "this network", "x": [words["components"]]}
        own |= {"y": [round(words["kept"], 4)], "marker": {"size": 13, "color": PALETTE[1], "symbol": "diamond"}}
        ends = 0.34 if words["linear"] else 0.6
        traces, images, notes = [kept, own], [], [caption("variance that is kept")]
        layout = {
            "xaxis": axis("numbers in the code", domain=[0, ends], rangemode="tozero"),
            "yaxis": axis(range=[min(0.0, words["kept"]), 1.02], tickformat=".0%"),
        }
        if words["linear"]:
            past = frame["past"]
            if len(past):
                traces.append(line("angle", past[:, 0], np.round(past[:, 1], 3), PALETTE[0], xaxis="x2", yaxis="y2"))
            layout |= {
                "xaxis2": axis("step", domain=[0.42, 0.7], anchor="y2"),
                "yaxis2": axis("degrees", anchor="x2", range=[0, 92]),
            }
            notes.append(caption(f"largest angle now {frame['angles'][0]:.2f}°", x=0.42))
            for row, (name, pictures) in enumerate((("spanned", frame["own"]), ("principal", frame["principal"]))):
                notes.append(caption(name, x=0.76, y=0.94 - 0.5 * row))
                for along, picture in enumerate(pixels(pictures)):
                    spot = {"xref": "paper", "yref": "paper", "x": 0.76 + 0.05 * along, "y": 0.94 - 0.5 * row}
                    spot |= {"sizex": 0.046, "sizey": 0.3, "sizing": "contain", "source": address(picture, 96)}
                    images.append(spot)
        else:
            bent = "A bent way may keep more than any flat space:<br>the diamond lies above the line."
            notes.append(says(bent, xref="paper", yref="paper", x=0.82, y=0.5))
        return figure(
            traces,
            **layout,
            images=images,
            annotations=notes,
            showlegend=True,
            legend={"x": ends, "xanchor": "right", "y": 0.05, "yanchor": "bottom", "font": {"size": 10}},
            margin={"l": 48, "r": 8, "t": 26, "b": 40},
        )
