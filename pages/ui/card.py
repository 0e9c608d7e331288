"""Card: the selected layer, open: its options, where its numbers come from, and what can be done with it."""

import re
from typing import Any

import streamlit as st

from engine.graph import edits, grouping
from engine.graph.cost import LayerCost
from engine.graph.cost import formulas as formulas_of
from engine.graph.graph import Graph, Node
from engine.graph.repair import repairs
from engine.graph.trace import handing
from engine.layers.entry import Entry, Input
from engine.layers.merging import Part
from pages.ui.forms import form
from pages.ui.shown import select, show
from pages.ui.workbench import Workbench


def card(bench: Workbench, graph: Graph, node: Node, path: str, counted: tuple[LayerCost, ...], problem: str) -> None:
    """Draw the selected layer, with what is wrong with it."""
    key = f"{bench.key}.{path}"
    with st.container(border=True, key=f"{bench.key}-card", gap="small"):
        st.caption(node.layer.help())
        if problem:
            st.error(problem, icon=":material/error:")
            offer_repairs(bench, path)

        def changed(name: str, value: Any) -> None:
            layer = bench.graph[path].layer  # as it is by now: another field may have changed it since this was drawn
            layer = layer.but(**{name: value(getattr(layer, name)) if callable(value) else value})
            bench.change(edits.replace, path, layer)

        offers = {"what": list(handing(graph, node))} if isinstance(node.layer, Part) else {}
        form(node.layer, key, changed, offers=offers if any(offers.values()) else {})
        if counted and not node.block:
            _why(counted[0])
        _connections(bench, graph, node, path, key)
        _actions(bench, graph, node, path)


def offer_repairs(bench: Workbench, path: str) -> None:
    """Draw a button for each way to put a layer right."""
    for number, (words, repaired) in enumerate(repairs(bench.graph, path).items()):
        key = f"{bench.key}-repair-{number}-{path}"
        st.button(words, icon=":material/build:", key=key, on_click=bench.change, args=(lambda _, made=repaired: made,))


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

        def take(slot: int = slot, slot_key: str = slot_key) -> None:
            if chosen := st.session_state[slot_key]:
                bench.edit(edits.connect, path, chosen, slot)
            else:
                bench.edit(edits.disconnect, path, slot)

        select(
            "Takes from" if slot == 0 else "and from",
            ["", *sources],
            source or "",
            slot_key,
            places[slot % 2],
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
            _act(bench, "grid_off", "Ungroup: put its layers in its place", grouping.ungroup, path)
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
        st.text_input(
            "Name",
            show(key, node.id),
            key=key,
            on_change=rename,
            help="Small letters, digits and _: the name in the code too.",
        )


def _group(bench: Workbench, graph: Graph, node: Node, path: str, prefix: str) -> None:
    key = f"{bench.key}.{path}.group"

    def group() -> None:
        chosen = [prefix + name for name in st.session_state[key]]
        words = re.findall(r"[A-Za-z0-9]+", st.session_state[f"{key}.as"])
        bench.edit(grouping.group, chosen, "".join(word[:1].upper() + word[1:] for word in words) or "Block", select="")

    help = "Group layers into a block"
    with st.popover("Group", icon=":material/select_all:", help=help, key=f"{bench.key}-icon-group"):
        names = [n.id for n in graph.nodes if not isinstance(n.layer, Input | Entry)]
        if key not in st.session_state:
            st.session_state[key] = [node.id]
        st.multiselect("Layers of the block", names, key=key)
        st.text_input("Called", key=f"{key}.as", placeholder="Block")
        st.button("Group", key=f"{key}.do", on_click=group, type="primary")
