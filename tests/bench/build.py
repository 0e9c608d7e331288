"""Building: from a changed option to the drawn diagram, in a real browser; and counting without one."""

import time

from playwright.sync_api import Page

from tests.bench.report import Report, spread
from tests.serving import browser, served, settled

CASES = [("lenet-5", "conv1", 0.3), ("resnet-50", "conv", 1.0)]
TIMES = 40

# Press the field's step button, and wait until diagram and counts both tell of it and a frame was painted.
PRESS = """
async ([path, forward]) => {
  const find = (selector) => document.querySelector(selector);
  const host = find('[data-testid="diagram"]') ?? [...document.querySelectorAll('*')]
    .map((e) => e.shadowRoot?.querySelector('[data-testid="diagram"]')).find(Boolean);
  const box = () => host.querySelector(`.box[data-path="${path}"]`).textContent;
  const counts = () => [...document.querySelectorAll('.st-key-cnn-diagram p')].map((p) => p.textContent).join();
  const button = find('.st-key-cnn-' + path + '-channels ' +
    `[data-testid="stNumberInputStep${forward ? 'Up' : 'Down'}"]`);
  const before = [box(), counts()];
  const began = performance.now();
  button.click();
  while (box() === before[0] || counts() === before[1]) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return (performance.now() - began) / 1000;
}
"""


def run() -> Report:
    """Measure both networks, alternately; then counting by the engine alone."""
    report = Report("build")
    found: dict[str, list[float]] = {name: [] for name, *_ in CASES}
    with served() as (address, _), browser() as chromium:
        pages = {name: _opened(chromium.new_page(), address, name, node) for name, node, *_ in CASES}
        for turn in range(TIMES):
            for name, node, *_ in CASES:
                pages[name].bring_to_front()
                found[name].append(pages[name].evaluate(PRESS, [node, turn % 2 == 0]))
                pages[name].wait_for_timeout(150)
    for name, _, most in CASES:
        times = spread(found[name][2:])
        report.rows.append({"what": f"option changed → drawn, {name}"} | times)
        report.aim(f"{name}: option changed → drawn, 95 %, seconds", times["95 % ms"] / 1000, most)
    _count(report)
    return report


def _opened(page: Page, address: str, name: str, node: str) -> Page:
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.goto(f"{address}/cnn?preset={name}")
    settled(page)
    page.locator(f".st-key-cnn-select-{node} button").first.click()
    page.get_by_label("Channels", exact=True).wait_for()
    return page


def _count(report: Report) -> None:
    from engine.graph.cost import cost, describe
    from engine.presets import PRESETS

    describe(PRESETS["perceptron"].make(), "first")  # what torch loads at its first use
    cost.cache_clear()
    began = time.perf_counter()
    describe(PRESETS["resnet-50"].make(), "resnet-50")
    once = time.perf_counter() - began
    report.rows.append({"what": "describe resnet-50, first time", "median ms": 1000 * once, "95 % ms": 1000 * once})
    report.aim("describe resnet-50 after imports, seconds", once, 1.0)
