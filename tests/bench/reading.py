"""Reading: how long a text that is written takes to be seen in gates and as a ripple, in a browser."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.presets import PRESETS
from engine.training.experiment import dump
from engine.training.fit import fitted
from tests.bench.report import Report, spread
from tests.serving import browser, served

TURNS = 25
PLACES = 200
TEXT = ("The statement that a person reads is the one that is written here, and it goes on for a while. " * 3)[:PLACES]

# Write a text into the field, and wait until a figure shows it.
WRITE = """
async ([text, title]) => {
  const all = (name, root = document) => [...root.querySelectorAll(name),
    ...[...root.querySelectorAll('*')].flatMap((e) => (e.shadowRoot ? all(name, e.shadowRoot) : []))];
  const [field] = all('[data-testid="written"]');
  const figure = all('[data-testid="figure"]').find((e) => e.querySelector('.hint')?.textContent.startsWith(title));
  const before = figure.dataset.drawn;
  const began = performance.now();
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  while (figure.dataset.drawn === before) await new Promise(requestAnimationFrame);
  return (performance.now() - began) / 1000;
}
"""


def measure(report: Report) -> None:
    """Write texts of 200 characters, each with another letter changed, to an LSTM of 128 units."""
    with tempfile.TemporaryDirectory() as home, browser() as chromium:
        run = _trained(Path(home))
        with served(Path(home)) as (address, _):
            for board, hint, aim in (("gates", "A forget gate", 0.3), ("ripple", "Keep a text", 0.2)):
                page = chromium.new_context(viewport={"width": 1280, "height": 1400}).new_page()
                page.goto(f"{address}/rnn?run={run}&board={board}")
                page.get_by_test_id("picker").get_by_role("button", name="Write").click()
                page.evaluate(WRITE, [TEXT, hint])
                if board == "ripple":
                    page.wait_for_timeout(1000)
                    page.get_by_role("button", name="Keep this example").click()
                page.wait_for_timeout(1000)
                times = []
                for turn in range(TURNS):
                    place = 20 + 7 * turn
                    times.append(page.evaluate(WRITE, [f"{TEXT[:place]}X{TEXT[place + 1 :]}", hint]))
                    page.wait_for_timeout(500)
                page.context.close()
                found = spread(times)
                what = f"character LSTM 128, text of {PLACES} edited → {board} drawn"
                row = {"computed ms": found["median ms"], "drawn ms": found["95 % ms"], "kB": ""}
                report.rows.append({"what": f"{what}: median, 95 %"} | row)
                report.aim(f"{what}, median, seconds", found["median ms"] / 1000, aim)


def _trained(home: Path) -> str:
    """Return a run that has learned a little from windows of that length."""
    experiment = PRESETS["char-lstm"].experiment()
    data = experiment.data.but(window=PLACES, length=60_000)  # type: ignore[union-attr]
    graph, recipe = fitted(experiment.graph, data.load()), experiment.recipe.but(epochs=1.0)
    file = home / "reads.json"
    file.write_text(dump(dataclasses.replace(experiment, graphs={"network": graph}, data=data, recipe=recipe)))
    command = [sys.executable, "-m", "engine", "train", str(file), "--json"]
    environment = os.environ | {"VITRINE_HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])["run"]
