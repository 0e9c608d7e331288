"""Every page opens through the frame, and the lab's widgets do what they say."""

import dataclasses
import warnings
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.graph import edits
from engine.graph.graph import Graph, Node
from engine.graph.trace import trace
from engine.layers.activation import ReLU
from engine.layers.entry import Input
from engine.presets import PRESETS
from engine.training.experiment import Experiment, load
from engine.training.link import to_link
from tests.engine.test_document import HOSTILE

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["start/home.py", "labs/cnn.py"]


def opened(page="labs/cnn.py", **query):
    app = AppTest.from_file(ROOT / "pages" / "index.py", default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Streamlit's own
        app.run()
        if page != PAGES[0]:
            app.switch_page(page)
            app.run()
    assert not app.exception
    return app


def experiment(app):
    return load(app.session_state["cnn"]["now"])


def graph(app):
    return experiment(app).graph


def press(app, key):
    app.button(key=key).click().run()
    assert not app.exception
    return app


def words(app):
    refused = [element.value for element in app.caption if element.value.startswith(":red[")]
    return refused + [element.value for kind in (app.error, app.warning, app.toast) for element in kind]


@pytest.mark.parametrize("page", PAGES)
def test_pages_open(page):
    assert opened(page)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_opens_by_its_address(name):
    assert graph(opened(preset=name)) == PRESETS[name].experiment().graph


def test_an_option_changes_the_network_and_undo_takes_it_back():
    app = press(opened(), "cnn-select-conv1")
    app.number_input(key="cnn.conv1.channels").set_value(8).run()
    assert graph(app)["conv1"].layer.channels == 8
    press(app, "cnn-icon-undo")
    assert graph(app) == PRESETS["lenet-5"].make()
    assert app.number_input(key="cnn.conv1.channels").value == 6
    press(app, "cnn-icon-redo")
    assert graph(app)["conv1"].layer.channels == 8


def test_two_options_changed_before_the_page_has_run_again_both_count(unfolded):
    app = press(opened(), "cnn-select-conv1")
    app.number_input(key="cnn.conv1.channels").set_value(8)
    app.number_input(key="cnn.conv1.kernel").set_value(3)
    app.run()
    assert (graph(app)["conv1"].layer.channels, graph(app)["conv1"].layer.kernel) == (8, 3)
    app.toggle(key="cnn.conv1.kernel.apart").set_value(True).run()
    app.number_input(key="cnn.conv1.kernel.height").set_value(5)
    app.number_input(key="cnn.conv1.kernel.width").set_value(7)
    app.run()
    assert graph(app)["conv1"].layer.kernel == (5, 7)


def test_a_mistake_is_told_at_its_layer_while_the_last_sound_network_stays():
    app = press(opened(), "cnn-select-conv2")
    app.number_input(key="cnn.conv2.kernel").set_value(15).run()
    assert any("conv2 needs room for a 15×15 kernel but receives 14×14 from pool1" in text for text in words(app))
    assert "61,706" in " ".join(m.value for m in app.markdown)
    app.number_input(key="cnn.conv2.kernel").set_value(3).run()
    assert words(app) == []


def test_layers_are_added_behind_the_selected_one_moved_copied_and_removed():
    app = press(opened(), "cnn-select-pool1")
    app.selectbox(key="cnn.add").set_value("dropout").run()
    assert graph(app)["conv2"].inputs == ("drop1",)
    assert app.session_state["cnn"]["selected"] == "drop1"
    press(app, "cnn-icon-arrow_upward")
    assert graph(app)["drop1"].inputs == ("tanh1",)
    press(app, "cnn-icon-arrow_downward")
    assert graph(app)["drop1"].inputs == ("pool1",)
    press(app, "cnn-icon-content_copy")
    assert graph(app)["drop2"].inputs == ("drop1",)
    press(app, "cnn-icon-delete")
    assert "drop1" not in graph(app)
    assert graph(app)["drop2"].inputs == ("pool1",)


def test_a_shortcut_is_connected_by_hand():
    app = press(opened(), "cnn-select-tanh1")
    app.selectbox(key="cnn.add").set_value("add").run()
    assert any("add1 needs at least 2 inputs but receives one input" in text for text in words(app))
    app.selectbox(key="cnn.add1.from1").set_value("conv1").run()
    assert graph(app)["add1"].inputs == ("tanh1", "conv1")
    assert words(app) == []
    app.selectbox(key="cnn.add1.from1").set_value("").run()
    assert graph(app)["add1"].inputs == ("tanh1",)


def test_sources_that_would_make_a_circle_are_not_offered():
    app = press(opened(), "cnn-select-conv1")
    assert app.selectbox(key="cnn.conv1.from0").options == ["nothing", "image"]


def test_layers_are_renamed_and_grouped_and_ungrouped():
    app = press(opened(), "cnn-select-conv1")
    app.text_input(key="cnn.conv1.id").set_value("edges").run()
    assert graph(app)["tanh1"].inputs == ("edges",)
    app.multiselect(key="cnn.edges.group").set_value(["edges", "tanh1"]).run()
    app.text_input(key="cnn.edges.group.as").set_value("Eye").run()
    press(app, "cnn.edges.group.do")
    assert graph(app)["eye"].layer.name == "Eye"
    press(app, "cnn-icon-fold-eye")
    press(app, "cnn-select-eye.edges")
    assert app.number_input(key="cnn.eye.edges.channels").value == 6
    press(app, "cnn-select-eye")
    app.number_input(key="cnn.eye.repeat").set_value(2).run()
    assert graph(app)["eye"].layer.repeat == 2
    press(app, "cnn-icon-undo")
    press(app, "cnn-icon-grid_off")
    assert "edges" in graph(app)


@pytest.mark.parametrize(("typed", "padding"), [("same", "same"), ("valid", "valid"), ("3", 3)])
def test_padding_takes_words_and_typed_numbers(typed, padding):
    app = press(opened(), "cnn-select-conv1")
    app.selectbox(key="cnn.conv1.padding").set_value(typed).run()
    assert graph(app)["conv1"].layer.padding == padding


def test_nonsense_typed_is_complained_of_and_changes_nothing():
    app = press(opened(), "cnn-select-image")
    app.text_input(key="cnn.image.sizes").set_value("big").run()
    assert any("sizes" in text for text in words(app))
    assert graph(app) == PRESETS["lenet-5"].make()
    app.text_input(key="cnn.image.sizes").set_value("3×32×32").run()
    assert graph(app)["image"].layer.sizes == (3, 32, 32)
    assert words(app) == []


def test_height_and_width_can_go_apart(unfolded):
    app = press(opened(), "cnn-select-conv1")
    app.toggle(key="cnn.conv1.kernel.apart").set_value(True).run()
    app.number_input(key="cnn.conv1.kernel.width").set_value(3).run()
    assert graph(app)["conv1"].layer.kernel == (5, 3)


def test_weights_begin_as_chosen_for_the_network_and_for_a_layer(unfolded):
    app = press(opened(), "cnn-select-conv1")
    app.selectbox(key="cnn.init.way").set_value("he_normal").run()
    assert graph(app).init.way == "he_normal"
    app.selectbox(key="cnn.conv1.init").set_value("constant").run()
    assert graph(app)["conv1"].layer.init.way == "constant"
    app.number_input(key="cnn.conv1.init.value").set_value(0.2).run()
    assert graph(app)["conv1"].layer.init.value == 0.2


@pytest.mark.parametrize("kind", ["max_unpool2d", "lstm", "self_attention", "permute", "input", "embedding", "crop"])
def test_any_kind_may_be_added_anywhere(kind):
    app = press(opened(), "cnn-select-pool1")
    app.selectbox(key="cnn.add").set_value(kind).run()
    assert not app.exception
    assert len(graph(app).nodes) == 14


@pytest.mark.parametrize("name", ["Stage 2", "my block", "2nd", "étape", "x" * 60, "class", ""])
def test_a_group_may_be_called_anything(name):
    app = press(opened(), "cnn-select-conv2")
    app.multiselect(key="cnn.conv2.group").set_value(["conv2", "tanh2"]).run()
    app.text_input(key="cnn.conv2.group.as").set_value(name).run()
    press(app, "cnn.conv2.group.do")
    assert words(app) or any(node.block for node in graph(app).nodes)


@pytest.mark.parametrize("typed", ["-3", "1.5", "banana", "3×", "1×2×3"])
def test_numbers_that_are_none_are_quoted_and_change_nothing(typed):
    app = press(opened(), "cnn-select-image")
    app.text_input(key="cnn.image.sizes").set_value(typed).run()
    if typed != "1×2×3":
        assert any(f"received '{typed}'" in text for text in words(app))
        assert graph(app)["image"].layer.sizes == (1, 28, 28)


def test_an_input_removed_and_added_again_comes_first_and_feeds_what_lost_it():
    app = press(opened(), "cnn-select-image")
    press(app, "cnn-icon-delete")
    app.selectbox(key="cnn.add").set_value("input").run()
    assert graph(app).nodes[0].id == "input1"
    assert graph(app)["conv1"].inputs == ("input1",)
    assert words(app) == []


def test_every_problem_is_told_above_the_list_and_leads_to_its_layer():
    app = press(opened(), "cnn-select-conv1")
    app.number_input(key="cnn.conv1.kernel").set_value(40).run()
    app.button(key="cnn-select-tanh4").click().run()
    app.selectbox(key="cnn.add").set_value("add").run()
    press(app, "cnn-select-out")
    told = [b.label for b in app.button if b.key and b.key.startswith("cnn-problem-")]
    assert any("conv1 needs room for a 40×40 kernel" in text and "remove image" not in text for text in told)
    assert any("add1 needs at least 2 inputs" in text for text in told)
    press(app, "cnn-problem-conv1")
    assert app.session_state["cnn"]["selected"] == "conv1"


def test_everything_can_be_removed():
    app = opened()
    for node in graph(app).nodes:
        press(app, f"cnn-select-{node.id}")
        press(app, "cnn-icon-delete")
    assert graph(app).nodes == ()
    assert words(app) == ["The network has no input. Add one."]


def test_a_link_opens_the_network_it_holds():
    assert graph(opened(x=to_link(PRESETS["googlenet"].experiment()))) == PRESETS["googlenet"].make()


def test_a_graph_of_the_most_nodes_opens_in_part_and_says_so():
    nodes = [
        Node("image", Input()),
        *(Node(f"relu{i}", ReLU(), (f"relu{i - 1}" if i else "image",)) for i in range(1_999)),
    ]
    app = opened(x=to_link(Experiment("long", {"network": Graph(tuple(nodes), ("relu1998",))})))
    captions = " ".join(element.value for element in app.caption)
    assert "120 of 2,000 layers" in captions
    assert "1,600 more layers are not drawn" in captions


@pytest.mark.parametrize("link", ["damaged", "x" * 70_000, "%%%"])
def test_a_damaged_link_is_told_and_the_page_works(link):
    app = opened(x=link)
    assert any("link" in text for text in words(app))
    press(app, "cnn-select-conv1")
    app.number_input(key="cnn.conv1.channels").set_value(8).run()
    assert words(app) == []


def test_an_unknown_preset_is_told():
    assert any("Did you mean 'lenet-5'?" in text for text in words(opened(preset="lenet")))


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_told_and_the_page_works(case):
    text, expected = HOSTILE[case]
    app = opened()
    app.session_state["cnn-file"] = True  # the popover is open
    app.run()
    app.file_uploader(key="cnn.upload").upload("bad.json", text.encode(), "application/json").run()
    assert any(expected.split("|")[0][:20] in said or "bad.json" in said for said in words(app))
    assert graph(app) == PRESETS["lenet-5"].make()


def test_a_button_puts_a_forgotten_flatten_where_it_is_missing():
    whole = PRESETS["lenet-5"].make()
    app = opened(x=to_link(Experiment("torn", {"network": edits.remove(whole, "flatten")})))
    assert any("flatten" in button.label for button in app.button)
    app.button(key="cnn-repair-0-dense1").click().run()
    assert not app.exception
    assert trace(graph(app)).sound
    assert [node.id for node in graph(app).nodes][7:9] == ["flatten1", "dense1"]


def test_a_button_takes_all_examples_where_a_batch_is_more_than_there_are():
    made = PRESETS["mlp-2-4-2-1"].experiment()
    few = dataclasses.replace(made, data=made.data.but(number=12), recipe=made.recipe.but(batch=50))
    app = opened("labs/playground.py", x=to_link(few))
    assert app.button(key="playground-train").disabled
    app.button(key="playground-whole").click().run()
    assert not app.exception
    assert load(app.session_state["playground"]["now"]).recipe.batch == "all"
    assert not app.button(key="playground-train").disabled
