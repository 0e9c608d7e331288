"""Workbench: the experiment a person is building, with its past, as plain values in the session."""

import contextlib
import dataclasses
import functools
import hashlib
from collections.abc import Callable
from typing import Any

import orjson
import streamlit as st

from engine.errors import VitrineError
from engine.graph.graph import Graph
from engine.graph.trace import Trace, trace
from engine.live.house import house
from engine.presets import PRESETS
from engine.tasks.classify import Classify
from engine.training.experiment import Experiment, dump, load
from engine.training.fit import suggested
from engine.training.link import MOST_LINK, from_link, to_link
from engine.training.settings import plain
from engine.views.view import read

MOST_UNDO = 200

loaded = functools.lru_cache(maxsize=256)(load)


@functools.lru_cache(maxsize=64)
def refusal(text: str) -> str:
    """Return why an experiment cannot be trained, or nothing."""
    experiment = loaded(text)
    if experiment.data is None:
        return "Choose data to learn from."
    try:
        dataset = house().hub.past.dataset(experiment.data)
        task = experiment.task
        suited = task.suited(experiment.graphs) if isinstance(task, Classify) else task
        batch, examples = experiment.recipe.batch, len(dataset.train)
        if batch != "all" and int(batch) > examples:
            return (
                f"A batch of {batch:,} is larger than the {examples:,} training examples. Use 'all', or a smaller one."
            )
        return suited.refuses(experiment.graphs, dataset)
    except VitrineError as error:
        return str(error)


linked = functools.lru_cache(maxsize=256)(lambda text: to_link(loaded(text)))


class Workbench:
    """What is on a lab's table; every method reads or writes the session, nothing is kept here."""

    def __init__(self, lab: str, preset: str):
        self.key = lab
        asked = [st.query_params.get(name, "") for name in ("x", "preset", "run", "board")]
        before = st.session_state.get(lab)
        if not before:
            st.session_state[lab] = _begin(lab, preset) | {"asked": [asked]}
        elif any(asked) and asked not in before["asked"]:  # another link was followed; undo leads back
            past = [*before["past"], before["now"]][-MOST_UNDO:]
            st.session_state[lab] = _begin(lab, preset) | {"asked": [asked], "past": past}

    @property
    def _state(self) -> dict[str, Any]:
        return st.session_state[self.key]

    @property
    def experiment(self) -> Experiment:
        """Return the experiment as it is now."""
        return loaded(self._state["now"])

    @property
    def graph(self) -> Graph:
        """Return the graph as it is now."""
        return self.experiment.graph

    @property
    def trace(self) -> Trace:
        """Return the shapes and problems of the graph."""
        return trace(self.graph)

    @property
    def sound(self) -> Experiment:
        """Return the last experiment that could run."""
        if self.trace.sound:
            self._state["sound"] = self._state["now"]
        return loaded(self._state["sound"])

    @property
    def ready(self) -> Experiment:
        """Return the last experiment that could run, with data that suits it where none was chosen."""
        experiment = self.sound
        return dataclasses.replace(experiment, data=experiment.data or suggested(experiment.graph))

    @property
    def unfit(self) -> str:
        """Return why the experiment cannot be trained as it is, or nothing."""
        if not self.trace.sound:
            return "The network cannot run yet. Mend what is wrong in it first."
        return refusal(dump(self.ready))

    @property
    def address(self) -> dict[str, str]:
        """Return what the page's address is to hold, and remember it: seen again, it is no link that was followed."""
        parts = {"x": self.link, "run": self.run, "board": written(self.board)}
        asked = [parts["x"], "", parts["run"], parts["board"]]
        if asked not in self._state["asked"]:
            self._state["asked"] = [*self._state["asked"], asked][-MOST_UNDO:]
        return parts

    @property
    def run(self) -> str:
        """Return the name of the run on the table, or nothing."""
        return self._state["run"]

    @property
    def source(self) -> str:
        """Return what the panels look at: the run, or the network as it would begin."""
        if self.run:
            return f"run:{self.run}"
        text = dump(self.ready)
        key = hashlib.sha256(text.encode()).hexdigest()[:24]
        house().hub.past.draft(key, text)
        return f"draft:{key}"

    @property
    def board(self) -> list[dict[str, Any]]:
        """Return the panels: each a key, and a view with its options."""
        return self._state["board"]

    def attach(self, run: str) -> None:
        """Put a run on the table, or none."""
        self._state["run"] = run

    def show(self, view: dict[str, Any]) -> None:
        """Add a panel to the board."""
        number = 1 + max((int(panel["key"]) for panel in self.board), default=0)
        self._state["board"] = [*self.board, {"key": str(number), "view": view}]

    def change_panel(self, key: str, view: dict[str, Any] | None) -> None:
        """Give a panel other options, or take it away."""
        kept = [panel if panel["key"] != key else panel | {"view": view} for panel in self.board]
        self._state["board"] = [panel for panel in kept if panel["view"]]

    def recipe(self, **options: Any) -> None:
        """Change the recipe; what cannot be is complained of."""
        try:
            self.put(dataclasses.replace(self.experiment, recipe=self.experiment.recipe.but(**options)))
        except VitrineError as error:
            self.complain(str(error))

    @property
    def link(self) -> str:
        """Return the experiment as a link's text, or nothing where it is too long for one."""
        text = linked(self._state["now"])
        return text if len(text) <= MOST_LINK else ""

    @property
    def selected(self) -> str:
        """Return the path of the selected node, or nothing."""
        return self._state["selected"]

    @property
    def opened(self) -> list[str]:
        """Return the paths of the blocks that are unfolded."""
        return self._state["opened"]

    @property
    def complaint(self) -> str:
        """Return, once, why the last order could not be carried out."""
        complaint, self._state["complaint"] = self._state["complaint"], ""
        return complaint

    def select(self, path: str) -> None:
        """Select a node, or nothing; a second time deselects it."""
        self._state["selected"] = "" if path == self.selected else path

    def open(self, path: str) -> None:
        """Select a node, and unfold the blocks that it stands in."""
        parts = path.split(".")
        around = [".".join(parts[:depth]) for depth in range(1, len(parts))]
        self._state.update(selected=path, opened=list(dict.fromkeys([*self.opened, *around])))

    def fold(self, path: str) -> None:
        """Fold a block, or unfold it."""
        opened = self._state["opened"]
        self._state["opened"] = [p for p in opened if p != path] if path in opened else [*opened, path]

    def edit(self, make: Callable[..., Graph], *details: Any, select: str | None = None) -> None:
        """Change the graph by an edit that takes it first; what cannot be done is complained of."""
        try:
            graph = make(self.graph, *details)
        except VitrineError as error:
            self._state["complaint"] = str(error)
            return
        self.put(dataclasses.replace(self.experiment, graphs={"network": graph}))
        self._state["selected"] = self._find(graph, self.selected if select is None else select)

    def _find(self, graph: Graph, path: str) -> str:
        return path if path and path in graph else ""

    def put(self, experiment: Experiment) -> None:
        """Lay another experiment on the table; the one before can be had back by undo."""
        text = dump(experiment)
        if text != self._state["now"]:
            self._state["past"] = [*self._state["past"], self._state["now"]][-MOST_UNDO:]
            self._state["future"] = []
            self._state["now"] = text

    def replace(self, experiment: Experiment) -> None:
        """Begin with another experiment: nothing selected, nothing unfolded."""
        self.put(experiment)
        self._state.update(selected="", opened=[])

    def undo(self) -> None:
        """Go one change back."""
        self._step("past", "future")

    def redo(self) -> None:
        """Take one step back again."""
        self._step("future", "past")

    def _step(self, taken: str, given: str) -> None:
        if self._state[taken]:
            *rest, text = self._state[taken]
            self._state.update({taken: rest, given: [*self._state[given], self._state["now"]], "now": text})
            self._state["selected"] = self._find(self.graph, self.selected)

    @property
    def can_undo(self) -> bool:
        """Return whether there is a change to take back."""
        return bool(self._state["past"])

    @property
    def can_redo(self) -> bool:
        """Return whether there is a change to make again."""
        return bool(self._state["future"])

    def complain(self, text: str) -> None:
        """Say, with the next run of the page, what could not be done."""
        self._state["complaint"] = text


USUAL_BOARD = ("curves", "flow", "predictions", "confusion")


def _begin(lab: str, preset: str) -> dict[str, Any]:
    """Return a new table: with what the page's link holds, else with a preset."""
    complaint, run = "", ""
    experiment = PRESETS[preset].experiment()
    if wanted := st.query_params.get("run", ""):
        try:
            row = house().store.run(wanted)
            run, experiment = row["run"], load(row["experiment"])
        except VitrineError as error:
            complaint = str(error)
    if text := st.query_params.get("x", ""):
        try:
            experiment = from_link(text)
        except VitrineError as error:
            complaint = f"{error} You see {PRESETS[preset].title} instead."
    elif wanted := st.query_params.get("preset", ""):
        try:
            experiment = PRESETS[wanted].experiment()
        except VitrineError as error:
            complaint = f"{error} You see {PRESETS[preset].title} instead."
    if run:
        st.session_state[f"{lab}.view"] = "Board"
    now = dump(experiment)
    first = PRESETS[preset].experiment()
    sound = now if trace(experiment.graph).sound else dump(first)
    return {
        "now": now,
        "sound": sound,
        "past": [],
        "future": [],
        "selected": "",
        "opened": [],
        "complaint": complaint,
        "run": run,
        "board": _board(st.query_params.get("board", "")),
    }


def _board(words: str) -> list[dict[str, Any]]:
    """Return the panels that a link names, or the usual ones; what cannot be read is left out."""
    views = []
    for word in words.split(";")[:24] if words else USUAL_BOARD:
        kind, _, rest = word.partition(":")
        options = dict(pair.partition("=")[::2] for pair in rest.split(",") if "=" in pair)
        with contextlib.suppress(VitrineError):
            views.append(read({"kind": kind} | {name: plain(value) for name, value in options.items()}).write())
    views = views or [{"kind": kind} for kind in USUAL_BOARD]
    return [{"key": str(number), "view": view} for number, view in enumerate(views, 1)]


def written(board: list[dict[str, Any]]) -> str:
    """Return the panels as a link's words; nothing where they are the usual ones."""
    words = []
    for panel in board:
        options = {
            name: value for name, value in panel["view"].items() if name != "kind" and not isinstance(value, list)
        }
        rest = ",".join(f"{name}={orjson.dumps(value).decode()}" for name, value in options.items())
        words.append(panel["view"]["kind"] + (f":{rest}" if rest else ""))
    return "" if tuple(words) == USUAL_BOARD else ";".join(words)
