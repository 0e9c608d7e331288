"""Class activation: which places of the picture speak for a class, as a layer's maps tell."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from engine.choice import option
from engine.errors import VitrineError
from engine.figures.figure import wrapped
from engine.figures.maps import Regions
from engine.graph.capture import capturing, node
from engine.looking.frame import Frame
from engine.looking.lesions import without
from engine.looking.sample import aim, called, opinions, sample_of, scored
from engine.looking.session import asking_back, looking
from engine.looking.shared import (
    NODE,
    OFF,
    SAMPLE,
    TOWARD,
    Example,
    Names,
    Words,
    mapped,
    offered,
    picked,
    pictured,
    steps,
    without_maps,
)
from engine.looking.view import View, view
from engine.views.reasons.camethods import BY_GRADIENT, ablation_cam, score_cam

Method = Literal["CAM", "Grad-CAM", "Grad-CAM++", "HiResCAM", "LayerCAM", "Score-CAM", "Ablation-CAM", "Eigen-CAM"]
BETWEEN = ("flatten", "dropout", "identity", "global_average_pool")
MOST = 6  # maps side by side


NOTHING = "no place speaks for it"  # where a map is empty


@view("class-activation")
class ClassActivation(View):
    """Where in the picture a layer finds what speaks for a class, laid over the picture; several ways side by side."""

    title, rank, height = "Class activation", 13, 240
    follows = True
    hint = "Warm places speak for the class (its score before a softmax). Where methods disagree, be wary."

    sample: Example = SAMPLE
    node: Words = NODE
    toward: Words = TOWARD
    off: Names = OFF
    methods: tuple[Method, ...] = option(("Grad-CAM", "HiResCAM", "LayerCAM"), "By which methods, side by side.")
    classes: Annotated[int, Field(ge=1, le=5)] = option(
        1, "Of how many classes: the one that is asked about, and then the likeliest others."
    )
    since: Annotated[int, Field(ge=0, le=2**53 - 1)] | None = option(
        None, "Also as it was at this step, beside now.", none="only now", rare=True
    )
    strength: Annotated[float, Field(ge=0.0, le=1.0)] = option(
        0.55, "How strongly the map covers the picture.", felt=(0.0, 1.0)
    )
    signed: bool = option(False, "Show what speaks against the class too.", rare=True)

    def refuses(self, experiment):
        """Refuse what has no maps, and CAM where it has no meaning."""
        if words := pictured(experiment):
            return words
        if words := without_maps(experiment):
            return words
        if not self.methods:
            return "No method is chosen."
        return _averages(experiment.graph)[1] if self.methods == ("CAM",) else ""

    def offers(self, experiment):
        """Offer the layers that give maps."""
        return {"node": offered(mapped(experiment.graph))}

    def stages(self, session):
        """Work out one map after another; those that ask the network for every channel come piece by piece."""
        graph = session.graph
        step = picked(mapped(graph), graph, self.node, "that gives maps", first=-1)
        sample = sample_of(session, self.sample)
        nows = [("", without(session, self.off))]
        if self.since is not None:
            at, weights = session.record.weights(self.since, session.role)
            nows.append((f" at step {at:,}", without(_as_then(session, weights), self.off)))
        slow = {"Score-CAM", "Ablation-CAM"} & set(self.methods)
        if slow:  # they take a while, and must not see weights move meanwhile
            nows = [(word, one.still()) for word, one in nows]
        first = Asked(nows[0][1], sample, step.path)
        wanted = first.wanted(self.toward, self.classes)
        asked = [(word, first if one is nows[0][1] else Asked(one, sample, step.path)) for word, one in nows]
        jobs = [(*one, target, how) for one in asked for target in wanted for how in self.methods][: 4 * MOST]
        maps, titles = [], []
        picture = {"picture": sample.picture}
        words = {"node": step.path, "toward": called(session, wanted[0]), "methods": list(self.methods)} | sample.told()
        for number, (word, one, target, how) in enumerate(jobs):
            title = f"{how}: {called(session, target)}{word}"
            try:
                for share, found in self._map(one, target, how):
                    done = (number + share) / len(jobs)
                    if slow and done < 1:
                        shown = _numbered([*maps, found])
                        yield Frame(picture | shown, words | {"titles": [*titles, title], "progress": done})
            except VitrineError as error:
                found, title = np.zeros((0, 0), np.float32), str(error)
            maps.append(found)
            titles.append(title)
        yield Frame(picture | _numbered(maps), words | {"titles": titles})

    def _map(self, asked, target, how):
        """Yield how far it is, and the map so far."""
        session, sample, path = asked.session, asked.sample, asked.path
        learner = session.network
        network = session.module
        if how == "CAM":
            yield 1.0, _cam(session, sample, target)
            return
        maps, gradient, whole = asked.of(target)
        if how in BY_GRADIENT:
            yield 1.0, self._shown(BY_GRADIENT[how](maps, gradient))
            return

        def of_inputs(inputs):
            with looking(learner):
                return scored(learner, inputs).float()[:, target]

        def of_maps(instead):
            with capturing(network, [], {path: lambda _: instead}), looking(learner):
                return scored(learner, sample.given.expand(len(instead), -1, -1, -1)).float()[:, target]

        ways = {"Score-CAM": lambda: score_cam(maps, sample.given, of_inputs)}
        ways["Ablation-CAM"] = lambda: ablation_cam(maps, whole, of_maps)
        for share, values in ways[how]():
            yield share, self._shown(values)

    def _shown(self, values):
        return (values if self.signed else values.relu()).cpu().numpy()

    def draw(self, frame):
        """Draw the picture, and each map over it."""
        words, picture = frame.words, frame["picture"]
        maps = [frame[f"map {place}"] for place in range(len(words["titles"]))]
        number = len(maps) + 1
        columns = min(number, MOST)
        rows = -(-number // columns)
        regions = Regions()
        high, wide = picture.shape[1:]
        title = f"as seen by {words['node']}"
        for place in range(number):
            down, along = divmod(place, columns)
            across = (along / columns + 0.008, (along + 1) / columns - 0.008)
            up = (1 - (down + 1) / rows + 0.02, 1 - down / rows)
            said = title if place == 0 else words["titles"][place - 1]
            axes = regions.place(across, up, (high, wide), "<br>".join(wrapped(said, 30 if columns > 3 else 46)))
            regions.picture(picture, axes)
            if place:
                self._lay(regions, maps[place - 1], axes, high, wide)
                if maps[place - 1].size and not maps[place - 1].any():
                    regions.write(NOTHING, axes, wide / 2 - 0.5, high - 0.5, yanchor="top", font={"size": 11})
        return regions.figure()

    def _lay(self, regions, values, axes, high, wide):
        """Lay a map over the picture; the browser blends its few dots, and lets the picture be seen through zero."""
        if not values.size:
            return
        reach = float(np.abs(values).max()) or 1.0
        more: dict[str, Any] = {"zmin": -reach if self.signed else 0, "zmax": reach, "opacity": self.strength}
        more |= {"x": _middles(values.shape[1], wide), "y": _middles(values.shape[0], high), "zsmooth": "best"}
        regions.heat(values, axes, "diverging" if self.signed else "warm", **more)


def _middles(number, side):
    """Return where the middles of so many parts of a picture's side lie."""
    return ((np.arange(number) + 0.5) * side / number - 0.5).tolist()


class Asked:
    """A network that was asked once: what a layer gave, and the gradients of any class by it."""

    def __init__(self, session, sample, path):
        self.session, self.sample, self.path = session, sample, path
        network = session.module
        with capturing(network, [path], joined=True) as found, asking_back(session.network):
            self.scores = scored(session.network, sample.given)[0]
        self.maps = found[path]
        self.gradients = {}

    def wanted(self, toward, number):
        """Return the classes: the one asked about, and the likeliest others."""
        first = aim(self.session, toward, self.sample, self.scores.detach())
        others = [place for place in self.scores.argsort(descending=True).tolist() if place != first]
        return [first, *others][:number]

    def of(self, target):
        """Return the maps, the class's gradient by them, and its score."""
        if target not in self.gradients:
            found = torch.autograd.grad(self.scores[target], self.maps, retain_graph=True, allow_unused=True)[0]
            self.gradients[target] = torch.zeros_like(self.maps[0]) if found is None else found[0].float()
        return self.maps[0].detach().float(), self.gradients[target], self.scores[target].item()


def _numbered(maps):
    """Return maps, which may differ in size, each under its number; one that was refused is empty."""
    return {f"map {place}": values for place, values in enumerate(maps)}


def _averages(graph):
    """Return the averaging before the last dense layer and that layer, or why CAM has no meaning here."""
    every = {step.path: step for step in steps(graph)}
    last = next((step for step in reversed(every.values()) if step.layer.kind == "dense"), None)
    before = last
    while before is not None:
        before = every.get(before.sources[0])
        if before is None or before.layer.kind == "global_average_pool":
            break
        if before.layer.kind not in BETWEEN:
            words = (
                f"CAM needs global average pooling before the last dense layer; this network has {_thing(every, last)}"
            )
            return None, f"{words}: try Grad-CAM."
    if before is None or last is None:
        return None, "CAM needs global average pooling before a last dense layer: try Grad-CAM."
    return (before, last), ""


def _thing(every, last):
    """Return what stands before the last dense layer instead of the averaging."""
    flat = next((step for step in every.values() if step.layer.kind == "flatten"), None)
    before = flat or every.get(last.sources[0])
    return before.layer.title.lower() if before else "none"


def _cam(session, sample, target):
    """Return the maps before the averaging, weighed by the class's own weights (Zhou, 2016)."""
    found, words = _averages(session.graph)
    if found is None:
        raise VitrineError(words)
    average, dense = found
    network = session.module
    with capturing(network, [average.sources[0]]) as maps, looking(session.network):
        opinions(session.network, sample.given)
        weight: Any = node(network, dense.path).weight
        if len(weight) == 1:  # one output, which tells of the second class: what it loses speaks for the first
            weight = torch.cat([-weight, weight])
        return (weight[target][:, None, None] * maps[average.sources[0]][0]).sum(dim=0).float().cpu().numpy()


def _as_then(session, weights):
    """Return the session with the weights of another step."""
    then = session.still()
    then.module.load_state_dict(weights)
    return then
