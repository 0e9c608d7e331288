"""Runs: kept in the store, carried out, stopped, killed, resumed."""

import dataclasses
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.live.past import Past
from engine.live.standing import standing
from engine.presets import PRESETS
from engine.runs.carry import carry_out, classes_of, fingerprint, learner_of, new_run, reopened, telling_memory
from engine.runs.export import export
from engine.runs.recorder import Recorder
from engine.runs.store import folder
from engine.training import checkpoint
from engine.training.curve import MOST, WHOLE, Curve
from engine.training.experiment import load
from engine.training.loop import Report, learn
from engine.training.recipe import Recipe
from tests.serving import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
POINTS = chain(points=Input(sizes=(2,)), hidden=Dense(units=4), out=Dense(units=2))
EXPERIMENT = dataclasses.replace(
    PRESETS["mlp-784-100-10"].experiment(), data=DATASETS["digits"](), recipe=Recipe(epochs=3)
)


def carried(store, experiment=EXPERIMENT):
    run = new_run(store, experiment)
    for _ in carry_out(store, run):
        pass
    return run


def result(store, run):
    return json.loads(store.run(run)["result"])


def test_a_run_leaves_its_scores_curves_and_checkpoints(store):
    run = carried(store)
    row, curves = store.run(run), store.metrics(run)
    assert (row["status"], row["step"], row["pid"]) == ("done", 63, None)
    assert set(result(store, run)["metrics"]) == {"train", "validation", "test"}
    assert [step for step, _ in curves["train", "loss"]] == list(range(1, 64))
    assert len(curves["validation", "accuracy"]) == 3
    assert {0, 63} <= set(checkpoint.steps(folder(run) / "checkpoints"))


def test_a_run_stopped_and_resumed_ends_in_the_same_bits(store):
    whole = carried(store)
    run = new_run(store, EXPERIMENT)
    reports = carry_out(store, run)
    next(reports)
    reports.close()
    assert store.run(run)["status"] == "stopped"
    for _ in carry_out(store, run):
        pass
    assert result(store, run)["weights_sha256"] == result(store, whole)["weights_sha256"]
    assert store.metrics(run)["validation", "accuracy"] == store.metrics(whole)["validation", "accuracy"]


def test_a_run_without_an_end_is_tested_where_it_was_stopped(store):
    experiment = dataclasses.replace(EXPERIMENT, recipe=EXPERIMENT.recipe.but(epochs=None))
    run = new_run(store, experiment)
    for report in (reports := carry_out(store, run)):
        if report.step >= 40:
            reports.close()
            break
    row = store.run(run)
    assert row["status"] == "stopped"
    learner = reopened(store, run)
    test = learner.data["test"]
    with torch.no_grad():
        answers = learner.networks["network"].eval()(learner.material.given(test.inputs)).argmax(1)
    right = float((answers == test.targets).float().mean())
    assert store.last(run, "test", "accuracy", row["step"]) == pytest.approx(right, abs=1e-6)
    house = standing(store, Past(store), row)
    assert house["metrics"] == {"test": {"accuracy": pytest.approx(right, abs=1e-6)}}
    for report in (reports := carry_out(store, run)):
        assert standing(store, Past(store), store.run(run))["metrics"] is None
        if report.step >= row["step"] + 30:
            break
    reports.close()


def test_what_takes_long_is_not_tested(store):
    learner = learner_of(EXPERIMENT)
    assert learner.score("test", within=-1.0) == {}
    assert learner.score("test") == learner.score("test", within=60.0)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(store):
    run = carried(store)
    places = checkpoint.steps(folder(run) / "checkpoints")
    last = checkpoint.path_of(folder(run) / "checkpoints", places[-1])
    last.write_bytes(last.read_bytes()[:-1000])
    assert reopened(store, run).step == places[-2]


def test_a_flipped_bit_is_found_and_the_checkpoint_before_it_used(store):
    run = new_run(store, EXPERIMENT)
    reports = carry_out(store, run)
    for _ in itertools.islice(reports, 2):
        pass
    reports.close()
    here = folder(run) / "checkpoints"
    last = checkpoint.path_of(here, checkpoint.steps(here)[-1])
    content = bytearray(last.read_bytes())
    for place in range(64, len(content), len(content) // 8):
        flipped = bytes(content[:place]) + bytes([content[place] ^ 1]) + bytes(content[place + 1 :])
        last.write_bytes(flipped)
        with pytest.raises(VitrineError, match="is damaged"):
            checkpoint.load(last)
    list(carry_out(store, run))
    assert result(store, run)["weights_sha256"] == result(store, carried(store))["weights_sha256"]
    assert any(f"{last.name} is damaged" in line["words"] for line in store.diary(run))


def test_a_checkpoint_from_before_checksums_is_still_read(store):
    run = carried(store)
    last = checkpoint.path_of(folder(run) / "checkpoints", 63)
    content = last.read_bytes()[: -checkpoint.DIGEST]
    last.write_bytes(content)
    assert checkpoint.load(last)["at"]["step"] == 63


def test_after_early_stopping_the_last_checkpoint_holds_what_was_scored(store):
    recipe = EXPERIMENT.recipe.but(batch="all", rate=0.5, optimiser="sgd", patience=2, epochs=60.0)
    run = new_run(store, dataclasses.replace(EXPERIMENT, recipe=recipe))
    learner = learner_of(load(store.run(run)["experiment"]))
    for _ in carry_out(store, run, learner):
        learner.called = True  # a report after every step, before its epoch ends
    assert "Stopped early" in store.diary(run)[-2]["words"]
    metrics = result(store, run)["metrics"]
    kept = learner_of(load(store.run(run)["experiment"]))
    kept.restore(checkpoint.newest(folder(run) / "checkpoints")[1])
    for split in ("train", "validation", "test"):
        assert kept.score(split) == metrics[split]


def test_a_run_whose_loss_is_no_number_failed_and_goes_on_from_numbers(store):
    wild = dataclasses.replace(PRESETS["hills"].experiment(), recipe=Recipe(optimiser="sgd", rate=1000.0))
    run = new_run(store, wild)
    for report in carry_out(store, run):
        if report.problem:
            break  # as a command does, which closes the run here
    row = store.run(run)
    assert (row["status"], "not finite" in row["error"]) == ("failed", True)
    _, state = checkpoint.newest(folder(run) / "checkpoints")
    assert all(value.isfinite().all() for value in state["networks"]["network"].values())


def test_a_run_has_a_copy_in_its_folder_before_its_first_checkpoint(store, monkeypatch):
    run = new_run(store, EXPERIMENT)
    monkeypatch.setattr(checkpoint, "save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        list(carry_out(store, run))
    assert (folder(run) / "run.json").exists()


def test_a_run_without_checkpoints_says_so(store):
    run = new_run(store, EXPERIMENT)
    with pytest.raises(VitrineError, match="no checkpoint that can be read"):
        reopened(store, run)


def test_a_failed_run_says_why(store):
    run = new_run(store, dataclasses.replace(EXPERIMENT, data=DATASETS["stripes"]()))
    with pytest.raises(VitrineError, match="4 classes"):
        list(carry_out(store, run))
    assert (store.run(run)["status"], "4 classes" in store.run(run)["error"]) == ("failed", True)


def test_runs_are_found_by_the_beginning_of_their_name(store):
    run = new_run(store, EXPERIMENT)
    assert store.run(run[:9])["run"] == run
    with pytest.raises(VitrineError, match="There is no run"):
        store.run("nothing")
    with pytest.raises(VitrineError, match="There is no run"):
        store.run("")  # every name begins with nothing


def test_precision_and_recall_of_each_class_are_scikit_learns(store):
    from sklearn.metrics import precision_recall_fscore_support

    learner = reopened(store, carried(store))
    split = learner.data["test"]
    told = classes_of(learner)
    precision, recall, _, support = precision_recall_fscore_support(
        split.targets, learner.answers("test").argmax(dim=1), zero_division=0
    )
    assert [row["precision"] for row in told] == pytest.approx(list(precision), abs=1e-6)
    assert [row["recall"] for row in told] == pytest.approx(list(recall), abs=1e-6)
    assert [sum(row["taken for"].values()) for row in told] == list(support)


def test_exports_hold_the_same_weights(store, tmp_path):
    learner = reopened(store, carried(store))
    before = fingerprint(learner)
    weights = load_file(export(learner, "safetensors", tmp_path / "w.safetensors"))
    assert {name: tuple(w.shape) for name, w in weights.items()}["hidden.weight"] == (100, 784)
    assert checkpoint.load(export(learner, "pt", tmp_path / "w.pt")).keys() == weights.keys()
    assert "class Mlp78410010" in export(learner, "source", tmp_path / "w.py").read_text()
    assert fingerprint(learner) == before
    with pytest.raises(VitrineError, match="no export to 'png'"):
        export(learner, "png", tmp_path / "w")


def test_onnx_holds_the_same_network(store, tmp_path):
    onnx = pytest.importorskip("onnx", reason="the extra 'export' is not installed")
    pytest.importorskip("onnxscript", reason="the extra 'export' is not installed")
    from onnx.reference import ReferenceEvaluator

    learner = reopened(store, carried(store))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        path = export(learner, "onnx", tmp_path / "w.onnx")
    onnx.checker.check_model(path)
    evaluator = ReferenceEvaluator(str(path))
    inputs = learner.data["test"].inputs[:5]
    (outputs,) = evaluator.run(None, {evaluator.input_names[0]: inputs.numpy()})
    torch.testing.assert_close(torch.from_numpy(outputs), learner.answers("test")[:5], atol=1e-4, rtol=1e-4)


def test_a_curve_of_a_million_steps_stays_short_and_true():
    curve = Curve()
    for step in range(1, 1_000_001):
        curve.add(step, math.sin(step / 50_000))
    assert MOST / 2 <= len(curve.points) < MOST
    assert curve.points[:WHOLE] == [(step, math.sin(step / 50_000)) for step in range(1, WHOLE + 1)]
    rest = curve.points[WHOLE:]
    assert all(abs(value - math.sin((step - curve.stretch / 2) / 50_000)) < 0.01 for step, value in rest)


def test_curves_in_the_store_are_thinned_too_and_an_earlier_stretch_stays(store):
    run = new_run(store, EXPERIMENT)
    first = Recorder(store, run, 0)
    first.take(Report(100, 1.0, 1.0, 0.1, {"network": [(step, 0.5) for step in range(1, 101)]}))
    second = Recorder(store, run, 100)
    for turn in range(40):
        begin = 100 + 500 * turn
        scores = [(step, "validation", {"accuracy": step / 30_000}) for step in range(begin + 1, begin + 501)]
        losses = {"network": [(step, float(step)) for step in range(begin + 1, begin + 501)]}
        second.take(Report(begin + 500, 1.0, 1.0, 0.1, losses, scores))
    curves = store.metrics(run)
    for (split, _), points in curves.items():
        assert len(points) <= MOST + 100
        assert [step for step, _ in points] == sorted({step for step, _ in points})
        assert points[-1][0] > 20_000, split
    assert [value for step, value in curves["train", "loss"] if step <= 100] == [0.5] * 100


def vitrine(home, *arguments):
    environment = os.environ | {"VITRINE_HOME": str(home)}
    command = [sys.executable, "-m", "engine", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # Where the tests run in the background, a shell may have told all of them to take no notice of Ctrl+C.
    return subprocess.Popen(command, cwd=ROOT, env=environment, preexec_fn=_heed_interrupts, **pipes)


def _heed_interrupts():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def last_line(process):
    out, err = process.communicate(timeout=4 * PATIENCE)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


TRAIN = (
    "train",
    "mlp-784-100-10",
    "--data",
    "digits",
    "--json",
    "--set",
    "recipe.epochs=50",
    "--set",
    "recipe.batch=8",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return what a run says at its end that nobody disturbed."""
    return last_line(vitrine(tmp_path_factory.mktemp("whole"), *TRAIN))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_killed_or_interrupted_goes_on_to_the_same_bits(tmp_path, whole, how):
    assert whole["status"] == "done"
    assert set(whole["metrics"]["test"]) >= {"loss", "accuracy"}
    process = vitrine(tmp_path / "cut", *TRAIN)
    process.stdout.readline()
    process.stdout.readline()
    time.sleep(0.1)
    process.send_signal(how)
    process.communicate(timeout=4 * PATIENCE)
    assert process.returncode != 0
    listed = vitrine(tmp_path / "cut", "runs", "--json").communicate(timeout=4 * PATIENCE)[0]
    row = json.loads(listed)
    assert row["step"] < 50 * 162
    resumed = last_line(vitrine(tmp_path / "cut", "resume", row["run"], "--json"))
    assert resumed["weights_sha256"] == whole["weights_sha256"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("--data", "glyph"), "Did you mean 'glyphs'?"),
        ((), "names no data. Add --data"),
        (("--data", "digits", "--set", "recipe.rate=0"), "rate must be more than 0"),
        (("--data", "digits", "--set", "recipe.rate=NaN"), "rate must be a number"),
        (("--data", "digits", "--set", "rate"), "is no setting"),
        (
            (
                "--data",
                "stripes",
            ),
            "has 4 classes",
        ),
    ],
)
def test_what_cannot_be_trained_ends_in_a_sentence_and_leaves_no_run(tmp_path, settings, words):
    process = vitrine(tmp_path, "train", "mlp-784-100-10", *settings)
    _, err = process.communicate(timeout=4 * PATIENCE)
    assert process.returncode == 1
    assert words in err
    assert "Traceback" not in err
    assert vitrine(tmp_path, "runs", "--json").communicate(timeout=4 * PATIENCE)[0] == ""


def test_memory_running_out_is_told_with_what_to_lower():
    with (
        pytest.raises(
            VitrineError, match=r"Memory ran out; weights and a batch of 64 take about .* GiB. Lower the batch"
        ),
        telling_memory(EXPERIMENT),
    ):
        raise torch.OutOfMemoryError("no")
    with pytest.raises(ZeroDivisionError), telling_memory(EXPERIMENT):
        _ = 1 / 0


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))  # no file may grow beyond this: a disk that is full
sys.argv = ["vitrine", *sys.argv[1:]]
from engine.cli import main
main()
"""


def test_a_full_disk_ends_in_a_sentence_and_the_run_goes_on_when_there_is_room(tmp_path):
    arguments = ("train", "lenet-5", "--data", "digits", "--json", "--set", "recipe.epochs=2")
    environment = os.environ | {"VITRINE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", FULL, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
    )
    assert done.returncode == 1
    assert "could not be written" in done.stderr
    assert "Make room on the disk" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.part"))
    rows = vitrine(tmp_path, "runs", "--json").communicate(timeout=4 * PATIENCE)[0].splitlines()
    assert [json.loads(row)["status"] for row in rows] == ["failed"]


def test_large_sets_stay_bytes_and_learn_the_same(monkeypatch):
    numbers = learner_of(EXPERIMENT)
    monkeypatch.setattr("engine.training.material.AS_NUMBERS", 1000)
    raw = learner_of(EXPERIMENT)
    assert raw.train.inputs.dtype == torch.uint8
    for one in (numbers, raw):
        for _ in learn(one):
            pass
    assert fingerprint(raw) == fingerprint(numbers)
    assert raw.score("test") == numbers.score("test")
