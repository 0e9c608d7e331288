"""Why fake: which dots, and which places of its maps, speak for and against an example being real."""

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional as F

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.matrix import Row, matrix
from engine.graph.capture import capturing
from engine.looking.frame import Frame
from engine.looking.sample import MOST_NOISE, sample_of
from engine.looking.session import asking_back
from engine.looking.shared import SAMPLE, Example, mapped, pictured
from engine.looking.view import View, view
from engine.tasks.telling import NOISE
from engine.views.game.players import gameless

MOST = 9  # examples beside one another
FOR, AGAINST = np.array([0, 114, 178]), np.array([213, 94, 0])  # the colours of what is taken for real, and is not


@view("why-fake")
class WhyFake(View):
    """What the discriminator goes by: for the chosen example and some made ones, the gradient of its verdict by every
    dot, and where the maps of its last convolution speak for real (blue) or against it (orange).
    """

    title, rank, height, wide = "Why fake", 6, 330, True
    together = follows = True
    hint = "Blue speaks for real, orange against it. Click a picture to look at it everywhere."

    sample: Example = SAMPLE
    first: Annotated[int, Field(ge=0, le=MOST_NOISE - MOST)] = option(
        0, "From which number of noise on made ones are shown."
    )
    number: Annotated[int, Field(ge=1, le=MOST)] = option(MOST, "How many made ones are shown.")

    def refuses(self, experiment):
        """Refuse what is no game about pictures."""
        if words := gameless(experiment):
            return words
        return pictured(experiment.of(experiment.task.answering))

    def compute(self, session):
        """Ask for the gradient of verdicts by dots, and by the last maps."""
        session = session.of(session.network.task.answering)
        learner: Any = session.network
        names = [self.sample, *(f"{NOISE} {place}" for place in range(self.first, self.first + self.number))]
        samples = [sample_of(session, name) for name in names]
        given = torch.cat([sample.given for sample in samples])
        maps = [step.path for step in mapped(session.graph) if step.layer.family == "convolution"]
        with asking_back(learner), capturing(session.module, maps[-1:]) as found:
            at = given.detach().requires_grad_()
            answers = learner.task.answer(learner.networks, at)
            asked = [at, *(found[path] for path in maps[-1:])]
            gradients = torch.autograd.grad(answers.sum(), asked)
        if not bool(gradients[0].isfinite().all()):
            raise VitrineError("The verdict's gradient is not finite here.", cure="Choose another moment.")
        said = learner.task.chances(answers.detach()).float()[:, 0].cpu()
        arrays: dict[str, Any] = {
            "pictures": np.stack([sample.picture for sample in samples]),
            "dots": gradients[0].float().sum(dim=1).cpu().numpy(),
            "said": said.numpy(),
        }
        if maps:
            speaks = (gradients[1] * found[maps[-1]]).float().sum(dim=1, keepdim=True).detach()
            arrays["places"] = F.interpolate(speaks, given.shape[2:], mode="bilinear")[:, 0].cpu().numpy()
        words = {"names": names, "layer": maps[-1] if maps else "", "told": [sample.words for sample in samples]}
        return Frame(arrays, words)

    def draw(self, frame):
        """Draw pictures, and beneath them what speaks for and against each."""
        names = frame.words["names"]
        words = [f"D says {said:.2f}" for said in frame["said"]]
        heads = [told.split(" (")[0].split(":")[0] for told in frame.words["told"]]
        rows = [
            Row("example", frame["pictures"], words, names),
            Row("by dot", tinted(frame["dots"], frame["pictures"], 0.0), (), names),
        ]
        if "places" in frame.arrays:
            rows.append(
                Row(
                    f"by place<br>in {frame.words['layer']}",
                    tinted(frame["places"], frame["pictures"], 0.35),
                    (),
                    names,
                )
            )
        return matrix(rows, heads)

    def looks(self, point):
        """Look at the example that was clicked."""
        return {"sample": point["label"]} if point.get("label") else {}


def tinted(values: np.ndarray, pictures: np.ndarray, seen: float) -> np.ndarray:
    """Return signed values (n, height, width) as pictures in colour, each by its own strongest, with a share of the
    example seen behind them.
    """
    reach = np.quantile(np.abs(values), 0.995, axis=(1, 2), keepdims=True)
    share = np.clip(values / np.maximum(reach, 1e-12), -1, 1)[..., None]
    colour = np.where(share > 0, FOR, AGAINST)
    behind = 247.0 * (1 - seen) + seen * pictures.mean(axis=1)[..., None]
    mixed = (1 - np.abs(share)) * behind + np.abs(share) * colour
    return mixed.round().astype(np.uint8).transpose(0, 3, 1, 2)
