"""First steps: each points at a thing, ticks itself off when it was done, and is remembered."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages.ui.guide import STEPS
from pages.ui.labs import LABS
from tests.serving import full_speed

SCRIPT = Path(__file__).resolve().parents[2] / "assets" / "guide.js"


def test_every_lab_has_first_steps_that_the_browser_can_see_done():
    known = set(re.findall(r"^  (\w+): \(", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(STEPS) == {lab.key for lab in LABS}
    for steps in STEPS.values():
        assert len(steps) in range(3, 7)
        assert len({step.words for step in steps}) == len(steps)
        assert {step.when.split()[0] for step in steps} <= known


def shows(page, words):
    expect(page.get_by_test_id("guide")).to_contain_text(words)


def test_the_first_steps_of_the_cnn_lab_tick_themselves_off_and_are_remembered(visit):
    page = visit("cnn", unfolded=False, viewport={"width": 1280, "height": 800})
    shows(page, "Press ▶ at the top.")
    expect(page.locator("[data-guided]")).to_have_attribute("class", re.compile("-labbar"))
    full_speed(page)
    page.locator('[data-testid="transport"] button[data-name="play"]').click()
    shows(page, "Press Draw beside the sample")
    expect(page.locator("[data-guided]")).to_have_attribute("class", re.compile("st-key-cnn-sample"))
    page.locator('[data-testid="transport"] button[data-name="pause"]').click()
    page.get_by_test_id("picker").get_by_role("button", name="Draw", exact=True).click()
    sheet = page.get_by_test_id("picker").locator("canvas").first.bounding_box()
    middle, top = sheet["x"] + sheet["width"] / 2, sheet["y"] + sheet["height"] / 5
    page.mouse.move(middle, top)
    page.mouse.down()
    page.mouse.move(middle, top + sheet["height"] / 2, steps=8)
    page.mouse.up()
    shows(page, "Click a place in Feature maps")
    page.reload()
    shows(page, "Click a place in Feature maps")
    expect(page.get_by_role("img", name="2 of 5 done")).to_be_visible()
    guide = page.get_by_test_id("guide")
    guide.get_by_role("button", name="Skip").click()
    shows(page, "Drag the slider")
    slider = page.get_by_test_id("transport").get_by_role("slider")
    slider.focus()
    slider.press("Home")
    shows(page, "Click a layer in the line above")
    page.locator('.chip[data-path="conv2"]').click()
    shows(page, "Well done")
    expect(page.locator("[data-guided]")).to_have_count(0)
    guide.get_by_role("button", name="Close").click()
    page.reload()
    guide.get_by_role("button", name="First steps").click()  # from the first; this run has taken that one already
    expect(page.get_by_role("img", name="1 of 5 done")).to_be_visible()


@pytest.mark.parametrize("kept", ["nonsense", '{"done": 7}', "[]", "null"])
def test_whatever_the_browser_kept_does_no_harm(visit, kept):
    page = visit("playground", unfolded=False)
    page.evaluate("kept => localStorage.setItem('vitrine-guide-playground', kept)", kept)
    page.reload()
    shows(page, "Press ▶ at the top.")
    page.get_by_test_id("guide").get_by_role("button", name="Leave the first steps").click()
    expect(page.get_by_test_id("guide").get_by_role("button", name="First steps")).to_be_visible()
