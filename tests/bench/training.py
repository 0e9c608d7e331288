"""Training: our loop with its telemetry on, beside the loop an expert writes by hand with a DataLoader."""

import gc
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from engine.data import Dataset, Split
from engine.graph.chain import chain
from engine.graph.graph import Graph
from engine.layers.activation import ReLU, Tanh
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.pooling import MaxPool2d
from engine.layers.reshaping import Flatten
from engine.presets import PRESETS
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from tests.bench.report import Report

ROUNDS = 5
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def cnn() -> Graph:
    """Return convolutions of 32 and 64 maps with a dense layer of 128."""
    return chain(
        image=Input(sizes=(1, 28, 28)),
        conv1=Conv2d(channels=32),
        relu1=ReLU(),
        pool1=MaxPool2d(),
        conv2=Conv2d(channels=64),
        relu2=ReLU(),
        pool2=MaxPool2d(),
        flatten=Flatten(),
        dense1=Dense(units=128),
        relu3=ReLU(),
        out=Dense(units=10),
    )


def mlp() -> Graph:
    """Return a small dense network on points."""
    return chain(
        points=Input(sizes=(2,)), d1=Dense(units=16), t1=Tanh(), d2=Dense(units=16), t2=Tanh(), out=Dense(units=2)
    )


def resnet() -> Graph:
    """Return ResNet-18 for 32×32 images of ten classes."""
    graph = PRESETS["resnet-18"].make()
    sizes = {"image": Input(sizes=(3, 32, 32)), "out": Dense(units=10)}
    nodes = tuple(type(n)(n.id, sizes.get(n.id, n.layer), n.inputs) for n in graph.nodes)
    return Graph(nodes, graph.outputs, graph.init)


# name, graph, examples an epoch, batch, epochs a round, least ratio that is aimed for
CASES: list[tuple[str, Callable[[], Graph], int, int, int, float]] = [
    ("LeNet-5, 28×28", PRESETS["lenet-5"].make, 6_400, 64, 2, 1.0),
    ("CNN 32-64, dense 128, 28×28", cnn, 3_200, 64, 1, 1.0),
    ("MLP 2–16–16–2, points", mlp, 500, 10, 30, 2.0),
    ("ResNet-18, 32×32", resnet, 320, 32, 1, 1.0),
]


def run() -> Report:
    """Measure each network by both loops, alternately, with the same threads."""
    report = Report("training", f"{Report('').machine}, {DEVICE}, {torch.get_num_threads()} threads")
    for name, make, number, batch, epochs, least in CASES:
        graph = make()
        dataset = _data(graph, number)
        rounds: list[tuple[float, float]] = []
        for turn in range(ROUNDS + 1):
            ours = _ours(graph, dataset, batch, epochs)
            theirs = _by_hand(graph, dataset, batch, epochs)
            if turn:  # the first warms up
                rounds.append((ours, theirs))
        ours, theirs = (sorted(column)[ROUNDS // 2] for column in zip(*rounds, strict=True))
        ratio = sorted(a / b for a, b in rounds)[ROUNDS // 2]
        report.rows.append({"network": name, "ours, examples/s": ours, "by hand": theirs, "ratio": ratio})
        report.aim_least(f"{name}: ours ÷ by hand", ratio, least)
    return report


def _data(graph: Graph, number: int) -> Dataset:
    (layer,) = graph.inputs.values()
    torch.manual_seed(0)
    classes = graph[graph.outputs[0]].layer.units  # type: ignore[attr-defined]
    split = Split(torch.randn(number, *layer.sizes), torch.randint(0, classes, (number,)))
    few = split.take(torch.arange(64))
    return Dataset("random", "numbers", tuple(map(str, range(classes))), split, few, few)


def _ours(graph: Graph, dataset: Dataset, batch: int, epochs: int) -> float:
    recipe = Recipe(batch=batch, epochs=epochs, device=DEVICE)
    learner = Learner(Experiment("bench", {"network": graph}, None, recipe=recipe), dataset)
    gc.collect()
    began = time.perf_counter()
    for _ in learn(learner):
        pass
    return epochs * len(dataset.train) / (time.perf_counter() - began)


def _by_hand(graph: Graph, dataset: Dataset, batch: int, epochs: int) -> float:
    from engine.graph.network import Network

    torch.manual_seed(0)
    network = Network(graph).to(DEVICE)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.001)
    loss_of = nn.CrossEntropyLoss()
    loader = DataLoader(TensorDataset(dataset.train.inputs, dataset.train.targets), batch_size=batch, shuffle=True)
    gc.collect()
    began = time.perf_counter()
    for _ in range(epochs):
        network.train()
        running = 0.0
        for inputs, targets in loader:
            inputs, targets = inputs.to(DEVICE), targets.to(DEVICE)
            optimiser.zero_grad()
            loss = loss_of(network(inputs), targets)
            loss.backward()
            optimiser.step()
            running += loss.item()
        network.eval()
        with torch.no_grad():
            network(dataset.validation.inputs.to(DEVICE))
    return epochs * len(dataset.train) / (time.perf_counter() - began)
