"""Spoken: what a film of a game's round says, slide by slide, and what in the drawing of the networks each is about."""

from collections.abc import Sequence
from typing import Any

from engine.figures.figure import Trace
from engine.figures.film import Slide
from engine.tasks.deceive import DISCRIMINATOR

MAKER, JUDGE = "generator:", "discriminator:"
ABOUT = {"noise": ("noise",), "made": ("noise", MAKER, "made"), "real": ("real",)}
TELLING = {"verdict": ("made", "real", JUDGE, "verdict"), "gradient": ("verdict", JUDGE), "moved": (JUDGE,)}
DECEIVING = {"verdict": ("made", JUDGE, "verdict"), "gradient": ("verdict", JUDGE, "made"), "moved": (MAKER, "made")}


class Spoken:
    """What is said of a turn, slide by slide."""

    def __init__(self, words: dict[str, Any], turn: dict[str, Any]):
        self.turn, self.one = turn, words["one"]
        self.said, self.now = turn["said"], turn["now"]

    def slide(
        self,
        name: str,
        data: Sequence[Trace] = (),
        images: Sequence[dict[str, Any]] = (),
        annotations: Sequence[dict[str, Any]] = (),
    ) -> Slide:
        """Return a slide with what is said of one thing."""
        about = ABOUT | {"frozen": (f"{self.turn['role']}:",)} | (TELLING if self.telling else DECEIVING)
        return Slide(getattr(self, name), data, images, annotations, about[name])

    @property
    def noise(self) -> str:
        """Say that noise is drawn."""
        numbers = f"{self.turn['noise']} number{'s' * (self.turn['noise'] > 1)}"
        begin = "Noise is drawn" if self.telling else "The generator's turn. New noise is drawn"
        return f"{begin}: {self.turn['size']} times {numbers}."

    @property
    def telling(self) -> bool:
        """Return whether it is the discriminator's turn."""
        return self.turn["role"] == DISCRIMINATOR

    @property
    def made(self) -> str:
        """Say what the generator makes of it."""
        return f"The generator makes a {self.one} of each."

    @property
    def real(self) -> str:
        """Say that real ones are taken."""
        return "As many real ones are taken from the data."

    @property
    def verdict(self) -> str:
        """Say what the discriminator says."""
        if self.telling:
            real, made = self.said
            return (
                f"The discriminator judges both. On average it says {real:.2f} of real and {made:.2f} of made ones; "
                f"so its loss is {self.turn['loss']:.3g}."
            )
        return (
            f"The discriminator, which rests now, says {self.said[0]:.2f} of them on average; so the generator's loss "
            f"is {self.turn['loss']:.3g}."
        )

    @property
    def gradient(self) -> str:
        """Say where the gradient goes."""
        if self.telling:
            return (
                f"The gradient of this loss goes back to the discriminator's {self.turn['weights']:,} weights; "
                f"it is {self.turn['gradient']:.2g} long."
            )
        where = "an arrow shows where each should go" if self.one == "point" else "how each should change"
        return f"The gradient goes back through the discriminator to what was made: {where} to be taken for real."

    @property
    def frozen(self) -> str:
        """Say that nothing moves."""
        return f"The {self.turn['role']} is frozen, so its weights stay as they are."

    @property
    def rests(self) -> bool:
        """Return whether the network is frozen."""
        return self.turn["rests"]

    @property
    def moved(self) -> str:
        """Say what the step does."""
        step = f"({self.turn['by']})"
        if self.telling:
            real, made = self.now
            rose = " Blue is where its verdict rose, orange where it fell." if self.one == "point" else ""
            return f"Its weights take a step {step}: now it says {real:.2f} of real and {made:.2f} of made ones.{rose}"
        where = f"{self.turn['weights']:,} weights, where it is {self.turn['gradient']:.2g} long"
        return (
            f"It goes on to the generator's {where}, and they take a step {step}. Of the same noise it now makes this, "
            f"of which the discriminator says {self.now[0]:.2f}."
        )

    def again(self, number: int) -> Slide:
        """Return an empty slide that says in short what the same network does in its next turn."""
        told = f"loss {self.turn['loss']:.3g}"
        told += ", and it is frozen" if self.rests else f", gradient {self.turn['gradient']:.2g} long"
        words = f"The {self.turn['role']} once more, with new noise; its turn {number}: {told}."
        return Slide(words, lit=(f"{self.turn['role']}:",))
