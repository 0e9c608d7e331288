"""Dataset: the data on the table, looked through: their classes, example by example, their means, and the plane."""

import functools
from typing import Any

import numpy as np
import streamlit as st

from engine.data import Dataset
from engine.data.about import in_words, labels_of, laid, means, rows, spread, twins
from engine.data.dataset import NOT_KNOWN, SEQUENCES, Split
from engine.errors import VitrineError
from engine.figures.figure import literal
from engine.live.house import house
from engine.live.reading import key_of
from engine.looking import FORMS
from engine.looking.projecting import pca
from engine.training.recipe import Recipe
from engine.training.spoiled import as_learned, spoils, wrong
from pages.ui import components
from pages.ui.words import note, plain
from pages.ui.workbench import Workbench

PATIENCE = 1.0  # seconds that a page waits for data
A_PAGE = 60  # examples
MOST_NUMBERS = 64 * 64  # of a plane that is shown number by number
COLOURS = {"train": "#0072b2", "validation": "#e69f00", "test": "#009e73"}
EDGES = {"t": 20, "l": 10, "r": 10}
PARTS = ("Examples", "Classes", "Means", "Plane", "Twins")
EVERY = "every class"


def look_through(bench: Workbench) -> None:
    """Draw what the data on the table are like."""
    source = bench.ready.data
    if source is None:
        note("No data are chosen yet. Choose some under Train, at the left.")
        return
    try:
        dataset = as_learned(house().hub.past.dataset(source, PATIENCE), bench.ready.recipe)
    except VitrineError as error:
        note(str(error))
        return
    if words := _spoilt(bench.ready.recipe, dataset):
        st.caption(f":material/warning: {words}")
    parts = [part for part in PARTS if _has(dataset, part)]
    with st.container(horizontal=True, vertical_alignment="center", key=f"{bench.key}-datahead"):
        key = f"{bench.key}.data.part"
        if st.session_state.get(key) not in parts:
            st.session_state[key] = parts[0]
        part = st.segmented_control("Look at", parts, key=key, required=True, label_visibility="collapsed")
        st.markdown(f"**{plain(dataset.title)}**: {plain(in_words(dataset))}" + _sizes(dataset))
    draw = {"Examples": _examples, "Classes": _classes, "Means": _means, "Plane": _plane, "Twins": _twins}
    draw[part or parts[0]](bench, dataset)


def _spoilt(recipe: Recipe, dataset: Dataset) -> str:
    """Say what the recipe makes of the training examples that are seen here."""
    if not spoils(recipe) or dataset.goal != "class":
        return ""
    mistaken = f"{wrong(dataset, recipe):,} training examples bear a wrong class"
    rare = f"the last class is {recipe.imbalance:g} times as rare as the first"
    said = [*([mistaken] if recipe.mislabelled else []), *([rare] if recipe.imbalance > 1 else [])]
    return f"As the recipe asks for it: {' and '.join(said)}."


def _sizes(dataset: Dataset) -> str:
    """Say how large an example is."""
    if not dataset.sizes:
        return ""
    if dataset.example in SEQUENCES:
        return f" At most {dataset.sizes[0]:,} places long."
    return f" Each {'×'.join(map(str, dataset.sizes))}{'' if dataset.example == 'image' else ' numbers'}."


def _has(dataset: Dataset, part: str) -> bool:
    """Return whether there is something of this kind to be seen."""
    if part == "Means":
        return dataset.example == "image"
    if part == "Classes":
        return True
    return part != "Plane" or laid(dataset, dataset.train)


def _examples(bench: Workbench, dataset: Dataset) -> None:
    """Draw examples side by side, and the one that is clicked large with its numbers."""
    source, splits = bench.ready.data, dataset.splits()
    assert source
    key = f"{bench.key}.data.{key_of(source)}.{len(dataset.train)}"  # what is chosen is of these data
    filters = st.columns([2, 2, 1], vertical_alignment="bottom")
    name = filters[0].segmented_control(
        "Split", list(splits), default=next(iter(splits)), key=f"{key}.split", required=True
    )
    split = splits[name if name in splits else next(iter(splits))]
    labels = labels_of(dataset, split)
    there = set(labels)
    kinds = [EVERY, *(kind for kind in (*dataset.classes, NOT_KNOWN) if kind in there)]
    kind = filters[1].selectbox("Class", kinds, key=f"{key}.kind") if labels else EVERY
    places = [place for place in range(len(split)) if kind == EVERY or labels[place] == kind]
    pages = max(1, -(-len(places) // A_PAGE))
    page = filters[2].number_input(f"Page of {pages:,}", 1, pages, key=f"{key}.page.{name}.{kind}")
    shown = places[(page - 1) * A_PAGE : page * A_PAGE]
    wall, large = st.columns([3, 1])
    chosen = st.session_state.get(f"{key}.chosen")
    chosen = chosen if chosen in shown else shown[0]
    told = [_told(dataset, at, split.inputs[at], labels[at] if labels else "") for at in shown]
    with wall:
        pick = functools.partial(st.session_state.__setitem__, f"{key}.chosen")
        components.examples({"examples": told, "chosen": chosen}, f"{key}.wall", pick)
    with large:
        _large(bench, dataset, split, chosen, name or "")


def _told(dataset: Dataset, place: int, values: Any, label: str = "") -> dict[str, Any]:
    """Return what the browser is told of one example that is shown small."""
    return {"place": place, "shown": FORMS[dataset.example].shown(dataset, values), "label": label}


def _large(bench: Workbench, dataset: Dataset, split: Split, place: int, name: str) -> None:
    """Draw one example as large as there is room, what is right for it, and its numbers."""
    right = dataset.named(split.targets[place]) if dataset.goal != "labels" else ""
    st.markdown(f"**{name} example {place:,}**" + (f": {plain(right)}" if right else ""))
    values = split.inputs[place]
    if dataset.example != "image":
        if dataset.example in ("numbers", "points", "series"):
            table = values if values.dim() > 1 else values[:, None]
            st.dataframe(np.asarray(table), height=360)
        else:
            components.examples({"examples": [_told(dataset, place, values)]}, f"{bench.key}.data.large")
        return
    picture = values.numpy()
    st.image(_enlarged(picture), width="stretch")
    if picture[0].size <= MOST_NUMBERS:
        names = ["red", "green", "blue"] if len(picture) == 3 else ["grey"]
        name = names[0]
        if len(names) > 1:
            shown = st.segmented_control("Channel", names, default=name, required=True, label_visibility="collapsed")
            name = shown or name
        st.dataframe(picture[names.index(name)], height=240)


def _enlarged(picture: np.ndarray) -> np.ndarray:
    """Return channels×height×width bytes as a picture of a few hundred dots, each dot a square."""
    times = max(1, 280 // max(picture.shape[1:]))
    image = picture.transpose(1, 2, 0).repeat(times, axis=0).repeat(times, axis=1)
    return image[..., 0] if image.shape[2] == 1 else image


def _classes(bench: Workbench, dataset: Dataset) -> None:
    """Draw how many examples of each class each split has."""
    found = spread(dataset)
    source = bench.ready.data
    if dataset.goal == "class":
        bars = [
            {
                "type": "bar",
                "name": split,
                "y": [literal(kind) for kind in kinds],
                "x": list(kinds.values()),
                "orientation": "h",
                "marker": {"color": COLOURS[split]},
            }
            for split, kinds in found.items()
        ]
        layout = {
            "barmode": "stack",
            "legend": {"traceorder": "normal"},
            "height": min(900, 140 + 26 * len(dataset.classes)),
            "margin": EDGES,
            "yaxis": {"type": "category", "autorange": "reversed"},
            "xaxis": {"title": {"text": "examples"}},
        }
        figure: Any = {"data": bars, "layout": layout}
        st.plotly_chart(figure, key=f"{bench.key}.data.bars")
    else:
        st.dataframe(
            [{"split": name, "examples": len(split)} for name, split in dataset.splits().items()], hide_index=True
        )
    if source:
        st.caption(f"From {plain(source.origin)}; licence: {plain(source.licence)}. Divided {dataset.divided}.")


def _means(bench: Workbench, dataset: Dataset) -> None:
    """Draw the mean picture of all training examples, and of each class."""
    st.caption("The mean of all training pictures, and of those of each class: what is sharp here is alike in all.")
    found = means(dataset)
    told = [_told(dataset, at, mean, name) for at, (name, mean) in enumerate(found.items())]
    components.examples({"examples": told}, f"{bench.key}.data.means")


def _plane(bench: Workbench, dataset: Dataset) -> None:
    """Draw raw examples as points along the two directions in which they differ most."""
    at, kept = pca(rows(dataset.train))
    labels = labels_of(dataset, dataset.train)[: len(at)]
    dots = []
    for kind in dict.fromkeys(labels) if labels else [""]:
        mine = np.array([not labels or one == kind for one in (labels or [""] * len(at))])
        dots.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": literal(kind),
                "x": at[mine, 0].tolist(),
                "y": at[mine, 1].tolist(),
                "marker": {"size": 6},
                "text": np.flatnonzero(mine).tolist(),
                "hovertemplate": "train example %{text}",
            }
        )
    layout = {"height": 460, "margin": EDGES, "showlegend": bool(labels)}
    figure: Any = {"data": dots, "layout": layout}
    st.plotly_chart(figure, key=f"{bench.key}.data.plane")
    st.caption(
        f"The first {len(at):,} training examples by their raw numbers, before any network: "
        f"two directions keep {kept:.0%} of how they differ (PCA)."
    )


def _twins(bench: Workbench, dataset: Dataset) -> None:
    """Draw which examples are the same to the last number."""
    groups = twins(dataset)
    if groups is None:
        st.caption("There are too many numbers to compare every example with every other.")
        return
    if not groups:
        st.caption("No two examples are the same to the last number.")
        return
    across = sum(len({split for split, _ in group}) > 1 for group in groups)
    st.caption(
        f"{len(groups):,} groups of examples are the same to the last number; {across:,} of them lie in more "
        "than one split, which makes a test too easy."
    )
    splits = dataset.splits()
    told = []
    for number, group in enumerate(groups[:A_PAGE]):
        split, place = group[0]
        label = ", ".join(f"{split} {place}" for split, place in group[:4])
        told.append(_told(dataset, number, splits[split].inputs[place], label))
    components.examples({"examples": told}, f"{bench.key}.data.twins")
