"""Hub: one thread that sees what is new in the store, draws it once, and shows it to all who look."""

import itertools
import queue
import threading
import time
import traceback
from collections import OrderedDict, deque
from typing import Any

import orjson

from engine.errors import VitrineError
from engine.live.past import Past
from engine.live.reading import StillReading
from engine.live.scene import NOW, RUN, Key, Scene, Viewer, drawn, packed
from engine.live.standing import standing
from engine.looking import Frame, Session, View
from engine.looking.view import frame_of, staged
from engine.runs import frames
from engine.runs.changes import Changes
from engine.runs.store import ACTIVE, ENDED, Row, Store
from engine.training.series import several
from engine.views.reading import read

MOST_TICKED = 20_000  # scenes that are gone through in a second
TICK = 0.03  # seconds between two looks into the store
PAUSE = 0.15  # seconds between two drawings of a scene, at least
MOST_MESSAGES = 600  # a second, to all browsers together: the more look, the more seldom each is shown something
RENEW = 4.0  # seconds between two renewals of a watch
MOST_SCENES = 500  # in all, or
SCENES_A_SEAT = 12  # for each page that is open, if that is more
AGAIN = 0.5  # seconds until it is asked again how far data are read
MOST_KEPT = 400  # drawn moments of the past,
MOST_BYTES = 2**26  # and how many bytes they may take
Name = tuple[Viewer, str]


class Hub:
    """Scenes by key, and states of runs by name; viewers come and go from any thread."""

    def __init__(self, store: Store):
        self.store, self.past = store, Past(store)
        self.lock = threading.Lock()
        self.scenes: dict[Key, Scene] = {}
        self.states: dict[str, set[Name]] = {}  # by run: who wants to know how it stands
        self.told: dict[str, bytes] = {}  # by run: what they were told last
        self.rows: dict[str, Row] = {}  # by run: how it stands
        self.kept: OrderedDict[Key, bytes] = OrderedDict()  # drawn moments of the past
        self.jobs: queue.PriorityQueue[tuple[bool, int, Scene | None]] = queue.PriorityQueue()
        self.turn = itertools.count()
        self.seats = 0  # pages that are open
        self.asked = threading.Event()  # something is looked at that was not before
        self.over = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._live, self._open)]

    def start(self) -> None:
        """Begin to look."""
        for thread in self.threads:
            thread.start()

    def close(self) -> None:
        """End both threads."""
        self.over.set()
        self.asked.set()
        self._queue(None)
        for thread in self.threads:
            thread.join(10)

    # -- who looks at what ---------------------------------------------------------------------------------------

    def watch(self, viewer: Viewer, name: str, source: str, options: dict[str, Any], at: int = NOW) -> None:
        """Show a viewer this view, now and whenever it changes."""
        view = read(options)
        key = _key(source, view, at)
        experiment = self.past.experiment(source)
        if words := view.refusal(experiment):
            raise VitrineError(words)
        part = self.past.shown(source) if source.startswith(RUN) and several(experiment.recipe) else ""
        with self.lock:
            if key not in self.scenes and len(self.scenes) >= max(MOST_SCENES, self.seats * SCENES_A_SEAT):
                raise VitrineError("Too much is looked at on this server at the moment.", cure="Close some panels.")
            scene = self.scenes.setdefault(key, Scene(key, view))
            scene.turn_to(part)
            scene.viewers.add((viewer, name))
            message = scene.message or self.kept.get(key, b"")
        if message:
            viewer.show(name, message)
        else:
            self.asked.set()

    def steer(self, source: str, options: dict[str, Any], at: int, code: list[float]) -> dict[str, Any]:
        """Return what something that is looked at shows at once of a code; nobody else waits for it."""
        with self.lock:
            scene = self.scenes.get(_key(source, read(options), at))
        if scene is None:
            raise VitrineError("Nobody looks at this any more.", cure="Reload the page.")
        return scene.steer(self.past.experiment(source), code)

    def state(self, viewer: Viewer, name: str, run: str) -> None:
        """Tell a viewer how a run stands, now and whenever that changes."""
        row = self.store.run(run)
        with self.lock:
            self.states.setdefault(row["run"], set()).add((viewer, name))
        viewer.show(name, packed({"state": standing(self.store, self.past, row)}))

    @property
    def looked_at(self) -> set[str]:
        """Return the runs that are on somebody's page."""
        with self.lock:
            return set(self.states)

    def drop(self, viewer: Viewer, name: str | None = None) -> None:
        """Show a viewer this no more, or nothing at all."""
        with self.lock:
            for key, scene in list(self.scenes.items()):
                scene.viewers = {one for one in scene.viewers if one[0] is not viewer or name not in (None, one[1])}
                if not scene.viewers:
                    del self.scenes[key]
            for run, names in list(self.states.items()):
                self.states[run] = {one for one in names if one[0] is not viewer or name not in (None, one[1])}
                if not self.states[run]:
                    del self.states[run]
                    self.told.pop(run, None)

    # -- what is new ---------------------------------------------------------------------------------------------

    def _live(self) -> None:
        changes = None
        while not self.over.is_set():
            self.asked.wait(max(TICK, len(self.scenes) / MOST_TICKED))  # a class looks at thousands
            self.asked.clear()
            with self.lock:
                scenes, runs = list(self.scenes.values()), set(self.states)
            if not scenes and not runs:
                continue
            try:
                changes = changes or Changes(self.store)
                self._renew(scenes)
                new = changes.any()
                self._states(runs.union(*(scene.runs for scene in scenes)), new)
                if new:
                    self._parts(scenes)
                self._scenes(scenes)
            except VitrineError as error:
                for scene in scenes:
                    scene.say(packed({"problem": str(error)}))
                self.over.wait(1.0)
            except Exception:  # one scene that cannot be drawn must not end all others; the log has it
                traceback.print_exc()
                self.over.wait(1.0)

    def _renew(self, scenes: list[Scene]) -> None:
        """Tell workers what is watched now."""
        now = time.monotonic()
        for scene in scenes:
            from_worker = scene.view.reads == "network" or scene.view.pulses
            if from_worker and self._learns(scene) and now - scene.renewed > RENEW:
                frames.renew(self.store, scene.watch[0], scene.view.write())
                scene.renewed = now

    def _learns(self, scene: Scene) -> bool:
        """Return whether a worker can show the scene."""
        row = self.rows.get(scene.key.source.removeprefix(RUN))
        return scene.key.at == NOW and row is not None and row["status"] in ACTIVE

    def _states(self, runs: set[str], new: bool) -> None:
        """Tell how runs stand, where that has changed."""
        unknown = runs - self.rows.keys()
        self.rows = {run: row for run, row in self.rows.items() if run in runs}
        if not new and not unknown:
            return
        for row in self.store.some(sorted(runs if new else unknown)):
            same = row == self.rows.get(row["run"]) and row["run"] in self.told
            if same and row["status"] not in ("queued", "paused"):  # what those wait for changes without them
                continue
            self.rows[row["run"]] = row
            message = packed({"state": standing(self.store, self.past, row)})
            if message != self.told.get(row["run"]):
                self.told[row["run"]] = message
                for viewer, name in list(self.states.get(row["run"], ())):
                    viewer.show(name, message)

    def _parts(self, scenes: list[Scene]) -> None:
        """Let scenes of a series show the part that is learned now."""
        for scene in scenes:
            if scene.part:
                scene.turn_to(self.past.shown(scene.key.source))

    def _scenes(self, scenes: list[Scene]) -> None:
        """Draw what is new, and ask for the past where no worker shows it."""
        live = [scene for scene in scenes if self._learns(scene)]
        pause = max(PAUSE, sum(len(scene.viewers) for scene in scenes) / MOST_MESSAGES)
        due = [scene for scene in scenes if time.monotonic() - scene.drawn >= pause]
        networks = [scene for scene in live if scene.view.reads == "network" and scene in due]
        turns = frames.turns(self.store, list({scene.watch for scene in networks}))
        for scene in networks:  # a series and its part may show the same
            if scene.watch in turns and turns[scene.watch] != scene.seen:
                self._draw_frame(scene, scene.watch, turns[scene.watch])
        for scene in due:
            if scene.key.at == NOW and scene.key.source.startswith(RUN) and scene.view.reads == "record":
                self._draw_record(scene)
            elif (
                scene not in live
                and not scene.queued
                and time.monotonic() >= scene.again
                and scene.seen != (mark := self._mark(scene))
            ):
                scene.seen, scene.queued = mark, True
                self._queue(scene)

    def _queue(self, scene: Scene | None) -> None:
        """Ask for a moment of the past, in the order in which a page asks but for what is quick."""
        later = scene is not None and not scene.view.light
        self.jobs.put((later, next(self.turn), scene))

    def _mark(self, scene: Scene) -> Any:
        """Return what a moment of the past is made of: a fixed one never changes, the last one with its run.

        What could not be shown is tried again when its run has gone on.
        """
        row = self.rows.get(scene.key.source.removeprefix(RUN))
        return (row["step"], row["status"]) if row and (scene.key.at == NOW or scene.refused) else scene.key

    def _draw_frame(self, scene: Scene, key: frames.Key, seen: Any) -> None:
        if found := frames.newest(self.store, *key):
            scene.seen = seen
            frame = Frame.unpack(found[1])
            scene.keep(frame)
            scene.say(drawn(scene.view, frame, found[0], found[2]))

    def _draw_record(self, scene: Scene) -> None:
        run = scene.key.source.removeprefix(RUN)
        row = self.rows.get(run)
        seen = [self.rows[name]["updated"] for name in scene.runs if name in self.rows]
        if row is None or scene.seen == seen:
            return
        scene.seen = seen
        session = Session(self.past.experiment(scene.key.source), 2**62, self.past.record(run))
        scene.say(drawn(scene.view, frame_of(scene.view, session), row["step"], row["updated"]))

    # -- the past ------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Show moments of the past; what takes long goes on piece by piece, while nothing else waits."""
        under_way: deque[Scene] = deque()
        while True:
            try:
                *_, scene = self.jobs.get(block=not under_way)
            except queue.Empty:
                scene = under_way.popleft()
            if scene is None:
                return
            if not scene.viewers:
                scene.queued, scene.seen, scene.pieces = False, None, None
                continue  # the slider has moved on
            message, whole = self._piece(scene)
            if not whole:
                under_way.append(scene)
            if whole or not scene.whole:  # what was whole stays until it is whole again
                scene.say(message)
            if whole:
                if not scene.refused and scene.key.at != NOW:
                    scene.seen = scene.key
                    self._keep(scene, message)
                scene.queued, scene.whole = False, not scene.refused

    def _piece(self, scene: Scene) -> tuple[bytes, bool]:
        """Return the next message of a scene, and whether it is the last."""
        try:
            with self.past.lock:
                if scene.pieces is None:
                    at = 2**62 if scene.key.at == NOW else scene.key.at
                    session = self.past.session(scene.key.source, at)
                    scene.pieces = session.step, staged(scene.view, session)
                step, pieces = scene.pieces
                frame = next(pieces)
                scene.refused = "problem" in frame.words
                if frame.whole:
                    scene.pieces = None
                scene.keep(frame)
                return drawn(scene.view, frame, step), frame.whole
        except StillReading as error:
            scene.refused, scene.seen, scene.again = True, None, time.monotonic() + AGAIN
            message = packed({"problem": str(error)})
        except VitrineError as error:
            scene.refused = True
            message = packed({"problem": str(error)})
        except Exception as error:  # what was kept of the past cannot be opened; the log has the rest
            traceback.print_exc()
            message = packed({"problem": f"This moment cannot be opened: {type(error).__name__}: {error}"})
        scene.pieces = None
        return message, True

    def _keep(self, scene: Scene, message: bytes) -> None:
        """Keep a moment that will not change any more."""
        row = self.rows.get(scene.key.source.removeprefix(RUN))
        if row is None or row["step"] > scene.key.at or row["status"] in ENDED:
            self.kept[scene.key] = message
            while len(self.kept) > MOST_KEPT or sum(map(len, self.kept.values())) > MOST_BYTES:
                self.kept.popitem(last=False)


def _key(source: str, view: View, at: int) -> Key:
    return Key(source, orjson.dumps(view.write(), option=orjson.OPT_SORT_KEYS).decode(), at)
