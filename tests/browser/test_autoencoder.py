"""A person walks through codes with the mouse, links two planes, repairs a picture, and mends a collapsed code."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from engine.layers.activation import Tanh
from engine.presets import PRESETS
from engine.training.link import to_link
from tests.browser.test_cnn import AT_REST, SPOT, TALL, click, looks
from tests.browser.test_living import figure, press, status, train
from tests.browser.test_rnn import drawn
from tests.serving import PATIENCE, settled

SOURCE = "root => root.querySelector('[data-testid=steered]').src"
CODE = "root => [...root.querySelectorAll('.sliders input')].map(input => Number(input.value))"
MARKED = """root => {
  const ring = root.querySelector('.plot').data?.find(trace => trace.hovertemplate?.startsWith('the sample'));
  return ring && [ring.x[0], ring.y[0]].map(value => Number(value));
}"""
CORNER = "root => ['xaxis', 'yaxis'].map((name) => root.querySelector('.plot')._fullLayout[name].range[0])"
PAINTED = """(root, [left, top]) => {  // how opaque the canvas of many points is at a place of the page
  const canvas = root.querySelector('canvas.cloud');
  const box = canvas.getBoundingClientRect();
  return canvas.getContext('2d').getImageData(left - box.left, top - box.top, 1, 1).data[3];
}"""
POINT = """(root, name) => {
  for (const trace of root.querySelector('.plot').data ?? []) {
    const place = (trace.ids ?? []).indexOf(name);
    if (place >= 0) return [trace.x[place], trace.y[place]];
  }
}"""


@pytest.fixture(scope="module")
def learned(home, address):
    """Return finished runs: a plain autoencoder, a variational one, and one that mends noise."""
    runs = []
    for preset, epochs in (("deep-ae", 6), ("vae", 12), ("denoising-ae", 12)):
        command = [sys.executable, "-m", "engine", "train", preset, "--json", "--set", f"recipe.epochs={epochs}"]
        environment = os.environ | {"VITRINE_HOME": str(home)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout.splitlines()[-1])["run"])
    return runs


def without_death(graph):
    """Return a network with tanh for ReLU, of which units may fall silent for good while a code sleeps."""
    nodes = [dataclasses.replace(n, layer=Tanh()) if n.layer and n.layer.kind == "relu" else n for n in graph.nodes]
    return dataclasses.replace(graph, nodes=tuple(nodes))


def steered(page, shown, before):
    """Wait until another place was decoded."""
    page.wait_for_function("([root, n]) => Number(root.dataset.steered ?? 0) > n", arg=[shown.element_handle(), before])


def test_one_walks_through_codes_with_the_mouse_while_it_learns(visit):
    page = visit("autoencoder?board=walk", viewport=TALL)
    train(page, epochs=100_000)
    status(page, "running")
    shown = figure(page, "Walk")
    shown.scroll_into_view_if_needed()
    steered(page, shown, 0)
    box = shown.locator(".nsewdrag").first.bounding_box()
    for share in (0.2, 0.7):
        before = shown.evaluate(SOURCE)
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
        page.wait_for_function(f"([root, before]) => ({SOURCE})(root) !== before", arg=[shown.element_handle(), before])
    press(page, "pause")
    status(page, "paused")
    page.wait_for_function(AT_REST, arg=shown.element_handle())  # the plane moves while it learns
    ends = shown.evaluate("root => ['xaxis', 'yaxis'].map(name => root.querySelector('.plot')._fullLayout[name].range)")
    for share in (0.3, 0.6):
        x, y = (low + share * (high - low) for low, high in ends)
        number = int(shown.get_attribute("data-steered"))
        left, top = shown.evaluate(SPOT, ["", x, y])
        page.mouse.move(left, top)
        steered(page, shown, number)
        assert shown.evaluate(CODE) == pytest.approx([x, y], abs=0.02 * max(high - low for low, high in ends))
    cross = shown.locator(".cross").bounding_box()
    assert cross["x"] + cross["width"] / 2 == pytest.approx(left, abs=4)
    before = shown.evaluate(SOURCE)
    slider = page.get_by_label("z0", exact=True)
    slider.focus()
    page.keyboard.press("Home")  # to its least
    page.wait_for_function(f"([root, before]) => ({SOURCE})(root) !== before", arg=[shown.element_handle(), before])
    assert shown.evaluate(CODE)[0] < x
    assert shown.locator(".steer-says").text_content() == ""


def test_an_example_chosen_in_one_plane_is_seen_in_the_other(visit, learned):
    page = visit(f"autoencoder?run={learned[0]},{learned[1]}&board=latent", viewport=TALL)
    planes = figure(page, "Latent plane")
    expect(planes).to_have_count(2)
    for place in range(2):
        expect(planes.nth(place)).not_to_have_attribute("data-drawn", "0")
        page.wait_for_function(f"root => ({POINT})(root, 'train 5')", arg=planes.nth(place).element_handle())
    x, y = planes.nth(0).evaluate(POINT, "train 5")
    left, top = planes.nth(0).evaluate(SPOT, ["", x, y])
    assert planes.nth(0).evaluate(PAINTED, [left, top]) > 100
    corner = planes.nth(0).evaluate(SPOT, ["", *planes.nth(0).evaluate(CORNER)])
    assert planes.nth(0).evaluate(PAINTED, [corner[0] + 3, corner[1] - 3]) == 0  # where nothing lies
    page.mouse.click(left, top)
    expect(page.get_by_test_id("picker").locator(".words")).to_contain_text("train example")
    page.wait_for_function("() => new URL(location.href).searchParams.get('looks')?.includes('train')")
    name = looks(page)["sample"]  # of points that lie over one another, the upper one
    for place in range(2):
        page.wait_for_function(
            f"""([root, name]) => {{
              const [ring, point] = [({MARKED})(root), ({POINT})(root, name)];
              return ring && point && ring.every((value, axis) => Math.abs(value - point[axis]) < 1e-3);
            }}""",
            arg=[planes.nth(place).element_handle(), name],
        )


def test_a_picture_is_damaged_by_hand_and_comes_back(visit, learned):
    page = visit(f"autoencoder?run={learned[2]}&board=repair", viewport=TALL)
    drawn(page, "Repair")
    shown = figure(page, "Repair")
    expect(shown).to_contain_text("damaged: off by 0.000")
    shown.get_by_role("button", name="Let the brush lay white").click()
    page.wait_for_function("() => new URL(location.href).searchParams.get('board')?.includes('white')")
    click(page, "Repair", "", 4, 4)
    page.wait_for_function("() => new URL(location.href).searchParams.get('board')?.includes('[4,4,')")
    page.mouse.move(*shown.evaluate(SPOT, ["", 6, 20]))
    page.mouse.down()
    page.mouse.move(*shown.evaluate(SPOT, ["", 20, 20]), steps=4)
    assert shown.locator(".painted i").count() > 10  # what the brush passed is seen before it is repaired
    page.mouse.up()
    page.wait_for_function("() => new URL(location.href).searchParams.get('board')?.includes('[20,20,')")
    assert "[20,14," in page.evaluate("() => new URL(location.href).searchParams.get('board')")
    expect(shown.locator(".painted i")).to_have_count(0)
    expect(shown).not_to_contain_text("damaged: off by 0.000")
    expect(shown).to_contain_text("comes back: off by 0.")
    shown.get_by_role("button", name="Take all damage away").click()
    expect(shown).to_contain_text("damaged: off by 0.000")


def test_a_code_collapses_under_a_high_beta_and_is_mended_while_it_learns(visit):
    begun = PRESETS["vae"].experiment()
    tamed = {role: without_death(graph) for role, graph in begun.graphs.items()}
    link = to_link(dataclasses.replace(begun, graphs=tamed))
    page = visit(f"autoencoder?x={link}&board=code:examples=200", viewport=TALL)  # few, so that it is told often
    train(page, epochs=100_000)
    status(page, "running")
    drawn(page, "Code")
    beta = page.get_by_role("spinbutton", name="Beta")
    settled(page)  # what is typed while the page runs may be lost
    beta.fill("300")
    beta.press("Enter")
    shown = figure(page, "Code")
    expect(shown).to_contain_text("2 of 2 tell nothing")
    shown.get_by_role("button", name="beta from 300 to 30").click()
    expect(beta).to_have_value("30")  # the page has heard of it too
    settled(page)
    beta.fill("0.5")
    beta.press("Enter")
    expect(shown).not_to_contain_text("2 of 2 tell nothing", timeout=3000 * PATIENCE)  # one may stay asleep for long
    expect(shown).to_contain_text("tell")
    expect(page.locator('[data-testid="transport"]')).not_to_contain_text("no longer what this run learns")


def test_a_decoder_follows_its_encoder_and_is_mirrored_by_a_button(visit):
    page = visit("autoencoder?preset=conv-ae", viewport=TALL)
    page.get_by_text("Build", exact=True).first.click()
    page.get_by_role("button", name="code 16 units").click()
    units = page.get_by_role("spinbutton", name="Units")
    units.fill("9")
    units.press("Enter")
    expect(page.locator('[class*="-diagram"] [data-path="decoder:"]')).to_contain_text("9 → 1×28×28")
    page.get_by_role("button", name="Mirror the encoder").click()
    before = page.url
    page.get_by_role("button", name="By upsampling and convolution").click()
    page.wait_for_function("before => location.href !== before", arg=before)  # it is mirrored
    page.locator('[class*="-diagram"] [data-path="decoder:"] .unfold').click()
    expect(page.locator('[class*="-diagram"] [data-path="decoder:up1"]')).to_be_visible()
