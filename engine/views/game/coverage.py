"""Coverage: how many kinds of real examples there are among the made ones, and how like real ones those are."""

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import BAD, GOOD, axis, caption, figure
from engine.looking.frame import Frame
from engine.looking.sample import noise_of
from engine.looking.view import View, view
from engine.tasks.density import Ground, divergences
from engine.tasks.heaps import heaps_in, kinds_met, member, shares
from engine.tasks.judge import SURE, judge_now
from engine.tasks.principal import principal
from engine.tasks.resemblance import Cloud, duplicates, frechet, precision_and_recall
from engine.views.game.players import MADE, REAL, gameless, in_turn, made_of, with_judge

FEW = 0.5  # of kinds that are met: with no more it is a collapse
COMPONENTS = 32  # of examples without classes, by which they are compared
PLENTY = 0.2  # of made ones that repeat one another


@view("coverage")
class Coverage(View):
    """Which kinds of real examples are met, and how alike made and real ones are: heaps of points exactly, pictures by
    a small classifier that learns from the same data.
    """

    title, rank, height = "Coverage", 4, 430
    together = True
    hint = "Orange bars should reach the blue ones. Precision: made ones look real. Recall: all that is real is made."

    examples: Annotated[int, Field(ge=100, le=5000)] = option(1000, "How many made and real examples are compared.")

    def refuses(self, experiment):
        """Refuse what is no game."""
        return gameless(experiment)

    def stages(self, session):
        """Let the classifier learn where one is needed, then compare."""
        learner: Any = session.network
        if len(learner.train) < 50:
            raise VitrineError("There are fewer than 50 training examples.", cure="Choose data with more.")
        if _by_classes(learner):
            session = yield from with_judge(session)
        yield self.compute(session)

    def compute(self, session):
        """Compare what is made with real examples."""
        learner: Any = session.network
        _, split = session.split("train")
        real = learner.material.given(split.inputs[: self.examples])
        made = made_of(session, noise_of(session, self.examples), in_turn(session, self.examples))
        words: dict[str, Any] = {"names": [], "by": "in the plane"}
        arrays: dict[str, Any] = {}
        rows = real.flatten(1).cpu(), made.flatten(1).cpu()
        heaps = heaps_in(learner)
        if heaps is not None:
            of = member(rows[1], heaps)
            fair, names = heaps.shares, [learner.dataset.facts["mode"][place] for place in heaps.places]
            words |= {"sure": float((of >= 0).float().mean()), "what": "heaps"}
        elif _by_classes(learner):
            judge = judge_now(learner)
            (real_rows, _), (made_rows, chances) = (judge.looked(one) for one in (real, made))
            rows, of = (real_rows, made_rows), chances.argmax(dim=1)
            fair, names = shares(split.targets.cpu(), len(learner.dataset.classes)), learner.dataset.classes
            words |= {"sure": float((chances.amax(dim=1) >= SURE).float().mean()), "what": "classes"}
            words["by"] = "by what a classifier sees"
        elif rows[0].shape[1] > COMPONENTS:
            found = principal(rows[0], COMPONENTS)
            rows = found.codes(rows[0]), found.codes(rows[1])
            words["by"] = f"by {COMPONENTS} principal components"
        number = min(map(len, rows))  # how far balls reach depends on how many there are
        rows = rows[0][:number], rows[1][:number]
        if "what" in words:
            share = shares(of, len(fair))
            missed = (~kinds_met(of, fair) & (fair > 0)).nonzero().flatten().tolist()
            arrays |= {"share": share.numpy(), "fair": fair.numpy()}
            words |= {"names": list(names), "missed": missed}
        cloud = self._once(learner, "cloud", number, lambda: Cloud(rows[0]))
        made_cloud = Cloud(rows[1])
        words["precision"], words["recall"] = precision_and_recall(cloud, made_cloud)
        words["copies"] = duplicates(cloud, made_cloud)
        if rows[0].shape[1] == 2:
            ground = self._once(learner, "ground", number, lambda: Ground(rows[0]))
            words["kl"], words["js"] = ground.unlike(rows[1])
            halves = _halves(split.inputs[: 2 * self.examples].float().cpu())
            words["js best"] = self._once(learner, "halves", self.examples, lambda: divergences(*halves)[1])
        else:
            words["frechet"] = frechet(*rows)
        return Frame({name: np.asarray(value, np.float32) for name, value in arrays.items()}, words)

    def _once(self, learner, name, number, make):
        """Return what is known of so many real examples, which stay the same."""
        kept = learner.lasting.setdefault("coverage", {})
        if (name, number) not in kept:
            kept[name, number] = make()
        return kept[name, number]

    def draw(self, frame):
        """Draw what share each kind has, and the measures beneath."""
        words = frame.words
        traces: list[dict[str, Any]] = []
        layout: dict[str, Any] = {}
        if words["names"]:
            names = words["names"]
            for key, colour, name in (("fair", REAL, "real"), ("share", MADE, "made")):
                values = np.round(frame[key].astype(float), 4)
                traces.append({"type": "bar", "x": names, "y": values, "name": name, "marker": {"color": colour}})
            layout["xaxis"] = axis("", anchor="y", type="category")
            layout["yaxis"] = axis("share", domain=[0.5, 1], tickformat=".0%", rangemode="tozero")
        measures = [("precision", words["precision"]), ("recall", words["recall"])]
        if "sure" in words:
            measures.append(("in a heap" if words["what"] == "heaps" else "recognised", words["sure"]))
        measures.append(("repeated", words["copies"]))
        labels, values = [name for name, _ in measures], [round(value, 4) for _, value in measures]
        colours = [GOOD if name != "repeated" else BAD for name in labels]
        bar: dict[str, Any] = {
            "type": "bar",
            "orientation": "h",
            "x": values,
            "y": labels,
            "marker": {"color": colours},
        }
        bar |= {"xaxis": "x2", "yaxis": "y2", "showlegend": False, "text": [f"{v:.0%}" for v in values]}
        traces.append(bar | {"hovertemplate": "%{y}: %{x:.1%}<extra></extra>", "textposition": "auto"})
        layout["xaxis2"] = axis("", anchor="y2", range=[0, 1], tickformat=".0%")
        layout["yaxis2"] = axis("", anchor="x2", domain=[0, 0.34 if words["names"] else 0.9], autorange="reversed")
        legend = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.1, "yanchor": "bottom", "font": {"size": 11}}
        return figure(
            traces,
            **layout,
            barmode="group",
            showlegend=bool(words["names"]),
            legend=legend,
            annotations=[caption("<br>".join([said_of_kinds(words), self._unlike(words)]))],
            margin={"l": 76, "r": 12, "t": 60, "b": 30},
        )

    def _unlike(self, words):
        """Return in words how unlike the two are as a whole."""
        if "js" in words:
            best = f"real halves: {words['js best']:.3f}"
            return f"JS {words['js']:.3f} of at most 0.693 nats ({best}), KL {words['kl']:.2f}"
        return f"Fréchet distance {words['frechet']:.3g}, {words['by']}"


def said_of_kinds(words: dict[str, Any]) -> str:
    """Return in words how many kinds are met, and that it is a collapse where they are few."""
    if not words["names"]:
        return "These examples have no kinds that are known."
    number, missed = len(words["names"]), [words["names"][place] for place in words["missed"]]
    met = number - len(missed)
    said = f"{met} of {number} {words['what']} are met"
    if met <= FEW * number:
        return f"<b>Collapsed:</b> only {said}"
    if words["copies"] > PLENTY:
        return f"{said}, but made ones repeat one another"
    return f"{said}: missed {', '.join(missed[:4])}" if missed else said


def _by_classes(learner: Any) -> bool:
    """Return whether kinds are told by a classifier."""
    return learner.dataset.goal == "class" and heaps_in(learner) is None


def _halves(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    half = len(rows) // 2
    return rows[:half], rows[half : 2 * half]
