"""Drawn samples: what is made of codes that chance draws, as if no example had ever been there."""

from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.figures.figure import caption
from engine.figures.matrix import Row, matrix
from engine.looking.frame import Frame
from engine.looking.sample import class_called
from engine.looking.shared import Words
from engine.looking.small import pictured
from engine.looking.view import View, view
from engine.views.latent.codes import codeless, codes_of, decoded, kept_codes, off, size_of

AROUND = 1000  # training examples among which the nearest is sought, and codes told apart
COLUMNS = 10


@view("drawn-samples")
class DrawnSamples(View):
    """Codes drawn from a standard normal, and what the decoder makes of them; beneath each, the training example most
    like it.
    """

    title, rank, height, wide = "Samples", 5, 380, True
    together = True
    hint = "Of a variational autoencoder these look like examples; a plain one has holes just where they are drawn."

    prior: Literal["standard normal", "normal around all codes"] = option(
        "standard normal", "From what codes are drawn: the prior, or a normal as wide as the codes of examples are."
    )
    temperature: Annotated[float, Field(ge=0, le=3)] = option(
        1.0, "By what the drawn numbers are multiplied.", felt=(0.0, 3.0)
    )
    within: Annotated[float, Field(ge=0.1, le=10)] | None = option(
        None, "Truncated: numbers farther from 0 than this are drawn again.", none="anywhere"
    )
    rows: Annotated[int, Field(ge=1, le=4)] = option(2, "How many rows of ten.")
    told: Words = option("", "Which class the decoder is told, where it takes one.", rare=True)
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = option(0, "Draws the same numbers whenever it is the same.")

    def refuses(self, experiment):
        """Refuse what makes no examples of codes."""
        return codeless(experiment)

    def stages(self, session):
        """Ask where codes lie, then draw."""
        yield from codes_of(session, "train", AROUND)
        yield self.compute(session)

    def compute(self, session):
        """Draw codes, decode them, and look for what is most like each."""
        codes = kept_codes(session, "train", AROUND).at
        z = drawn(self.rows * COLUMNS, size_of(session.experiment), self.seed, self.within) * self.temperature
        if self.prior != "standard normal":
            z = codes.mean(dim=0) + z @ _root(codes).T
        made = decoded(session, z, class_called(session, self.told, len(z)))
        given = session.network.material.given(session.network.train.inputs[:AROUND]).cpu()
        far = torch.cdist(made.flatten(1), given.flatten(1).nan_to_num())
        near = far.argmin(dim=1)
        apart = off(made, given[near])
        back = off(decoded(session, codes, session.network.train.targets[:AROUND]), given)
        arrays = {"made": pictured(session, made), "near": pictured(session, given[near]), "apart": apart.numpy()}
        words: dict[str, Any] = {
            "apart": float(apart.mean()),
            "back": float(back.mean()),
            "many": len(codes),
            "places": near.tolist(),
        }
        return Frame(arrays, words)

    def draw(self, frame):
        """Draw rows of samples, each above what is most like them."""
        rows = []
        for begin in range(0, len(frame["made"]), COLUMNS):
            end = begin + COLUMNS
            clicks = [f"train {place}" for place in frame.words["places"][begin:end]]
            rows.append(Row("drawn", frame["made"][begin:end]))
            said = [f"off {far:.3f}" for far in frame["apart"][begin:end]]
            rows.append(Row("most like it", frame["near"][begin:end], said, clicks))
        words = (
            f"on average {frame.words['apart']:.3f} from the most alike of {frame.words['many']:,} training examples; "
        )
        words += f"those come back off by {frame.words['back']:.3f}"
        again = {"label": "Draw anew", "words": "Draw other numbers", "point": {"draw": self.seed + 1}}
        shown = matrix(rows, top=24)
        shown["layout"]["annotations"].append(caption(words))
        return shown | {"buttons": [again]}

    def pick(self, point):
        """Draw other numbers."""
        seed = point.get("draw")
        return self.but(seed=seed % 2**31) if isinstance(seed, int) and not isinstance(seed, bool) else None

    def looks(self, point):
        """Look at the training example that was clicked."""
        return {"sample": point["label"]} if point.get("label") else {}


def drawn(number: int, size: int, seed: int, within: float | None) -> torch.Tensor:
    """Return numbers from a standard normal; where it is truncated, those that lie too far are drawn again."""
    chance = torch.Generator().manual_seed(seed)
    if within is None:
        return torch.randn(number, size, generator=chance)
    # By the inverse of the distribution, since drawing again may take for ever where little is allowed.
    least = torch.special.ndtr(torch.tensor(-within, dtype=torch.double))
    share = least + (1 - 2 * least) * torch.rand(number, size, generator=chance, dtype=torch.double)
    return torch.special.ndtri(share).float()


def _root(codes: torch.Tensor) -> torch.Tensor:
    """Return what makes standard normal numbers vary as codes do."""
    spread, ways = torch.linalg.eigh(torch.cov(codes.T.double()).reshape(codes.shape[1], codes.shape[1]))
    return (ways * spread.clamp_min(0).sqrt()).float()
