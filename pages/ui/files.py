"""Own files: texts and series that a person uploads or pastes, and which of their columns are what."""

import dataclasses
import zlib

import streamlit as st

from engine.data.places import kept
from engine.data.rows import checked, column_names, decoded, rows_of
from engine.data.series import IN_ORDER, Series
from engine.data.table import Table, goal_of
from engine.data.texts import MOST_PASTED, Texts, Writing
from engine.errors import VitrineError
from engine.live.limits import bring_file
from pages.ui.shown import select
from pages.ui.task import at_hand
from pages.ui.visitor import visitor
from pages.ui.words import complain
from pages.ui.workbench import Workbench

MOST_MEGABYTES = 100
EXAMPLES = {
    "texts": "text,kind\nA lovely film.,good\nI fell asleep.,bad",
    "table": "height,width,kind\n1.2,0.4,rose\n0.7,2.1,tulip\n1.1,0.5,rose",
    "series": "date,value\n2024-01-01,3.2\n2024-01-02,4.1",
    "writing": "Paste a text. The longer it is, the more can be learned from it: a few thousand words at least.",
}
COLUMNS = {"texts": {"text": "Texts", "target": "Classes"}, "series": {"value": "Numbers", "date": "Dates"}}
COLUMNS |= {"table": {"target": "To be told", "group": "Kept together"}}
AUTOMATIC, LINES = "found by itself", "the order of the lines"
Brought = Texts | Writing | Series | Table
OTHERWISE = {("table", "target"): "the last column", ("table", "group"): "nothing"}
IN_A_LINK = 9_000  # bytes that a text may have, packed, to be part of a link


def own_file(bench: Workbench, source: Brought) -> None:
    """Draw the way to bring a file, and the choice of its columns."""
    there = bool(_brought(source))
    label = "Another file or text" if there else "Upload or paste"
    popover = st.popover(
        label,
        icon=":material/upload:",
        key=f"{bench.key}-own-file-{zlib.crc32(_brought(source).encode())}",  # another closes it
        type="tertiary" if there else "primary",
        on_change="rerun",
        width="stretch",
    )
    if popover.open:
        with popover:
            _bring(bench, source)
    if source.path and source.kind in COLUMNS:
        _columns(bench, source)


def _brought(source: Brought) -> str:
    return source.path or getattr(source, "pasted", "")


def _bring(bench: Workbench, source: Brought) -> None:
    key = f"{bench.key}.file.{source.kind}"
    running = isinstance(source, Writing)
    kinds = ["txt", "md"] if running else ["csv", "tsv", "txt"]
    words = "A text file" if running else "A CSV file, whose first line names the columns"
    uploaded = st.file_uploader(words, type=kinds, key=f"{key}.file", max_upload_size=MOST_MEGABYTES)
    text = st.text_area("or pasted here", key=f"{key}.text", placeholder=EXAMPLES[source.kind], height=150)
    content = uploaded.getvalue() if uploaded else text.encode()

    def use() -> None:
        try:
            bench.put(at_hand(dataclasses.replace(bench.experiment, data=_holding(source, content))))
        except VitrineError as error:
            bench.complain(str(error))

    st.button("Use it", type="primary", key=f"{key}.use", disabled=not content, on_click=use)


def _holding(source: Brought, content: bytes) -> Brought:
    """Return the source with what was brought: a short text as it is, so that a link holds it, else a file."""
    checked(content, "The text")
    if isinstance(source, Writing):
        text = decoded(content)
        if len(text) <= MOST_PASTED and len(zlib.compress(text.encode())) <= IN_A_LINK:
            return source.but(pasted=text, path="")
    else:
        rows_of(decoded(content), "The table")  # which says what is wrong with it
    bring_file(visitor(), len(content))
    path = kept(content, ".txt" if isinstance(source, Writing) else ".csv")
    if isinstance(source, Writing):
        return source.but(path=path, pasted="")
    return _seeming(source.but(path=path, **dict.fromkeys(COLUMNS[source.kind], "")))


def _seeming(source: Brought) -> Brought:
    """Return a table with what its column seems to hold."""
    return source.but(goal=goal_of(source.path, source.target)) if isinstance(source, Table) else source


def _columns(bench: Workbench, source: Brought) -> None:
    """Draw which column is what, of a file that can be read."""
    try:
        names = column_names(source.path)
    except VitrineError as error:
        complain(str(error))
        return
    for (option, label), place in zip(COLUMNS[source.kind].items(), st.columns(2), strict=True):
        key = f"{bench.key}.column.{source.kind}.{option}"
        now = getattr(source, option)
        in_order = option == "date" and now == IN_ORDER

        def choose(option: str = option, key: str = key) -> None:
            try:
                changed = source.but(**{option: _meant(source.kind, option, st.session_state[key])})
                changed = _seeming(changed) if option == "target" else changed
                bench.put(at_hand(dataclasses.replace(bench.experiment, data=changed)))
            except VitrineError as error:
                bench.complain(str(error))

        usual = OTHERWISE.get((source.kind, option), AUTOMATIC)
        offered = [usual, *([LINES] if option == "date" else []), *names]
        offered += [now] if now and not in_order and now not in names else []
        select(label, offered, LINES if in_order else now or usual, key, place, on_change=choose)


def _meant(kind: str, option: str, word: str) -> str:
    """Return the value of an option that a person chose by this word."""
    if word == OTHERWISE.get((kind, option), AUTOMATIC):
        return ""
    return IN_ORDER if option == "date" and word == LINES else word
