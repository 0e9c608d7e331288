"""The GAN lab's own widgets: what lies on its table, whose turn it is, what may change at once, other data."""

import dataclasses

import orjson
import pytest

from engine.errors import VitrineError
from engine.live.house import house
from engine.presets import PRESETS
from engine.training.change import otherwise
from engine.training.experiment import load
from engine.training.link import to_link
from pages.ui.facts import OF_GAMES
from pages.ui.labs import GAN, of_experiment
from pages.ui.running import branch
from tests.engine.living import begun, end_all
from tests.pages.test_pages import opened as page
from tests.pages.test_pages import press
from tests.pages.test_running import home

__all__ = ["home"]  # a fixture


def lab(experiment=None, **query):
    """Open the lab with an experiment, where one trains."""
    app = page("labs/gan.py", **({"x": to_link(experiment)} if experiment else {}), **query)
    assert not app.exception
    return app


def now(app):
    return load(app.session_state["gan"]["now"])


def said(app):
    return " ".join(element.value for kind in (app.error, app.warning, app.info, app.toast) for element in kind)


@pytest.fixture
def _ended(home):
    yield
    end_all(house().store)


def test_the_lab_opens_on_its_board_with_both_networks_folded(home):
    app = lab()
    made = PRESETS["gan-eight"].experiment()
    assert now(app) == dataclasses.replace(made, recipe=made.recipe.but(epochs=None))  # until it is stopped
    assert app.session_state["gan"]["opened"] == ["discriminator:", "generator:"]
    kinds = [panel["view"]["kind"] for panel in app.session_state["gan"]["board"]]
    assert kinds[:4] == ["samples", "game", "round", "coverage"]
    assert app.selectbox(key="gan.what").value == "deceive"


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.family == "gan"])
def test_every_preset_opens_here_without_a_complaint(home, name):
    app = lab(preset=name)
    assert now(app).name == name
    assert not app.error
    assert not app.warning


def test_links_to_games_open_here_and_every_fact_has_its_preset():
    for fact in OF_GAMES:
        assert of_experiment(PRESETS[fact.preset].experiment()) is GAN


def test_an_own_interval_lets_the_other_move_more_often(home):
    app = lab()
    app.segmented_control(key="gan.own").set_value("generator").run()
    app.number_input(key="gan.recipe.own-generator.interval").set_value(5).run()
    assert now(app).recipe.own_of("generator").interval == 5


def test_a_critic_that_nothing_holds_is_allowed_with_a_word_of_advice(home):
    begun = PRESETS["wgan-ring"].experiment()
    app = lab(dataclasses.replace(begun, task=begun.task.but(penalty=0.0)))
    assert "Nothing keeps the critic's slope at 1" in said(app)


def test_networks_are_fitted_to_other_data(home):
    app = lab(PRESETS["gan-digits"].experiment())
    app.selectbox(key="gan.data.digits.size").set_value(8).run()
    press(app, "gan-fit")
    graphs = now(app).graphs
    assert graphs["discriminator"].inputs["image"].sizes == (1, 8, 8)
    assert graphs["generator"]["picture"].layer.sizes == (1, 8, 8)
    assert not [button for button in app.button if button.key == "gan-fit"]


@pytest.mark.usefixtures("_ended")
def test_the_loss_changes_at_once_while_it_learns(home):
    made = PRESETS["gan-eight-minimax"].experiment()
    made = dataclasses.replace(made, recipe=made.recipe.but(epochs=100_000))
    run = begun(house().store, made)
    app = lab(run=run)
    app.selectbox(key="gan.task.loss").set_value("non-saturating").run()
    assert not app.exception
    assert now(app).task.loss == "non-saturating"
    assert app.session_state["gan"]["run"] == run  # it is no other run for that
    assert orjson.loads(house().store.run(run)["changed"])["task"]["loss"] == "non-saturating"
    assert "no longer what this run learns" not in said(app)


class Table:
    """A workbench that only hears complaints."""

    def __init__(self):
        self.heard = []

    def complain(self, words):
        self.heard.append(words)


@pytest.mark.parametrize(
    "moment",
    [5, None, {}, {"run": 3, "step": 1}, {"run": "a", "step": "1"}, {"run": "a", "step": 1, "settings": "nonsense"}],
)
def test_what_names_no_moment_begins_no_branch(home, moment):
    table = Table()
    branch(table, moment)
    assert table.heard == ["There is no such moment."]
    assert not house().store.runs()


def test_a_remedy_becomes_part_of_what_a_branch_learns_or_is_refused_before_it_begins():
    made = PRESETS["gan-collapse"].experiment()
    made = dataclasses.replace(made, recipe=made.recipe.but(epochs=None, steps=40))
    one = otherwise(made, {"discriminator:interval": 1, "loss": "hinge", "rate": 0.01})
    assert one.recipe.own_of("discriminator").interval == 1
    assert (one.task.loss, one.recipe.rate) == ("hinge", 0.01)
    for settings in ({"seed": 3}, {"judge:rate": 1.0}, {"dense1.weight[0,0]": 1.0}, {"freeze": "x"}, {"rate": -1}):
        with pytest.raises(VitrineError):
            otherwise(made, settings)
