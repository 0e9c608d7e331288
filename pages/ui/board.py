"""Board: the views a person has put side by side, live, paused, or at any moment of the past."""

import functools
from typing import Any

import streamlit as st

from engine.live.house import house
from engine.looking import FORMS, View
from engine.looking.form import Form
from engine.looking.shared import SHARED, pictured
from engine.runs.store import ACTIVE, titled
from engine.training.experiment import Experiment
from engine.views import VIEWS
from engine.views.maps.inside import MOST_BOXES
from engine.views.reading import read
from pages.ui import components
from pages.ui.forms import form
from pages.ui.running import branch, branches, type_number
from pages.ui.shaping import shape, shaped
from pages.ui.table import HIDDEN
from pages.ui.words import note
from pages.ui.workbench import Workbench

TALL = 345  # pixels of a figure from which on a panel that is wide is higher than a row


def board(bench: Workbench) -> None:
    """Draw the panels in a grid, and what can be added."""
    source, experiment = bench.source, bench.learned or bench.ready
    panels = _shown(bench, experiment)
    if (form := _form(experiment)) and any(_follows(panel["view"]) for panel in panels):
        looks: dict[str, Any] = {"source": source, "board": bench.key, "table": bench.table, "looks": bench.looks}
        looks |= {"ways": ["browse", *form.ways], "names": list(form.names), "hint": form.hint}
        components.sample(looks, f"{bench.key}.sample", bench.look)
    with st.container(key=f"{bench.key}-labboard"):
        st.html(f"<style>{''.join(_size(bench, panel) for panel in panels)}</style>")
        for panel in panels:
            _panel(bench, panel, source, experiment)
    if not panels:
        st.caption("The board is empty. Add a view to see something of the network.")


def _shown(bench: Workbench, experiment: Experiment) -> list[dict[str, Any]]:
    return [panel for panel in bench.panels.all if not _idle(bench, panel["view"], experiment)]


def _idle(bench: Workbench, view: dict[str, Any], experiment: Experiment) -> bool:
    """Return whether a view that stands on every board of the lab, unchanged, has nothing to show of the experiment."""
    kind = view["kind"]
    return view == {"kind": kind} and kind in bench.lab.board and bool(VIEWS[kind]().refusal(experiment))


def _form(experiment: Experiment) -> Form | None:
    """Return the form of the examples among which a board chooses one; points are seen all at once."""
    kind = experiment.data.example if experiment.data else "image"
    chosen = not pictured(experiment) if kind == "image" else kind in ("tokens", "series", "fields")
    return FORMS[kind] if chosen else None


def following(bench: Workbench) -> bool:
    """Return whether one example at a time is looked at."""
    return bool(_form(bench.learned or bench.ready))


def inside(boxes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the view that fills the boxes of a drawing."""
    return {"kind": "inside", "nodes": [box["path"] for box in boxes if box["family"] != "between"][:MOST_BOXES]}


def _follows(view: dict[str, Any]) -> list[str]:
    """Return what a panel looks at together with the others: all that was not chosen for it alone."""
    shown = VIEWS[view["kind"]]
    return [name for name in SHARED if shown.follows and name in shown.model_fields and name not in view]


def _usual(bench: Workbench, view: type[View]) -> dict[str, float]:
    """Return the size that a panel has before anybody gives it another, or nothing where the window decides."""
    if view.wide or len(bench.runs) > 1:  # runs that race stand side by side in each panel
        return {"wide": 12, "rows": 1.5 if view.height > TALL else 1}
    return {}


def _size(bench: Workbench, panel: dict[str, Any]) -> str:
    """Return the rule that gives a panel its size, where it is not the usual one."""
    view = VIEWS[panel["view"]["kind"]]
    size = _usual(bench, view) | panel.get("size", {})
    mine = f".st-key-{bench.key}-panel-{panel['key']}"
    if view.wide and len(bench.runs) > 2:  # they stand under one another, as high as they are
        return f":has(> {mine}){{--wide:12;height:auto!important}} {mine}{{--fits:0!important}}"
    words = ";".join(f"--{name}:{value}" for name, value in size.items())
    return f":has(> {mine}){{{words}}}" if words else ""


def _panel(bench: Workbench, panel: dict[str, Any], source: str, experiment: Experiment) -> None:
    key = f"{bench.key}.panel.{panel['key']}"
    view = read(panel["view"])
    with st.container(border=True, gap="xsmall", key=f"{bench.key}-panel-{panel['key']}"):
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", key=f"{bench.key}-panelhead-{panel['key']}"
        ):
            st.markdown(f"**{view.title}**", help=f"{type(view).help()}\n\n{view.hint}", width="content")
            st.space("stretch")
            if not bench.hides("board"):
                _options(bench, panel["key"], view, key, experiment)
                st.button(
                    f"Remove {view.title}",
                    icon=":material/close:",
                    key=f"{bench.key}-icon-remove-{panel['key']}",
                    type="tertiary",
                    help="Take this view off the board",
                    on_click=bench.panels.change,
                    args=(panel["key"], None),
                )
        if words := view.refusal(experiment):
            note(words)
            return
        data = {
            "source": source,
            "view": view.write(),
            "board": bench.key,
            "hint": view.hint,
            "height": view.height,
            "wide": view.wide,
            "timeless": view.overlaid,
            "learns": bench.learns and not bench.parted,
            "branches": len(bench.runs) == 1 and branches(bench),
            "follows": _follows(panel["view"]),
        }
        if len(bench.runs) > 1:
            _race(bench, panel["key"], view, data, key)
        else:
            _figure(bench, panel["key"], data, key)


def _figure(bench: Workbench, number: str, data: dict[str, Any], key: str) -> None:
    """Draw one figure of a panel."""
    if data["view"]["kind"] == "neurons":
        data |= shaped(bench)
        acts = {"single": bench.panels.single_out, "typed": lambda typed: type_number(bench, typed)}
        components.neurons(data, f"{key}.neurons", **acts, shape=lambda told: shape(bench, told))
    else:
        change = functools.partial(bench.panels.change, number)
        components.figure(data, f"{key}.figure", change, functools.partial(branch, bench))


def _race(bench: Workbench, number: str, view: View, data: dict[str, Any], key: str) -> None:
    """Draw the figures of all runs that race: curves over one another, the rest side by side."""
    if view.overlaid:
        data["view"] |= {"also": bench.runs[1:]}
        components.figure(data, f"{key}.figure", lambda _: None)
        return
    rows = {row["run"]: row for row in house().store.some(bench.runs)}
    many = len(bench.runs)
    stacked = view.wide and many > 2  # what takes a row for itself would be too narrow to be read in thirds
    columns = [st.container() for _ in bench.runs] if stacked else st.columns(many, gap="small")
    for run, column in zip(bench.runs, columns, strict=True):
        with column:
            note(titled(rows[run]) if run in rows else run)
            if words := view.refusal(house().hub.past.experiment(f"run:{run}")):
                note(words)
                continue
            own = {"source": f"run:{run}", "learns": run in rows and rows[run]["status"] in ACTIVE}
            _figure(bench, number, data | own, f"{key}.{run}")


def _options(bench: Workbench, number: str, view: View, key: str, experiment: Experiment) -> None:
    def change(name: str, value: Any) -> None:
        now = read(next(panel["view"] for panel in bench.panels.all if panel["key"] == number))
        changed = now.but(**{name: value(getattr(now, name)) if callable(value) else value})
        bench.panels.change(number, changed.write())

    popover = st.popover(
        f"Options of {view.title}",
        icon=":material/tune:",
        key=f"{bench.key}-icon-options-{number}",
        type="tertiary",
        help="What this view shows, and how",
        on_change="rerun",
    )
    if popover.open:
        with popover:  # what follows the board is shown as the board has it
            _arrange(bench, number)
            looks = {name: value for name, value in bench.looks.items() if name in _follows(view.write())}
            form(view.but(**looks), key, change, columns=1, offers=view.choices(experiment))


def _arrange(bench: Workbench, number: str) -> None:
    """Draw the ways to move a panel and to give it another size, for those who do not drag."""
    panels = _shown(bench, bench.learned or bench.ready)
    keys = [panel["key"] for panel in panels]
    place = keys.index(number)
    view = VIEWS[panels[place]["view"]["kind"]]
    size = {"wide": 6, "rows": 1} | _usual(bench, view) | panels[place].get("size", {})
    wide, rows = int(size["wide"]), size["rows"]
    moves: tuple[tuple[str, str, Any, tuple], ...] = (
        ("Move earlier", "arrow_back", bench.panels.move, (number, keys[max(0, place - 1)])),
        ("Move later", "arrow_forward", bench.panels.move, (number, keys[min(len(keys) - 1, place + 1)])),
        ("Narrower", "width_normal", bench.panels.resize, (number, wide - 2, rows)),
        ("Wider", "width_full", bench.panels.resize, (number, wide + 2, rows)),
        ("Lower", "unfold_less", bench.panels.resize, (number, wide, rows - 0.5)),
        ("Higher", "unfold_more", bench.panels.resize, (number, wide, rows + 0.5)),
    )
    with st.container(horizontal=True, gap="xsmall"):
        for words, icon, act, details in moves:
            key = f"{bench.key}-icon-{icon}-{number}"
            st.button(words, icon=f":material/{icon}:", key=key, help=words, on_click=act, args=details)


def add_view(bench: Workbench) -> None:
    """Draw the choice of what else may be put on the board; it comes first, where it is seen."""
    key, experiment = f"{bench.key}.add.view", bench.learned or bench.ready
    fitting = {kind: view for kind, view in VIEWS.items() if kind not in HIDDEN and not view().refusal(experiment)}

    def add() -> None:
        if kind := st.session_state[key]:
            bench.panels.add({"kind": kind})
            st.session_state[key] = None

    st.selectbox(
        "Add a view",
        sorted(fitting, key=lambda kind: fitting[kind].rank),
        index=None,
        key=key,
        format_func=lambda kind: f"{fitting[kind].title}: {fitting[kind].help()}",
        placeholder="Add a view …",
        on_change=add,
        label_visibility="collapsed",
    )
