"""A person looks into a convolutional network: every view, from a mistake down to its numbers, and a drawn seven."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from engine.looking.shared import SHARED
from engine.presets import PRESETS
from engine.views import VIEWS
from tests.browser.test_living import figure, panel
from tests.serving import PATIENCE, settled

TALL = {"width": 1280, "height": 2600}  # what lies below the window is not drawn
FOLLOWING = [kind for kind, view in VIEWS.items() if view.wide and {"sample", "node", "off"} & view.model_fields.keys()]
LOOKING = [kind for kind in FOLLOWING if not VIEWS[kind]().refusal(PRESETS["lenet-5"].experiment())]
SPOT = """(plot, [n, x, y]) => {
  const gd = plot.querySelector('.plot'), full = gd._fullLayout;
  const [across, down] = [full[`xaxis${n}`], full[`yaxis${n}`]];
  const { left, top } = gd.getBoundingClientRect();
  return [left + across._offset + across.d2p(x), top + down._offset + down.d2p(y)];
}"""

AT_REST = """root => {
  const now = root.dataset.drawn;
  if (root.kept !== now) Object.assign(root, { kept: now, since: performance.now() });
  return performance.now() - root.since > 500;
}"""  # a click upon a figure that is just being drawn anew is lost, as it would be to a person


@pytest.fixture(scope="module")
def learned(home, address):
    """Return a finished run of LeNet-5 that knows its digits."""
    settings = ["data.size=28", "recipe.epochs=12", "recipe.rate=0.002", "recipe.augment.rotation=12"]
    command = [sys.executable, "-m", "engine", "train", "lenet-5", "--data", "digits", "--json"]
    command += [part for setting in settings for part in ("--set", setting)]
    done = subprocess.run(
        command, env=os.environ | {"VITRINE_HOME": str(home)}, capture_output=True, text=True, check=True
    )
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["metrics"]["test"]["accuracy"] > 0.93
    return last["run"]


@pytest.fixture
def opened(visit, learned):
    """Return a function that opens the run with these views on its board."""

    def opened(*views, **options):
        page = visit(f"cnn?run={learned}&board={';'.join(views)}", **({"viewport": TALL} | options))
        page.get_by_test_id("picker").wait_for()
        return page

    return opened


def click(page, title, axes, x, y):
    """Click a place of a figure, in the units of its axes."""
    shown = figure(page, title)
    shown.scroll_into_view_if_needed()
    page.wait_for_function(f"h => h.querySelector('.plot')._fullLayout?.xaxis{axes}", arg=shown.element_handle())
    page.wait_for_function(AT_REST, arg=shown.element_handle())
    left, top = shown.evaluate(SPOT, [axes, x, y])
    page.mouse.click(left, top)


def looks(page):
    """Return what the panels look at together, as the page's address says."""
    return json.loads(page.evaluate("new URL(location.href).searchParams.get('looks')") or "{}")


def words_of(page, title):
    """Return all that is written in a figure."""
    return " ".join(figure(page, title).locator("text").all_text_contents())


@pytest.mark.parametrize("half", [0, 1])
def test_every_view_of_the_lab_is_drawn(opened, half):
    kinds = [kind for kind in LOOKING if kind not in ("sample", "examples")][half::2]
    page = opened(*kinds)
    for kind in kinds:
        shown = figure(page, VIEWS[kind].title)
        shown.scroll_into_view_if_needed()
        expect(shown).not_to_have_attribute("data-drawn", "0")
        expect(shown.locator(".main-svg").first).to_be_visible()
        expect(shown.locator(".way")).to_be_hidden()
        assert shown.locator(".says").text_content() == ""


def test_from_a_mistake_to_the_picture_to_a_map_to_a_place_to_its_numbers(opened):
    page = opened('confusion:split="train",examples=1400', "feature-maps", "close-up")
    click(page, "Confusion", "", 1, 1)  # ones that are taken for ones
    figure(page, "Confusion").locator(".layer-below image, .imagelayer image").first.wait_for()
    before = page.get_by_test_id("picker").locator(".words").text_content()
    click(page, "Confusion", 2, 3, 3)  # the first of their pictures
    expect(page.get_by_test_id("picker").locator(".words")).not_to_have_text(before)
    expect(page.get_by_test_id("picker").locator(".words")).to_contain_text(": 1")
    maps = figure(page, "Feature maps")
    click(page, "Feature maps", 3, 45, 5)  # the second map of the grid
    expect(maps).to_contain_text("conv1, map 1 of 6")
    click(page, "Feature maps", 2, 8, 12)
    expect(maps).to_contain_text("row 12, column 8")
    expect(figure(page, "Close-up")).to_contain_text("conv1, map 1, row 12, column 8")
    value = maps.get_by_text("row 12, column 8: ").text_content().split(": ")[1]
    sentence = figure(page, "Close-up").get_by_text("conv1, map 1, row 12").text_content()
    assert value.replace("-", "−")[:5] in sentence
    panel(page, "Close-up").get_by_role("button", name="One place right").click()
    expect(figure(page, "Close-up")).to_contain_text("row 12, column 9")
    expect(maps).to_contain_text("row 12, column 9")  # all panels follow
    panel(page, "Close-up").get_by_role("button", name="Let the window sweep").click()
    expect(figure(page, "Close-up")).to_contain_text("row 12, column 11")
    panel(page, "Close-up").get_by_role("button", name="Let the window sweep").click()
    panel(page, "Close-up").get_by_role("button", name="Show the way backward").click()
    expect(figure(page, "Close-up")).to_contain_text("kernel, turned by 180°")


def test_a_drawn_seven_is_recognised_after_the_stroke(opened):
    page = opened("feature-maps")
    picker = page.get_by_test_id("picker")
    picker.get_by_role("button", name="Draw").click()
    draw(page, [(60, 50), (165, 50), (100, 180)])
    expect(picker).to_have_attribute("data-said", "7")
    expect(picker.locator(".words")).to_contain_text("your drawing")
    expect(figure(page, "Feature maps")).to_contain_text("your drawing")
    picker.get_by_role("button", name="Clear").click()
    draw(page, [(110, 40), (110, 185)])
    expect(picker).to_have_attribute("data-said", "1")
    picker.get_by_role("button", name="Eraser").click()
    assert picker.get_by_role("button", name="Eraser").get_attribute("aria-pressed") == "true"


def draw(page, points):
    """Draw a stroke on the pad."""
    box = page.get_by_test_id("drawing").bounding_box()
    (x, y), *others = points
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.down()
    for x, y in others:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=12)
    page.mouse.up()


def test_the_dataset_is_browsed_by_class_and_by_mistakes(opened):
    page = opened("feature-maps")
    picker = page.get_by_test_id("picker")
    picker.get_by_role("button", name="Browse").click()
    picker.get_by_label("From").select_option("test")
    picker.get_by_label("Class", exact=True).select_option(label="4")
    gallery = picker.get_by_test_id("gallery")
    expect(gallery.locator("button[title*=': 4']").first).to_be_visible()
    expect(gallery.locator("button:not([title*=': 4'])")).to_have_count(0)
    picker.get_by_test_id("gallery").get_by_role("button").nth(1).click()
    expect(picker.locator(".words")).to_contain_text(": 4")
    assert picker.locator(".words").text_content().startswith("test example ")
    picker.get_by_label("Show").select_option("mistakes")
    picker.get_by_label("Class", exact=True).select_option(label="every class")
    expect(gallery.locator(".wrong").first).to_be_visible()
    expect(gallery.locator("button:not(.wrong)")).to_have_count(0)
    picker.get_by_role("button", name="Browse").click()
    picker.get_by_role("button", name="Browse").click()  # closed, and opened again: they are there
    expect(gallery.locator(".wrong").first).to_be_visible()
    sample = looks_after(page, "sample")
    assert sample.startswith("test ")


def looks_after(page, name):
    """Return what the address says of a look, as soon as it says so."""
    page.wait_for_function(
        "name => name in JSON.parse(new URL(location.href).searchParams.get('looks') ?? '{}')", arg=name
    )
    return looks(page)[name]


def test_a_link_holds_what_is_looked_at(opened, visit):
    page = opened("class-activation", "feature-maps")
    picker = page.get_by_test_id("picker")
    picker.get_by_role("button", name="Browse").click()
    picker.get_by_test_id("gallery").get_by_role("button").nth(5).click()
    picker.get_by_label("Which class is asked about").select_option("8")
    assert looks_after(page, "toward") == "8"
    expect(figure(page, "Class activation")).to_contain_text("Grad-CAM: 8")
    again = visit(page.url, viewport=TALL)
    settled(again)
    expect(again.get_by_test_id("picker").locator(".words")).to_contain_text("validation example 5")
    expect(figure(again, "Class activation")).to_contain_text("Grad-CAM: 8")


def test_a_picture_of_ones_own_is_looked_at_and_what_is_none_is_refused_in_words(opened):
    page = opened("feature-maps")
    picker = page.get_by_test_id("picker")
    picker.get_by_role("button", name="Upload").click()
    file = io.BytesIO()
    Image.fromarray(np.tile(np.arange(90, dtype=np.uint8), (60, 1))).convert("RGB").save(file, "png")
    field = picker.get_by_label("A picture")
    field.set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": file.getvalue()})
    expect(picker.locator(".words")).to_contain_text("your picture (made grey, cut to its middle, 90×60 made 28×28)")
    field.set_input_files({"name": "fake.png", "mimeType": "image/png", "buffer": b"not a picture"})
    expect(picker.locator(".complaint")).to_contain_text("fake.png cannot be read as an image")
    expect(picker.locator(".words")).to_contain_text("your picture")
    paper, file = Image.new("L", (90, 60), 220), io.BytesIO()
    paper.paste(30, (40, 10, 48, 50))
    paper.save(file, "png")
    picker.get_by_role("checkbox").check()
    field.set_input_files({"name": "paper.png", "mimeType": "image/png", "buffer": file.getvalue()})
    expect(picker.locator(".words")).to_contain_text("your drawing (made 28 pixels large")
    picker.get_by_role("checkbox").uncheck()
    expect(picker.locator(".words")).to_contain_text("your picture")
    picker.get_by_role("button", name="Camera").click()
    expect(picker.locator(".complaint")).to_contain_text("The camera cannot be used")


def test_a_unit_is_switched_off_by_a_click_and_on_again(opened):
    page = opened('ablation:node="conv2"', "feature-maps")
    shown = figure(page, "Ablation")
    expect(shown).to_contain_text("all 16 tried")
    expect(shown.locator(".way")).to_be_hidden()
    left, top = shown.evaluate(SPOT, ["2", 0, 0])
    page.mouse.click(left, top - 4)  # the longest bar
    picker = page.get_by_test_id("picker")
    chip = picker.get_by_role("button", name="is off")
    expect(chip).to_be_visible()
    name = chip.text_content().split(" ")[0]
    expect(shown).to_contain_text(f"without {name}")
    assert looks_after(page, "off") == [name]
    chip.click()
    expect(chip).to_have_count(0)


def test_what_takes_long_is_watched_as_it_forms_and_can_be_stopped(opened):
    page = opened('unit:show="made",steps=2000,node="out"')
    shown = figure(page, "What a unit wants")
    shown.locator("progress").wait_for()
    shown.get_by_role("button", name="Stop").click()
    expect(shown.locator(".way")).to_contain_text("Stopped.")
    step = int(shown.get_attribute("data-drawn") or 0)
    page.wait_for_timeout(600)
    assert int(shown.get_attribute("data-drawn") or 0) <= step + 1
    shown.get_by_role("button", name="Go on").click()
    expect(shown.locator(".way")).not_to_contain_text("Stopped.")
    page.wait_for_function(
        "([h, n]) => Number(h.dataset.drawn) > n + 1", arg=[shown.element_handle(), step], timeout=1000 * PATIENCE
    )


def test_a_selected_layer_is_what_the_panels_look_at(opened):
    page = opened("feature-maps", "filters")
    page.locator('[class*="st-key-cnn-diagram"]').get_by_text("conv2", exact=True).click()
    expect(figure(page, "Feature maps")).to_contain_text("conv2, map 0 of 16")
    expect(figure(page, "Filters")).to_contain_text("conv2, now")
    assert looks_after(page, "node") == "conv2"


def test_all_that_panels_share_is_told_by_options_of_one_kind():
    for name in SHARED:
        kinds = {str(view.model_fields[name].annotation) for view in VIEWS.values() if name in view.model_fields}
        own = {kind for kind, view in VIEWS.items() if name in view.model_fields}
        assert len(kinds) == 1 or own & {"surface"}, name
