"""Workbench: the experiment a person is building, with its past, as plain values in the session."""

import dataclasses
import hashlib
import secrets
from collections.abc import Callable
from typing import Any

import orjson
import streamlit as st

from engine.errors import VitrineError
from engine.graph.graph import Graph
from engine.graph.lending import runs
from engine.graph.trace import Trace, trace
from engine.live.house import house
from engine.runs.store import ENDED
from engine.training.address import address as addressed
from engine.training.address import place
from engine.training.experiment import Experiment, dump
from engine.training.fit import suggested, with_graph
from engine.training.link import MOST_LINK
from pages.ui import pasts, veils
from pages.ui.forms import REFUSED
from pages.ui.leaving import let_go
from pages.ui.panels import Panels
from pages.ui.refusal import loaded, refusal
from pages.ui.table import ASKS, MOST_RIVALS, Lab, begin, folded, found, laid_open, linked, parted, written

MOST_UNDO = 200


class Workbench:
    """What is on a lab's table; every method reads or writes the session, nothing is kept here."""

    def __init__(self, lab: Lab):
        self.lab, self.key = lab, lab.key
        asked = [st.query_params.get(name, "") for name in ASKS]
        veils.begin(lab.key, {how: st.query_params.get(how, "") for how in veils.HOW})
        if not (before := st.session_state.get(lab.key)):
            st.session_state[lab.key] = begin(lab) | {"asked": [asked]}
        elif any(asked) and asked not in before["asked"]:  # another link was followed; undo leads back
            past = [*before["past"], before["now"]][-MOST_UNDO:]
            st.session_state[lab.key] = begin(lab) | {"asked": [asked], "past": past}

    @property
    def _state(self) -> dict[str, Any]:
        return st.session_state[self.key]

    @property
    def experiment(self) -> Experiment:
        """Return the experiment as it is now."""
        return loaded(self._state["now"])

    @property
    def graph(self) -> Graph:
        """Return the graph that is edited, as it is now."""
        return self.experiment.graphs[self.role]

    @property
    def roles(self) -> list[str]:
        """Return the roles of all networks."""
        return list(self.experiment.graphs)

    @property
    def role(self) -> str:
        """Return which network is edited: the one that was chosen last, or the first."""
        chosen = self._state.get("role", "")
        return chosen if chosen in self.experiment.graphs else self.roles[0]

    def choose(self, role: str) -> None:
        """Edit another network from now on."""
        if role != self.role:
            self._state.update(role=role, selected="")

    @property
    def trace(self) -> Trace:
        """Return the shapes and problems of the graph that is edited."""
        return trace(self.graph)

    @property
    def can_run(self) -> bool:
        """Return whether every network could run."""
        return runs(self.experiment.graphs)

    @property
    def sound(self) -> Experiment:
        """Return the last experiment that could run."""
        if self.can_run:
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
        if not self.can_run:
            return "The network cannot run yet. Fix what is wrong in it first."
        return refusal(dump(self.ready))

    @property
    def address(self) -> dict[str, str]:
        """Return what the page's address is to hold, and remember it: seen again, it is no link that was followed."""
        board = written(self.panels.all, self.lab.board)
        looks = orjson.dumps(self.looks).decode() if self.looks else ""
        parts = {"x": self.link, "run": ",".join(filter(None, self.runs)), "board": board, "looks": looks}
        parts |= {how: ",".join(veils.names(self.key, how)) for how in veils.HOW}
        if (asked := [parts["x"], "", parts["run"], parts["board"], ""]) not in self._state["asked"]:
            self._state["asked"] = [*self._state["asked"], asked][-MOST_UNDO:]
        return parts

    @property
    def run(self) -> str:
        """Return the name of the run on the table, or nothing."""
        return self._state["run"]

    @property
    def learns(self) -> bool:
        """Return whether the run on the table still takes orders."""
        return bool(self.run) and house().store.run(self.run)["status"] not in ENDED

    @property
    def source(self) -> str:
        """Return what the panels look at: the run, or the network as it would begin, where that is another by now."""
        if self.run and not self.parted:
            return f"run:{self.run}"
        text = dump(self.ready)
        key = hashlib.sha256(text.encode()).hexdigest()[:24]
        house().hub.past.draft(key, text)
        return f"draft:{key}"

    @property
    def learned(self) -> Experiment | None:
        """Return the experiment of the run on the table, if there is one."""
        return house().hub.past.experiment(f"run:{self.run}") if self.run else None

    @property
    def parted(self) -> str:
        """Return what on the table is no longer as the run learns it, or nothing."""
        return (
            parted(dataclasses.replace(self.ready, graphs=self.experiment.graphs), self.learned) if self.learned else ""
        )

    def follow(self) -> None:
        """Lay the experiment of the run on the table."""
        if self.learned:
            self.replace(self.learned)

    @property
    def panels(self) -> Panels:
        """Return the panels of the board."""
        return Panels(self._state)

    def hides(self, part: str) -> bool:
        """Return whether the link that led here keeps a part of the page out of sight."""
        return veils.hidden(self.key, part)

    @property
    def runs(self) -> list[str]:
        """Return the run on the table and those that race beside it."""
        return [self.run, *self._state["rivals"]]

    def attach(self, run: str, beside: bool = False) -> None:
        """Put a run on the table, in the place of those that are there or beside them."""
        before, kept = set(self.runs), self.runs[:MOST_RIVALS] if beside else []
        self._state.update(run=run, rivals=list(filter(None, kept)))
        let_go(before - set(self.runs))

    @property
    def past_key(self) -> str:
        """Return the name under which the table's past is kept."""
        return self._state["key"]

    @property
    def fresh(self) -> bool:
        """Return whether this table was just begun from its address, so that the browser may know of a past."""
        return self._state["fresh"]

    def recall(self, key: Any) -> None:
        """Take up the past of this table that the browser remembers from before the app was started anew."""
        if past := pasts.kept(key, self._state["now"]):
            self._state.update(past, key=key)
        self._state["fresh"] = False

    def _remember(self) -> None:
        self._state["fresh"] = False
        pasts.keep(self.past_key, self._state)

    @property
    def table(self) -> str:
        """Return the name of what was begun here: what is looked at together lasts as long."""
        return self._state["table"]

    @property
    def looks(self) -> dict[str, Any]:
        """Return what the panels look at together, as far as the page was told."""
        return self._state["looks"]

    def look(self, looks: dict[str, Any]) -> None:
        """Remember what the panels look at together."""
        self._state["looks"] = looks

    @property
    def link(self) -> str:
        """Return the experiment as a link's text, or nothing where it is too long for one."""
        return text if len(text := linked(self._state["now"])) <= MOST_LINK else ""

    @property
    def selected(self) -> str:
        """Return the path of the selected node, or nothing."""
        return self._state["selected"]

    @property
    def unfolded(self) -> list[str]:
        """Return the addresses of blocks that are unfolded, in all networks, and of networks that are folded."""
        return self._state["opened"]

    @property
    def opened(self) -> list[str]:
        """Return the paths of the blocks that are unfolded in the network that is edited."""
        mark = addressed(self.role, "", self.roles)
        return [name.removeprefix(mark) for name in self.unfolded if name.startswith(mark)]

    @property
    def complaint(self) -> str:
        """Return, once, why the last order could not be carried out."""
        complaint, self._state["complaint"] = self._state["complaint"], ""
        return complaint

    @property
    def notice(self) -> str:
        """Return what was wrong with the link that led here, until something is changed."""
        return self._state["notice"]

    def select(self, path: str) -> None:
        """Select a node, or nothing; a second time deselects it."""
        self._state["selected"] = "" if path == self.selected else path

    def named(self, path: str) -> str:
        """Return the address of something in the network that is edited; of nothing, nothing."""
        return addressed(self.role, path, self.roles) if path else ""

    def point(self, told: dict[str, Any]) -> None:
        """Select a node of any network by its address, or let go of it; of a whole network, select that one."""
        role, path = place(told["path"], self.roles)
        self.choose(role)
        if path:
            self._state["selected"] = path if told["on"] else ""

    def open(self, path: str) -> None:
        """Select a node, and unfold the blocks that it stands in."""
        self._state.update(selected=path, opened=laid_open(self.unfolded, self.role, path, self.roles))

    def fold(self, name: str) -> None:
        """Fold a block by its address, or a whole network among several, or unfold it."""
        others = [one for one in self.unfolded if one != name]
        self._state["opened"] = others if name in self.unfolded else [*others, name]

    def edit(self, make: Callable[..., Graph], *details: Any, select: str | None = None) -> None:
        """Change the graph by an edit that takes it first; what cannot be done is complained of."""
        try:
            self.change(make, *details, select=select)
        except VitrineError as error:
            self.complain(str(error))

    def change(self, make: Callable[..., Graph], *details: Any, select: str | None = None) -> None:
        """Change the graph by an edit that takes it first; what cannot be done is raised."""
        graph = make(self.graph, *details)
        self.put(with_graph(self.experiment, self.role, graph))
        self._state["selected"] = found(graph, self.selected if select is None else select)

    def put(self, experiment: Experiment) -> None:
        """Lay another experiment on the table; the one before can be had back by undo."""
        if (text := dump(experiment)) != self._state["now"]:
            st.session_state.pop(REFUSED, None)
            self._state["notice"] = ""
            self._state["past"] = [*self._state["past"], self._state["now"]][-MOST_UNDO:]
            self._state["future"] = []
            self._state["now"] = text
            self._remember()

    def replace(self, experiment: Experiment) -> None:
        """Begin with another experiment: nothing selected, nothing unfolded."""
        self.put(experiment)
        self._state.update(selected="", opened=folded(self.lab, experiment), table=secrets.token_hex(4), looks={})

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
            self._state["selected"] = found(self.graph, self.selected)
            self._remember()

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
