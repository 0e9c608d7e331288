"""Network: the torch module of a graph, whose submodules carry the names of the nodes."""

import os
from collections.abc import Mapping
from typing import Any

import psutil
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from engine.errors import VitrineError
from engine.fields import Fields
from engine.graph.cost import cost
from engine.graph.graph import Graph, Node
from engine.graph.trace import Step, borrowed, parts, sources, trace
from engine.layers import Init, Layer
from engine.layers.entry import Entry, Input, Lent
from engine.layers.modules import TIMED, Attention, lengths_of
from engine.layers.tied import Borrowing


class Runner(nn.Module):
    """Runs the modules of a graph, or of one turn of a block, by a plan made once."""

    plan: list[tuple[str, tuple[int, ...], int]]  # module, where its inputs lie, where its output goes
    results: list[int]
    width: int  # how many values there are
    sequences: bool = False  # whether the network is given sequences of several lengths
    timed: dict[str, tuple[int, int]]  # modules that give sequences, and how lengths change there
    # Of modules that hand more on: where that goes, whether it is a sequence still, and which of it that is.
    handed: dict[str, list[tuple[int, bool, int]]]
    borrowed: list[tuple[str, int]]  # modules whose weights others go through too, and where those lie
    lent: tuple[tuple[Any, int], ...] = ()  # modules of other networks whose weights go in here, and where those lie

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Return the output, or a tuple where there are several."""
        values = self.values(*inputs)
        results = tuple(values[i] for i in self.results)
        return results[0] if len(results) == 1 else results

    def values(self, *inputs: torch.Tensor) -> list[Any]:
        """Return what all nodes give, each at its place."""
        values: list[Any] = [*inputs, *(None for _ in range(self.width - len(inputs)))]
        modules: dict[str, Any] = self._modules
        if self.sequences or self.handed or self.borrowed or self.lent:
            return self._with_more(values)
        for name, given, place in self.plan:
            values[place] = modules[name](*[values[i] for i in given])
        return values

    def _with_more(self, values: list[Any]) -> list[Any]:
        """Run the modules where there are lengths to be told, or things that are handed on beside values."""
        modules: dict[str, Any] = self._modules
        for name, place in self.borrowed:
            values[place] = modules[name].weight
        for module, place in self.lent:
            values[place] = module.weight
        for name, given, place in self.plan:
            taken, module = [values[i] for i in given], modules[name]
            lengths = [getattr(value, "lengths", None) for value in taken]
            long = lengths[-1 if isinstance(module, Attention) else 0]
            told = isinstance(module, TIMED) and long is not None
            value = module(*taken, lengths=long) if told else module(*taken)
            if name in self.handed:
                value, *others = value
                for at, sequence, which in self.handed[name]:
                    values[at] = others[which]
                    if sequence and lengths[0] is not None and not hasattr(values[at], "lengths"):
                        values[at].lengths = lengths[0]
            if name in self.timed and lengths[0] is not None:
                first, second = self.timed[name]
                kept = (first, second) == (-1, 1)
                value.lengths = lengths[0] if kept else ((lengths[0] + first) // second + 1).clamp(min=1)
            values[place] = value
        return values


class Turns(nn.Sequential):
    """Runs a repeated block: each turn is given what the last one gave, and beside it the same every time."""

    def forward(self, input: Any, *sides: Any) -> Any:
        """Return what the last turn gives."""
        given = input
        for turn in self:
            given = turn(input, *sides)
            input = given[0] if isinstance(given, tuple) else given
        return given


class Network(Runner):
    """The module of a whole graph; several inputs and outputs go in and come out as tuples."""

    def __init__(self, graph: Graph, most_bytes: int | None = None):
        super().__init__()
        _check(graph, most_bytes)
        self.graph = graph
        self.number = len(graph.inputs)
        self.uneven = [place for place, layer in enumerate(graph.inputs.values()) if layer.sequence]
        steps = {step.path: step for step in trace(graph).steps}
        _fill(self, graph, "", steps, graph.init)
        self.asks = [layer.of for layer in borrowed(graph).values()]
        for runner in self.modules() if self.uneven else ():
            if isinstance(runner, Runner):
                runner.sequences = True

    def borrow(self, lenders: Mapping[str, Any]) -> None:
        """Go through the weights of other networks' layers from now on: by the address of each, what has them.

        They are no part of this network, so neither its weights nor its state know of them.
        """
        self.lent = tuple((lenders[of], self.number + place) for place, of in enumerate(self.asks))

    def forward(self, *inputs: Any) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Return the output, or a tuple where the graph has several; `Fields` come in by the names of the inputs."""
        if self.asks and not self.lent:
            raise VitrineError(f"Nobody lends {self.asks[0]} to this network.")
        if len(inputs) == self.number and not self.sequences and not isinstance(inputs[0], Fields):
            return super().forward(*inputs)
        return super().forward(*self.entering(inputs))

    def entering(self, inputs: tuple[Any, ...]) -> tuple[torch.Tensor, ...]:
        """Return what each input is given; sequences know how long they are."""
        if inputs and isinstance(inputs[0], Fields):
            inputs = tuple(inputs[0][name] for name in self.graph.inputs)
        if len(inputs) != self.number:
            raise VitrineError(f"The network takes {self.number} inputs; received {len(inputs)}.")
        return self.measured(inputs)

    def measured(self, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Return inputs of which sequences know how long each of theirs is, with zeros behind their ends."""
        found = list(inputs)
        for place in self.uneven:
            lengths = lengths_of(inputs[place])
            found[place] = inputs[place].nan_to_num() if inputs[place].is_floating_point() else inputs[place].clone()
            setattr(found[place], "lengths", lengths)  # noqa: B010  tensors carry what they are given
        return tuple(found)

    def each(self, *inputs: Any) -> dict[str, Any]:
        """Return what every node of the outermost graph gives, by its name."""
        places = {name: place for place, name in enumerate(self.graph.inputs)}
        places |= {name: place for name, _, place in self.plan}
        values = self.values(*self.entering(inputs))
        return {name: values[place] for name, place in places.items()}


def _check(graph: Graph, most_bytes: int | None) -> None:
    found = trace(graph)
    if not found.sound:
        raise VitrineError(next(problem.text for problem in found.problems if problem.stops))
    most = allowed_bytes() if most_bytes is None else most_bytes
    if (needed := cost(graph).total.memory_bytes) > most:
        raise VitrineError(
            f"The network needs {needed / 2**30:,.1f} GiB, and {most / 2**30:,.1f} GiB are allowed.",
            cure="Use fewer units or channels, or a smaller input.",
        )


def allowed_bytes() -> int:
    """Return the memory one network may take: VITRINE_MEMORY in GiB, or half of the machine's."""
    if chosen := os.environ.get("VITRINE_MEMORY"):
        return int(float(chosen) * 2**30)
    return psutil.virtual_memory().total // 2


def _fill(parent: Runner, graph: Graph, path: str, steps: dict[str, Step], init: Init) -> None:
    """Add a module to the parent for every node, and the plan in which they run."""
    places: dict[str, int] = {}  # where each node's output lies among the values
    parent.plan = []
    lent = [n for n in graph.nodes if isinstance(n.layer, Lent)]
    entering = [*(n for n in graph.nodes if isinstance(n.layer, Input | Entry)), *lent]
    for node in entering:
        places[node.id] = len(places)
    parent.handed, parent.borrowed = {}, []
    comes: dict[str, int] = {}  # where that lies which a node takes of what another hands on, or borrows of it
    for node in graph.nodes:
        if node in entering:
            continue
        layer = node.layer if node.block else steps[path + node.id].layer
        parent.add_module(node.id, _module(node, layer, path, steps, init))
        places[node.id] = len(places) + len(comes)
        given = (comes[node.id],) if node.id in comes else tuple(places[s] for s in sources(graph, node))
        if isinstance(layer, Borrowing) and graph.by_id[node.inputs[1]] not in lent:
            # It is given the weights of its partner, and not what that gives.
            comes[f"{node.id}'s weights"] = at = len(places) + len(comes)
            parent.borrowed.append((node.inputs[1], at))
            given = (given[0], at)
        parent.plan.append((node.id, given, places[node.id]))
        if node.block and len(node.block.graph.outputs) > 1:
            parent.handed[node.id] = []
        for part, which in parts(graph, node).items():
            comes[part] = len(places) + len(comes)
            inside = steps[path + part].given[0].sequence
            parent.handed.setdefault(node.id, []).append((comes[part], inside, which))
    parent.timed = {node.id: node.layer.pace() for node in graph.nodes if _keeps_time(node, path, steps)}
    parent.results = [places[name] for name in graph.outputs]
    parent.width = len(places) + len(comes)


def _module(node: Node, layer: Layer, path: str, steps: dict[str, Step], init: Init) -> nn.Module:
    here = path + node.id
    if block := node.block:
        chosen = init if block.graph.init == Init() else block.graph.init
        turns = []
        for turn in range(block.repeat):
            module = Runner()
            inside = f"{here}.{turn}." if block.repeat > 1 else f"{here}."
            _fill(module, block.graph, inside, steps, chosen)
            turns.append(module)
        return Turns(*turns) if block.repeat > 1 else turns[0]
    module = layer.making(*steps[here].given)()
    initialise(layer, module, init)
    return module


def _keeps_time(node: Node, path: str, steps: dict[str, Step]) -> bool:
    """Return whether what a node gives is a sequence still; of a block, its own modules say so."""
    return not node.block and path + node.id in steps and steps[path + node.id].gives.sequence


def initialise(layer: Layer, module: nn.Module, default: Init) -> None:
    """Begin the module's weights as its layer says, or else as the graph does."""
    weights = layer.weights(module)
    if not weights:
        return
    init: Init = getattr(layer, "init", None) or default
    names = {name for name, _ in weights}
    biases = [p for name, p in module.named_parameters() if "bias" in name and name not in names]
    weight: Any = module.weight if is_parametrized(module, "weight") and init.function() else None
    with torch.no_grad():  # one that is normed is worked out from what it is set to
        filled = [found for _, found in weights] if weight is None else [weight.clone()]
        init.fill(filled, [*biases], transposed="transpose" in layer.kind)
        if weight is not None:
            setattr(module, "weight", filled[0])  # noqa: B010  a tensor sets a weight that is normed
        if begin := getattr(module, "begin", None):  # which sets what an option of the layer says
            begin()
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            module.weight[module.padding_idx] = 0.0
