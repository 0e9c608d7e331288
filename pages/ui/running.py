"""Running: what is done with the run on the table: transport, going on, branching, numbers that are typed."""

import dataclasses
from typing import Any

import streamlit as st

from engine.errors import VitrineError
from engine.live.house import house
from engine.training.change import otherwise
from engine.training.recipe import longer
from engine.training.series import several
from pages.ui import components
from pages.ui.leaving import let_go
from pages.ui.recipe import give, is_series
from pages.ui.train import begin, go_at, paced, speed
from pages.ui.visitor import visitor
from pages.ui.workbench import Workbench


def type_number(bench: Workbench, typed: dict[str, Any]) -> None:
    """Give one weight another value: of the run as it learns, or of a new one that waits where this was seen."""
    settings = {typed["name"]: typed["value"]}
    try:
        if bench.parted:  # what is seen is the network as it would begin
            bench.attach(house().train(bench.ready, (("set", settings), ("stop", None)), visitor()))
            return
        if bench.learns and not typed["past"]:
            give(bench, settings)
            return
        # It keeps its state and ends there, so that nothing waits in the background; Play goes on from it.
        beforehand = (("set", settings), ("stop", None))
        row = house().store.run(bench.run) if bench.run else None
        if row and row["status"] != "done" and not typed["past"]:
            house().again(bench.run, visitor(), beforehand)
        elif row:
            _lengthen(bench, typed["step"])
            bench.attach(house().branch(bench.run, typed["step"], bench.ready, beforehand, visitor()))
        else:
            bench.attach(house().train(bench.ready, beforehand, visitor()))
    except VitrineError as error:
        bench.complain(str(error))


def _lengthen(bench: Workbench, step: int, run: str = "") -> None:
    """Let the recipe last as long again from a step on, where it would be over there."""
    row, recipe = house().store.run(run or bench.run), bench.experiment.recipe
    share = step / max(1, row["step"])
    at = {"epoch": row["epoch"] * share, "step": step, "seconds": row["seconds"] * share}
    ends = longer(recipe, at)
    over = [
        name
        for name, place in (("epochs", "epoch"), ("steps", "step"), ("seconds", "seconds"))
        if (end := getattr(recipe, name)) and end <= at[place] + 1e-6
    ]
    if over:
        changed = recipe.but(**{name: ends[name] for name in over})
        bench.put(dataclasses.replace(bench.experiment, recipe=changed))


def branches(bench: Workbench) -> bool:
    """Return whether a run may begin from the state of the one on the table."""
    return not (bench.unfit or several(bench.ready.recipe) or is_series(bench))


def branch(bench: Workbench, moment: object) -> None:
    """Begin a run from a moment of another one; where something is set, it learns by that from its first step on."""
    match moment:
        case {"run": str(run), "step": int(step), "settings": dict(settings)}:
            said = "set " + ", ".join(f"{name} = {value}" for name, value in settings.items())
        case {"run": str(run), "step": int(step)} if "settings" not in moment:
            settings, said = {}, ""
        case _:
            bench.complain("There is no such moment.")
            return
    try:
        if settings:
            bench.put(otherwise(bench.experiment, settings))
        _lengthen(bench, step, run)
        bench.attach(house().branch(run, step, bench.ready, paced(bench), visitor(), said))
    except VitrineError as error:
        bench.complain(str(error))


def _reset(bench: Workbench) -> None:
    """Clear the run off the table: it stays among the runs, and ends where it learns and may be told to."""
    let_go(bench.runs, all=True)
    bench.attach("")


def transport(bench: Workbench) -> None:
    """Draw the transport: of the run on the table, or of the one that Play would begin."""

    def again(run: str) -> None:
        try:
            house().again(run, visitor())
        except VitrineError as error:
            bench.complain(str(error))

    parted, arranges = bench.parted, not bench.hides("board")
    data = {
        "sources": [f"run:{run}" for run in bench.runs if run],
        "speed": speed(bench),
        "arranges": arranges,
        "race": len(bench.runs) > 1,
        "board": bench.key,
        "branches": branches(bench),
        "learns": bench.learns,
        "turns": [] if bench.ready.task.losses or len(bench.roles) < 2 else ["round", *bench.roles],
        "parted": f"The {parted} you see {'are' if ' and ' in parted else 'is'} no longer what this run learns. "
        "You see it untrained; Play begins a new run."
        if parted
        else "",
        "unfit": visitor().may_act() or bench.unfit,
        "changed": st.session_state.get(f"{bench.key}.changed", ""),
    }
    told = {
        "again": again,
        "branch": lambda moment: branch(bench, moment),
        "follow": lambda _: bench.follow(),
        "train": lambda told: begin(bench, steps=told.get("step") if isinstance(told, dict) else None),
        "reset": lambda _: _reset(bench),
        "arrange": bench.panels.arrange if arranges else components.nothing,
        "speed": lambda told: go_at(bench, told),
    }
    components.transport(data, f"{bench.key}.transport", **told)
