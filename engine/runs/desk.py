"""Desk: where a run being learned meets those who give it orders and look at it."""

import os
import queue
import threading
import time
from collections.abc import Generator
from typing import Any

import orjson
import sqlalchemy as sa

from engine.errors import VitrineError
from engine.runs import frames, orders
from engine.runs.carry import Keeper, carry_out
from engine.runs.changes import Changes
from engine.runs.launch import take_turn
from engine.runs.lookout import Lookout
from engine.runs.orders import SPEEDS, Order
from engine.runs.pulses import Pulses
from engine.runs.series import carry_series
from engine.runs.store import Store, changed_of
from engine.runs.stride import Stride
from engine.runs.tables import RUNS
from engine.training.change import TYPED, change
from engine.training.experiment import load
from engine.training.learner import Learner
from engine.training.loop import Report
from engine.training.series import several

LISTEN = 0.03  # seconds between two looks into the store for orders,
LOOK = 0.2  # and for watches
BEAT = 1.0
STRIDE = 0.1  # seconds' worth of steps that a slowed run takes at once
HANGS = 180.0  # seconds without a report after which the heart stops; compiling may take one
FULL = "As many runs learn as this machine takes at once."
AWAY = 3600.0  # seconds without an app that minds the run after which it saves and stops; VITRINE_AWAY


class Ear(threading.Thread):
    """Hears orders and watches while the run is learned, and tells that the worker lives."""

    def __init__(self, store: Store, run: str):
        super().__init__(daemon=True)
        self.store, self.names = store, [run]  # the run, and of several folds the one that is learned now
        self.orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self.watched: dict[str, tuple[dict, int]] = {}
        self.learner: Learner | None = None
        self.news = threading.Event()
        self.over = threading.Event()
        self.heard = threading.Event()  # set once all orders are heard that were there at the beginning
        self.reported = time.monotonic()  # when the run last came to its desk
        self.minded: tuple[int | None, float] = None, time.monotonic()

    def run(self) -> None:
        """Listen until the run is over."""
        changes, last, looked, beat, new = Changes(self.store), 0, 0.0, 0.0, False
        while not self.over.wait(LISTEN):
            try:
                if time.monotonic() - beat >= BEAT:
                    self._beat()
                    beat = time.monotonic()
                if changes.any():
                    new = True
                    for order in sorted(o for name in self.names for o in orders.pending(self.store, name, last)):
                        last = order.id
                        self.orders.put(order)
                        self.call()
                self.heard.set()
                if new and time.monotonic() - looked >= LOOK:
                    new, looked = False, time.monotonic()
                    watched = frames.watches(self.store, self.names[-1])
                    if watched.keys() - self.watched.keys():
                        self.call()
                    self.watched = watched
            except VitrineError:  # a full disk, say: the run itself meets it too, and tells
                time.sleep(BEAT)

    def call(self) -> None:
        """Ask for a report as soon as the step is done."""
        self.news.set()
        if self.learner:
            self.learner.called = True

    def _beat(self) -> None:
        if time.monotonic() - self.reported > HANGS:
            return
        for name in self.names:  # each in a breath of its own, so that it waits for no other row while it holds one
            with self.store.writing() as connection:
                beaten = RUNS.update().where(RUNS.c.run == name).values(beat=sa.func.coalesce(RUNS.c.beat, 0) + 1)
                connection.execute(beaten)
        with self.store.reading() as connection:
            minded = connection.execute(sa.select(RUNS.c.minded).where(RUNS.c.run == self.names[0])).scalar()
        if minded != self.minded[0]:
            self.minded = minded, time.monotonic()

    @property
    def alone(self) -> bool:
        """Return whether an app minded the run once, and none has for long."""
        away = float(os.environ.get("VITRINE_AWAY") or AWAY)
        return self.minded[0] is not None and time.monotonic() - self.minded[1] > away


class Desk:
    """Carries out orders between two steps, and lets those look who watch."""

    def __init__(self, store: Store, run: str):
        self.store, self.run, self.ear = store, run, Ear(store, run)
        self.learner: Learner | None = None
        self.keeper: Keeper | None = None
        self.lookout: Lookout | None = None
        self.paused = self.waits = self.told = False  # waits: to go on; told: that it does
        self.asks = 0.0  # when it may next be asked whether there is a place
        self.stopping = ""  # why the run is to end here
        self.rests_at = -1
        self.speed: float | None = changed_of(store.run(run)).speed  # steps a second, at most; kept when it goes on
        self.resumed = 0.0  # when the run was last let go on
        self.stride = Stride()  # how far the step goes that is taken

    def meet(self, run: str, learner: Learner, keeper: Keeper, pulses: Pulses) -> bool:
        """Be told of the learner, before its first step; return whether it is to be taken."""
        before, self.learner = self.learner, learner
        self.ear.learner, learner.speed = learner, self.speed
        self._turn(self.ear.names[-1], run)
        if before and self.rests_at >= 0:  # steps that were asked for and not taken yet are taken here
            self._rest_at(learner.step + max(1, self.rests_at - before.step))
        self.stride = Stride()
        self.keeper, self.lookout = keeper, Lookout(self.store, run, learner, pulses)
        learner.called = True
        if orders.pending(self.store, self.run):  # given before there was a worker: they come before the first step
            self.ear.heard.wait(5)
            return self.attend(Report(learner.step, learner.epochs, learner.seconds, learner.rate))
        return True

    def _turn(self, before: str, run: str) -> None:
        """Turn to the next part of a series; what was open of the last one is closed."""
        if before not in (self.run, run):
            orders.answer_all(self.store, before, f"{before} has ended.")
            frames.clear(self.store, before)
        self.ear.names = list(dict.fromkeys([self.run, run]))

    def attend(self, report: Report) -> bool:
        """Do what was asked for, wait while paused; return whether to go on."""
        if self.learner and self.learner.step == self.rests_at:
            self._put_back()
            self._pause("has taken its steps, and waits")
        while True:
            self.ear.reported = time.monotonic()
            self.ear.news.clear()
            while not self.stopping and not self.ear.orders.empty():
                self._obey(self.ear.orders.get(), report)
            if self.ear.alone and not self.stopping:
                self.stopping = "no app has minded it for long, or nobody has looked at it"
            if self.stopping:
                return False
            self._take_turn()
            more = False
            if self.lookout:
                self.lookout.take(self.ear.watched)
                more = self.lookout.look(rests=self.paused)
            early = self._early()
            if not self.paused and early <= 0:
                self._go_on()
                return True
            self.ear.news.wait(0.0 if more else 0.25 if self.paused else min(0.25, early))

    def _early(self) -> float:
        """Return for how many seconds the run must still wait, where it is to be slow."""
        if not self.speed:
            return 0.0
        return self.resumed + self._stride() / self.speed - time.monotonic()

    def _stride(self) -> int:
        """Return how many steps are taken at once: as few as can be seen."""
        return max(1, round((self.speed or 0) * STRIDE))

    def _go_on(self) -> None:
        """Let the run take the next steps; where it is to be slow, only a few until it comes back."""
        self.resumed = time.monotonic()
        if self.learner and self.speed:
            slow = self.learner.step + self._stride()
            self.learner.rest_at = min(slow, self.rests_at) if self.rests_at > self.learner.step else slow

    def _obey(self, order: Order, report: Report) -> None:
        try:
            getattr(self, f"_{order.command}")(order)
        except VitrineError as error:
            orders.answer(self.store, order.id, str(error))
            self.store.note(self.ear.names[-1], report.step, f"{order} was refused: {error}")
        else:
            orders.answer(self.store, order.id)

    def _pause(self, order: Order | str) -> None:
        self._wait_no_more()
        self._put_back()
        if not self.paused:
            self.paused, self.rests_at = True, -1
            self._say("paused", order if isinstance(order, str) else "paused")
            if self.keeper:
                self.keeper.keep()

    def _put_back(self) -> None:
        """End the stride that was under way, however far it came."""
        if self.learner and self.stride.end(self.learner) and self.keeper:
            self.keeper.keep(anew=True)

    def _resume(self, _: Order) -> None:
        self.waits, self.asks = self.paused, 0.0
        self._put_back()
        self._take_turn()
        self._rest_at(-1)

    def _take_turn(self) -> None:
        """Go on where the machine has a place: a paused run holds none while others wait."""
        if not self.waits or time.monotonic() < self.asks:
            return
        self.asks = time.monotonic() + BEAT
        if take_turn(self.store, self.run):
            self._wait_no_more()
            self.paused = False
            self._say("running", "goes on")
        elif not self.told:
            self.told = True
            self.store.update(self.run, error=f"{FULL} It goes on by itself when one of them ends or pauses.")

    def _wait_no_more(self) -> None:
        if self.told:
            self.store.update(self.run, error=None)
        self.waits = self.told = False

    def _step(self, order: Order) -> None:
        if not self.learner:
            raise VitrineError("The run has not begun to learn.", cure="Wait a moment.")
        self._put_back()
        far = self.stride.begin(self.learner, order.value)
        if self.paused and far > self.learner.steps_an_epoch and not take_turn(self.store, self.run):
            raise VitrineError(FULL, cure="Take fewer steps, or press Play, and it waits for its turn.")
        self._wait_no_more()
        self.paused = False
        self._rest_at(self.learner.step + far)
        self._say("running", str(order))

    def _stop(self, _: Order) -> None:
        self.stopping = "told to stop"

    def _set(self, order: Order) -> None:
        if not self.learner:
            raise VitrineError("The run has not begun to learn.", cure="Wait a moment.")
        settings = dict(order.value)
        if "speed" in settings:
            self.speed = self.learner.speed = _speed(settings.pop("speed"))
            self._rest_at(self.rests_at)
        if settings and len(self.ear.names) > 1:
            words = "All parts of a series are learned by one recipe, so that they can be compared."
            raise VitrineError(words, cure="Stop it, and train anew.")
        if settings:
            change(self.learner, settings)
        if any(TYPED.fullmatch(name) for name in order.value) and self.keeper and self.lookout:
            self.keeper.keep(anew=True)  # a number that was typed is part of this moment,
            self.lookout.shown.clear()  # and whoever looks sees it at once
        self._tell_of(bool(settings))
        self._say("", str(order))

    def _tell_of(self, changed: bool) -> None:
        """Let pages know by what recipe and task it learns now, where that was changed, and how fast it may."""
        assert self.learner
        run = self.ear.names[-1]
        told = orjson.loads(self.store.run(run)["changed"] or "{}") | {"speed": self.speed}
        if changed:
            task = {name: getattr(self.learner.task, name) for name in self.learner.task.live}
            told = self.learner.recipe.write() | ({"task": task} if task else {}) | {"speed": self.speed}
        changes = orjson.dumps(told).decode()
        self.store.update(run, rate=self.learner.rate, total=self.learner.total, changed=changes)
        if run != self.run:  # a series is as fast as its part
            self.store.update(self.run, changed=orjson.dumps({"speed": self.speed}).decode())

    def _rest_at(self, step: int) -> None:
        self.rests_at = step
        if self.learner:
            self.learner.rest_at = step

    def _say(self, status: str, words: str) -> None:
        step = self.learner.step if self.learner else 0
        for name in self.ear.names:
            if status:
                mine = self.learner is not None and name == self.ear.names[-1]
                self.store.update(name, status=status, **({"epoch": self.learner.epochs} if mine else {}))
            self.store.note(name, step, words)


def _speed(value: Any) -> float | None:
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, int | float) or not SPEEDS[0] <= value <= SPEEDS[1]
    ):
        raise VitrineError(f"speed is a number of steps a second from 0.01 to 1,000,000, or none; received {value!r}.")
    return value


def attended(store: Store, run: str, desk: Desk, **more: Any) -> Generator[Report, None, None]:
    """Learn a run to its end, yielding every report, while its desk is open for orders and looks."""
    recipe = load(store.run(run)["experiment"]).recipe
    reports = carry_series(store, run, desk.meet) if several(recipe) else carry_out(store, run, meet=desk.meet, **more)
    desk.ear.start()
    try:
        for report in reports:
            if not report.problem and not desk.attend(report):
                store.note(run, report.step, desk.stopping)
                break
            yield report
    finally:
        reports.close()
        desk.ear.over.set()
        desk.ear.join()
        for name in desk.ear.names:
            frames.clear(store, name)
