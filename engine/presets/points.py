"""Networks on points in the plane, from one neuron on."""

from engine.data.points import Points
from engine.graph.chain import chain
from engine.graph.graph import Graph
from engine.layers import Init
from engine.layers.activation import Step, Tanh
from engine.layers.base import Layer
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.features import Features
from engine.presets.preset import preset
from engine.tasks.perceptron import Perceptron
from engine.tasks.regress import Regress
from engine.training.recipe import Recipe

USUAL = Init()
OLD_RULE = Recipe(optimiser="sgd", rate=0.1, batch=1, epochs=50)


def deep(*units: int, outputs: int = 1, init: Init = USUAL) -> Graph:
    """Return tanh layers of these widths between a point and the answer."""
    layers: dict[str, Layer] = {}
    for number, width in enumerate(units, 1):
        layers |= {f"dense{number}": Dense(units=width), f"tanh{number}": Tanh()}
    return chain(init, point=Input(sizes=(2,)), **layers, out=Dense(units=outputs))


def neuron() -> Graph:
    """Return two inputs, one neuron and a step."""
    return chain(point=Input(sizes=(2,)), dense=Dense(units=1), step=Step())


preset(
    "perceptron",
    "Perceptron",
    "One neuron that fires or not, and learns from its mistakes (Rosenblatt, 1958).",
    "points",
    data=Points(shape="gauss", number=200),
    task=Perceptron(),
    recipe=OLD_RULE,
)(neuron)

preset(
    "hebb",
    "Hebbian neuron",
    "The same neuron, which learns from every example, right or wrong (Hebb, 1949).",
    "points",
    data=Points(shape="gauss", number=200),
    task=Perceptron(rule="hebb"),
    recipe=OLD_RULE.but(epochs=5.0),
)(neuron)


@preset(
    "logistic",
    "Logistic neuron",
    "One neuron that learns by gradient descent: a line, and how sure it is on either side.",
    "points",
    data=Points(shape="gauss", noise=0.2),
    recipe=Recipe(optimiser="sgd", rate=0.03, batch=10, epochs=60),
)
def logistic() -> Graph:
    """Return two inputs and one neuron."""
    return deep()


@preset(
    "squares",
    "Squares",
    "One neuron again, but it is given x1² and x2²: what was a circle becomes a line.",
    "points",
    data=Points(shape="circle"),
    recipe=Recipe(rate=0.03, batch=10, epochs=60),
)
def squares() -> Graph:
    """Return the two squares and one neuron."""
    return chain(point=Input(sizes=(2,)), features=Features(of=("x1²", "x2²")), out=Dense(units=1))


@preset(
    "mlp-2-4-2-1",
    "MLP 2–4–2–1",
    "Two small hidden layers bend lines into a circle.",
    "points",
    data=Points(shape="circle"),
    recipe=Recipe(rate=0.03, batch=10, epochs=120),
)
def small() -> Graph:
    """Return hidden layers of 4 and 2."""
    return deep(4, 2, init=Init(way="xavier"))


@preset(
    "mlp-2-8-8-1",
    "MLP 2–8–8–1",
    "Two hidden layers of eight, which take xor, moons and a circle alike.",
    "points",
    data=Points(shape="xor"),
    recipe=Recipe(rate=0.01, batch=10, epochs=100),
)
def middle() -> Graph:
    """Return two hidden layers of 8."""
    return deep(8, 8)


@preset(
    "mlp-2-16-16-1",
    "MLP 2–16–16–1",
    "Wide enough to wind itself around the two arms of a spiral.",
    "points",
    data=Points(shape="spiral", number=1000),
    recipe=Recipe(rate=0.03, batch=30, epochs=300, schedule="cosine"),
)
def spiral() -> Graph:
    """Return two hidden layers of 16."""
    return deep(16, 16)


@preset(
    "mlp-2-8x6-1",
    "MLP 2–8–8–8–8–8–8–1",
    "Six hidden layers of eight do the same in small folds, if they begin well.",
    "points",
    data=Points(shape="spiral", number=1000),
    recipe=Recipe(rate=0.01, batch=30, epochs=400, schedule="cosine"),
)
def folding() -> Graph:
    """Return six hidden layers of 8, begun so that signals keep their size."""
    return deep(8, 8, 8, 8, 8, 8, init=Init(way="xavier"))


@preset(
    "three-arms",
    "Three arms",
    "Three classes: the answer has a unit for each.",
    "points",
    data=Points(shape="spiral", classes=3, number=1000),
    recipe=Recipe(rate=0.03, batch=30, epochs=300, schedule="cosine"),
)
def three() -> Graph:
    """Return two hidden layers of 16 and three outputs."""
    return deep(16, 16, outputs=3)


@preset(
    "hills",
    "Hills",
    "Regression: the answer is a height, and the surface a landscape.",
    "points",
    data=Points(shape="hills"),
    task=Regress(),
    recipe=Recipe(rate=0.01, batch=10, epochs=100),
)
def hills() -> Graph:
    """Return two hidden layers of 8."""
    return deep(8, 8)
