"""What a preset is, and the registry of all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.graph.cost import cost
from engine.graph.graph import Graph
from engine.registry import Registry
from engine.training.experiment import Experiment


@dataclass(frozen=True)
class Preset:
    """A named experiment: what it is, where it comes from, and how its graph, or its graphs by role, are made."""

    name: str
    title: str
    about: str
    family: str
    make: Callable[[], Any]
    parts: Mapping[str, Any] = field(default_factory=dict)  # data, task and recipe, where they are not the usual ones

    @property
    def graphs(self) -> dict[str, Graph]:
        """Return the graphs by role."""
        made = self.make()
        return {"network": made} if isinstance(made, Graph) else made

    @property
    def weights(self) -> int:
        """Return how many weights all its networks have."""
        return sum(cost(graph).total.weights for graph in self.graphs.values())

    def experiment(self) -> Experiment:
        """Return the experiment."""
        return Experiment(self.name, self.graphs, **self.parts)


PRESETS: Registry[Preset] = Registry("preset")
G = TypeVar("G", Graph, dict[str, Graph])


def by_size() -> list[tuple[str, Preset]]:
    """Return all presets, those with the fewest weights first."""
    return sorted(PRESETS.items(), key=lambda item: item[1].weights)


def preset(
    name: str, title: str, about: str, family: str = "cnn", **parts: Any
) -> Callable[[Callable[[], G]], Callable[[], G]]:
    """Register the decorated function as the maker of a preset's graph, or of its graphs by role."""

    def register(make: Callable[[], G]) -> Callable[[], G]:
        PRESETS.add(name, Preset(name, title, about, family, make, parts))
        return make

    return register
