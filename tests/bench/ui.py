"""Pages: from an address to a view, from Play to a point, from frame to drawing, from slider to past; in a browser."""

import time

from playwright.sync_api import Browser, Page

from tests.bench.report import Report, spread
from tests.serving import browser, full_speed, served, settled

OPENS = 3
STARTS = 6
WATCHED = 25.0  # seconds
SEEKS = 40
READY = 12_000  # milliseconds after which the next spare worker has imported all, and takes no time any more
BOARD = "curves;flow;histograms;activations;confusion;predictions"
STARTED = "curves;flow;predictions;confusion"
TALL = {"width": 1280, "height": 3200}  # all panels are in sight

# Press Play, and wait until the curves show a step of the run and a frame was painted.
TRAIN = """
async () => {
  const inside = [...document.querySelectorAll('*')].map((e) => e.shadowRoot).filter(Boolean);
  const find = (name) => inside.map((root) => root.querySelector(name)).find(Boolean);
  const began = performance.now();
  find('[data-testid="transport"] button[data-name="play"]').click();
  const curves = () => document.querySelector('[data-testid="figure"]');
  while (!(Number(curves()?.dataset.step) > 0)) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return (performance.now() - began) / 1000;
}
"""
# Note how late each frame is drawn.
LATE = """
(most) => {
  window.late = [];
  for (const figure of [...document.querySelectorAll('[data-testid="figure"]')].slice(0, most)) {
    new MutationObserver(() => late.push(Number(figure.dataset.late) / 1000))
      .observe(figure, { attributes: true, attributeFilter: ['data-drawn'] });
  }
}
"""
# Move the slider to a moment, and wait until one panel, and until all of them, show it.
SEEK = """
async (place) => {
  const find = (name) => document.querySelector(name) ??
    [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector(name)).find(Boolean);
  const slider = find('[data-testid="transport"] input');
  const figures = [...document.querySelectorAll('[data-testid="figure"]')].slice(1);
  const drawn = figures.map((f) => f.dataset.drawn);
  const began = performance.now();
  slider.value = place;
  slider.dispatchEvent(new Event('input'));
  const times = [];
  while (times.length < figures.length) {
    await new Promise(requestAnimationFrame);
    const done = figures.filter((f, i) => f.dataset.drawn !== drawn[i]).length;
    while (times.length < done) times.push((performance.now() - began) / 1000);
  }
  return times;
}
"""


def run() -> Report:
    """Measure all four."""
    report = Report("ui")
    with browser() as chromium:
        _opened(report, chromium)
        _start(report, chromium, "1", 0.7)
        _start(report, chromium, "0", 4.0)
        with served() as (address, _):
            _drawn(report, opened(chromium, address, f"board={BOARD}"))
            _sought(report, chromium, address)
    return report


def opened(chromium: Browser, address: str, query: str) -> Page:
    """Open the CNN lab with its form for training and a board."""
    page = chromium.new_context(viewport=TALL).new_page()
    page.goto(f"{address}/cnn?{query}")
    settled(page)
    page.get_by_text("Train", exact=True).first.click()
    settled(page)
    full_speed(page)
    page.wait_for_function("() => Number(document.querySelector('[data-testid=figure]')?.dataset.drawn) > 0")
    page.wait_for_timeout(1500)
    return page


def _opened(report: Report, chromium: Browser) -> None:
    """Time addresses that are opened: of an app that has just begun, then of one that is warm."""
    cold, warm, start = [], [], []
    for _ in range(OPENS):
        with served() as (address, _):
            cold.append(_first_view(chromium, f"{address}/cnn"))
            for _ in range(OPENS):
                warm.append(_first_view(chromium, f"{address}/cnn"))
                start.append(_first_view(chromium, f"{address}/", '[data-testid="start"] canvas'))
    for words, times, most in (
        ("address opened → first view drawn, app just begun", cold, 4.0),
        ("address opened → first view drawn", warm, 1.2),
        ("Start opened → its pictures move", start, 1.0),
    ):
        report.rows.append({"what": words} | spread(times))
        report.aim(f"{words}, median, seconds", spread(times)["median ms"] / 1000, most)


def _first_view(
    chromium: Browser, address: str, drawn: str = '[data-testid="figure"]:not([data-drawn="0"])[data-drawn]'
) -> float:
    page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
    began = time.monotonic()
    page.goto(address)
    page.locator(drawn).first.wait_for(state="attached", timeout=60_000)
    took = time.monotonic() - began
    page.context.close()
    return took


def _epochs(page: Page, epochs: int) -> None:
    field = page.get_by_role("spinbutton", name="Epochs")
    field.fill(str(epochs))
    field.press("Enter")
    settled(page)


def trained(page: Page, epochs: int) -> int:
    """Train to the end, and return how many moments of it there are."""
    _epochs(page, epochs)
    page.evaluate(TRAIN)
    page.locator('[data-testid="transport"][data-status="done"]').wait_for(timeout=120_000)
    page.wait_for_timeout(4000)
    return int(page.get_by_role("slider", name="Moment of the run").get_attribute("max") or 1)


def _stop(page: Page) -> None:
    page.locator('[data-testid="transport"] button[data-name="stop"]').click()
    page.locator('[data-testid="transport"][data-status="stopped"]').wait_for()


def _start(report: Report, chromium: Browser, spare: str, most: float) -> None:
    """Time pressing Play, each time with the spare worker ready, or with none."""
    times = []
    with served(VITRINE_SPARE=spare) as (address, _):
        for _ in range(STARTS):
            page = opened(chromium, address, f"board={STARTED}")
            _epochs(page, 100_000)
            page.wait_for_timeout(5000)  # the next spare worker imports what it needs
            times.append(page.evaluate(TRAIN))
            _stop(page)
            page.context.close()
    words = "with the spare worker" if spare == "1" else "without a spare worker"
    report.rows.append({"what": f"Play pressed → first point on screen, {words}"} | spread(times))
    report.aim(f"Play → first point {words}, median, seconds", spread(times)["median ms"] / 1000, most)


def _drawn(report: Report, page: Page) -> None:
    """Time frames of six views from their making to their drawing, while the network learns."""
    _epochs(page, 100_000)
    page.evaluate(TRAIN)
    page.wait_for_timeout(READY)
    page.evaluate(LATE, 100)
    began = time.monotonic()
    page.wait_for_timeout(1000 * WATCHED)
    late = [value for value in page.evaluate("() => late") if value == value]
    pace = len(late) / (time.monotonic() - began)
    _stop(page)
    times = spread(late)
    report.rows.append({"what": f"frame made → drawn, six views, {pace:.1f} a second in all"} | times)
    report.aim("frame made → drawn, median, seconds", times["median ms"] / 1000, 0.15)
    report.aim("frame made → drawn, 95 %, seconds", times["95 % ms"] / 1000, 0.4)
    page.context.close()


def sought(page: Page, most: int) -> tuple[list[float], list[float]]:
    """Move the slider to and fro; return how long the first view took each time, and all of them."""
    page.evaluate(SEEK, 0)
    first, whole = [], []
    for turn in range(SEEKS):
        times = page.evaluate(SEEK, (turn * 7 + 3) % most)
        first.append(times[0])
        whole.append(times[-1])
        page.wait_for_timeout(100)
    return first, whole


def _sought(report: Report, chromium: Browser, address: str) -> None:
    """Time the slider, over a finished run."""
    page = opened(chromium, address, f"board={BOARD}")
    first, whole = sought(page, trained(page, 40))
    report.rows.append({"what": "slider moved → first of five views drawn"} | spread(first))
    report.rows.append({"what": "slider moved → all five views drawn"} | spread(whole))
    report.aim("slider moved → figure drawn, 95 %, seconds", spread(first)["95 % ms"] / 1000, 0.2)
    report.aim("slider moved → all views drawn, 95 %, seconds", spread(whole)["95 % ms"] / 1000, 0.3)
    page.context.close()
