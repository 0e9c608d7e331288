"""Open doors: names of strangers in every place a name can stand, and an app that a class can reach."""

import dataclasses
import io
import json
import re
import zipfile
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from engine.data import DATASETS
from engine.presets import PRESETS
from engine.runs.carry import carry_out, new_run
from engine.runs.manage import annotate, rename
from engine.training.experiment import dump, load
from engine.training.link import to_link
from engine.training.recipe import Recipe
from engine.views import VIEWS
from pages.ui.table import HIDDEN
from tests.serving import PATIENCE, served

SCRIPT = "<img src=x onerror=document.title=7>"  # 37 signs: fits wherever a name does
MARKED = '<a href="%">![a](//e.test/x)$\\q$[/]:red[b]'[:40]
CLASSES = (SCRIPT, MARKED)
LONG = f'{SCRIPT}![a](http://e.test/p.png)"""[/]'


def points(**more):
    rows = [[x / 5, y / 5, (x + y) % 2] for x in range(-5, 5) for y in range(-5, 5)]
    data = DATASETS["own-points"](rows=rows, classes=CLASSES, names=(SCRIPT[:40], MARKED[:40]), validation=0.3)
    recipe = Recipe(epochs=3.0, **more)
    return dataclasses.replace(PRESETS["mlp-2-8-8-1"].experiment(), name=LONG[:80], data=data, recipe=recipe)


def pictures(home):
    """Lay a zip of pictures of two classes with strange names under the home folder's data."""
    (home / "data").mkdir(exist_ok=True)
    path = home / "data" / "strange.zip"
    generator = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for label, value in zip((SCRIPT, 'a "b" $x$ <b>&amp;%{y}'), (60, 190), strict=True):
            for number in range(20):
                file = io.BytesIO()
                dots = generator.integers(value - 40, value + 40, (28, 28), dtype=np.uint8)
                Image.fromarray(dots).save(file, "png")
                archive.writestr(f"{label}/{number}{SCRIPT}.png", file.getvalue())
    return str(path)


class Watch:
    """Fails where a page asks elsewhere, runs a script of a name, or is kept from one."""

    def __init__(self, page, address):
        self.page, self.wrong = page, []
        page.on("dialog", lambda dialog: self.wrong.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: self.asked(request.url, address))
        page.on("console", lambda said: "Content Security" in said.text and self.wrong.append(said.text))

    def asked(self, url, address):
        if not url.startswith((address, address.replace("http", "ws", 1), "data:", "blob:")):
            self.wrong.append(url)

    def check(self):
        assert self.page.title() != "7"
        assert self.wrong == []


def drawn(page, number):
    """Wait until each panel has drawn, or has said why it cannot."""
    panels = page.get_by_test_id("figure")
    expect(panels).to_have_count(number)
    for place in range(number):
        panels.nth(place).scroll_into_view_if_needed()
        page.wait_for_function(
            "(place) => Number(document.querySelectorAll('[data-testid=figure]')[place].dataset.drawn) > 0", arg=place
        )


def fitting(experiment, without=(*HIDDEN, "neurons")):
    return [kind for kind, view in VIEWS.items() if kind not in without and not view().refusal(experiment)]


def shown(page, words):
    """Wait until words stand on the page as they are, joiners left out: a page comes piece by piece."""
    page.wait_for_function("(words) => document.body.innerText.replaceAll('\u2060', '').includes(words)", arg=words)


@pytest.fixture
def finished(runs, home, monkeypatch):
    """Return a function that learns an experiment whose every name is strange; returns the run."""
    monkeypatch.setenv("VITRINE_HOME", str(home))

    def learned(experiment):
        run = new_run(runs, experiment)
        for _ in carry_out(runs, run):
            pass
        rename(runs, run, LONG[:80])
        annotate(runs, run, LONG)
        runs.note(run, 1, f"set {LONG} = 1 was refused: {LONG}")
        runs.update(run, error=LONG)
        return run

    return learned


def test_strange_names_are_words_in_every_view_of_points(visit, address, finished):
    experiment = points()
    run, kinds = finished(experiment), fitting(experiment)
    page = visit("playground")
    watch = Watch(page, address)
    for source in (f"run={run}", f"x={to_link(experiment)}"):
        for at in range(0, len(kinds), 6):
            some = kinds[at : at + 6]
            page.goto(f"{address}/playground?{source}&board={quote(';'.join(some))}")
            drawn(page, len(some))
            watch.check()
    page.goto(f"{address}/playground?run={run}&board={quote('by-hand:stage=3')}")
    expect(page.locator(".written b")).to_contain_text(re.compile("|".join(map(re.escape, CLASSES))))
    watch.check()


def test_strange_names_are_words_in_every_view_of_pictures(visit, address, finished, home):
    data = DATASETS["images"](path=pictures(home), size=28, colour="grey", validation=0.2)
    lenet = PRESETS["lenet-5"].experiment()
    graph = json.loads(dump(lenet))
    graph["graphs"]["network"]["nodes"][-1]["units"] = 2
    experiment = dataclasses.replace(
        load(json.dumps(graph)), name=LONG[:80], data=data, recipe=Recipe(epochs=2.0, batch=8)
    )
    run, kinds = finished(experiment), fitting(experiment)
    page = visit("cnn")
    watch = Watch(page, address)
    for at in range(0, len(kinds), 6):
        some = kinds[at : at + 6]
        page.goto(f"{address}/cnn?run={run}&board={quote(';'.join(some))}")
        drawn(page, len(some))
        watch.check()
    page.goto(f"{address}/cnn?run={run}&board=confusion")
    drawn(page, 1)
    expect(page.get_by_test_id("picker")).to_contain_text(SCRIPT)
    shown(page, SCRIPT)
    watch.check()


def test_strange_names_are_words_on_every_page(visit, address, finished):
    run = finished(points())
    strange = points(frozen=(SCRIPT,))
    page = visit("")
    watch = Watch(page, address)
    page.goto(f"{address}/")
    expect(page.get_by_test_id("start")).to_contain_text("Go on with")
    expect(page.get_by_test_id("start")).to_contain_text(LONG[:60])
    watch.check()
    for wanted in (
        f"playground?run={quote(LONG)}",
        f"cnn?preset={quote(LONG[:60])}",
        f"playground?x={to_link(strange)}",
        f"playground?x={to_link(strange)}&lock=recipe,data&hide={quote(LONG)}",
        f"playground?run={run},{quote(SCRIPT)}",
        f"playground?looks={quote(json.dumps({'sample': LONG, 'node': SCRIPT}))}",
        f"playground?board={quote('histograms:' + json.dumps({'node': SCRIPT}))}",
    ):
        page.goto(f"{address}/{wanted}")
        page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
        expect(page.get_by_test_id("diagram").locator("svg").first).to_be_visible()
        watch.check()
    page.goto(f"{address}/playground?x={to_link(strange)}")
    page.get_by_role("combobox", name="Colour by").click()
    page.get_by_role("option", name="gradient norm").click()
    expect(page.get_by_test_id("legend")).to_contain_text("onerror")
    watch.check()


def test_a_runs_strange_name_note_and_diary_are_words(visit, address, finished):
    run = finished(points())
    page = visit("runs")
    watch = Watch(page, address)
    page.goto(f"{address}/runs")
    search = page.get_by_role("textbox", name="Search")
    search.fill(run)
    search.press("Enter")
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_be_visible()
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_timeout(800)  # the table is painted on a canvas, which tells nothing of being ready
    box = table.bounding_box()
    page.mouse.click(box["x"] + 18, box["y"] + 52)
    expect(page.get_by_text("Diary")).to_be_visible()
    said = page.get_by_test_id("stTable").inner_text().replace("\u2060", "")
    assert f"set {SCRIPT}![a](http" in said, said
    watch.check()


# -- a class ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """Serve an app that others can reach; yield its address and its invitations."""
    home = tmp_path_factory.mktemp("school")
    with served(home, host="0.0.0.0", VITRINE_SPARE="0") as (address, _):
        yield address, json.loads((home / "keys.json").read_text())


def test_a_class_signs_in_trains_its_own_and_the_teacher_sees_all(school, chromium):
    address, words = school

    def comes(role, name="", path=""):
        page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{address}/{path}")
        expect(page.get_by_text("open to those who were invited")).to_be_visible()
        page.get_by_label("The word").fill(words[role])
        page.get_by_label("Your name").fill(name)
        page.get_by_role("button", name="Come in").click()
        return page

    lasting = PRESETS["mlp-2-8-8-1"].experiment()
    lasting = dataclasses.replace(lasting, recipe=lasting.recipe.but(epochs=None))
    ada = comes("guest", "Ada", f"playground?x={to_link(lasting)}")
    assert "token" not in ada.url
    ada.get_by_role("button", name="Train", exact=True).click()
    expect(ada.get_by_test_id("status")).to_have_text("learns")
    run = ada.url.split("run=")[1].split("&")[0]

    bob = comes("guest", "Bob", f"playground?run={run}")
    expect(bob.get_by_test_id("status")).to_have_text("learns")
    bob.get_by_role("button", name="Pause (space)").click()
    expect(bob.get_by_test_id("transport")).to_contain_text("somebody else's")
    bob.goto(f"{address}/runs")
    expect(bob.get_by_text("Nothing has been trained yet")).to_be_visible()

    eve = comes("looker", path=f"playground?run={run}")
    expect(eve.get_by_test_id("status")).to_have_text("learns")
    expect(eve.get_by_text("You came by a link that only lets you look.")).to_be_visible()
    expect(eve.get_by_role("button", name="Train anew")).to_be_disabled()

    teacher = comes("host", path=f"playground?run={run}")
    teacher.get_by_role("button", name="Pause (space)").click()
    expect(ada.get_by_test_id("status")).to_have_text("paused")
    ada.get_by_role("button", name="Stop", exact=True).click()
    expect(teacher.get_by_test_id("status")).to_have_text("stopped")
    for page in (ada, bob, eve, teacher):
        page.context.close()
