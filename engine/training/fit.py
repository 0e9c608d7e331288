"""Fit: data that suits a network, and networks made to suit data and one another."""

import dataclasses

import torch
from torch.nn.functional import interpolate

from engine.data import DATASETS, Dataset, Source, Split
from engine.errors import VitrineError
from engine.graph import edits
from engine.graph.graph import Graph
from engine.graph.lending import called_anew, following
from engine.graph.mirror import By, mirrored
from engine.graph.trace import borrowed, sources, trace
from engine.training.experiment import Experiment
from engine.training.pairing import paired

SHOWN = 60  # pictures
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


def showable(graph: Graph) -> bool:
    """Return whether the network takes one picture, in colour or grey, and tells a row of numbers."""
    inputs, outputs = [layer.sizes for layer in graph.inputs.values()], trace(graph).outputs
    return len(inputs) == len(outputs) == 1 and len(inputs[0]) == 3 and inputs[0][0] in (1, 3) and outputs[0].rank == 1


def stand_in(graph: Graph) -> Dataset:
    """Return a few pictures to look at with a network that no data at hand suit; its classes have numbers for names."""
    if not showable(graph):
        raise VitrineError("The experiment names no data.", cure="Choose some.")
    (channels, *sizes), outputs = next(iter(graph.inputs.values())).sizes, trace(graph).outputs
    drawn = DATASETS["scenes"].read({"size": 64, "number": SHOWN, "test": 0.3, "validation": 0.4}).load()
    classes = tuple(f"class {number}" for number in range(max(2, outputs[0].sizes[0])))

    def brought(split: Split) -> Split:
        pictures = split.inputs.float().mean(dim=1, keepdim=True) if channels == 1 else split.inputs.float()
        sized = interpolate(pictures, size=sizes, mode="bilinear", antialias=True)
        return Split(sized.round().to(torch.uint8), split.targets % len(classes))

    return Dataset(
        "Stand-in picture", "image", classes, brought(drawn.train), brought(drawn.validation), brought(drawn.test)
    )


def suiting(experiment: Experiment, dataset: Dataset) -> Experiment:
    """Return the experiment with networks of the dataset's sizes; what unfolds a code mirrors what folds it."""
    task = experiment.task
    if task.noisy:
        return paired(experiment, dataset)
    if not task.folds:
        role, graph = next(iter(experiment.graphs.items()))
        return dataclasses.replace(experiment, graphs={**experiment.graphs, role: fitted(graph, dataset)})
    encoder = experiment.graphs[task.folds]
    if len(encoder.inputs) != 1:
        raise VitrineError("Only an encoder with one input can be fitted.", cure="Change it by hand.")
    (name, layer), *_ = encoder.inputs.items()
    encoder = edits.replace(encoder, name, layer.but(sizes=dataset.sizes, values="numbers", sequence=dataset.varies))
    fitting = dataclasses.replace(experiment, graphs={**experiment.graphs, task.folds: encoder})
    return mirroring(fitting, tied=bool(borrowed(experiment.graphs[task.unfolds])))


def mirroring(experiment: Experiment, by: By = "transposed convolution", tied: bool = False) -> Experiment:
    """Return the experiment with a decoder that mirrors its encoder, and perhaps goes through its weights."""
    task = experiment.task
    decoder = mirrored(experiment.graphs[task.folds], by, task.folds if tied else "")
    return dataclasses.replace(experiment, graphs={**experiment.graphs, task.unfolds: decoder})


def with_graph(experiment: Experiment, role: str, graph: Graph) -> Experiment:
    """Return the experiment with another graph; a network that took what this one gave takes what it gives now, and
    what goes through its weights follows it.
    """
    graphs = {**experiment.graphs, role: graph}
    was, now = ([step.path for step in trace(one).steps] for one in (experiment.graphs[role], graph))
    if len(was) == len(now):  # as many as before: what is gone is called otherwise, or stands in a block
        anew = {old: new for old, new in zip(was, now, strict=True) if old not in now}
        graphs = called_anew(graphs, role, anew)
    before, gives = trace(experiment.graphs[role]).outputs, trace(graph).outputs
    for behind in (other for one, other in experiment.task.flow if one == role and before and gives):
        inputs = graphs[behind].inputs
        name = next((name for name, layer in inputs.items() if layer.sizes == before[0].sizes), "")
        if name and before[0] != gives[0]:
            graphs[behind] = edits.replace(graphs[behind], name, inputs[name].but(sizes=gives[0].sizes))
    return dataclasses.replace(experiment, graphs=following(graphs))


def fitted(graph: Graph, dataset: Dataset) -> Graph:
    """Return the graph with an input and an output of the dataset's sizes."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1 or dataset.example == "fields" or dataset.goal == "several":
        raise VitrineError("Only a network with one input and one output can be fitted.", cure="Change it by hand.")
    (name, layer), *_ = graph.inputs.items()
    values, sequence = "tokens" if dataset.example == "tokens" else "numbers", layer.sequence or dataset.varies
    graph = edits.replace(graph, name, layer.but(sizes=dataset.sizes, values=values, sequence=sequence))
    for reader in graph.consumers[name]:
        reads = graph[reader].layer
        if getattr(reads, "vocabulary", 2**31) < len(dataset.words):
            graph = edits.replace(graph, reader, reads.but(vocabulary=len(dataset.words)))
    if dataset.goal == "nothing":
        return graph
    wanted = _columns(dataset)
    node = graph[graph.outputs[0]]
    while not {"units", "channels"} & type(node.layer).model_fields.keys() or node.block:
        before = sources(graph, node)
        if node.block or len(before) != 1 or before[0] in graph.inputs:
            raise VitrineError(f"No layer could be given {wanted} outputs.", cure="Add a dense layer at the end.")
        node = graph[before[0]]
    option = "units" if "units" in type(node.layer).model_fields else "channels"
    return edits.replace(graph, node.id, node.layer.but(**{option: wanted}))


def _columns(dataset: Dataset) -> int:
    """Return how many numbers an answer has: of every place, where there is one for each."""
    if dataset.classes:
        return len(dataset.classes)
    sizes = dataset.train.targets.shape[1:]
    return sizes[0] if len(sizes) == 3 else sizes[-1] if sizes else 1
