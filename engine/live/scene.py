"""Scene: one thing that is looked at, however many look at it."""

import functools
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import orjson

from engine.errors import VitrineError
from engine.figures.figure import Figure
from engine.looking import View
from engine.looking.frame import Frame
from engine.looking.view import Steering, figure_of
from engine.runs import frames
from engine.training.experiment import Experiment

RUN, DRAFT = "run:", "draft:"  # how sources begin: a run's name, an experiment that is being built
NOW = -1  # instead of a step: wherever the run stands


class Viewer(Protocol):
    """Somebody who is shown messages; called from any thread."""

    def show(self, name: str, message: bytes) -> None:
        """Show a message under the name that the viewer gave to what it looks at."""
        ...


@dataclass(frozen=True)
class Key:
    """What is looked at: the source, the view with its options as JSON, and the step."""

    source: str
    view: str
    at: int = NOW


@dataclass(eq=False)
class Scene:
    """Who looks at one thing, and what they were shown last."""

    key: Key
    view: View
    viewers: set[tuple[Viewer, str]] = field(default_factory=set)
    seen: Any = None  # of what the last message was made: step and turn of a frame, or how far a run had come
    message: bytes = b""
    renewed: float = float("-inf")  # when the worker was last told that somebody watches
    drawn: float = float("-inf")
    queued: bool = False  # whether the past is being opened for it
    pieces: tuple[int, Iterator[Frame]] | None = None  # of what takes long: its step, and what is still to come
    whole: bool = False  # whether it was shown whole once
    again: float = 0.0  # when the past is to be asked again
    refused: bool = False  # whether it could not be shown
    part: str = ""  # of a series: the run that is shown
    frame: Frame | None = None  # the last one, where it can be steered by,
    steers: tuple[Frame, Steering] | None = None  # and what answers by which one

    @functools.cached_property
    def digest(self) -> str:
        """Return the name of the watch by which a worker knows it."""
        return frames.watch_of(self.view.write())

    @property
    def watch(self) -> frames.Key:
        """Return the run whose frames it shows, and the name of the watch."""
        return self.part or self.key.source.removeprefix(RUN), self.digest

    def turn_to(self, part: str) -> None:
        """Show another part of a series from now on."""
        if part != self.part:
            self.part, self.seen, self.renewed = part, None, float("-inf")

    @functools.cached_property
    def runs(self) -> set[str]:
        """Return the runs that it shows."""
        source = self.key.source
        return {*getattr(self.view, "also", ()), *([source.removeprefix(RUN)] if source.startswith(RUN) else [])}

    def keep(self, frame: Frame) -> None:
        """Keep the frame that is shown, where somebody may steer by it."""
        if self.view.steered and frame.whole and "problem" not in frame.words:
            self.frame = frame

    def steer(self, experiment: Experiment, code: list[float]) -> dict[str, Any]:
        """Return what is shown at once of a code."""
        if (frame := self.frame) is None:
            raise VitrineError("Nothing is shown yet that could be steered by.", cure="Wait a moment.")
        known = self.steers
        if known is None or known[0] is not frame:  # two that ask at once make it twice
            if (made := self.view.steering(frame, experiment)) is None:
                raise VitrineError("Nothing can be steered by here.")
            known = self.steers = frame, made
        return known[1](code)

    def say(self, message: bytes) -> None:
        """Show everybody a message."""
        self.message, self.drawn = message, time.monotonic()
        for viewer, name in list(self.viewers):
            viewer.show(name, message)


def packed(values: dict[str, Any]) -> bytes:
    """Return values as JSON; what is no number becomes null."""
    return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS, default=_plain)


def plain(figure: Figure) -> Figure:
    """Return a figure as the browser gets it: arrays as lists."""
    return orjson.loads(packed(figure))


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)  # arrays seen sideways


def drawn(view: View, frame: Frame, step: int, made: float | None = None) -> bytes:
    """Return the message that shows a frame, and tells when it was made."""
    if problem := frame.words.get("problem"):
        return packed({"step": step, "problem": problem})
    if frame.bare:
        return packed({"step": step, "progress": frame.words["progress"]})
    try:
        figure = figure_of(view, frame)
    except Exception as error:  # the panel says it, the log has the rest
        if all(np.isfinite(array).all() for array in frame.arrays.values() if array.dtype.kind == "f"):
            traceback.print_exc()
            return packed({"step": step, "problem": f"A fault in {view.title}: {type(error).__name__}: {error}"})
        return packed({"step": step, "problem": "The network gives numbers here that are not finite."})
    told = {"step": step, "made": made or time.time(), "figure": figure}
    return packed(told if frame.whole else told | {"progress": frame.words["progress"]})
