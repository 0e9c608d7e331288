"""Finding: everything that the search on Start knows, each with the page that shows it."""

import dataclasses
import functools
from typing import Any
from urllib.parse import urlencode

from engine.graph.graph import Block
from engine.layers import LAYERS
from engine.layers.entry import Entry
from engine.presets import PRESETS, by_size
from engine.training.address import address
from engine.training.experiment import Experiment
from engine.training.fit import suggested
from engine.views import VIEWS
from pages.ui.labs import LABS, of_preset
from pages.ui.table import BLANK, HIDDEN, opened


def place(key: str, **query: str) -> str:
    """Return the address of a lab's page."""
    return f"{key}?{urlencode(query)}" if query else key


def entry(title: str, kind: str, words: str, href: str, also: str = "") -> dict[str, Any]:
    """Return what the search knows of one thing, with all that it is found by."""
    return {
        "title": title,
        "kind": kind,
        "words": words,
        "href": href,
        "text": " ".join((title, kind, words, also)).lower(),
    }


@functools.cache
def index() -> list[dict[str, Any]]:
    """Return networks, views, layers and lessons: what is the same for everybody."""
    return [*_presets(), *_views(), *_layers(), *_lessons()]


def _presets() -> list[dict[str, Any]]:
    return [
        entry(preset.title, "network", preset.about.replace("*", ""), place(of_preset(preset).key, preset=name), name)
        for name, preset in PRESETS.items()
    ]


def _views() -> list[dict[str, Any]]:
    """Return each view with the first network that it suits, in the lab where that is opened.

    What needs something special says in its panel what that is.
    """
    found = []
    first = [(lab, lab.preset) for lab in LABS]
    every = first + [(of_preset(preset), name) for name, preset in by_size()]
    for kind, view in VIEWS.items():
        suiting = ((lab, preset) for lab, preset in every if not view().refusal(_first(preset)))
        if kind not in HIDDEN:
            lab, preset = next(suiting, first[1])
            others = ";".join(other for other in lab.board if other != kind)
            href = place(lab.key, preset=preset, board=f"{kind};{others}")
            found.append(entry(view.title, "view", view.help(), href, kind))
    return found


@functools.cache
def _first(preset: str) -> Experiment:
    experiment = opened(preset)
    return dataclasses.replace(experiment, data=experiment.data or suggested(experiment.graph))


def _layers() -> list[dict[str, Any]]:
    """Return each kind of layer with the smallest network that has one, or an empty one to put it in."""
    where: dict[str, tuple[str, str]] = {}
    for name, preset in by_size():
        for role, graph in preset.graphs.items():
            for path in graph.paths():
                where.setdefault(graph[path].layer.kind, (name, address(role, path, preset.graphs)))
    found = []
    for kind, layer in LAYERS.items():
        if issubclass(layer, Block | Entry):
            continue
        name, path = where.get(kind, (BLANK, ""))
        query = {"preset": name} | ({"layer": path} if path else {})
        words = (
            f"{layer.help()} In {PRESETS[name].title}." if path else f"{layer.help()} Add it to a network of your own."
        )
        found.append(
            entry(layer.title, "layer", words, place(of_preset(PRESETS[name]).key, **query), f"{kind} {layer.also}")
        )
    return found


def _lessons() -> list[dict[str, Any]]:
    return [
        entry(fact.title, "lesson", fact.words.replace("*", ""), place(lab.key, preset=fact.preset))
        for lab in LABS
        for fact in lab.facts
    ]
