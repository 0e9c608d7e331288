"""Families: two networks in a game, sequences of unequal length, two inputs; ours beside loops as people write them."""

import gc
import itertools
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset, TensorDataset

from engine.data.dataset import Dataset as Examples
from engine.data.dataset import Split
from engine.fields import Fields
from engine.graph.chain import chain
from engine.graph.graph import Graph
from engine.layers.activation import LeakyReLU, ReLU, Tanh
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Concat
from engine.layers.sequence import GRU, LSTM, Embedding
from engine.tasks.classify import Classify
from engine.tasks.label import Label
from engine.tasks.task import Task, Turn
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from tests.verdicts import Verdicts, bce

NOISE, SIZE = 16, 64  # numbers that a maker begins with, and that an example has
LENGTH, WORDS = 60, 200
CHARACTERS, SIGNS = 128, 60
Loop = Callable[[Examples, int, int], float]


class Game(Task):
    """One network makes examples out of noise, the other tells them from real ones."""

    kind, title, roles, answering = "game", "Game", ("judge", "maker"), "judge"

    def refuses(self, graphs, dataset):
        """Refuse nothing."""
        return ""

    def turns(self, networks, inputs, targets, step=0):
        """Yield the judge's turn, then the maker's."""
        made = networks["maker"](torch.randn(len(inputs), NOISE))
        judge = networks["judge"]
        yield Turn(("judge",), lambda: bce(judge(inputs), 1) + bce(judge(made.detach()), 0))
        yield Turn(("maker",), lambda: bce(judge(made), 1))

    def tally(self):
        """Return what adds up the judge's loss on real examples."""
        return Verdicts()


def game() -> dict[str, Graph]:
    """Return a dense judge and a dense maker."""
    judge = chain(
        real=Input(sizes=(SIZE,)),
        d1=Dense(units=64),
        r1=LeakyReLU(),
        d2=Dense(units=64),
        r2=LeakyReLU(),
        o=Dense(units=1),
    )
    maker = chain(
        noise=Input(sizes=(NOISE,)), d1=Dense(units=64), r1=ReLU(), d2=Dense(units=64), r2=ReLU(), o=Dense(units=SIZE)
    )
    return {"judge": judge, "maker": maker}


def reader() -> dict[str, Graph]:
    """Return an LSTM over words."""
    words = Input(sizes=(LENGTH,), values="tokens", sequence=True)
    layers = {"embed": Embedding(vocabulary=WORDS, features=32), "lstm": LSTM(units=64), "out": Dense(units=4)}
    return {"network": chain(words=words, **layers)}


def speller() -> dict[str, Graph]:
    """Return a larger LSTM that says at every character which comes next."""
    text = Input(sizes=(CHARACTERS,), values="tokens", sequence=True)
    layers = {"embed": Embedding(vocabulary=SIGNS + 1, features=32), "lstm": LSTM(units=256, gives="sequence")}
    return {"network": chain(text=text, **layers, out=Dense(units=SIGNS))}


def judging() -> dict[str, Graph]:
    """Return two layers of GRU that read both ways."""
    words = Input(sizes=(LENGTH,), values="tokens", sequence=True)
    layers = {"embed": Embedding(vocabulary=WORDS, features=16), "gru": GRU(units=16, layers=2, both_directions=True)}
    return {"network": chain(words=words, **layers, out=Dense(units=4))}


def pairs() -> dict[str, Graph]:
    """Return a network of two branches."""
    graph = chain(
        left=Input(sizes=(SIZE,)),
        dense1=Dense(units=32),
        tanh1=Tanh(),
        right=(Input(sizes=(SIZE,)),),
        dense2=(Dense(units=32), "right"),
        tanh2=Tanh(),
        both=(Concat(), "tanh1", "tanh2"),
        out=Dense(units=4),
    )
    return {"network": graph}


def numbers(number: int) -> Examples:
    """Return rows of numbers at random."""
    return _dataset(torch.randn(number, SIZE), "numbers")


def sentences(number: int) -> Examples:
    """Return words at random, of 1 to 60 in a row, few of them long."""
    lengths = (LENGTH * torch.rand(number) ** 2).long() + 1
    words = torch.randint(1, WORDS, (number, LENGTH))
    words[torch.arange(LENGTH) >= lengths.unsqueeze(1)] = 0
    return _dataset(words, "tokens", words=tuple(map(str, range(WORDS))))


def characters(number: int) -> Examples:
    """Return characters at random in windows of 128, each with the one behind it."""
    signs = torch.randint(SIGNS, (number, CHARACTERS + 1))
    split = Split(1 + signs[:, :-1], signs[:, 1:].clone())
    few, names = split.take(torch.arange(8)), tuple(map(chr, range(97, 97 + SIGNS)))
    return Examples("random", "tokens", names, split, few, few, words=("", *names))


def two(number: int) -> Examples:
    """Return two rows of numbers at random for each example."""
    fields = Fields({"left": torch.randn(number, SIZE), "right": torch.randn(number, SIZE)})
    return _dataset(fields, "fields", forms={"left": "numbers", "right": "numbers"})


def _dataset(inputs: torch.Tensor | Fields, example: str, **more: object) -> Examples:
    split = Split(inputs, torch.randint(0, 4, (len(inputs),)))
    few = split.take(torch.arange(64))
    return Examples("random", example, tuple("abcd"), split, few, few, **more)  # type: ignore[arg-type]  (words, forms)


def ours(graphs: dict[str, Graph], task: Task) -> Loop:
    """Return our loop for these networks."""

    def loop(dataset: Examples, batch: int, epochs: int) -> float:
        learner = Learner(Experiment("bench", graphs, None, task, Recipe(batch=batch, epochs=epochs)), dataset)
        gc.collect()
        began = time.perf_counter()
        for _ in learn(learner):
            pass
        return epochs * len(dataset.train) / (time.perf_counter() - began)

    return loop


def _row(*sizes: int, between: type[nn.Module]) -> nn.Sequential:
    layers = [layer for a, b in itertools.pairwise(sizes) for layer in (nn.Linear(a, b), between())]
    return nn.Sequential(*layers[:-1])


def game_by_hand(dataset: Examples, batch: int, epochs: int) -> float:
    """Let both learn as tutorials do it."""
    judge, maker = _row(SIZE, 64, 64, 1, between=nn.LeakyReLU), _row(NOISE, 64, 64, SIZE, between=nn.ReLU)
    judging, making = (torch.optim.Adam(one.parameters(), lr=0.001) for one in (judge, maker))
    loader = DataLoader(TensorDataset(dataset.train.inputs), batch_size=batch, shuffle=True)
    gc.collect()
    began = time.perf_counter()
    for _ in range(epochs):
        running = [0.0, 0.0]
        for (real,) in loader:
            made = maker(torch.randn(len(real), NOISE))
            judging.zero_grad()
            first = bce(judge(real), 1) + bce(judge(made.detach()), 0)
            first.backward()
            judging.step()
            making.zero_grad()
            second = bce(judge(made), 1)
            second.backward()
            making.step()
            running[0] += first.item()
            running[1] += second.item()
        with torch.no_grad():
            judge(dataset.validation.inputs)
    return epochs * len(dataset.train) / (time.perf_counter() - began)


class Sentences(Dataset):
    """Sentences as lists of unequal length."""

    def __init__(self, split: Split):
        ends = (split.inputs > 0).sum(dim=1)
        self.rows = [row[:end] for row, end in zip(split.inputs, ends.tolist(), strict=True)]
        self.targets = split.targets

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.rows[place], self.targets[place]


class Reader(nn.Module):
    """Cells as tutorials write them, with packed sequences."""

    def __init__(self, cell: nn.RNNBase, features: int):
        super().__init__()
        self.embed, self.cell = nn.Embedding(WORDS, features, padding_idx=0), cell
        self.ways = 2 if cell.bidirectional else 1
        self.out = nn.Linear(self.ways * cell.hidden_size, 4)

    def forward(self, words, lengths):
        """Return a score for each class."""
        packed = pack_padded_sequence(self.embed(words), lengths, batch_first=True, enforce_sorted=False)
        last = self.cell(packed)[1]
        last = last[0] if isinstance(last, tuple) else last
        return self.out(torch.cat(list(last[-self.ways :]), dim=1))


class Speller(nn.Module):
    """The character LSTM as tutorials write it."""

    def __init__(self):
        super().__init__()
        self.embed, self.lstm = nn.Embedding(SIGNS + 1, 32), nn.LSTM(32, 256, batch_first=True)
        self.out = nn.Linear(256, SIGNS)

    def forward(self, text):
        """Return a score for each character at each place."""
        return self.out(self.lstm(self.embed(text))[0])


def _collated(rows):
    words, targets = zip(*rows, strict=True)
    return pad_sequence(list(words), batch_first=True), torch.tensor([len(w) for w in words]), torch.stack(targets)


def reader_by_hand(dataset: Examples, batch: int, epochs: int) -> float:
    """Learn with an LSTM from padded batches, packed."""
    return _read(Reader(nn.LSTM(32, 64, batch_first=True), 32), dataset, batch, epochs)


def judging_by_hand(dataset: Examples, batch: int, epochs: int) -> float:
    """Learn with two layers of GRU both ways from padded batches, packed."""
    cell = nn.GRU(16, 16, 2, batch_first=True, bidirectional=True)
    return _read(Reader(cell, 16), dataset, batch, epochs)


def speller_by_hand(dataset: Examples, batch: int, epochs: int) -> float:
    """Learn from windows of characters."""
    loaders = [
        DataLoader(TensorDataset(split.inputs, split.targets), batch_size=batch, shuffle=True)
        for split in (dataset.train, dataset.validation)
    ]
    return _classified(Speller(), loaders, len(dataset.train), epochs)


def _read(network: Reader, dataset: Examples, batch: int, epochs: int) -> float:
    loaders = [
        DataLoader(Sentences(split), batch_size=batch, shuffle=True, collate_fn=_collated)
        for split in (dataset.train, dataset.validation)
    ]
    return _classified(network, loaders, len(dataset.train), epochs)


class Pairs(nn.Module):
    """The two branches."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.out = nn.Linear(SIZE, 32), nn.Linear(SIZE, 32), nn.Linear(64, 4)

    def forward(self, left, right):
        """Return a score for each class."""
        return self.out(torch.cat([self.left(left).tanh(), self.right(right).tanh()], dim=1))


def pairs_by_hand(dataset: Examples, batch: int, epochs: int) -> float:
    """Learn from two tensors side by side."""
    loaders = [
        DataLoader(TensorDataset(s.inputs["left"], s.inputs["right"], s.targets), batch_size=batch, shuffle=True)
        for s in (dataset.train, dataset.validation)
    ]
    return _classified(Pairs(), loaders, len(dataset.train), epochs)


def _classified(network: nn.Module, loaders: list[DataLoader], number: int, epochs: int) -> float:
    optimiser = torch.optim.Adam(network.parameters(), lr=0.001)
    gc.collect()
    began = time.perf_counter()
    for _ in range(epochs):
        network.train()
        running = 0.0
        for *inputs, targets in loaders[0]:
            optimiser.zero_grad()
            loss = F.cross_entropy(network(*inputs).flatten(0, -2), targets.flatten())
            loss.backward()
            optimiser.step()
            running += loss.item()
        network.eval()
        with torch.no_grad():
            for *inputs, _ in loaders[1]:
                network(*inputs)
    return epochs * number / (time.perf_counter() - began)


# name, data, ours, by hand, examples an epoch, batch, epochs a round
FAMILIES: list[tuple[str, Callable[[int], Examples], Loop, Loop, int, int, int]] = [
    ("dense game of two, 64 numbers", numbers, ours(game(), Game()), game_by_hand, 3_200, 32, 2),
    ("LSTM 64, 1 to 60 words", sentences, ours(reader(), Classify()), reader_by_hand, 1_600, 32, 1),
    ("GRU 2 × 16 both ways, 1 to 60 words", sentences, ours(judging(), Classify()), judging_by_hand, 1_600, 32, 1),
    ("character LSTM 256, 64 × 128", characters, ours(speller(), Label()), speller_by_hand, 512, 64, 1),
    ("two inputs of 64 numbers", two, ours(pairs(), Classify()), pairs_by_hand, 3_200, 32, 3),
]
