"""Every page can be used by those who cannot see it well, or have no mouse: checked by axe, and by keys alone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from engine.views import VIEWS
from tests.browser.test_living import status
from tests.browser.test_screen import DRAWN as SCREEN_DRAWN

PAGES = ("", "playground", "cnn", "rnn", "autoencoder", "gan", "runs")
DRAWN = {"": '[data-testid="start"] canvas', "runs": "h1"}
PANEL = '[class*="-panelhead-"]'
LABS = PAGES[1:6]
LABELS = "all => all.map(one => one.getAttribute('aria-label'))"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(visit, path, scheme):
    page = visit(path, unfolded=False, viewport={"width": 1280, "height": 800}, color_scheme=scheme)
    page.locator(DRAWN.get(path, PANEL)).first.wait_for()
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    if path in LABS:  # figures are looked at too, each with what it shows in words
        page.wait_for_function(SCREEN_DRAWN)
        words = page.locator('[data-testid="figure"] .plot[role="img"]').evaluate_all(LABELS)
        titles = {view.title for view in VIEWS.values()}
        assert words
        assert all(told.partition(".")[0] in titles and len(told) > 20 for told in words), words
    page.wait_for_timeout(1000)  # colours fade in
    found = Axe().run(page).response
    assert len(found["passes"]) > 10  # it looked
    serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in serious] == []


def test_a_network_is_found_and_learned_by_keys_alone(visit):
    page = visit("", unfolded=False, viewport={"width": 1280, "height": 800})
    page.get_by_test_id("start").locator(".lab").first.wait_for()
    page.keyboard.press("/")
    page.keyboard.type("lenet")
    expect(page.get_by_test_id("start").locator(".results a").first).to_contain_text("LeNet-5")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cnn?**")
    play = page.get_by_test_id("transport").locator('[data-name="play"]')
    expect(play).to_be_enabled()
    for _ in range(60):  # from the top, key by key
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.shadowRoot?.activeElement?.dataset.name === 'play'"):
            break
    expect(play).to_be_focused()
    page.keyboard.press("Enter")
    status(page, "running")
    figures = "[...document.querySelectorAll('[data-testid=figure]')]"
    page.wait_for_function(f"() => {figures}.filter(one => Number(one.dataset.step) > 0).length > 1")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.shadowRoot?.activeElement?.dataset.path === 'conv2'"):
            break
    page.keyboard.press("Enter")
    expect(page.locator('.chip[data-path="conv2"]')).to_have_attribute("aria-pressed", "true")
