"""Recipe: how it is learned, and what of that is changed while it is."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.errors import VitrineError
from engine.graph.cost import cost
from engine.graph.graph import Graph
from engine.graph.trace import trace
from engine.live.house import house
from engine.runs import orders
from engine.runs.store import changed_of
from engine.training.address import address
from engine.training.change import OWN, changeable
from engine.training.duel import has_cells
from engine.training.experiment import Experiment
from engine.training.recipe import Own, Recipe
from engine.training.series import several
from pages.ui.forms import form
from pages.ui.visitor import visitor
from pages.ui.workbench import Workbench

OF_CELLS = ("back", "carry")  # options that mean something only where something remembers
PATIENCE = 2.0  # seconds that a form waits for a run's answer
OF_FIRST = "⚡ acts at once on the first run of the race; everything else counts from the next run or branch."
ACTS = "⚡ acts at once on the run that learns; everything else counts from the next run or branch."


def recipe_form(bench: Workbench, experiment: Experiment, learns: bool) -> None:
    """Draw the form of the recipe; of a run that learns, with what may be changed on the way."""
    live = changeable(_of_run(bench).recipe) if learns and can_change(bench) else ()
    experiment = _as_changed(bench, experiment, live)
    with st.container(border=True, gap="small", key=f"{bench.key}-recipe"):
        st.markdown("**Recipe**")
        if live:
            st.caption(ACTS if len(bench.runs) == 1 else OF_FIRST)
        offers = {"frozen": trained(experiment.graphs)}
        without = () if has_cells(experiment) else experiment.recipe.as_usual(*OF_CELLS)
        form(experiment.recipe, f"{bench.key}.recipe", lambda n, v: _set(bench, n, v), 2, offers, live, without)
    if len(bench.roles) > 1:
        _own(bench, live)
    if live:
        _on_the_way(bench)


def _set(bench: Workbench, name: str, value: Any) -> None:
    """Change an option of the recipe, and of the run that learns where that can be done."""
    before = bench.experiment.recipe
    recipe = before.but(**{name: value(getattr(before, name)) if callable(value) else value})
    if recipe != before and can_change(bench) and name in changeable(_of_run(bench).recipe):
        settings = {name: recipe.write().get(name, type(before).model_fields[name].default)}
        give(bench, settings)
    bench.put(dataclasses.replace(bench.experiment, recipe=recipe))


def _own(bench: Workbench, live: tuple[str, ...]) -> None:
    """Draw what one network of several has of its own; of a run that learns, it acts at once where that can be."""
    key = f"{bench.key}.own"
    acting = OWN if live else ()

    def changed(role: str, name: str, value: Any) -> None:
        recipe = bench.experiment.recipe
        own = recipe.own_of(role)
        value = value(getattr(own, name)) if callable(value) else value
        new = recipe.owning(role, **{name: value})
        if new != recipe and name in acting:
            give(bench, {address(role, name, bench.roles): value})
        bench.put(dataclasses.replace(bench.experiment, recipe=new))

    with st.container(border=True, gap="small", key=f"{bench.key}-own"):
        shown = st.segmented_control(
            "One network's own", bench.roles, key=key, default=bench.roles[0], required=True, help=Own.help()
        )
        role = shown or bench.roles[0]
        own = bench.experiment.recipe.own_of(role)
        key = f"{bench.key}.recipe.own-{role}"  # what a link hides or locks of the recipe, it does here too
        form(own, key, lambda name, value: changed(role, name, value), live=acting)


def _as_changed(bench: Workbench, experiment: Experiment, live: tuple[str, ...]) -> Experiment:
    """Return the experiment with what somebody, perhaps on another page, has changed of the run meanwhile."""
    key = f"{bench.key}.changed"
    if not live:
        return experiment
    changed = changed_of(house().store.run(bench.run))
    if not (words := changed.write()) or st.session_state.get(key) == words:
        return experiment
    st.session_state[key] = words
    recipe, now = Recipe.read(changed.recipe or {}), bench.experiment
    mine = {name: value for name, value in changed.task.items() if name in now.task.live}
    kept = now.recipe.but(**{name: getattr(recipe, name) for name in (*live, "own")})
    bench.put(dataclasses.replace(now, recipe=kept, task=now.task.but(**mine)))
    return bench.ready


def can_change(bench: Workbench) -> bool:
    """Return whether the run on the table learns and may be changed; somebody else's is only looked at."""
    return bench.learns and visitor().owns(house().store.run(bench.run)) and not is_series(bench)


def is_series(bench: Workbench) -> bool:
    """Return whether the run on the table is a series, whose recipe stays as it is."""
    return bench.learned is not None and several(bench.learned.recipe)


def trained(graphs: Mapping[str, Graph]) -> list[str]:
    """Return the addresses of the layers that have weights, and of several networks each as a whole."""
    wholes = [address(role, "", graphs) for role in graphs] if len(graphs) > 1 else []
    layers = [(role, layer) for role, graph in graphs.items() for layer in cost(graph).layers]
    return [*wholes, *(address(role, layer.step.path, graphs) for role, layer in layers if layer.counts.weights)]


def _on_the_way(bench: Workbench) -> None:
    """Draw what can be set of a run that learns and stands in no recipe: dropout, and the rate of one layer."""
    graphs = _of_run(bench).graphs
    key = f"{bench.key}.way"
    with st.container(border=True, gap="small", key=f"{bench.key}-way"):
        st.markdown("**This run only** ⚡", help="Not part of the recipe: a new run begins without it.")
        left, right = st.columns(2, gap="small")
        with left:
            node = st.selectbox("Layer", trained(graphs), key=f"{key}.node", help="Whose rate is to be multiplied.")
        with right:
            factor = st.number_input(
                "Factor",
                0.0,
                1000.0,
                1.0,
                0.1,
                key=f"{key}.factor",
                help="By what its rate is multiplied; 0 keeps its weights as they are.",
            )
        st.button("Set this layer's rate", key=f"{key}.rate", on_click=_order, args=(bench, {f"{node}.rate": factor}))
        if any("dropout" in step.layer.kind for graph in graphs.values() for step in trace(graph).steps):
            share = st.slider("Dropout", 0.0, 0.95, 0.5, 0.05, key=f"{key}.dropout", help="Of all dropout layers.")
            st.button("Set dropout", key=f"{key}.drop", on_click=_order, args=(bench, {"dropout": share}))


def _order(bench: Workbench, settings: dict[str, Any]) -> None:
    """Let the run go on with these settings; what it refuses is complained of."""
    try:
        give(bench, settings)
    except VitrineError as error:
        bench.complain(str(error))


def give(bench: Workbench, settings: dict[str, Any]) -> None:
    """Let the run go on with these settings; what it refuses is raised."""
    store = house().store
    visitor().check(store.run(bench.run))
    if not orders.heard(store, orders.give(store, bench.run, "set", settings), PATIENCE):
        bench.complain("The run is in a long step, and hears of this as soon as that is done.")


def _of_run(bench: Workbench) -> Experiment:
    experiment = bench.learned
    assert experiment, "no run is on the table"
    return experiment
