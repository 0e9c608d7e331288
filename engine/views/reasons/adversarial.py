"""Adversarial: how little must change for the network to be mistaken."""

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.figures.figure import PALETTE, axis
from engine.figures.maps import Regions
from engine.looking.frame import Frame
from engine.looking.sample import aim, called, looks, opinions, sample_of
from engine.looking.session import looking
from engine.looking.shared import SAMPLE, TOWARD, Example, Words, pictured
from engine.looking.view import View, view

MOMENTS, FEW = 17, 7  # strengths of the sweep; fewer where inputs are large
LARGE = 20_000  # numbers of an input
STEPS = 10  # of projected gradient descent
REACH = 64.0  # greys of 255 up to which the sweep goes, at least


@view("adversarial")
class Adversarial(View):
    """A change too small to see that is chosen to mislead: the fast gradient sign, or several projected steps."""

    title, rank, height, wide = "Adversarial", 20, 260, True
    follows = True
    hint = "Find the strength at which the answer tips: robust networks need much, most need little."

    sample: Example = SAMPLE
    toward: Words = TOWARD
    method: Literal["fast gradient sign", "projected gradient"] = option(
        "fast gradient sign", "One step along the gradient's signs (Goodfellow, 2014), or ten of them (Madry, 2017)."
    )
    goal: Literal["away", "to the likeliest other"] = option(
        "away", "Away from the class that is asked about, or to the likeliest other one."
    )
    strength: Annotated[float, Field(ge=0.0, le=128.0)] = option(
        8.0, "How far each dot may move, in greys of 255.", felt=(0.0, 128.0)
    )

    def refuses(self, experiment):
        """Refuse what takes no pictures or does not classify."""
        return pictured(experiment) or ("" if experiment.task.classifies else "Only networks that classify are misled.")

    def compute(self, session):
        """Change the sample at every strength of a sweep at once."""
        sample = sample_of(session, self.sample)
        target = aim(session, self.toward, sample)
        moments = MOMENTS if sample.given.numel() < LARGE else FEW
        strengths = np.append(np.linspace(0, max(REACH, 2 * self.strength), moments), self.strength)
        _, deviation = session.network.material.scales
        reach = torch.tensor(strengths, dtype=torch.float32).reshape(-1, 1, 1, 1).to(deviation.device)
        start = sample.given.expand(len(strengths), -1, -1, -1).detach()
        with looking(session.network):
            first = opinions(session.network, sample.given).float()[0].cpu()
            others = [one for one in first.argsort(descending=True).tolist() if one != target]
            misled = self._misled(session, start, target, others[0] if others else target, reach / 255 / deviation)
            said = opinions(session.network, misled).float().cpu()
        order = [target, *dict.fromkeys([one for one in [int(said[-1].argmax()), *others] if one != target])][:4]
        arrays = {
            "strengths": strengths[:-1],
            "chances": said[:-1, order].numpy(),
            "picture": sample.picture,
            "misled": looks(session, misled[-1:])[0],
            "change": ((misled[-1] - start[-1]) * deviation * 255).cpu().numpy(),
        }
        taken = [called(session, int(one)) for one in said.argmax(dim=1)]
        tips = next((float(s) for s, t in zip(strengths[:-1], taken, strict=False) if t != taken[0]), None)
        words = {"classes": [called(session, one) for one in order], "taken": taken[-1], "was": taken[0], "tips": tips}
        return Frame(arrays, words | sample.told())

    def _misled(self, session, start, target, other, reach):
        """Return inputs that differ from the start by no more than the reach, each dot within what pictures hold."""
        learner = session.network
        mean, deviation = learner.material.scales
        darkest, brightest = (0 - mean) / deviation, (1 - mean) / deviation
        several = self.method == "projected gradient"
        steps, stride = (STEPS, 2.5 * reach / STEPS) if several else (1, reach)
        now = start[:1] if steps == 1 else start  # one gradient does for all strengths of a single step
        for _ in range(steps):
            with torch.enable_grad():
                asked = now.detach().requires_grad_()
                log = learner.task.answer(learner.networks, asked).float().log_softmax(dim=1)
                wanted = log[:, other] if self.goal == "to the likeliest other" else -log[:, target]
                gradient = torch.autograd.grad(wanted.sum(), asked)[0]
            now = now + stride * gradient.sign()
            now = torch.max(torch.min(now, start + reach), start - reach)
            now = torch.max(torch.min(now, brightest.expand_as(now)), darkest.expand_as(now))
        return now.detach()

    def draw(self, frame):
        """Draw the picture, the change magnified, the changed picture, and the answer against the strength."""
        words, change = frame.words, frame["change"]
        regions = Regions()
        sizes = frame["picture"].shape[1:]
        most = float(np.abs(change).max())
        times = 127 / most if most else 0
        magnified = (127.5 + times * change).clip(0, 255).astype(np.uint8)
        titles = (
            f"{words['sample'].split(' (')[0]}<br>taken for {words['was']}",
            f"the change, at most {most:.3g} greys<br>{times:.0f} times as strong",
            f"both together<br>taken for {words['taken']}",
        )
        for place, (image, title) in enumerate(
            zip((frame["picture"], magnified, frame["misled"]), titles, strict=True)
        ):
            axes = regions.place((0.19 * place, 0.19 * place + 0.18), (0, 1), sizes, title)
            regions.picture(image, axes)
        for place, name in enumerate(words["classes"]):
            line = {
                "x": frame["strengths"],
                "y": frame["chances"][:, place],
                "name": name,
                "xaxis": "x9",
                "yaxis": "y9",
            }
            more = {
                "hovertemplate": f"{name}: %{{y:.1%}} at %{{x:.1f}}<extra></extra>",
                "line": {"color": PALETTE[place]},
            }
            regions.traces.append(line | more | {"type": "scatter", "mode": "lines"})
        tips = f"tips at {words['tips']:.3g}" if words["tips"] is not None else "does not tip"
        regions.layout["xaxis9"] = axis(f"strength, greys of 255: {tips}", domain=[0.64, 1], anchor="y9")
        regions.layout["yaxis9"] = axis("answer", domain=[0.16, 0.92], anchor="x9", tickformat=".0%", range=[0, 1])
        here = {"type": "line", "xref": "x9", "yref": "y9", "x0": self.strength, "x1": self.strength, "y0": 0, "y1": 1}
        regions.layout["shapes"].append(here | {"line": {"color": "#7b8794", "width": 1.5, "dash": "dot"}})
        legend = {"orientation": "h", "x": 0.64, "y": 1.0, "yanchor": "top"}
        return regions.figure(showlegend=True, legend=legend)

    def pick(self, point):
        """Take the strength that was clicked."""
        x = point.get("x")
        return self.but(strength=float(x)) if isinstance(x, int | float) and 0 < x <= 128 else None
