"""How weights begin."""

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import nn

from engine.choice import Choice, option

Way = Literal[
    "pytorch",
    "zeros",
    "constant",
    "normal",
    "xavier",
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "orthogonal",
]


class Init(Choice):
    """How the weights of a layer begin; biases begin at zero, except with PyTorch's own way."""

    kind = "init"

    way: Way = option(
        "pytorch",
        "PyTorch's own; zeros (nothing learns); one constant; normal; Xavier N(0, 1/n_in), which others call LeCun's; "
        "Glorot N(0, 2/(n_in+n_out)); He N(0, 2/n_in); or orthogonal.",
    )
    value: Annotated[float, Field(ge=-100, le=100)] = option(
        0.05, "The constant itself, or the deviation of the normal distribution."
    )

    def function(self, transposed: bool = False) -> tuple[str, dict[str, Any]] | None:
        """Return the name and options of the `torch.nn.init` function, or None for PyTorch's own."""
        fan = {"mode": "fan_out"} if transposed else {}  # a transposed kernel lists outputs second
        functions: dict[str, tuple[str, dict[str, Any]]] = {
            "zeros": ("zeros_", {}),
            "constant": ("constant_", {"val": self.value}),
            "normal": ("normal_", {"std": abs(self.value)}),
            "xavier": ("kaiming_normal_", {"nonlinearity": "linear"} | fan),
            "glorot_uniform": ("xavier_uniform_", {}),
            "glorot_normal": ("xavier_normal_", {}),
            "he_uniform": ("kaiming_uniform_", {"nonlinearity": "relu"} | fan),
            "he_normal": ("kaiming_normal_", {"nonlinearity": "relu"} | fan),
            "orthogonal": ("orthogonal_", {}),
        }
        return functions.get(self.way)

    def fill(self, weights: list[torch.Tensor], biases: list[torch.Tensor], transposed: bool) -> None:
        """Fill the weights, and set the biases to zero."""
        if not (found := self.function(transposed)):
            return
        name, options = found
        for weight in weights:
            getattr(nn.init, name)(weight, **options)
        for bias in biases:
            nn.init.zeros_(bias)


BEGINNING = option(None, "How this layer's weights begin; otherwise as the network says.", rare=True)
