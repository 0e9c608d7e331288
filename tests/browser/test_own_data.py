"""Own pictures and tables, from a folder, an archive, the camera or pasted, until a network has learned them."""

import shutil

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.test_living import later, press, status
from tests.serving import full_speed, settled

KINDS = {"dark": 40, "light": 215}


@pytest.fixture
def pictures(tmp_path):
    """Return a folder of two kinds of pictures, with what is none among them."""
    chance, root = np.random.default_rng(0), tmp_path / "pictures"
    for kind, middle in KINDS.items():
        (root / kind).mkdir(parents=True)
        for place in range(24):
            shades = chance.normal(middle, 20, (40, 52, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(shades).save(root / kind / f"{place}.png")
    (root / "dark" / "broken.png").write_bytes(b"this is no picture")
    (root / "dark" / "notes.txt").write_text("about them")
    return root


def choose(page, kind):
    """Choose a kind of data under Train."""
    page.get_by_text("Train", exact=True).first.click()
    settled(page)
    page.get_by_role("combobox", name="Data").click()
    page.get_by_role("option", name=kind, exact=True).click()


def album(page):
    page.get_by_role("button", name="Bring pictures, or use the camera").click()
    found = page.get_by_test_id("album")
    found.wait_for()
    return found


def picked(page, button, path):
    with page.expect_file_chooser() as chooser:
        button.click()
    chooser.value.set_files(str(path))


def test_a_folder_is_sorted_into_classes_and_learned_with_what_is_wrong_named(visit, pictures):
    page = visit("cnn", unfolded=False)
    choose(page, "Your images")
    found = album(page)
    picked(page, found.get_by_role("button", name="Choose a folder"), pictures)
    expect(found.get_by_label("Name of this class")).to_have_count(2)
    expect(found.get_by_role("status")).to_contain_text("1 other file passed by.")
    found.get_by_role("button", name="Use these 49 pictures").click()
    expect(page.get_by_text("Left out when they came, 1: broken.png cannot be read")).to_be_visible()
    page.get_by_role("button", name="Fit the network to Your images").click()
    expect(page.locator('.chip[data-path="out"]')).to_have_attribute("aria-label", "out, Dense, gives 2")
    full_speed(page)
    press(page, "play")
    later(page, "Curves", 30)
    transport = page.get_by_test_id("transport")
    page.wait_for_function(
        "bar => /accuracy (9\\d|100)/.test(bar.innerText.replaceAll('\\n', ' '))", arg=transport.element_handle()
    )
    press(page, "stop")
    status(page, "stopped")


def test_an_archive_is_unpacked_and_the_data_are_looked_through(visit, pictures, tmp_path):
    page = visit("cnn", unfolded=False)
    choose(page, "Your images")
    packed = shutil.make_archive(str(tmp_path / "pictures"), "zip", pictures.parent, "pictures")
    picked(page, album(page).get_by_role("button", name="Choose a zip"), packed)
    expect(page.get_by_text("Left out when they came, 1: broken.png")).to_be_visible()
    page.get_by_text("Data", exact=True).first.click()
    expect(page.get_by_text("48 examples of 2 classes: 24 dark, 24 light.")).to_be_visible()
    examples = page.get_by_test_id("examples")
    second = examples.get_by_role("button").nth(1)
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    number, kind = second.get_attribute("aria-label").removeprefix("Example ").split(": ")
    expect(page.get_by_text(f"train example {number}: {kind}")).to_be_visible()
    for part, words in (
        ("Classes", "licence: yours"),
        ("Means", "The mean of all training pictures"),
        ("Plane", "two directions keep"),
        ("Twins", "No two examples are the same"),
    ):
        page.get_by_text(part, exact=True).click()
        expect(page.get_by_text(words)).to_be_visible()


def test_the_camera_fills_a_class_and_a_bad_archive_is_refused_in_words(visit, pictures, tmp_path):
    page = visit("cnn", unfolded=False, permissions=["camera"])
    choose(page, "Your images")
    found = album(page)
    (tmp_path / "x.zip").write_bytes(b"no archive")
    picked(page, found.get_by_role("button", name="Choose a zip"), tmp_path / "x.zip")
    expect(found.get_by_role("alert")).to_have_text("x.zip is no zip file, or a damaged one.")
    for name in ("clock", "nothing"):
        found.get_by_role("button", name="Add a class by hand").click()
        found.get_by_label("Name of this class").last.fill(name)
    expect(found.get_by_role("button", name="Use them")).to_be_disabled()
    found.get_by_role("button", name="Camera").first.click()
    found.get_by_role("button", name="Record 30 pictures").click()
    found.get_by_role("button", name="Record 30 more").wait_for()
    picked(page, found.get_by_role("button", name="Files").last, pictures / "dark" / "1.png")
    found.get_by_role("button", name="Use these 31 pictures").click()
    found.wait_for(state="detached")
    page.get_by_text("Data", exact=True).first.click()
    expect(page.get_by_text("classes: 30 clock, 1 nothing.")).to_be_visible()


def test_a_pasted_table_is_learned_by_a_column_that_one_chooses(visit):
    page = visit("cnn?preset=mlp", unfolded=False)
    choose(page, "Your table")
    chance = np.random.default_rng(0)
    high = chance.normal(0, 1, (120, 2))
    lines = [f"{a:.3f},{b:.3f},{'up' if a > b else 'down'},{a - b:.3f}" for a, b in high]
    page.get_by_role("button", name="Upload or paste").click()
    text = page.get_by_role("textbox", name="or pasted here")
    text.fill("\n".join(["a,b,way,height", *lines]))
    text.press("Control+Enter")
    page.get_by_role("button", name="Use it").click()
    goal = page.get_by_role("combobox", name="Goal").first
    expect(goal).to_have_value("number")  # of the last column
    page.get_by_role("combobox", name="To be told").click()
    page.get_by_role("option", name="way").click()
    expect(goal).to_have_value("class")
