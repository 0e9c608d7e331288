"""The doctor: each rule on cases made to be wrong and right, and its remedies on runs that need them."""

import dataclasses

import numpy as np
import pytest
import torch

from engine.graph.chain import chain
from engine.layers.activation import ReLU
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.looking import Frame, Session
from engine.looking.pulse import HISTOGRAMS, NUMBERS, framed
from engine.looking.view import figure_of, frame_of
from engine.presets import PRESETS
from engine.runs.carry import branch, new_run
from engine.runs.desk import Desk, attended
from engine.runs.orders import enter
from engine.runs.record import StoredRecord
from engine.runs.store import Store
from engine.tasks.deceive import Deceive
from engine.training.change import change
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.watch import BINS
from engine.views import VIEWS
from engine.views.doctor.rules import RULES
from tests.engine.test_game_views import pictures
from tests.engine.test_games import DATA, game, graphs


@dataclasses.dataclass
class Told:
    """A record of whatever somebody wants to be told."""

    lines: dict = dataclasses.field(default_factory=dict)
    beats: list = dataclasses.field(default_factory=list)
    run: str = ""
    set: list = dataclasses.field(default_factory=list)

    def curves(self, run=""):
        return self.lines

    def title(self, run=""):
        return ""

    def pulses(self):
        return self.beats

    def weights(self, step, role):
        raise AssertionError

    def before(self):
        return {}, []

    def changes(self):
        return self.set

    def parts(self):
        return []


def beat(step, nodes, **quantities):
    """Return what a step did in some nodes."""
    numbers = np.full((len(nodes), len(NUMBERS)), np.nan, np.float32)
    for quantity, values in quantities.items():
        numbers[:, NUMBERS.index(quantity.replace("_", " "))] = values
    empty = np.full((len(nodes), len(HISTOGRAMS), BINS + 2), np.nan, np.float32)
    return step, Frame({"numbers": numbers, "histograms": empty}, {"nodes": list(nodes)})


def line(values, every=10):
    return [(every * (place + 1), value) for place, value in enumerate(values)]


def of_game(told, task=None, **options):
    made = game(task, **options)
    learner = Learner(made, DATA.load())
    return begun(Session(made, 100_000, told, learner))


def begun(session):
    """Let the first epoch be over."""
    session.network.epoch = 1
    return session


def judged(accuracy, real=0.9, fake=0.1):
    return {
        ("validation", "accuracy"): line(accuracy),
        ("validation", "D of real"): line([real] * len(accuracy)),
        ("validation", "D of fake"): line([fake] * len(accuracy)),
    }


NODES = ("discriminator:one", "discriminator:out", "generator:one", "generator:out")


def test_a_judge_that_is_never_wrong_is_too_strong():
    strong = RULES["strong"]
    found = strong.finding(of_game(Told(judged([0.5, 0.99, 0.99, 1.0, 1.0, 1.0]))))
    assert found.wrong
    assert found.evidence == "right 100% of the time; it says 0.90 of real, 0.10 of made"
    assert found.remedy.order == {"smooth": 0.1}
    smoothed = strong.finding(of_game(Told(judged([1.0] * 6)), Deceive(smooth=0.1)))
    assert smoothed.remedy.order == {"discriminator:interval": 2}
    assert not strong.finding(of_game(Told(judged([1.0, 0.6, 0.6, 0.6, 0.6, 0.6])))).wrong
    assert strong.finding(of_game(Told(judged([1.0] * 4)))) is None  # too little is known yet
    assert not strong.suits(game(Deceive(loss="wasserstein", penalty=1.0)))


def test_a_gradient_that_has_come_to_nothing_is_told_beside_the_longest_it_was():
    def pulses(*lengths):
        return [beat(10 * n, NODES, gradient_norm=(1, 1, 0.6 * one, 0.8 * one)) for n, one in enumerate(lengths, 1)]

    vanished = RULES["vanished"]
    gone = vanished.finding(of_game(Told(beats=pulses(2.0, 1.0, 0.1, 0.001, 0.001, 0.001)), Deceive(loss="minimax")))
    assert gone.wrong
    assert gone.values[0] == pytest.approx(2.0, rel=1e-5)  # both layers together: 0.6² + 0.8² = 1
    assert gone.remedy.order == {"loss": "non-saturating"}
    held = vanished.finding(of_game(Told(beats=pulses(2.0, 1.0, 0.1, 0.001, 0.001, 0.001))))
    assert held.remedy.order == {"discriminator:interval": 2}
    assert not vanished.finding(of_game(Told(beats=pulses(2.0, 1.0, 0.5, 0.4, 0.4, 0.4)))).wrong


def test_a_generator_that_makes_one_point_has_collapsed():
    collapsed = RULES["collapsed"]
    session = of_game(Told())
    with torch.no_grad():
        for weight in session.network.networks["generator"].parameters():
            weight.zero_()
    found = collapsed.finding(session)
    assert found.wrong
    assert found.evidence == "0 of 8 heaps are met"
    assert found.remedy.order == {"generator:interval": 2}
    made = dataclasses.replace(game(), recipe=game().recipe.owning("discriminator", interval=8))
    session = begun(Session(made, 1, Told(), Learner(made, DATA.load())))
    assert collapsed.finding(session).remedy.order == {"discriminator:interval": 1}
    drawn = pictures()
    session = begun(Session(drawn, 1, Told(), Learner(drawn, drawn.data.load())))
    with torch.no_grad():
        for weight in session.network.networks["generator"].parameters():
            weight.zero_()
    found = collapsed.finding(session)
    assert found.wrong
    assert "0% as much as two real ones" in found.evidence


def test_losses_that_swing_are_told_from_those_that_settle_or_rise():
    oscillating = RULES["oscillating"]
    x = np.arange(400)

    def told(values):
        return oscillating.finding(of_game(Told({("train", "generator loss"): line(values)})))

    assert told(1 + 0.8 * np.sin(x / 15)).wrong
    assert not told(1 + 0.05 * np.sin(x / 15)).wrong
    assert not told(1 + x / 100).wrong
    assert not told(1 + 0.3 * np.random.default_rng(0).standard_normal(400)).wrong  # noise is no swing
    assert told(1 + 0.8 * np.sin(x / 15)).remedy.order == {"rate": 0.005}
    assert oscillating.finding(of_game(Told({("train", "generator loss"): line(np.ones(20))}))) is None


def test_outputs_at_the_ends_of_their_tanh_are_told():
    drawn = pictures()
    learner = Learner(drawn, drawn.data.load())
    session = Session(drawn, 1, Told(), learner)
    saturated = RULES["saturated"]
    assert saturated.suits(drawn)
    assert not saturated.suits(game())
    assert not saturated.finding(session).wrong
    with torch.no_grad():
        learner.networks["generator"].one.weight.mul_(1000)
    found = saturated.finding(session)
    assert found.wrong
    assert found.remedy.order == {"generator:rate": 0.0025}


def test_dead_units_are_those_behind_a_relu():
    bent = {
        "discriminator": chain(at=Input(sizes=(2,)), one=Dense(units=9), bend=ReLU(), out=Dense(units=1)),
        "generator": graphs()["generator"],
    }
    pulses = [beat(10, NODES, dead_units=(0.7, 1.0, 1.0, 1.0))]
    found = RULES["dead"].finding(of_game(Told(beats=pulses), made=bent))
    assert found.wrong
    assert found.evidence == "70% of discriminator:one are silent"  # not those that are below zero and matter there
    assert RULES["dead"].finding(of_game(Told(beats=pulses))) is None  # tanh


def test_long_gradients_and_learning_by_heart_are_told_of_any_network():
    pulses = [beat(10 * n, NODES, gradient_norm=(1, 1, 300, 400)) for n in range(1, 7)]
    found = RULES["exploding"].finding(of_game(Told(beats=pulses)))
    assert found.wrong
    assert found.evidence == "the generator's length is 500"
    assert found.remedy.order == {"clip": 1.0}
    made = PRESETS["mlp-2-4-2-1"].experiment()
    learner = Learner(made, made.data.load())

    def heart(values):
        told = Told({("validation", "loss"): line(values)})
        return RULES["overfitting"].finding(Session(made, 10_000, told, learner))

    worse = heart([1.0, 0.6, 0.5, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert worse.wrong
    assert worse.remedy.order == {"decay": 0.001}
    assert not heart([1.0, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5]).wrong
    assert not RULES["overfitting"].suits(game())


def test_a_code_whose_numbers_fell_silent_is_told():
    made = PRESETS["vae"].experiment()
    learner = Learner(made, made.data.load())
    found = RULES["posterior"].finding(
        Session(made, 100, Told({("validation", "active units"): line([2, 1])}), learner)
    )
    assert found.wrong
    assert found.evidence == "1 of 2 numbers tell something, at beta 1"
    assert found.remedy.order == {"beta": 0.1}
    assert not RULES["posterior"].suits(game())


def test_what_is_wrong_comes_first_and_carries_its_remedy_to_the_run():
    view = VIEWS["doctor"]()
    session = of_game(Told(judged([1.0] * 8)))
    frame = frame_of(view, session)
    assert frame.words["rows"][0]["key"] == "strong"
    figure = figure_of(view, Frame.unpack(frame.pack()))
    assert figure["buttons"][0]["order"] == {"smooth": 0.1}
    assert "<b>The discriminator is too strong</b>" in str(figure["layout"]["annotations"])
    only = figure_of(VIEWS["doctor"](show="what is wrong"), frame)
    assert len(only["layout"]["annotations"]) < len(figure["layout"]["annotations"]) or all(
        row["wrong"] for row in frame.words["rows"]
    )


def test_what_was_set_is_marked_and_told_with_how_it_was_before():
    accuracy = [1.0, 1.0, 1.0, 0.97, 1.0, 1.0, 0.7, 0.6, 0.65, 0.6, 0.6]
    told = Told(judged(accuracy), set=[(20, "set rate = 0.1"), (60, "set smooth = 0.1, rate = 0.2")])
    frame = frame_of(VIEWS["doctor"](), of_game(told))
    row = next(row for row in frame.words["rows"] if row["key"] == "strong")
    assert row["since"] == "before smooth = 0.1, rate = 0.2: 1, since then: 0.6"
    drawn = figure_of(VIEWS["doctor"](), frame)
    dotted = [shape["x0"] for shape in drawn["layout"]["shapes"] if shape["line"]["dash"] == "dot"]
    assert set(dotted) == {20, 60}
    assert any(row["since"] in note["text"] for note in drawn["layout"]["annotations"])
    early = dataclasses.replace(of_game(told), step=50)
    rows = frame_of(VIEWS["doctor"](), early).words["rows"]
    assert [row["since"] for row in rows if row["key"] == "strong"] == ["before rate = 0.1: 1, since then: 1"]


def test_a_branch_is_told_with_what_was_before_it(home):
    store = Store()
    first = new_run(store, game(steps=30))
    for _ in attended(store, first, Desk(store, first)):
        pass
    made = game(Deceive(smooth=0.1), steps=60)
    second = branch(store, first, 30, made)
    store.note(second, 30, "set smooth = 0.1")
    for _ in attended(store, second, Desk(store, second)):
        pass
    record = StoredRecord(store, second)
    early, pulses = record.before()
    parent = StoredRecord(store, first)
    assert early["train", "generator loss"] == parent.curves()["train", "generator loss"]
    assert [step for step, _ in pulses] == [step for step, _ in parent.pulses() if step <= 30]
    learner = Learner(made, made.data.load())
    session = Session(made, 60, record, learner)
    frame = frame_of(VIEWS["doctor"](), session)
    told = [row["since"] for row in frame.words["rows"] if row["since"]]
    assert told
    assert all(words.startswith("before smooth = 0.1: ") for words in told)
    third = branch(store, second, 60, dataclasses.replace(made, recipe=made.recipe.but(steps=70)))
    whole = StoredRecord(store, third).before()[0]["train", "generator loss"]
    assert [step for step, _ in whole] == sorted({step for step, _ in whole})
    assert whole[0][0] <= 2
    store.delete(first)
    assert StoredRecord(store, second).before() == ({}, [])


def test_a_run_tells_what_was_set_but_not_how_fast_it_went(home):
    store = Store()
    run = new_run(store, game(steps=30))
    for value in ({"speed": 1000}, {"rate": 0.01, "speed": None}, {"smooth": 0.1}, {"rate": -1}):
        enter(store, run, "set", value)
    for _ in attended(store, run, Desk(store, run)):
        pass
    assert [words for _, words in StoredRecord(store, run).changes()] == [
        "set rate = 0.01, speed = None",
        "set smooth = 0.1",
    ]


def test_every_remedy_can_be_given_to_the_run_that_needs_it():
    pulses = [beat(10 * n, NODES, gradient_norm=(1, 1, 1e-9, 1e-9), dead_units=1.0) for n in range(1, 7)]
    session = of_game(Told(judged([1.0] * 8), pulses), Deceive(loss="minimax"))
    orders = [row["remedy"]["order"] for row in frame_of(VIEWS["doctor"](), session).words["rows"] if row["wrong"]]
    assert len(orders) >= 3
    for order in orders:
        change(session.network, order)


def test_a_game_that_stalls_is_named_and_mended_by_its_remedy():
    """Before: no gradient comes back. After: it does, and made points begin to move."""
    begun = PRESETS["gan-eight-minimax"].experiment()
    made = dataclasses.replace(begun, recipe=begun.recipe.but(epochs=None, steps=2500))
    learner = Learner(made, made.data.load())
    beats, lines = [], {}

    def go():
        for report in learn(learner, watch=lambda step: step < 40 or step % 25 == 0):
            beats.extend((seen.step, framed(seen)) for seen in report.watched)
            for step, split, scores in report.scores:
                for name, value in scores.items():
                    lines.setdefault((split, name), []).append((step, value))

    go()
    session = Session(made, learner.step, Told(lines, beats), learner)
    stalled = RULES["vanished"].finding(session)
    assert stalled.wrong
    assert stalled.remedy.order == {"loss": "non-saturating"}
    at = learner.task.sampled(learner).detach()
    change(learner, stalled.remedy.order | {"steps": 3500})
    go()
    mended = RULES["vanished"].finding(dataclasses.replace(session, step=learner.step))
    assert not mended.wrong
    assert (learner.task.sampled(learner).detach() - at).norm(dim=1).mean() > 0.5
