"""Walk: the plane of codes with what is made of each place, and one place that follows the pointer."""

from types import SimpleNamespace
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import load, save

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import PALETTE, axis, caption, figure
from engine.figures.matrix import Row, matrix
from engine.figures.pictures import address, pixels, stitched
from engine.graph.lending import lent_weights
from engine.graph.network import Network
from engine.graph.trace import trace
from engine.looking.frame import Frame
from engine.looking.sample import class_called
from engine.looking.shared import SAMPLE, Example, Words
from engine.looking.small import bounds, in_lines, pictured
from engine.looking.view import View, view
from engine.tasks.principal import principal
from engine.tasks.telling import LABEL
from engine.views.latent.codes import (
    OF_TWO,
    Dimension,
    asked_about,
    code_of,
    codeless,
    codes_of,
    decoded,
    kept_codes,
    size_of,
)

POINTS = 300  # training examples that tell where codes lie
MOST_BYTES = 2**25  # of a decoder's weights that are sent along
MOST_ROWS, STEPS = 10, 11  # traversals, and places along each
REACH = 3.0  # deviations, to each side
FLAT = 0.82  # how many pictures lie below one another, for each that lies beside another


@view("walk")
class Walk(View):
    """What the decoder makes of any place among the codes: point at one, or move its numbers one by one."""

    title, rank, height = "Walk", 1, 430
    together = follows = steered = True
    hint = "Move over the plane: the picture follows. Between heaps one thing turns into another, or into nothing."

    sample: Example = SAMPLE
    show: Literal["plane", "numbers one by one"] = option(
        "plane", "The plane to walk in, or each number of the sample's code moved by itself, a row each."
    )
    across: Dimension = option(0, "The number that lies across, from 0.")
    up: Dimension = option(1, "The number that lies up, from 0.")
    by: Literal["two numbers", "PCA"] | None = option(
        None, "The plane of two numbers of the code, or that in which codes differ most.", none=OF_TWO
    )
    told: Words = option("", "Which class the decoder is told, where it takes one.", rare=True)
    detail: Annotated[int, Field(ge=3, le=24)] = option(14, "How many pictures lie beside one another.")

    def refuses(self, experiment):
        """Refuse what makes no examples of codes, and codes too long to be steered."""
        if words := codeless(experiment, noise=True):
            return words
        made = trace(experiment.graphs[experiment.task.unfolds]).outputs
        if experiment.task.noisy and made and made[0].elements < 3:
            return "Points are seen in the game's plane."
        return "This view steers a code of at most 512 numbers." if size_of(experiment) > 512 else ""

    def stages(self, session):
        """Ask where codes lie, then decode the plane, or rows through the sample."""
        if len(session.network.train) < 3:
            raise VitrineError("There are fewer than three training examples.", cure="Choose data with more.")
        yield from codes_of(session, "train", POINTS)
        yield self.compute(session)

    def compute(self, session):
        """Decode what is shown, and send the decoder along."""
        codes = kept_codes(session, "train", POINTS)
        middle, spread = codes.at.mean(dim=0), codes.at.std(dim=0).nan_to_num().clamp_min(1e-3)
        sample = asked_about(session, self.sample)
        mine = code_of(session, sample)[0]
        if self.show != "plane":
            return self._rows(session, mine, middle, spread)
        base, ways, at = self._plane(codes.at, mine, self._by(codes.size, session.network.task.noisy))
        reach = REACH * at.std(dim=0).nan_to_num().clamp_min(1e-3)
        centre = at.mean(dim=0)
        low = torch.minimum(at.amin(dim=0), centre - reach / 1.5)
        high = torch.maximum(at.amax(dim=0), centre + reach / 1.5)
        down = max(2, round(FLAT * self.detail))
        x, y = (torch.linspace(float(low[i]), float(high[i]), many) for i, many in enumerate((self.detail, down)))
        places = torch.stack([x.repeat(down), y.flip(0).repeat_interleave(self.detail)], dim=1)
        told = class_called(session, self.told, len(places))
        made = pictured(session, decoded(session, base + places @ ways, told))
        learner = session.network
        arrays = {"made": made, "at": at.numpy(), "x": x.numpy(), "y": y.numpy()}
        nobody = torch.zeros(len(codes.at))
        known = learner.dataset.goal == "class" and not learner.task.noisy
        truths = learner.dataset.train.targets[:POINTS] if known else nobody
        arrays |= {"truths": truths.numpy(), "base": base.numpy(), "ways": ways.numpy(), "mine": mine.numpy()}
        arrays |= {"low": (middle - REACH * spread).numpy(), "high": (middle + REACH * spread).numpy()}
        arrays |= {"decoder": self._decoder(session), "middle": middle.numpy()}
        across, up = self._two(codes.size)
        plain = self._by(codes.size, learner.task.noisy) != "PCA"
        names = [f"z{across}", f"z{up}"] if plain else ["first component", "second"]
        words = {
            "names": names,
            "noisy": learner.task.noisy,
            "sample": sample.words.partition(":")[0] if learner.task.noisy else sample.words,
            "classes": list(learner.dataset.classes) if known else [],
            "told": -1 if told is None else int(told[0]),
        }
        return Frame(arrays, words | self._scales(session))

    def _by(self, size, noisy):
        """Return what spans the plane; noise has no ways in which it differs most."""
        return "two numbers" if size < 3 else self.by or ("two numbers" if noisy else "PCA")

    def _two(self, size):
        across, up = min(self.across, size - 1), min(self.up, size - 1)
        return across, (across + 1) % size if across == up else up

    def _plane(self, codes, mine, by):
        """Return a code in the plane, the two ways that lead along it, and where codes lie in it."""
        size = codes.shape[1]
        if size == 1:
            return torch.zeros(1), torch.tensor([[1.0], [0.0]]), torch.cat([codes, torch.zeros_like(codes)], dim=1)
        if by == "PCA":
            found = principal(codes, 2)
            return found.middle, found.ways.T, found.codes(codes)
        across, up = self._two(size)
        ways = torch.eye(size)[[across, up]]
        base = mine * (1 - ways.sum(dim=0))  # what is not walked stays as the sample has it
        return base, ways, codes @ ways.T

    def _decoder(self, session):
        """Return the decoder's weights as bytes."""
        module = session.network.networks[session.experiment.task.unfolds]
        every = module.state_dict() | lent_weights(module)
        weights = {name: value.detach().float().cpu().contiguous() for name, value in every.items()}
        if sum(value.nbytes for value in weights.values()) > MOST_BYTES:
            raise VitrineError("This decoder is too large to be steered.", cure="Look at 'Between and beyond' instead.")
        return np.frombuffer(save(weights), np.uint8)

    def _scales(self, session):
        """Return what makes a picture of what a decoder gives."""
        learner = session.network
        if learner.dataset.example != "image":
            return {"bounds": bounds(session)}
        mean, deviation = learner.material.scales
        return {"mean": mean.flatten().tolist(), "deviation": deviation.flatten().tolist()}

    def _rows(self, session, mine, middle, spread):
        """Move each number of the sample's code by itself."""
        order = spread.argsort(descending=True)[:MOST_ROWS].sort().values
        shares = torch.linspace(-REACH, REACH, STEPS)
        every = mine.repeat(len(order) * STEPS, 1)
        for row, place in enumerate(order.tolist()):
            every[row * STEPS : (row + 1) * STEPS, place] = middle[place] + shares * spread[place]
        made = pictured(session, decoded(session, every, class_called(session, self.told, len(every))))
        words = {"rows": [f"z{place}" for place in order.tolist()]}
        return Frame({"made": made, "shares": shares.numpy()}, words)

    def draw(self, frame):
        """Draw the plane with its pictures and where examples lie in it; at its right, the browser shows the place."""
        made = frame["made"]
        if "rows" in frame.words:
            rows = [Row(name, made[n * STEPS : (n + 1) * STEPS]) for n, name in enumerate(frame.words["rows"])]
            heads = [f"{share:+.1f} σ" for share in frame["shares"]]
            return matrix(rows, heads)
        x, y, at = frame["x"], frame["y"], frame["at"]
        ranges = [[float(1.5 * s[0] - s[1] / 2), float(1.5 * s[-1] - s[-2] / 2)] for s in (x, y)]
        sheet = stitched(pixels(made), len(x), 0)
        spot = {"xref": "x", "yref": "y", "x": ranges[0][0], "y": ranges[1][1], "layer": "below", "sizing": "stretch"}
        sizes = {"sizex": ranges[0][1] - ranges[0][0], "sizey": ranges[1][1] - ranges[1][0]}
        classes, truths = frame.words["classes"], frame["truths"].astype(int)
        dots = {
            "type": "scatter",
            "mode": "markers",
            "x": np.round(at[:, 0], 4),
            "y": np.round(at[:, 1], 4),
            "hoverinfo": "skip",
            "marker": {
                "size": 5,
                "color": [PALETTE[truth % len(PALETTE)] for truth in truths.tolist()] if classes else PALETTE[0],
                "line": {"width": 0.7, "color": "#ffffff"},
            },
        }
        along, up = frame.words["names"]
        lies = "noise lies" if frame.words["noisy"] else "training examples lie"
        named = ("base", "ways", "mine", "middle", "low", "high")
        steer: dict[str, Any] = {"sample": frame.words["sample"]}
        steer |= {name: np.round(frame[name].astype(float), 5).tolist() for name in named}
        drawn = figure(
            [dots],
            xaxis=axis(along, range=ranges[0], zeroline=False, fixedrange=True),
            yaxis=axis(up, range=ranges[1], zeroline=False, fixedrange=True),
            images=[spot | sizes | {"source": address(sheet)}],
            annotations=[caption(f"what is made of each place, and where {lies}")],
            margin={"l": 44, "r": 8, "t": 26, "b": 40},
            hovermode=False,
        )
        return drawn | {"steer": steer}

    def steering(self, frame, experiment):
        """Return the decoder as it was, which makes a picture of any code."""
        if "decoder" not in frame.arrays:
            return None
        network = Network(experiment.graphs[experiment.task.unfolds])
        weights = load(frame["decoder"].tobytes())
        network.borrow({of: SimpleNamespace(weight=weights.pop(of)) for of in set(network.asks)})
        network.load_state_dict(weights)
        network.eval()
        words, size = frame.words, len(frame["base"])
        task: Any = experiment.task.but(told=LABEL in network.graph.inputs)
        kind = torch.tensor([words["told"]])

        def steers(code: list[float]) -> dict[str, Any]:
            if len(code) != size:
                raise VitrineError(f"A code has {size} numbers here.")
            with torch.inference_mode():
                made = task.unfolded({task.unfolds: network}, torch.tensor([code]), kind)[0].float()
            if not bool(made.isfinite().all()):
                raise VitrineError("The network gives numbers here that are not finite.")
            return {"picture": address(pixels(_seen(made, words)[None])[0], 224)}

        return steers


def _seen(made: torch.Tensor, words: dict[str, Any]) -> np.ndarray:
    """Return what a decoder gives as a picture, channels×height×width in bytes."""
    if "bounds" in words:
        return in_lines(made[None], *words["bounds"])[0]
    mean, deviation = (torch.tensor(words[name])[:, None, None] for name in ("mean", "deviation"))
    return ((made * deviation + mean) * 255).round().clamp(0, 255).to(torch.uint8).numpy()
