"""Sweep: one thing about an experiment is varied, and everything else stays."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from engine.choice import Choice, option

USUAL = {
    "size": (0.25, 0.5, 1.0, 2.0, 4.0),
    "noise": (0.0, 0.05, 0.1, 0.2, 0.4),
    "examples": (0.05, 0.1, 0.2, 0.5, 1.0),
}


class Sweep(Choice):
    """Learn again and again with one thing varied."""

    kind = "sweep"

    seeds: Annotated[int, Field(ge=1, le=50)] = option(
        3, "How often each value is learned: with other first weights, in another order."
    )
    vary: Literal["size", "noise", "examples"] = option(
        "size", "What is varied: the width of all hidden layers, the noise of the data, or how many examples train."
    )
    values: tuple[Annotated[float, Field(ge=0, le=1e7)], ...] | None = option(
        None,
        "Widths and examples as a factor of what they are, noise as it is; empty: five usual values.",
        none="usual values",
    )

    @field_validator("values", mode="before")
    @classmethod
    def _tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @property
    def steps(self) -> tuple[float, ...]:
        """Return the values, from the least to the largest."""
        return tuple(sorted(set(self.values or USUAL[self.vary])))[:50]
