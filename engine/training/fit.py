"""Fit: data that suits a network, and a network made to suit data."""

from engine.data import DATASETS, Dataset, Source
from engine.errors import VitrineError
from engine.graph import edits
from engine.graph.graph import Graph
from engine.graph.trace import sources

USUAL = {  # what to learn from at first, by the sizes of an example
    (1, 28, 28): ("digits", {"size": 28}),
    (1, 32, 32): ("digits", {"size": 32}),
    (1, 8, 8): ("digits", {"size": 8}),
    (1, 16, 16): ("stripes", {"size": 16}),
    (3, 32, 32): ("scenes", {"size": 32}),
    (3, 64, 64): ("scenes", {"size": 64}),
    (2,): ("points", {}),
}


def suggested(graph: Graph) -> Source | None:
    """Return data that is at hand and enters the graph, if there is any."""
    inputs = list(graph.inputs.values())
    kind, options = USUAL.get(inputs[0].sizes, ("", {})) if len(inputs) == 1 else ("", {})
    return DATASETS[kind].read(options) if kind else None


def fitted(graph: Graph, dataset: Dataset) -> Graph:
    """Return the graph with an input and an output of the dataset's sizes."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise VitrineError("Only a network with one input and one output can be fitted.", cure="Change it by hand.")
    (name, layer), *_ = graph.inputs.items()
    graph = edits.replace(graph, name, layer.but(sizes=dataset.sizes))
    wanted = len(dataset.classes) or dataset.train.targets[0].numel()
    node = graph[graph.outputs[0]]
    while not {"units", "channels"} & type(node.layer).model_fields.keys() or node.block:
        before = sources(graph, node)
        if node.block or len(before) != 1 or before[0] in graph.inputs:
            raise VitrineError(f"No layer could be given {wanted} outputs.", cure="Add a dense layer at the end.")
        node = graph[before[0]]
    option = "units" if "units" in type(node.layer).model_fields else "channels"
    return edits.replace(graph, node.id, node.layer.but(**{option: wanted}))
