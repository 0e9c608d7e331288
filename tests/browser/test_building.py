"""A person builds a network by hand, errs, mends it, and shows it to another person."""

import pytest
from playwright.sync_api import expect

from engine.training.experiment import load
from tests.serving import settled


def add(page, name):
    """Choose a kind of layer from the list, by typing its name, and wait for its box."""
    before = len(boxes(page))
    field = page.locator('[class*="st-key-cnn-add"]:not([class*="view"]) input')
    field.click()
    field.fill(name)
    page.get_by_role("option", name=name).first.click()
    expect(page.locator('[data-testid="diagram"] .box')).to_have_count(before + 1)
    settled(page)


def set_number(page, label, value):
    """Type a number into a field of the open card."""
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")
    settled(page)


def row(page, name):
    """Return the row of a layer in the list."""
    return page.locator(f".st-key-cnn-select-{name} button").first


def box(page, name):
    """Return the box of a layer in the diagram."""
    return page.locator(f'[data-testid="diagram"] .box[data-path="{name}"]')


def boxes(page):
    return page.locator('[data-testid="diagram"] .box').evaluate_all("all => all.map(one => one.dataset.path)")


def totals(page):
    return page.locator(".st-key-cnn-diagram p", has_text=" weights")


def test_a_network_built_by_hand_a_mistake_mended_and_the_link_opened_elsewhere(visit):
    page = visit("cnn?preset=blank")
    for name in ("Convolution 2-D", "ReLU", "Max pooling 2-D", "Flatten", "Dense"):
        add(page, name)
    expect(box(page, "dense1")).to_be_visible()
    assert boxes(page) == ["image", "conv1", "relu1", "pool1", "flatten1", "dense1"]
    row(page, "conv1").click()
    settled(page)
    set_number(page, "Channels", 6)
    set_number(page, "Kernel", 5)
    expect(page.get_by_text("6 · (5 · 5 · 1 + 1)").first).to_be_visible()

    set_number(page, "Kernel", 29)
    expect(page.get_by_text("conv1 needs room for a 29×29 kernel but receives 28×28 from image.")).to_be_visible()
    expect(page.get_by_text("You see the last network that could run")).to_be_visible()
    expect(box(page, "conv1")).to_contain_text("6×24×24")  # the last sound network stays
    set_number(page, "Kernel", 3)
    expect(page.get_by_text("You see the last network that could run")).to_have_count(0)
    expect(box(page, "conv1")).to_contain_text("6×26×26")
    expect(totals(page)).to_contain_text("32,540 weights")

    page.get_by_role("button", name="Share").click()
    link = page.locator("code", has_text="?x=").inner_text()
    assert link == page.url
    other = visit(link)
    assert boxes(other) == boxes(page)
    expect(totals(other)).to_contain_text("32,540 weights")


def test_a_click_in_the_diagram_opens_the_layers_card_and_a_double_click_a_block(visit):
    page = visit("cnn?preset=mini-resnet")
    box(page, "conv").click()
    expect(page.get_by_label("Channels", exact=True)).to_have_value("16")
    expect(box(page, "conv")).to_have_attribute("aria-pressed", "true")
    box(page, "stage1").dblclick(position={"x": 60, "y": 20})
    expect(box(page, "stage1.conv1")).to_be_visible()
    expect(row(page, "stage1-conv1")).to_be_visible()
    page.get_by_role("button", name="Fold Residual").click()
    expect(box(page, "stage1.conv1")).to_have_count(0)


def test_the_diagram_works_by_keyboard(visit):
    page = visit("cnn")
    box(page, "image").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(box(page, "conv1")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Channels", exact=True)).to_have_value("6")


def test_reloading_keeps_the_network_and_undo_works_by_key(visit):
    page = visit("cnn")
    row(page, "conv1").click()
    settled(page)
    set_number(page, "Channels", 9)
    expect(box(page, "conv1")).to_contain_text("9×28×28")
    page.reload()
    settled(page)
    expect(box(page, "conv1")).to_contain_text("9×28×28")
    row(page, "pool1").click()
    settled(page)
    set_number(page, "Kernel", 4)
    expect(box(page, "pool1")).to_contain_text("9×7×7")
    page.mouse.click(5, 980)
    page.keyboard.press("Control+z")
    expect(box(page, "pool1")).to_contain_text("9×14×14")


@pytest.mark.parametrize(("typed", "shape"), [("4×1", "6×32×26"), ("same", "6×28×28"), ("1", "6×26×26")])
def test_padding_may_be_typed(visit, typed, shape):
    page = visit("cnn")
    row(page, "conv1").click()
    settled(page)
    field = page.locator('[class*="st-key-cnn-conv1-padding"] input').first
    field.click()
    field.fill(typed)
    page.get_by_role("option", name=typed).first.click()
    expect(box(page, "conv1")).to_contain_text(shape)


def test_code_and_experiment_are_downloaded_and_the_file_opens_again(visit, tmp_path):
    page = visit("cnn?preset=mini-inception")
    page.get_by_role("button", name="Code").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).first.click()
    code = (tmp_path / "code.py").with_suffix(".py")
    download.value.save_as(code)
    assert "class MiniInception(nn.Module):" in code.read_text()
    page.keyboard.press("Escape")

    page.get_by_role("button", name="File").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download experiment").click()
    file = tmp_path / "experiment.json"
    download.value.save_as(file)
    assert load(file.read_bytes()).name == "mini-inception"

    other = visit("cnn")
    other.get_by_role("button", name="File").click()
    other.locator('input[type="file"]').set_input_files(file)
    expect(box(other, "inception2")).to_be_visible()


def test_a_hostile_file_is_told_and_the_page_works_on(visit, tmp_path):
    page = visit("cnn")
    file = tmp_path / "bad.json"
    file.write_text("[" * 10_000)
    page.get_by_role("button", name="File").click()
    page.locator('input[type="file"]').set_input_files(file)
    expect(page.get_by_text("bad.json: This is not JSON")).to_be_visible()
    expect(box(page, "conv1")).to_be_visible()


def test_deep_links_and_the_gallery_open_the_lab(visit):
    page = visit("")
    expect(page.get_by_text("A display case for neural networks")).to_be_visible()
    page.get_by_role("link", name="MLP 2–4–2–1").click()
    expect(page.locator('[data-testid="diagram"] svg')).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1024, 1280, 1920])
def test_nothing_is_wider_than_the_window(visit, scheme, width):
    page = visit("cnn?preset=googlenet", color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    settled(page)
    for size in ("document.documentElement", "document.querySelector('[data-testid=stMain]')"):
        assert page.evaluate(f"{size}.scrollWidth <= {size}.clientWidth")


INSIDE = """svg => {
  const { bottom, right } = svg.getBoundingClientRect();
  const cards = [...svg.querySelectorAll('.card')].map(card => card.getBoundingClientRect());
  return cards.every(card => card.bottom <= bottom - 8 && card.right <= right - 8);
}"""


@pytest.mark.parametrize("lab", ["cnn?preset=lenet-5", "cnn?preset=resnet-18", "gan"])
def test_every_box_lies_within_the_drawing(visit, lab):
    page = visit(lab)
    settled(page)
    drawing = page.locator('[data-testid="diagram"] svg').first
    drawing.locator(".card").first.wait_for()
    assert drawing.evaluate(INSIDE)
