"""Reconstructions: examples, their codes, and what is made of those, beside what as many components would keep."""

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import UNKNOWN
from engine.figures.matrix import Row, matrix
from engine.looking.frame import Frame
from engine.looking.sample import sample_of
from engine.looking.shared import SAMPLE, Example
from engine.looking.small import pictured
from engine.looking.view import View, view
from engine.views.latent.codes import class_of, coded, codeless, decoded, errors, named, off, strips

POOL = 500  # examples among which the best and the worst are sought


@view("reconstructions")
class Reconstructions(View):
    """What goes in, the code that is kept of it, what comes out again and how far that is off; below, what principal
    component analysis makes of as many numbers.
    """

    title, rank, height = "Reconstructions", 2, 430
    together = follows = True
    hint = "The code is all that the decoder is told. Click a picture to look at it everywhere."

    sample: Example = SAMPLE
    which: Literal["first", "best", "worst"] = option(
        "first", "Which examples stand beside the sample: the first ones, or those that come back best or worst."
    )
    split: Literal["validation", "test", "train"] = option("validation", "Of which examples.")
    number: Annotated[int, Field(ge=2, le=16)] = option(9, "How many.")

    def refuses(self, experiment):
        """Refuse what makes no codes of examples."""
        return codeless(experiment)

    def compute(self, session):
        """Let the sample and some others through code and decoder, and through as many principal components."""
        learner = session.network
        name, split = session.split(self.split)
        sample = sample_of(session, self.sample)
        nobody = torch.full((len(split),), UNKNOWN, device=learner.place.device)
        told = split.targets if learner.dataset.goal == "class" else nobody
        inputs = learner.material.given(split.inputs[: POOL if self.which != "first" else self.number])
        if self.which != "first":
            known = split.targets[:POOL]
            far = off(decoded(session, coded(session, self._worse(session, inputs), known).at, known), inputs.cpu())
            order = far.argsort(descending=self.which == "worst")
        else:
            order = torch.arange(len(inputs))
        places = [place for place in order.tolist() if (name, place) != sample.at][: self.number - 1]
        given = torch.cat([sample.given, inputs[places]])
        worse = self._worse(session, given)
        kinds = torch.cat([class_of(session, sample), told[places]])
        codes = coded(session, worse, kinds)
        made, given = decoded(session, codes.at, kinds), given.cpu()
        arrays = {
            "input": pictured(session, given),
            "codes": codes.at.numpy(),
            "made": pictured(session, made),
            "error": errors(session, made, given),
            "off": off(made, given).numpy(),
        }
        if learner.task.noise != "none":
            arrays["damaged"] = pictured(session, worse.cpu())
        if (found := learner.task.compared(learner)) is not None:
            back = found.given_back(worse.cpu().flatten(1)).reshape(given.shape)
            arrays |= {"principal": pictured(session, back), "principal off": off(back, given).numpy()}
        return Frame(arrays, {"clicks": ["", *named(places, name)], "size": codes.size})

    def _worse(self, session, given):
        """Return examples as they are damaged while they are learned, by chance that is always the same."""
        task = session.network.task
        return task.worse(given, torch.Generator().manual_seed(0))

    def draw(self, frame):
        """Draw a row for each stage, from the input to what principal components keep."""
        clicks, size = frame.words["clicks"], frame.words["size"]
        rows = [Row("input", frame["input"], clicks=clicks)]
        if "damaged" in frame.arrays:
            rows.append(Row("damaged", frame["damaged"], clicks=clicks))
        rows.append(Row(f"code: {size:,}", strips(frame["codes"]), _numbers(frame["codes"]), clicks))
        rows.append(Row("comes out", frame["made"], clicks=clicks))
        rows.append(Row("error", frame["error"], [f"{far:.3f}" for far in frame["off"]], clicks))
        if "principal" in frame.arrays:
            rows.append(Row(f"PCA, {size:,}", frame["principal"], [f"{far:.3f}" for far in frame["principal off"]]))
        return matrix(rows, heads=["sample"])

    def looks(self, point):
        """Look at the example that was clicked."""
        return {"sample": point["label"]} if point.get("label") else {}


def _numbers(codes: np.ndarray) -> list[str]:
    """Return short codes in figures."""
    return [" ".join(f"{value:.2g}" for value in row) for row in codes] if codes.shape[1] <= 3 else []
