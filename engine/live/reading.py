"""Reading: datasets that are read aside, so that nobody who looks at something else waits for them."""

import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable

from engine.data import Dataset, Source
from engine.data.dataset import copies
from engine.data.progress import telling
from engine.errors import VitrineError

AT_ONCE = 0.4  # seconds that who asks waits: most data are there by then
PLACES = threading.BoundedSemaphore(2)  # so many are read at once
MOST_DATA = 6
MOST_BYTES = 2 * 2**30  # of all datasets that are kept at hand


class StillReading(VitrineError):
    """Says how far a dataset is read; whoever asked may ask again."""


class Job:
    """One dataset on its way."""

    def __init__(self, source: Source, settle: Callable[["Job", Dataset | None], None]):
        self.source, self.share, self.settle = source, 0.0, settle
        self.error: VitrineError | None = None
        self.stopped = False
        self.over = threading.Event()
        self.begun = time.monotonic()
        threading.Thread(target=self._read, daemon=True).start()

    def stop(self) -> None:
        """End the reading at the next piece."""
        self.stopped = True

    def _tell(self, share: float) -> None:
        self.share = share
        if self.stopped:
            raise VitrineError(f"Reading {self.source.title} was stopped.")

    def _read(self) -> None:
        dataset = None
        try:
            with PLACES, telling(self._tell):
                self._tell(0.0)
                dataset = self.source.load()
        except VitrineError as error:
            self.error = error
        except Exception as error:  # whoever waits for it must be told; the log has the rest
            traceback.print_exc()
            self.error = VitrineError(f"{self.source.title} cannot be read: {type(error).__name__}.")
        self.settle(self, dataset)
        self.over.set()


class Readings:
    """Datasets at hand, and those that are being read; all by their options."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.data: OrderedDict[str, Dataset] = OrderedDict()
        self.copied: dict[str, int] = {}  # test examples that are training ones too
        self.noted: dict[str, tuple[str, ...]] = {}  # what was done to what somebody brought
        self.jobs: dict[str, Job] = {}
        self.stopped: set[str] = set()

    def dataset(self, source: Source, patience: float | None = None) -> Dataset:
        """Return a dataset; where it takes longer to read, say how far it is.

        Who asks waits until the reading has lasted so long, so that many who ask do not wait one after another.
        """
        key = key_of(source)
        with self.lock:
            if key in self.data:
                self.data.move_to_end(key)
                return self.data[key]
            if key in self.stopped:
                raise VitrineError(f"Reading {source.title} was stopped.")
            job = self.jobs.get(key) or self.jobs.setdefault(key, Job(source, self._settle))
        left = (AT_ONCE if patience is None else patience) - (time.monotonic() - job.begun)
        if not job.over.wait(max(0.0, min(left, threading.TIMEOUT_MAX))):
            raise StillReading(f"Reading {source.title}: {job.share:.0%}.", cure="This goes on by itself.")
        with self.lock:
            if job.error:
                if self.jobs.get(key) is job:
                    del self.jobs[key]  # the next who asks may find it mended
                raise job.error
            return self.data[key]

    def _settle(self, job: Job, dataset: Dataset | None) -> None:
        """Keep what was read, whether or not anybody still waits for it."""
        key = key_of(job.source)
        again = copies(dataset) if dataset else 0
        with self.lock:
            if job.stopped:
                self.stopped.add(key)
            if dataset is None:
                return
            self.jobs.pop(key, None)
            self.copied = dict(list(self.copied.items())[-64:]) | {key: again}
            self.noted = dict(list(self.noted.items())[-64:]) | {key: dataset.notes}
            self.data[key] = dataset
            while len(self.data) > 1 and (len(self.data) > MOST_DATA or self._bytes() > MOST_BYTES):
                self.data.popitem(last=False)

    def has(self, source: Source) -> bool:
        """Return whether a dataset is at hand."""
        return key_of(source) in self.data

    def job(self, source: Source) -> Job | None:
        """Return the reading of a dataset that is under way."""
        job = self.jobs.get(key_of(source))
        return job if job and not job.over.is_set() else None

    def was_stopped(self, source: Source) -> bool:
        """Return whether somebody stopped the reading of a dataset."""
        return key_of(source) in self.stopped

    def allow(self, source: Source) -> None:
        """Let a dataset be read again."""
        self.stopped.discard(key_of(source))

    def _bytes(self) -> int:
        return sum(size_of(dataset) for dataset in self.data.values())


def key_of(source: Source) -> str:
    """Return what tells a dataset from all others: its kind and options."""
    return str(source.write())


def size_of(dataset: Dataset) -> int:
    """Return how many bytes the examples of a dataset take."""
    bases = sum(split.bases.nbytes for split in dataset.splits().values() if split.bases is not None)
    return bases + sum(split.inputs.nbytes + split.targets.nbytes for split in dataset.splits().values())
