"""A lab is steered by keys, which are listed; the lecture view fills the screen with what is to be seen."""

from playwright.sync_api import expect

from tests.browser.test_living import status
from tests.serving import settled

SMALL = {"width": 1280, "height": 800}


def ready(page):
    """Wait until the page listens to keys."""
    expect(page.get_by_test_id("transport").locator('[data-name="lecture"]')).to_be_visible()
    settled(page)


def test_a_run_is_steered_by_keys(visit):
    page = visit("playground?preset=mlp-2-4-2-1", unfolded=False, viewport=SMALL)
    ready(page)
    page.keyboard.press("k")
    status(page, "running")
    page.locator('[class*="-panelhead-"]').first.click(position={"x": 150, "y": 12})  # upon nothing
    page.keyboard.press(" ")
    status(page, "paused")
    shown = page.get_by_test_id("transport")
    slider = shown.locator('input[type="range"]')
    expect(slider).not_to_have_attribute("max", "0")
    settled(page)
    step = int(shown.get_attribute("data-step"))
    page.keyboard.press("n")
    expect(shown).to_have_attribute("data-step", str(step + 1))
    page.keyboard.press(",")
    expect(shown.locator("output")).to_contain_text("step")
    page.keyboard.press("0")
    expect(shown.locator("output")).to_have_text("now")


def test_the_keys_are_listed_and_mean_nothing_where_something_is_written(visit):
    page = visit("cnn", unfolded=False, viewport=SMALL)
    ready(page)
    page.keyboard.press("?")
    listed = page.get_by_role("dialog", name="Keys")
    expect(listed).to_contain_text("Play or pause")
    page.keyboard.press("k")  # while the list is open, it means nothing
    page.keyboard.press("Escape")
    expect(listed).to_have_count(0)
    field = page.get_by_role("combobox").first
    field.press("k")
    field.press("Escape")
    page.wait_for_timeout(300)
    expect(page.get_by_test_id("status")).to_have_text("ready")


def test_a_weight_is_chosen_and_typed_by_keys(visit):
    page = visit("playground?preset=mlp-2-4-2-1", unfolded=False, viewport=SMALL)
    ready(page)
    net = page.get_by_test_id("neurons")
    neuron = net.get_by_role("button", name="dense1, neuron 2")
    neuron.focus()
    neuron.press("ArrowRight")
    neuron.press("ArrowRight")
    expect(net.locator(".tip")).to_contain_text("dense1: 1 → 2, weight")
    neuron.press("ArrowLeft")
    expect(net.locator(".tip")).to_contain_text("dense1: 0 → 2, weight")
    neuron.press("Enter")
    field = net.get_by_label("New value")
    expect(net.locator(".typing")).to_contain_text("dense1.weight[2,0]")
    expect(field).to_be_focused()
    field.press("Escape")
    expect(neuron).to_be_focused()
    neuron.press("ArrowLeft")
    neuron.press("Enter")
    expect(net.locator(".typing")).to_contain_text("dense1.weight[2,1]")
    field.fill("0.625")
    field.press("Enter")
    net.locator('[data-weight="dense1.weight[2,1]"]').dispatch_event("pointerenter")
    expect(net.locator(".tip")).to_contain_text("weight 0.625")


def test_the_lecture_view_leaves_what_is_to_be_seen_and_gives_the_rest_back(visit):
    page = visit("cnn", unfolded=False, viewport=SMALL)
    ready(page)
    page.keyboard.press("f")
    forms, panel = page.locator('[class*="-labside"]').first, page.locator('[class*="-panel-1"]').first
    expect(forms).to_be_hidden()
    expect(page.get_by_test_id("stHeader")).to_be_hidden()
    expect(page.get_by_test_id("transport")).to_be_in_viewport(ratio=1)
    assert panel.bounding_box()["width"] > 580
    page.get_by_test_id("transport").locator('[data-name="lecture"]').click()
    expect(forms).to_be_visible()
    expect(page.get_by_test_id("stHeader")).to_be_visible()


def test_blocks_are_unfolded_and_folded_in_the_line_by_keys(visit):
    page = visit("cnn?preset=mini-inception", unfolded=False, viewport=SMALL)
    ready(page)
    line = page.get_by_test_id("diagram")
    line.locator('.chip[data-path="inception1"]').press("ArrowDown")
    inner = line.locator('.chip[data-path^="inception1."]')
    expect(inner.first).to_be_visible()
    settled(page)
    inner.first.press("ArrowUp")
    expect(inner).to_have_count(0)
    expect(line.locator('.chip[data-path="inception1"]')).to_be_visible()
