"""Where and how exactly to compute."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from engine.errors import VitrineError
from engine.training.recipe import Recipe

BITS = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Place:
    """A device, and the recipe's way of using it."""

    device: torch.device
    recipe: Recipe

    def bring(self, network: nn.Module) -> nn.Module:
        """Return the network on the device, in the recipe's memory format."""
        network = network.to(self.device)
        if self.recipe.channels_last:
            for parameter in network.parameters():
                if parameter.dim() == 4:
                    parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return network

    def arranged(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return maps in the recipe's memory format."""
        last = self.recipe.channels_last and inputs.dim() == 4
        return inputs.contiguous(memory_format=torch.channels_last) if last else inputs.contiguous()

    def precision(self) -> contextlib.AbstractContextManager:
        """Return the context in which networks compute with the recipe's precision."""
        if self.recipe.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, BITS[self.recipe.precision])

    def precise(self, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Return what is worked out with the recipe's precision."""
        with self.precision():
            return work()

    def random(self) -> dict[str, torch.Tensor]:
        """Return the state from which random numbers are drawn."""
        states = {"cpu": torch.get_rng_state()}
        return states | ({"cuda": torch.cuda.get_rng_state()} if self.device.type == "cuda" else {})

    def draw_as(self, states: dict[str, torch.Tensor]) -> None:
        """Draw random numbers from a state on."""
        torch.set_rng_state(states["cpu"])
        if self.device.type == "cuda" and "cuda" in states:  # they may come from another machine
            torch.cuda.set_rng_state(states["cuda"])

    def aside(self) -> contextlib.AbstractContextManager:
        """Return the context in which random numbers may be drawn, and afterwards it is as if none had been."""
        return torch.random.fork_rng([self.device] if self.device.type == "cuda" else [])

    def scaler(self) -> torch.amp.GradScaler | None:
        """Return what keeps small gradients from vanishing in 16 bits of the narrow kind."""
        return torch.amp.GradScaler(self.device.type) if self.recipe.precision == "fp16" else None


def place(recipe: Recipe) -> Place:
    """Return the recipe's device, or say that this machine does not have it."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    name = recipe.device
    if name == "auto":
        name = next(kind for kind, here in available.items() if here)
    if not available[name]:
        raise VitrineError(f"This machine has no device {name!r}.", cure="Choose 'auto' or 'cpu'.")
    if name == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # or convolutions and cells in 32 bits would be worked out in 19
    if recipe.precision == "fp16" and name == "cpu":
        raise VitrineError("The processor does not learn in fp16.", cure="Use bf16 or fp32.")
    return Place(torch.device(name), recipe)
