"""Carrying a run out: the loop with its checkpoints, metrics and end, wherever it is called from."""

import hashlib
import json
import os
import secrets
import shutil
import time
import traceback
from collections.abc import Callable, Generator
from typing import Any

import torch

from engine.data import Dataset
from engine.data.dataset import copies
from engine.errors import VitrineError
from engine.runs.alive import identity
from engine.runs.mend import keep_copy
from engine.runs.pulses import Pulses
from engine.runs.recorder import Recorder
from engine.runs.store import Row, Store, folder
from engine.runs.tables import COMMANDS, RUNS
from engine.runs.telling import telling_disk, telling_memory
from engine.tasks.classify import confusion, precision_and_recall
from engine.training import checkpoint
from engine.training.branch import adopt
from engine.training.experiment import Experiment, dump, load
from engine.training.learner import Learner
from engine.training.loop import Report, Watch, learn
from engine.training.modes import finite
from engine.training.series import several
from engine.training.trouble import CURE
from engine.training.unfit import unfit

BEGINNING = "beginning.pt"  # in a branch's folder: the state of its parent that it begins with
MOST_SHARE = 0.05  # of the time that may go into checkpoints,
FIRST = 0.2  # and so many seconds for the first ones
LONGEST = 3.0  # seconds that a run which is stopped may take to be tested
Meet = Callable[[str, Learner, "Keeper", Pulses], bool]  # whether to begin


def new_run(store: Store, experiment: Experiment, parent: str | None = None, **more: Any) -> str:
    """Enter a run of the experiment, and return its name: the day, and a few signs that nobody else has."""
    if experiment.data is None:
        raise VitrineError("The experiment names no data to learn from.", cure="Choose some with --data.")
    run = f"{time.strftime('%y%m%d')}-{secrets.token_hex(3)}"
    with telling_disk():
        folder(run).mkdir(parents=True)
        (folder(run) / "experiment.json").write_text(dump(experiment, pretty=True), encoding="utf-8")
    store.create(run, experiment.name, dump(experiment), parent, **more)
    keep_copy(store, run)
    return run


def branch(store: Store, parent: str, step: int, experiment: Experiment, **more: Any) -> str:
    """Enter a run that begins with another one's weights at its latest checkpoint up to a step; return its name."""
    if several(experiment.recipe):
        raise VitrineError("A series begins anew with every part, so it cannot branch off.", cure="Train it anew.")
    row = store.run(parent)
    here = [kept for kept in checkpoint.steps(folder(row["run"]) / "checkpoints") if kept <= step]
    if not here:
        raise VitrineError(f"{row['run']} has no checkpoint up to step {step:,}.", cure="Choose a later moment.")
    run = new_run(store, experiment, row["run"], parent_step=here[-1], **more)
    store.update(run, step=here[-1])
    with telling_disk():
        shutil.copyfile(checkpoint.path_of(folder(row["run"]) / "checkpoints", here[-1]), folder(run) / BEGINNING)
    store.note(run, here[-1], f"branched from {row['run']} at step {here[-1]:,}")
    store.note(row["run"], here[-1], f"{run} branched off here")
    return run


def learner_of(experiment: Experiment, dataset: Dataset | None = None) -> Learner:
    """Return the learner of an experiment, its data loaded; memory running out is told in words."""
    assert experiment.data
    dataset = dataset or experiment.data.load()
    with telling_memory(experiment):
        return Learner(experiment, dataset)


def begun(store: Store, row: Row, learner: Learner | None = None) -> Learner:
    """Return the learner of a run at the place where it is to go on: its newest checkpoint, if it has any."""
    experiment = load(row["experiment"])
    learner = learner or learner_of(experiment)
    own = folder(row["run"]) / "checkpoints"
    if checkpoint.steps(own):
        damaged: list[str] = []
        step, state = checkpoint.newest(own, damaged)
        learner.restore(state)
        for words in damaged:
            store.note(row["run"], step, f"{words} The one of step {step:,} is used.")
        if step < row["step"]:
            store.note(row["run"], step, f"goes on from step {step:,}; what came after it is learned again")
    elif words := unfit(experiment.graphs, experiment.task, learner.recipe, learner.dataset):
        raise VitrineError(words)
    elif row["parent_step"] is not None:
        fresh = adopt(learner, checkpoint.load(folder(row["run"]) / BEGINNING))
        if fresh:
            store.note(row["run"], learner.step, f"{len(fresh)} weights begin anew: {', '.join(fresh[:6])}")
    return learner


def carry_out(
    store: Store, run: str, learner: Learner | None = None, watch: Watch | None = None, meet: Meet | None = None
) -> Generator[Report, None, None]:
    """Learn a run to its end, from where it stands, yielding every report; however it ends, store and folder know.

    Whoever wants to look or give orders is told of learner, checkpoints and pulses before the first step.
    """
    row = store.run(run)
    store.update(run, status="running", pid=os.getpid(), host=identity(os.getpid()), error=None)
    (folder(run) / "result.json").unlink(missing_ok=True)  # of an earlier end, that it goes on from
    try:
        learner = begun(store, row, learner)
        threads = torch.get_num_threads()
        store.update(run, device=str(learner.place.device), total=learner.total, threads=row["threads"] or threads)
        store.note(run, learner.step, begins(row, learner, threads))
        with telling_memory(load(row["experiment"])):
            yield from _recorded(store, run, learner, watch, meet)
    except GeneratorExit:
        raise  # whoever listened has stopped it, and it is recorded so
    except VitrineError as error:
        end(store, run, "failed", str(error))
        raise
    except Exception as error:
        traceback.print_exc()  # into the worker's log
        end(store, run, "failed", fault(run, error))
        raise
    except BaseException:
        end(store, run, "interrupted", "The worker was told to end.")
        raise


def begins(row: Row, learner: Learner, threads: int) -> str:
    """Return what a diary says of a run's beginning, or its going on."""
    words = f"{'goes on' if row['seconds'] else 'begins'} on {learner.place.device}"
    if learner.place.device.type == "cpu":
        words += f" with {threads} thread{'s' if threads > 1 else ''}"
    if row["threads"] not in (None, threads):
        words += f"; it began with {row['threads']}, so that its last bits may differ from those of a run never stopped"
    again = 0 if row["seconds"] else copies(learner.dataset)
    return words + (f"; copies of training examples among those to test on: {again:,}" if again else "")


def fault(run: str, error: Exception) -> str:
    """Return in words that a run ended by a fault that is not the person's."""
    return f"A fault in Vitrine: {type(error).__name__}: {error}. {folder(run)} has the log."


def end(store: Store, run: str, status: str, error: str | None = None, **more: Any) -> None:
    """Record how a run ended."""
    step = store.run(run)["step"]
    with store.writing() as connection:  # in one breath: whoever orders something then is refused, or answered here
        ended = {"status": status, "error": error, "pid": None, "updated": time.time()} | more
        connection.execute(RUNS.update().where(RUNS.c.run == run).values(**ended))
        open_orders = COMMANDS.update().where(COMMANDS.c.run == run, COMMANDS.c.answer.is_(None))
        connection.execute(open_orders.values(answer=f"{run} has ended."))
    store.note(run, step, f"{status}: {error}" if error else status)
    keep_copy(store, run)


def _recorded(
    store: Store, run: str, learner: Learner, watch: Watch | None, meet: Meet | None
) -> Generator[Report, None, None]:
    """Learn, keeping metrics, pulses and checkpoints; at the end, the scores of all splits."""
    recorder, keeper = Recorder(store, run, learner.step, len(learner.losses)), Keeper(store, run, learner)
    pulses = Pulses(store, run, learner)
    begins = not meet or meet(run, learner, keeper, pulses)
    keeper.keep()
    if not begins:
        end(store, run, "stopped")
        return
    reports, report = learn(learner, watch=watch or pulses.due), None
    try:
        for report in reports:
            recorder.take(report)
            for watched in report.watched:
                pulses.take(watched)
            store.update(run, **standing(report))
            if report.problem:
                break
            keeper.keep_if_due()
            yield report
    except GeneratorExit:
        reports.close()
        keeper.keep()
        if learner.recipe.unending:  # it comes to no other end at which it could be tested
            tested(store, run, learner)
        end(store, run, "stopped")
        raise
    if report and report.problem:
        end(store, run, "failed", report.problem)
        yield report
        return
    if not keeper.keep(anew=bool(learner.best.weights)):  # the best weights take the place of the last ones
        raise VitrineError(f"After step {learner.step:,} weights are no longer finite.", cure=CURE)
    result = finish(learner)
    if result["words"]:
        store.note(run, learner.step, result["words"])
    (folder(run) / "result.json").write_text(json.dumps(result), encoding="utf-8")
    end(store, run, "done", result=json.dumps(result), step=learner.step, epoch=learner.epochs, seconds=learner.seconds)


def tested(store: Store, run: str, learner: Learner) -> None:
    """Record how a run does on the test examples at the step where it was stopped, unless that takes long."""
    if not learner.step or "test" not in learner.data:
        return
    try:
        scores = learner.score("test", within=LONGEST)
    except Exception as error:  # it ends as somebody wished all the same; the log has the rest
        traceback.print_exc()
        store.note(run, learner.step, f"could not be tested: {type(error).__name__}: {error}")
        return
    store.record(run, [("test", metric, learner.step, value) for metric, value in scores.items()])


def standing(report: Report) -> dict[str, Any]:
    """Return what the list of runs tells of a run that is being learned."""
    values = {"step": report.step, "epoch": report.epoch, "seconds": report.seconds, "total": report.total}
    pace = {"pace": report.examples_per_second} if report.losses else {}
    return values | pace | {"rate": report.rate}


class Keeper:
    """Writes a run's checkpoints when they are due, within its share of the time."""

    def __init__(self, store: Store, run: str, learner: Learner):
        self.store, self.run, self.learner = store, run, learner
        self.folder = folder(run) / "checkpoints"
        self.due, self.spent, self.began = learner.step, 0.0, time.monotonic()

    def keep(self, anew: bool = False) -> bool:
        """Write one now, unless this step has one, or in the place of that; return whether there is one.

        Weights that are no numbers are never kept: nobody could go on from them.
        """
        if not anew and checkpoint.path_of(self.folder, self.learner.step).exists():
            return True
        if not finite(self.learner.networks.values()):
            return False
        began = time.monotonic()
        path = checkpoint.save(self.learner, self.folder)
        self.store.keep_checkpoint(self.run, self.learner.step, path.stat().st_size)
        keep_copy(self.store, self.run)
        self.spent += time.monotonic() - began
        self.due = checkpoint.next_due(self.learner.step)
        return True

    def keep_if_due(self) -> None:
        """Write one where the step asks for it and the last one is paid for."""
        allowed = FIRST + MOST_SHARE * (time.monotonic() - self.began)
        if self.learner.step >= self.due and self.spent <= allowed:
            self.keep()


def finish(learner: Learner) -> dict[str, Any]:
    """Return the scores of all splits, and a fingerprint of the weights by which equal bits can be seen."""
    train, best = learner.dataset.train, learner.best
    words = learner.task.last_words(learner.settled, train.inputs, train.targets)
    return {
        "words": words or best.last_words(learner.recipe, learner.epoch),
        "settled": learner.settled,
        "seconds": learner.seconds,
        "examples_per_second": learner.step * learner.batch_size / max(1e-9, learner.seconds),
        "metrics": {name: learner.score(name) | learner.examined(name) for name in learner.data},
        "weights_sha256": fingerprint(learner),
    }


def classes_of(learner: Learner) -> list[dict[str, Any]]:
    """Return, of each class, precision, recall, and what its test examples were taken for."""
    names = learner.dataset.classes
    if not names or not learner.task.classifies:
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
