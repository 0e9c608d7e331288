"""Coding: an encoder that makes a short code of an example, and a decoder that makes the example of it again."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from engine.choice import option
from engine.data import Dataset
from engine.data.dataset import UNKNOWN
from engine.fields import Fields
from engine.graph.graph import Graph
from engine.graph.trace import trace
from engine.tasks.damage import Way, damaged
from engine.tasks.principal import MOST_ROWS, Principal, principal
from engine.tasks.probing import probed, voted
from engine.tasks.reconstruct import GivingBack
from engine.tasks.task import Turn, fits_input
from engine.tasks.telling import LABEL, Telling, size_of_code, taken

ENCODER, DECODER = "encoder", "decoder"
LINEAR = ("input", "lent", "linear", "dense", "tied", "flatten", "reshape", "permute", "repeat")
BOUNDED = ("sigmoid", "softmax")  # what ends between 0 and 1
MOST_VALUES = 2**25  # numbers of examples from which principal components are found
PROBED, NEIGHBOURS = 2000, 5  # examples from whose codes classes are told, and how many neighbours vote
DRAWN = 7  # from which chance is drawn where scores are told: always the same


class Coding(GivingBack, Telling):
    """What autoencoders have in common: examples, their codes, and what is made of them."""

    roles, flow, answering = (ENCODER, DECODER), ((ENCODER, DECODER),), DECODER
    losses, folds, unfolds, within = (ENCODER,), ENCODER, DECODER, (0.0, 1.0)

    loss: Literal["squared", "absolute", "huber", "cross-entropy"] = option(
        "squared", "How far off each number is: its square, itself, or, of numbers from 0 to 1, their cross-entropy."
    )
    noise: Way = option("none", "How examples are damaged before they are encoded; what is right stays whole.")
    strength: Annotated[float, Field(ge=0, le=1)] = option(
        0.3,
        "How much: the noise's deviation, the share of numbers that is lost, or how large a block is.",
        felt=(0.0, 1.0),
    )
    ends: tuple[float, float] = option((0.0, 1.0), "The least and the greatest number; follows from data.", hidden=True)

    def suited(self, graphs, dataset):
        """Return the task as it must be for these data."""
        missing = any(layer.sequence for layer in graphs[ENCODER].inputs.values()) or dataset.example == "series"
        return Telling.suited(self, graphs, dataset).but(incomplete=missing, ends=_ends(dataset))

    def unsuited(self, graphs):
        """Refuse networks between which, or behind which, sizes do not fit."""
        takes, entering = (taken(graphs[role]) for role in self.roles)
        codes, made = trace(graphs[ENCODER]).outputs, trace(graphs[DECODER]).outputs
        if len(takes) != 1 or not codes or len(entering) != 1 or not made:
            return "An encoder takes one example and gives a code, a decoder takes the code and gives one example."
        if codes[0].rank != 1:
            return f"The encoder gives {codes[0]}. Let its code be a row of numbers: flatten it first."
        if entering[0].sizes != codes[0].sizes:
            return f"The code is {codes[0]} but the decoder takes {entering[0]}. Let it take {codes[0]}, or mirror."
        if made[0].sizes != takes[0].sizes:
            end = graphs[DECODER].outputs[0]
            return f"{end} gives {made[0]} but an example is {takes[0]}. Let the decoder give that, or mirror."
        return ""

    def unwise(self, graphs):
        """Say that a code has room for everything, and nothing keeps the networks from copying."""
        takes = next(iter(taken(graphs[ENCODER])), None)
        if takes is None or (size := size_of_code(graphs[DECODER])) < takes.elements or self.noise != "none":
            return ""
        return (
            f"A code of {size:,} numbers has room for all {takes.elements:,} of an example: the networks can copy, and "
            "learn nothing about the data. Make the code smaller, damage what comes in, or ask for a sparse code."
        )

    def refuses(self, graphs, dataset):
        """Refuse other inputs, networks that do not fit, and losses that these numbers do not have."""
        words = self.unlearnable(dataset) or self.unsuited(graphs) or fits_input(graphs[ENCODER], dataset, LABEL)
        words = words or self.untellable(graphs, dataset)
        if words or self.loss != "cross-entropy":
            return words
        values = dataset.train.inputs  # those of a table are brought to mean 0 and deviation 1
        known = values[~values.isnan()] if values.is_floating_point() else values
        apart = values.dtype == torch.float64 or not bool(((known >= 0) & (known <= 1)).all())
        if dataset.example != "image" and apart:
            return f"Cross-entropy is for numbers from 0 to 1; {dataset.title} has others. Choose squared distances."
        if ending(graphs[DECODER]) not in BOUNDED:
            end = graphs[DECODER].outputs[0]
            return f"Cross-entropy compares numbers from 0 to 1, and {end} may give others. Add a sigmoid behind it."
        return ""

    # -- what is learned -----------------------------------------------------------------------------------------

    def coded(
        self, networks: Any, inputs: torch.Tensor, classes: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, ...]:
        """Return the codes of examples, and what the encoder gives beside them; of classes −1 nobody tells it."""
        given = networks[ENCODER](*self.entering(networks[ENCODER], inputs, classes))
        return tuple(given) if isinstance(given, Sequence) else (given,)

    def unfolded(self, networks: Any, codes: torch.Tensor, classes: torch.Tensor | None = None) -> torch.Tensor:
        """Return what is made of codes."""
        return networks[DECODER](*self.entering(networks[DECODER], codes, classes))

    def answer(self, networks, inputs):
        """Return what is made of the examples' codes."""
        return self.unfolded(networks, self.coded(networks, inputs)[0])

    def worse(self, inputs: torch.Tensor, chance: torch.Generator | None = None) -> torch.Tensor:
        """Return examples as they are damaged before they are encoded."""
        if self.noise == "none":
            return inputs
        return damaged(inputs, self.noise, self.strength, *self.ends, chance)

    def turns(self, networks, inputs, targets, step=0):
        """Yield the one turn, in which both networks move."""
        given, classes = self.worse(inputs), self.sometimes(targets)

        def loss() -> torch.Tensor:
            codes = self.coded(networks, given, classes)
            off = self.wrong(self.unfolded(networks, codes[0], classes), inputs)
            return off + self.cost(lambda one: self.coded(networks, one, classes)[0], given, codes, step)

        yield Turn(self.roles, loss)

    def cost(
        self,
        encode: Callable[[torch.Tensor], torch.Tensor],
        given: torch.Tensor,
        codes: tuple[torch.Tensor, ...],
        step: int,
    ) -> torch.Tensor:
        """Return what the codes themselves cost, beside what is lost by them."""
        raise NotImplementedError(self.kind)

    # -- how good it is ------------------------------------------------------------------------------------------

    def tried(self, networks, inputs, targets):
        """Return what is made of examples, damaged as they are while they are learned, with codes and what else is
        told; chance is the same each time.
        """
        chance = torch.Generator().manual_seed(DRAWN)
        given = self.worse(inputs, chance)
        classes = targets if self.told else None
        code, *more = self.coded(networks, given, classes)
        code = self.told_apart(code, more, chance)
        made = self.unfolded(networks, code, classes)
        told = {"made": made, "code": code} | {f"beside {n}": one for n, one in enumerate(more)}
        return Fields(told | ({"given": given} if self.noise != "none" else {}))

    def told_apart(self, code: torch.Tensor, more: list[torch.Tensor], chance: torch.Generator) -> torch.Tensor:
        """Return the code that a score is told of."""
        return code

    def beside(self, asked, split):
        """Return how well as many principal components do, and where both networks are linear, the largest angle
        between what they can make and those components.
        """
        found = self.compared(asked)
        if found is None:
            return {}
        key = ("principal", split)
        if key not in asked.lasting:
            asked.lasting[key] = self._by_principal(asked, found, asked.data[split].inputs)
        scores = {"rmse by PCA": asked.lasting[key]}
        if (ways := self.spanned(asked.networks, asked.place.device)) is not None:
            scores["angle to PCA"] = float(found.angles(ways)[0])
        return scores

    def examined(self, asked, split):
        """Return for which share of a split classes can be told from codes, by what training examples' classes are:
        by a line between them, and by five neighbours. Nobody asked for classes, and networks are not told them here.
        """
        if split == "train" or asked.dataset.goal != "class":
            return {}
        rows, truths = zip(*(self._probed(asked, name) for name in ("train", split)), strict=True)
        if not all(map(len, truths)):
            return {}
        return {"told by a line": probed(*rows, *truths), "told by neighbours": voted(*rows, *truths, NEIGHBOURS)}

    def _probed(self, asked: Any, split: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Return codes of a split's first examples whose class is known, and those classes."""
        found = asked.each(split, lambda given, _: self.coded(asked.networks, given)[0].float().cpu(), PROBED)
        targets = asked.data[split].targets[:PROBED].cpu()
        return torch.cat(found)[targets != UNKNOWN], targets[targets != UNKNOWN]

    def spanned(self, networks: Any, device: torch.device) -> torch.Tensor | None:
        """Return what each number of a code adds to an example, as columns, where both networks are linear."""
        decoder = networks[DECODER]
        if not (linear(decoder.graph) and linear(networks[ENCODER].graph)):
            return None
        units = torch.eye(size_of_code(decoder.graph), device=device)
        return (decoder(units) - decoder(torch.zeros_like(units[:1]))).float().flatten(1).T.cpu()

    def _by_principal(self, asked: Any, found: Principal, inputs: torch.Tensor) -> float:
        """Return how far off examples come back through principal components, damaged as they are for the networks."""
        off = 0.0
        for piece in asked.pieces(inputs):
            whole = asked.material.given(piece)
            given = self.worse(whole, torch.Generator().manual_seed(DRAWN)).flatten(1).cpu()
            off += float((found.given_back(given) - whole.flatten(1).cpu()).square().sum())
        return (off / max(1, inputs.numel())) ** 0.5

    def compared(self, asked: Any) -> Principal | None:
        """Return as many principal components of the training examples as a code has numbers, or nothing where some
        of those are missing.
        """
        if "principal" not in asked.lasting:
            inputs = asked.data["train"].inputs
            most = max(2, min(MOST_ROWS, MOST_VALUES // max(1, inputs[:1].numel())))
            rows = asked.material.given(inputs[:most]).flatten(1).cpu()
            whole = bool(rows.isfinite().all())
            asked.lasting["principal"] = principal(rows, size_of_code(asked.networks[DECODER].graph)) if whole else None
        return asked.lasting["principal"]


def _ends(dataset: Dataset) -> tuple[float, float]:
    """Return between which numbers examples lie as networks take them; of a table, what most columns lie between."""
    values = dataset.train.inputs
    if dataset.example == "image" or not isinstance(values, torch.Tensor):
        return 0.0, 1.0
    if values.dtype == torch.float64:
        return -2.0, 2.0
    known = values[~values.isnan()] if values.is_floating_point() else values
    return (float(known.min()), float(known.max())) if known.numel() else (0.0, 1.0)


def ending(graph: Graph) -> str:
    """Return the kind of the layer by which a network ends, whatever only reshapes behind it."""
    node = graph[graph.outputs[0]]
    while node.layer.family == "reshaping" and node.inputs:
        node = graph[node.inputs[0]]
    return node.layer.kind


def linear(graph: Graph) -> bool:
    """Return whether a network is nothing but weighted sums."""
    return all(step.layer.kind in LINEAR for step in trace(graph).steps)
