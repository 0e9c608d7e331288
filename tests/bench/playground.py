"""Playground: steps a second with the board closed and open, frames a second, and pointing at neurons."""

import dataclasses
import statistics
import time

from playwright.sync_api import Page

from engine.data.points import Points
from engine.presets import PRESETS
from engine.presets.points import deep
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from tests.bench.report import Report, spread
from tests.bench.ui import READY
from tests.serving import browser, full_speed, served, settled

NETWORKS = {"2–4–2–1": (4, 2), "2–8–8–1": (8, 8), "2–8–8–8–8–8–8–1": (8,) * 6}
BATCHES = (10, 30)
SECONDS = 4.0
ENGINE = {("2–4–2–1", 10): 154_000, ("2–8–8–1", 30): 15_300, ("2–8–8–8–8–8–8–1", 10): 13_400}  # steps a second in Node
PAGE = 1_500  # steps a second of the TensorFlow Playground's page: 60 epochs of 25 batches
HOVERS = 30
WARM = 100  # steps before the clock starts: compiling is not learning

# How long from pointing at a neuron until the large surface is drawn anew.
HOVER = """
async (place) => {
  const every = [...document.querySelectorAll('*')];
  const neurons = every.flatMap((e) => [...(e.shadowRoot?.querySelectorAll('.neuron') ?? [])]);
  const surface = document.querySelectorAll('[data-testid="figure"]')[0];
  const drawn = surface.dataset.drawn;
  const began = performance.now();
  neurons[place % neurons.length].dispatchEvent(new PointerEvent('pointerenter'));
  while (surface.dataset.drawn === drawn) await new Promise(requestAnimationFrame);
  return (performance.now() - began) / 1000;
}
"""


def run() -> Report:
    """Measure steps a second without pages, then the page with its usual board."""
    report = Report("playground")
    for name, units in NETWORKS.items():
        for batch in BATCHES:
            paces = {compiled: _pace(units, batch, compiled) for compiled in (False, True)}
            for compiled, pace in paces.items():
                how = "compiled" if compiled else "repeatable to the bit"
                report.rows.append({"what": f"{name}, batch {batch}, {how}: steps a second", "": pace})
            if (name, batch) in ENGINE:
                report.aim_least(f"{name}, batch {batch}, compiled: steps a second", paces[True], ENGINE[name, batch])
    with browser() as chromium, served() as (address, _):
        page = chromium.new_context(viewport={"width": 1280, "height": 1600}).new_page()
        page.goto(f"{address}/playground")
        settled(page)
        page.wait_for_function("() => Number(document.querySelector('[data-testid=figure]')?.dataset.drawn) > 0")
        page.wait_for_timeout(6000)  # the spare worker gets ready
        _watched(report, page)
    return report


def _pace(units: tuple[int, ...], batch: int, compiled: bool) -> float:
    """Return the steps a second of bare learning, once it has begun."""
    recipe = Recipe(rate=0.03, batch=batch, epochs=1_000_000, compile=compiled)
    data = Points(shape="circle", test=0.5, validation=0.0)
    experiment = dataclasses.replace(PRESETS["mlp-2-4-2-1"].experiment(), data=data, recipe=recipe)
    experiment = dataclasses.replace(experiment, graphs={"network": deep(*units)})
    learner = Learner(experiment, data.load())
    reports = learn(learner)
    while next(reports).step < WARM:
        pass
    step, began = learner.step, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        next(reports)
    return (learner.step - step) / (time.perf_counter() - began)


def _step(page: Page) -> int:
    return int(page.locator('[data-testid="transport"]').get_attribute("data-step") or 0)


def begun(page: Page, lab: str) -> None:
    """Let a lab's network learn without an end, and wait until nothing else takes time."""
    field = page.get_by_role("spinbutton", name="Epochs")
    field.fill("1000000")
    field.press("Enter")
    settled(page)
    full_speed(page)
    page.locator(f".st-key-{lab}-train button").first.click()
    page.locator('[data-testid="transport"][data-status="running"]').wait_for()
    page.wait_for_timeout(READY)


def stopped(page: Page) -> None:
    """End the run, which would learn on behind whatever is measured next."""
    page.locator('[data-testid="transport"] button[data-name="stop"]').click()
    page.locator('[data-testid="transport"][data-status="stopped"]').wait_for()


def paces(page: Page) -> tuple[float, list[float]]:
    """Return the steps a second of a run, and of each panel in sight the frames a second."""
    count = "() => [...document.querySelectorAll('[data-testid=figure]')].map((f) => Number(f.dataset.drawn))"
    first, drawn, began = _step(page), page.evaluate(count), time.monotonic()
    page.wait_for_timeout(12_000)
    took = time.monotonic() - began
    pace = (_step(page) - first) / took
    frames = [(now - before) / took for now, before in zip(page.evaluate(count), drawn, strict=True)]
    return pace, frames


def _watched(report: Report, page: Page) -> None:
    """Time training, drawing and pointing, with the usual board open."""
    begun(page, "playground")
    pace, frames = paces(page)
    report.rows.append({"what": "the page with its usual board: steps a second", "": pace})
    report.rows.append({"what": "frames a second of each panel, the slowest", "": min(frames)})
    report.aim_least("steps a second with the board open", pace, PAGE)
    report.aim_least("frames a second, the surface", frames[0], 4)
    page.locator('[data-testid="transport"] button[data-name="pause"]').click()
    page.locator('[data-testid="transport"][data-status="paused"]').wait_for()
    page.wait_for_timeout(1000)
    hovers = [page.evaluate(HOVER, place) for place in range(HOVERS)]
    report.rows.append({"what": "pointing at a neuron → drawn large, median ms", "": 1000 * statistics.median(hovers)})
    report.aim("pointing at a neuron → drawn large, 95 %, seconds", spread(hovers)["95 % ms"] / 1000, 0.1)
    stopped(page)
