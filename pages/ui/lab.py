"""Lab: the page that all families of networks are built on."""

from urllib.parse import urlsplit

import segno
import streamlit as st

from engine.errors import VitrineError
from engine.graph.cost import together
from engine.graph.diagram import diagrams
from engine.graph.source import source
from engine.presets import PRESETS
from engine.training.experiment import dump, load
from engine.views.learning.colours import QUANTITIES
from pages.ui import components, inspector, veils
from pages.ui.board import add_view, board, following, inside
from pages.ui.builder import beginning, builder
from pages.ui.dataset import look_through
from pages.ui.facts import facts
from pages.ui.guide import guide
from pages.ui.running import transport
from pages.ui.shown import select
from pages.ui.table import Lab, opened, presets_of
from pages.ui.train import train_panel
from pages.ui.words import complain, plain
from pages.ui.workbench import Workbench

VIEWS = ("Board", "Layer", "All layers", "Data")
HERE = ("localhost", "127.0.0.1", "::1")  # names by which a computer reaches nothing but itself
MOST_CODED = 1500  # signs of a link in a QR code: a phone still tells its dots apart


def lab(this: Lab) -> None:
    """Draw the whole page: header, transport, build panel, diagram, and the board or what is known of layers."""
    bench = Workbench(this)
    shown = _header(bench)
    with st.container(key=f"{bench.key}-labbar"):
        transport(bench)
    if bench.notice:
        complain(bench.notice)
    if complaint := bench.complaint:
        st.toast(plain(complaint), icon=":material/error:", duration="long")
    desk = st.container(key=f"{bench.key}-labdesk", horizontal=True, gap="small")
    with desk, st.container(key=f"{bench.key}-labside"):
        sides = ("Train",) if bench.hides("build") or shown == VIEWS[-1] else ("Build", "Train")
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"{bench.key}-sidehead"):
            side = sides[0] if len(sides) == 1 else _switch(f"{bench.key}.side", sides, this.opens)
            if shown == VIEWS[0] and not bench.hides("board"):
                add_view(bench)
        guide(bench)
        if side == "Build":
            builder(bench)
        else:
            train_panel(bench)
    with desk, st.container(key=f"{bench.key}-labmain", gap="small"):
        _diagram(bench)
        if shown == VIEWS[0]:
            board(bench)
        elif shown == VIEWS[-1]:
            look_through(bench)
        else:
            inspector.inspect(bench, shown)


def _switch(key: str, words: tuple[str, ...], first: str) -> str:
    """Draw the choice between parts of the page, of which only the chosen one is worked out."""
    if st.session_state.get(key) not in words:
        st.session_state[key] = first if first in words else words[0]
    if len(words) == 1:
        return words[0]
    return st.segmented_control("Show", words, key=key, label_visibility="collapsed", required=True) or words[0]


def _header(bench: Workbench) -> str:
    """Draw what concerns the whole table, and return which part of the page is to be seen."""
    key = bench.key
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}-labhead"):
        st.subheader(bench.lab.title, anchor=False, width="content")
        if not bench.hides("presets"):
            _presets(bench)
        for name, icon, help, shortcut, step, can in (
            ("undo", "undo", "Undo", "ctrl+z", bench.undo, bench.can_undo),
            ("redo", "redo", "Redo", "ctrl+shift+z", bench.redo, bench.can_redo),
        ):
            st.button(
                help,
                icon=f":material/{icon}:",
                key=f"{key}-icon-{name}",
                help=help,
                shortcut=shortcut,
                on_click=step,
                disabled=not can,
            )
        shown = _switch(f"{key}.view", VIEWS[:-1] if bench.hides("data") else VIEWS, VIEWS[0])
        st.space("stretch")
        if bench.lab.facts and not bench.hides("presets"):
            told = st.popover("What to see", icon=":material/lightbulb:", key=f"{key}-facts", on_change="rerun")
            if told.open:
                with told:
                    facts(bench)
        if not bench.hides("build"):
            with st.popover("Initial weights", icon=":material/casino:", help="How the weights of the network begin"):
                beginning(bench)
        files = () if bench.hides("files") else (("Code", "code", _code), ("File", "folder_open", _export))
        for name, icon, fill in (*files, ("Share", "link", _share)):
            popover = st.popover(
                name,
                icon=f":material/{icon}:",
                key=f"{key}-{name.lower()}",
                type="primary" if name == "Share" else "secondary",
                on_change="rerun",
            )
            if popover.open:  # what nobody looks at is not worked out
                with popover:
                    fill(bench)
    return shown


def _presets(bench: Workbench) -> None:
    names = presets_of(bench.lab)
    key = f"{bench.key}.preset"
    now = bench.experiment.name
    current = now if now in names and bench.experiment.graphs == PRESETS[now].experiment().graphs else None

    def choose() -> None:
        if name := st.session_state[key]:
            bench.replace(opened(name))

    select(
        "Preset",
        names,
        current,
        key,
        format_func=lambda name: PRESETS[name].title,
        placeholder=f"{PRESETS[now].title} (changed)" if now in PRESETS else now,
        on_change=choose,
        label_visibility="collapsed",
        width=260,
    )


def _code(bench: Workbench) -> None:
    experiment = bench.sound
    text = source(experiment.graphs, experiment.name)
    name = experiment.name.replace("-", "_")
    if not bench.can_run:
        st.warning("This is the code of the last network that could run, not of what you see in the list.")
    st.caption("One PyTorch file that stands on its own: the same parameters, the same output.")
    st.download_button("Download", text, f"{name}.py", "text/x-python", icon=":material/download:", on_click="ignore")
    st.code(text, height=480, width=760)


def _export(bench: Workbench) -> None:
    experiment = bench.experiment
    key = f"{bench.key}.upload"
    st.caption("The experiment as a file that Vitrine and its command line read.")
    text = dump(experiment, pretty=True)
    st.download_button(
        "Download experiment",
        text,
        f"{experiment.name}.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
    )

    def take() -> None:
        if (uploaded := st.session_state[key]) is None:
            return
        try:
            bench.replace(load(uploaded.getvalue()))
        except VitrineError as error:
            bench.complain(f"{uploaded.name}: {error}")

    st.file_uploader("Open an experiment", type="json", key=key, on_change=take, max_upload_size=2)


def _share(bench: Workbench) -> None:
    if not (link := bench.link):
        st.caption("This network is too large for a link. Download the experiment and send the file.")
        return
    above = st.container()
    veiled = "".join(f"&{how}={','.join(chosen)}" for how, chosen in _veils(bench).items() if chosen)
    base = (st.context.url or "").split("?")[0]
    address = f"{base}?x={link}{veiled}"
    with above:
        st.caption("This link holds the whole network. The address of this page does too, at any moment.")
        st.code(address, language=None, wrap_lines=True, height=100, width=480)
        if (urlsplit(base).hostname or "") in HERE:
            st.caption(
                ":material/info: It works on this computer only. To let others in: `vitrine app --host 0.0.0.0`."
            )
        _code_of(address)


def _code_of(address: str) -> None:
    """Draw a link as a QR code, where a phone could still read that."""
    if len(address) > MOST_CODED:
        st.caption("The link is too long for a QR code.")
        return
    picture = segno.make(address, error="l").svg_data_uri(scale=4, border=4, light="#ffffff", dark="#000000")
    st.image(picture, caption="The link as a QR code", width=260)


def _veils(bench: Workbench) -> dict[str, list[str]]:
    """Draw the choice of what a link for others hides and locks."""
    offered = veils.offered(bench.ready.data)
    words = {"hide": "Hide from those who open it", "lock": "Show, but do not let them change"}
    return {
        how: st.multiselect(label, offered, key=f"{bench.key}.veil.{how}", format_func=lambda name: offered[name])
        for how, label in words.items()
    }


def _diagram(bench: Workbench) -> None:
    stale = not bench.can_run
    graphs = bench.sound.graphs
    shown = diagrams(graphs, bench.unfolded, bench.sound.task.flow, bench.sound.task.between)
    shown |= {"selected": bench.named(bench.selected), "address": bench.address, "stale": stale, "board": bench.key}
    shown |= {"table": bench.past_key, "fresh": bench.fresh, "sum": f"{together(graphs).weights:,} weights"}
    if following(bench) and not stale:
        shown["inside"] = {"source": bench.source, "view": inside(shown["boxes"])}
    if quantity := st.session_state.get(f"{bench.key}.colour"):
        shown["colours"] = {"source": bench.source, "view": {"kind": "colours", "quantity": quantity}}
    with st.container(border=True, key=f"{bench.key}-diagram", gap="small"):
        components.diagram(shown, f"{bench.key}.diagram", bench.point, bench.fold, bench.recall)
        if left_out := shown["left_out"]:
            st.caption(f"{left_out:,} more layers are not drawn. Group some into blocks, or fold blocks.")
        if stale:
            st.caption(":material/history: You see the last network that could run, until the problem is fixed.")
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{bench.key}-totals"):
            inspector.totals(graphs)
            st.space("stretch")
            if not bench.unfit:
                st.selectbox(
                    "Colour by",
                    QUANTITIES,
                    index=None,
                    key=f"{bench.key}.colour",
                    placeholder="Colour by …",
                    help="Colours each layer by what its latest watched step did; broken frames are unhealthy.",
                    label_visibility="collapsed",
                    width=200,
                )
