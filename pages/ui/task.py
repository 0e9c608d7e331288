"""Task: what is to be learned, chosen from what data and network leave open."""

import dataclasses
import functools
from typing import Any

import streamlit as st

from engine.data import Dataset
from engine.errors import VitrineError
from engine.live.house import house
from engine.tasks import TASKS
from engine.training.choosing import refusals, suited
from engine.training.experiment import Experiment
from pages.ui import veils
from pages.ui.forms import form
from pages.ui.recipe import can_change, give
from pages.ui.shown import select
from pages.ui.words import plain
from pages.ui.workbench import Workbench

PATIENCE = 1.0  # seconds that a choice waits for its data
OF_TEXTS = ("teacher",)  # options that mean something only where it is asked what comes next


def task_form(bench: Workbench) -> None:
    """Draw what is to be learned, and its options."""
    experiment, key = bench.ready, f"{bench.key}.what"
    why = _refusals(experiment)
    fitting = [kind for kind in TASKS if not why.get(kind)]
    kinds = fitting if experiment.task.kind in fitting else [experiment.task.kind, *fitting]
    if len(kinds) == 1 and not type(experiment.task).options():
        return
    others = "\n".join(f"- **{TASKS[kind].title}**: {plain(words)}" for kind, words in why.items() if words)

    def choose() -> None:
        bench.put(dataclasses.replace(bench.experiment, task=TASKS[st.session_state[key]]()))

    with st.container(border=True, gap="small", key=f"{bench.key}-task"):
        select(
            "Task",
            kinds,
            experiment.task.kind,
            key,
            disabled=veils.locked(bench.key, "task"),
            format_func=lambda kind: TASKS[kind].title,
            on_change=choose,
            help=f"What is learned from the data. Not from these:\n{others}" if others else "What is learned.",
        )
        st.caption(experiment.task.help())
        without = () if experiment.data and experiment.data.foretells else experiment.task.as_usual(*OF_TEXTS)
        told = functools.partial(set_part, bench, "task", experiment.task.kind)
        live = experiment.task.live if _acts(bench, experiment.task.kind) else ()
        form(experiment.task, f"{bench.key}.task", told, live=live, without=without)
        if bench.can_run and (words := experiment.task.unwise(experiment.graphs)):
            st.info(plain(words), icon=":material/info:")


def set_part(bench: Workbench, part: str, kind: str, name: str, value: Any) -> None:
    """Change an option of data or task of a kind; a browser may still tell of a field of the kind before."""
    choice = getattr(bench.ready, part)
    if choice.kind != kind:
        return
    new = choice.but(**{name: value(getattr(choice, name)) if callable(value) else value})
    if part == "task" and new != choice and name in choice.live and _acts(bench, kind):
        give(bench, {name: getattr(new, name)})
    experiment = dataclasses.replace(bench.experiment, **{part: new})
    bench.put(at_hand(experiment) if part == "data" else experiment)


def _acts(bench: Workbench, kind: str) -> bool:
    """Return whether what is set of a task of this kind acts at once on the run that learns."""
    return can_change(bench) and bench.learned is not None and bench.learned.task.kind == kind


def at_hand(experiment: Experiment) -> Experiment:
    """Return the experiment with the task that its data leave, as far as the data are at hand at once."""
    found = _dataset(experiment)
    return suited(experiment, found) if found else experiment


def _refusals(experiment: Experiment) -> dict[str, str]:
    found = _dataset(experiment)
    return refusals(experiment.graphs, found) if found else {}


def _dataset(experiment: Experiment) -> Dataset | None:
    """Return the data, or None where there are none, they are still read, or something is wrong with them."""
    if experiment.data is None:
        return None
    try:
        return house().hub.past.dataset(experiment.data, PATIENCE)
    except VitrineError:
        return None  # which is said beside the button that would train
