"""A round of a game in slow motion: what is shown is what the run does next, against the run itself and differences."""

import dataclasses

import numpy as np
import pytest
import torch

from engine.figures.figure import says
from engine.figures.film import Slide, film, still
from engine.looking.view import figure_of, frame_of
from engine.presets import PRESETS
from engine.training.change import change
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Own
from engine.training.twin import following, twin
from engine.views import VIEWS
from engine.views.game.turns import MOST, one_round
from tests.engine.test_games import game
from tests.engine.test_latent_views import session_of

SLOW = {
    "gan-eight": 131,  # in the middle of an epoch
    "gan-eight-minimax": 7,
    "wgan-ring": 57,  # in the middle of a round
    "gan-collapse": 8,
    "conditional-dcgan": 4,
}


def learned(name, steps, **recipe):
    """Return the session of a preset after some steps."""
    experiment = PRESETS[name].experiment()
    short = experiment.recipe.but(steps=steps, epochs=None, **recipe)
    return session_of(dataclasses.replace(experiment, recipe=short))


def taken(learner, steps):
    """Take steps as a run does."""
    learner.enter()
    for _, batch in zip(range(steps), following(learner), strict=False):
        learner.advance(*batch)
    learner.leave()


def state(learner):
    every = ((role, name, value) for role, n in learner.networks.items() for name, value in n.state_dict().items())
    return {f"{role}.{name}": value.clone() for role, name, value in every}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("name", "steps"), SLOW.items())
def test_what_is_shown_is_what_the_run_does_next_to_the_last_bit(name, steps):
    session = learned(name, steps)
    learner = session.network
    before, chance = state(learner), torch.get_rng_state()
    turns, other, left = one_round(session, lambda seen: None)
    assert left == 0
    assert torch.equal(torch.get_rng_state(), chance)
    assert same(state(learner), before)
    taken(learner, other.step - learner.step)
    assert same(state(learner), state(other))
    assert not same(state(learner), before)
    for role, losses in learner.take_losses().items():
        assert [turn.loss for turn in turns if turn.role == role] == [float(loss) for _, loss in losses]
    longest = max(part.interval for part in learner.parts.values())
    assert learner.step % longest == 0


def test_a_round_goes_over_the_end_of_an_epoch():
    session = session_of(game(steps=40))
    learner = session.network
    while not learner.epoch_over:
        taken(learner, 1)
    epoch = learner.epoch
    turns, other, _ = one_round(session, lambda seen: None)
    assert len(turns) == 2
    assert (other.epoch, learner.epoch) == (epoch + 1, epoch)


def test_a_twin_goes_on_as_a_run_that_is_longer():
    experiment = PRESETS["gan-eight"].experiment()
    plain = experiment.recipe.but(steps=30, epochs=None, own=(Own(role="generator", interval=3, clip=0.5),))
    session = session_of(dataclasses.replace(experiment, recipe=plain))
    other = twin(session.network)
    taken(other, 12)
    long = Learner(dataclasses.replace(experiment, recipe=plain.but(steps=42)), experiment.data.load())
    for _ in learn(long):
        pass
    assert same(state(other), state(long))


@pytest.fixture(scope="module")
def plane():
    return learned("gan-eight", 200)


def test_verdicts_and_pulls_are_those_of_the_networks(plane):
    turns, other, _ = one_round(plane, lambda seen: None)
    telling, deceiving = turns
    judge, maker = other.networks["discriminator"].double(), other.networks["generator"].double()

    def says_of(points):
        with torch.no_grad():
            return judge(points.double())[:, 0].sigmoid()

    before = plane.network.networks["discriminator"]
    with torch.no_grad():
        assert torch.allclose(before(telling.real)[:, 0].sigmoid(), telling.said[0])
        made = plane.network.networks["generator"](telling.noise)
    assert torch.allclose(made, telling.made, atol=1e-6)
    for points, now in zip((telling.real, telling.made), telling.now, strict=True):
        assert torch.allclose(says_of(points).float(), now, atol=1e-5)
    wanted = -(torch.log(telling.said[0]).mean() + torch.log(1 - telling.said[1]).mean())
    assert telling.loss == pytest.approx(float(wanted), rel=1e-4)
    assert deceiving.loss == pytest.approx(float(-torch.log(deceiving.said[0]).mean()), rel=1e-4)
    with torch.no_grad():
        assert torch.allclose(maker(deceiving.noise.double()).float(), deceiving.after, atol=1e-5)
    assert torch.allclose(says_of(deceiving.after).float(), deceiving.now[0], atol=1e-5)
    # The judge rests in the generator's turn, so that what pulls can be found by differences of its loss.
    step, points = 1e-5, deceiving.made.double()
    for axis in range(2):
        ways = torch.zeros(2, dtype=torch.double)
        ways[axis] = step
        slope = (torch.log(says_of(points + ways)) - torch.log(says_of(points - ways))) / (2 * step)
        assert torch.allclose(slope.float(), deceiving.pull[:, axis], atol=1e-3)


def test_the_gradient_told_is_as_long_as_it_was():
    session = learned("gan-eight", 20)
    turns, *_ = one_round(session, lambda seen: None)
    learner = session.network
    taken(learner, 1)
    for turn in turns:
        lengths = [weight.grad.double().norm() for weight in learner.networks[turn.role].parameters()]
        assert turn.gradient == pytest.approx(float(torch.stack(lengths).norm()), rel=1e-5)


def words_of(session, **options):
    view = VIEWS["round"](**options)
    assert not view.refusal(session.experiment)
    frame = frame_of(view, session)
    assert "problem" not in frame.words, frame.words
    return figure_of(view, frame)["film"], frame


def test_every_thing_is_said_in_turn(plane):
    slides, frame = words_of(plane)
    told = [slide["words"] for slide in slides]
    assert len(told) == 11
    begins = (
        "Noise is drawn: 64 times 2 numbers",
        "The generator makes a point",
        "As many real ones",
        "The discriminator judges both",
        "The gradient of this loss",
        "Its weights take a step (adam, rate 0.001)",
        "The generator's turn. New noise",
        "The generator makes",
        "The discriminator, which rests now,",
        "The gradient goes back through",
        "It goes on to the generator's 4,482",
    )
    for said, begin in zip(told, begins, strict=True):
        assert said.startswith(begin), said
    lit = [slide["lit"] for slide in slides]
    assert lit[0] == ["noise"]
    assert lit[5] == ["discriminator:"]
    assert lit[10] == ["generator:", "made"]
    assert frame["said"].shape == (3, 40, 40)  # before, after the discriminator's turn, and after the generator's
    assert not np.array_equal(frame["said"][0], frame["said"][1])
    assert np.array_equal(frame["said"][1], frame["said"][2])


def test_turns_that_are_alike_are_told_in_short():
    slides, _ = words_of(learned("wgan-ring", 5))
    short = [slide["words"] for slide in slides if "once more" in slide["words"]]
    assert [words.partition("its turn ")[2][0] for words in short] == ["2", "3", "5"]
    assert len(slides) == 6 + 3 + 5


def test_a_round_without_an_end_in_sight_says_so():
    session = learned("gan-eight", 3, own=(Own(role="generator", interval=500),))
    slides, _ = words_of(session)
    assert slides[-1]["words"] == f"So it goes on for {500 - 3 - MOST:,} more steps."


@pytest.mark.parametrize("name", ["gan-digits", "conditional-dcgan"])
def test_pictures_are_shown_with_how_they_should_change(name):
    session = learned(name, 3)
    slides, frame = words_of(session)
    assert len(slides) == 11
    turns, *_ = one_round(session, lambda seen: None)
    pull = turns[1].pull[:6].numpy()
    most = np.abs(pull).max()
    assert frame["1 pull"].shape == (6, 1, 28, 28)
    brighter = frame["1 pull"].astype(float) > 128
    assert not (brighter & (pull < -0.01 * most)).any()
    assert np.allclose(frame["1 said"][0], turns[1].said[0][:6])


@pytest.mark.parametrize("name", ["gan-eight", "gan-digits"])
@pytest.mark.parametrize("role", ["discriminator", "generator"])
def test_a_frozen_network_moves_nothing_and_that_is_said(name, role):
    session = learned(name, 3, frozen=(f"{role}:",))
    turns, other, _ = one_round(session, lambda seen: None)
    assert [turn.role for turn in turns] == ["discriminator", "generator"]
    mine = next(turn for turn in turns if turn.role == role)
    assert mine.rests
    assert mine.gradient == 0.0
    assert torch.allclose(mine.said[0], mine.now[0])
    slides, _ = words_of(session)
    told = [slide["words"] for slide in slides]
    assert len(slides) == 10 if role == "discriminator" else 9
    assert f"The {role} is frozen, so its weights stay as they are." in told
    assert not any("0 weights" in words for words in told)
    taken(session.network, 1)
    assert same(state(session.network), state(other))


def test_a_round_in_short_of_a_frozen_network():
    frozen = learned("gan-eight", 4, frozen=("generator:",), own=(Own(role="discriminator", interval=4),))
    slides, _ = words_of(frozen)
    assert any("and it is frozen" in slide["words"] for slide in slides)


def test_the_gradient_told_is_what_came_back_before_anything_was_done_to_it():
    plain, *_ = one_round(learned("gan-eight", 20), lambda seen: None)
    for more in ({"clip": 1e-3}, {"decay": 10.0}):
        session = learned("gan-eight", 20)
        change(session.network, more)
        turns, *_ = one_round(session, lambda seen: None)
        assert turns[0].gradient == pytest.approx(plain[0].gradient, rel=1e-5)
        assert turns[0].loss == plain[0].loss


def test_instance_noise_is_the_same_before_and_after():
    session = learned("gan-eight", 20)
    change(session.network, {"blur": 2.0, "rate": 1e-12})
    turns, *_ = one_round(session, lambda seen: None)
    for turn in turns:
        for said, now in zip(turn.said, turn.now, strict=True):
            assert torch.allclose(said, now, atol=1e-4)


def test_the_plane_is_that_of_the_weights_that_learn():
    session = learned("gan-eight", 30, average=0.99)
    plain = learned("gan-eight", 30)
    one, other = words_of(session)[1], words_of(plain)[1]
    assert np.array_equal(one["said"], other["said"])


def test_nobody_has_a_turn_for_long():
    session = learned(
        "gan-eight", 3, own=tuple(Own(role=role, interval=400) for role in ("generator", "discriminator"))
    )
    frame = frame_of(VIEWS["round"](), session)
    drawn = figure_of(VIEWS["round"](), frame)
    assert "no network has its turn" in str(drawn["layout"]["annotations"])


def test_half_precision_tells_arrows_and_gradients_as_they_are():
    plain, *_ = one_round(learned("gan-eight", 20), lambda seen: None)
    session = learned("gan-eight", 20, precision="bf16")
    turns, *_ = one_round(session, lambda seen: None)
    assert turns[1].pull.isfinite().all()
    assert turns[0].gradient == pytest.approx(plain[0].gradient, rel=0.2)


def test_a_film_holds_everything_once():
    one, two = {"type": "scatter", "x": [1], "y": [1]}, {"type": "scatter", "x": [2], "y": [2]}
    note = says("here")
    shown = film([Slide("first", [one]), Slide("then", [two, one], (), [note])], xaxis={"visible": False})
    assert shown["data"] == [one, two]
    assert [slide["data"] for slide in shown["film"]] == [[0], [1, 0]]
    assert still(shown, 0)["data"] == [one]
    assert still(shown, 0)["layout"]["annotations"] == []
    last = still(shown)
    assert last["data"] == [two, one]
    assert last["layout"]["annotations"] == [note]
    assert last["layout"]["xaxis"] == {"visible": False}
    assert still(last) is last


def test_only_games_have_rounds():
    assert "generator" in VIEWS["round"]().refusal(PRESETS["vae"].experiment())
