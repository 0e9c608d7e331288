"""Loading: whoever comes first, and wherever they come in, finds the engine whole."""

import subprocess
import sys

import pytest

from tests.serving import ROOT

RACE = """
import importlib, sys, threading, time, traceback
from engine.loading import load

ENDS = ["engine.live.house", "engine.live.bringing", "engine.graph.cost", "pages.ui.lab", "pages.ui.labs"]

class Slow:  # every module takes a moment to be found, so that the threads meet on their ways
    def find_spec(self, name, path, target=None):
        if name.startswith("engine."):
            time.sleep(0.01)

sys.meta_path.insert(0, Slow())
wrong, start = [], threading.Barrier(len(ENDS))

def comes(name):
    try:
        start.wait()
        load()
        importlib.import_module(name)
    except BaseException:
        wrong.append(traceback.format_exc())

threads = [threading.Thread(target=comes, args=(name,)) for name in ENDS]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("".join(wrong))
sys.exit(len(wrong))
"""


@pytest.mark.parametrize("turn", range(3))
def test_threads_that_come_in_at_different_ends_find_whole_modules(turn):
    done = subprocess.run([sys.executable, "-c", RACE], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
