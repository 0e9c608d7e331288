"""What every kind of layer answers: options, module, formulas, and what it cannot take."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn
from torch.nn.utils import parametrizations

from engine.choice import Choice, kinds, option
from engine.errors import VitrineError
from engine.layers.formula import Formula
from engine.registry import Registry

LAYERS: Registry[type["Layer"]] = Registry("kind of layer")

Count = Annotated[int, Field(ge=1, le=1_000_000)]  # units, channels, entries
Length = Annotated[int, Field(ge=1, le=100_000)]  # places along one axis
Small = Annotated[int, Field(ge=1, le=1_024)]  # kernels, strides
Margin = Annotated[int, Field(ge=0, le=1_024)]  # padding
Share = Annotated[float, Field(ge=0, lt=1)]
Pair = Small | tuple[Small, Small]  # one number for both axes, or height and width


@dataclass(frozen=True)
class Shape:
    """The sizes of one example on one edge of a graph, without the batch."""

    sizes: tuple[int, ...]
    tokens: bool = False  # whole numbers that stand for entries of a vocabulary
    sequence: bool = False  # whether the first axis is time, of which examples may have less
    weight: bool = False  # whether it is a layer's weight, the same for all examples

    def __str__(self) -> str:
        if self.weight:
            return f"weights {'×'.join(map(str, self.sizes))}"
        text = "×".join(f"{size:,}" if size >= 10_000 else str(size) for size in self.sizes)
        return f"{'≤' * self.sequence}{text}{' tokens' * self.tokens}"

    @property
    def rank(self) -> int:
        """Return the number of axes."""
        return len(self.sizes)

    @property
    def elements(self) -> int:
        """Return how many numbers one example has here."""
        return functools.reduce(lambda a, b: a * b, self.sizes, 1)

    @property
    def places(self) -> tuple[int, ...]:
        """Return the sizes of the axes that say where: of a sequence its length, of all else what follows channels."""
        return self.sizes[:1] if self.sequence and self.rank < 3 else self.sizes[1:]

    @property
    def turned(self) -> "Shape":
        """Return a sequence of length×features as channels×length, which is how windows are reckoned."""
        return Shape(self.sizes[::-1]) if self.sequence else self

    @property
    def bytes(self) -> int:
        """Return the memory of one example here."""
        return self.elements * (8 if self.tokens else 4)


NORMS: dict[str, Callable[..., nn.Module]] = {
    "weight": parametrizations.weight_norm,
    "spectral": parametrizations.spectral_norm,
}
NORMED = option(
    "no",
    "Learn the length of each unit's weights apart from their direction (weight), or divide all by their largest "
    "stretch, so that nothing is stretched by more than 1 (spectral).",
    rare=True,
)
Normed = Literal["no", "weight", "spectral"]


@dataclass(frozen=True)
class Call:
    """A module's class and options: can be carried out, and can be printed."""

    target: type[nn.Module]
    options: tuple[tuple[str, Any], ...]
    normed: str = "no"  # how its weight is normed

    def __call__(self) -> nn.Module:
        """Make the module."""
        module = self.target(**dict(self.options))
        return module if self.normed == "no" else NORMS[self.normed](module, **self.along)

    @property
    def along(self) -> dict[str, int]:
        """Return along which axis of the weight outputs lie, where the norm would take another."""
        return {"dim": 1} if self.normed == "weight" and "Transpose" in self.target.__name__ else {}

    @property
    def name(self) -> str:
        """Return the class as source code names it."""
        own = self.target.__module__.startswith("engine.layers.")
        return self.target.__name__ if own else f"nn.{self.target.__name__}"


def call(target: type[nn.Module], **options: Any) -> Call:
    """Make a call whose options stand in the order of the target's own parameters."""
    order = list(inspect.signature(target).parameters)
    return Call(target, tuple(sorted(options.items(), key=lambda item: order.index(item[0]))))


@dataclass(frozen=True)
class Refusal:
    """Why a layer cannot take what it is given: what it needs, what came, what to do."""

    need: str  # 'room for a 5×5 kernel'
    got: str  # '3×3'
    cure: str  # 'Use a smaller kernel, padding, or remove {source}.'


@dataclass(frozen=True)
class Window:
    """The inputs that outputs see along one axis: output q·period + r sees q·shift + reaches[r], first to last."""

    shift: int
    reaches: tuple[tuple[int, int], ...]

    @property
    def period(self) -> int:
        """Return after how many outputs the pattern repeats."""
        return len(self.reaches)

    def of(self, place: int) -> tuple[int, int]:
        """Return the first and the last input that one output sees."""
        turn, phase = divmod(place, self.period)
        first, last = self.reaches[phase]
        return turn * self.shift + first, turn * self.shift + last


Sees = tuple[Window, ...] | Literal["point", "whole", "scattered"]


class Layer(Choice):
    """One kind of layer with its options."""

    title: ClassVar[str] = ""
    family: ClassVar[str] = ""
    also: ClassVar[str] = ""  # other names, by which people look for it
    stem: ClassVar[str] = ""  # what nodes of this kind are called: conv1, conv2, …
    takes: ClassVar[tuple[int, ...]] = (1, 2, 3)  # how many axes an input may have
    tokens: ClassVar[bool] = False  # whether the input is tokens rather than numbers
    over_time: ClassVar[bool] = False  # whether it is right of sequences that end before others do
    along_time: ClassVar[bool] = False  # whether it slides along a sequence, which it reckons as channels×length
    arity: ClassVar[tuple[int, int]] = (1, 1)  # how many inputs, least and most
    further: ClassVar[tuple[int, ...]] = ()  # how many axes those behind the first may have, where that differs
    bound: ClassVar[int | None] = None  # which input must stay the node it is, whatever is put between
    gives_also: ClassVar[tuple[str, ...]] = ()  # what it can hand on beside its values
    expression: ClassVar[str] = ""  # how source code writes it, where no module is needed
    examples: ClassVar[tuple[tuple[dict[str, Any], tuple[tuple[int, ...], ...]], ...]] = ()

    @property
    def border(self) -> str:
        """Return what stands beyond the edge of its input: zeros, or the input reflected, replicated or circular."""
        return "zeros"

    def module(self, *given: Shape) -> Call:
        """Return how the module for these inputs is made."""
        raise TypeError(f"{self.kind} makes no module")

    def making(self, *given: Shape) -> Call:
        """Return how the module for these inputs is made, its weight normed where an option says so."""
        return replace(self.module(*given), normed=getattr(self, "normed", "no"))

    def refuses(self, *given: Shape) -> Refusal | None:
        """Return why these inputs cannot be taken, or None."""
        return None

    def formulas(self, given: tuple[Shape, ...], gives: Shape) -> tuple[Formula, ...]:
        """Return how the counts come about."""
        return ()

    def sees(self, given: Shape) -> Sees:
        """Return which places of the input one place of the output depends on."""
        return "point"

    def summary(self) -> str:
        """Return the options that matter most, in a few signs."""
        return ""

    def code(self, given: tuple[Shape, ...], names: list[str]) -> str:
        """Return the expression for these variables, where `expression` says there is one."""
        return self.expression.join(names)

    def keeps_time(self, given: tuple[Shape, ...], sizes: tuple[int, ...]) -> bool:
        """Return whether what it gives has the places of the sequence that it is given first."""
        first = given[0] if given else Shape(())
        return first.sequence and len(sizes) == 2 and (self.along_time or sizes[0] == first.sizes[0])

    def pace(self) -> tuple[int, int]:
        """Return how lengths of sequences change: from n to (n + first) // second + 1."""
        return -1, 1

    def parts(self, name: str) -> int:
        """Return of how many matrices, one upon another, a parameter is made: the gates of an LSTM, say."""
        return 1

    def weights(self, module: nn.Module) -> list[tuple[str, torch.Tensor]]:
        """Return the named weight matrices that an initialisation fills; none where it is no option."""
        if "init" not in type(self).model_fields:
            return []
        found = [(n, p.data) for n, p in module.named_parameters() if p.dim() >= 2 and "bias" not in n]
        return [(name, part) for name, matrix in found for part in matrix.chunk(self.parts(name))]


class Handing(Layer):
    """A layer that can hand on more than its values; where somebody takes it, its module gives it behind them."""

    hands: tuple[str, ...] = option((), "What is taken of that; follows from the graph.", hidden=True)


layer = kinds(LAYERS)  # registers a class of layers under its kind


def check(this: Layer, given: tuple[Shape, ...]) -> Refusal | None:
    """Return why the layer cannot take these inputs: number, kind, axes, then its own reasons."""
    least, most = this.arity
    if not least <= len(given) <= most:
        wanted = _times(least) if least == most else f"at least {_times(least)}"
        cure = "Connect another." if len(given) < least else "Disconnect one."
        return Refusal(wanted, _times(len(given)), cure)
    for place, shape in enumerate(given):
        if shape.weight and place != this.bound:
            cure = "Connect weights as the second input of a layer that goes through another's."
            return Refusal("values", str(shape), cure)
        if shape.tokens and not this.tokens:
            return Refusal("numbers", "tokens", "Put an embedding before it.")
        if this.tokens and not shape.tokens:
            return Refusal("tokens", "numbers", "Connect it to an input of tokens.")
        if shape.sequence and not this.over_time:
            return Refusal("examples of one length", f"sequences of several ({shape})", SHORTER)
        takes = this.further if place and this.further else this.takes
        if shape.rank not in takes and not shape.weight:
            return Refusal(_axes(takes), str(shape), _reshaping(takes, shape.rank))
    if getattr(this, "normed", "no") != "no" and this.along_time and given[0].sequence:
        return Refusal("examples of one length for a weight that is normed", str(given[0]), "Choose no norm.")
    return this.refuses(*given)


def _times(number: int) -> str:
    return "one input" if number == 1 else f"{number or 'no'} inputs"


SHORTER = "Put a recurrent layer or a mean over time before it, or let every example have one length."
AXES = {1: "a vector", 2: "a sequence (two axes)", 3: "maps (channels×height×width)"}


def _axes(takes: tuple[int, ...]) -> str:
    return " or ".join(AXES[rank] for rank in takes)


def _reshaping(takes: tuple[int, ...], rank: int) -> str:
    if 1 in takes and rank > 1:
        return "Put a flatten before it." if rank == 3 else "Put a flatten or a last step before it."
    return "Put a reshape before it, or connect it elsewhere."


def outcome(this: Layer, given: tuple[Shape, ...]) -> Shape:
    """Return the output's shape."""
    return outcomes(this, given)[0]


@functools.lru_cache(maxsize=8192)
def outcomes(this: Layer, given: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """Return the shapes of the output and of what is handed on beside it, by running the module on the meta device."""
    module = blank(this, given)
    inputs = [
        torch.empty(
            s.sizes if s.weight else (2, *s.sizes), dtype=torch.long if s.tokens else torch.float32, device="meta"
        )
        for s in given
    ]
    try:
        with torch.no_grad():
            output = module.eval()(*inputs)
    except (RuntimeError, ValueError, AssertionError) as error:
        raise VitrineError(f"PyTorch refuses it: {str(error).splitlines()[0]}") from None
    output, *others = output if isinstance(output, tuple) else (output,)
    if not output.numel():
        raise VitrineError("Nothing is left of its input.", cure="Use fewer or smaller steps before it.")
    sizes = tuple(output.shape[1:])
    gives = Shape(sizes, not output.is_floating_point(), this.keeps_time(given, sizes))
    return gives, *(Shape(tuple(other.shape[1:]), sequence=other.dim() > 2 and given[0].sequence) for other in others)


@functools.lru_cache(maxsize=8192)
def blank(this: Layer, given: tuple[Shape, ...]) -> nn.Module:
    """Return the layer's module on the meta device, where weights take no memory."""
    try:
        with torch.device("meta"):
            return this.making(*given)()
    except (RuntimeError, ValueError, AssertionError, OverflowError) as error:
        raise VitrineError(f"PyTorch refuses it: {str(error).splitlines()[0]}") from None


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return height and width."""
    return value if isinstance(value, tuple) else (value, value)


def times(value: int | tuple[int, int]) -> str:
    """Return '5×5' for 5, and '3×5' for (3, 5)."""
    return "×".join(map(str, pair(value)))
