"""Table: what sets labs apart, and what lies on a lab's table at first, as the page's address says."""

import contextlib
import dataclasses
import functools
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson
import streamlit as st

from engine.errors import VitrineError
from engine.graph.graph import Graph
from engine.graph.trace import trace
from engine.live.house import house
from engine.looking.shared import SHARED
from engine.presets import PRESETS
from engine.training.address import SIGN, address
from engine.training.experiment import Experiment, dump, load
from engine.training.link import from_link, to_link
from engine.training.recipe import endless
from engine.training.settings import plain
from engine.views import VIEWS
from engine.views.reading import read
from pages.ui.panels import sized
from pages.ui.refusal import loaded

ASKS = ("x", "preset", "run", "board", "layer")  # what a link may ask for
BLANK = "blank"  # the preset with nothing in it
HIDDEN = ("colours", "sample", "examples", "inside")  # views that are shown elsewhere than on boards
MOST_RIVALS = 2  # runs beside the one on the table


@dataclass(frozen=True)
class Fact:
    """Something that can be seen, and the preset that shows it."""

    title: str
    words: str
    preset: str


@dataclass(frozen=True)
class Lab:
    """What sets one lab apart from the others."""

    key: str
    title: str
    families: tuple[str, ...]  # of its presets
    preset: str  # what lies on its table at first
    examples: tuple[str, ...]  # the kinds of examples that its networks learn from
    board: tuple[str, ...] = ("curves", "flow", "predictions", "confusion")
    about: str = ""  # what one will see in it
    picture: str = ""  # what its recorded picture on Start shows
    shows: str = ""  # the preset that its card opens, where it is not the first one
    opens: str = "Train"  # what is shown at first at the left
    speed: float | None = None  # steps a second with which a run begins here, so that there is something to watch
    facts: tuple[Fact, ...] = ()  # what is to be seen in it
    folded: bool = False  # whether networks begin folded, so that what is seen of them has room
    tasks: tuple[str, ...] = ()  # those whose experiments are opened in it, whatever they learn from


def begin(lab: Lab) -> dict[str, Any]:
    """Return a new table: with what the page's link holds, else with the lab's preset."""
    preset = lab.preset
    notice, run = "", ""
    rivals: list[str] = []
    experiment = opened(preset)
    if wanted := st.query_params.get("run", ""):
        first, *others = wanted.split(",")[: 1 + MOST_RIVALS]
        try:
            row = house().store.run(first)
            run, experiment = row["run"], load(row["experiment"])
            rivals = [house().store.run(other)["run"] for other in others]
        except VitrineError as error:
            notice = str(error)
    if text := st.query_params.get("x", ""):
        try:
            experiment = from_link(text)
        except VitrineError as error:
            notice = f"{error} You see {PRESETS[preset].title} instead."
    elif wanted := st.query_params.get("preset", ""):
        try:
            experiment = opened(wanted)
        except VitrineError as error:
            notice = f"{error} You see {PRESETS[preset].title} instead."
    if run:
        st.session_state[f"{lab.key}.side"], st.session_state[f"{lab.key}.view"] = "Train", "Board"
    role, layer = _asked_layer(experiment, st.query_params.get("layer", ""))
    if layer:
        st.session_state[f"{lab.key}.side"], st.session_state[f"{lab.key}.view"] = "Build", "Layer"
    now, shut = dump(experiment), folded(lab, experiment)
    sound = now if trace(experiment.graph).sound else dump(opened(preset))
    return {
        "now": now,
        "sound": sound,
        "past": [],
        "future": [],
        "selected": layer,
        "role": role,
        "opened": laid_open(shut, role, layer, experiment.graphs) if layer else shut,
        "complaint": "",
        "notice": notice,
        "run": run,
        "rivals": rivals,
        "table": secrets.token_hex(4),
        "key": secrets.token_hex(16),
        "fresh": True,
        "looks": _looks(st.query_params.get("looks", "")),
        "board": _board(st.query_params.get("board", ""), lab.board),
    }


def _asked_layer(experiment: Experiment, asked: str) -> tuple[str, str]:
    """Return the network and the layer in it that a link names; of none, the first network and nothing."""
    roles = list(experiment.graphs)
    role, sign, path = asked.partition(SIGN)
    role, path = (role, path) if sign and role in roles else (roles[0], asked)
    return role, found(experiment.graphs[role], path)


def laid_open(opened: Collection[str], role: str, path: str, roles: Collection[str]) -> list[str]:
    """Return the addresses of what is unfolded, and of networks that are folded, so that a layer is seen."""
    shown = [name for name in opened if name != address(role, "", roles)]
    return list(dict.fromkeys([*shown, *_around(path, role, roles)]))


def _around(path: str, role: str, roles: Collection[str]) -> list[str]:
    """Return the addresses of the blocks that a layer stands in."""
    parts = path.split(".")
    return [address(role, ".".join(parts[:depth]), roles) for depth in range(1, len(parts))]


def presets_of(lab: Lab) -> list[str]:
    """Return the names of a lab's presets; an empty one comes last."""
    names = [name for name, preset in PRESETS.items() if preset.family in lab.families]
    return sorted(names, key=lambda name: name == BLANK)


def opened(name: str) -> Experiment:
    """Return a preset's experiment as labs open it: it learns until it is stopped."""
    experiment = PRESETS[name].experiment()
    return dataclasses.replace(experiment, recipe=endless(experiment.recipe))


def folded(lab: Lab, experiment: Experiment) -> list[str]:
    """Return the addresses of networks that begin folded."""
    graphs = experiment.graphs
    return [address(role, "", graphs) for role in graphs] if lab.folded and len(graphs) > 1 else []


def found(graph: Graph, path: str) -> str:
    """Return the path of a node as long as the graph has it."""
    return path if path and path in graph else ""


linked = functools.lru_cache(maxsize=256)(lambda text: to_link(loaded(text)))


def parted(one: Experiment, other: Experiment) -> str:
    """Return in words which parts differ that decide what a run is a run of."""
    lives = {name: getattr(other.task, name) for name in other.task.live} if one.task.kind == other.task.kind else {}
    alike = one.task.but(**lives) == other.task  # what may change while it is learned is no other task
    parts = {"network": one.graphs == other.graphs, "data": one.data == other.data, "task": alike}
    return " and ".join(name for name, same in parts.items() if not same)


def _board(words: str, usual: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the panels that a link names, or the usual ones; what cannot be read is left out."""
    views = []
    for word in re.split(r";(?=[\w-]+(?:@[\dx.]+)?(?:[:;]|$))", words)[:24] if words else usual:
        named, _, rest = word.partition(":")
        kind, _, size = named.partition("@")
        with contextlib.suppress(VitrineError):
            views += [(read({"kind": kind} | _options(rest)).write(), size)] if kind not in HIDDEN else []
    views = views or [({"kind": kind}, "") for kind in usual]
    return [{"key": str(number), "view": view} | _sized(size) for number, (view, size) in enumerate(views, 1)]


def _sized(size: str) -> dict[str, Any]:
    """Return what a link says of a panel's size: twelfths of the width, and rows."""
    found = re.fullmatch(r"(\d{1,2})x(\d(?:\.5)?)", size)
    return {"size": sized(int(found[1]), float(found[2]))} if found else {}


def _options(text: str) -> dict[str, Any]:
    """Return the options that a link names for a panel: pairs such as split="test", or an object."""
    if text.startswith("{"):
        found = plain(text)
        return found if isinstance(found, dict) else {}
    pairs = (pair.partition("=")[::2] for pair in text.split(",") if "=" in pair)
    return {name: plain(value) for name, value in pairs}


def _looks(text: str) -> dict[str, Any]:
    """Return what a link says its panels look at together; what cannot be read is left out."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    looks = {}
    for name, value in found.items() if isinstance(found, dict) else ():
        takers = [view for view in VIEWS.values() if name in SHARED and name in view.model_fields]
        with contextlib.suppress(VitrineError):
            looks |= {name: getattr(takers[0].read({name: value}), name)} if takers else {}
    return looks


def written(board: list[dict[str, Any]], usual: tuple[str, ...]) -> str:
    """Return the panels as a link's words; nothing where they are the usual ones."""
    words = []
    for panel in board:
        options = {name: value for name, value in panel["view"].items() if name != "kind"}
        rest = ",".join(f"{name}={orjson.dumps(value).decode()}" for name, value in options.items())
        if any(isinstance(value, list) or "," in str(value) for value in options.values()):
            rest = orjson.dumps(options).decode()
        size = "@{wide}x{rows:g}".format(**panel["size"]) if "size" in panel else ""
        words.append(panel["view"]["kind"] + size + (f":{rest}" if rest else ""))
    return "" if tuple(words) == usual else ";".join(words)
