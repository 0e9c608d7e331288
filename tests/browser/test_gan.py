"""A person watches a game of two networks, lets one move at a time, and mends a game that stalls."""

import dataclasses
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from engine.presets import PRESETS
from engine.training.link import from_link, to_link
from tests.browser.test_cnn import TALL, looks
from tests.browser.test_living import RUN, begin, figure, later, panel, press, run_step, status, step_of, stop, train
from tests.browser.test_rnn import drawn
from tests.serving import settled


def loaded(page):
    """Return the experiment that the page's address holds."""
    return from_link(parse_qs(urlsplit(page.url).query)["x"][0])


def learning(visit, preset, board):
    """Return the lab with a board, and a preset that learns until it is stopped; nothing has to be typed."""
    made = PRESETS[preset].experiment()
    link = to_link(dataclasses.replace(made, recipe=made.recipe.but(epochs=None)))
    page = visit(f"gan?x={link}&board={board}", viewport=TALL)
    settled(page)
    begin(page)
    status(page, "running")
    return page


TRACES = "root => root.querySelector('.plot').data.map(trace => trace.name ?? trace.type)"


@pytest.fixture
def game(visit):
    """Return the lab with a game of points that learns."""
    page = visit("gan?board=game;balance;coverage", viewport=TALL)
    train(page, epochs=100_000)
    status(page, "running")
    drawn(page, "The game")
    return page


def test_one_watches_both_networks_and_takes_layers_away(game):
    shown = figure(game, "The game")
    assert shown.evaluate(TRACES) == ["heatmap", "real", "scatter", "made"]
    later(game, "The game", step_of(game, "The game"))
    drawn(game, "Balance")
    expect(figure(game, "Balance")).to_contain_text("D says")
    drawn(game, "Coverage")
    expect(figure(game, "Coverage")).to_contain_text("heaps are met")
    panel(game, "The game").get_by_test_id("stPopover").get_by_role("button").first.click()
    game.get_by_text("Arrows", exact=True).click()
    game.wait_for_function(f"root => !({TRACES})(root).includes('scatter')", arg=shown.element_handle())


def test_each_network_takes_a_step_alone(game):
    press(game, "pause")
    status(game, "paused")
    before = run_step(game)
    unit = game.locator('[data-testid="transport"] select.unit')
    for count, turn in enumerate(("generator", "discriminator"), 1):
        unit.select_option(turn)
        press(game, "step")
        expect(game.locator('[data-testid="transport"]')).to_have_attribute("data-step", str(before + count))
        status(game, "paused")
    assert [option.inner_text() for option in unit.locator("[data-turn]").all()] == [
        "round",
        "discriminator only",
        "generator only",
    ]


def test_a_chosen_picture_is_looked_at_by_every_panel(visit):
    page = visit("gan?preset=gan-digits&board=samples:rows=2;why-fake", viewport=TALL)
    train(page, epochs=100_000)
    status(page, "running")
    drawn(page, "Samples")
    expect(figure(page, "Samples")).to_contain_text("noise 0,")
    press(page, "pause")
    status(page, "paused")
    later(page, "Samples", run_step(page) - 1)
    dots = figure(page, "Samples").locator(".scatterlayer .point")
    dots.nth(3).click(force=True)
    page.wait_for_function("() => new URL(location.href).searchParams.get('looks')?.includes('noise')")
    assert looks(page)["sample"] == "noise 3"
    expect(figure(page, "Samples")).to_contain_text("noise 3,")
    expect(page.get_by_test_id("picker").locator(".words")).to_contain_text("noise 3")
    expect(figure(page, "Why fake")).to_contain_text("noise 3")


def test_a_distribution_is_drawn_by_hand_and_played_for(visit):
    page = visit("gan?board=game", viewport=TALL)
    page.get_by_text("Train", exact=True).first.click()
    settled(page)
    chosen = page.get_by_role("combobox", name="Data")
    chosen.click()
    page.get_by_role("option", name="Your own distribution").click()
    pad = page.get_by_test_id("pad").locator("canvas")
    expect(page.locator("body")).to_contain_text("Nothing is drawn yet")
    settled(page)
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"], steps=12)
    page.mouse.up()
    expect(page.locator("body")).not_to_contain_text("Nothing is drawn yet")
    settled(page)
    rows = loaded(page).data.rows
    assert len(rows) > 8
    assert max(abs(y) for _, y in rows) < 0.6 < max(x for x, _ in rows)
    begin(page)
    status(page, "running")
    drawn(page, "The game")
    page.wait_for_function(f"root => ({TRACES})(root).includes('made')", arg=figure(page, "The game").element_handle())


def film(page):
    """Return the player of the slow motion."""
    return figure(page, "One round, slowly").locator(".film")


def lit(page):
    """Return what is marked in the drawing of the networks."""
    return page.locator('[data-testid="diagram"] .lit').evaluate_all("parts => parts.map(part => part.dataset.path)")


def test_a_round_is_watched_in_slow_motion_and_then_taken(visit):
    page = learning(visit, "gan-eight", "round")
    between = page.locator('[data-testid="diagram"] .box.between')
    expect(between).to_have_count(4)
    assert [box.get_attribute("data-path") for box in between.all()] == ["noise", "made", "real", "verdict"]
    drawn(page, "One round, slowly")
    player = film(page)
    player.locator("select").select_option("6")
    player.locator('[data-name="play"]').click()
    status(page, "paused")  # the run waits while one looks
    at = run_step(page)
    page.evaluate(
        """() => {
          const words = document.querySelector('.film .words');
          window.told = [words.textContent];
          new MutationObserver(() => window.told.push(words.textContent)).observe(words, { childList: true });
        }"""
    )
    expect(page.locator('[data-testid="transport"]')).to_have_attribute("data-step", str(at + 1))
    told = page.evaluate("() => window.told")
    for begin_of in (
        "The generator makes a point",
        "As many real",
        "The discriminator judges",
        "Its weights take a step",
    ):
        assert any(words.startswith(begin_of) for words in told), told
    assert told.index(next(words for words in told if words.startswith("It goes on to"))) > 4
    player.locator('[data-name="pause"]').click()
    expect(player.locator('[data-name="play"]')).to_be_visible()
    later(page, "One round, slowly", at)
    while not player.locator(".count").inner_text().startswith("1 of"):  # it has gone on meanwhile
        player.locator('[data-name="back"]').click()
    # Thing after thing by hand; the drawing shows what it is about.
    expect(player.locator(".words")).to_contain_text("Noise is drawn")
    player.locator('[data-name="on"]').click()
    expect(player.locator(".words")).to_contain_text("The generator makes a point of each.")
    assert set(lit(page)) == {"generator:", "noise", "made"}
    for _ in range(2):
        player.locator('[data-name="on"]').click()
    expect(player.locator(".count")).to_have_text("4 of 11")
    assert set(lit(page)) == {"made", "real", "discriminator:", "verdict"}
    player.locator('[data-name="back"]').click()
    expect(player.locator(".words")).to_contain_text("As many real ones")
    assert run_step(page) == at + 1


def test_a_collapse_is_named_and_its_remedy_lets_more_heaps_be_met(visit):
    page = learning(visit, "gan-collapse", "doctor;coverage")
    expect(figure(page, "Doctor")).to_contain_text("Modes have collapsed", timeout=60_000)
    expect(figure(page, "Coverage")).to_contain_text("collapse", ignore_case=True)
    remedy = figure(page, "Doctor").get_by_role("button", name="Let the discriminator move in each step")
    remedy.click()
    expect(figure(page, "Doctor")).to_contain_text("before discriminator:interval = 1", timeout=60_000)
    expect(figure(page, "Doctor")).not_to_contain_text("Modes have collapsed", timeout=60_000)


def test_a_game_without_a_gradient_is_named_and_branched_from_with_its_remedy(visit):
    page = learning(visit, "gan-eight-minimax", "doctor")
    expect(figure(page, "Doctor")).to_contain_text("The generator's gradient has vanished", timeout=60_000)
    page.wait_for_function(  # by then it is far below the line, whatever single values do
        "root => Number(root.dataset.step) > 2500", arg=page.locator('[data-testid="transport"]').element_handle()
    )
    expect(figure(page, "Doctor")).to_contain_text("The generator's gradient has vanished")
    stop(page)
    before = page.evaluate(RUN)
    remedy = figure(page, "Doctor").get_by_role("button", name="Turn the generator's loss round")
    expect(remedy).to_have_text("Branch: Non-saturating loss")
    remedy.click()
    page.wait_for_function(f"run => ({RUN})() !== run", arg=before)
    status(page, "running")
    settled(page)
    expect(page.get_by_role("combobox", name="Loss")).to_have_value("non-saturating")
