"""Examples: the dataset to choose from, by class, by mistakes, or by how unsure the network is."""

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.data.dataset import UNKNOWN
from engine.errors import VitrineError
from engine.figures.pictures import address, pixels, stitched
from engine.looking.form import form_of
from engine.looking.frame import Frame
from engine.looking.session import looking
from engine.looking.shared import pictured
from engine.looking.view import View, view

POOL = 2000  # examples among which mistakes and unsure ones are sought
COLUMNS = 12


@view("examples")
class Examples(View):
    """Examples of the dataset to choose one from: all, the mistakes, or those the network is least sure of."""

    title, rank = "Examples", 9
    hint = "Click one to look at it; orange frames are mistakes."

    split: Literal["validation", "test", "train"] = option("validation", "Of which examples.")
    which: Literal["all", "mistakes", "most uncertain"] = option("all", "Which of them.")
    of: Annotated[int, Field(ge=0, le=9999)] | None = option(None, "Only those of this class.", none="every class")
    page: Annotated[int, Field(ge=0, le=100_000)] = option(0, "Which page of them.")
    number: Annotated[int, Field(ge=1, le=96)] = option(36, "How many on a page.")

    def refuses(self, experiment):
        """Refuse experiments without data, unless pictures can stand in."""
        return pictured(experiment) if experiment.data is None else ""

    def stages(self, session):
        """Ask the network piece by piece where all its answers are needed, then choose."""
        if session.network.task.classifies and self.which != "all":
            yield from session.asked(self.split, POOL)
        yield self.compute(session)

    def compute(self, session):
        """Let examples through, and choose those that are asked for."""
        learner = session.network
        name, split = session.split(self.split)
        dataset, answers = learner.dataset, learner.task.classifies
        classes = dataset.classes if dataset.goal == "class" else ()
        if self.of is not None and self.of >= max(1, len(classes)):
            raise VitrineError(f"There are {len(classes)} classes.", cure="Choose another.")
        places = torch.arange(len(split))
        if answers and self.which != "all":
            outputs, targets = session.outputs(name, POOL)
            taken, chances = outputs.argmax(dim=1), learner.task.chances(outputs)
            places = places[: len(outputs)]
            if self.which == "mistakes":
                places = places[(taken != targets) & (targets != UNKNOWN)]
            elif self.which == "most uncertain":
                places = (-(chances * chances.clamp_min(1e-12).log()).sum(dim=1)).argsort(descending=True)
        if classes and self.of is not None:
            places = places[split.targets.cpu()[places] == self.of]
        shown = places[self.page * self.number :][: self.number]
        told = self._told(session, split, shown) if answers and len(shown) else []
        labels, right = [], []
        for row, place in enumerate(shown.tolist()):
            truth = split.targets[place]
            label = dataset.named(truth)
            wrong = answers and int(truth) not in (UNKNOWN, told[row])
            labels.append(f"{label}, taken for {classes[told[row]]}" if wrong else label)
            right.append(not wrong)
        arrays = {"places": shown.numpy(), "right": np.array(right, bool)}
        words = {"split": name, "labels": labels, "found": len(places), "classes": list(classes)[:200], "shown": []}
        if dataset.example == "image" and len(shown):
            arrays["images"] = session.examples(name, shown.tolist()).numpy()
        elif len(shown):
            every = session.examples(name, shown.tolist())
            words["shown"] = [form_of(learner).shown(dataset, every[row]) for row in range(len(every))]
        return Frame(arrays, words)

    def _told(self, session, split, shown):
        """Return the class that the network takes each of a few examples for."""
        learner = session.network
        with looking(learner):
            return learner.answer(split.inputs[shown.to(split.inputs.device)]).argmax(dim=1).tolist()

    def draw(self, frame):
        """Return one picture of all, or each as it is shown small, and what each is called."""
        words = frame.words
        names = [f"{words['split']} {place}" for place in frame["places"].tolist()]
        sheet = {}
        if "images" in frame.arrays:
            images = pixels(frame["images"])
            sheet = {"picture": address(stitched(images, COLUMNS, 2)), "sizes": list(images.shape[1:3])}
        told = {"columns": COLUMNS, "gap": 2, "names": names, "labels": words["labels"], "pages": 0}
        told |= {"right": frame["right"].tolist(), "found": words["found"], "classes": words["classes"]}
        told |= {"shown": words["shown"]}
        return told | sheet | {"pages": -(-words["found"] // self.number), "page": self.page}
