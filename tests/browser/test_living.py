"""A person trains, watches, gives orders, comes back, looks into the past, branches and compares."""

import os
import signal

import pytest
from playwright.sync_api import expect

from engine.runs.store import Store
from tests.serving import PATIENCE, free_port, full_speed, served, settled

RUN = "() => new URL(location.href).searchParams.get('run')"
DRAWN = "() => [...document.querySelectorAll('[data-testid=figure]')].filter(f => Number(f.dataset.drawn) > 0).length"
HEAT = "root => root.querySelector('.heatmaplayer image')"
RECORDS = "cnn?board=curves;flow;predictions;confusion"
TALL = {"width": 1280, "height": 1900}  # what lies below the window is not drawn
LEARNS = '[data-testid="transport"][data-status="{}"]'


def panel(page, title):
    """Return the panel of a view."""
    head = page.locator('[class*="-panelhead-"]').filter(has_text=title)
    return page.locator('[class*="-panel-"]').filter(has=head)


def figure(page, title):
    return panel(page, title).locator('[data-testid="figure"]')


def step_of(page, title):
    """Return the step that a panel shows."""
    return int(figure(page, title).get_attribute("data-step") or -1)


def status(page, word):
    """Wait until the run has this status."""
    page.locator(LEARNS.format(word)).wait_for()


def run_step(page):
    return int(page.locator('[data-testid="transport"]').get_attribute("data-step"))


def press(page, name):
    """Press a button of the transport."""
    page.locator(f'[data-testid="transport"] button[data-name="{name}"]').click()


def begin(page):
    """Press Train; while the page runs, what has moved stands there twice for a moment, and either is the button."""
    page.locator(", ".join(f".st-key-{lab}-train button" for lab in ("cnn", "rnn", "autoencoder", "gan"))).first.click()


def train(page, epochs=100_000, rate=None):
    """Open the form, set the length, and press Train."""
    page.get_by_text("Train", exact=True).first.click()
    settled(page)
    full_speed(page)
    for label, value in {"Epochs": epochs, "Rate": rate}.items():
        if value is not None:
            field = page.get_by_role("spinbutton", name=label)
            field.fill(str(value))
            field.press("Enter")
            settled(page)
    begin(page)
    begun = '[data-testid="transport"]:is([data-status="running"], [data-status="done"])'  # a short one ends at once
    page.locator(begun).wait_for()


def stop(page):
    press(page, "stop")
    status(page, "stopped")


def later(page, title, step):
    """Wait until a panel shows a later step."""
    figure(page, title).first.wait_for()
    page.wait_for_function(
        "([root, step]) => Number(root.dataset.step ?? -1) > step",
        arg=[figure(page, title).element_handle(), step],
    )


def test_train_pause_step_change_the_rate_reload_and_reopen(visit):
    page = visit("cnn", viewport=TALL)
    train(page)
    later(page, "Curves", 20)
    press(page, "pause")
    status(page, "paused")
    before = run_step(page)
    press(page, "step")
    expect(page.locator('[data-testid="transport"]')).to_have_attribute("data-step", str(before + 1))
    press(page, "play")
    status(page, "running")

    field = page.get_by_role("spinbutton", name="Rate")
    field.fill("0.5")
    field.press("Enter")
    settled(page)
    expect(page.locator(".numbers")).to_contain_text("rate 0.5")
    at = run_step(page)
    later(page, "Curves", at + 40)
    lines = figure(page, "Curves").locator(".plot").evaluate("plot => plot.data.map(t => [t.name, [...t.x], [...t.y]])")
    steps, losses = next((x, y) for name, x, y in lines if name == "train")
    old = [loss for step, loss in zip(steps, losses, strict=True) if step <= before]
    new = [loss for step, loss in zip(steps, losses, strict=True) if step > at + 20]
    assert min(new) > 2 * min(old), "the curve did not bend"

    page.reload()
    settled(page)
    status(page, "running")
    later(page, "Curves", at + 60)

    other = visit(page.url, viewport=TALL)
    status(other, "running")
    later(other, "Curves", at + 60)
    press(other, "pause")
    status(page, "paused")
    press(page, "play")
    status(other, "running")
    stop(page)
    status(other, "stopped")


def test_scrub_through_the_past_branch_and_compare(visit):
    page = visit(RECORDS, viewport=TALL)
    train(page, epochs=20)  # long enough that moments on the way were kept, however slow a disk is
    status(page, "done")
    end = run_step(page)
    page.wait_for_function("root => Number(root.dataset.step) > 0", arg=figure(page, "Confusion").element_handle())
    slider = page.get_by_role("slider", name="Moment of the run")
    slider.focus()
    slider.press("Home")
    for title in ("Confusion", "Predictions"):
        expect(figure(page, title)).to_have_attribute("data-step", "0")
    slider.press("End")
    expect(figure(page, "Confusion")).to_have_attribute("data-step", str(end))
    moment = end
    while moment == end:  # the last one kept may be that of the end
        slider.press("ArrowLeft")
        said = page.locator('[data-testid="transport"] output').inner_text()
        moment = int(said.removeprefix("step ").replace(",", ""))
    assert 0 < moment < end
    expect(figure(page, "Confusion")).to_have_attribute("data-step", str(moment))
    field = page.get_by_role("spinbutton", name="Epochs")
    field.fill("24")
    field.press("Enter")
    settled(page)
    parent = page.evaluate(RUN)
    press(page, "branch")
    page.wait_for_function("run => new URL(location.href).searchParams.get('run') !== run", arg=parent)
    status(page, "done")
    page.wait_for_function("() => new URL(location.href).searchParams.get('run')")
    page.goto(page.url.split("/cnn")[0] + "/runs")
    page.wait_for_selector('[data-testid="stDataFrame"]')
    page.wait_for_timeout(800)
    box = page.locator('[data-testid="stDataFrame"]').first.bounding_box()
    for row in (52, 87):
        page.mouse.click(box["x"] + 18, box["y"] + row)
        page.wait_for_timeout(800)
    expect(page.get_by_text("What sets them apart")).to_be_visible()
    figures = page.locator('[data-testid="figure"]')
    expect(figures).to_have_count(3)
    page.wait_for_function(f"{DRAWN} === 3")
    slider = page.get_by_role("slider", name="Moment of the run")
    slider.focus()
    slider.press("Home")
    expect(figures.nth(1)).to_have_attribute("data-step", str(moment))  # where the branch began
    expect(figures.nth(2)).to_have_attribute("data-step", "0")


def test_a_killed_worker_is_told_and_the_run_goes_on(visit, home):
    page = visit("cnn", viewport=TALL)
    train(page)
    later(page, "Curves", 10)
    run = page.evaluate(RUN)
    os.kill(Store(f"sqlite:///{home / 'vitrine.db'}").run(run)["pid"], signal.SIGKILL)
    status(page, "interrupted")
    expect(page.locator('[data-testid="transport"] .words')).to_contain_text("The worker ended without a word")
    press(page, "play")
    status(page, "running")
    stop(page)


def test_a_click_on_a_cell_shows_its_examples(visit):
    page = visit(RECORDS, viewport=TALL)
    train(page, epochs=2)
    status(page, "done")
    shown = figure(page, "Confusion")
    page.wait_for_function(HEAT, arg=shown.element_handle())
    box = shown.locator(".nsewdrag").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.05, box["y"] + box["height"] * 0.05)
    expect(shown.get_by_text("0 taken for 0")).to_be_visible()
    expect(shown.locator("image").first).to_be_attached()


def test_views_are_added_changed_and_removed_and_the_link_keeps_them(visit):
    page = visit(RECORDS, viewport=TALL)
    page.get_by_text("Board", exact=True).first.click()
    settled(page)
    page.wait_for_function(f"{DRAWN} === 4")
    page.locator('[class*="st-key-cnn-icon-remove-1"] button').first.click()
    settled(page)
    expect(page.locator('[data-testid="figure"]')).to_have_count(3)
    field = page.get_by_label("Add a view").last
    field.click()
    field.fill("Histograms")
    page.get_by_role("option").first.click()
    settled(page)
    expect(panel(page, "Histograms")).to_be_visible()
    later(page, "Histograms", -1)
    page.wait_for_function("() => location.search.includes('board=')")
    other = visit(page.url, viewport=TALL)
    other.get_by_text("Board", exact=True).first.click()
    settled(other)
    expect(panel(other, "Histograms")).to_be_visible()
    expect(panel(other, "Curves")).to_have_count(0)


def test_a_lost_connection_is_made_anew_and_what_is_on_screen_stays(visit):
    page = visit("cnn", viewport=TALL)
    train(page)
    later(page, "Curves", 20)
    plot = figure(page, "Curves").locator(".plot").element_handle()
    page.evaluate("async () => (await import(new URL('live/live.js', document.baseURI).href)).live.socket.close()")
    step = step_of(page, "Curves")
    later(page, "Curves", step + 20)
    assert plot.evaluate("plot => plot.isConnected && plot.data.length > 0")
    press(page, "pause")
    status(page, "paused")
    stop(page)


@pytest.mark.slow
def test_nothing_blinks_while_a_person_types_and_the_network_learns(visit):
    page = visit("cnn", viewport=TALL)
    train(page)
    later(page, "Curves", 20)
    field = page.get_by_role("spinbutton", name="Seed")
    field.click()
    page.evaluate(
        """() => {
          window.blinked = [];
          const held = [...document.querySelectorAll('[data-testid=figure], [data-testid=figure] .plot')];
          const focus = document.activeElement;
          window.watching = setInterval(() => {
            for (const element of held) if (!element.isConnected) blinked.push('replaced');
            if (document.activeElement !== focus) blinked.push('focus lost to ' + document.activeElement?.tagName);
            if (document.querySelector('[data-stale=true], .stSpinner')) blinked.push('greyed');
            if (document.querySelector('input:disabled, textarea:disabled')) blinked.push('disabled');
          }, 40);
        }"""
    )
    drawn = figure(page, "Curves").get_attribute("data-drawn")
    for _ in range(20):
        page.keyboard.type("1")
        page.wait_for_timeout(500)
        page.keyboard.press("Backspace")
        page.wait_for_timeout(500)
    assert page.evaluate("() => [...new Set(blinked)]") == []
    assert int(figure(page, "Curves").get_attribute("data-drawn")) > int(drawn) + 20
    stop(page)


def test_the_page_keeps_its_place_and_says_when_the_table_is_no_longer_the_run(visit):
    page = visit("cnn", viewport=TALL)
    train(page, epochs=3)
    status(page, "done")
    settled(page)

    def top():
        return round(panel(page, "Curves").bounding_box()["y"])

    before = top()
    page.get_by_role("slider", name="Moment of the run").focus()
    page.keyboard.press("Home")
    expect(page.locator('button[data-name="now"]')).to_be_visible()
    assert top() == before
    page.get_by_text("Build", exact=True).first.click()
    settled(page)
    page.locator(".st-key-cnn-select-tanh3 button").click()
    settled(page)
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("The network you see is no longer what this run learns.")).to_be_visible()
    page.locator('button[data-name="follow"]').click()
    expect(page.locator('button[data-name="follow"]')).to_be_hidden()
    assert top() == before
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator('button[data-name="follow"]')).to_be_visible()


def test_the_diagram_takes_colours_with_numbers_and_a_scale(visit):
    page = visit("cnn", viewport=TALL)
    train(page)
    later(page, "Gradient flow", 20)
    page.get_by_role("combobox", name="Colour by").click()
    page.get_by_role("option", name="gradient norm").click()
    legend = page.locator('[data-testid="legend"]')
    expect(legend).to_contain_text("gradient norm, step")
    expect(page.locator(".box.told .number")).to_have_count(5)  # the layers that have weights
    shown = legend.text_content()
    page.wait_for_function("([root, shown]) => root.textContent !== shown", arg=[legend.element_handle(), shown])
    stop(page)
    page.get_by_role("button", name="Clear").last.click()
    expect(legend).to_be_hidden()


def test_an_app_that_is_started_anew_under_an_open_page_loses_nothing_of_it(tmp_path, chromium):
    home, port = tmp_path / "home", free_port()
    page = chromium.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    page.set_default_timeout(1000 * PATIENCE)
    with served(home, port=port, VITRINE_SPARE="0") as (address, _):
        page.goto(f"{address}/cnn")
        settled(page)
        page.locator('[data-path="conv1"]').first.click()
        for channels in (9, 11):
            field = page.get_by_role("spinbutton", name="Channels")
            field.fill(str(channels))
            field.press("Enter")
            expect(page.locator(f'[data-path="conv1"][aria-label*="gives {channels}×"]')).to_be_visible()
        train(page)
        run = page.url.split("run=")[1].split("&")[0]
    with served(home, port=port, VITRINE_SPARE="0"):
        page.wait_for_function("() => performance.getEntriesByType('navigation')[0].type === 'reload'")
        expect(page.locator('[data-path="conv1"][aria-label*="gives 11×"]')).to_be_visible()
        assert f"run={run}" in page.url
        undo = page.get_by_role("button", name="Undo").first
        expect(undo).to_be_enabled()
        rate = page.get_by_role("spinbutton", name="Rate")
        rate.fill("0.0123")
        rate.press("Enter")
        settled(page)
        expect(page.get_by_role("spinbutton", name="Rate")).to_have_value("0.0123")
        undo.click()
        expect(page.get_by_role("spinbutton", name="Rate")).to_have_value("0.001")
        undo.click()
        expect(page.get_by_role("spinbutton", name="Epochs")).not_to_have_value("100000")
        expect(page.locator('[data-path="conv1"][aria-label*="gives 11×"]')).to_be_visible()
        undo.click()  # the second change of the layer
        expect(page.locator('[data-path="conv1"][aria-label*="gives 9×"]')).to_be_visible()
        page.locator('[data-testid="transport"] button[data-name="stop"]').click()
        status(page, "stopped")
    page.context.close()
