"""Deceive: a generator makes examples of noise, a discriminator tells them from real ones; each learns by the other."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.choice import option
from engine.data.dataset import drawn
from engine.fields import Fields
from engine.graph.diagram import Between
from engine.graph.trace import trace
from engine.tasks.coding import BOUNDED, DRAWN, ending
from engine.tasks.density import divergences
from engine.tasks.heaps import heaps_in, kinds_met, met, shares
from engine.tasks.judge import SURE, judge_now
from engine.tasks.resemblance import Cloud, frechet, precision_and_recall
from engine.tasks.task import Turn, fits_input, task
from engine.tasks.telling import LABEL, NOISE, Telling, size_of_code, taken
from engine.tasks.verdicts import BY_CHANCE, UNBOUNDED, WITHOUT_LABELS, Loss, Verdicts, deceived, told_apart

GENERATOR, DISCRIMINATOR = "generator", "discriminator"
JUDGED = 1000  # made points by which it is told, after each epoch, how many heaps are met
BLOCK = 1000  # rows of noise that are drawn at once where they are to be the same ones each time


@task("deceive")
class Deceive(Telling):
    """Make examples out of noise that another network takes for real, while it learns to tell them apart."""

    title = "Deceive and tell apart (GAN)"
    roles, flow, answering = (DISCRIMINATOR, GENERATOR), ((GENERATOR, DISCRIMINATOR),), DISCRIMINATOR
    between = (
        Between("", "noise", GENERATOR, "numbers that chance draws", LABEL),
        Between(GENERATOR, "made", DISCRIMINATOR, "what the generator makes of noise", LABEL),
        Between("", "real", DISCRIMINATOR, "examples of the data", LABEL),
        Between(DISCRIMINATOR, "verdict", "", "what the discriminator says: real, or made", back=GENERATOR),
    )
    goals, answers, blends = ("nothing",), "neither", False
    unfolds, within, noisy = GENERATOR, (-1.0, 1.0), True
    live = ("loss", "smooth", "blur", "penalty", "cut")

    loss: Loss = option(
        "non-saturating",
        "What both learn by: the game of the first paper, its generator's part as it is (minimax) or turned round so "
        "that its gradient lasts (non-saturating), squares, a margin (hinge), or a critic's distance (wasserstein).",
    )
    noise: Literal["gaussian", "uniform"] = option(
        "gaussian", "From what noise is drawn: standard normal numbers, or any from −1 to 1."
    )
    penalty: Annotated[float, Field(ge=0, le=1000)] = option(
        0.0,
        "Gradient penalty: how much it costs the discriminator that its slope between real and made examples is not 1; "
        "10 with wasserstein.",
    )
    cut: Annotated[float, Field(gt=0, le=100)] | None = option(
        None,
        "After each of its steps, cut the discriminator's weights to at most this; 0.01 with wasserstein.",
        none="no",
    )
    smooth: Annotated[float, Field(ge=0, le=0.5)] = option(
        0.0,
        "One-sided label smoothing: so much less than 1 is what the discriminator should say of real examples.",
        rare=True,
    )
    blur: Annotated[float, Field(ge=0, le=5)] = option(
        0.0, "Instance noise: its deviation, added to all that the discriminator looks at while it learns.", rare=True
    )
    fades: Annotated[int, Field(ge=1, le=10**7)] | None = option(
        None, "Over how many steps the instance noise fades away.", rare=True, none="never"
    )
    bounded: bool = option(False, "Whether verdicts are chances already; follows from the graphs.", hidden=True)

    def suited(self, graphs, dataset):
        """Return the task as it must be for these networks."""
        return super().suited(graphs, dataset).but(bounded=ending(graphs[DISCRIMINATOR]) == "sigmoid")

    def unlearnable(self, dataset):
        """Refuse what is not made of numbers; what else there is to learn of it does not matter."""
        if dataset.example in ("fields", "tokens"):
            what = "several fields" if dataset.example == "fields" else "words"
            return f"An example of {dataset.title} is made of {what}; numbers are made of noise."
        return f"Series of {dataset.title} differ in length; made ones cannot." if dataset.varies else ""

    def unsuited(self, graphs):
        """Refuse networks between which sizes do not fit, and verdicts that are no single number."""
        judged, noise = (taken(graphs[role]) for role in self.roles)
        verdict, made = (trace(graphs[role]).outputs for role in self.roles)
        if len(noise) != 1 or not made or len(judged) != 1 or not verdict:
            return "A generator takes noise and gives one example, a discriminator takes one and gives a verdict."
        if noise[0].rank != 1 or noise[0].tokens:
            return f"The generator takes {noise[0]}. Let it take noise: a row of numbers."
        if made[0].sizes != judged[0].sizes:
            end = graphs[GENERATOR].outputs[0]
            return f"{end} gives {made[0]} but the discriminator takes {judged[0]}. Let the generator give {judged[0]}."
        if verdict[0].sizes != (1,):
            return f"{graphs[DISCRIMINATOR].outputs[0]} gives {verdict[0]}. Let it give one number, the verdict."
        return ""

    def refuses(self, graphs, dataset):
        """Refuse other inputs, networks that do not fit, and losses that such verdicts do not have."""
        words = self.unlearnable(dataset) or self.unsuited(graphs)
        words = words or fits_input(graphs[DISCRIMINATOR], dataset, LABEL) or self.untellable(graphs, dataset)
        return words or self._unmet(graphs, dataset)

    def _unmet(self, graphs, dataset):
        """Return what one network does that the loss, or the other network, cannot do with, or nothing."""
        end, made_by = graphs[DISCRIMINATOR].outputs[0], graphs[GENERATOR].outputs[0]
        bounded, painted = (ending(graphs[role]) for role in (DISCRIMINATOR, GENERATOR))
        if self.loss in UNBOUNDED and bounded in ("sigmoid", "tanh"):
            return f"The loss {self.loss} needs verdicts without an end, and {end} keeps them in one. Take {end} out."
        if self.loss in BY_CHANCE and bounded in ("tanh", "relu"):
            return f"A {bounded} keeps verdicts from being chances. Take {end} out, or put a sigmoid in its place."
        if dataset.example == "image" and painted in (*BOUNDED, "relu"):
            return f"Pictures go from −1 to 1 here, and {made_by} gives nothing below 0. Let it be a tanh."
        if LABEL in graphs[GENERATOR].inputs and LABEL not in graphs[DISCRIMINATOR].inputs:
            return "The generator is told a class, and nobody minds: tell the discriminator, too."
        if self.smooth and self.loss in WITHOUT_LABELS:
            return f"The loss {self.loss} has no labels to be smoothed. Set smooth to 0."
        return ""

    def unwise(self, graphs):
        """Say of a critic that nothing holds it, and of two means against each other that they do not go together."""
        if self.loss == "wasserstein" and not (self.penalty or self.cut):
            return "Nothing keeps the critic's slope at 1: set a gradient penalty of 10, or cut its weights at 0.01."
        normed = any(step.layer.kind == "batch_norm" for step in trace(graphs[DISCRIMINATOR]).steps)
        if self.penalty and normed:
            return (
                "The gradient penalty is about single examples, and batch normalisation mixes them: take it out of the "
                "discriminator, or use layer normalisation."
            )
        return ""

    def forbids(self, recipe):
        """Refuse what looks for a best moment: no loss of a game tells it; and searches along a line drawn anew."""
        if recipe.optimiser == "lbfgs":
            return "L-BFGS searches along a line, and here each look is drawn anew. Choose another optimiser."
        if recipe.patience:
            return "Neither loss of such a game tells when it goes best, so it cannot stop early. Take patience out."
        if recipe.compile and self.penalty:
            return "What torch.compile made has no second derivative, which the gradient penalty needs. Take one out."
        every = (recipe.schedule, *(own.schedule for own in recipe.own))
        if "plateau" in every:
            return "Neither loss of such a game tells when it is stuck. Choose another schedule than plateau."
        return ""

    # -- what is learned -----------------------------------------------------------------------------------------

    def noises(self, networks: Any, number: int, device: torch.device, chance: torch.Generator | None = None) -> Any:
        """Return so many rows of noise, from torch's own chance or another."""
        sizes, where = (number, size_of_code(networks[GENERATOR].graph)), torch.device("cpu") if chance else device
        if self.noise == "uniform":
            return (2 * torch.rand(sizes, generator=chance, device=where) - 1).to(device)
        return torch.randn(sizes, generator=chance, device=where).to(device)

    def unfolded(self, networks: Any, codes: torch.Tensor, classes: torch.Tensor | None = None) -> torch.Tensor:
        """Return what is made of noise."""
        return networks[GENERATOR](*self.entering(networks[GENERATOR], codes, classes))

    def verdict(self, networks: Any, examples: torch.Tensor, classes: torch.Tensor | None = None) -> torch.Tensor:
        """Return what is said of examples, a column."""
        return networks[DISCRIMINATOR](*self.entering(networks[DISCRIMINATOR], examples, classes))

    def answer(self, networks, inputs):
        """Return what is said of examples."""
        return self.verdict(networks, inputs)

    def blurred(self, examples: torch.Tensor, step: int) -> torch.Tensor:
        """Return examples with as much noise as they have in a step, counted from 0."""
        share = max(0.0, 1 - step / self.fades) if self.fades else 1.0
        return examples + self.blur * share * torch.randn_like(examples) if self.blur * share else examples

    def turns(self, networks, inputs, targets, step=0):
        """Yield the discriminator's turn, then the generator's; each with noise of its own."""
        classes = self.sometimes(targets)

        def made() -> torch.Tensor:
            return self.unfolded(networks, self.noises(networks, len(inputs), inputs.device), classes)

        def telling() -> torch.Tensor:
            with torch.no_grad():
                fakes = made()
            real, fakes = self.blurred(inputs, step), self.blurred(fakes, step)
            said = [self.verdict(networks, one, classes) for one in (real, fakes)]
            lost = told_apart(said[0], said[1], self.loss, self.bounded, 1.0 - self.smooth)
            return lost + self.penalty * self.steep(networks, real, fakes, classes) if self.penalty else lost

        def deceiving() -> torch.Tensor:
            said = self.verdict(networks, self.blurred(made(), step), classes)
            return deceived(said, self.loss, self.bounded)

        yield Turn((DISCRIMINATOR,), telling, self._cutting(networks) if self.cut else None)
        yield Turn((GENERATOR,), deceiving)

    def steep(
        self, networks: Any, real: torch.Tensor, fakes: torch.Tensor, classes: torch.Tensor | None
    ) -> torch.Tensor:
        """Return how far the verdict's slope is from 1 at places between real and made examples, squared."""
        share = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
        cells = any(isinstance(module, nn.RNNBase) for module in networks[DISCRIMINATOR].modules())
        # Fused attention, and cuDNN's cells, have no second derivative.
        with sdpa_kernel(SDPBackend.MATH), torch.backends.cudnn.flags(enabled=not cells), torch.enable_grad():
            between = (real + share * (fakes - real)).detach().requires_grad_()
            said = self.verdict(networks, between, classes)
            (slope,) = torch.autograd.grad(said.sum(), between, create_graph=True)
            return (slope.flatten(1).norm(dim=1) - 1).square().mean()

    def _cutting(self, networks: Mapping[str, nn.Module]) -> Any:
        """Return what cuts the discriminator's weights."""

        @torch.no_grad()
        def cut() -> None:
            for weight in networks[DISCRIMINATOR].parameters():
                if weight.requires_grad:
                    weight.clamp_(-self.cut, self.cut)  # ty: ignore[unsupported-operator]

        return cut

    # -- how good it is ------------------------------------------------------------------------------------------

    def run(self, networks, role, inputs):
        """Let examples through the discriminator, or noise through both networks."""
        if role == DISCRIMINATOR:
            return self.answer(networks, inputs)
        noise, classes = (inputs[NOISE], inputs[LABEL]) if isinstance(inputs, Fields) else (inputs, None)
        return self.verdict(networks, self.unfolded(networks, noise, classes), classes)

    def fixed(self, networks: Any, number: int, device: torch.device, seed: int = DRAWN) -> torch.Tensor:
        """Return so many rows of noise that are always the same: the first ones of as many as anybody asks for."""
        blocks = [drawn(seed, block) for block in range(-(-number // BLOCK))]
        return torch.cat([self.noises(networks, BLOCK, device, chance) for chance in blocks])[:number]

    def tried(self, networks, inputs, targets):
        """Return what is said of examples, and of as many that are made of always the same noise."""
        classes = targets if self.told else None
        made = self.unfolded(networks, self.fixed(networks, len(inputs), inputs.device), classes)
        return torch.cat([self.verdict(networks, one, classes) for one in (inputs, made)], dim=1)

    def tally(self):
        """Return what adds up verdicts."""
        return Verdicts(self.loss, self.bounded)

    def chances(self, answers):
        """Return verdicts as they are read: as chances, where they are any."""
        return self.tally().read(answers)

    def names(self, dataset):
        """Return what is asked about."""
        return ("how real it looks",)

    def beside(self, asked, split):
        """Return, of data that lie in heaps, how many of them what is made meets, and which share of it meets any."""
        heaps = heaps_in(asked)
        if heaps is None or not apart(asked, split):
            return {}
        return met(self.sampled(asked), heaps)

    def examined(self, asked, split):
        """Return, of points in a plane, how unlike made and real ones lie; of examples of classes, how many of those
        are made, which share a classifier recognises, and how like real ones they are to it.
        """
        if not apart(asked, split) or len(asked.data[split]) < 4:
            return {}
        if asked.dataset.sizes == (2,):
            return {"JS": divergences(asked.data[split].inputs.cpu(), self.sampled(asked))[1]}
        if asked.dataset.goal != "class":
            return {}
        judge = judge_now(asked)
        real, _ = judge.looked(asked.material.given(asked.data[split].inputs[:JUDGED]))
        made, chances = judge.looked(self.sampled(asked).to(asked.place.device))
        made = made[: len(real)]  # what balls reach depends on how many there are
        fair = shares(asked.data["train"].targets.cpu(), len(asked.dataset.classes))
        precision, recall = precision_and_recall(Cloud(real[: len(made)]), Cloud(made))
        return {
            "modes": int(kinds_met(chances.argmax(dim=1), fair).sum()),
            "recognised": float((chances.amax(dim=1) >= SURE).float().mean()),
            "precision": precision,
            "recall": recall,
            "Fréchet distance": frechet(real, made),
        }

    def sampled(self, asked: Any) -> torch.Tensor:
        """Return examples made of always the same noise."""
        noise = self.fixed(asked.networks, JUDGED, asked.place.device)
        return self.unfolded(asked.networks, noise, self.in_turn(asked, JUDGED)).float().cpu()

    def in_turn(self, asked: Any, number: int) -> torch.Tensor | None:
        """Return a class for each of so many made examples, one after the other, where networks are told any."""
        return torch.arange(number, device=asked.place.device) % len(asked.dataset.classes) if self.told else None


def apart(asked: Any, split: str) -> bool:
    """Return whether what is made is compared with a split: with training examples where there are no others."""
    return split != "train" or len(asked.data) == 1
