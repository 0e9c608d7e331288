"""The command line, run as people run it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.presets import PRESETS
from engine.training.experiment import dump
from tests.serving import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


def vitrine(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "engine", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=4 * PATIENCE
    )


def test_describe_prints_one_object():
    done = vitrine("describe", "cifar-lecture", "--json")
    described = json.loads(done.stdout)
    assert done.returncode == 0
    assert set(described) == {"name", "nodes", "totals"}
    assert described["totals"] | {"weights": 22_466, "neurons": 31_562, "connections": 3_920_000} == described["totals"]
    wanted = {"id", "kind", "shape", "weights", "weights_without_biases", "neurons", "connections"}
    wanted |= {"connections_with_biases", "multiply_adds", "receptive_field"}
    assert all(wanted <= set(node) for node in described["nodes"])
    for count in ("weights", "neurons", "connections", "connections_with_biases", "multiply_adds"):
        assert sum(node[count] for node in described["nodes"]) == described["totals"][count]


def test_a_file_is_described_and_its_code_runs(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(dump(PRESETS["mini-inception"].experiment()))
    assert "13,574" in vitrine("describe", str(file)).stdout
    code = tmp_path / "mine.py"
    code.write_text(vitrine("code", str(file)).stdout)
    ran = subprocess.run([sys.executable, str(code)], capture_output=True, text=True, check=True)
    assert "torch.Size([1, 10])" in ran.stdout
    assert "13,574 weights" in ran.stdout


@pytest.mark.parametrize("command", ["presets", "layers"])
def test_lists_are_complete(command):
    from engine.layers import LAYERS

    printed = vitrine(command).stdout
    names = PRESETS if command == "presets" else [k for k, c in LAYERS.items() if c.family not in ("entry", "block")]
    assert [name for name in names if name not in printed] == []


def test_mistakes_end_in_a_sentence(tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    for arguments, words in (
        (("describe", "lenet"), "There is no preset 'lenet'. Did you mean 'lenet-5'?"),
        (("code", str(tmp_path / "none.json")), "cannot be read: no such file"),
        (("describe", str(broken)), "This is not JSON"),
    ):
        done = vitrine(*arguments)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
