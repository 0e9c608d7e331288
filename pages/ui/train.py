"""Train: data of an experiment, and the way from there to a run."""

import dataclasses
import functools
from typing import Any

import streamlit as st

from engine.data import DATASETS, Source
from engine.data.densities import Density
from engine.data.drawn import OwnPoints
from engine.data.images import Images
from engine.data.inked import OwnDensity
from engine.data.points import Points
from engine.data.series import Series
from engine.data.table import Table
from engine.data.texts import Texts, Writing
from engine.errors import VitrineError
from engine.live.house import house
from engine.live.limits import begin_some, near
from engine.runs.orders import SPEEDS, STRIDES
from engine.training.duel import with_cells
from engine.training.experiment import Experiment, dump
from engine.training.fit import suiting
from engine.training.series import several
from pages.ui import veils
from pages.ui.album import own_images
from pages.ui.density import own_density
from pages.ui.files import own_file
from pages.ui.forms import form
from pages.ui.points import own_points, shapes
from pages.ui.race import duel, race
from pages.ui.recipe import recipe_form
from pages.ui.refusal import refusal, refused
from pages.ui.shown import select
from pages.ui.task import at_hand, set_part, task_form
from pages.ui.visitor import visitor
from pages.ui.words import complain, plain
from pages.ui.workbench import Workbench


def train_panel(bench: Workbench) -> None:
    """Draw the forms for data, task and recipe."""
    data, readings = bench.ready.data, house().hub.past.reading
    there = data is None or readings.has(data)
    begin_button(bench)
    if not bench.hides("data"):
        _data(bench)
    experiment = bench.ready
    learns = bench.learns
    if not bench.hides("recipe"):
        recipe_form(bench, experiment, learns)
    if not bench.hides("task"):
        task_form(bench)
    if data and not there and readings.has(data):  # read while this was drawn: what stands above does not know it
        st.rerun()


def begin_button(bench: Workbench) -> None:
    """Draw the button that begins a run, or say why it cannot."""
    unfit = visitor().may_act() or bench.unfit
    racing = len(bench.runs) > 1
    with st.container(horizontal=True, gap="xsmall", key=f"{bench.key}-begins"):
        st.button(
            "Train anew" if bench.run else "Train",
            icon=":material/play_arrow:",
            key=f"{bench.key}-train",
            disabled=bool(unfit),
            on_click=begin,
            args=(bench,),
            help="A new run, from first weights" if bench.run else None,
        )
        if not unfit:
            duel(bench, lambda kinds: _duel(bench, kinds))
            if bench.run:
                race(bench, "Race another" if racing else "Race", lambda rival: begin(bench, True, rival))
            if racing:
                st.button("End the race", key=f"{bench.key}-alone", on_click=bench.attach, args=(bench.run,))
    if not unfit and (words := near(house().store, visitor())):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/data_usage: {words[:1].upper()}{words[1:]}.", width="content")
            st.page_link("models/runs.py", label="Make room")
    if unfit:
        data = bench.ready.data
        away = data is not None and data.fetched and not data.here()
        why = f"{data.title} is not here yet. Fetch it below." if data and away else plain(unfit)
        st.caption(f":material/info: {why}")
        if bench.can_run and bench.ready.data and _loads(bench.ready.data):
            _whole(bench)
            st.button(
                f"Fit the network to {bench.ready.data.title}",
                icon=":material/fit_screen:",
                key=f"{bench.key}-fit",
                on_click=_fit,
                args=(bench,),
                help="Give the input the size of an example, and the end what there is to tell; few come at once",
            )


def _whole(bench: Workbench) -> None:
    """Offer to take all examples at once, where a batch is more than there are."""
    whole = _at_once(bench.experiment)
    if bench.experiment.recipe.batch != "all" and not refusal(dump(dataclasses.replace(whole, data=bench.ready.data))):
        words = "All examples in each step"
        st.button(words, icon=":material/build:", key=f"{bench.key}-whole", on_click=bench.put, args=(whole,))


def _at_once(experiment: Experiment) -> Experiment:
    return dataclasses.replace(experiment, recipe=experiment.recipe.but(batch="all"))


def _loads(source: Source) -> bool:
    try:
        house().hub.past.dataset(source)
    except VitrineError:
        return False
    return True


def speed(bench: Workbench) -> float | None:
    """Return with how many steps a second the next run begins, or nothing for full speed."""
    return st.session_state.get(f"{bench.key}.speed", bench.lab.speed)


def paced(bench: Workbench) -> list[tuple[str, Any]]:
    """Return the order by which a run begins at that speed."""
    return [("set", {"speed": speed(bench)})] if speed(bench) else []


def go_at(bench: Workbench, told: object) -> None:
    """Let runs begin at this speed from now on."""
    match told:
        case {"speed": bool()}:
            return
        case {"speed": None | int() | float() as wanted} if wanted is None or SPEEDS[0] <= wanted <= SPEEDS[1]:
            st.session_state[f"{bench.key}.speed"] = wanted


def begin(
    bench: Workbench, beside: bool = False, experiment: Experiment | None = None, steps: int | str | None = None
) -> None:
    """Begin a run of what is on the table, or of another experiment, in the place of runs there or beside them.

    It may be asked to take some steps and wait.
    """
    experiment = experiment or bench.ready
    beforehand = paced(bench) if not several(experiment.recipe) else []
    if steps in (1, *STRIDES, *experiment.graphs):  # as the transport offers them
        beforehand.append(("step", steps))
    try:
        bench.attach(house().train(experiment, beforehand, visitor()), beside)
        if several(experiment.recipe):
            bench.panels.add_series()
        st.session_state[f"{bench.key}.view"] = "Board"
    except VitrineError as error:
        bench.complain(str(error))


def _duel(bench: Workbench, kinds: list[str]) -> None:
    """Put the first kind of cells on the table and begin all, so that it stands first on the board."""
    try:
        begin_some(house().store, visitor(), len(kinds))
        rivals = [with_cells(bench.ready, kind) for kind in kinds]
    except VitrineError as error:
        bench.complain(str(error))
        return
    bench.replace(rivals[0])
    for place, rival in enumerate(reversed(rivals)):
        begin(bench, place > 0, rival)


def _fit(bench: Workbench) -> None:
    data = bench.ready.data
    assert data
    try:
        dataset = house().hub.past.dataset(data)
        fitting = suiting(bench.experiment, dataset)
        batch = fitting.recipe.batch
        bench.put(_at_once(fitting) if isinstance(batch, int) and batch > len(dataset.train) else fitting)
    except VitrineError as error:
        bench.complain(str(error))


def _data(bench: Workbench) -> None:
    key = f"{bench.key}.data"
    source = bench.ready.data
    fitting = bench.lab.examples
    kinds = [kind for kind, one in DATASETS.items() if one.example in fitting or (source and kind == source.kind)]

    def choose() -> None:
        if kind := st.session_state[key]:
            bench.put(at_hand(dataclasses.replace(bench.experiment, data=DATASETS[kind]())))

    with st.container(border=True, gap="small", key=f"{bench.key}-data"):
        select(
            "Data",
            kinds,
            source.kind if source else None,
            key,
            disabled=veils.locked(bench.key, "data"),
            format_func=lambda kind: DATASETS[kind].title,
            placeholder="Choose data to learn from",
            on_change=choose,
        )
        if not source:
            return
        st.caption(source.help())
        readings = house().hub.past.reading
        if readings.job(source):
            _reading(source)
        elif readings.was_stopped(source):
            st.button(
                "Read them", icon=":material/play_arrow:", key="reading-go", on_click=readings.allow, args=(source,)
            )
        if again := _copies(source):
            st.caption(f":material/content_copy: Copies of training examples among those to test on: {again:,}.")
        for words in house().hub.past.notes(source):
            st.caption(f":material/info: {plain(words)}")
        if not veils.locked(bench.key, "data"):
            if isinstance(source, OwnPoints):
                own_points(bench, source)
            elif isinstance(source, OwnDensity):
                own_density(bench, source)
            elif isinstance(source, Texts | Writing | Series | Table):
                own_file(bench, source)
            elif isinstance(source, Images):
                own_images(bench, source)
        without: tuple[str, ...] = ()
        if isinstance(source, Points | Density) and not veils.hidden(bench.key, "data.shape"):
            shapes(bench, source)
            without = ("shape",)
        changed = functools.partial(set_part, bench, "data", source.kind)
        form(source, f"{bench.key}.data.{source.kind}", changed, without=without)
        if source.fetched and not source.here() and visitor().rules:
            name = f"Fetch {source.title}"
            if st.button(name, icon=":material/download:", key=f"{bench.key}-fetch", width="stretch"):
                _fetch(source)


@st.fragment(run_every=0.7)
def _reading(source: Source) -> None:
    """Draw how far data are read; whoever does not want to wait may stop it."""
    job = house().hub.past.reading.job(source)
    if job is None:
        st.rerun()
    else:
        st.progress(job.share, f"Reading {source.title}: {job.share:.0%}")
        st.button("Stop reading", icon=":material/stop:", key="reading-stop", on_click=job.stop)


def _copies(source: Source) -> int:
    """Return how many test examples are copies of training ones, as far as that is known at once."""
    return house().hub.past.copies(source)


def _fetch(source: Source) -> None:
    """Fetch data, telling how far it is; whatever a person does meanwhile stops it, and the next try goes on."""
    bar = st.progress(0.0, "Fetching …")

    def told(name: str, done: int, total: int) -> None:
        mega = f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB" if total else f"{done / 1e6:,.1f} MB"
        bar.progress(min(1.0, done / total) if total else 0.0, f"{name}: {mega}")

    try:
        source.fetch(told)
    except VitrineError as error:
        bar.empty()
        complain(str(error))
        return
    refused.cache_clear()
    st.rerun()
