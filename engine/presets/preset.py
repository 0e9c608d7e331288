"""What a preset is, and the registry of all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.graph.cost import cost
from engine.graph.graph import Graph
from engine.registry import Registry
from engine.training.experiment import Experiment


@dataclass(frozen=True)
class Preset:
    """A named experiment: what it is, where it comes from, and how its graph is made."""

    name: str
    title: str
    about: str
    family: str
    make: Callable[[], Graph]
    parts: Mapping[str, Any] = field(default_factory=dict)  # data, task and recipe, where they are not the usual ones

    def experiment(self) -> Experiment:
        """Return the experiment."""
        return Experiment(self.name, {"network": self.make()}, **self.parts)


PRESETS: Registry[Preset] = Registry("preset")


def by_size() -> list[tuple[str, Preset]]:
    """Return all presets, those with the fewest weights first."""
    return sorted(PRESETS.items(), key=lambda item: cost(item[1].make()).total.weights)


def preset(
    name: str, title: str, about: str, family: str = "cnn", **parts: Any
) -> Callable[[Callable[[], Graph]], Callable[[], Graph]]:
    """Register the decorated function as the maker of a preset's graph."""

    def register(make: Callable[[], Graph]) -> Callable[[], Graph]:
        PRESETS.add(name, Preset(name, title, about, family, make, parts))
        return make

    return register
