"""The RNN lab's own widgets: files that are brought, the duel, facts, and options that come and go."""

import dataclasses
import json
from types import SimpleNamespace

import pytest

from engine.data import DATASETS
from engine.data.places import kept, opened
from engine.graph.chain import chain
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Part
from engine.layers.sequence import LSTM
from engine.live.house import house
from engine.live.reading import StillReading
from engine.presets import PRESETS
from engine.training.experiment import Experiment, load
from engine.training.link import to_link
from pages.ui import files
from pages.ui.task import set_part
from tests.engine.living import end_all
from tests.pages.test_pages import opened as page


@pytest.fixture
def _ended(home):
    yield
    end_all(house().store)


def lab(experiment=None, **query):
    """Open the lab with an experiment, where one trains."""
    return page("labs/rnn.py", **({"x": to_link(experiment)} if experiment else {}), **query)


def now(app):
    return load(app.session_state["rnn"]["now"])


def said(app):
    return " ".join(element.value for kind in (app.error, app.caption, app.toast) for element in kind)


@pytest.mark.parametrize("kind", ["series", "texts", "writing"])
def test_own_data_are_asked_for_where_there_are_none(home, kind):
    app = lab()
    app.selectbox(key="rnn.data").set_value(kind).run()
    assert not app.exception
    assert "No file is chosen yet" in said(app)


def test_columns_of_a_file_are_chosen_by_name(home):
    path = kept(b"day,a,b\n2024-01-01,1,4\n2024-01-02,2,9\n2024-01-03,3,1\n" * 1, ".csv")
    experiment = dataclasses.replace(PRESETS["sines"].experiment(), data=DATASETS["series"](path=path, window=1))
    app = lab(experiment)
    assert "'b' in the order of 'day', by days." in said(app)
    app.selectbox(key="rnn.column.series.value").set_value("a").run()
    app.selectbox(key="rnn.column.series.date").set_value(files.LINES).run()
    assert (now(app).data.value, now(app).data.date) == ("a", "-")
    app.selectbox(key="rnn.column.series.date").set_value(files.AUTOMATIC).run()
    assert now(app).data.date == ""
    assert not app.exception


def test_what_is_brought_is_kept_only_where_it_can_be_read(home):
    series, writing = DATASETS["series"](), DATASETS["writing"]()
    for content, words in ((b"a\0b", "is no text"), (b"a,b\n1\n", "Line 2 of The table")):
        with pytest.raises(Exception, match=words):
            files._holding(series, content)
    assert not (home / "data" / "own").exists()
    held = files._holding(series, b"a,b\n1,2\n3,4\n")
    assert opened(held.path, "file").read_bytes() == b"a,b\n1,2\n3,4\n"
    short = files._holding(writing, b"a short text")
    assert (short.pasted, short.path) == ("a short text", "")
    signs = "".join(chr(0x4E00 + place * 7919 % 20_000) for place in range(7000))
    strange = files._holding(writing, signs.encode())  # whose signs do not pack, so that no link could hold it
    assert strange.pasted == ""
    assert opened(strange.path, "file").read_text(encoding="utf-8") == signs


@pytest.mark.usefixtures("_ended")
def test_a_duel_begins_three_runs_or_none(home, monkeypatch):
    monkeypatch.setattr("engine.live.house.fill", lambda *_: None)
    app = lab(PRESETS["recall-lstm"].experiment())
    app.button(key="rnn.duel.begin").click().run()
    assert not app.exception
    runs = app.session_state["rnn"]["run"], *app.session_state["rnn"]["rivals"]
    names = [json.loads(house().store.run(run)["experiment"])["name"] for run in runs]
    assert names == ["RNN: recall-lstm", "LSTM: recall-lstm", "GRU: recall-lstm"]
    assert now(app).graph["cell"].layer.kind == "rnn"
    monkeypatch.setenv("VITRINE_WAITING", "4")
    before = app.session_state["rnn"]["now"]
    app.button(key="rnn.duel.begin").click().run()
    assert "3 runs cannot begin at once now" in said(app)
    assert app.session_state["rnn"]["now"] == before


def test_networks_that_hand_state_on_have_a_duel_too(home):
    nodes = {
        "series": Input(sizes=(40, 1)),
        "lstm1": LSTM(units=4),
        "state": (Part(what="state"), "lstm1"),
        "lstm2": (LSTM(units=4), "series", "state"),
    }
    experiment = PRESETS["sines"].experiment()
    graph = chain(**nodes, out=Dense(units=10))
    app = lab(Experiment("hands", {"network": graph}, experiment.data, experiment.task, experiment.recipe))
    assert not app.exception
    assert app.button(key="rnn.duel.begin")


def test_options_stay_while_they_are_what_must_be_changed(home):
    plain = PRESETS["sines-window"].experiment()
    cut = dataclasses.replace(plain, recipe=plain.recipe.but(back=5))
    assert plain.recipe.as_usual("back", "carry") == ("back", "carry")
    assert cut.recipe.as_usual("back", "carry") == ("carry",)
    assert "no recurrent layer that keeps a state" in said(lab(cut))


def test_facts_lead_to_networks_that_show_them(home):
    from pages.ui.facts import OF_MEMORY

    assert all(fact.preset in PRESETS for fact in OF_MEMORY)
    assert all(PRESETS[fact.preset].family == "rnn" for fact in OF_MEMORY)


def test_data_that_are_read_while_the_page_is_drawn_are_known_to_all_of_it(home, monkeypatch):
    path = kept(b"v,w\n" + b"".join(b"0,%d\n" % (place % 9) for place in range(90)), ".csv")
    data = DATASETS["series"](path=path, value="w", window=7)
    past, told = house().hub.past, []
    readings, notes = type(past.reading), type(past).notes
    whole, there = readings.dataset, readings.has

    def slow(self, source, patience=None):
        """Say that it is still read, until what stands above has been drawn."""
        if not told:
            raise StillReading("Reading Your series: 0%.")
        return whole(self, source, 30.0)

    def then(self, source):
        """From here on it is there."""
        told.append(source)
        whole(self.reading, source, 30.0)
        return notes(self, source)

    monkeypatch.setattr(readings, "dataset", slow)
    monkeypatch.setattr(readings, "has", lambda self, source: bool(told) and there(self, source))
    monkeypatch.setattr(type(past), "notes", then)
    app = lab(dataclasses.replace(PRESETS["sines"].experiment(), data=data))
    assert [button for button in app.button if button.key == "rnn-fit"]


def test_a_field_of_the_data_before_changes_nothing_of_those_that_are_there_now(home):
    app = lab(PRESETS["sines"].experiment())
    app.selectbox(key="rnn.data").set_value("series").run()
    assert now(app).data.window == 24
    told = []
    bench = SimpleNamespace(ready=now(app), experiment=now(app), put=told.append)
    set_part(bench, "data", "waves", "window", 40)  # which a slow browser may tell late
    assert told == []
    set_part(bench, "data", "series", "window", 30)
    assert told[0].data.window == 30
