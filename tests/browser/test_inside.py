"""The boxes of the drawing show what their layers give; one map is looked at closely, with its numbers."""

from playwright.sync_api import expect

from tests.browser.test_living import figure
from tests.serving import settled


def box(page, path):
    """Return a box of the drawing."""
    return page.get_by_test_id("diagram").locator(f'.box[data-path="{path}"]')


def test_a_map_within_its_box_is_looked_at_closely(visit):
    page = visit("cnn?preset=lenet-5&board=feature-maps")
    expect(box(page, "image").locator("image.dots")).to_have_count(1)
    expect(box(page, "conv1").locator("image.map")).to_have_count(6)
    expect(box(page, "dense2").locator("rect.map")).to_have_count(84)
    expect(box(page, "out").locator("text.share")).to_have_count(5)
    box(page, "conv1").locator("image.map").nth(2).click()
    closely = page.get_by_test_id("closely")
    expect(closely).to_contain_text("conv1: map 2 of 6, 28×28")
    expect(figure(page, "Feature maps")).to_contain_text("conv1, map 2 of 6")
    place = {"x": 100, "y": 60}  # of a map of 28 dots in 216 pixels
    closely.locator("canvas").hover(position=place)
    expect(closely).to_contain_text("Row 7, column 12: ")
    value = closely.get_by_text("Row 7, column 12").text_content().split(": ")[1]
    closely.locator("canvas").click(position=place)
    expect(figure(page, "Feature maps")).to_contain_text(f"row 7, column 12: {value}")
    page.mouse.move(5, 5)
    closely.get_by_role("button", name="Next map").click()
    expect(closely).to_contain_text("conv1: map 3 of 6")
    expect(figure(page, "Feature maps")).to_contain_text("conv1, map 3 of 6")
    closely.get_by_role("button", name="Close").press("Escape")
    expect(closely).to_have_count(0)
    box(page, "conv2").locator(".name").click()  # the drawing is made anew, and what was told stays in its boxes
    expect(box(page, "conv2")).to_have_attribute("aria-pressed", "true")
    settled(page)
    expect(box(page, "conv1").locator("image.map")).to_have_count(6)
    box(page, "conv2").press("ArrowDown")
    expect(closely).to_contain_text("conv2: map 0 of 16")
    closely.get_by_role("button", name="Close").press("Enter")
    expect(closely).to_have_count(0)
    expect(box(page, "conv2")).to_be_focused()


def test_the_boxes_follow_the_sample_and_the_run_and_can_be_empty(visit):
    page = visit("cnn?preset=lenet-5&board=feature-maps")
    first = box(page, "conv1").locator("image.map").first
    before = first.get_attribute("href")
    picker = page.get_by_test_id("picker")
    picker.get_by_role("button", name="Browse").click()
    picker.get_by_test_id("gallery").get_by_role("button").nth(3).click()
    expect(first).not_to_have_attribute("href", before)
    before = first.get_attribute("href")
    page.get_by_role("button", name="Play").click()
    expect(first).not_to_have_attribute("href", before)
    page.get_by_role("button", name="Pause").click()
    page.get_by_test_id("fill").click()
    expect(box(page, "conv1").locator(".inside")).to_have_count(0)
    page.reload()
    settled(page)
    expect(page.get_by_test_id("fill")).to_have_attribute("aria-pressed", "false")
    expect(box(page, "conv1").locator(".inside")).to_have_count(0)
    page.get_by_test_id("fill").click()
    expect(box(page, "conv1").locator("image.map")).to_have_count(6)
