"""One screen: what matters is in sight without scrolling, nothing is cut off, and all of it can be arranged."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_living import run_step, status
from tests.serving import settled

LABS = ("playground", "cnn", "rnn", "autoencoder", "gan")
SIZES = ((1280, 800), (1440, 900), (1920, 1080))
NARROW = ((1024, 768), (640, 400), (390, 844))  # the second is 1280×800 at 200 %
LONG = 16  # dots that rounding may cost
PANELS = "[...document.querySelectorAll('.stVerticalBlock[class*=\"-panel-\"]')]"
NAME = r"one.innerText.split('\n')[0]"
IN_SIGHT = f"""() => {{
  const seen = (one) => {{
    const {{ top, bottom, left, right, width }} = one.getBoundingClientRect();
    return width > 0 && top >= 0 && bottom <= innerHeight + 1 && left >= 0 && right <= innerWidth + 1;
  }};
  return {PANELS}.filter(seen).map(one => {NAME});
}}"""
CUT = f"""() => {PANELS}
  .filter(one => one.scrollHeight > one.clientHeight + {LONG} || one.scrollWidth > one.clientWidth + {LONG})
  .map(one => `${{{NAME}}}: ${{one.scrollHeight}} of ${{one.clientHeight}}`)"""
WIDER = """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
  .some(one => one.scrollWidth > one.clientWidth)"""
DRAWN = """() => {
  const all = [...document.querySelectorAll('[data-testid=figure]')];
  const here = all.filter(one => one.getBoundingClientRect().bottom <= innerHeight);
  return here.length >= 3 && here.every(one => Number(one.dataset.drawn) > 0);
}"""


def transport(page):
    return page.get_by_test_id("transport")


def beyond(thing, step):
    """Wait until something on the page shows a later step."""
    thing.page.wait_for_function("([one, n]) => Number(one.dataset.step) > n", arg=[thing.element_handle(), step])


def press(page, name):
    """Press a button of the transport."""
    transport(page).locator(f'button[data-name="{name}"]').click()


@pytest.mark.parametrize("lab", LABS)
def test_four_views_and_the_transport_are_in_sight_and_nothing_is_cut(visit, lab):
    for place, (width, height) in enumerate(SIZES):
        scheme = ("light", "dark")[(place + LABS.index(lab)) % 2]
        page = visit(lab, unfolded=False, viewport={"width": width, "height": height}, color_scheme=scheme)
        page.wait_for_function(DRAWN)
        seen = page.evaluate(IN_SIGHT)
        assert len(seen) >= 4, (lab, width, seen)
        expect(transport(page)).to_be_in_viewport(ratio=1)
        expect(page.get_by_test_id("diagram")).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("button", name="Share")).to_be_in_viewport(ratio=1)
        assert page.evaluate(CUT) == [], (lab, width)
        assert not page.evaluate(WIDER), (lab, width)
        page.locator('[data-testid="stMain"]').evaluate("main => main.scrollTo(0, 5000)")
        expect(transport(page)).to_be_in_viewport(ratio=1)
        page.context.close()


@pytest.mark.parametrize("lab", LABS)
def test_narrow_windows_have_one_column_with_the_views_before_the_forms(visit, lab):
    for width, height in NARROW:
        page = visit(lab, unfolded=False, viewport={"width": width, "height": height})
        page.locator('[class*="-panelhead-"]').first.wait_for()
        settled(page)
        assert not page.evaluate(WIDER), (lab, width)
        board = page.locator('[class*="-labboard"]').bounding_box()
        assert board["y"] < page.locator('[class*="-labside"]').bounding_box()["y"]
        expect(transport(page)).to_be_in_viewport(ratio=1)
        page.context.close()


def test_play_begins_a_run_pause_holds_it_and_the_beginning_comes_back(visit, runs):
    page = visit("playground", unfolded=False, viewport={"width": 1280, "height": 800})
    settled(page)
    bar = transport(page).bounding_box()
    expect(transport(page)).to_contain_text("ready")
    press(page, "play")
    status(page, "running")
    beyond(transport(page), 30)
    assert transport(page).bounding_box() == bar  # nothing jumps
    expect(transport(page).get_by_role("combobox", name="Speed")).to_have_value("50")
    press(page, "pause")
    status(page, "paused")
    (row,) = runs.runs("paused")
    assert row["total"] >= 10**9  # until it is stopped
    press(page, "reset")
    expect(transport(page)).to_contain_text("ready")
    page.wait_for_function("() => !new URL(location.href).searchParams.get('run')")
    while runs.run(row["run"])["status"] == "paused":
        page.wait_for_timeout(50)
    assert runs.run(row["run"])["status"] == "stopped"
    press(page, "step")
    status(page, "paused")
    assert run_step(page) == 1


def test_another_network_on_the_picture_is_learned_by_play_and_the_run_before_ends(visit, runs):
    page = visit("playground", unfolded=False, viewport={"width": 1280, "height": 800})
    net = page.get_by_test_id("neurons")
    expect(net.locator(".neuron")).to_have_count(2 + 4 + 2 + 1)
    press(page, "play")
    status(page, "running")
    before = page.evaluate("() => new URL(location.href).searchParams.get('run')")
    net.get_by_role("button", name="One neuron more in dense2").click()
    expect(net.locator(".neuron")).to_have_count(2 + 4 + 3 + 1)
    net.get_by_role("button", name="One layer more behind tanh2").or_(
        net.get_by_role("button", name="One layer more behind dense2")
    ).click()
    expect(net.locator(".neuron")).to_have_count(2 + 4 + 3 + 3 + 1)
    net.get_by_role("button", name="x1²").click()
    expect(net.locator(".neuron")).to_have_count(3 + 4 + 3 + 3 + 1)
    expect(transport(page)).to_contain_text("is no longer what this run learns")
    press(page, "play")
    page.wait_for_function("run => ![null, run].includes(new URL(location.href).searchParams.get('run'))", arg=before)
    status(page, "running")
    beyond(net, 5)
    expect(net.locator(".neuron")).to_have_count(3 + 4 + 3 + 3 + 1)
    while runs.run(before)["status"] == "running":
        page.wait_for_timeout(50)
    assert runs.run(before)["status"] == "stopped"


def test_datasets_are_chosen_by_their_picture_and_drawn_anew(visit):
    page = visit("playground", unfolded=False)
    shapes = page.get_by_test_id("shapes")
    points = '[data-testid="figure"] .plot'
    page.wait_for_function("s => document.querySelector(s)?.data?.length > 1", arg=points)
    page.wait_for_function("() => location.href.includes('x=')")  # the address follows what is drawn
    opened = page.url
    shapes.get_by_role("button", name="spiral").click()
    expect(shapes.get_by_role("button", name="spiral")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("opened => location.href !== opened", arg=opened)
    before = page.url
    shapes.get_by_role("button", name="New points").click()
    page.wait_for_function("before => location.href !== before", arg=before)
    page.get_by_role("button", name="Undo", exact=True).click()
    page.wait_for_function("before => location.href === before", arg=before)


def test_forms_fold_away_the_drawing_unfolds_and_both_are_remembered(visit):
    page = visit("cnn", unfolded=False, viewport={"width": 1280, "height": 800})
    page.locator(".chip").first.wait_for()
    side = page.locator('[class*="-labside"]')
    wide = page.locator('[class*="-labboard"]').bounding_box()["width"]
    press(page, "fold")
    expect(side).to_be_hidden()
    assert page.locator('[class*="-labboard"]').bounding_box()["width"] > wide + 250
    page.get_by_test_id("unfold").click()
    expect(page.locator('[data-testid="diagram"] svg')).to_be_visible()
    page.reload()
    expect(page.locator('[data-testid="diagram"] svg')).to_be_visible()
    expect(side).to_be_hidden()
    page.get_by_test_id("unfold").click()
    page.locator('.chip[data-path="conv2"]').click()
    expect(page.locator('.chip[data-path="conv2"]')).to_have_attribute("aria-pressed", "true")


def test_panels_are_moved_by_their_heads_and_sized_by_their_corner(visit):
    page = visit("cnn", unfolded=False, viewport={"width": 1280, "height": 800})
    page.locator('[class*="-panelhead-3"]').wait_for()
    settled(page)

    def heads():
        return [text.split("\n")[0].strip() for text in page.locator('[class*="-panelhead-"]').all_inner_texts()]

    assert heads()[:3] == ["Feature maps", "Class activation", "Curves"]
    page.get_by_text("Curves", exact=True).hover()
    page.mouse.down()
    target = page.locator(".stVerticalBlock.st-key-cnn-panel-1").bounding_box()
    page.mouse.move(target["x"] + 100, target["y"] + 100, steps=8)
    page.mouse.up()
    expect(page.locator('[class*="-panelhead-"]').first).to_contain_text("Curves")
    settled(page)
    assert heads()[:3] == ["Curves", "Feature maps", "Class activation"]
    panel = page.locator(".stVerticalBlock.st-key-cnn-panel-3")
    box = panel.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 2 * box["width"], box["y"] + box["height"], steps=8)
    page.mouse.up()
    page.wait_for_function("() => new URL(location.href).searchParams.get('board')?.startsWith('curves@12x1')")
    page.wait_for_function(
        "([panel, wide]) => panel.getBoundingClientRect().width > 1.8 * wide",
        arg=[panel.element_handle(), box["width"]],
    )
    page.reload()
    panel.wait_for(state="attached")
    first = page.locator('[class*="-panelhead-"]').first
    expect(first).to_contain_text("Curves")


def test_start_moves_searches_by_key_and_leads_on(visit):
    page = visit("", unfolded=False, viewport={"width": 1280, "height": 800})
    start = page.get_by_test_id("start")
    cards = start.locator(".lab")
    expect(cards).to_have_count(5)
    for card in cards.all():
        expect(card).to_be_in_viewport(ratio=1)
    canvas = start.locator("canvas").first
    canvas.wait_for()
    drawn = canvas.evaluate("one => one.toDataURL()")
    page.wait_for_function("([one, before]) => one.toDataURL() !== before", arg=[canvas.element_handle(), drawn])
    page.keyboard.press("/")
    page.keyboard.type("three gates")
    page.keyboard.press("ArrowDown")
    link = start.locator(".results a").first
    expect(link).to_contain_text("Three gates")
    page.keyboard.press("Enter")
    page.wait_for_url("**/rnn?**")
    expect(transport(page)).to_contain_text("ready")


def test_start_rests_for_those_who_want_no_motion(visit):
    page = visit("", unfolded=False, reduced_motion="reduce")
    canvas = page.get_by_test_id("start").locator("canvas").first
    canvas.wait_for()
    drawn = canvas.evaluate("one => one.toDataURL()")
    page.wait_for_timeout(1500)
    assert canvas.evaluate("one => one.toDataURL()") == drawn
