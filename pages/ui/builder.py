"""Builder: the list of layers, and what can be added to it."""

from typing import Any, get_args

import streamlit as st

from engine.errors import VitrineError
from engine.graph import edits
from engine.graph.cost import Cost, LayerCost, cost
from engine.graph.graph import Block, Graph, Node
from engine.graph.lending import unlent
from engine.graph.mirror import By
from engine.graph.trace import borrowed, trace
from engine.layers import LAYERS, Init, Shape, check
from engine.layers.entry import Entry
from engine.training.fit import mirroring
from pages.ui.card import card, offer_repairs
from pages.ui.forms import draw
from pages.ui.shown import show
from pages.ui.workbench import Workbench

MOST_ROWS = 120
MOST_PROBLEMS = 3
ICONS = {
    "input": ":material/login:",
    "convolution": ":material/filter_center_focus:",
    "pooling": ":material/compress:",
    "dense": ":material/hub:",
    "activation": ":material/show_chart:",
    "normalisation": ":material/tune:",
    "regularisation": ":material/grain:",
    "merging": ":material/merge:",
    "reshaping": ":material/transform:",
    "resizing": ":material/open_in_full:",
    "sequence": ":material/timeline:",
    "attention": ":material/visibility:",
}


def builder(bench: Workbench) -> None:
    """Draw all layers as rows, the selected one as an open card, and the list of what can be added."""
    if len(bench.roles) > 1:
        _networks(bench)
    if bench.experiment.task.folds:
        _mirrors(bench)
    wrong = {problem.node: problem.text for problem in bench.trace.problems[::-1]}
    wrong |= dict([lacks]) if (lacks := unlent(bench.experiment.graphs).get(bench.role)) else {}
    _problems(bench, wrong)
    with st.container(key=f"{bench.key}-layers", gap=None):
        _rows(bench, bench.graph, "", cost(bench.graph), wrong)
    _adder(bench)


def _networks(bench: Workbench) -> None:
    """Draw the choice of the network that is edited; one that cannot run yet is marked."""
    key = f"{bench.key}.network"
    graphs = bench.experiment.graphs
    st.segmented_control(
        "Network",
        bench.roles,
        default=show(key, bench.role),
        key=key,
        required=True,
        format_func=lambda role: role if trace(graphs[role]).sound else f":material/error: {role}",
        on_change=lambda: bench.choose(st.session_state[key]),
        label_visibility="collapsed",
    )


def _mirrors(bench: Workbench) -> None:
    """Draw the ways to let what unfolds a code mirror what folds it."""
    words = bench.experiment.task.unsuited(bench.experiment.graphs) if bench.can_run else ""
    if words:
        st.warning(words, icon=":material/error:")
    elif bench.can_run and (words := bench.experiment.task.unwise(bench.experiment.graphs)):
        st.info(words, icon=":material/lightbulb:")
    mirror = st.popover("Mirror the encoder", icon=":material/flip:", width="stretch", help="Build the decoder anew")
    with mirror:
        tied = st.checkbox(
            "Go back through its weights",
            key=f"{bench.key}-mirror-tied",
            value=bool(borrowed(bench.experiment.graphs[bench.experiment.task.unfolds])),
            help="Tied: dense layers and transposed convolutions have no weights but the encoder's",
        )
        for by in get_args(By):
            st.button(
                f"By {by}" if by != "upsampling" else "By upsampling and convolution",
                key=f"{bench.key}-mirror-{by.split()[0]}",
                on_click=_mirror,
                args=(bench, by, tied),
                width="stretch",
            )


def _mirror(bench: Workbench, by: By, tied: bool) -> None:
    try:
        bench.put(mirroring(bench.experiment, by, tied))
    except VitrineError as error:
        bench.complain(str(error))


def _problems(bench: Workbench, wrong: dict[str, str]) -> None:
    """Say what is wrong, except what the open card says itself; a click opens the layer concerned."""
    told = {path: text for path, text in wrong.items() if path != bench.selected or not path}
    with st.container(key=f"{bench.key}-problems", gap="xsmall"):
        for path, text in list(told.items())[:MOST_PROBLEMS]:
            icon, key = ":material/error:", f"{bench.key}-problem-{path}"
            if path:
                st.button(text, icon=icon, key=key, type="tertiary", wrap=True, on_click=bench.open, args=(path,))
                offer_repairs(bench, path)
            else:
                st.warning(text, icon=icon)
        if len(told) > MOST_PROBLEMS:
            st.caption(f"and {len(told) - MOST_PROBLEMS} more")


def _rows(bench: Workbench, graph: Graph, prefix: str, counted: Cost, wrong: dict[str, str]) -> None:
    nodes = [node for node in graph.nodes if not isinstance(node.layer, Entry)]
    shown = _window(nodes, bench.selected[len(prefix) :] if bench.selected.startswith(prefix) else "")
    if len(shown) < len(nodes):
        st.caption(f"{len(shown)} of {len(nodes):,} layers, around the selected one. Blocks make long lists short.")
    for node in shown:
        path = prefix + node.id
        _row(bench, node, path, counted.within(path), wrong)
        if path == bench.selected:
            card(bench, graph, node, path, counted.within(path), wrong.get(path, ""))
        if node.block and path in bench.opened:
            _rows(bench, node.block.graph, f"{path}.", counted, wrong)


def _window(nodes: list[Node], selected: str) -> list[Node]:
    """Return the nodes to list: all, or where they are too many those around the selected one."""
    name = selected.partition(".")[0]
    place = next((i for i, node in enumerate(nodes) if node.id == name), 0)
    start = max(0, min(place - MOST_ROWS // 2, len(nodes) - MOST_ROWS))
    return nodes[start : start + MOST_ROWS]


def _row(bench: Workbench, node: Node, path: str, counted: tuple[LayerCost, ...], wrong: dict[str, str]) -> None:
    weights = sum(layer.counts.weights for layer in counted)
    bad = path in wrong or (node.block and any(place.startswith(f"{path}.") for place in wrong))
    words = node.layer.summary() if node.layer.summary() else ("" if node.block else node.layer.title)
    label = f"**{node.id}** :gray[{_plain(words) or '&nbsp;'}] :gray[{f'{weights:,}' if weights else '&nbsp;'}]"
    depth = path.count(".")
    with st.container(key=f"{bench.key}-row{min(depth, 4)}-{path}", horizontal=True, gap=None, wrap=False):
        if node.block:
            icon = ":material/expand_more:" if path in bench.opened else ":material/chevron_right:"
            st.button(
                f"Fold {node.id}" if path in bench.opened else f"Unfold {node.id}",
                key=f"{bench.key}-icon-fold-{path}",
                icon=icon,
                type="tertiary",
                on_click=bench.fold,
                args=(bench.named(path),),
            )
        st.button(
            label,
            key=f"{bench.key}-select-{path}",
            icon=":material/error:" if bad else None if node.block else ICONS.get(node.layer.family),
            type="primary" if path == bench.selected else "tertiary",
            width="stretch",
            on_click=bench.select,
            args=(path,),
        )


def _plain(words: str) -> str:
    return words.replace("[", "(").replace("]", ")").replace("*", "∗")


def _adder(bench: Workbench) -> None:
    """Draw the list of kinds; choosing one puts it behind the selected layer, or at the end."""
    key = f"{bench.key}.add"
    kinds = [kind for kind, layer in LAYERS.items() if not issubclass(layer, Block | Entry)]
    after = bench.selected
    shape = bench.trace.shapes.get(after or next(iter(bench.graph.outputs), ""))

    def add() -> None:
        kind = st.session_state[key]
        st.session_state[key] = None
        if kind:
            _add(bench, LAYERS[kind], after)

    st.selectbox(
        f"Add a layer after {after}" if after else "Add a layer at the end",
        sorted(kinds, key=lambda kind: (not _fits(kind, shape), list(ICONS).index(LAYERS[kind].family))),
        index=None,
        key=key,
        format_func=lambda kind: f"{LAYERS[kind].title} · {LAYERS[kind].also or LAYERS[kind].family}",
        placeholder="Type or choose: convolution, pooling, dense …",
        on_change=add,
    )


def _fits(kind: str, shape: Shape | None) -> bool:
    """Return whether a layer of this kind, as it comes, could take what flows where it would stand."""
    cls = LAYERS[kind]
    return shape is not None and cls.arity[1] > 0 and check(cls(), (shape,) * max(1, cls.arity[0])) is None


def _add(bench: Workbench, kind: Any, after: str) -> None:
    layer = kind()
    scope, _, _ = after.rpartition(".")
    block = bench.graph[scope].block if scope else None
    name = edits.fresh(block.graph if block else bench.graph, kind.stem)
    path = f"{scope}.{name}" if scope else name
    if after and kind.arity[1]:
        bench.edit(edits.insert_after, after, layer, name, select=path)
    else:
        bench.edit(edits.add, layer, name, select=name)


def beginning(bench: Workbench) -> None:
    """Draw how the weights of the whole network begin."""
    graph = bench.graph

    def changed(name: str, value: Any) -> None:
        bench.change(_with_init, bench.graph.init.but(**{name: value}))

    for option in Init.options()[: 2 if graph.init.way in ("constant", "normal") else 1]:
        draw(option, getattr(graph.init, option.name), f"{bench.key}.init.{option.name}", changed)


def _with_init(graph: Graph, init: Init) -> Graph:
    return Graph(graph.nodes, graph.outputs, init)
