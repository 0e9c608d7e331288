"""Random layers and graphs, from a seed: of all kinds, with branches and blocks, mostly but not always sound."""

from random import Random

from hypothesis import strategies as st

from engine.errors import VitrineError
from engine.graph import edits, grouping
from engine.graph.graph import Block, Graph, Node
from engine.graph.trace import trace
from engine.layers import LAYERS, Init, Shape, check, outcome
from engine.layers.entry import Entry, Given, Input
from engine.layers.merging import Part
from engine.layers.tied import Borrowing

KINDS = [kind for kind, cls in LAYERS.items() if not issubclass(cls, Given | Entry | Block)]
SIZES = [(3, 9, 8), (1, 12, 12), (2, 16, 16), (4, 6), (6, 8), (8,), (5,)]
SEEDS = st.integers(0, 2**32 - 1)


def graphs(most: int = 7, careful: float = 0.95):
    """Return a strategy for graphs; the seed spreads over all kinds better than drawing each choice."""
    return SEEDS.map(lambda seed: random_graph(Random(seed), most, careful))


def layers():
    """Return a strategy for layers of any kind."""
    return SEEDS.map(lambda seed: random_layer(Random(seed), KINDS))


def random_graph(random: Random, most: int, careful: float) -> Graph:
    """Return a graph of up to so many nodes; with care, each fits what it is given."""
    sizes = random.choice(SIZES)
    tokens = len(sizes) == 1 and random.random() < 0.5
    first = Node("data", Input(sizes=sizes, values="tokens" if tokens else "numbers"))
    graph = Graph((first,), ("data",), Init(way=random.choice(["pytorch", "he_normal"])))
    for _ in range(random.randint(1, most)):
        graph = _grown(random, graph, random.random() < careful)
    ends = [node.id for node in graph.nodes if not graph.consumers[node.id]]
    outputs = random.sample(ends, min(len(ends), random.choice([1, 1, 2])))
    graph = Graph(graph.nodes, tuple(outputs), graph.init)
    return _grouped(random, graph) if random.random() < 0.5 else graph


def random_layer(random: Random, kinds: list[str]):
    """Return a layer of one of these kinds, some of its options changed."""
    cls = LAYERS[random.choice(kinds)]
    options = {option.name: _value(random, option) for option in cls.options() if random.random() < 0.35}
    try:
        return cls.read(options)
    except VitrineError:
        return cls()


def _value(random: Random, option):
    """Return a small value for an option."""
    least = int(option.least or 0)
    small = random.randint(least, int(min(option.most or least + 4, least + 4)))
    if option.optional and random.random() < 0.4:
        return None
    if option.form == "pair":
        other = random.randint(least, least + 2)
        return random.choice([small, small, (small, other), *option.words])
    return {
        "switch": random.random() < 0.5,
        "whole": small,
        "number": round(random.uniform(option.least or 0.0, min(option.most or 1.0, 0.9)), 3),
        "words": random.choice(option.words or ("?",)),
        "names": tuple(random.sample(option.words, random.randint(0, len(option.words)))),
        "sizes": tuple(random.randint(1, 4) for _ in range(random.randint(1, 3))),
        "text": random.choice(["state", "weights", "add1"]),
        "choice": Init(way=random.choice(Init.options()[0].words)),
    }[option.form]


def fits(layer, shapes) -> bool:
    """Return whether the layer takes these shapes and gives something not too large."""
    if any(shape is None for shape in shapes) or check(layer, shapes):
        return False
    try:
        return outcome(layer, shapes).elements < 20_000
    except VitrineError:
        return False


def _grown(random: Random, graph: Graph, careful: bool) -> Graph:
    """Return the graph with one more node, fed by one or two of the latest."""
    shapes_at = trace(graph).shapes
    names = [node.id for node in graph.nodes][-4:]
    chosen = tuple(random.choice(names) for _ in range(random.choice([1, 1, 1, 2])))
    shapes = tuple(shapes_at.get(name) for name in chosen)
    takers = [kind for kind in KINDS if LAYERS[kind].arity[0] <= len(chosen) <= LAYERS[kind].arity[1]]
    if careful:
        takers = [kind for kind in takers if fits(LAYERS[kind](), shapes)] or takers
    pools = [node.id for node in graph.nodes if node.layer.kind == "max_pool2d"]
    layer = random_layer(random, takers)
    if pools and random.random() < 0.2:
        layer, chosen = LAYERS["max_unpool2d"](), (pools[-1], pools[-1])
    elif (handing := [node for node in graph.nodes if node.layer.gives_also]) and random.random() < 0.4:
        hands = random.choice(handing)
        layer, chosen = Part(what=random.choice(hands.layer.gives_also)), (hands.id,)
    elif careful and not fits(layer, shapes):
        layer = type(layer)()
    return Graph((*graph.nodes, Node(edits.fresh(graph, layer.stem), layer, chosen)), graph.outputs, graph.init)


def _grouped(random: Random, graph: Graph) -> Graph:
    """Return the graph with a block around some neighbouring nodes, where one can be made; perhaps it repeats."""
    names = [node.id for node in graph.nodes if not isinstance(node.layer, Input)]
    start = random.randrange(len(names))
    try:
        made = grouping.group(graph, names[start : start + random.randint(1, 4)], "Part")
    except VitrineError:
        return graph
    node = next(node for node in made.nodes if node.block)
    repeated = edits.replace(made, node.id, node.layer.model_copy(update={"repeat": random.randint(1, 3)}))
    return repeated if trace(repeated).sound else made


def shapes_of(cls, given):
    """Return the shapes of a kind's example."""
    return tuple(
        Shape(sizes, cls.tokens, weight=issubclass(cls, Borrowing) and place == 1) for place, sizes in enumerate(given)
    )
