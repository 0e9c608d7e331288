"""Mirror: the decoder that undoes an encoder, layer by layer from its code back to an example."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from engine.errors import VitrineError
from engine.graph import grouping
from engine.graph.graph import Graph, Node
from engine.graph.trace import trace
from engine.layers import Layer, Shape, geometry
from engine.layers.activation import Sigmoid
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input, Lent
from engine.layers.reshaping import Repeat, Reshape
from engine.layers.resizing import UpsampleNearest
from engine.layers.tied import Tied, TiedTranspose2d
from engine.layers.transposed import ConvTranspose2d

By = Literal["transposed convolution", "upsampling"]
BESIDE = ("activation", "normalisation")  # families of what stands behind a layer with weights, and goes with it
CURE = "Build the decoder by hand."


Back = Layer | tuple[Lent, Layer]  # a layer, or one that goes through weights that another network lends


def mirrored(encoder: Graph, by: By = "transposed convolution", lender: str = "") -> Graph:
    """Return the decoder that undoes an encoder; pictures end between 0 and 1, where anything is bent at all.

    Where the encoder lends its weights, under the name `lender`, dense layers and transposed convolutions go through
    those back.
    """
    if not trace(encoder).sound or not encoder.outputs:
        raise VitrineError("The encoder cannot run yet, so nothing mirrors it.", cure="Fix it first.")
    if (block := _block(encoder)) and lender:
        cure = "Ungroup it, or let the decoder have weights of its own."
        raise VitrineError(f"The layers in {block} lend no weights.", cure=cure)
    while block := _block(encoder):
        encoder = grouping.ungroup(encoder, block)
    found = trace(encoder)
    way = _way(encoder)
    takes = found.shapes[way[-1].id]
    layers: list[Back] = []
    beside: list[Layer] = []
    for node in way[:-1]:
        if node.layer.family in BESIDE:
            beside.insert(0, node.layer)
            continue
        if node.layer.family == "regularisation" or node.layer.kind == "draw":
            continue
        layers += [
            *(beside if layers else []),
            *_undone(node, found.given[node.id][0], found.shapes[node.id], by, lender),
        ]
        beside = []
    if takes.rank == 2 and layers and trace(_laid(found.shapes[encoder.outputs[0]], layers)).outputs[0] != takes:
        layers.append(Dense(units=takes.sizes[1]))
    if takes.rank == 3 and any(node.layer.family == "activation" for node in way):
        layers.append(Sigmoid())
    decoder = _laid(found.shapes[encoder.outputs[0]], layers)
    made = trace(decoder)
    if not made.sound or made.outputs[0].sizes != takes.sizes:
        gives = made.outputs[0] if made.outputs else "nothing"
        raise VitrineError(f"The mirror of this encoder would give {gives} instead of {takes}.", cure=CURE)
    return decoder


def _block(graph: Graph) -> str:
    """Return the first block of a graph, or nothing."""
    return next((node.id for node in graph.nodes if node.block), "")


def _way(encoder: Graph) -> list[Node]:
    """Return the nodes from the code back to the input; of what is drawn, through its means."""
    node = encoder[encoder.outputs[0]]
    found = [node]
    while node.layer.arity[1]:
        if len(node.inputs) > 1 and node.layer.kind != "draw":
            raise VitrineError(f"Nothing mirrors {node.id}, which takes several inputs.", cure=CURE)
        node = encoder[node.inputs[0]]
        found.append(node)
    return found


def _laid(code: Shape, layers: Sequence[Back]) -> Graph:
    """Return a graph of these layers in a row, behind a code."""
    nodes, counts = [Node("code", Input(sizes=code.sizes))], Counter()

    def add(layer: Layer, *inputs: str) -> str:
        counts[layer.stem] += 1
        nodes.append(Node(f"{layer.stem}{counts[layer.stem]}", layer, inputs))
        return nodes[-1].id

    before = nodes[0].id
    for layer in layers:
        before = add(layer[1], before, add(layer[0])) if isinstance(layer, tuple) else add(layer, before)
    return Graph(tuple(nodes), (before,))


def _undone(node: Node, given: Shape, gives: Shape, by: By, lender: str) -> Sequence[Back]:
    """Return the layers that lead from what a node gives back to what it was given."""
    layer = node.layer
    if isinstance(layer, Dense) and lender:
        lent = Lent(of=f"{lender}:{node.id}", sizes=(layer.units, given.sizes[-1]))
        return [(lent, Tied(bias=layer.bias))]
    if isinstance(layer, Dense):
        return [layer.but(units=given.sizes[-1])]
    if layer.kind in ("flatten", "reshape"):
        return [Reshape(sizes=given.sizes)]
    if isinstance(layer, Conv2d) and layer.groups == 1 and geometry.spread(layer.dilation, 2) == (1, 1):
        return _unfolded(layer, given, gives, by, f"{lender}:{node.id}" if lender else "")
    if layer.family == "pooling" and given.rank == gives.rank == 3:
        times = given.sizes[1] // gives.sizes[1]
        if times > 1 and given.sizes[1:] == tuple(times * size for size in gives.sizes[1:]):
            return [UpsampleNearest(scale=times)]
        raise VitrineError(f"{node.id} makes {gives} of {given}, and no whole number enlarges that back.", cure=CURE)
    if layer.family == "sequence" and "gives" in type(layer).model_fields:
        whole = layer.but(gives="sequence")
        return [Repeat(times=given.sizes[0]), whole] if gives.rank == 1 else [whole]
    raise VitrineError(f"Nothing mirrors {node.id}.", cure=CURE)


def _unfolded(layer: Conv2d, given: Shape, gives: Shape, by: By, lent: str) -> Sequence[Back]:
    """Return what undoes a convolution: transposed, perhaps by filters that are lent, or enlarged and folded again."""
    channels = given.sizes[0]
    kernel, stride = geometry.spread(layer.kernel, 2), geometry.spread(layer.stride, 2)
    if by == "upsampling" and stride[0] == stride[1]:
        larger = [UpsampleNearest(scale=stride[0])] if stride[0] > 1 else []
        enlarged = tuple(stride[0] * size for size in gives.sizes[1:])
        if enlarged == given.sizes[1:]:
            return [*larger, Conv2d(channels=channels, kernel=layer.kernel, padding="same", bias=layer.bias)]
    if layer.padding == "same":
        padding = tuple((side - 1) // 2 for side in kernel)
    else:
        padding = (0, 0) if layer.padding == "valid" else geometry.spread(layer.padding, 2)
    lacking = tuple(
        size - ((small - 1) * step - 2 * pad + side)
        for size, small, step, pad, side in zip(given.sizes[1:], gives.sizes[1:], stride, padding, kernel, strict=True)
    )
    if not all(0 <= more < max(step, 1) for more, step in zip(lacking, stride, strict=True)):
        raise VitrineError(f"No transposed convolution makes {given} of {gives} again.", cure=CURE)
    options: dict[str, Any] = {"stride": layer.stride, "bias": layer.bias}
    options |= {"padding": _short(padding), "output_padding": _short(lacking)}
    if lent:
        return [(Lent(of=lent, sizes=(gives.sizes[0], channels, *kernel)), TiedTranspose2d(**options))]
    return [ConvTranspose2d(channels=channels, kernel=layer.kernel, **options)]


def _short(pair: tuple[int, ...]) -> Any:
    """Return a pair as one number where both are the same."""
    return pair[0] if pair[0] == pair[1] else pair
