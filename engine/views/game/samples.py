"""Samples: what is made of noise that stays the same, now and as it was; or of noise drawn anew."""

import copy
import time
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import caption
from engine.figures.matrix import Row, matrix
from engine.looking.frame import Frame
from engine.looking.sample import MOST_NOISE, noise_of
from engine.looking.session import Session
from engine.looking.shared import SAMPLE, Example, Words
from engine.looking.small import pictured
from engine.looking.view import View, view
from engine.tasks.telling import NOISE
from engine.views.game.players import asked_for, gameless, made_of, off_the_plane, said_of

COLUMNS = 10
PATIENT = 0.1  # seconds in which checkpoints are read at once
MOST_KEPT = 500  # pictures of before
JUDGED = 200  # made examples of which the best are shown, where they are sorted


@view("samples")
class Samples(View):
    """What the generator makes of noise that is always the same, so that one sees it improve, or collapse; and one of
    them as it was at earlier checkpoints.
    """

    title, rank, height = "Samples", 2, 430
    together = follows = True
    hint = "Click one: below it is seen as it was before. When all become alike, the generator has collapsed."

    sample: Example = SAMPLE
    rows: Annotated[int, Field(ge=1, le=8)] = option(4, "How many rows of ten.")
    order: Literal["as drawn", "most real first", "least real first"] = option(
        "as drawn", f"In what order; sorted by what the discriminator says of {JUDGED}."
    )
    within: Annotated[float, Field(ge=0.1, le=10)] | None = option(
        None,
        "Truncated: numbers of the noise are brought within so many of 0; fewer kinds, and better ones.",
        none="as drawn",
    )
    told: Words = option("", "Which class is asked for, where the generator takes one; empty: each in turn.")
    past: Annotated[int, Field(ge=0, le=COLUMNS)] = option(COLUMNS, "At how many moments the chosen one is seen.")
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = option(
        None, "Draws other noise; empty: noise that is always the same.", none="always the same"
    )

    def refuses(self, experiment):
        """Refuse what is no game, and points, of which nothing is to be seen one by one."""
        return gameless(experiment) or ("" if off_the_plane(experiment) else "Points are seen in the game's plane.")

    def stages(self, session):
        """Make examples, at once; then the chosen one as it was, checkpoint after checkpoint."""
        frame = self.compute(session)
        yield from self._with_past(session, frame) if self.past > 1 and session.step else [frame]

    def compute(self, session):
        """Make examples of noise, and ask what the discriminator says of them."""
        learner: Any = session.network
        number = self.rows * COLUMNS
        many = number if self.order == "as drawn" else max(number, JUDGED)
        noise = self._within(noise_of(session, many, self.seed), learner.task.noise == "uniform")
        told = asked_for(session, self.told, many)
        made = made_of(session, noise, told)
        said = said_of(session, made, told)
        order = torch.arange(many)
        if self.order != "as drawn":
            order = said.argsort(descending=self.order.startswith("most"))
        chosen = order[:number]
        classes = learner.dataset.classes
        words: dict[str, Any] = {
            "places": chosen.tolist(),
            "said": float(said.mean()),
            "alike": alike(made.cpu(), learner.material.given(learner.train.inputs[:many]).cpu()),
            "asked": [] if told is None else [classes[int(told[place])] for place in chosen.tolist()],
            "sample": self._chosen(),
            "fresh": self.seed is not None,
        }
        arrays = {"made": pictured(session, made[chosen.to(made.device)].cpu()), "said": said[chosen].numpy()}
        return Frame(arrays, words)

    def _within(self, noise: torch.Tensor, uniform: bool) -> torch.Tensor:
        """Return noise whose numbers are drawn closer to 0, each by where it lies among all, so that none is lost."""
        if self.within is None:
            return noise
        if uniform:
            return noise * min(1.0, self.within)
        low = torch.special.ndtr(torch.tensor(-self.within, dtype=torch.double))
        share = torch.special.ndtr(noise.double())
        return torch.special.ndtri(low + (1 - 2 * low) * share).float()

    def _chosen(self):
        """Return the number of the noise that is looked at."""
        number = self.sample.strip().rpartition(" ")[2]
        return int(number) if number.isdecimal() and int(number) < MOST_NOISE else 0

    def _with_past(self, session: Session, frame: Frame) -> Iterator[Frame]:
        """Yield the frame with the chosen one as it was at earlier checkpoints, as far as those were read."""
        learner: Any = session.network
        number = self._chosen()
        noise = noise_of(session, number + 1, self.seed)[-1:]
        noise = self._within(noise, learner.task.noise == "uniform")
        asked = asked_for(session, self.told, number + 1)
        asked = None if asked is None else asked[-1:]
        kept = learner.lasting.setdefault("as it was", {})
        if len(kept) > MOST_KEPT:
            kept.clear()
        key = (number, self.seed, self.within, self.told)
        now = made_of(session, noise, asked)[0].cpu()
        steps = moments(session.step, self.past)
        told = time.monotonic()
        for missing in [step for step in steps if (step, *key) not in kept]:
            if time.monotonic() - told > PATIENT:  # what is made now is not to wait for what was before
                there = {step: kept[step, *key] for step in steps if (step, *key) in kept}
                part = self._strip(session, frame, there, now)
                yield Frame(part.arrays, part.words | {"progress": len(there) / len(steps)})
                told = time.monotonic()
            try:
                kept[missing, *key] = self._then(session, missing, noise, asked)
            except VitrineError:  # no checkpoint is kept yet
                steps = []
                break
        yield self._strip(session, frame, {step: kept[step, *key] for step in steps if (step, *key) in kept}, now)

    def _then(self, session: Session, step: int, noise: torch.Tensor, asked: torch.Tensor | None) -> tuple[int, Any]:
        """Return at which step the checkpoint was kept before a step, and what its generator makes of noise."""
        learner: Any = session.network
        role = learner.task.unfolds
        at, weights = session.record.weights(step, role)
        was = copy.copy(learner)
        was.networks = learner.networks | {role: copy.deepcopy(learner.networks[role])}
        was.networks[role].load_state_dict(weights)
        return at, made_of(Session(session.experiment, at, session.record, was), noise, asked)[0].cpu()

    def _strip(self, session: Session, frame: Frame, then: dict[int, tuple[int, Any]], now: torch.Tensor) -> Frame:
        """Return the frame with a strip of moments, the last of which is now."""
        found = dict(then.values()) | {session.step: now}
        arrays = frame.arrays | {"was": pictured(session, torch.stack(list(found.values())))}
        return Frame(arrays, frame.words | {"steps": list(found)})

    def draw(self, frame):
        """Draw rows of samples, and below them the chosen one as it was."""
        rows = []
        words = frame.words
        for begin in range(0, len(frame["made"]), COLUMNS):
            places = words["places"][begin : begin + COLUMNS]
            clicks = [] if words["fresh"] else [f"{NOISE} {place}" for place in places]
            said = words["asked"][begin : begin + COLUMNS] if not begin else []
            rows.append(Row("" if begin else "made now", frame["made"][begin : begin + COLUMNS], said, clicks))
        if "steps" in words and len(words["steps"]) > 1:
            then = [f"step {step:,}" for step in words["steps"]]
            rows.append(Row(f"noise {words['sample']},<br>as it was", frame["was"], then))
        told = f"the discriminator says {words['said']:.2f} on average; "
        told += f"two of them differ {words['alike']:.0%} as much as two real ones"
        again = {"label": "Draw anew", "words": "Draw other noise", "point": {"draw": (self.seed or 0) + 1}}
        buttons = [again]
        if words["fresh"]:
            buttons.append(
                {"label": "The same noise", "words": "Back to the noise that is always the same", "point": {"draw": 0}}
            )
        shown = matrix(rows, top=24)
        shown["layout"]["annotations"].append(caption(told))
        return shown | {"buttons": buttons}

    def pick(self, point):
        """Draw other noise, or go back to the noise that is always the same."""
        seed = point.get("draw")
        if isinstance(seed, bool) or not isinstance(seed, int):
            return None
        return self.but(seed=seed % 2**31 or None)

    def looks(self, point):
        """Look at the made example that was clicked."""
        return {"sample": point["label"]} if point.get("label") else {}


def alike(made: torch.Tensor, real: torch.Tensor) -> float:
    """Return how far made examples lie from one another on average, as a share of how far real ones do."""
    apart = [torch.pdist(rows.flatten(1).nan_to_num()[:JUDGED]) for rows in (made, real)]
    means = [float(one.mean()) if len(one) else 0.0 for one in apart]
    return means[0] / max(means[1], 1e-12)


def moments(step: int, number: int) -> list[int]:
    """Return steps at which to look back, each twice as late as the one before it, and the beginning; as long as
    nothing doubles they stay the same.
    """
    powers = [2**n for n in range(step.bit_length()) if 2**n < step]
    return [0, *powers[-(number - 2) :]] if number > 2 else [0]
