"""What a preset is, and the registry of all."""

from collections.abc import Callable
from dataclasses import dataclass

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

    def experiment(self) -> Experiment:
        """Return the experiment."""
        return Experiment(self.name, {"network": self.make()})


PRESETS: Registry[Preset] = Registry("preset")


def by_size() -> list[tuple[str, Preset]]:
    """Return all presets, those with the fewest weights first."""
    return sorted(PRESETS.items(), key=lambda item: cost(item[1].make()).total.weights)


def preset(
    name: str, title: str, about: str, family: str = "cnn"
) -> Callable[[Callable[[], Graph]], Callable[[], Graph]]:
    """Register the decorated function as the maker of a preset's graph."""

    def register(make: Callable[[], Graph]) -> Callable[[], Graph]:
        PRESETS.add(name, Preset(name, title, about, family, make))
        return make

    return register
