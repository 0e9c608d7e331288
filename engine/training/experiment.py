"""Experiment: the one document that is saved, shared, linked, trained and exported."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.data import DATASETS, Source
from engine.errors import VitrineError
from engine.graph import document
from engine.graph.graph import Graph
from engine.registry import Registry, printable, shortened
from engine.tasks import TASKS, Task
from engine.tasks.classify import Classify
from engine.training.of_first import of_first
from engine.training.recipe import Recipe

VERSION = 2
RECIPES: Registry[type[Recipe]] = Registry("recipe")
RECIPES.add("recipe", Recipe)
CLASSIFY, USUAL = Classify(), Recipe()
MOST_BYTES = 2_000_000  # ResNet-152, written out without blocks, takes 80,000


@dataclass(frozen=True)
class Experiment:
    """A name, graphs by the role they play (most have one, 'network'), and how they learn what from which data."""

    name: str
    graphs: Mapping[str, Graph] = field(hash=False)
    data: Source | None = None
    task: Task = CLASSIFY
    recipe: Recipe = USUAL

    @property
    def graph(self) -> Graph:
        """Return the first graph."""
        return next(iter(self.graphs.values()))

    def of(self, role: str) -> "Experiment":
        """Return the experiment with this network's graph as the first."""
        first = {role: self.graphs[role]}
        return self if self.graphs[role] is self.graph else dataclasses.replace(self, graphs=first | dict(self.graphs))

    def write(self) -> dict[str, Any]:
        """Return the experiment as plain JSON values."""
        graphs = {role: document.write(graph) for role, graph in self.graphs.items()}
        written = {"vitrine": VERSION, "name": self.name, "graphs": graphs}
        written |= {"data": self.data.write()} if self.data else {}
        written |= {"task": self.task.write()} if self.task != CLASSIFY else {}
        return written | ({"recipe": self.recipe.write()} if self.recipe != USUAL else {})


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
        where = f"line {error.lineno}, column {error.colno}" if error.pos else "its beginning"
        raise VitrineError(f"This is not JSON: it cannot be read at {where}.") from None
    return read(values)


def read(values: Any) -> Experiment:
    """Make an experiment from plain JSON values."""
    if not isinstance(values, dict) or "vitrine" not in values:
        raise VitrineError("This is no Vitrine experiment: it does not say 'vitrine' and its version.")
    if values["vitrine"] == 1 and values["vitrine"] is not True:
        values = of_first(values)
    elif values["vitrine"] != VERSION or isinstance(values["vitrine"], bool):
        raise VitrineError(_other_version(values["vitrine"]))
    fields = document.mapping(values, "The experiment", ("vitrine", "name", "graphs", "data", "task", "recipe"))
    name = printable(document.text(fields.get("name", "experiment"), "The experiment's name"))
    if len(name) > 80:
        raise VitrineError(f"The experiment's name has {len(name):,} characters: at most 80 fit.")
    graphs = document.mapping(fields.get("graphs"), "The experiment's graphs")
    if not 1 <= len(graphs) <= 8:
        raise VitrineError(f"The experiment has {len(graphs):,} graphs: it takes one to eight.")
    read_graphs = {shortened(role).strip("'"): _read_graph(role, g) for role, g in graphs.items()}
    data = _read_choice(fields["data"], "data", DATASETS) if fields.get("data") else None
    task = _read_choice(fields.get("task", {"kind": "classify"}), "task", TASKS)
    recipe = _read_choice(fields.get("recipe", {"kind": "recipe"}), "recipe", RECIPES)
    if tuple(read_graphs) != task.roles:
        has, needs = " and ".join(read_graphs), " and ".join(task.roles)
        raise VitrineError(f"The task {task.kind!r} is for {needs}; the experiment has {has}.", where="graphs")
    return Experiment(name, read_graphs, data, task, recipe)


def _read_choice(values: Any, what: str, kinds: Any) -> Any:
    options = dict(document.mapping(values, f"The experiment's {what}"))
    try:
        return kinds[document.text(options.pop("kind", what), "the kind")].read(options)
    except VitrineError as error:
        raise error.inside(what) from None


def _read_graph(role: str, values: Any) -> Graph:
    try:
        return document.read(values)
    except VitrineError as error:
        raise error if error.where else error.inside(shortened(role).strip("'")) from None


def _other_version(version: Any) -> str:
    if isinstance(version, int) and not isinstance(version, bool) and version > VERSION:
        return f"A newer Vitrine saved this experiment (format {version}; this one reads {VERSION}). Update Vitrine."
    return f"The format {shortened(version)} is unknown: this Vitrine reads {VERSION}."
