"""Training: our loop with its telemetry on, beside one written by hand, and Lightning and Keras where installed."""

import gc
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from engine.data import Dataset, Split
from engine.graph.chain import chain
from engine.graph.graph import Graph
from engine.graph.network import Network
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
from tests.bench.families import FAMILIES
from tests.bench.games import PLAYING
from tests.bench.report import Report
from tests.bench.walking import CODING

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
    """Measure each network by every loop there is, alternately, with the same threads."""
    report = Report("training", f"{Report('').machine}, {DEVICE}, {torch.get_num_threads()} threads")
    for place, (name, make, number, batch, epochs, least) in enumerate(CASES):
        graph = make()
        dataset = _data(graph, number)
        loops = {who: loop for who, loop in LOOPS.items() if _installed(who)}
        rounds: list[dict[str, float]] = []
        for turn in range(ROUNDS + 1):
            pace = {who: loop(graph, dataset, batch, epochs) for who, loop in loops.items()}
            if turn:  # the first warms up
                rounds.append(pace)
        for who in loops:
            pace = statistics.median(pace[who] for pace in rounds)
            report.rows.append({"network": name, "loop": who, "examples/s": pace, "peak MiB": _peak(place, who)})
        for who in list(loops)[1:]:
            ratio = statistics.median(pace["ours"] / pace[who] for pace in rounds)
            report.aim_least(f"{name}: ours ÷ {who}", ratio, least if who == "by hand" else 1.0)
    for name, make, ours, by_hand, number, batch, epochs in (*FAMILIES, *CODING, *PLAYING):
        torch.manual_seed(0)
        data, pairs = make(number), []
        for turn in range(ROUNDS + 1):
            pair = ours(data, batch, epochs), by_hand(data, batch, epochs)
            pairs += [pair] if turn else []
        for who, paces in zip(("ours", "by hand"), zip(*pairs, strict=True), strict=True):
            report.rows.append({"network": name, "loop": who, "examples/s": statistics.median(paces), "peak MiB": 0.0})
        report.aim_least(f"{name}: ours ÷ by hand", statistics.median(a / b for a, b in pairs), 1.0)
    return report


def _installed(who: str) -> bool:
    return who in ("ours", "by hand") or importlib.util.find_spec(who) is not None


def _peak(place: int, who: str) -> float:
    """Return the peak memory of one loop in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.training", str(place), who]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def _alone(place: int, who: str) -> None:
    _, make, number, batch, _, _ = CASES[place]
    LOOPS[who](make(), _data(make(), number), batch, 1)
    if DEVICE == "cuda":
        print(torch.cuda.max_memory_allocated() / 2**20)
    else:  # of this process alone: getrusage would tell what its parent had, too
        status = Path("/proc/self/status").read_text()
        print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


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


def _lightning(graph: Graph, dataset: Dataset, batch: int, epochs: int) -> float:
    """Learn by Lightning's trainer."""
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = Network(graph)

        def training_step(self, both, _):
            loss = nn.functional.cross_entropy(self.network(both[0]), both[1])
            self.log("loss", loss)
            return loss

        def validation_step(self, both, _):
            self.log("validation", nn.functional.cross_entropy(self.network(both[0]), both[1]))

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=0.001)

    torch.manual_seed(0)
    quiet = {
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "logger": False,
    }
    trainer = lightning.Trainer(max_epochs=epochs, accelerator="gpu" if DEVICE == "cuda" else "cpu", devices=1, **quiet)
    examples = [TensorDataset(split.inputs, split.targets) for split in (dataset.train, dataset.validation)]
    gc.collect()
    began = time.perf_counter()
    trainer.fit(
        Module(), DataLoader(examples[0], batch_size=batch, shuffle=True), DataLoader(examples[1], batch_size=1024)
    )
    return epochs * len(dataset.train) / (time.perf_counter() - began)


def _keras(graph: Graph, dataset: Dataset, batch: int, epochs: int) -> float:
    """Learn by Keras on torch, the network wrapped as it is."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    torch.manual_seed(0)
    (layer,) = graph.inputs.values()
    model = keras.Sequential([keras.Input(layer.sizes), keras.layers.TorchModuleWrapper(Network(graph))])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.001), loss=loss)
    train, validation = dataset.train, dataset.validation
    gc.collect()
    began = time.perf_counter()
    model.fit(
        train.inputs.numpy(),
        train.targets.numpy(),
        batch_size=batch,
        epochs=epochs,
        validation_data=(validation.inputs.numpy(), validation.targets.numpy()),
        verbose=0,
    )
    return epochs * len(train) / (time.perf_counter() - began)


LOOPS: dict[str, Callable[[Graph, Dataset, int, int], float]] = {
    "ours": _ours,
    "by hand": _by_hand,
    "lightning": _lightning,
    "keras": _keras,
}

if __name__ == "__main__":
    _alone(int(sys.argv[1]), sys.argv[2])
