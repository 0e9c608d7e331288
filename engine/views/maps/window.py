"""Window: what one place of a convolution or pooling is made of, and where gradients come from on the way back."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}
Place = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """How a layer slides over what it is given; without a weight it pools."""

    kernel: Place
    stride: Place
    pads: tuple[Place, Place]  # before and after, down and along
    dilation: Place
    units: int
    weight: torch.Tensor | None = None  # units × channels of the unit's group × height × width
    bias: torch.Tensor | None = None
    groups: int = 1
    mode: str = "zeros"
    pools: str = ""  # max, average or sum

    @classmethod
    def of(cls, layer: Any, module: nn.Module, channels: int) -> "Window":
        """Return the window of a layer and its module, which is given so many channels."""
        kernel, stride, pads, dilation = layer._geometry(2)
        shape = {"kernel": kernel, "stride": stride, "pads": pads, "dilation": dilation}
        if not isinstance(module, nn.Conv2d):
            return cls(**shape, units=channels, pools=layer.kind.partition("_")[0])
        weight, bias = (None if w is None else w.detach().float().cpu() for w in (module.weight, module.bias))
        filters = {"weight": weight, "bias": bias, "groups": module.groups, "mode": module.padding_mode}
        return cls(**shape, units=len(module.weight), **filters)

    def places(self, sizes: Any) -> Place:
        """Return how many places there are down and along."""
        down, along = (
            (size + sum(pads) - dilation * (kernel - 1) - 1) // stride + 1
            for size, kernel, stride, pads, dilation in zip(
                sizes, self.kernel, self.stride, self.pads, self.dilation, strict=True
            )
        )
        return down, along

    def told(self) -> dict[str, str]:
        """Return the geometry in words."""
        said = [f"stride {_both(self.stride)}"]
        if any(map(any, self.pads)):
            said.append(f"padding {'/'.join(str(p) for p in dict.fromkeys(p for pair in self.pads for p in pair))}")
        if max(self.dilation) > 1:
            said.append(f"dilation {_both(self.dilation)}")
        return {"geometry": ", ".join([f"{self.kernel[0]}×{self.kernel[1]}", *said])}

    def rows(self, row: int, column: int) -> tuple[list[int], list[int]]:
        """Return which rows and columns of the input the window covers there, beyond its edges too."""
        down, along = (
            [place * stride - pads[0] + dilation * k for k in range(kernel)]
            for place, stride, pads, dilation, kernel in zip(
                (row, column), self.stride, self.pads, self.dilation, self.kernel, strict=True
            )
        )
        return down, along


def _both(pair: Place) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}×{pair[1]}"


@dataclass(frozen=True)
class Sum:
    """One number with all that it is made of."""

    patch: torch.Tensor
    maps: dict[str, torch.Tensor]  # what the window moves over, and what comes of it
    words: dict[str, Any]
    kernel: torch.Tensor | None = None
    share: torch.Tensor | None = None  # of a pooling: what each place gives, or is given
    boxes: dict[str, Any] = field(default_factory=dict)

    def arrays(self) -> dict[str, Any]:
        """Return the arrays of a frame."""
        found = {"patch": self.patch, **self.maps}
        found |= {} if self.kernel is None else {"kernel": self.kernel}
        found |= {} if self.share is None else {"share": self.share}
        return {name: values.numpy() for name, values in found.items()}

    def told(self) -> dict[str, Any]:
        """Return the words of a frame."""
        return self.words | {"boxes": self.boxes}


def forward(x: torch.Tensor, window: Window, unit: int, row: int, column: int) -> Sum:
    """Return what a convolution's output is made of."""
    assert window.weight is not None
    every = window.weight.shape[1]
    first = unit // (window.units // window.groups) * every
    (up, down), (left, right) = window.pads
    padded = F.pad(x[None, first : first + every], (left, right, up, down), MODES[window.mode])[0]
    rows, columns = window.rows(row, column)
    patch = padded[:, [r + up for r in rows]][:, :, [c + left for c in columns]]
    kernel = window.weight[unit]
    bias = None if window.bias is None else float(window.bias[unit])
    gives = F.conv2d(padded[None], kernel[None], stride=window.stride, dilation=window.dilation)[0, 0] + (bias or 0.0)
    words = {
        "what": f"map {unit}, row {row}, column {column}",
        "value": float((patch * kernel).sum()) + (bias or 0.0),
        "bias": bias,
        "row": row,
        "column": column,
        "places": list(gives.shape),
        "channels": len(patch),
        "columns": ["patch of the input", "kernel", "products"],
        "each": "channel",
        "from": "input" if every == 1 else "input, strongest channel",
        "to": f"output, map {unit}",
        "clicks": "to",
    }
    shown = x[first : first + every]
    boxes = {"from": [_ends(rows), _ends(columns)], "to": [[row, row], [column, column]]}
    strongest = shown[int(shown.abs().amax(dim=(1, 2)).argmax())]
    return Sum(patch, {"from": strongest, "to": gives}, words, kernel, boxes=boxes)


def _ends(places: list[int]) -> list[int]:
    return [places[0], places[-1]]


def backward(x: torch.Tensor, window: Window, unit: int, row: int, column: int, gradient: torch.Tensor) -> Sum:
    """Return what the gradient of one place of the input is made of: output gradients through the turned kernel."""
    assert window.weight is not None
    high, wide = window.kernel
    inside = x.shape[0] // window.groups
    group, channel = divmod(unit, inside)
    outputs = window.units // window.groups
    mine = slice(group * outputs, (group + 1) * outputs)
    turned = window.weight[mine, channel].flip(1, 2)
    taps = [
        [_source(place, pads[0], dilation * (size - 1 - k), stride, end) for k in range(size)]
        for place, pads, dilation, size, stride, end in zip(
            (row, column), window.pads, window.dilation, window.kernel, window.stride, gradient.shape[1:], strict=True
        )
    ]
    patch = torch.zeros(outputs, high, wide)
    for i, down in enumerate(taps[0]):
        for j, along in enumerate(taps[1]):
            if down is not None and along is not None:
                patch[:, i, j] = gradient[mine, down, along]
    filters = window.weight[mine, channel : channel + 1]
    whole = F.conv_transpose2d(gradient[None, mine], filters, None, window.stride, dilation=window.dilation)
    (up, _), (left, _) = window.pads
    given = torch.zeros(whole.shape[2] + x.shape[1], whole.shape[3] + x.shape[2])
    given[: whole.shape[2], : whole.shape[3]] = whole[0, 0]
    given = given[up : up + x.shape[1], left : left + x.shape[2]]
    met = [[t for t in axis if t is not None] or [0] for axis in taps]
    words = {
        "what": f"gradient of input channel {unit}, row {row}, column {column}",
        "value": float((patch * turned).sum()),
        "bias": None,
        "row": row,
        "column": column,
        "places": list(x.shape[1:]),
        "channels": outputs,
        "columns": ["gradient of the output", "kernel, turned by 180°", "products"],
        "each": "map",
        "from": "gradient of the output, strongest map",
        "to": f"gradient of input channel {unit}",
        "clicks": "to",
    }
    strongest = gradient[mine][int(gradient[mine].abs().amax(dim=(1, 2)).argmax())]
    boxes = {"from": [[min(m), max(m)] for m in met], "to": [[row, row], [column, column]]}
    return Sum(patch, {"from": strongest, "to": given}, words, turned, boxes=boxes)


def _source(place: int, pad: int, reach: int, stride: int, end: int) -> int | None:
    """Return which output a place of the input meets through one tap of the kernel, if any."""
    at, rest = divmod(place + pad - reach, stride)
    return at if rest == 0 and 0 <= at < end else None


def pooled(
    x: torch.Tensor,
    window: Window,
    unit: int,
    row: int,
    column: int,
    gives: torch.Tensor | None = None,
    gradient: torch.Tensor | None = None,
) -> Sum:
    """Return what a pooling's output is made of, or where the gradient of that output goes."""
    rows, columns = window.rows(row, column)
    high, wide = x.shape[1:]
    outside = float("-inf") if window.pools == "max" else 0.0
    patch = torch.full(window.kernel, outside)
    inside = torch.zeros(window.kernel, dtype=torch.bool)
    for i, r in enumerate(rows):
        for j, c in enumerate(columns):
            if 0 <= r < high and 0 <= c < wide:
                patch[i, j], inside[i, j] = x[unit, r, c], True
    # A window that hangs over the edge counts the padding in, but not what lies beyond it.
    counted = sum(r < high + window.pads[0][1] for r in rows) * sum(c < wide + window.pads[1][1] for c in columns)
    winner = divmod(int(patch.argmax()), window.kernel[1])
    if window.pools == "max":
        value, share = float(patch.max()), torch.zeros(window.kernel)
        share[winner] = 1.0
    else:
        value = float(patch.sum()) / (counted if window.pools == "average" else 1)
        share = inside.float() / (counted if window.pools == "average" else 1)
    sign = {"max": "largest", "average": "mean", "sum": "sum"}[window.pools]
    said = f"the {sign} of {int(inside.sum())} is <b>{value:.4g}</b>"
    title = "who gives how much"
    if gradient is not None:
        came = float(gradient[unit, row, column])
        share = share * came
        goes = "goes to the winner only" if window.pools == "max" else "is shared out"
        said, title = f"the output's gradient {came:.4g} {goes}", "gradient of each place"
    after = gives if gradient is None else gradient
    shown = F.max_pool2d(x[None, unit], window.kernel, window.stride)[0] if after is None else after[unit]
    words = {
        "said": f"map {unit}, row {row}, column {column}: {said} · {window.told()['geometry']}".replace("-", "−"),
        "share": title,
        "value": value,
        "bias": None,
        "row": row,
        "column": column,
        "places": list(shown.shape),
        "channels": 1,
        "winners": [list(winner)] if window.pools == "max" else [],
        "from": f"input, map {unit}",
        "to": f"output, map {unit}" if gradient is None else "gradient of the output",
        "clicks": "to",
    }
    boxes = {"from": [_ends(rows), _ends(columns)], "to": [[row, row], [column, column]]}
    return Sum(patch, {"from": x[unit], "to": shown}, words, share=share, boxes=boxes)


PATCH = (
    ((0, 0, 0), (0, 156, 155), (0, 153, 154)),
    ((0, 0, 0), (0, 167, 166), (0, 164, 165)),
    ((0, 0, 0), (0, 163, 162), (0, 160, 161)),
)
KERNELS = (
    ((-1, -1, 1), (0, 1, -1), (0, 1, 1)),
    ((1, 0, 0), (1, -1, -1), (1, 0, -1)),
    ((0, 1, 1), (0, 1, 0), (1, -1, 1)),
)
POOLED = ((1, 2, 5, 3), (3, 0, 1, 2), (2, 1, 3, 4), (1, 1, 2, 0))
NONE = ((0, 0), (0, 0))
EXAMPLES = {  # what the lecture notes work out: 308 − 498 + 164 + 1 = −25, and (3 5; 2 4)
    "colour patch": (
        torch.tensor(PATCH).float(),
        Window((3, 3), (1, 1), NONE, (1, 1), 1, torch.tensor([KERNELS]).float(), torch.ones(1)),
    ),
    "pooling": (torch.tensor([POOLED]).float(), Window((2, 2), (2, 2), NONE, (1, 1), 1, pools="max")),
}
