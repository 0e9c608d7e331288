"""Start: its cards, and what its search knows, lead to pages that show what was promised."""

from urllib.parse import parse_qsl

import pytest

from engine.layers import LAYERS
from engine.presets import PRESETS
from engine.views import VIEWS
from pages.ui import components, table
from pages.ui.finding import index, place
from pages.ui.labs import LABS, of_preset
from pages.ui.panels import Panels
from tests.pages.test_pages import opened
from tests.pages.test_running import home

__all__ = ["home"]  # a fixture
KEYS = {lab.key: lab for lab in LABS}


def query(href):
    page, _, rest = href.partition("?")
    return KEYS[page], dict(parse_qsl(rest))


def test_every_preset_view_layer_and_lesson_is_found():
    kinds = {
        kind: [one["title"] for one in index() if one["kind"] == kind]
        for kind in ("network", "view", "layer", "lesson")
    }
    assert len(kinds["network"]) == len(PRESETS)
    assert set(kinds["lesson"]) == {fact.title for lab in LABS for fact in lab.facts}
    assert {"Long short-term memory", "LSTM"} & set(kinds["layer"])
    assert len(kinds["layer"]) > len(LAYERS) - 10
    assert set(kinds["view"]) == {view.title for kind, view in VIEWS.items() if kind not in table.HIDDEN}


@pytest.mark.parametrize("one", [one for one in index() if one["kind"] == "view"], ids=lambda one: one["title"])
def test_a_view_is_opened_where_it_can_be_seen(one):
    lab, asked = query(one["href"])
    kind = asked["board"].split(";")[0]
    assert VIEWS[kind].title == one["title"]
    experiment = PRESETS[asked["preset"]].experiment()
    assert of_preset(PRESETS[asked["preset"]]) == lab
    board = table._board(asked["board"], ())
    assert board[0]["view"] == {"kind": kind}
    special = kind in ("augmentation", "spread")  # of recipes that no preset has: their panels say what to do
    assert experiment.data is None or bool(VIEWS[kind]().refusal(experiment)) == special


@pytest.mark.parametrize("one", [one for one in index() if one["kind"] == "layer"][::9], ids=lambda one: one["title"])
def test_a_layer_is_opened_in_a_network_that_has_it_or_in_an_empty_one(one):
    lab, asked = query(one["href"])
    app = opened(f"labs/{lab.key}.py", **asked)
    role, _, layer = asked.get("layer", "").rpartition(":")
    assert app.session_state[lab.key]["selected"] == layer
    assert app.session_state[lab.key]["role"] == (role or next(iter(PRESETS[asked["preset"]].graphs)))
    if "layer" in asked:
        assert app.segmented_control(key=f"{lab.key}.view").value == "Layer"
    else:
        assert asked["preset"] == "blank"


def test_only_kinds_that_no_network_has_lead_to_an_empty_lab():
    used = {
        graph[path].layer.kind
        for preset in PRESETS.values()
        for graph in preset.graphs.values()
        for path in graph.paths()
    }
    unused = {layer.title for kind, layer in LAYERS.items() if kind not in used}
    for one in (one for one in index() if one["kind"] == "layer"):
        assert ("layer=" in one["href"]) == (one["title"] not in unused), one["title"]


def test_cards_lead_to_their_labs_and_the_empty_one_comes_last(home, monkeypatch):
    told = []
    monkeypatch.setattr(components, "start", lambda data, *rest: told.append(data))
    opened("start/home.py")
    labs = told[-1]["labs"]
    assert [card["key"] for card in labs] == [lab.key for lab in LABS]
    assert all(PRESETS[query(card["href"])[1]["preset"]] for card in labs)
    assert labs[1]["presets"][-1]["title"] == "Blank"
    assert sum(len(card["presets"]) for card in labs) == len(PRESETS)
    assert told[-1]["recent"] == []


@pytest.mark.parametrize("href", ["https://example.org", "../x", "javascript:alert(1)", "cnn/../../x"])
def test_a_link_leads_nowhere_else(home, monkeypatch, href):
    wanted = [href]
    monkeypatch.setattr(components, "start", lambda data, key, follow, asked: wanted and follow(wanted.pop()))
    app = opened("start/home.py").run()
    assert not app.exception
    assert "There is no page" in app.error[0].value


def test_a_link_leads_to_a_lab_with_what_it_asks_for(home, monkeypatch):
    wanted = [place("rnn", preset="adding-lstm")]
    monkeypatch.setattr(components, "start", lambda data, key, follow, asked: wanted and follow(wanted.pop()))
    app = opened("start/home.py").run()
    assert not app.exception
    assert table.load(app.session_state["rnn"]["now"]).name == "adding-lstm"


def test_panels_are_moved_and_sized_and_a_link_keeps_that():
    state = {"board": table._board("curves;flow;confusion@12x2", ())}
    panels = Panels(state)
    assert panels.all[2]["size"] == {"wide": 12, "rows": 2.0}
    panels.arrange({"panel": "3", "to": "1"})
    assert [panel["key"] for panel in panels.all] == ["3", "1", "2"]
    panels.arrange({"panel": "1", "size": {"wide": 40, "rows": 1.26}})
    assert panels.all[1]["size"] == {"wide": 12, "rows": 1.5}
    words = table.written(panels.all, ())
    assert words == "confusion@12x2;curves@12x1.5;flow"
    assert [panel.get("size") for panel in table._board(words, ())] == [
        {"wide": 12, "rows": 2.0},
        {"wide": 12, "rows": 1.5},
        None,
    ]
    for nonsense in (
        None,
        {"panel": 1},
        {"panel": "9", "to": "1"},
        {"panel": "1", "size": {"wide": "a", "rows": None}},
    ):
        before = list(panels.all)
        panels.arrange(nonsense)
        assert panels.all == before
    for nonsense in ("curves@99x99", "curves@x", "curves@0x0", "curves@-1x2"):
        assert all(panel.get("size", {"wide": 12})["wide"] <= 12 for panel in table._board(nonsense, ("flow",)))
