"""How exported source begins its weights, where PyTorch's own way is not wanted."""

import re

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from engine.graph.graph import Graph
from engine.graph.trace import Step, trace
from engine.layers import Init
from engine.layers.base import blank
from engine.layers.entry import Given

SIMPLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Embedding)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d)
GATES = {nn.RNN: 1, nn.LSTM: 4, nn.GRU: 3, nn.MultiheadAttention: 3}


def starts(graph: Graph) -> tuple[list[Step], list[str]]:
    """Return the lines that begin weights, and the layers for which they need `beginning`; nothing where torch's do."""
    steps = [
        s for s in trace(graph).steps if not isinstance(s.layer, Given) and s.layer.weights(blank(s.layer, s.given))
    ]
    chosen = {step.path: _chosen(graph, step) for step in steps}
    if not any(init.function() for init in chosen.values()):
        return [], []
    lines = [f"begin(self, {_call(graph.init)})"] if graph.init.function() else []
    for step in steps:
        if chosen[step.path] != graph.init:
            lines += _differently(step, chosen[step.path])
        if hasattr(blank(step.layer, step.given), "begin"):  # which sets what the option of a layer says
            lines.append(f"self.{reached(step.path)}.begin()")
    return steps, lines


def _chosen(graph: Graph, step: Step) -> Init:
    """Return a layer's own initialisation, or that of the innermost block or graph that has one."""
    if own := getattr(step.layer, "init", None):
        return own
    init, inner = graph.init, graph
    for name in step.place.split(".")[:-1]:
        block = inner.by_id[name].block
        assert block
        inner = block.graph
        init = init if inner.init == Init() else inner.init
    return init


def _call(init: Init) -> str:
    name, options = init.function() or ("", {})
    return ", ".join([f"nn.init.{name}", *(f"{k}={_quoted(v)}" for k, v in options.items())])


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def reached(path: str) -> str:
    """Return how Python reaches what lies at a path: a number in it is a place among several."""
    return re.sub(r"\.(\d+)", r"[\1]", path)


def _differently(step: Step, init: Init) -> list[str]:
    if init.function():
        return [f"begin(self.{reached(step.path)}, {_call(init)})"]
    inner = blank(step.layer, step.given).named_modules()
    resets = [name for name, module in inner if isinstance(module, SIMPLE + TRANSPOSED + (nn.RNNBase,))]
    return [f"{'.'.join(filter(None, [f'self.{reached(step.path)}', name]))}.reset_parameters()" for name in resets]


def beginning(steps: list[Step]) -> str:
    """Return the function that begins weights, for just those kinds of module that these layers have."""
    every = [m for s in steps for m in blank(s.layer, s.given).modules()]
    types = {type(m) for m in every}
    normed = any(is_parametrized(m) for m in every)
    simple = _named([t for t in SIMPLE if any(issubclass(u, t) for u in types)])
    transposed = _named([t for t in TRANSPOSED if any(issubclass(u, t) for u in types)])
    gates = {t: n for t, n in GATES.items() if t in types}
    lines = [
        "def begin(network, fill, **options):",
        '    """Fill all weights within by `fill`; biases begin at zero."""',
    ]
    lines.append("    for module in network.modules():")
    if simple:
        lines += [f"        if isinstance(module, {simple}):", *_filled(normed, "**options")]
        if nn.Embedding in types:
            lines += [
                '            if getattr(module, "padding_idx", None) is not None:',
                "                nn.init.zeros_(module.weight.data[module.padding_idx])",
            ]
    if transposed:
        lines += [
            f"        if isinstance(module, {transposed}):  # lists its outputs second",
            '            mode = {"mode": "fan_out"} if "kaiming" in fill.__name__ else {}',
            *_filled(normed, "**options, **mode"),
        ]
    for kind, parts in gates.items():
        own = "" if kind is not nn.MultiheadAttention else ' and "out_proj" not in name'
        lines += [
            f"        if isinstance(module, {_named([kind])}):",
            "            for name, parameter in module.named_parameters():",
            f'                if parameter.dim() > 1 and "bias" not in name{own}:',
            f"                    for part in parameter.data.chunk({_parts(kind, parts)}):",
            "                        fill(part, **options)",
        ]
    lines += ["        for name, parameter in module.named_parameters(recurse=False):"]
    filled = _named([t for t in (*SIMPLE, *TRANSPOSED, *GATES) if any(issubclass(u, t) for u in types)])
    lines += [
        f'            if "bias" in name and isinstance(module, {filled}):',
        "                nn.init.zeros_(parameter)",
    ]
    return "\n".join(lines)


def _filled(normed: bool, options: str) -> list[str]:
    """Return the lines that fill a module's weight; one that is normed is worked out from what it is set to."""
    if not normed:
        return [f"            fill(module.weight, {options})"]
    return [
        "            weight = module.weight.detach().clone()",
        f"            fill(weight, {options})",
        '            if hasattr(module, "parametrizations"):',
        "                module.weight = weight",
        "            else:",
        "                module.weight.data = weight",
    ]


def _parts(kind: type[nn.Module], parts: int) -> str:
    return f'{parts} if name == "in_proj_weight" else 1' if kind is nn.MultiheadAttention else str(parts)


def _named(types: list[type[nn.Module]]) -> str:
    names = [f"nn.{t.__name__}" for t in types]
    return names[0] if len(names) == 1 else f"({', '.join(names)})" if names else ""
