"""Code: how much each number of the code tells, how they hang together, and how all codes lie against the prior."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.figures.figure import BAD, GOOD, PALETTE, axis, caption, figure, heat
from engine.looking.frame import Frame
from engine.looking.view import View, view
from engine.tasks.vary import ACTIVE, unlike
from engine.views.latent.codes import codeless, codes_of, kept_codes

SHOWN = 64  # numbers of a code that are drawn
BINS = 40


@view("code")
class Code(View):
    """Each number of the code: how active it is, or of drawn codes how much it tells; which go together; and how codes
    of all examples lie, against a standard normal.
    """

    title, rank, height, wide = "Code", 7, 320, True
    together = True
    hint = "Orange units tell nothing: they are alike for all examples. A lower beta wakes those that are drawn."

    unit: Annotated[int, Field(ge=0, le=511)] = option(0, "Whose values are drawn against the prior, from 0.")
    split: Literal["train", "validation", "test"] = option("train", "Of which examples.")
    examples: Annotated[int, Field(ge=10, le=10_000)] = option(2000, "How many of them.")

    def refuses(self, experiment):
        """Refuse what makes no codes of examples."""
        return codeless(experiment)

    def stages(self, session):
        """Ask for codes piece by piece, then count."""
        yield from codes_of(session, self.split, self.examples)
        yield self.compute(session)

    def compute(self, session):
        """Measure every number of the code."""
        codes = kept_codes(session, self.split, self.examples)
        at = codes.at.double()
        spread = at.var(dim=0, correction=0)
        arrays = {"mean": at.mean(dim=0).numpy(), "deviation": spread.sqrt().numpy()}
        zero = at.abs() < 1e-3 * at.abs().amax().clamp_min(1e-12)
        words: dict[str, Any] = {"silent": float(zero.double().mean()), "size": codes.size}
        dead = spread < 1e-6 * spread.amax().clamp_min(1e-12)
        everything = at
        if codes.deviations is not None:
            told = unlike(codes.at, 2 * codes.deviations.log()).double().mean(dim=0)
            arrays["told"] = told.numpy()
            dead = spread < ACTIVE
            chance = torch.Generator().manual_seed(0)
            everything = at + codes.deviations * torch.randn(at.shape, generator=chance)
        unit = min(self.unit, codes.size - 1)
        arrays["dead"] = dead.numpy()
        few = at[:, : min(SHOWN, codes.size)]
        arrays["together"] = np.nan_to_num(np.atleast_2d(_correlations(few)))
        values = everything[:, unit]
        counts, edges = np.histogram(values.numpy(), bins=BINS, density=True)
        arrays |= {"counts": counts, "edges": edges}
        task = session.network.task
        if "beta" in task.live and task.beta_at(session.step) >= task.beta:  # while it rises still, no less helps
            words["beta"] = task.beta
        return Frame(arrays, words | {"unit": unit, "drawn": codes.deviations is not None})

    def draw(self, frame):
        """Draw a bar for each number, their correlations, and one of them against the prior."""
        words = frame.words
        shown = min(SHOWN, words["size"])
        heights = (frame["told"] if words["drawn"] else frame["deviation"])[:shown]
        names = [f"z{place}" for place in range(shown)]
        dead = frame["dead"][:shown]
        bars = {
            "type": "bar",
            "x": names,
            "y": np.round(heights, 5),
            "marker": {"color": [BAD if one else PALETTE[0] for one in dead.tolist()]},
            "customdata": [
                f"mean {m:.3g}, deviation {d:.3g}" + (": tells nothing" if one else "")
                for m, d, one in zip(frame["mean"], frame["deviation"], dead.tolist(), strict=False)
            ],
            "meta": {"part": "units"},
            "hovertemplate": "%{x}: %{y:.3g}<br>%{customdata}<extra></extra>",
        }
        square = heat(np.round(frame["together"], 3), names, names, "diverging", zmin=-1, zmax=1, showscale=False)
        square |= {"xaxis": "x2", "yaxis": "y2", "hovertemplate": "%{x} and %{y}: %{z:.2f}<extra></extra>"}
        edges = frame["edges"]
        middles = (edges[1:] + edges[:-1]) / 2
        own = {"type": "bar", "x": np.round(middles, 4), "y": np.round(frame["counts"], 5)}
        own |= {
            "xaxis": "x3",
            "yaxis": "y3",
            "marker": {"color": PALETTE[5]},
            "hoverinfo": "skip",
            "width": float(edges[1] - edges[0]),
        }
        along = np.linspace(min(-3.5, float(edges[0])), max(3.5, float(edges[-1])), 120)
        bell = np.exp(-(along**2) / 2) / np.sqrt(2 * np.pi)
        prior = {"type": "scatter", "mode": "lines", "x": np.round(along, 3), "y": np.round(bell, 5)}
        prior |= {"xaxis": "x3", "yaxis": "y3", "line": {"color": GOOD, "width": 2}, "hoverinfo": "skip"}
        silent = int(frame["dead"].sum())
        said = f"{silent} of {words['size']:,} tell nothing" if silent else f"all {words['size']:,} tell something"
        if not words["drawn"]:
            said += f", {words['silent']:.0%} of all values are zero"
        shown = figure(
            [bars, square, own, prior],
            xaxis=axis(domain=[0, 0.4], type="category"),
            yaxis=axis("nats told (KL)" if words["drawn"] else "deviation", rangemode="tozero"),
            xaxis2=axis(domain=[0.47, 0.68], anchor="y2", type="category", showticklabels=shown <= 12),
            yaxis2=axis(anchor="x2", type="category", autorange="reversed", showticklabels=shown <= 12),
            xaxis3=axis(f"z{words['unit']}", domain=[0.76, 1], anchor="y3"),
            yaxis3=axis(anchor="x3", showticklabels=False),
            annotations=[
                caption(said),
                caption("together", x=0.47),
                caption("all codes, and a standard normal", x=0.76),
            ],
            margin={"l": 48, "r": 8, "t": 26, "b": 40},
            bargap=0.15,
        )
        return shown | ({"buttons": [_waking(words["beta"])]} if silent and words.get("beta") else {})

    def pick(self, point):
        """Draw the unit that was clicked against the prior."""
        place = point.get("row")
        chosen = point.get("part") == "units" and isinstance(place, int) and not isinstance(place, bool)
        return self.but(unit=place) if chosen and 0 <= place < 512 else None


def _waking(beta: float) -> dict[str, Any]:
    """Return the button that makes what numbers tell cost a tenth from now on, so that those that fell silent wake."""
    less = float(f"{beta / 10:.2g}")
    words = f"Let what numbers tell cost a tenth, while it learns: beta from {beta:g} to {less:g}"
    return {"label": f"Wake them: beta {less:g}", "words": words, "order": {"beta": less}}


def _correlations(values: torch.Tensor) -> np.ndarray:
    """Return how numbers go together; one that never varies goes with none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.corrcoef(values.numpy(), rowvar=False)
