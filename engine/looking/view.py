"""View: one way of looking, with its options."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator

from engine.choice import Choice, kinds, option
from engine.errors import VitrineError
from engine.figures.aloud import aloud
from engine.figures.figure import Figure, literal
from engine.looking.frame import Frame
from engine.looking.session import Session
from engine.registry import Registry, did_you_mean
from engine.training.address import SIGN, address
from engine.training.average import idle
from engine.training.evaluating import resting
from engine.training.experiment import Experiment

Steering = Callable[[list[float]], dict[str, Any]]  # what is shown at once of a code that somebody points at
VIEWS: Registry[type["View"]] = Registry("view")
MOST_BYTES = 10_000  # of a view's options


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
    together: ClassVar[bool] = False  # whether it looks at networks that go together, rather than at one of them
    overlaid: ClassVar[bool] = False  # whether several runs are drawn over one another
    steered: ClassVar[bool] = False  # whether it answers at once to whoever points at a place of it
    of_learning: ClassVar[bool] = False  # whether it is about the weights that learn, rather than an average of them
    abreast: ClassVar[bool] = False  # whether it shows the same step as others that do, while a network learns
    light: ClassVar[bool] = False  # whether it is so quick that it is shown before all others that wait

    def refuses(self, experiment: Experiment) -> str:
        """Return in words why this cannot be seen of the experiment, or nothing."""
        return ""

    def offers(self, experiment: Experiment) -> dict[str, list[str]]:
        """Return what may be picked for options whose values depend on the experiment."""
        return {}

    @property
    def whole(self) -> bool:
        """Return whether it looks at all networks of an experiment at once."""
        return self.together or self.reads == "record"

    def refusal(self, experiment: Experiment) -> str:
        """Return in words why this cannot be seen of any network of the experiment, or of the one that is named."""
        if self.whole or len(experiment.graphs) == 1:
            return self.refuses(experiment)
        view, role = self.aimed(experiment)
        return view.refuses(experiment.of(role))

    def choices(self, experiment: Experiment) -> dict[str, list[str]]:
        """Return what may be picked for options, of all networks that suit."""
        if len(experiment.graphs) == 1 or self.together:
            return self.offers(experiment)
        found: dict[str, list[str]] = {}
        plain = type(self)()
        suiting = [role for role in experiment.graphs if self.whole or not plain.refuses(experiment.of(role))]
        for role in suiting:
            for name, offered in self.offers(experiment.of(role)).items():
                found.setdefault(name, []).extend(address(role, path, experiment.graphs) for path in offered)
        return found | ({"role": suiting} if "role" in type(self).model_fields else {})

    def aimed(self, experiment: Experiment) -> tuple[Self, str]:
        """Return the view as it is for one network, and which: the one that is named, or the first that suits."""
        role, sign, path = getattr(self, "node", "").partition(SIGN)
        if sign and role in experiment.graphs:
            return self.but(node=path), role
        if named := getattr(self, "role", ""):
            if named not in experiment.graphs:
                raise VitrineError(f"There is no network {named!r}.{did_you_mean(named, experiment.graphs)}")
            return self, named
        suiting = (role for role in experiment.graphs if not self.refuses(experiment.of(role)))
        return self, next(suiting, next(iter(experiment.graphs)))

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

    def steering(self, frame: Frame, experiment: Experiment) -> Steering | None:
        """Return what answers at once, beside the figure of a frame, to whoever steers; or nothing where nobody can."""
        return None

    def pick(self, point: dict[str, Any]) -> Self | None:
        """Return the view as it is after a click on a point of its figure, or nothing where clicks mean nothing."""
        return None

    def looks(self, point: dict[str, Any]) -> dict[str, Any]:
        """Return what a whole board looks at after a click on a point of the figure, where that says so."""
        return {}


def staged(view: View, session: Session) -> Iterator[Frame]:
    """Yield a view's frames, the last one whole; or one that says why it cannot: one panel's fault is no one else's."""
    try:
        if view.whole or len(session.experiment.graphs) == 1:
            yield from _at_rest(view, session)
        else:
            aimed, role = view.aimed(session.experiment)
            for frame in _at_rest(aimed, session := session.of(role)):
                yield Frame(frame.arrays, frame.words | _named(session, frame.words))
    except VitrineError as error:
        yield Frame({}, {"problem": str(error)})
    except Exception as error:  # the panel says it, the log has the rest
        traceback.print_exc()
        yield Frame({}, {"problem": f"A fault in {view.title}: {type(error).__name__}: {error}"})


def _at_rest(view: View, session: Session) -> Iterator[Frame]:
    """Yield a view's frames, each made while no network is as it is while it learns: a weight that is normed moves on
    by being asked for.
    """
    stages = view.stages(session)
    while True:
        networks = session.learner.networks if session.learner else {}
        with idle(networks) if view.of_learning else nullcontext(), resting(networks):
            frame = next(stages, None)
        if frame is None:
            return
        yield frame


def _named(session: Session, words: dict[str, Any]) -> dict[str, str]:
    """Return the node that a frame is about by its address among several networks."""
    path = words.get("node")
    known = isinstance(path, str) and path.partition(".")[0] in session.graph
    return {"node": address(session.role, path, session.experiment.graphs)} if known else {}


def frame_of(view: View, session: Session) -> Frame:
    """Return the whole frame of a view, or one that says why it cannot."""
    *_, frame = staged(view, session)
    return frame


def figure_of(view: View, frame: Frame) -> Figure:
    """Return the figure of a frame, in which names that people gave are words and nothing else."""
    figure = view.draw(Frame(frame.arrays, _literal(frame.words)))
    if "data" not in figure:
        return view.draw(frame)  # what the page writes itself is text there anyway
    return {"aloud": aloud(view.title, figure)} | figure


def _literal(value: Any) -> Any:
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, dict):
        return {name: _literal(inner) for name, inner in value.items()}
    return [_literal(inner) for inner in value] if isinstance(value, list | tuple) else value


class Overlaid(View):
    """What draws other runs over the one that is looked at."""

    overlaid = True

    also: tuple[Annotated[str, Field(max_length=32)], ...] = option((), "Runs to draw over it.", hidden=True)

    @field_validator("also", mode="before")
    @classmethod
    def _tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


view = kinds(VIEWS)  # registers a class of views under its kind
