"""Inspector: what is known of the network, and of the selected layer."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.graph.cost import Counts, LayerCost, cost, formulas, together
from engine.graph.field import Field
from engine.graph.graph import Graph
from engine.graph.trace import trace
from engine.layers import Formula
from pages.ui.workbench import Workbench

_SAYS = (
    "Neurons count the input too; connections are without biases. "
    "The memory is that of the weights; one example needs {} more on its way through."
)


def totals(graphs: Mapping[str, Graph]) -> None:
    """Say what all networks have and need together, in one line; what each of several has, to whoever asks."""
    total = together(graphs)
    each = {role: cost(graph).total for role, graph in graphs.items()} if len(graphs) > 1 else {}
    of_each = [
        f"- **{role}**: {own.weights:,} weights, {own.neurons:,} neurons, {own.connections:,} connections, "
        f"{short(own.multiply_adds)} multiply-adds"
        for role, own in each.items()
    ]
    parts = [
        f"**{total.weights:,}** weights",
        f"**{total.neurons:,}** neurons",
        f"**{total.connections:,}** connections",
        f"**{short(total.multiply_adds)}** multiply-adds",
        f"**{size(total.weight_bytes)}**",
    ]
    st.markdown(" :gray[·] ".join(parts), help="\n".join([*of_each, "", _SAYS.format(size(total.activation_bytes))]))


def inspect(bench: Workbench, view: str) -> None:
    """Show the selected layer's formulas and receptive field, or all layers in a table."""
    graph = bench.sound.graphs[bench.role]
    if not bench.can_run:
        st.caption(":material/history: What follows is of the last network that could run.")
    if view == "All layers":
        _table(cost(graph).layers)
    elif bench.selected and (counted := cost(graph).within(bench.selected)):
        _layer(bench, counted)
    elif bench.selected and not bench.can_run:
        st.caption(f"{bench.selected} can be counted once the network can run.")
    else:
        st.caption("Select a layer, in the list or in the diagram, to see where its numbers come from.")


def _layer(bench: Workbench, counted: tuple[LayerCost, ...]) -> None:
    first = counted[0]
    if bench.sound.graphs[bench.role][bench.selected].block:
        _block(bench, counted)
        return
    if len(counted) > 1:
        st.caption(f"The block repeats: {bench.selected} stands {len(counted)} times in a row. This is the first.")
    st.markdown(f"**{first.step.path}** :gray[{first.step.layer.title}] gives **{first.step.gives}**")
    words, picture = st.columns([7, 3], gap="medium")
    with words:
        if lines := formulas(first.step):
            st.html(_formula_table(lines))
        else:
            st.caption("It has no weights, and computes no units of its own.")
    with picture:
        if first.field:
            st.html(_field_picture(first.field, _input_sizes(bench.sound.graphs[bench.role])))
            st.caption(_field_words(first.field))


def _block(bench: Workbench, counted: tuple[LayerCost, ...]) -> None:
    found = trace(bench.sound.graphs[bench.role])
    total = sum((layer.counts for layer in counted), Counts())
    takes = " and ".join(map(str, found.given[bench.selected]))
    st.markdown(
        f"**{bench.selected}** takes **{takes}** and gives **{found.shapes[bench.selected]}**: {len(counted)} layers, "
        f"{total.weights:,} weights, {short(total.multiply_adds)} multiply-adds."
    )
    _table(counted)


def _formula_table(lines: tuple[Formula, ...]) -> str:
    rows = (
        f'<tr><th>{line.name}</th><td><div>{line.numbers}</div><div class="rule">{line.rule}</div></td>'
        f'<td class="value">{line.value:,}</td></tr>'
        for line in lines
    )
    return f'<table class="formulas">{"".join(rows)}</table>'


def _input_sizes(graph: Graph) -> tuple[int, ...]:
    """Return the places along the axes that receptive fields are told in."""
    return next(layer.shape.places for layer in graph.inputs.values() if layer.shape.places)


def _field_picture(field: Field, sizes: tuple[int, ...]) -> str:
    """Return the input to scale, with what a unit in the middle and its neighbour see of it."""
    height, width = sizes if len(sizes) == 2 else (max(1, sizes[0] // 6), sizes[0])
    part = field.size if len(field.size) == 2 else (height, *field.size)
    seen = [min(p, most) for p, most in zip(part, (height, width), strict=True)]
    scale = 150 / max(height, width)
    top, left = (height - seen[0]) / 2, (width - seen[1]) / 2
    boxes = [("seen", top, left)]
    step = field.stride[-1] if field.stride else 0
    if step and left + step + seen[1] <= width:
        boxes.append(("next", top, left + step))
    drawn = "".join(
        f'<div class="{name}" style="top:{y * scale:.1f}px; left:{x * scale:.1f}px; '
        f'width:{seen[1] * scale:.1f}px; height:{seen[0] * scale:.1f}px"></div>'
        for name, y, x in boxes
    )
    return f'<div class="field" style="width:{width * scale:.0f}px; height:{height * scale:.0f}px">{drawn}</div>'


def _field_words(field: Field) -> str:
    seen = "×".join(map(str, field.size))
    if field.whole:
        return f"Receptive field: each unit sees the whole input, {seen}."
    words = f"Receptive field: each unit sees {seen} of the input"
    if field.stride and any(stride != 1 for stride in field.stride):
        words += f"; the next unit looks {field.stride[-1]:g} further on"
    return f"{words}."


def _table(layers: tuple[LayerCost, ...]) -> None:
    rows: list[dict[str, Any]] = []
    for layer in layers:
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
    numbers = {
        name: st.column_config.NumberColumn(
            format="localized", width=30 + 9 * max(len(f"{row[name]:,}") for row in rows)
        )
        for name in (list(rows[0])[3:8] if rows else [])
    }
    st.dataframe(rows, hide_index=True, column_config=numbers)


def short(number: int) -> str:
    """Return a large number in thousands, millions, billions …"""
    for unit, name in ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= 10 * unit or (number >= unit > 1000):
            return f"{number / unit:,.3g} {name}"
    return f"{number:,}"


def size(number: int) -> str:
    """Return bytes in KiB, MiB or GiB."""
    for unit, name, least in ((2**30, "GiB", 2**27), (2**20, "MiB", 2**17), (2**10, "KiB", 2**10)):
        if number >= least:
            return f"{number / unit:,.2f} {name}"
    return f"{number} bytes"
