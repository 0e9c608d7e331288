"""The past: networks as they were at any checkpoint, and as they would begin."""

import dataclasses
import functools
import threading
from collections import OrderedDict

import torch

from engine.data import Dataset, Source
from engine.errors import VitrineError
from engine.live.reading import Readings, StillReading, key_of
from engine.live.scene import DRAFT, RUN
from engine.looking import Session
from engine.runs.carry import telling_memory
from engine.runs.record import DraftRecord, StoredRecord
from engine.runs.store import ENDED, Store, folder
from engine.training import checkpoint
from engine.training.average import average_of
from engine.training.experiment import Experiment, load
from engine.training.fit import showable, stand_in, suggested
from engine.training.learner import Learner
from engine.training.series import number_of_parts, several

MOST_LEARNERS = 6
MOST_BYTES = 2**30  # of all networks at hand, with what their data take on the device
MOST_KNOWN = 500  # experiments that are kept read
MOST_DRAFT_BYTES = 2**26  # of all experiments that are being built, as text: thousands


class Past:
    """Opens runs at their checkpoints; keeps a few networks and datasets at hand."""

    def __init__(self, store: Store, patience: float | None = None):
        self.store, self.patience = store, patience  # seconds that who asks waits for data
        self.lock = threading.Lock()  # one network is looked at at a time
        self.reading = Readings()
        self.learners: OrderedDict[str, Learner] = OrderedDict()  # by source
        self.drafting = threading.Lock()
        self.drafts: OrderedDict[str, str] = OrderedDict()  # by key: experiments that are being built
        self.known: dict[str, Experiment] = {}  # by source
        self.records: dict[str, StoredRecord] = {}
        self.numbers: dict[str, int] = {}  # by source: the parts of a series
        self.at: dict[str, Session] = {}  # by source: the session that its learner stands at,
        self.stamps: dict[str, tuple[int, int]] = {}  # its step, and when that checkpoint was written

    def draft(self, key: str, text: str) -> None:
        """Keep an experiment that is being built."""
        with self.drafting:
            self.drafts[key] = text
            self.drafts.move_to_end(key)
            while sum(map(len, self.drafts.values())) > MOST_DRAFT_BYTES and len(self.drafts) > 1:
                self.drafts.popitem(last=False)

    def nearest(self, run: str, step: int) -> int:
        """Return the latest checkpoint up to a step, or the first there is."""
        here = checkpoint.steps(folder(run) / "checkpoints")
        if not here and self.store.run(run)["status"] in ENDED:
            raise VitrineError("This run ended before its first step, so there is nothing to see.")
        if not here:
            raise VitrineError("Nothing to see yet.", cure="Wait until the first step is done.")
        return max((kept for kept in here if kept <= step), default=here[0])

    def experiment(self, source: str) -> Experiment:
        """Return the experiment of a source."""
        if source.startswith(DRAFT):
            with self.drafting:
                if (key := source.removeprefix(DRAFT)) not in self.drafts:
                    raise VitrineError("This draft is no longer here.", cure="Reload the page.")
                self.drafts.move_to_end(key)  # somebody looks at it: those nobody looks at go first
                text = self.drafts[key]
            return _read(text)
        if source not in self.known:  # a run's experiment never changes
            self.known = dict(list(self.known.items())[-MOST_KNOWN:])
            self.known[source] = load(self.store.run(source.removeprefix(RUN))["experiment"])
        return self.known[source]

    def record(self, run: str) -> StoredRecord:
        """Return a run's record."""
        if run not in self.records:
            self.records = dict(list(self.records.items())[-32:])
            self.records[run] = StoredRecord(self.store, run, several(self.experiment(f"{RUN}{run}").recipe))
        return self.records[run]

    def shown(self, source: str) -> str:
        """Return the run whose network is shown: of a series, the part that was begun last."""
        run = source.removeprefix(RUN)
        return self.store.part(run) if several(self.experiment(source).recipe) else run

    def parts(self, source: str) -> int:
        """Return of how many parts a series is made; 0 where a run is no series, or its data are gone."""
        experiment = self.experiment(source)
        data = experiment.data
        if not several(experiment.recipe) or data is None:
            return 0
        if source not in self.numbers:
            try:
                self.numbers[source] = number_of_parts(experiment.recipe, lambda: self.dataset(data))
            except StillReading:
                return 0
            except VitrineError:
                self.numbers[source] = 0
        return self.numbers[source]

    def session(self, source: str, step: int) -> Session:
        """Return a run as it was at the checkpoint before a step, or a draft before its first step."""
        if source.startswith(DRAFT):
            learner = self._learner(source)
            return self._kept(source, Session(learner.experiment, 0, DraftRecord(learner), learner))
        run = self.shown(source)
        source = f"{RUN}{run}"
        at = self.nearest(run, step)
        path = checkpoint.path_of(folder(run) / "checkpoints", at)
        stamp = at, path.stat().st_mtime_ns  # a number that is typed makes a checkpoint anew
        if (known := self.at.get(source)) and self.stamps.get(source) == stamp and source in self.learners:
            return known
        learner = self._learner(source)
        learner.restore(checkpoint.load(path))
        self.stamps[source] = stamp
        return self._kept(source, Session(learner.experiment, at, self.record(run), learner))

    def _kept(self, source: str, session: Session) -> Session:
        self.at = {key: kept for key, kept in self.at.items() if key in self.learners} | {source: session}
        return session

    def _learner(self, source: str) -> Learner:
        """Return a learner of the source's experiment, made or at hand."""
        if source in self.learners:
            self.learners.move_to_end(source)
            return self.learners[source]
        experiment = self.experiment(source)
        with telling_memory(experiment):
            self.learners[source] = self._made(experiment, source.startswith(DRAFT))
        while len(self.learners) > 1 and (
            len(self.learners) > MOST_LEARNERS or sum(map(weight_of, self.learners.values())) > MOST_BYTES
        ):
            self.learners.popitem(last=False)
        return self.learners[source]

    def _made(self, experiment: Experiment, draft: bool) -> Learner:
        """Return a learner on the experiment's data; a draft that none suit is looked at with a few pictures."""
        data = experiment.data or suggested(experiment.graph)
        try:
            if data:
                return Learner(experiment, self.dataset(data))
        except StillReading:
            raise
        except VitrineError:
            if not draft or len(experiment.graphs) > 1 or not showable(experiment.graph):
                raise
        whole = dataclasses.replace(experiment, data=None, recipe=experiment.recipe.but(batch="all"))
        return Learner(whole, stand_in(experiment.graph))

    def copies(self, source: Source) -> int:
        """Return how many test examples are copies of training ones, as far as the data are read."""
        return self.reading.copied.get(key_of(source), 0)

    def notes(self, source: Source) -> tuple[str, ...]:
        """Return what was done to data that somebody brought, as far as they are read."""
        return self.reading.noted.get(key_of(source), ())

    def dataset(self, source: Source, patience: float | None = None) -> Dataset:
        """Return a dataset; one that takes long is read aside, and `StillReading` says how far it is."""
        return self.reading.dataset(source, self.patience if patience is None else patience)


_read = functools.lru_cache(maxsize=MOST_KNOWN)(load)


def weight_of(learner: Learner) -> int:
    """Return how many bytes a learner takes: weights, what optimisers know of them, and examples on the device."""
    weights = sum(w.nbytes for network in learner.networks.values() for w in network.state_dict().values())
    averages = (average_of(network) for network in learner.networks.values())
    weights += sum(value.nbytes for average in averages if average for value in average.kept.values())
    known = sum(
        value.nbytes
        for part in learner.parts.values()
        for state in part.optimiser.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor)
    )
    return weights + known + sum(split.inputs.nbytes for split in learner.data.values())
