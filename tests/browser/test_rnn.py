"""A person watches networks that read: what is remembered, a text of their own, and one that is written on."""

import json
import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.test_cnn import TALL, click, looks, words_of
from tests.browser.test_living import figure, run_step, status, train

VIEWS = ["states", "gates", "tokens", "through-time", "memory", "predictions"]


@pytest.fixture(scope="module")
def learned(home, address):
    """Return finished runs that were asked for the first letter, of unequal texts: an RNN's and a GRU's."""
    settings = ["data.number=6000", "data.shortest=1", "recipe.epochs=8"]
    runs = []
    for preset in ("recall-rnn", "recall-gru"):
        command = [sys.executable, "-m", "engine", "train", preset, "--json"]
        command += [part for setting in settings for part in ("--set", setting)]
        environment = os.environ | {"VITRINE_HOME": str(home)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout.splitlines()[-1])["run"])
    return runs


def drawn(page, *titles):
    """Wait until these views are drawn."""
    for title in titles:
        shown = figure(page, title)
        shown.scroll_into_view_if_needed()
        expect(shown).not_to_have_attribute("data-drawn", "0")
        expect(shown.locator(".main-svg").first).to_be_visible()
        expect(shown.locator(".says")).to_have_text("")  # a run that has only begun says so for a moment


def test_a_text_of_ones_own_is_read_letter_by_letter_and_a_step_is_written_out(visit, learned):
    page = visit(f"rnn?run={learned[1]}&board={';'.join(VIEWS)}", viewport=TALL)
    drawn(page, "States", "Gates", "Tokens", "Through time", "Memory", "Predictions")
    expect(figure(page, "Gates")).to_contain_text("unit 0 at place")
    click(page, "Gates", "", 3, 5)
    expect(figure(page, "Gates")).to_contain_text("unit 5 at place 3")
    picker = page.get_by_test_id("picker")
    picker.get_by_role("button", name="Write").click()
    page.get_by_test_id("written").fill("CABBA")
    expect(picker.locator(".words")).to_contain_text("your text")
    expect(picker).to_have_attribute("data-said", "C")
    page.wait_for_function("() => new URL(location.href).searchParams.get('looks')?.includes('CABBA')")
    assert looks(page)["sample"] == "text CABBA"
    expect(figure(page, "Gates")).to_contain_text("(B), gru")
    page.wait_for_function(
        "h => h.querySelector('.plot')?.data?.[0]?.z?.[0]?.length === 5", arg=figure(page, "States").element_handle()
    )
    page.get_by_test_id("written").fill("CAXBA")
    expect(picker.locator(".words")).to_contain_text("'X' is not among the 20 letters")


def test_two_kinds_of_cells_are_seen_side_by_side(visit, learned):
    page = visit(f"rnn?run={','.join(learned)}&board=through-time;memory", viewport=TALL)
    for title in ("Through time", "Memory"):
        shown = figure(page, title)
        expect(shown).to_have_count(2)
        for place in range(2):
            expect(shown.nth(place)).not_to_have_attribute("data-drawn", "0")
    expect(figure(page, "Through time").nth(0)).to_contain_text("rnn: ")
    expect(figure(page, "Through time").nth(1)).to_contain_text("gru: ")


def test_a_text_is_written_while_it_is_learned_and_a_sign_is_chosen_by_hand(visit):
    page = visit(
        "rnn?preset=char-lstm&board=generate;curves", viewport=TALL
    )  # the more is in sight, the rarer each is seen
    train(page, epochs=500)
    status(page, "running")
    drawn(page, "Generate")
    shown = figure(page, "Generate")
    before = run_step(page)
    first = words_of(page, "Generate")
    page.wait_for_function("([root, n]) => Number(root.dataset.step) > n", arg=[shown.element_handle(), before])
    assert words_of(page, "Generate") != first
    page.locator('[data-testid="transport"] button[data-name="stop"]').click()
    status(page, "stopped")
    click(page, "Generate", "", 0, 0.01)  # the most probable sign comes next
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.wait_for_function("() => new URL(location.href).searchParams.get('board')?.includes('start=')")


def test_three_kinds_of_cells_learn_at_once_from_one_button(visit, runs):
    page = visit("rnn?preset=recall-lstm", viewport=TALL)
    page.get_by_text("Train", exact=True).first.click()
    page.get_by_role("button", name="Duel").click()
    page.get_by_role("button", name="Let 3 learn").click()
    shown = figure(page, "Through time")
    expect(shown).to_have_count(3)
    for place, name in enumerate(("RNN", "LSTM", "GRU")):
        expect(shown.nth(place)).not_to_have_attribute("data-drawn", "0")
        expect(page.locator('[class*="-panel-"]', has_text="Through time").first).to_contain_text(f"{name}: ")
        expect(shown.nth(place)).to_contain_text("cell: ")
    page.wait_for_function("() => new URL(location.href).searchParams.get('run')?.split(',').length === 3")
    wanted = page.evaluate("() => new URL(location.href).searchParams.get('run')").split(",")
    names = [json.loads(runs.run(run)["experiment"])["name"] for run in wanted]
    assert names == ["RNN: recall-lstm", "LSTM: recall-lstm", "GRU: recall-lstm"]
    curves = figure(page, "Curves").element_handle()
    page.wait_for_function(
        "h => ['RNN: ', 'LSTM: ', 'GRU: '].every((name) => "
        "h.querySelector('.plot')?.data?.some((trace) => trace.name?.includes(name)))",
        arg=curves,
    )


def test_a_stretch_is_brushed_and_found_again_elsewhere(visit):
    page = visit("rnn?preset=sentiment-gru&board=states", viewport=TALL)
    page.get_by_text("Board", exact=True).first.click()
    drawn(page, "States")
    shown = figure(page, "States")
    box = shown.locator(".nsewdrag").first.bounding_box()
    across, up = box["x"] + box["width"] * 0.2, box["y"] + box["height"] / 2
    page.mouse.move(across, up)
    page.mouse.down()
    page.mouse.move(across + box["width"] * 0.15, up, steps=5)
    page.mouse.move(across + box["width"] * 0.3, up, steps=5)
    page.mouse.up()
    expect(shown).to_contain_text("units are on from 1 to 2")
    expect(shown).to_contain_text("validation")
    page.wait_for_function("() => new URL(location.href).searchParams.get('board')?.includes('first=')")


def test_an_edit_of_a_text_runs_on_as_a_ripple(visit):
    page = visit("rnn?preset=sentiment-lstm&board=ripple", viewport=TALL)
    page.get_by_text("Board", exact=True).first.click()
    shown = figure(page, "Ripple")
    expect(shown).to_contain_text("Press the button under this")
    picker = page.get_by_test_id("picker")
    picker.get_by_role("button", name="Write").click()
    written = page.get_by_test_id("written")
    written.fill("I found the film very good")
    expect(picker.locator(".words")).to_contain_text("your text")
    shown.get_by_role("button", name="Compare").click()
    expect(shown).to_contain_text("Nothing is changed yet")
    written.fill("I found the film very bad")
    expect(shown).to_contain_text("→")
    ways = page.wait_for_function(
        "h => { const way = h.querySelector('.plot')?.data?.[0]?.y;"
        " return way?.length === 6 && way[5] > 0 && [...way]; }",
        arg=shown.element_handle(),
    ).json_value()
    assert ways[:5] == [0, 0, 0, 0, 0]
    shown.get_by_role("button", name="End the comparison").click()
    expect(shown).to_contain_text("Press the button under this")


def test_a_series_of_ones_own_is_forecast(visit):
    page = visit("rnn?preset=sines&board=forecast;curves", viewport=TALL)
    page.get_by_text("Train", exact=True).first.click()
    page.locator('[class*="-data"] [data-baseweb="select"], [class*="-data"] [role="combobox"]').first.click()
    page.get_by_role("option", name="Your series").click()
    page.get_by_role("button", name="Upload or paste").click()
    lines = [f"2020-{1 + month % 12:02}-01,{100 + month + 10 * (month % 12 > 5)}" for month in range(120)]
    lines = [line.replace("2020", str(2000 + place // 12)) for place, line in enumerate(lines)]
    page.locator('input[type="file"]').first.set_input_files(
        {"name": "sales.csv", "mimeType": "text/csv", "buffer": ("month,sales\n" + "\n".join(lines)).encode()}
    )
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_text("'sales' in the order of 'month', by months.")).to_be_visible()
    page.get_by_role("button", name="Fit the network to Your series").click()
    train(page, epochs=20)
    status(page, "done")
    drawn(page, "Forecast")
    expect(figure(page, "Forecast")).to_contain_text("last value again")
    truth = figure(page, "Forecast").evaluate("h => Math.min(...h.querySelector('.plot').data[0].y)")
    assert 100 < truth < 240  # in numbers of the series
