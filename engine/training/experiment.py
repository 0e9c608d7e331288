"""Experiment: the one document that is saved, shared, linked, trained and exported."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.errors import VitrineError
from engine.graph import document
from engine.graph.graph import Graph
from engine.registry import shortened

VERSION = 1
MOST_BYTES = 2_000_000  # ResNet-152, written out without blocks, takes 80,000


@dataclass(frozen=True)
class Experiment:
    """A name, and graphs by the role they play; most experiments have one, called 'network'."""

    name: str
    graphs: Mapping[str, Graph] = field(hash=False)

    @property
    def graph(self) -> Graph:
        """Return the first graph."""
        return next(iter(self.graphs.values()))

    def write(self) -> dict[str, Any]:
        """Return the experiment as plain JSON values."""
        graphs = {role: document.write(graph) for role, graph in self.graphs.items()}
        return {"vitrine": VERSION, "name": self.name, "graphs": graphs}


def dump(experiment: Experiment, pretty: bool = False) -> str:
    """Return the experiment as JSON text."""
    return orjson.dumps(experiment.write(), option=orjson.OPT_INDENT_2 if pretty else None).decode()


def load(text: str | bytes) -> Experiment:
    """Make an experiment from JSON text, or say in one sentence what is wrong with it."""
    if len(text) > MOST_BYTES:
        raise VitrineError(f"The experiment has {len(text):,} characters: at most {MOST_BYTES:,} fit.")
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise VitrineError(f"This is not JSON: {error}.") from None
    return read(values)


def read(values: Any) -> Experiment:
    """Make an experiment from plain JSON values."""
    if not isinstance(values, dict) or "vitrine" not in values:
        raise VitrineError("This is no Vitrine experiment: it does not say 'vitrine' and its version.")
    if values["vitrine"] != VERSION:
        raise VitrineError(_other_version(values["vitrine"]))
    fields = document.mapping(values, "The experiment", ("vitrine", "name", "graphs"))
    name = document.text(fields.get("name", "experiment"), "The experiment's name")
    if len(name) > 80:
        raise VitrineError(f"The experiment's name has {len(name):,} characters: at most 80 fit.")
    graphs = document.mapping(fields.get("graphs"), "The experiment's graphs")
    if not 1 <= len(graphs) <= 8:
        raise VitrineError(f"The experiment has {len(graphs):,} graphs: it takes one to eight.")
    return Experiment(name, {shortened(role).strip("'"): _read_graph(role, g) for role, g in graphs.items()})


def _read_graph(role: str, values: Any) -> Graph:
    try:
        return document.read(values)
    except VitrineError as error:
        raise error if error.where else error.inside(shortened(role).strip("'")) from None


def _other_version(version: Any) -> str:
    if isinstance(version, int) and not isinstance(version, bool) and version > VERSION:
        return f"A newer Vitrine saved this experiment (format {version}; this one reads {VERSION}). Update Vitrine."
    return f"The format {shortened(version)} is unknown: this Vitrine reads {VERSION}."
