"""Sequences of length×features: embeddings, positions, recurrence."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import nn

from engine.choice import option
from engine.layers import modules
from engine.layers.base import Call, Count, Handing, Layer, Refusal, Share, layer
from engine.layers.base import call as made
from engine.layers.formula import formula
from engine.layers.initialisation import BEGINNING, Init


@layer("embedding")
class Embedding(Layer):
    """Gives every token of a vocabulary a vector that is learned."""

    title, family, stem, takes, tokens = "Embedding", "sequence", "embed", (1,), True
    over_time = True
    examples = (({"vocabulary": 50, "features": 8}, ((12,),)),)

    vocabulary: Count = option(1000, "How many different tokens there are.")
    features: Count = option(32, "The length of each vector.")
    init: Init | None = BEGINNING

    def module(self, *given):
        """Return torch's embedding."""
        padding = {"padding_idx": 0} if given[0].sequence else {}  # whose vector stays zero
        return made(nn.Embedding, num_embeddings=self.vocabulary, embedding_dim=self.features, **padding)

    def keeps_time(self, given, sizes):
        """Return that every token keeps its place."""
        return given[0].sequence

    def formulas(self, given, gives):
        """Return the size of the table; nothing is multiplied, vectors are looked up."""
        return (formula("weights", "vocabulary * features", vocabulary=self.vocabulary, features=self.features),)

    def summary(self):
        """Return the table's size."""
        return f"{self.vocabulary:,} → {self.features}"


@layer("positional_encoding")
class PositionalEncoding(Layer):
    """Adds to every place what tells where it is; attention by itself cannot see order."""

    title, family, stem, takes = "Positional encoding", "sequence", "position", (2,)
    over_time = True
    examples = (({}, ((7, 5),)), ({"way": "learned"}, ((7, 6),)))

    way: Literal["sines", "learned"] = option("sines", "Fixed sines and cosines, or vectors that are learned.")

    def module(self, *given):
        """Return the module that adds positions."""
        target = modules.PositionalEncoding if self.way == "sines" else modules.LearnedPositions
        return made(target, length=given[0].sizes[0], features=given[0].sizes[1])

    def formulas(self, given, gives):
        """Return one vector a place, where they are learned."""
        if self.way == "sines":
            return ()
        return (formula("weights", "length * features", length=gives.sizes[0], features=gives.sizes[1]),)


class _Recurrent(Handing):
    """What recurrent layers have in common."""

    family, takes, over_time = "sequence", (2,), True
    arity, further, gives_also = (1, 2), (1,), ("state",)
    gates: ClassVar[int] = 1
    cell: ClassVar[Any] = None
    examples = (
        ({"units": 6}, ((7, 5),)),
        ({"units": 4, "layers": 2, "both_directions": True, "gives": "sequence"}, ((7, 5),)),
        ({"units": 4, "layers": 2, "dropout": 0.2, "bias": False}, ((7, 5),)),
    )

    units: Count = option(32, "How many numbers the layer remembers.")
    gives: Literal["last", "sequence"] = option("last", "Where it ends up, or its state at every place.")
    layers: Annotated[int, Field(ge=1, le=16)] = option(1, "How many such layers stand on one another.")
    both_directions: bool = option(False, "Read the sequence backwards too, and join both.")
    dropout: Share = option(0.0, "The share dropped between the layers.")
    bias: bool = option(True, "Add learned constants.", rare=True)
    init: Init | None = BEGINNING

    @property
    def remembers(self) -> int:
        """Return how many numbers its whole state is: of every layer and direction, of an LSTM its memory too."""
        return self.units * self.layers * (2 if self.both_directions else 1) * (2 if self.cell is nn.LSTM else 1)

    def _options(self) -> dict[str, Any]:
        return {}

    def module(self, *given) -> Call:
        """Return torch's recurrent layer, wrapped to give one tensor."""
        options = {"num_layers": self.layers, "bias": self.bias, "dropout": self.dropout}
        options |= {"bidirectional": self.both_directions, "state": "state" in self.hands} | self._options()
        defaults: dict[str, Any] = {"num_layers": 1, "bias": True, "dropout": 0.0, "bidirectional": False}
        defaults |= {"nonlinearity": "tanh", "state": False, "forget_bias": None}
        chosen = tuple((k, v) for k, v in options.items() if v != defaults[k])
        head = (("cell", self.cell), ("inputs", given[0].sizes[1]), ("units", self.units))
        return Call(modules.Recurrent, (*head, ("whole", self.gives == "sequence"), *chosen))

    def refuses(self, *given):
        """Refuse dropout between layers where there is only one, and a first state of another size."""
        if len(given) > 1 and given[1].sizes != (self.remembers,):
            need = f"a first state of {self.remembers:,} numbers"
            return Refusal(need, str(given[1]), f"Let the second input be {self.remembers:,}.")
        if self.dropout and self.layers == 1:
            return Refusal(
                "a second layer for dropout between layers", str(given[0]), "Set dropout to 0, or add a layer."
            )
        return None

    def formulas(self, given, gives):
        """Return the counts; neurons and connections are those of one place, used again at each."""
        n = {"gates": self.gates, "units": self.units, "inputs": given[0].sizes[1], "layers": self.layers}
        n |= {"directions": 2 if self.both_directions else 1, "length": given[0].sizes[0]}
        first = "directions * gates * units * (inputs + units{})"
        later = " + (layers - 1) * directions * gates * units * (directions * units + units{})"
        rule = first + (later if self.layers > 1 else "")
        plain = rule.replace("{}", "")
        biased = rule.replace("{}", " + 2") if self.bias else plain
        return (
            formula("weights", biased, **n),
            formula("neurons", "layers * directions * units", **n),
            formula("connections", plain, **n),
            formula("connections with biases", biased, **n),
            formula("multiply-adds", f"length * ({plain})", **n),
        )

    def sees(self, given):
        """Return that the state depends on the whole sequence."""
        return "whole"

    def parts(self, name):
        """Return the number of gates, so that each counts its own inputs and outputs."""
        return self.gates

    def summary(self):
        """Return units, layers and directions."""
        more = f", {self.layers} layers" if self.layers > 1 else ""
        return f"{self.units} units{more}" + (" ⇄" if self.both_directions else "")


@layer("rnn")
class RNN(_Recurrent):
    """Reads a sequence step by step and keeps one state: tanh of input and last state."""

    title, stem, cell = "Vanilla RNN", "rnn", nn.RNN

    activation: Literal["tanh", "relu"] = option("tanh", "What the state passes through.")

    def _options(self):
        return {"nonlinearity": self.activation}


@layer("lstm")
class LSTM(_Recurrent):
    """Keeps a memory behind input, forget and output gates, so that it can hold on for long."""

    title, stem, cell, gates = "LSTM", "lstm", nn.LSTM, 4
    examples = (*_Recurrent.examples, ({"units": 4, "forget_bias": 1.0}, ((7, 5), (8,))))

    forget_bias: Annotated[float, Field(ge=-20, le=20)] | None = option(
        None,
        "What the forget gate's bias begins at; with 1 it holds on to what it knows from the start.",
        none="as the others",
        rare=True,
    )

    def _options(self):
        return {"forget_bias": self.forget_bias}


@layer("gru")
class GRU(_Recurrent):
    """Keeps one state behind a reset and an update gate: nearly an LSTM, with fewer weights.

    In PyTorch's form the reset gate weighs what the state was multiplied to; in the first paper's, the state itself.
    """

    title, stem, cell, gates = "GRU", "gru", nn.GRU, 3


class _OverTime(Layer):
    family, stem, takes, over_time = "sequence", "over", (2,), True
    target: ClassVar[Any] = None
    examples = (({}, ((7, 5),)),)

    def module(self, *given):
        """Return the module that leaves one vector."""
        return made(self.target)

    def sees(self, given):
        """Return that every place counts."""
        return "whole"


@layer("last_step")
class LastStep(_OverTime):
    """Keeps only the last place of a sequence."""

    title, stem, target = "Last step", "last", modules.LastStep


@layer("mean_over_time")
class MeanOverTime(_OverTime):
    """Keeps the mean over all places of a sequence."""

    title, stem, target = "Mean over time", "mean", modules.MeanOverTime


@layer("max_over_time")
class MaxOverTime(_OverTime):
    """Keeps each feature's largest value over a sequence."""

    title, stem, target = "Max over time", "max", modules.MaxOverTime
