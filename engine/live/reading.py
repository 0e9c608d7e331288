"""Reading: datasets that are read aside, so that nobody who looks at something else waits for them."""

import threading
import traceback
from collections import OrderedDict

from engine.data import Dataset, Source
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

    def __init__(self, source: Source):
        self.source, self.share, self.dataset = source, 0.0, None
        self.error: VitrineError | None = None
        self.stopped = False
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End the reading at the next piece."""
        self.stopped = True

    def _tell(self, share: float) -> None:
        self.share = share
        if self.stopped:
            raise VitrineError(f"{self.source.title} were not read to the end.", cure="Choose them again.")

    def _read(self) -> None:
        try:
            with PLACES, telling(self._tell):
                self.dataset: Dataset | None = self.source.load()
        except VitrineError as error:
            self.error = error
        except Exception as error:  # whoever waits for it must be told; the log has the rest
            traceback.print_exc()
            self.error = VitrineError(f"{self.source.title} cannot be read: {type(error).__name__}.")
        finally:
            self.over.set()


class Readings:
    """Datasets at hand, and those that are being read; all by their options."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.data: OrderedDict[str, Dataset] = OrderedDict()
        self.jobs: dict[str, Job] = {}

    def dataset(self, source: Source, patience: float | None = None) -> Dataset:
        """Return a dataset; where it takes longer to read, say how far it is."""
        key = key_of(source)
        with self.lock:
            if key in self.data:
                self.data.move_to_end(key)
                return self.data[key]
            job = self.jobs.get(key) or self.jobs.setdefault(key, Job(source))
        if not job.over.wait(AT_ONCE if patience is None else min(patience, threading.TIMEOUT_MAX)):
            raise StillReading(f"{source.title} are being read: {job.share:.0%}.", cure="This goes on by itself.")
        with self.lock:
            self.jobs.pop(key, None)
            if job.error:
                raise job.error
            assert job.dataset
            self.data[key] = job.dataset
            while len(self.data) > 1 and (len(self.data) > MOST_DATA or self._bytes() > MOST_BYTES):
                self.data.popitem(last=False)
            return job.dataset

    def job(self, source: Source) -> Job | None:
        """Return the reading of a dataset that is under way."""
        job = self.jobs.get(key_of(source))
        return job if job and not job.over.is_set() else None

    def at_hand(self, source: Source) -> Dataset | None:
        """Return a dataset if it is read already."""
        return self.data.get(key_of(source))

    def _bytes(self) -> int:
        return sum(size_of(dataset) for dataset in self.data.values())


def key_of(source: Source) -> str:
    """Return what tells a dataset from all others: its kind and options."""
    return str(source.write())


def size_of(dataset: Dataset) -> int:
    """Return how many bytes the examples of a dataset take."""
    return sum(split.inputs.nbytes + split.targets.nbytes for split in dataset.splits().values())
