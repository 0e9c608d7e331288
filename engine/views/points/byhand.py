"""By hand: one example's way through a small network and back, with every number written out."""

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from engine.choice import option
from engine.data.dataset import unknown
from engine.errors import VitrineError
from engine.graph.rows import columns
from engine.graph.trace import trace
from engine.looking.frame import Frame
from engine.looking.view import View, view
from engine.views.points.plane import neurons

MOST = 12  # neurons of a layer: more do not fit on a page

Values = np.ndarray
# What an activation gives, its derivative, and how that is written; from the sum z and what was given, a.
ACTIVATIONS: dict[str, tuple[Any, Any, str]] = {
    "": (lambda z: z, lambda z, a: np.ones_like(z), "1"),
    "linear": (lambda z: z, lambda z, a: np.ones_like(z), "1"),
    "tanh": (np.tanh, lambda z, a: 1 - a**2, "1 − a²"),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z, a: a * (1 - a), "a·(1 − a)"),
    "relu": (lambda z: np.maximum(z, 0), lambda z, a: (z > 0).astype(float), "1 above zero, else 0"),
    "sine": (np.sin, lambda z, a: np.cos(z), "cos z"),
    "softplus": (lambda z: np.log1p(np.exp(z)), lambda z, a: 1 / (1 + np.exp(-z)), "1/(1 + e⁻ᶻ)"),
}


@dataclass(frozen=True)
class Step:
    """One dense layer on the way: what comes in, its sums, what it gives, and the way back through it."""

    node: str
    activation: str
    given: Values
    weight: Values
    bias: Values
    sums: Values
    gives: Values
    slope: Values = field(default_factory=lambda: np.zeros(0))  # the activation's derivative
    blame: Values = field(default_factory=lambda: np.zeros(0))  # the loss's derivative by what the layer gives
    delta: Values = field(default_factory=lambda: np.zeros(0))  # and by its sums


def forward(given: Values, layers: list[tuple[str, str, Values, Values]]) -> list[Step]:
    """Work out layer by layer: z = W·x + b, a = f(z)."""
    steps = []
    for node, activation, weight, bias in layers:
        sums = weight @ given + bias
        gives = ACTIVATIONS[activation][0](sums)
        steps.append(Step(node, activation, given, weight, bias, sums, gives))
        given = gives
    return steps


def backward(steps: list[Step], blame: Values) -> list[Step]:
    """Go back from the loss's derivative by the answer: δ = blame·f′(z), and on to the layer before by Wᵀ·δ."""
    found = []
    for step in reversed(steps):
        slope = ACTIVATIONS[step.activation][1](step.sums, step.gives)
        delta = blame * slope
        found.append(dataclasses.replace(step, slope=slope, blame=blame, delta=delta))
        blame = step.weight.T @ delta
    return found[::-1]


def lost(answer: Values, target: float, squared: bool, certain: bool) -> tuple[float, Values, str]:
    """Return the loss, its derivative by the answer, and both in words.

    The answer is a height, one score or a score for each class; or, where it is `certain`, one probability.
    """
    if squared:
        far = answer[0] - target
        return far**2, np.array([2 * far]), f"(y − t)² = ({_n(answer[0])} − {_n(target)})² ; derivative 2·(y − t)"
    if certain:
        chance = float(np.clip(answer[0], 1e-12, 1 - 1e-12))
        words = f"p = {_n(chance)}, t = {target:.0f} ; −ln of what it gave the truth ; derivative (p − t)/(p·(1 − p))"
        slope = (chance - target) / (chance * (1 - chance))
        return float(-np.log(chance if target else 1 - chance)), np.array([slope]), words
    if len(answer) == 1:
        chance = 1 / (1 + np.exp(-answer[0]))
        loss = np.logaddexp(0, -answer[0] if target else answer[0])
        words = f"p = 1/(1 + e⁻ᶻ) = {_n(chance)}, t = {target:.0f} ; −ln of what it gave the truth ; derivative p − t"
        return float(loss), np.array([chance - target]), words
    shifted = np.exp(answer - answer.max())
    chances = shifted / shifted.sum()
    wanted = np.eye(len(answer))[int(target)]
    words = f"p = softmax = {', '.join(map(_n, chances))} ; −ln p of the truth ; derivative p − t"
    return float(-np.log(chances[int(target)])), chances - wanted, words


@view("by-hand")
class ByHand(View):
    """One example through the network and back, every product, sum and derivative written out; a step at a time."""

    title, rank, wide = "By hand", 6, True
    of_learning = True
    hint = "Forward, the sums and what becomes of them; back, who is to blame by how much; then each weight's change."

    example: Annotated[int, Field(ge=0, le=10**6)] = option(0, "Which training example, from 0.")
    stage: Annotated[int, Field(ge=0, le=100)] = option(0, "How far: layers forward, the loss, layers back.")

    def refuses(self, experiment):
        """Refuse what is too large to be written out, or has other parts than dense layers and plain activations."""
        row = columns(experiment.graph)
        if not row or experiment.data is None or experiment.data.example not in ("points", "numbers"):
            return "Only dense layers in a row on a few numbers can be written out."
        if not experiment.task.by_gradient:
            return "The perceptron rule has no derivatives: follow it step by step with the transport."
        if len(experiment.graphs) > 1 or experiment.task.answers not in ("classes", "numbers"):
            return "Only one network that tells classes or a number is written out."
        if experiment.task.answers == "numbers" and trace(experiment.graph).outputs[0].sizes != (1,):
            return "Only one number is written out."
        if experiment.task != type(experiment.task)():
            return "Only the plain task is written out: no smoothing, no class weights, the squared distance."
        sizes = [node.layer.units for node in experiment.graph.nodes if node.layer.kind == "dense"]
        if max(sizes) > MOST:
            return f"A layer of {max(sizes)} neurons is too wide to be written out: at most {MOST} fit."
        for node in experiment.graph.nodes:
            plain = node.layer.kind in ("input", "features", "dense", *ACTIVATIONS)
            if not plain:
                return f"{node.id} is a {node.layer.title.lower()}, whose numbers are not written out here."
        return ""

    def compute(self, session):
        """Take one example there and back, in plain numbers."""
        learner, graph = session.network, session.graph
        train = learner.train
        if self.example >= len(train):
            raise VitrineError(f"There are {len(train):,} training examples.", cure="Choose a smaller number.")
        network = session.module
        row = columns(graph)
        given = neurons(session, [row[0].gives], train.inputs[self.example : self.example + 1])[0][0]
        layers = []
        for column in row[1:]:
            module = network.get_submodule(column.weights)
            bias = np.zeros(len(module.weight)) if module.bias is None else _plain(module.bias)
            kind = graph[column.gives].layer.kind if column.gives != column.weights else ""
            layers.append((column.weights, kind, _plain(module.weight), bias))
        if learner.task.incomplete and bool(unknown(train.targets[self.example]).all()):
            raise VitrineError(f"What is right for example {self.example} is not known.", cure="Choose another.")
        target = float(train.targets[self.example].flatten()[0])
        names = list(next((n.layer.of for n in graph.nodes if n.layer.kind == "features"), ()))
        return self._told(_plain(given), layers, target, names, session)

    def _told(self, given, layers, target, names, session):
        classes = session.network.dataset.classes
        steps = forward(given, layers)
        certain = bool(classes) and steps[-1].activation == "sigmoid" and len(steps[-1].gives) == 1
        loss, blame, words = lost(steps[-1].gives, target, not classes, certain)
        steps = backward(steps, blame)
        stages = [_forward(step) for step in steps]
        truth = classes[int(target)] if classes else _n(target)
        stages.append({"title": f"loss: the truth is {truth}", "rows": [[words, f"loss = {_n(loss)}"]]})
        for place in range(len(steps) - 1, -1, -1):
            after = steps[place + 1] if place + 1 < len(steps) else None
            stages.append(_backward(steps[place], after, session.network.rate))
        known = ", ".join(f"{n} = {_n(v)}" for n, v in zip(names or _inputs(len(given)), given, strict=False))
        told = {
            "stages": stages,
            "example": f"example {self.example}: {known}",
            "optimiser": session.network.recipe.optimiser,
        }
        gradients = {f"gradient of {s.node}": np.column_stack([np.outer(s.delta, s.given), s.delta]) for s in steps}
        return Frame({"answer": steps[-1].gives, "loss": np.array(loss)} | gradients, told)

    def draw(self, frame):
        """Return the stage as a table."""
        stages = frame.words["stages"]
        stage = stages[min(self.stage, len(stages) - 1)]
        note = ""
        if "update" in stage and frame.words["optimiser"] != "sgd":
            note = f"Plain gradient descent is written out; {frame.words['optimiser']} scales these changes."
        return {
            "table": stage | {"note": note, "example": frame.words["example"]},
            "stage": min(self.stage, len(stages) - 1),
            "stages": [one["title"] for one in stages],
        }

    def pick(self, point):
        """Go to another stage."""
        stage = point.get("stage")
        return self.but(stage=stage) if isinstance(stage, int) and 0 <= stage <= 100 else None


def _inputs(number: int) -> list[str]:
    return [f"x{place + 1}" for place in range(number)]


def _plain(tensor: Any) -> Values:
    return tensor.detach().double().cpu().numpy()


def _n(value: float) -> str:
    """Return a number in four digits, with a true minus."""
    return f"{value:.4g}".replace("-", "−")


def _times(a: float, b: float) -> str:
    return f"{_n(a)}·{_n(b)}" if b >= 0 else f"{_n(a)}·({_n(b)})"


def _sum(products: list[tuple[float, float]], bias: float | None = None) -> str:
    parts = [_times(a, b) for a, b in products]
    return " + ".join([*parts, *([_n(bias)] if bias is not None else [])])


def _forward(step: Step) -> dict[str, Any]:
    rows = []
    name = step.activation
    for unit, (weights, bias, z, a) in enumerate(zip(step.weight, step.bias, step.sums, step.gives, strict=True)):
        total = f"{_sum(list(zip(weights, step.given, strict=True)), bias)} = {_n(z)}"
        rows.append([f"neuron {unit}", total, f"{name}({_n(z)}) = {_n(a)}" if name and name != "linear" else _n(a)])
    return {"title": f"forward: {step.node}", "head": ["", "z = w·x + b", "a"], "rows": rows}


def _backward(step: Step, after: Step | None, rate: float) -> dict[str, Any]:
    rows, changes = [], []
    for unit, (blame, slope, delta) in enumerate(zip(step.blame, step.slope, step.delta, strict=True)):
        origin = "from the loss" if after is None else _sum(list(zip(after.weight[:, unit], after.delta, strict=True)))
        rows.append([f"neuron {unit}", f"{origin} = {_n(blame)}", _n(slope), f"{_times(blame, slope)} = {_n(delta)}"])
        for place, (weight, x) in enumerate(zip(step.weight[unit], step.given, strict=True)):
            gradient = delta * x
            new = weight - rate * gradient
            update = f"{_n(weight)} − {_times(rate, gradient)} = {_n(new)}"
            changes.append([f"w[{unit},{place}]", f"δ·x = {_times(delta, x)} = {_n(gradient)}", update])
        bias = step.bias[unit]
        update = f"{_n(bias)} − {_times(rate, delta)} = {_n(bias - rate * delta)}"
        changes.append([f"b[{unit}]", f"δ = {_n(delta)}", update])
    slope = ACTIVATIONS[step.activation][2]
    return {
        "title": f"back: {step.node}",
        "head": ["", "∂L/∂a = Σ w·δ of the next layer", f"f′(z) = {slope}", "δ = ∂L/∂z"],
        "rows": rows,
        "update": changes,
    }
