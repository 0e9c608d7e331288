"""Sampled: the example that a board looks at, and what the network says of it."""

from typing import Any

import numpy as np

from engine.looking.form import form_of
from engine.looking.frame import Frame
from engine.looking.lesions import without
from engine.looking.sample import called, said, sample_of
from engine.looking.shared import OFF, SAMPLE, Example, Names, pictured
from engine.looking.view import View, view

SHOWN = 5  # classes


@view("sample")
class Sampled(View):
    """The example that the board looks at, as the network takes it, and what it says of it."""

    title, rank = "Sample", 9
    follows, light = True, True
    hint = "What the network is shown, and how sure it is of each class."

    sample: Example = SAMPLE
    off: Names = OFF

    def refuses(self, experiment):
        """Refuse experiments without data, unless pictures can stand in."""
        return pictured(experiment) if experiment.data is None else ""

    def compute(self, session):
        """Ask the network."""
        session = without(session, self.off)
        sample = sample_of(session, self.sample)
        found = said(session, sample).numpy()
        classes = [called(session, place) for place in range(len(found))]
        words: dict[str, Any] = {
            "classes": classes,
            "chances": session.network.task.answers in ("classes", "several", "labels"),
        }
        if session.network.task.answers == "example":
            words |= {"classes": [], "off": float(np.sqrt(max(0.0, -found[0])))}
        words["shown"] = form_of(session.network).shown(session.network.dataset, sample.values)
        return Frame({"chances": found}, words | sample.told())

    def draw(self, frame):
        """Return the example, its words, and the likeliest classes."""
        found, classes = frame["chances"], frame.words["classes"]
        order = np.argsort(-found, kind="stable")[:SHOWN] if "off" not in frame.words else []
        back = (
            f"comes back off by {frame.words['off']:.3g}, the root of the mean square" if "off" in frame.words else ""
        )
        return {
            "shown": frame.words["shown"],
            "words": frame.words["sample"],
            "back": back,
            "truth": frame.words["truth"],
            "chances": frame.words["chances"],
            "said": [[int(place), classes[place], float(found[place])] for place in order],
            "classes": classes[:200],
        }
