"""Builder: the list of layers, the open card of the selected one, and what can be done with it."""

import re
from typing import Any

import streamlit as st

from engine.graph import edits
from engine.graph.cost import Cost, LayerCost, cost
from engine.graph.cost import formulas as formulas_of
from engine.graph.graph import Block, Graph, Node
from engine.layers import LAYERS, Init, Shape, check
from engine.layers.entry import Entry, Input
from pages.ui.forms import draw, form
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
    wrong = {problem.node: problem.text for problem in bench.trace.problems[::-1]}
    _problems(bench, wrong)
    with st.container(key=f"{bench.key}-layers", gap=None):
        _rows(bench, bench.graph, "", cost(bench.graph), wrong)
    _adder(bench)


def _problems(bench: Workbench, wrong: dict[str, str]) -> None:
    """Say what is wrong, except what the open card says itself; a click opens the layer concerned."""
    told = {path: text for path, text in wrong.items() if path != bench.selected or not path}
    with st.container(key=f"{bench.key}-problems", gap="xsmall"):
        for path, text in list(told.items())[:MOST_PROBLEMS]:
            icon, key = ":material/error:", f"{bench.key}-problem-{path}"
            if path:
                st.button(text, icon=icon, key=key, type="tertiary", wrap=True, on_click=bench.open, args=(path,))
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
            _card(bench, graph, node, path, counted.within(path), wrong.get(path, ""))
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
                args=(path,),
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


def _card(bench: Workbench, graph: Graph, node: Node, path: str, counted: tuple[LayerCost, ...], problem: str) -> None:
    key = f"{bench.key}.{path}"
    with st.container(border=True, key=f"{bench.key}-card", gap="small"):
        st.caption(node.layer.help())
        if problem:
            st.error(problem, icon=":material/error:")

        def changed(name: str, value: Any) -> None:
            layer = bench.graph[path].layer  # as it is by now: another field may have changed it since this was drawn
            layer = layer.but(**{name: value(getattr(layer, name)) if callable(value) else value})
            bench.change(edits.replace, path, layer)

        form(node.layer, key, changed)
        if counted and not node.block:
            _why(counted[0])
        _connections(bench, graph, node, path, key)
        _actions(bench, graph, node, path)


def _why(counted: LayerCost) -> None:
    """Say where the number of weights comes from, with the numbers put in."""
    for formula in formulas_of(counted.step):
        if formula.name == "weights":
            st.markdown(f":gray[why {formula.value:,}?] {formula.numbers}", help=f"{formula.name} = {formula.rule}")


def _connections(bench: Workbench, graph: Graph, node: Node, path: str, key: str) -> None:
    most = len(node.block.graph.entries) if node.block else node.layer.arity[1]
    if not most:
        return
    sources = [other.id for other in graph.nodes if other.id != node.id and not _follows(graph, other.id, node.id)]
    slots = [*node.inputs, None] if len(node.inputs) < min(most, 16) else [*node.inputs]
    places = st.columns(2, gap="small")
    for slot, source in enumerate(slots):
        slot_key = f"{key}.from{slot}"
        if st.session_state.get(slot_key, "") != source:
            st.session_state[slot_key] = source

        def take(slot: int = slot, slot_key: str = slot_key) -> None:
            if chosen := st.session_state[slot_key]:
                bench.edit(edits.connect, path, chosen, slot)
            else:
                bench.edit(edits.disconnect, path, slot)

        with places[slot % 2]:
            st.selectbox(
                "Takes from" if slot == 0 else "and from",
                [None, *sources],
                key=slot_key,
                format_func=lambda name: name or "nothing",
                help="Which node's output comes in here.",
                on_change=take,
            )


def _follows(graph: Graph, late: str, early: str) -> bool:
    """Return whether data flows from the early node to the late one."""
    waiting, seen = [late], set()
    while waiting:
        name = waiting.pop()
        if name == early:
            return True
        if name not in seen:
            seen.add(name)
            waiting += graph.by_id[name].inputs
    return False


def _actions(bench: Workbench, graph: Graph, node: Node, path: str) -> None:
    prefix = path[: -len(node.id)]
    with st.container(horizontal=True, gap="xsmall", key=f"{bench.key}-actions"):
        if node.layer.arity[1]:
            before, after = _neighbours(graph, node)
            _act(bench, "arrow_upward", "Move before", edits.move, path, before, off=not before)
            _act(bench, "arrow_downward", "Move behind the next", edits.move, path, after, off=not after)
        _act(bench, "content_copy", "Duplicate", edits.duplicate, path)
        _act(bench, "delete", "Remove", edits.remove, path)
        if node.layer.arity[1]:
            on = node.id in graph.outputs
            _act(bench, "output", "No longer an output" if on else "Make it an output", edits.toggle_output, path)
        if node.block:
            _act(bench, "grid_off", "Ungroup: put its layers in its place", edits.ungroup, path)
        _rename(bench, node, path, prefix)
        if node.layer.arity[1]:
            _group(bench, graph, node, path, prefix)


def _neighbours(graph: Graph, node: Node) -> tuple[str, str]:
    """Return behind which nodes this one would come, moved one place up or down; nothing at the ends."""
    source = graph.by_id[node.inputs[0]] if node.inputs else None
    before = source.inputs[0] if source and source.inputs else ""
    takers = graph.consumers[node.id]
    return before, takers[0] if takers else ""


def _act(bench: Workbench, icon: str, help: str, edit: Any, path: str, *rest: str, off: bool = False) -> None:
    st.button(
        help,
        icon=f":material/{icon}:",
        key=f"{bench.key}-icon-{icon}",
        help=help,
        disabled=off,
        on_click=bench.edit,
        args=(edit, path, *rest),
    )


def _rename(bench: Workbench, node: Node, path: str, prefix: str) -> None:
    key = f"{bench.key}.{path}.id"

    def rename() -> None:
        name = st.session_state[key].strip()
        bench.edit(edits.rename, path, name, select=prefix + name)

    with st.popover("Rename", icon=":material/edit:", help="Rename this node", key=f"{bench.key}-icon-rename"):
        if st.session_state.get(key) != node.id:
            st.session_state[key] = node.id
        st.text_input("Name", key=key, on_change=rename, help="Small letters, digits and _: the name in the code too.")


def _group(bench: Workbench, graph: Graph, node: Node, path: str, prefix: str) -> None:
    key = f"{bench.key}.{path}.group"

    def group() -> None:
        chosen = [prefix + name for name in st.session_state[key]]
        words = re.findall(r"[A-Za-z0-9]+", st.session_state[f"{key}.as"])
        bench.edit(edits.group, chosen, "".join(word[:1].upper() + word[1:] for word in words) or "Block", select="")

    help = "Group layers into a block"
    with st.popover("Group", icon=":material/select_all:", help=help, key=f"{bench.key}-icon-group"):
        names = [n.id for n in graph.nodes if not isinstance(n.layer, Input | Entry)]
        if key not in st.session_state:
            st.session_state[key] = [node.id]
        st.multiselect("Layers of the block", names, key=key)
        st.text_input("Called", key=f"{key}.as", placeholder="Block")
        st.button("Group", key=f"{key}.do", on_click=group, type="primary")


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
