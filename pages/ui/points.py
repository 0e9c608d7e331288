"""Own points: a plane to draw them in, and tables to paste or upload."""

import dataclasses
import functools
from typing import Any

import streamlit as st

from engine.data import Source
from engine.data.densities import HEAPS, Density
from engine.data.drawn import OwnPoints
from engine.data.pasted import Pasted, pasted, points_of
from engine.data.points import CLASSES, OF_TWO, Points
from engine.errors import VitrineError
from pages.ui import components, veils
from pages.ui.shown import select
from pages.ui.task import at_hand
from pages.ui.words import complain, plain
from pages.ui.workbench import Workbench

HEIGHT = "a height"
SHOWN = 90  # points of a small picture
MOST_SEED = 2**31
SAMPLE = "x,y,colour\n1.2,0.4,red\n-0.7,2.1,blue"


def shapes(bench: Workbench, source: Points | Density) -> None:
    """Draw how points may lie as small pictures, and the way to draw other points of the same kind."""
    offered = next(one for one in type(source).options() if one.name == "shape").words
    key = f"{bench.key}.shapes"

    def choose(**options: Any) -> None:
        data = bench.experiment.data or source
        if any(veils.locked(bench.key, f"data.{name}") or veils.hidden(bench.key, f"data.{name}") for name in options):
            return
        try:
            bench.put(at_hand(dataclasses.replace(bench.experiment, data=data.but(**options, **_fewer(data, options)))))
        except VitrineError as error:
            bench.complain(str(error))

    data = {
        "shapes": [{"name": name, "points": _picture(type(source), name)} for name in offered],
        "chosen": source.shape,
        "locked": veils.locked(bench.key, "data.shape"),
        "anew": not (veils.locked(bench.key, "data.seed") or veils.hidden(bench.key, "data.seed")),
    }
    components.shapes(data, key, lambda name: choose(shape=name), lambda _: choose(seed=(source.seed + 1) % MOST_SEED))


def _fewer(data: Source, options: dict[str, Any]) -> dict[str, Any]:
    """Return what a shape has no room for, as it must be."""
    shape = options.get("shape")
    if isinstance(data, Points) and shape in OF_TWO:
        return {"classes": 2}
    return {"tell": "nothing"} if isinstance(data, Density) and shape and shape not in HEAPS else {}


@functools.cache
def _picture(kind: type[Points] | type[Density], shape: str) -> list[list[float]]:
    """Return some points of a shape, each with its class, or with its height."""
    dataset = kind().but(shape=shape, number=SHOWN, test=0.0, validation=0.0, seed=1).load()
    train = dataset.train
    at = train.inputs.round(decimals=2).tolist()
    if dataset.goal == "class":
        return [[*point, kind] for point, kind in zip(at, train.targets.tolist(), strict=True)]
    if dataset.goal == "numbers":
        reach = float(train.targets.abs().max()) or 1.0
        heights = (train.targets[:, 0] / reach).round(decimals=2).tolist()
        return [[*point, 0, high] for point, high in zip(at, heights, strict=True)]
    return [[*point, 1] for point in at]


def own_points(bench: Workbench, source: OwnPoints) -> None:
    """Draw the plane, what its points are, and the way to bring a table."""
    key = f"{bench.key}.own"
    if len(source.names) == 2:
        _kind(bench, source, key)
        data = {"rows": [list(row) for row in source.rows], "classes": list(source.classes)}
        components.pad(data, f"{key}.pad", lambda rows: _put(bench, source, rows=rows))
    else:
        st.caption(f"{len(source.rows):,} points of {len(source.names)} columns: {plain(', '.join(source.names))}.")
    popover = st.popover("Paste or upload a table", icon=":material/table:", on_change="rerun", width="stretch")
    if popover.open:
        with popover:
            _table(bench, key)


def _put(bench: Workbench, source: OwnPoints, **options: Any) -> None:
    try:
        bench.put(dataclasses.replace(bench.experiment, data=source.but(**options)))
    except VitrineError as error:
        bench.complain(str(error))


def _kind(bench: Workbench, source: OwnPoints, key: str) -> None:
    """Draw the choice of what points have: a class among 2 to 5, or a height."""
    words = [HEIGHT, *(f"{number} classes" for number in range(2, 6))]
    now = f"{len(source.classes)} classes" if source.classes else HEIGHT

    def choose() -> None:
        word = st.session_state[f"{key}.kind"]
        classes = () if word == HEIGHT else CLASSES[: int(word[0])]
        same = bool(classes) == bool(source.classes)
        rows = [row for row in source.rows if not classes or row[-1] < len(classes)] if same else []
        _put(bench, source, classes=classes, rows=rows)

    select("Points have", words, now, f"{key}.kind", on_change=choose)


def _table(bench: Workbench, key: str) -> None:
    """Draw the fields for a table, and for which of its columns are what."""
    uploaded = st.file_uploader("A CSV file", type=["csv", "txt", "tsv"], key=f"{key}.file", max_upload_size=200)
    text = st.text_area("or pasted here", key=f"{key}.text", placeholder=SAMPLE, height=120)
    content: str | bytes = uploaded.getvalue() if uploaded else text
    if not content:
        st.caption("Two columns of numbers become the place of a point, a third one its class or height.")
        return
    try:
        table = pasted(content)
    except VitrineError as error:
        complain(str(error))
        return
    _columns(bench, key, table)


def _columns(bench: Workbench, key: str, table: Pasted) -> None:
    """Draw the choice of columns, and take the table over."""
    names = list(table.words)
    st.caption(f"{table.rows:,} rows, {len(names)} columns; of numbers: {plain(', '.join(table.numeric) or 'none')}.")
    goal = st.segmented_control("Points have", ("class", "number"), default="class", key=f"{key}.goal", required=True)
    fitting = (table.telling if goal == "class" else table.numeric) or names
    target = st.selectbox("To be told", fitting, index=len(fitting) - 1, key=f"{key}.target.{goal}")
    others = [name for name in table.numeric if name != target]
    chosen = st.multiselect(
        "Given", others, default=others[:2], key=f"{key}.inputs.{target}", help="The first two are plotted."
    )
    if st.button("Use these points", type="primary", key=f"{key}.use"):
        try:
            source, said = points_of(table, chosen, target, goal or "class")
        except VitrineError as error:
            complain(str(error))
            return
        bench.put(dataclasses.replace(bench.experiment, data=source))
        for words in said:
            st.toast(plain(words), icon=":material/info:", duration="long")
        st.rerun()
