"""Pages with runs: forms of data and recipe, the board, the list of runs and what can be done with them."""

import dataclasses
import json

import pytest

from engine.data import DATASETS
from engine.live.house import House, house, made
from engine.live.visitor import Visitor
from engine.presets import PRESETS
from engine.runs.carry import branch, carry_out, new_run
from engine.runs.launch import CHILDREN
from engine.runs.manage import differences, outcomes
from engine.runs.series import carry_series
from engine.runs.store import Store, folder
from engine.training.experiment import load
from engine.training.recipe import Recipe
from engine.views import VIEWS
from pages.ui import components, table
from pages.ui.workbench import parted
from tests.engine.living import begun, end_all
from tests.pages.test_pages import opened

SHORT = dataclasses.replace(
    PRESETS["mlp-784-100-10"].experiment(), data=DATASETS["digits"](), recipe=Recipe(epochs=2, batch=32)
)


@pytest.fixture
def home(home):
    """Give the app a home of its own, and end what it has started."""
    made.cache_clear()
    yield home
    end_all(house().store)
    for child in CHILDREN:  # workers that were still on their way
        child.kill()
        child.wait()
    CHILDREN.clear()
    made.cache_clear()


def carried(experiment=SHORT, **more):
    store = Store()
    run = new_run(store, experiment, **more)
    for _ in carry_out(store, run):
        pass
    return run


def lab(side="Train", view="Layer", **query):
    app = opened("labs/cnn.py", **query)
    app.segmented_control(key="cnn.side").set_value(side).run()
    app.segmented_control(key="cnn.view").set_value(view).run()
    assert not app.exception
    return app


def now(app):
    return load(app.session_state["cnn"]["now"])


def words(app):
    return " ".join(
        element.value for kind in (app.error, app.warning, app.toast, app.caption, app.info) for element in kind
    )


@pytest.mark.parametrize("page", ["start/home.py", "labs/cnn.py", "models/runs.py"])
def test_pages_open_with_and_without_runs(home, page):
    assert opened(page)
    run = carried()
    app = opened(page, **({"run": run} if "labs" in page else {}))
    assert not app.exception


def test_lenet_is_offered_with_data_that_fits(home):
    app = lab()
    assert app.selectbox(key="cnn.data").value == "digits"
    assert not app.button(key="cnn-train").disabled


def test_other_data_is_refused_with_the_reason_and_the_network_can_be_fitted_to_it(home):
    app = lab()
    app.selectbox(key="cnn.data").set_value("scenes").run()
    assert app.button(key="cnn-train").disabled
    assert "image takes 1×28×28" in words(app)
    app.button(key="cnn-fit").click().run()
    assert not app.exception
    assert not app.button(key="cnn-train").disabled
    assert now(app).graph.inputs["image"].sizes == (3, 32, 32)
    assert now(app).data.kind == "scenes"


def test_data_with_heights_make_the_task_a_regression_and_one_undo_takes_both_back(home, monkeypatch):
    app = opened("labs/playground.py", preset="mlp-2-8-8-1")
    assert app.selectbox(key="playground.what").options == ["Classify"]
    wanted = ["hills"]  # whose picture is clicked
    monkeypatch.setattr(components, "shapes", lambda data, key, shape, anew: wanted and shape(wanted.pop()))
    app.run().run()
    task = app.selectbox(key="playground.what")
    assert (task.value, task.options) == ("regress", ["Regress"])
    assert "no classes" in task.help
    app.selectbox(key="playground.task.loss").set_value("huber").run()
    assert not app.exception
    assert not app.button(key="playground-train").disabled
    experiment = load(app.session_state["playground"]["now"])
    assert (experiment.data.shape, experiment.task.loss) == ("hills", "huber")
    for _ in range(2):
        app.button(key="playground-icon-undo").click().run()
    before = load(app.session_state["playground"]["now"])
    assert (before.data.shape, before.task.kind) == ("xor", "classify")
    assert app.selectbox(key="playground.what").value == "classify"


def test_a_task_may_be_chosen_where_several_are_left(home):
    app = opened("labs/playground.py", preset="perceptron")
    assert app.selectbox(key="playground.what").options == ["Classify", "Perceptron rule"]
    app.selectbox(key="playground.what").set_value("classify").run()
    assert load(app.session_state["playground"]["now"]).task.kind == "classify"
    assert not app.exception


def test_a_table_with_a_number_as_goal_is_learned_by_the_page(home):
    (home / "data").mkdir(parents=True)
    rows = "".join(f"{x},{x * x % 7},{2.5 * x + 1}\n" for x in range(400))
    (home / "data" / "heights.csv").write_text("a,b,height\n" + rows)
    app = lab(preset="mlp-784-100-10")
    app.selectbox(key="cnn.data").set_value("table").run()
    app.text_input(key="cnn.data.table.path").set_value(str(home / "data" / "heights.csv")).run()
    app.selectbox(key="cnn.data.table.goal").set_value("number").run()
    assert app.selectbox(key="cnn.what").value == "regress"
    app.button(key="cnn-fit").click().run()
    assert not app.exception
    assert not app.button(key="cnn-train").disabled
    graph = now(app).graph
    assert (graph.inputs["image"].sizes, graph["out"].layer.units) == ((2,), 1)


def test_every_option_of_the_recipe_can_be_set_by_its_widget(home, unfolded):
    app = lab()
    app.number_input(key="cnn.recipe.rate").set_value(0.02).run()
    app.selectbox(key="cnn.recipe.optimiser").set_value("momentum").run()
    app.selectbox(key="cnn.recipe.batch").set_value("all").run()
    app.selectbox(key="cnn.recipe.folds").set_value("8").run()
    app.toggle(key="cnn.recipe.augment").set_value(True).run()
    app.number_input(key="cnn.recipe.augment.rotation").set_value(12.0).run()
    app.multiselect(key="cnn.recipe.frozen").set_value(["conv1"]).run()
    app.text_input(key="cnn.task.class_weights").set_value("1, 2, 0.5").run()
    assert not app.exception
    recipe = now(app).recipe
    assert (recipe.rate, recipe.optimiser, recipe.batch, recipe.folds) == (0.02, "momentum", "all", 8)
    assert (recipe.augment.rotation, recipe.frozen) == (12.0, ("conv1",))
    assert now(app).task.class_weights == (1.0, 2.0, 0.5)
    app.toggle(key="cnn.recipe.augment").set_value(False).run()
    app.selectbox(key="cnn.recipe.folds").set_value("none").run()
    assert (now(app).recipe.augment, now(app).recipe.folds) == (None, None)
    app.button(key="cnn-icon-undo").click().run()
    assert now(app).recipe.folds == 8


def test_training_begins_a_run_that_the_page_holds_on_to(home):
    app = lab()
    app.number_input(key="cnn.recipe.epochs").set_value(1.0).run()
    app.button(key="cnn-train").click().run()
    assert not app.exception
    run = app.session_state["cnn"]["run"]
    assert load(Store().run(run)["experiment"]).recipe.epochs == 1.0
    assert app.session_state["cnn.view"] == "Board"
    assert app.button(key="cnn-train").label == "Train anew"


def test_a_board_has_panels_that_come_go_and_change(home):
    app = lab(view="Board")
    kinds = [panel["view"]["kind"] for panel in app.session_state["cnn"]["board"]]
    assert kinds == ["feature-maps", "class-activation", "curves", "flow", "predictions", "confusion"]
    app.button(key="cnn-icon-remove-2").click().run()
    app.selectbox(key="cnn.add.view").set_value("histograms").run()
    panels = app.session_state["cnn"]["board"]
    assert [panel["view"]["kind"] for panel in panels] == ["histograms", kinds[0], *kinds[2:]]
    assert len({panel["key"] for panel in panels}) == 6
    app.session_state[f"cnn-icon-options-{panels[0]['key']}"] = True
    app.run()
    key = f"cnn.panel.{panels[0]['key']}"
    app.selectbox(key=f"{key}.of").set_value("gradients").run()
    app.selectbox(key=f"{key}.node").set_value("conv2").run()
    assert not app.exception
    assert app.session_state["cnn"]["board"][0]["view"] == {"kind": "histograms", "of": "gradients", "node": "conv2"}


def test_a_link_keeps_boards_with_lists_and_signs_of_any_kind():
    views = [
        {"kind": "class-activation", "methods": ["CAM", "Score-CAM"], "strength": 0.25},
        {"kind": "feature-maps", "sample": "test 3", "off": ["conv1:2", "conv2"]},
        {"kind": "histograms", "node": "a;curves,b"},
        {"kind": "confusion", "split": "test"},
        {"kind": "curves"},
    ]
    board = [{"key": str(place), "view": view} for place, view in enumerate(views, 1)]
    assert table._board(table.written(board, ()), ()) == board
    for nonsense in ("x:{", "curves:{]", "curves:[1]", ";;:;", 'feature-maps:{"sample":[1]}'):
        assert table._board(nonsense, ("curves",))


@pytest.mark.parametrize("kind", [kind for kind in VIEWS if kind != "colours"])
def test_every_view_has_a_form(home, kind):
    app = lab(view="Board", board=kind)
    app.session_state["cnn-icon-options-1"] = True
    app.run()
    assert not app.exception


@pytest.mark.parametrize(
    "query", [{"board": "x;curves:smoothing=9;flow:quantity=1"}, {"run": "nobody"}, {"board": ";" * 99}]
)
def test_links_that_hold_nonsense_open_all_the_same(home, query):
    app = lab(view="Board", **query)
    assert not app.exception
    if "run" in query:
        assert "There is no run" in " ".join(e.value for e in opened("labs/cnn.py", **query).error)


def test_a_link_holds_run_and_board(home):
    run = carried()
    app = lab(view="Board", run=run, board="confusion:split=test;curves")
    state = app.session_state["cnn"]
    assert state["run"] == run
    assert [panel["view"] for panel in state["board"]] == [{"kind": "confusion", "split": "test"}, {"kind": "curves"}]
    assert now(app).graphs == SHORT.graphs


def test_the_list_of_runs_tells_of_each_and_finds_them(home):
    first = carried()
    carried(dataclasses.replace(SHORT, name="other"))
    child = branch(Store(), first, 10**9, SHORT)
    app = opened("models/runs.py")
    table = app.dataframe[0].value
    assert set(table["run"]) >= {first, child}
    assert table.set_index("run").loc[child, "parent"].startswith(first)
    app.text_input[0].set_value("other").run()
    assert list(app.dataframe[0].value["name"]) == ["other"]
    app.text_input[0].set_value("nothing like this").run()
    assert "No run is like that" in words(app)


def test_a_house_begins_branches_and_goes_on(home):
    inside = House()
    run = carried()
    child = inside.branch(run, 10**9, dataclasses.replace(SHORT, recipe=Recipe(epochs=4, batch=32)))
    assert inside.store.run(child)["minded"] == 0
    assert (folder(child) / "beginning.pt").exists()


def test_a_run_that_learns_gets_the_rate_of_one_layer_from_the_page(home):
    store = Store()
    run = begun(store, dataclasses.replace(SHORT, recipe=Recipe(epochs=100_000, batch=16)))
    app = lab(run=run)
    app.selectbox(key="cnn.way.node").set_value("out").run()
    app.number_input(key="cnn.way.factor").set_value(0.5).run()
    app.button(key="cnn.way.rate").click().run()
    assert not app.exception
    app.number_input(key="cnn.recipe.rate").set_value(0.03).run()
    assert store.run(run)["rate"] == 0.03
    said = [line["words"] for line in store.diary(run)]
    assert {"set out.rate = 0.5", "set rate = 0.03"} <= set(said)
    app.number_input(key="cnn.recipe.seed").set_value(7).run()
    assert [line["words"] for line in store.diary(run)] == said, "a seed cannot change on the way"


def test_what_a_run_refuses_is_said_at_the_field_which_shows_its_old_value(home):
    run = begun(Store(), dataclasses.replace(SHORT, recipe=Recipe(epochs=100_000, batch=16)))
    app = lab(run=run)
    before = now(app)
    app.number_input(key="cnn.recipe.epochs").set_value(1e-4).run()
    assert "epochs are done already" in words(app)
    assert run not in words(app)
    assert (now(app), app.number_input(key="cnn.recipe.epochs").value) == (before, 100_000)
    app.selectbox(key="cnn.recipe.batch").set_value("32").run()
    assert now(app).recipe.batch == 32
    assert "epochs are done already" not in words(app)


def test_only_what_the_optimiser_has_is_offered_while_a_run_learns(home, unfolded):
    run = begun(Store(), dataclasses.replace(SHORT, recipe=Recipe(epochs=100_000, optimiser="sgd")))
    app = lab(run=run)
    assert app.number_input(key="cnn.recipe.rate").label == "Rate ⚡"
    assert app.number_input(key="cnn.recipe.momentum").label == "Momentum"


def test_a_table_that_is_no_longer_the_run_is_told_by_its_parts():
    assert parted(SHORT, dataclasses.replace(SHORT, name="x", recipe=Recipe(rate=1.0))) == ""
    other = dataclasses.replace(PRESETS["lenet-5"].experiment(), data=DATASETS["glyphs"]())
    assert parted(SHORT, dataclasses.replace(SHORT, graphs=other.graphs)) == "network"
    assert parted(SHORT, other) == "network and data"


def test_a_run_that_is_opened_again_opens_where_one_trains(home):
    app = opened("labs/cnn.py", run=carried())
    assert (app.session_state["cnn.side"], app.session_state["cnn.view"]) == ("Train", "Board")


def test_what_sets_runs_apart_is_told_and_what_is_the_same_is_not(home):
    runs = [carried(), carried(dataclasses.replace(SHORT, recipe=Recipe(epochs=1, batch=64)))]
    rows = [Store().run(run) for run in runs]
    apart = dict([*outcomes(Store(), rows), *differences([load(row["experiment"]) for row in rows])])
    assert apart["recipe: batch"] == ["32", "64"]
    assert "train loss" in apart
    assert "weights" not in apart
    assert set(opened("models/runs.py").dataframe[0].value["data"]) == {"Digits"}


def test_a_teachers_link_hides_and_locks(home):
    veiled = {"hide": "build,presets,recipe.decay,data.noise", "lock": "recipe.rate,recipe.batch"}
    app = opened("labs/playground.py", **veiled)
    keys = {
        widget.key for kind in (app.number_input, app.selectbox, app.segmented_control, app.slider) for widget in kind
    }
    assert "playground.side" not in keys
    assert "playground.preset" not in keys
    assert not {"playground.recipe.decay", "playground.data.points.noise", "playground.recipe.rate"} & keys
    assert {"playground.recipe.epochs", "playground.data.points.number"} <= keys
    assert ":material/lock: rate: **0.03**" in words(app)
    app.number_input(key="playground.recipe.epochs").set_value(3.0).run()
    assert "playground.recipe.decay" not in {widget.key for widget in app.number_input}


@pytest.mark.parametrize("hide", ["data", "recipe", "task", "board", "files", "nonsense," * 99])
def test_any_part_may_be_hidden(home, hide):
    app = opened("labs/playground.py", hide=hide)
    assert not app.exception
    assert ("playground.data" in {widget.key for widget in app.selectbox}) == (hide != "data")


def test_own_points_and_their_classes(home):
    app = opened("labs/playground.py")
    app.selectbox(key="playground.data").set_value("own-points").run()
    assert "There are 0 points: at least 4 are needed." in words(app)
    app.selectbox(key="playground.own.kind").set_value("3 classes").run()
    app.session_state["playground.own.table"] = True
    assert not app.exception
    assert len(load(app.session_state["playground"]["now"]).data.classes) == 3
    app.selectbox(key="playground.own.kind").set_value("a height").run()
    assert load(app.session_state["playground"]["now"]).data.classes == ()


def test_up_to_three_runs_race_on_one_board(home, monkeypatch):
    monkeypatch.setenv("VITRINE_RUNS", "0")  # they wait for their turn
    app = opened("labs/playground.py")
    app.button(key="playground-train").click().run()
    assert app.button(key="playground.rival.begin").disabled  # the same again is no race
    for rivals in (1, 2, 2):
        app.number_input(key="playground.rival.rate").set_value(0.1 * (1 + rivals)).run()
        app.button(key="playground.rival.begin").click().run()
        assert not app.exception
        assert len(app.session_state["playground"]["rivals"]) == rivals
    runs = [app.session_state["playground"]["run"], *app.session_state["playground"]["rivals"]]
    assert len(set(runs)) == 3
    rows = [house().store.run(run) for run in runs]
    assert [load(row["experiment"]).recipe.rate for row in rows] == pytest.approx([0.3, 0.3, 0.2])
    assert rows[-1]["name"].startswith("rate 0.2: ")
    assert load(app.session_state["playground"]["now"]).recipe.rate == 0.03  # what is on the table stays
    other = opened("labs/playground.py", run=",".join(runs))
    assert other.session_state["playground"]["rivals"] == runs[1:]
    app.button(key="playground-alone").click().run()
    assert app.session_state["playground"]["rivals"] == []
    assert not app.exception


def test_a_sweep_is_chosen_under_more_and_its_errors_stand_on_the_board(home, unfolded):
    app = opened("labs/playground.py")
    app.toggle(key="playground.recipe.sweep").set_value(True).run()
    app.selectbox(key="playground.recipe.sweep.vary").set_value("noise").run()
    app.text_input(key="playground.recipe.sweep.values").set_value("0, 3").run()
    assert "noise must be at most 1" in words(app)
    assert app.button(key="playground-train").disabled
    app.text_input(key="playground.recipe.sweep.values").set_value("0, 0.3").run()
    app.button(key="playground-train").click().run()
    assert not app.exception
    assert any("Folds and sweep" in one.value for one in app.markdown)
    row = house().store.runs()[-1]
    assert load(house().store.run(row["run"])["experiment"]).recipe.sweep.values == (0.0, 0.3)


def test_parts_of_a_series_are_listed_only_when_asked_for(home):
    store = Store()
    run = new_run(store, dataclasses.replace(SHORT, recipe=Recipe(epochs=1, batch=32, folds=2)))
    for _ in carry_series(store, run):
        pass
    app = opened("models/runs.py")
    rows = app.dataframe[0].value
    mean = json.loads(store.run(run)["result"])["metrics"]["validation"]["accuracy"]
    assert (len(rows), rows["note"][0], rows["device"][0]) == (1, "cross-validation", "cpu")
    assert rows["accuracy"][0] == pytest.approx(100 * mean)
    app.toggle(key="runs.parts").set_value(True).run()
    assert len(app.dataframe[0].value) == 3


def test_a_link_that_hides_the_recipe_leaves_the_task(home):
    app = opened("labs/playground.py", hide="recipe")
    keys = {widget.key for widget in (*app.number_input, *app.selectbox, *app.toggle, *app.slider)}
    assert "playground.task.smoothing" in keys
    assert not {key for key in keys if key and key.startswith("playground.recipe.")}


def test_what_another_page_has_set_of_a_run_is_shown(home):
    experiment = PRESETS["mlp-2-8-8-1"].experiment()
    run = new_run(house().store, experiment, status="running")
    changed = experiment.recipe.but(rate=0.5, batch=20)
    house().store.update(run, changed=json.dumps(changed.write()))
    app = opened("labs/playground.py", run=run)
    assert app.number_input(key="playground.recipe.rate").value == 0.5
    assert app.selectbox(key="playground.recipe.batch").value == "20"
    house().store.update(run, status="stopped")


def test_a_guest_looks_at_anothers_run_and_changes_only_the_own_table(home, monkeypatch):
    run = new_run(house().store, PRESETS["mlp-2-8-8-1"].experiment(), status="running")
    monkeypatch.setattr("pages.ui.train.visitor", lambda: Visitor("guest", "a1", "Ada"))
    app = opened("labs/playground.py", run=run)
    app.number_input(key="playground.recipe.rate").set_value(0.7).run()
    assert not app.exception
    assert load(app.session_state["playground"]["now"]).recipe.rate == 0.7
    assert "somebody else" not in words(app)
    assert house().store.run(run)["changed"] is None
    house().store.update(run, status="stopped")
