"""Carrying a run out: the loop with its checkpoints, metrics and end, wherever it is called from."""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Generator
from typing import Any

import torch

from engine.data import Dataset
from engine.errors import VitrineError
from engine.runs.recorder import Recorder
from engine.runs.store import Store, folder
from engine.tasks.classify import Classify, confusion, precision_and_recall
from engine.training import checkpoint
from engine.training.experiment import Experiment, dump, load
from engine.training.learner import Learner
from engine.training.loop import Report, learn

MOST_SHARE = 0.05  # of the time that may go into checkpoints, once the first ones are there


def new_run(store: Store, experiment: Experiment, parent: str | None = None) -> str:
    """Enter a run of the experiment, and return its name: the day, and a few signs that nobody else has."""
    if experiment.data is None:
        raise VitrineError("The experiment names no data to learn from.", cure="Choose some with --data.")
    run = f"{time.strftime('%y%m%d')}-{secrets.token_hex(3)}"
    store.create(run, experiment.name, dump(experiment), parent)
    folder(run).mkdir(parents=True)
    (folder(run) / "experiment.json").write_text(dump(experiment, pretty=True), encoding="utf-8")
    return run


def learner_of(experiment: Experiment) -> Learner:
    """Return the learner of an experiment, its data loaded; memory running out is told in words."""
    assert experiment.data
    dataset: Dataset = experiment.data.load()
    with telling_memory(experiment):
        return Learner(experiment, dataset)


class telling_memory:
    """While entered, running out of memory becomes words that say what to lower."""

    def __init__(self, experiment: Experiment):
        self.experiment = experiment

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, problem: Any, trace: Any) -> None:
        short = isinstance(problem, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(problem)
        if not short:
            return
        from engine.graph.cost import cost

        total = cost(self.experiment.graph).total
        batch = self.experiment.recipe.batch
        examples = 1 if batch == "all" else int(batch)
        # Weights, their gradients and up to two more numbers each for the optimiser; activations there and back.
        needed = (4 * total.weight_bytes + 2 * examples * total.activation_bytes) / 2**30
        raise VitrineError(
            f"Memory ran out; weights and a batch of {batch} take about {needed:,.1f} GiB.",
            cure="Lower the batch, the size of the images, or the number of channels.",
        ) from None


def carry_out(
    store: Store, run: str, resume: bool = False, learner: Learner | None = None, watch: float | None = None
) -> Generator[Report, None, None]:
    """Learn a run to its end, yielding every report; however it ends, store and folder know."""
    experiment = load(store.run(run)["experiment"])
    store.update(run, status="running", pid=os.getpid(), error=None)
    try:
        learner = learner or learner_of(experiment)
        if resume:
            learner.restore(checkpoint.newest(folder(run) / "checkpoints")[1])
        store.update(run, device=str(learner.place.device))
        with telling_memory(experiment):
            yield from _recorded(store, run, learner, watch)
    except GeneratorExit:
        raise  # whoever listened has stopped it, and it is recorded so
    except VitrineError as error:
        store.update(run, status="failed", error=str(error), pid=None)
        raise
    except BaseException:
        store.update(run, status="interrupted", pid=None)
        raise


def _recorded(store: Store, run: str, learner: Learner, watch: float | None) -> Generator[Report, None, None]:
    """Learn, keeping metrics and checkpoints; at the end, the scores of all splits."""
    recorder, keeper = Recorder(store, run, learner.step), Keeper(store, run, learner)
    keeper.keep()
    reports = learn(learner, watch=watch)
    try:
        for report in reports:
            recorder.take(report)
            store.update(run, step=report.step, epoch=report.epoch, seconds=report.seconds)
            if report.problem:
                store.update(run, status="failed", error=report.problem, pid=None)
                yield report
                return
            keeper.keep_if_due()
            yield report
    except GeneratorExit:
        reports.close()
        keeper.keep()
        store.update(run, status="stopped", pid=None)
        raise
    keeper.keep()
    result = finish(learner)
    (folder(run) / "result.json").write_text(json.dumps(result), encoding="utf-8")
    store.update(run, status="done", pid=None, result=json.dumps(result), step=learner.step, seconds=learner.seconds)


class Keeper:
    """Writes a run's checkpoints when they are due, within its share of the time."""

    def __init__(self, store: Store, run: str, learner: Learner):
        self.store, self.run, self.learner = store, run, learner
        self.folder = folder(run) / "checkpoints"
        self.due, self.took, self.at = learner.step, 0.0, 0.0

    def keep(self) -> None:
        """Write one now, unless this step has one."""
        if checkpoint.path_of(self.folder, self.learner.step).exists():
            return
        began = time.monotonic()
        path = checkpoint.save(self.learner, self.folder)
        self.store.keep_checkpoint(self.run, self.learner.step, path.stat().st_size)
        self.at = time.monotonic()
        self.took = self.at - began
        self.due = checkpoint.next_due(self.learner.step)

    def keep_if_due(self) -> None:
        """Write one where the step asks for it and the last one is paid for."""
        if self.learner.step >= self.due and time.monotonic() - self.at >= self.took / MOST_SHARE:
            self.keep()


def finish(learner: Learner) -> dict[str, Any]:
    """Return the scores of all splits, and a fingerprint of the weights by which equal bits can be seen."""
    return {
        "seconds": learner.seconds,
        "examples_per_second": learner.step * learner.batch_size / max(1e-9, learner.seconds),
        "metrics": {name: learner.score(name) for name in learner.data},
        "weights_sha256": fingerprint(learner),
    }


def classes_of(learner: Learner) -> list[dict[str, Any]]:
    """Return, of each class, precision, recall, and what its test examples were taken for."""
    names = learner.dataset.classes
    if not names or not isinstance(learner.task, Classify):
        return []
    split = "test" if "test" in learner.data else "train"
    table = confusion(learner.answers(split), learner.data[split].targets).cpu()
    precision, recall = precision_and_recall(table)
    return [
        {
            "class": name,
            "precision": precision[place].item(),
            "recall": recall[place].item(),
            "taken for": {names[other]: int(n) for other, n in enumerate(table[place]) if n},
        }
        for place, name in enumerate(names)
    ]


def fingerprint(learner: Learner) -> str:
    """Return the SHA-256 over all final weights and buffers, in the order of their names."""
    digest = hashlib.sha256()
    for role, network in sorted(learner.networks.items()):
        for name, value in sorted(network.state_dict().items()):
            digest.update(f"{role}.{name}".encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def reopened(store: Store, run: str) -> Learner:
    """Return a learner with the newest weights of a run."""
    row = store.run(run)
    learner = learner_of(load(row["experiment"]))
    learner.restore(checkpoint.newest(folder(row["run"]) / "checkpoints")[1])
    learner.keep_best()
    return learner
