"""View: one way of looking, with its options."""

import traceback
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Self

from engine.choice import Choice, kinds
from engine.errors import VitrineError
from engine.figures.figure import Figure, bare, literal
from engine.graph.graph import Graph
from engine.registry import Registry
from engine.training.experiment import Experiment
from engine.views.frame import Frame
from engine.views.session import Session

VIEWS: Registry[type["View"]] = Registry("view")
MOST_BYTES = 4_000  # of a view's options


class View(Choice):
    """What to look at and how; an instance is one set of options."""

    title: ClassVar[str] = ""
    hint: ClassVar[str] = ""  # what to look for, in one sentence
    reads: ClassVar[Literal["network", "record"]] = "network"
    pulses: ClassVar[bool] = False  # whether it lives on what steps do in every node
    rank: ClassVar[int] = 50  # its place in a list of views
    height: ClassVar[int] = 300  # pixels that its figure takes
    wide: ClassVar[bool] = False  # whether it takes a row for itself
    follows: ClassVar[bool] = False  # whether it looks at what the whole board looks at
    light: ClassVar[bool] = False  # whether it is so quick that it is shown before all others that wait

    def refuses(self, experiment: Experiment) -> str:
        """Return in words why this cannot be seen of the experiment, or nothing."""
        return ""

    def offers(self, experiment: Experiment) -> dict[str, list[str]]:
        """Return what may be picked for options whose values depend on the experiment."""
        return {}

    def compute(self, session: Session) -> Frame:
        """Return the arrays; leaves no trace in what it looks at. Of a view in stages, those of the last one."""
        *_, frame = self.stages(session)
        return frame

    def stages(self, session: Session) -> Iterator[Frame]:
        """Yield the frame, and of a view that takes long, before it what is known so far; any time it may be left."""
        yield self.compute(session)

    def draw(self, frame: Frame) -> Figure:
        """Return the figure of a frame."""
        raise NotImplementedError(self.kind)

    def pick(self, point: dict[str, Any]) -> Self | None:
        """Return the view as it is after a click on a point of its figure, or nothing where clicks mean nothing."""
        return None

    def looks(self, point: dict[str, Any]) -> dict[str, Any]:
        """Return what a whole board looks at after a click on a point of the figure, where that says so."""
        return {}


def staged(view: View, session: Session) -> Iterator[Frame]:
    """Yield a view's frames, the last one whole; or one that says why it cannot: one panel's fault is no one else's."""
    try:
        yield from view.stages(session)
    except VitrineError as error:
        yield Frame({}, {"problem": str(error)})
    except Exception as error:  # the panel says it, the log has the rest
        traceback.print_exc()
        yield Frame({}, {"problem": f"A fault in {view.title}: {type(error).__name__}: {error}"})


def frame_of(view: View, session: Session) -> Frame:
    """Return the whole frame of a view, or one that says why it cannot."""
    *_, frame = staged(view, session)
    return frame


def figure_of(view: View, frame: Frame) -> Figure:
    """Return the figure of a frame, in which names that people gave are words and nothing else."""
    figure = view.draw(Frame(frame.arrays, _literal(frame.words)))
    return figure if "data" in figure else view.draw(frame)  # what the page writes itself is text there anyway


def _literal(value: Any) -> Any:
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, dict):
        return {name: _literal(inner) for name, inner in value.items()}
    return [_literal(inner) for inner in value] if isinstance(value, list | tuple) else value


def _bare(value: Any) -> Any:
    if isinstance(value, str):
        return bare(value)
    return [_bare(inner) for inner in value] if isinstance(value, list) else value


view = kinds(VIEWS)  # registers a class of views under its kind


def read(options: dict[str, Any]) -> View:
    """Make a view from its kind and options, or say what is wrong with them."""
    options = {name: _bare(value) for name, value in options.items()}
    return VIEWS[options.pop("kind", "")].read(options)


def nodes_of(graph: Graph, prefix: str = "") -> list[str]:
    """Return the paths of all layers of a graph that compute something, in order."""
    paths: list[str] = []
    for node in graph.nodes:
        if node.block:
            paths += nodes_of(node.block.graph, f"{prefix}{node.id}.{'0.' if node.block.repeat > 1 else ''}")
        elif node.layer.family != "input":
            paths.append(prefix + node.id)
    return paths
