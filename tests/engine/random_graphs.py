"""Random layers and graphs for hypothesis: of all kinds, with branches and blocks."""

from hypothesis import strategies as st

from engine.errors import VitrineError
from engine.graph import edits
from engine.graph.graph import Block, Graph, Node
from engine.graph.trace import trace
from engine.layers import LAYERS, Init, Shape, check, outcome
from engine.layers.entry import Entry, Input

KINDS = [kind for kind, cls in LAYERS.items() if not issubclass(cls, Input | Entry | Block)]


def option_values(option):
    """Return a strategy for values of one option, kept small."""
    small = st.integers(int(option.least or 0), int(min(option.most or 6, (option.least or 0) + 4)))
    numbers = st.floats(option.least or 0.0, min(option.most or 1.0, 4.0), exclude_max=True, width=32)
    strategies = {
        "switch": st.booleans(),
        "whole": small,
        "number": numbers,
        "words": st.sampled_from(option.words or ("?",)),
        "pair": st.one_of(small, st.tuples(small, small), *([st.sampled_from(option.words)] if option.words else [])),
        "sizes": st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple),
        "choice": st.sampled_from(Init.model_fields["way"].annotation.__args__).map(lambda way: Init(way=way)),
    }
    found = strategies[option.form]
    return st.one_of(st.none(), found) if option.optional else found


@st.composite
def layers(draw, kinds=tuple(KINDS)):
    """Draw a layer of any kind, some of its options changed."""
    cls = LAYERS[draw(st.sampled_from(kinds))]
    options = {o.name: draw(option_values(o)) for o in cls.options() if draw(st.integers(0, 2)) == 0}
    try:
        return cls.read(options)
    except VitrineError:
        return cls()


@st.composite
def inputs(draw):
    """Draw an input of maps, a sequence, a vector or tokens."""
    sizes = draw(st.sampled_from([(3, 9, 8), (1, 12, 12), (4, 6), (6, 4), (8,), (5,)]))
    if len(sizes) == 1 and draw(st.booleans()):
        return Input(sizes=sizes, values="tokens")
    return Input(sizes=sizes)


def fits(layer, shapes):
    """Return whether the layer takes these shapes, as far as can be told."""
    if any(shape is None for shape in shapes) or check(layer, shapes):
        return False
    try:
        return outcome(layer, shapes).elements < 20_000
    except VitrineError:
        return False


@st.composite
def graphs(draw, most=7, careful=0.9):
    """Draw a graph whose layers mostly, but not always, fit what they are given."""
    graph = Graph((Node("data", draw(inputs())),), ("data",), Init(way=draw(st.sampled_from(["pytorch", "he_normal"]))))
    for _ in range(draw(st.integers(1, most))):
        graph = draw(grown(graph, careful))
    ends = [node.id for node in graph.nodes if not graph.consumers[node.id]]
    outputs = draw(st.lists(st.sampled_from(ends), min_size=1, max_size=2, unique=True))
    graph = Graph(graph.nodes, tuple(outputs), graph.init)
    return draw(grouped(graph)) if draw(st.booleans()) else graph


@st.composite
def grown(draw, graph, careful):
    """Draw one more node, fed by random nodes before it."""
    found = trace(graph)
    names = [node.id for node in graph.nodes]
    mind = draw(st.floats(0, 1)) < careful
    for _ in range(12):
        layer = draw(layers())
        number = draw(st.integers(layer.arity[0], min(layer.arity[1], layer.arity[0] + 1)))
        pools = [node.id for node in graph.nodes if node.layer.kind == "max_pool2d"]
        chosen = [draw(st.sampled_from(names[-3:] if draw(st.booleans()) else names)) for _ in range(number)]
        if layer.kind == "max_unpool2d" and pools:
            pool = draw(st.sampled_from(pools))
            chosen = [pool, pool]
        elif mind and not fits(layer, tuple(found.shapes.get(name) for name in chosen)):
            continue
        return Graph(
            (*graph.nodes, Node(edits.fresh(graph, layer.stem), layer, tuple(chosen))), graph.outputs, graph.init
        )
    return graph


@st.composite
def grouped(draw, graph):
    """Draw a block around some neighbouring nodes, where one can be made; perhaps it repeats."""
    names = [node.id for node in graph.nodes if not isinstance(node.layer, Input)]
    if not names:
        return graph
    start = draw(st.integers(0, len(names) - 1))
    chosen = names[start : start + draw(st.integers(1, 4))]
    try:
        made = edits.group(graph, chosen, "Part")
    except VitrineError:
        return graph
    block = next(node for node in made.nodes if node.block)
    repeated = edits.replace(made, block.id, block.layer.model_copy(update={"repeat": draw(st.integers(1, 3))}))
    return repeated if trace(repeated).sound else made


def shapes_of(cls, given):
    """Return the shapes of a kind's example."""
    return tuple(Shape(sizes, cls.tokens) for sizes in given)
