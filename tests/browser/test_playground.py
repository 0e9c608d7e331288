"""A person plays with points: watches neurons, points at them, types weights, draws, and goes step by step."""

import re

from playwright.sync_api import expect

from tests.serving import full_speed, settled

TALL = {"width": 1400, "height": 1700}
NET = '[data-testid="neurons"]'


def status(page, word):
    page.locator(f'[data-testid="transport"][data-status="{word}"]').wait_for()


def press(page, name):
    page.locator(f'[data-testid="transport"] button[data-name="{name}"]').click()


def run_step(page):
    return int(page.locator('[data-testid="transport"]').get_attribute("data-step"))


def surface(page):
    return page.locator('[class*="st-key-playground-panel-"] [data-testid="figure"]').first


def train(page):
    full_speed(page)
    page.locator(".st-key-playground-train button").first.click()


def lengthen(page, epochs):
    field = page.get_by_role("spinbutton", name="Epochs")
    field.fill(str(epochs))
    field.press("Enter")
    settled(page)


def opened(visit, query=""):
    page = visit(f"playground{query}", viewport=TALL)
    settled(page)
    page.locator(f"{NET} .neuron").first.wait_for()
    return page


def test_neurons_are_seen_before_and_while_they_learn_and_large_when_pointed_at(visit):
    page = opened(visit)
    expect(page.locator(f"{NET} .neuron")).to_have_count(2 + 4 + 2 + 1)
    expect(page.locator(f"{NET} .link")).to_have_count(2 * 4 + 4 * 2 + 2)
    lengthen(page, 60)
    train(page)
    status(page, "done")
    page.wait_for_function("root => Number(root.dataset.step) > 1000", arg=page.locator(NET).element_handle())
    shown = surface(page)
    drawn = int(shown.get_attribute("data-drawn"))
    page.locator(f"{NET} .neuron").nth(3).hover()
    page.wait_for_function("([root, n]) => Number(root.dataset.drawn) > n", arg=[shown.element_handle(), drawn])
    expect(shown.locator(".annotation-text")).to_have_text("dense1, neuron 1")
    page.mouse.move(5, 5)
    expect(shown.locator(".annotation-text")).to_contain_text("loss ")  # as far as it has come
    page.locator(f"{NET} .neuron").nth(3).click()
    page.mouse.move(5, 5)
    expect(shown.locator(".annotation-text")).to_have_text("tanh1, neuron 1")
    assert "node%3D%22tanh1%22" in page.url


def test_a_weight_is_typed_before_training_and_nothing_is_left_waiting(visit, runs):
    page = opened(visit)
    page.locator(f'{NET} [data-weight="dense1.weight[0,1]"]').dispatch_event("click")
    field = page.locator(f"{NET} .typing input")
    field.fill("much")
    field.press("Enter")
    expect(page.locator(f"{NET} .says")).to_contain_text("must be a number; received 'much'")
    field.fill("-2.5")
    field.press("Enter")
    status(page, "stopped")
    assert run_step(page) == 0
    assert not runs.runs("running", "paused", "queued")
    page.locator(f'{NET} [data-weight="dense1.weight[0,1]"]').dispatch_event("pointerenter")
    expect(page.locator(f"{NET} .tip")).to_contain_text("weight −2.5")
    before = page.locator(NET).get_attribute("data-drawn")
    page.locator(f'{NET} [data-weight="out.weight[0,0]"]').dispatch_event("click")
    field.fill("3")
    field.press("Enter")  # to the run that waits: its surfaces follow
    page.wait_for_function(
        "([root, n]) => Number(root.dataset.drawn) > Number(n)", arg=[page.locator(NET).element_handle(), before]
    )
    page.locator(f'{NET} [data-weight="out.weight[0,0]"]').dispatch_event("pointerenter")
    expect(page.locator(f"{NET} .tip")).to_contain_text("weight 3")
    assert run_step(page) == 0
    assert not runs.runs("running", "paused", "queued")


def test_one_example_one_batch_one_epoch_and_slow_motion(visit):
    page = opened(visit)
    lengthen(page, 100_000)
    train(page)
    status(page, "running")
    press(page, "pause")
    status(page, "paused")
    start = run_step(page)
    for unit in ("example", "batch", "epoch"):  # an epoch that is nearly over ends with one step, too
        page.get_by_role("combobox", name="How far one step goes").select_option(label=unit)
        press(page, "step")
        page.wait_for_function(
            "([root, n]) => root.dataset.status === 'paused' && Number(root.dataset.step) >= n",
            arg=[page.locator('[data-testid="transport"]').element_handle(), start + 1],
        )
        start = run_step(page)
    expect(page.locator('[data-testid="transport"] .numbers')).to_contain_text(re.compile(r"epoch \d+\.0+(?!\d)"))
    page.get_by_role("combobox", name="Speed").select_option(label="5 steps/s")
    press(page, "play")
    status(page, "running")
    before = run_step(page)
    page.wait_for_timeout(2000)
    assert 3 <= run_step(page) - before <= 20
    press(page, "stop")
    status(page, "stopped")


def test_own_points_are_drawn_and_learned(visit):
    page = opened(visit)
    page.get_by_role("combobox", name="Data", exact=True).click()
    page.get_by_role("option", name="Your own points").click()
    settled(page)
    pad = page.locator('[data-testid="pad"] canvas')
    pad.wait_for()
    for colour, (x1, y1, x2, y2) in (("orange", (0.2, 0.2, 0.8, 0.3)), ("blue", (0.2, 0.7, 0.8, 0.8))):
        page.locator('[data-testid="pad"] button', has_text=colour).click()
        box = pad.bounding_box()
        page.mouse.move(box["x"] + x1 * box["width"], box["y"] + y1 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + x2 * box["width"], box["y"] + y2 * box["height"], steps=20)
        page.mouse.up()
        settled(page)
    assert int(page.locator('[data-testid="pad"] .count').text_content().split()[0]) > 20
    lengthen(page, 20)
    train(page)
    status(page, "done")
    page.get_by_text("Paste or upload a table").click()
    page.get_by_role("textbox", name="or pasted here").fill("a,b,kind\n" + "1,2,red\n3,1,blue\n" * 9)
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Use these points").click()
    expect(page.get_by_text("The data you see is no longer what this run learns.")).to_be_visible()
    expect(page.locator('[data-testid="pad"] .count')).to_have_text("18 points")


def test_one_example_is_followed_by_hand(visit):
    page = opened(visit, "?board=neurons;by-hand")
    written = page.locator(".written")
    expect(written).to_contain_text("1 of 7: forward: dense1")
    for _ in range(4):
        stage = written.locator("b").text_content()
        page.get_by_role("button", name="Next stage").click()
        expect(written.locator("b")).not_to_have_text(stage)
    expect(written).to_contain_text("5 of 7: back: out")
    expect(written).to_contain_text("w[0,0]")


def test_a_teachers_link_opens_with_controls_hidden(visit):
    page = opened(visit)
    page.get_by_role("button", name="Share").click()
    page.get_by_role("combobox", name="Hide from those who open it").fill("Recipe: rate")
    page.get_by_role("option", name="Recipe: rate").click()
    page.keyboard.press("Escape")
    settled(page)
    if not page.get_by_test_id("stCode").is_visible():
        page.get_by_role("button", name="Share").click()
    expect(page.get_by_test_id("stCode")).to_contain_text("hide=recipe.rate")
    link = page.get_by_test_id("stCode").text_content()
    other = visit(link, viewport=TALL)
    settled(other)
    other.get_by_role("spinbutton", name="Epochs").wait_for()
    expect(other.get_by_role("spinbutton", name="Rate")).to_have_count(0)
    other.reload()
    other.get_by_role("spinbutton", name="Epochs").wait_for()
    expect(other.get_by_role("spinbutton", name="Rate")).to_have_count(0)


def test_two_runs_race_side_by_side_and_are_told_together(visit):
    page = opened(visit)
    lengthen(page, 100_000)
    train(page)
    status(page, "running")
    page.get_by_role("button", name="Race", exact=True).click()
    rate = page.get_by_test_id("stPopoverBody").get_by_role("spinbutton", name="Rate")
    rate.fill("0.3")
    rate.press("Enter")
    page.get_by_role("button", name="Begin", exact=True).click()
    expect(page.locator(NET)).to_have_count(2)
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-testid=figure]')].filter(f => f.dataset.step > 0).length > 1"
    )
    press(page, "stop")
    status(page, "stopped")
    page.get_by_role("button", name="End the race").click()
    expect(page.locator(NET)).to_have_count(1)


def test_folds_are_learned_one_by_one_and_their_errors_shown_with_the_spread(visit):
    page = opened(visit)
    lengthen(page, 3)
    page.locator(".st-key-playground-recipe").get_by_text("More", exact=True).click()
    folds = page.get_by_role("combobox", name="Folds")
    folds.fill("4")
    folds.press("Enter")
    settled(page)
    train(page)
    status(page, "done")
    expect(page.locator('[data-testid="transport"]')).to_contain_text("run 4 of 4")
    spread = page.locator('[data-testid="figure"]').first
    expect(spread.locator(".annotation-text")).to_contain_text("(4 folds)")
    expect(spread.locator(".annotation-text")).to_contain_text("±")
    expect(page.locator(f"{NET} .neuron")).to_have_count(2 + 4 + 2 + 1)  # those of the last fold
    expect(page.locator(NET)).not_to_have_attribute("data-step", "0")


def test_every_view_of_the_plane_is_drawn_of_a_draft_a_run_and_its_past(visit):
    page = opened(visit, "?board=neurons;surface;units;landscape;warp;weights;by-hand;curves;flow")
    figures = page.locator('[class*="st-key-playground-panel-"] [data-testid="figure"]')
    expect(figures).to_have_count(8)

    def all_drawn(before):
        page.wait_for_function(
            "n => [...document.querySelectorAll('[class*=\"st-key-playground-panel-\"] [data-testid=figure]')]"
            ".every((figure, place) => Number(figure.dataset.drawn) > n[place])",
            arg=before,
        )
        return [int(figure.get_attribute("data-drawn")) for figure in figures.all()]

    page.set_viewport_size({"width": 1400, "height": 5200})  # what lies out of sight is not drawn
    drawn = all_drawn([0] * 8)
    lengthen(page, 20)
    train(page)
    status(page, "done")
    drawn = all_drawn(drawn)
    for figure in figures.all():
        expect(figure.locator(".says")).to_be_empty()
    slider = page.get_by_role("slider", name="Moment of the run")
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function(
        "() => [...document.querySelectorAll('[class*=\"st-key-playground-panel-\"] [data-testid=figure]')]"
        ".filter((figure) => figure.dataset.step === '0').length >= 5"
    )
