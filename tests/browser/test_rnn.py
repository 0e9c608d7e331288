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
        assert shown.locator(".says").text_content() == ""


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
    page = visit("rnn?preset=char-lstm", viewport=TALL)
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
