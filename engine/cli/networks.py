"""Commands about networks: what there is, what it has, its code."""

import json
import sys
from typing import Any

from rich.console import Console

from engine.cli.words import Json, Named, console, experiment_of, table_of


def presets() -> None:
    """List the networks that ship with Vitrine."""
    from engine.presets import by_size

    table = table_of("name", "weights", "what it is")
    for name, preset in by_size():
        table.add_row(name, f"{preset.weights:,}", f"{preset.title}. {preset.about}")
    console().print(table)


def layers() -> None:
    """List the kinds of layer, and the options of each."""
    from engine.layers import LAYERS

    table = table_of("kind", "options", "what it does")
    for kind, layer in sorted(LAYERS.items(), key=lambda item: item[1].family):
        if layer.family not in ("entry", "block"):
            table.add_row(kind, ", ".join(option.name for option in layer.options()), layer.help())
    console().print(table)


def describe(name: Named, as_json: Json = False) -> None:
    """Count weights, neurons, connections, operations and memory, layer by layer."""
    from engine.graph import cost
    from engine.graph.trace import trace

    experiment = experiment_of(name)
    graphs = experiment.graphs
    for role, graph in graphs.items():
        for problem in trace(graph).problems:
            words = problem.text if len(graphs) == 1 else f"{role}: {problem.text}"
            Console(stderr=True, highlight=False, soft_wrap=True).print(words, markup=False)
    if not all(trace(graph).sound for graph in graphs.values()):
        sys.exit(1)
    names = {role: experiment.name if len(graphs) == 1 else f"{experiment.name}, {role}" for role in graphs}
    for role, graph in graphs.items():
        described = cost.describe(graph, names[role])
        if as_json:
            print(json.dumps(described))
        else:
            _print_description(described)


def code(name: Named) -> None:
    """Print the network, or all there are, as one PyTorch file."""
    from engine.graph.source import source

    experiment = experiment_of(name)
    print(source(experiment.graphs, experiment.name), end="")


def _print_description(described: dict[str, Any]) -> None:
    counts = ("weights", "neurons", "connections", "multiply_adds")
    table = table_of("node", "kind", "shape", *(count.replace("_", "-") for count in counts), "sees")
    for node in described["nodes"]:
        field = node["receptive_field"]
        sees = "×".join(map(str, field["size"])) if field else ""
        numbers = (f"{node[count]:,}" if node[count] else "" for count in counts)
        table.add_row(node["id"], node["kind"], "×".join(map(str, node["shape"])), *numbers, sees)
    table.add_section()
    total = described["totals"]
    table.add_row(described["name"], "", "", *(f"{total[count]:,}" for count in counts), "")
    console().print(table)
    print(
        f"{total['weights_without_biases']:,} weights without biases; "
        f"{total['connections_with_biases']:,} connections with biases; "
        f"{total['memory_bytes'] / 2**20:,.2f} MiB"
    )


COMMANDS = (presets, layers, describe, code)
