"""Data with every kind of thing to learn, for tests: each small, drawn at random, and partly not known."""

import torch

from engine.data.dataset import UNKNOWN, Dataset, Source, Split, drawn
from engine.data.splitting import split
from engine.fields import Fields
from engine.graph.chain import chain
from engine.graph.graph import Graph
from engine.layers import LAYERS
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.pooling import GlobalAveragePool
from engine.layers.sequence import GRU, Embedding
from engine.tasks.classify import Classify
from engine.tasks.label import Label
from engine.tasks.reconstruct import Reconstruct
from engine.tasks.regress import Regress
from engine.tasks.several import Several
from engine.tasks.tags import Tags
from engine.training.experiment import Experiment
from engine.training.recipe import Recipe

SIDE, LONG = 12, 8


class _Source(Source):
    number: int = 160
    seed: int = 0
    validation: float = 0.2
    test: float = 0.2

    def load(self):
        return self.made(drawn(self.seed))

    def halves(self, inputs, targets, classes=(), **more):
        return Dataset(self.title, self.example, classes, *split(Split(inputs, targets), self), **more)


def pictures(number, generator):
    """Return pictures whose left parts are dark, and where each turns bright."""
    edges = torch.randint(3, SIDE - 3, (number,), generator=generator)
    bright = torch.arange(SIDE) >= edges[:, None]
    noise = torch.randint(0, 60, (number, 3, SIDE, SIDE), generator=generator)
    return (noise + 150 * bright[:, None, None]).to(torch.uint8), bright, edges


class Outline(_Source):
    """Tell of every dot whether it is dark or bright; in the corner it is not known."""

    kind, title, example = "outline", "Outline", "image"

    def made(self, generator):
        inputs, bright, _ = pictures(self.number, generator)
        labels = bright[:, None].expand(-1, SIDE, -1).long().clone()
        labels[:, :4, :4] = UNKNOWN
        return self.halves(inputs, labels, ("dark", "bright"))


class Odd(_Source):
    """Tell at every letter of a word whether an odd number of a's came so far."""

    kind, title, example = "odd", "Odd", "tokens"

    def made(self, generator):
        tokens = torch.randint(1, 4, (self.number, LONG), generator=generator)
        ends = torch.randint(2, LONG + 1, (self.number, 1), generator=generator)
        tokens[torch.arange(LONG) >= ends] = 0
        labels = torch.where(tokens > 0, (tokens == 1).cumsum(dim=1) % 2, UNKNOWN)
        return self.halves(tokens, labels, ("even", "odd"), words=("", "a", "b", "c"))


class Traits(_Source):
    """Tell of a point which of three things it is; one answer in eight is not known."""

    kind, title, example = "traits", "Traits", "points"

    def made(self, generator):
        points = torch.randn(self.number, 2, generator=generator)
        has = torch.stack([points[:, 0] > 0, points[:, 1] > 0, points.sum(dim=1) > 0], dim=1).float()
        has[torch.rand(has.shape, generator=generator) < 1 / 8] = torch.nan
        return self.halves(points, has, ("right", "high", "far"))


class Gaps(_Source):
    """Tell two numbers of five, far from zero; a quarter of them is not known."""

    kind, title, example = "gaps", "Gaps", "numbers"

    def made(self, generator):
        rows = torch.randn(self.number, 5, generator=generator)
        targets = torch.stack([rows[:, 0] + rows[:, 1], rows[:, 2] - rows[:, 3]], dim=1) + 300
        targets[torch.rand(targets.shape, generator=generator) < 0.25] = torch.nan
        return self.halves(rows, targets)


class Sway(_Source):
    """Tell at every place of a series of unequal length the sum so far."""

    kind, title, example = "sway", "Sway", "series"

    def made(self, generator):
        values = torch.randn(self.number, LONG, 2, generator=generator)
        ends = torch.randint(2, LONG + 1, (self.number, 1), generator=generator)
        values[torch.arange(LONG) >= ends] = torch.nan
        return self.halves(values, values.sum(dim=2, keepdim=True).cumsum(dim=1))


class Cloud(_Source):
    """Points near a line, of which nobody says anything."""

    kind, title, example = "cloud", "Cloud", "points"

    def made(self, generator):
        along = torch.randn(self.number, 1, generator=generator)
        points = torch.cat([along, 0.5 * along], dim=1) + 0.2 * torch.randn(self.number, 2, generator=generator)
        return self.halves(points - points.mean(dim=0), torch.zeros(self.number, 0))


class Maybe(_Source):
    """Tell whether a picture's bright part is wide; of one in three it is not known."""

    kind, title, example = "maybe", "Maybe", "image"

    def made(self, generator):
        inputs, _, edges = pictures(self.number, generator)
        labels = (edges < SIDE // 2).long()
        labels[torch.rand(self.number, generator=generator) < 1 / 3] = UNKNOWN
        return self.halves(inputs, labels, ("narrow", "wide"))


class Twofold(_Source):
    """Tell of a picture whether its bright part is wide, and where it begins."""

    kind, title, example = "twofold", "Twofold", "image"

    def made(self, generator):
        inputs, _, edges = pictures(self.number, generator)
        targets = Fields({"wide": (edges < SIDE // 2).long(), "edge": edges[:, None].float()})
        return self.halves(inputs, targets, goals={"wide": ("narrow", "wide"), "edge": ()})


SOURCES = (Outline, Odd, Traits, Gaps, Sway, Cloud, Maybe, Twofold)
PICTURE = Input(sizes=(3, SIDE, SIDE))
ReLU, Tanh = LAYERS["relu"], LAYERS["tanh"]


def two_outputs():
    """Return a network that gives a class and a number."""
    graph = chain(
        image=PICTURE,
        conv=Conv2d(channels=4, kernel=3),
        relu=ReLU(),
        flat=LAYERS["flatten"](),
        wide=Dense(units=2),
        edge=(Dense(units=1), "flat"),
    )
    return Graph(graph.nodes, ("edge", "wide"))


GRAPHS = {
    "outline": chain(
        image=PICTURE,
        conv=Conv2d(channels=6, kernel=3, padding="same"),
        relu=ReLU(),
        out=Conv2d(channels=2, kernel=3, padding="same"),
    ),
    "odd": chain(
        words=Input(sizes=(LONG,), values="tokens", sequence=True),
        embed=Embedding(vocabulary=4, features=4),
        gru=GRU(units=8, gives="sequence"),
        out=Dense(units=2),
    ),
    "traits": chain(point=Input(sizes=(2,)), d1=Dense(units=8), tanh=Tanh(), out=Dense(units=3)),
    "gaps": chain(row=Input(sizes=(5,)), d1=Dense(units=8), relu=ReLU(), out=Dense(units=2)),
    "sway": chain(series=Input(sizes=(LONG, 2), sequence=True), gru=GRU(units=8, gives="sequence"), out=Dense(units=1)),
    "cloud": chain(point=Input(sizes=(2,)), code=Dense(units=1), out=Dense(units=2)),
    "maybe": chain(
        image=PICTURE, conv=Conv2d(channels=4, kernel=3), relu=ReLU(), mean=GlobalAveragePool(), out=Dense(units=1)
    ),
    "twofold": two_outputs(),
}
TASKS_OF = {
    "outline": Label(),
    "odd": Label(),
    "traits": Tags(),
    "gaps": Regress(),
    "sway": Regress(),
    "cloud": Reconstruct(),
    "maybe": Classify(),
    "twofold": Several(),
}


def experiment(kind, graph=None, task=None, **recipe):
    """Return the experiment that learns what a source gives."""
    source = next(one for one in SOURCES if one.kind == kind)()
    made = Recipe(**{"batch": 16, "epochs": 2.0, "rate": 0.02} | recipe)
    return Experiment(kind, {"network": graph or GRAPHS[kind]}, source, task or TASKS_OF[kind], made)
