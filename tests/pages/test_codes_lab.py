"""The autoencoder lab's own widgets: mirrors, decoders that follow, what folds, facts, and what races beside what."""

import dataclasses

import pytest

from engine.graph import edits
from engine.graph.chain import block as block_of
from engine.graph.chain import chain
from engine.graph.graph import Graph
from engine.graph.trace import borrowed
from engine.layers.dense import Dense
from engine.layers.entry import Input, Lent
from engine.layers.pooling import GlobalMaxPool
from engine.layers.reshaping import Flatten
from engine.live.house import house
from engine.presets import PRESETS
from engine.training.experiment import load
from engine.training.link import to_link
from tests.engine.living import end_all
from tests.pages.test_pages import opened as page
from tests.pages.test_pages import press
from tests.pages.test_running import home

__all__ = ["home"]  # a fixture


def lab(experiment=None, side="Build", **query):
    """Open the lab with an experiment, where one builds or trains."""
    app = page("labs/autoencoder.py", **({"x": to_link(experiment)} if experiment else {}), **query)
    app.segmented_control(key="autoencoder.side").set_value(side).run()
    assert not app.exception
    return app


def now(app):
    return load(app.session_state["autoencoder"]["now"])


def said(app):
    return " ".join(element.value for kind in (app.error, app.warning, app.toast) for element in kind)


@pytest.fixture
def _ended(home):
    yield
    end_all(house().store)


def test_the_lab_opens_on_its_board_with_both_networks_folded(home):
    app = page("labs/autoencoder.py")
    assert app.session_state["autoencoder"]["opened"] == ["encoder:", "decoder:"]
    made = PRESETS["vae"].experiment()
    assert now(app) == dataclasses.replace(made, recipe=made.recipe.but(epochs=None))  # until it is stopped
    assert app.segmented_control(key="autoencoder.view").value == "Board"


def test_a_longer_code_is_taken_by_the_decoder_and_undone_with_it(home):
    app = lab(PRESETS["conv-ae"].experiment())
    press(app, "autoencoder-select-code")
    app.number_input(key="autoencoder.code.units").set_value(9).run()
    assert next(iter(now(app).graphs["decoder"].inputs.values())).sizes == (9,)
    press(app, "autoencoder-icon-undo")
    assert now(app) == PRESETS["conv-ae"].experiment()


def test_the_decoder_mirrors_the_encoder_or_says_why_not(home):
    begun = PRESETS["conv-ae"].experiment()
    app = lab(begun)
    press(app, "autoencoder-mirror-upsampling")
    assert [node.layer.kind for node in now(app).graphs["decoder"].nodes].count("upsample_nearest") == 2
    pooled = chain(image=Input(sizes=(1, 28, 28)), pool=GlobalMaxPool(), code=Dense(units=1))
    app = lab(dataclasses.replace(begun, graphs=begun.graphs | {"encoder": pooled}))
    press(app, "autoencoder-mirror-transposed")
    assert "Nothing mirrors pool" in said(app)


def test_a_wide_code_is_allowed_with_a_warning(home):
    app = lab(PRESETS["pca-ae"].experiment())
    assert not app.info
    press(app, "autoencoder-select-code")
    app.number_input(key="autoencoder.code.units").set_value(1000).run()
    assert [info.value for info in app.info if "has room for all 64 of an example" in info.value]
    assert not app.warning


def test_a_mirror_goes_back_through_the_encoders_weights_where_that_is_asked_for(home):
    begun = PRESETS["conv-ae"].experiment()
    app = lab(begun)
    assert not app.checkbox(key="autoencoder-mirror-tied").value
    app.checkbox(key="autoencoder-mirror-tied").check().run()
    press(app, "autoencoder-mirror-transposed")
    decoder = now(app).graphs["decoder"]
    assert [layer.of for layer in borrowed(decoder).values()] == ["encoder:code", "encoder:conv2", "encoder:conv1"]
    press(app, "autoencoder-select-code")
    app.number_input(key="autoencoder.code.units").set_value(9).run()
    lent = borrowed(now(app).graphs["decoder"]).values()
    assert next(iter(lent)).sizes[0] == 9  # it follows the layer whose it is
    encoder = now(app).graphs["encoder"]
    gone = edits.replace(decoder, "lent1", Lent(of="encoder:gone", sizes=(16, 1568)))
    app = lab(dataclasses.replace(begun, graphs={"encoder": encoder, "decoder": gone}))
    app.segmented_control(key="autoencoder.network").set_value("decoder").run()
    assert "There is no 'gone' in encoder." in " ".join(button.label for button in app.button)
    part = block_of("Part", 1, wide=Dense(units=9))
    block = chain(image=Input(sizes=(1, 28, 28)), flat=Flatten(), part=part, code=Dense(units=2))
    app = lab(dataclasses.replace(begun, graphs=begun.graphs | {"encoder": block}))
    app.checkbox(key="autoencoder-mirror-tied").check().run()
    press(app, "autoencoder-mirror-transposed")
    assert "The layers in part lend no weights." in said(app)
    app.checkbox(key="autoencoder-mirror-tied").uncheck().run()
    press(app, "autoencoder-mirror-transposed")
    assert [node.layer.kind for node in now(app).graphs["decoder"].nodes][1:3] == ["dense", "dense"]


def test_a_network_without_layers_is_drawn_and_can_be_mended(home):
    begun = PRESETS["pca-ae"].experiment()
    app = lab(dataclasses.replace(begun, graphs=begun.graphs | {"decoder": Graph((), ())}))
    app.session_state["autoencoder"]["opened"] = []
    app.run()
    assert not app.exception
    press(app, "autoencoder-mirror-transposed")
    assert now(app).graphs == begun.graphs


def test_what_does_not_fit_together_is_said_where_one_builds(home):
    begun = PRESETS["pca-ae"].experiment()
    other = chain(code=Input(sizes=(2,)), out=Dense(units=63))
    app = lab(dataclasses.replace(begun, graphs=begun.graphs | {"decoder": other}))
    assert "out gives 63 but an example is 1×8×8" in said(app)


def test_networks_are_fitted_to_other_data_with_a_new_mirror(home):
    app = lab(PRESETS["vae"].experiment(), side="Train")
    app.selectbox(key="autoencoder.data.digits.size").set_value(8).run()
    press(app, "autoencoder-fit")
    graphs = now(app).graphs
    assert graphs["encoder"].inputs["image"].sizes == (1, 8, 8)
    assert not [button for button in app.button if button.key == "autoencoder-fit"]


@pytest.mark.usefixtures("_ended")
def test_a_race_offers_what_lies_on_the_table_once_that_is_another(home):
    short = PRESETS["vae"].experiment()
    short = dataclasses.replace(short, recipe=short.recipe.but(steps=3))
    app = lab(short, side="Train")
    press(app, "autoencoder-train")
    assert app.selectbox(key="autoencoder.rival.what").value == "rate"
    app.selectbox(key="autoencoder.preset").set_value("deep-ae").run()
    assert app.selectbox(key="autoencoder.rival.what").value == "what you see here"
    press(app, "autoencoder.rival.begin")
    assert len([run for run in app.session_state["autoencoder"]["rivals"] if run]) == 1
