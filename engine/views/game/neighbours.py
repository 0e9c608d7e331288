"""Neighbours: whether made examples are copies of those that were learned from."""

from typing import Annotated, Any

import torch
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import caption
from engine.figures.matrix import Row, matrix
from engine.looking.frame import Frame
from engine.looking.sample import MOST_NOISE, noise_of
from engine.looking.small import pictured
from engine.looking.view import View, view
from engine.tasks.judge import judge_now
from engine.tasks.telling import NOISE
from engine.views.game.players import gameless, in_turn, made_of, off_the_plane, with_judge

COLUMNS = 10
HELD = 300  # examples that were not learned from, whose nearest training example tells how close chance comes


@view("neighbours")
class Neighbours(View):
    """Beside each made example the training example that is nearest to it, dot by dot and in what a classifier sees;
    and how near those are that were not learned from.
    """

    title, rank, height, wide = "Nearest neighbours", 5, 360, True
    together = True
    hint = "A generator that copies comes nearer to what it learned from than other real examples do."

    first: Annotated[int, Field(ge=0, le=MOST_NOISE - COLUMNS)] = option(0, "From which number of noise on.")
    around: Annotated[int, Field(ge=50, le=20_000)] = option(4000, "Among how many training examples is sought.")

    def refuses(self, experiment):
        """Refuse what is no game, and points."""
        return gameless(experiment) or ("" if off_the_plane(experiment) else "Points are seen in the game's plane.")

    def stages(self, session):
        """Let the classifier learn, where examples have classes; then search."""
        learner: Any = session.network
        if len(learner.train) < 50:
            raise VitrineError("There are fewer than 50 training examples.", cure="Choose data with more.")
        if learner.dataset.goal == "class":
            session = yield from with_judge(session)
        yield self.compute(session)

    def compute(self, session):
        """Search the nearest training examples."""
        learner: Any = session.network
        number = self.first + COLUMNS
        made = made_of(session, noise_of(session, number), in_turn(session, number))[self.first :]
        train = learner.material.given(learner.train.inputs[: self.around])
        _, split = session.split("validation")
        held = learner.material.given(split.inputs[:HELD])
        ways = {"dots": [one.flatten(1).nan_to_num().cpu() for one in (made, train, held)]}
        if learner.dataset.goal == "class":
            judge = judge_now(learner)
            ways["classifier"] = [judge.looked(one)[0] for one in (made, train, held)]
        arrays: dict[str, Any] = {"made": pictured(session, made.cpu())}
        words: dict[str, Any] = {
            "number": len(train),
            "numbers": list(range(self.first, number)),
            "held": split is not learner.train,
        }
        for name, (mine, known, other) in ways.items():
            far, place = torch.cdist(mine, known).min(dim=1)
            arrays[name] = pictured(session, train[place.to(train.device)].cpu())
            words[f"{name} places"] = place.tolist()
            if words["held"]:
                usual = torch.cdist(other, known).min(dim=1).values
                words[f"{name} far"] = (far / usual.quantile(0.5).clamp_min(1e-9)).tolist()
                words[f"{name} nearer"] = float((far < usual.quantile(0.01)).float().mean())
        return Frame(arrays, words)

    def draw(self, frame):
        """Draw made ones, and beneath each what is nearest to it."""
        words = frame.words
        numbers = [f"{NOISE} {place}" for place in words["numbers"]]
        rows = [Row("made", frame["made"], (), numbers)]
        said = []
        for name, title in (("dots", "nearest,<br>dot by dot"), ("classifier", "nearest to<br>a classifier")):
            if name not in frame.arrays:
                continue
            far = [f"{value:.2f}" for value in words[f"{name} far"]] if words["held"] else []
            clicks = [f"train {place}" for place in words[f"{name} places"]]
            rows.append(Row(title, frame[name], far, clicks))
            if words["held"]:
                said.append(
                    f"{words[f'{name} nearer']:.0%}" + (" dot by dot" if name == "dots" else " to a classifier")
                )
        told = f"among {words['number']:,} training examples"
        told += "; 1.00 is as far as other real ones usually are" if words["held"] else ""
        if said:
            told += f"; as near as a copy: {' and '.join(said)}"
        shown = matrix(rows, top=24)
        shown["layout"]["annotations"].append(caption(told))
        return shown

    def looks(self, point):
        """Look at the example that was clicked."""
        return {"sample": point["label"]} if point.get("label") else {}
