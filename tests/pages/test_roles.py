"""Labs with several networks on the table: each is built, counted, trained and looked at, and the others stay."""

import dataclasses

import pytest

from engine.data import DATASETS
from engine.graph import edits
from engine.runs.manage import differences
from engine.runs.store import Store
from engine.tasks import TASKS
from engine.training.experiment import Experiment, load
from engine.training.link import to_link
from engine.training.recipe import Recipe
from engine.views import VIEWS
from tests.engine import goals
from tests.engine import test_fields as fields
from tests.engine import test_handed as handed
from tests.engine import test_parts as parts
from tests.engine import test_roles_seen as halves
from tests.engine import test_sequences as sequences
from tests.pages.test_pages import opened, press
from tests.pages.test_running import home, words

__all__ = ["home"]  # a fixture


@pytest.fixture(autouse=True)
def tasks(monkeypatch):
    monkeypatch.setitem(TASKS._things, "game", parts.Game)
    monkeypatch.setitem(TASKS._things, "halves", halves.Halves)
    monkeypatch.setitem(DATASETS._things, "recall", sequences.Recall)
    for one in (fields.Captions, *goals.SOURCES):
        monkeypatch.setitem(DATASETS._things, one.kind, one)


def game(**recipe):
    return Experiment("game", parts.graphs(), parts.DATA, parts.Game(), Recipe(batch=20, epochs=2.0, **recipe))


def table(side="Build", **query):
    app = opened("labs/playground.py", **query)
    app.segmented_control(key="playground.side").set_value(side).run()
    assert not app.exception
    return app


def now(app):
    return load(app.session_state["playground"]["now"])


def test_each_network_is_edited_for_itself_and_undo_brings_back_either(home):
    app = table(x=to_link(game()))
    assert [one.value for one in app.segmented_control if one.key == "playground.network"] == ["discriminator"]
    press(app, "playground-select-dense1")
    app.number_input(key="playground.dense1.units").set_value(12).run()
    app.segmented_control(key="playground.network").set_value("generator").run()
    press(app, "playground-select-dense1")
    app.number_input(key="playground.dense1.units").set_value(5).run()
    assert not app.exception
    assert {role: graph["dense1"].layer.units for role, graph in now(app).graphs.items()} == {
        "discriminator": 12,
        "generator": 5,
    }
    press(app, "playground-icon-undo")
    assert now(app).graphs["generator"]["dense1"].layer.units == 6
    press(app, "playground-icon-undo")
    assert now(app) == game()
    assert list(now(app).graphs) == list(parts.ROLES)


def test_what_is_wrong_in_the_network_that_is_not_edited_keeps_both_from_training(home):
    app = table(x=to_link(game()))
    app.segmented_control(key="playground.network").set_value("generator").run()
    press(app, "playground-select-dense1")
    app.selectbox(key="playground.add").set_value("conv2d").run()
    app.segmented_control(key="playground.network").set_value("discriminator").run()
    icons = [option.content_icon for option in app.segmented_control(key="playground.network").proto.options]
    assert icons == ["", ":material/error:"]
    app.segmented_control(key="playground.side").set_value("Train").run()
    assert app.button(key="playground-train").disabled
    assert "cannot run yet" in words(app)
    app.segmented_control(key="playground.side").set_value("Build").run()
    press(app, "playground-icon-undo")
    app.segmented_control(key="playground.side").set_value("Train").run()
    assert not app.button(key="playground-train").disabled


def test_weights_are_counted_for_each_network_and_together(home):
    app = table(x=to_link(game()))
    (told,) = (one for one in app.markdown if "multiply-adds" in one.value)
    assert "**71** weights" in told.value
    assert "**discriminator**: 33 weights" in told.proto.help  # 2·8 + 8 and 8 + 1
    assert "**generator**: 38 weights" in told.proto.help  # 3·6 + 6 and 6·2 + 2


def test_a_network_gets_an_optimiser_a_rate_and_a_rhythm_of_its_own(home):
    app = table("Train", x=to_link(game()))
    app.segmented_control(key="playground.own").set_value("generator").run()
    app.number_input(key="playground.recipe.own-generator.interval").set_value(5).run()
    app.selectbox(key="playground.recipe.own-generator.optimiser").set_value("sgd").run()
    assert not app.exception
    assert now(app).recipe.own_of("generator").chosen == {"optimiser": "sgd"}
    assert now(app).recipe.own_of("generator").interval == 5
    assert now(app).recipe.own_of("discriminator").interval == 1
    optimiser = app.selectbox(key="playground.recipe.own-generator.optimiser")
    assert optimiser.options[0] == "as for all"
    optimiser.set_value("as for all").run()
    assert not app.exception
    assert not now(app).recipe.own_of("generator").chosen


def test_what_a_link_locks_of_the_recipe_is_locked_for_each_network_too(home):
    app = table("Train", x=to_link(game()), lock="recipe.rate", hide="recipe.optimiser")
    keys = {one.key for kind in (app.selectbox, app.number_input) for one in kind}
    assert "playground.recipe.own-discriminator.interval" in keys
    assert not {f"playground.recipe.own-discriminator.{name}" for name in ("rate", "optimiser")} & keys
    assert ":material/lock: rate: **none**" in words(app)


def test_every_view_and_every_part_of_the_page_takes_two_networks(home):
    for experiment, page, lab in ((game(), "labs/playground.py", "playground"), (both(), "labs/cnn.py", "cnn")):
        fitting = [kind for kind, view in VIEWS.items() if not view().refusal(experiment)]
        app = opened(page, x=to_link(experiment), board=";".join(fitting))
        for view in ("Layer", "All layers", "Board"):
            app.segmented_control(key=f"{lab}.view").set_value(view).run()
            assert not app.exception
        assert "curves" in fitting
        assert not [one for one in words(app).split() if "Traceback" in one]


@pytest.mark.parametrize("experiment", [sequences.recalling(), fields.captioned()], ids=["sequences", "fields"])
def test_sequences_and_several_inputs_go_through_every_part_of_a_lab(home, experiment):
    app = opened("labs/cnn.py", x=to_link(experiment))
    for view in ("Layer", "All layers", "Board"):
        app.segmented_control(key="cnn.view").set_value(view).run()
        assert not app.exception
    press(app, "cnn-select-out")
    press(app, "cnn-select-words")
    app.segmented_control(key="cnn.side").set_value("Train").run()
    assert not app.exception
    assert not app.button(key="cnn-train").disabled
    fitting = [kind for kind, view in VIEWS.items() if not view().refusal(experiment)]
    assert {"curves", "flow", "confusion", "activations"} <= set(fitting)
    board = opened("labs/cnn.py", x=to_link(experiment), board=";".join(fitting))
    board.segmented_control(key="cnn.view").set_value("Board").run()
    assert not board.exception


@pytest.mark.parametrize("kind", [one.kind for one in goals.SOURCES])
def test_whatever_there_is_to_learn_goes_through_every_part_of_a_lab(home, kind):
    experiment = goals.experiment(kind)
    app = opened("labs/cnn.py", x=to_link(experiment))
    app.segmented_control(key="cnn.side").set_value("Train").run()
    assert not app.exception
    assert not app.button(key="cnn-train").disabled, words(app)
    for control in app.selectbox:
        if control.key == "cnn.what":
            assert control.value == experiment.task.kind
    fitting = [view for view, made in VIEWS.items() if not made().refusal(experiment)]
    board = opened("labs/cnn.py", x=to_link(experiment), board=";".join(fitting))
    board.segmented_control(key="cnn.view").set_value("Board").run()
    assert not board.exception


def test_what_is_handed_on_is_chosen_among_what_there_is(home):
    experiment = dataclasses.replace(handed.experiment(), name="handed")
    app = opened("labs/cnn.py", x=to_link(experiment))
    press(app, "cnn-select-state")
    chosen = app.selectbox(key="cnn.state.what")
    assert (chosen.value, chosen.options) == ("state", ["state"])
    assert not app.exception


def both():
    from engine.graph.chain import chain
    from engine.layers.entry import Input

    graphs = {
        "front": chain(image=Input(sizes=(1, 28, 28)), **halves.FRONT),
        "back": chain(maps=Input(sizes=(4, 13, 13)), **halves.BACK),
    }
    return Experiment("halves", graphs, halves.DATA, halves.Halves())


def test_a_run_of_two_networks_is_trained_from_the_page_and_opened_again(home):
    app = table("Train", x=to_link(game()))
    press(app, "playground-train")
    run = app.session_state["playground"]["run"]
    assert load(Store().run(run)["experiment"]) == game()
    again = opened("labs/playground.py", run=run)
    assert again.session_state["playground"]["run"] == run
    wider = game().of("generator")
    assert dict(differences([game(), other(wider)]))["layer generator:dense1"] == ["Dense 6 units", "Dense 9 units"]
    assert dict(differences([game(), other(wider)]))["weights"] == ["71", str(71 + 3 * 4 + 3 * 2)]


def other(experiment):
    graph = experiment.graphs["generator"]
    wide = edits.replace(graph, "dense1", graph["dense1"].layer.but(units=9))
    return dataclasses.replace(experiment, graphs={**experiment.graphs, "generator": wide})
