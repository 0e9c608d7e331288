"""Inspector: what is known of the network, and of the selected layer."""

from typing import Any

import streamlit as st

from engine.graph.cost import LayerCost, cost, formulas
from engine.graph.graph import Graph
from pages.ui.workbench import Workbench

VIEWS = ("Layer", "All layers")


def totals(graph: Graph) -> None:
    """Say what the whole network has and needs, in one line."""
    total = cost(graph).total
    parts = [
        f"**{total.weights:,}** weights",
        f"**{total.neurons:,}** neurons",
        f"**{total.connections:,}** connections",
        f"**{short(total.multiply_adds)}** multiply-adds",
        f"**{size(total.weight_bytes)}** of weights, **{size(total.activation_bytes)}** of activations an example",
    ]
    st.markdown(" :gray[·] ".join(parts), help="Neurons count the input too; connections are without biases.")


def inspect(bench: Workbench) -> None:
    """Show the selected layer's formulas and receptive field, or all layers in a table."""
    key = f"{bench.key}.view"
    view = st.segmented_control("Show", VIEWS, default=VIEWS[0], key=key, label_visibility="collapsed", required=True)
    graph = bench.sound.graph
    if view == "All layers":
        _table(graph)
    elif bench.selected and (counted := cost(graph).within(bench.selected)):
        _layer(bench, counted)
    else:
        st.caption("Select a layer, in the list or in the diagram, to see where its numbers come from.")


def _layer(bench: Workbench, counted: tuple[LayerCost, ...]) -> None:
    first = counted[0]
    if len(counted) > 1:
        weights = sum(layer.counts.weights for layer in counted)
        st.markdown(f"**{bench.selected}** holds {len(counted)} layers with {weights:,} weights.")
        return
    lines = formulas(first.step)
    st.markdown(f"**{bench.selected}** :gray[{first.step.layer.title}] gives **{first.step.gives}**")
    for formula in lines:
        st.markdown(f":gray[{formula.name} = {formula.rule}]  \n{formula.numbers} = **{formula.value:,}**")
    if first.field:
        st.markdown(_field_words(first))


def _field_words(counted: LayerCost) -> str:
    field = counted.field
    assert field
    seen = "×".join(map(str, field.size))
    if field.whole:
        return f"Receptive field: each unit sees the whole input, **{seen}**."
    words = f"Receptive field: each unit sees **{seen}** of the input"
    if field.stride and any(stride != 1 for stride in field.stride):
        words += f"; neighbours look {'×'.join(f'{s:g}' for s in field.stride)} apart"
    return f"{words}."


def _table(graph: Graph) -> None:
    rows: list[dict[str, Any]] = []
    for layer in cost(graph).layers:
        counts = layer.counts
        rows.append(
            {
                "node": layer.step.path,
                "kind": layer.step.layer.title,
                "gives": str(layer.step.gives),
                "weights": counts.weights,
                "neurons": counts.neurons,
                "connections": counts.connections,
                "with biases": counts.connections_with_biases,
                "multiply-adds": counts.multiply_adds,
                "sees": "×".join(map(str, layer.field.size)) if layer.field else "",
            }
        )
    numbers = {name: st.column_config.NumberColumn(format="localized") for name in list(rows[0])[3:8]} if rows else {}
    st.dataframe(rows, hide_index=True, column_config=numbers)


def short(number: int) -> str:
    """Return a large number in thousands, millions or billions."""
    for unit, name in ((10**9, " G"), (10**6, " M"), (10**4, " k")):
        if number >= unit:
            return f"{number / (unit if unit != 10**4 else 1000):.3g}{name}"
    return f"{number:,}"


def size(number: int) -> str:
    """Return bytes as MB or GB."""
    for unit, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "kB")):
        if number >= unit / 10:
            return f"{number / unit:,.2f} {name}"
    return f"{number} bytes"
