"""What is seen of two networks against each other, against torch, scikit-learn, SciPy and cases by hand."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.stats import multivariate_normal
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.layers.activation import Tanh
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Concat
from engine.layers.reshaping import Flatten, Reshape
from engine.looking import Frame, Session
from engine.looking.sample import sample_of
from engine.looking.view import figure_of, frame_of
from engine.presets import PRESETS
from engine.runs.carry import carry_out, new_run
from engine.runs.desk import Desk, attended
from engine.runs.orders import Order, enter, give
from engine.runs.record import StoredRecord
from engine.runs.store import Store
from engine.runs.stride import Stride
from engine.tasks.deceive import Deceive
from engine.tasks.density import divergences
from engine.tasks.judge import judge_now
from engine.tasks.resemblance import Cloud, duplicates, frechet, precision_and_recall
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from engine.views import VIEWS
from engine.views.game.coverage import said_of_kinds
from engine.views.game.samples import moments
from tests.engine.seeing import figure_or_reason
from tests.engine.test_games import DATA, game
from tests.engine.test_latent_views import session_of

KINDS = ("game", "round", "samples", "balance", "coverage", "neighbours", "why-fake", "walk", "between")


def pictures(**recipe):
    """Return a small game about digits of 8×8."""
    graphs = {
        "discriminator": chain(
            image=Input(sizes=(1, 8, 8)), conv=Conv2d(channels=4), bend=Tanh(), flat=Flatten(), out=Dense(units=1)
        ),
        "generator": chain(noise=Input(sizes=(6,)), one=Dense(units=64), tanh=Tanh(), picture=Reshape(sizes=(1, 8, 8))),
    }
    plain = {"batch": 64, "epochs": None, "steps": 60, "rate": 0.005}
    return Experiment("digits", graphs, DATASETS["digits"](size=8), Deceive(), Recipe(**plain | recipe))


@pytest.fixture(scope="module")
def plane():
    return session_of(game(steps=200))


@pytest.fixture(scope="module")
def drawn():
    return session_of(pictures())


def seen(session, kind, **options):
    view = VIEWS[kind](**options)
    assert not view.refusal(session.experiment)
    frame = frame_of(view, session)
    assert "problem" not in frame.words, frame.words
    figure_of(view, frame)
    return frame


# -- measures ------------------------------------------------------------------------------------------------------


def test_divergences_are_those_of_two_normals():
    """The smoothing by a cell widens both; of the widened ones, the integral over a fine grid is taken by SciPy."""
    chance = torch.Generator().manual_seed(1)
    one = torch.randn(40_000, 2, generator=chance)
    other = 1.2 * torch.randn(40_000, 2, generator=chance) + torch.tensor([1.0, 0.5])
    low, high = one.amin(dim=0), one.amax(dim=0)
    cell = float((high - low).max()) * 1.3 / 64
    p = multivariate_normal([0, 0], np.eye(2) * (1 + cell**2))
    q = multivariate_normal([1.0, 0.5], np.eye(2) * (1.44 + cell**2))
    at = np.stack(np.meshgrid(np.linspace(-7, 7, 400), np.linspace(-7, 7, 400)), axis=2)
    area = (14 / 399) ** 2
    pp, qq = p.pdf(at), q.pdf(at)
    middle = (pp + qq) / 2
    kl = float((pp * (p.logpdf(at) - q.logpdf(at))).sum() * area)
    js = float((pp * np.log(pp / middle) + qq * np.log(qq / middle)).sum() * area / 2)
    found = divergences(one, other)
    assert found[0] == pytest.approx(kl, rel=0.05)
    assert found[1] == pytest.approx(js, rel=0.05)


def test_the_same_points_are_not_apart_and_those_with_nothing_in_common_are_as_far_as_can_be():
    one = torch.randn(3000, 2)
    assert divergences(one, one) == (0.0, 0.0)
    assert divergences(one, one + 100)[1] == pytest.approx(math.log(2), abs=1e-3)


def test_precision_and_recall_are_those_of_neighbours():
    real, made = torch.randn(200, 5), 0.5 * torch.randn(150, 5) + 0.3
    reach = [NearestNeighbors(n_neighbors=4).fit(rows).kneighbors(rows)[0][:, 3] for rows in (real, made)]
    far = np.linalg.norm(real.numpy()[:, None].astype(float) - made.numpy()[None].astype(float), axis=2)
    precision = (far <= reach[0][:, None]).any(axis=0).mean()
    recall = (far <= reach[1][None, :]).any(axis=1).mean()
    assert precision_and_recall(Cloud(real), Cloud(made)) == (pytest.approx(precision), pytest.approx(recall))
    assert precision_and_recall(Cloud(real), Cloud(real[:50].repeat(4, 1)))[0] == 1.0


def test_the_distance_of_frechet_is_that_of_its_formula():
    real, made = torch.randn(300, 6), torch.randn(200, 6) @ torch.randn(6, 6) + 1
    means = real.double().mean(dim=0).numpy() - made.double().mean(dim=0).numpy()
    first, second = (np.cov(rows.double().numpy().T) for rows in (real, made))
    wanted = means @ means + np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert frechet(real, made) == pytest.approx(wanted, rel=1e-6)
    assert frechet(real, real) == pytest.approx(0, abs=1e-8)


def test_copies_of_one_another_are_counted():
    real, made = torch.randn(400, 8), torch.randn(100, 8)
    assert duplicates(Cloud(real), Cloud(made)) <= 0.05
    made[:30] = made[0]
    assert duplicates(Cloud(real), Cloud(made)) == pytest.approx(0.3, abs=0.03)


def test_the_judge_tells_classes_about_as_well_as_a_logistic_regression_and_draws_from_its_own_chance(drawn):
    learner = drawn.network
    before = torch.get_rng_state()
    learner.lasting.pop("judge", None)
    judge = judge_now(learner)
    assert torch.equal(torch.get_rng_state(), before)
    train, valid = learner.data["train"], learner.data["validation"]
    rows, chances = judge.looked(valid.inputs)
    oracle = LogisticRegression(max_iter=2000).fit(train.inputs.flatten(1), train.targets)
    told = float((chances.argmax(dim=1) == valid.targets).float().mean())
    assert told > oracle.score(valid.inputs.flatten(1), valid.targets) - 0.03
    torch.testing.assert_close(judge.scores(rows).softmax(dim=1).detach(), chances, atol=1e-5, rtol=1e-4)
    learner.lasting.pop("judge")
    torch.testing.assert_close(judge_now(learner).looked(valid.inputs)[0], rows)  # the same one again


# -- views ---------------------------------------------------------------------------------------------------------


def test_the_game_shows_what_both_networks_give(plane):
    frame = seen(plane, "game", points=40, detail=20, manifold=True)
    judge, make = (plane.network.networks[role] for role in ("discriminator", "generator"))
    noise = plane.network.task.fixed(plane.network.networks, 40, torch.device("cpu"))
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(frame["made"]), make(noise))
    for row, column in ((0, 0), (3, 17), (19, 8)):
        place = torch.tensor([[frame["across"][column], frame["up"][row]]])
        assert frame["said"][row, column] == pytest.approx(judge(place).sigmoid().item(), abs=1e-5)
    step = 1e-4
    for number in (0, 7, 39):  # the pull is minus the slope of −log D, by differences
        place, slope = make(noise[number : number + 1]).detach().double(), []
        still = [p.double() for p in judge.parameters()]

        def lost(at, still=still):
            hidden = torch.tanh(at @ still[0].T + still[1])
            return -torch.nn.functional.logsigmoid(hidden @ still[2].T + still[3]).item()

        for axis in torch.eye(2, dtype=torch.double):
            slope.append((lost(place + step * axis) - lost(place - step * axis)) / (2 * step))
        assert frame["pull"][number] == pytest.approx([-one for one in slope], rel=1e-3, abs=1e-6)
    bent = frame["bent"]
    assert bent.shape == (26, 40, 2)
    assert np.isfinite(bent).all()


def test_all_cells_of_the_bent_grid_are_equally_likely(plane):
    for noise in ("gaussian", "uniform"):
        session = dataclasses.replace(plane, learner=Learner(game(Deceive(noise=noise)), DATA.load()))
        rows = VIEWS["game"]()._noise_grid(session).reshape(2, 13, 40, 2)
        drawn = session.network.task.fixed(session.network.networks, 20_000, torch.device("cpu"))
        lines = rows[0, :, 0, 0]
        share = [float((drawn[:, 0] < line).float().mean()) for line in lines]
        assert share == pytest.approx([(n + 0.5) / 13 for n in range(13)], abs=0.015)


def test_points_that_are_not_finite_are_said_so(plane):
    broken = plane.still()
    with torch.no_grad():
        next(broken.network.networks["generator"].parameters()).fill_(torch.inf)
    words = frame_of(VIEWS["game"](), broken).words
    assert "not finite" in words["problem"]


def test_balance_tells_verdicts_and_how_often_they_are_right(plane):
    frame = seen(plane, "balance", examples=60)
    learner = plane.network
    real = learner.data["validation"].inputs[:60]
    noise = learner.task.fixed(learner.networks, len(real), torch.device("cpu"))
    with torch.no_grad():
        judge = learner.networks["discriminator"]
        chances = judge(real).sigmoid(), judge(learner.networks["generator"](noise)).sigmoid()
    assert frame.words["real"] == pytest.approx(chances[0].mean().item(), rel=1e-5)
    assert frame.words["made"] == pytest.approx(chances[1].mean().item(), rel=1e-5)
    right = ((chances[0] > 0.5).float().mean() + (chances[1] < 0.5).float().mean()) / 2
    assert frame.words["right"] == pytest.approx(right.item())
    assert frame["real"].sum() == pytest.approx(1, abs=1e-5)
    assert frame["made"].sum() == pytest.approx(1, abs=1e-5)


def test_balance_of_a_run_tells_its_losses_and_gradients(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/runs.db")
    run = new_run(store, game(steps=80))
    for _ in carry_out(store, run):
        pass
    made = game(steps=80)
    record = StoredRecord(store, run)
    learner = Learner(made, DATA.load())
    frame = seen(Session(made, 80, record, learner), "balance", smoothing=0.0)
    curves = store.metrics(run)
    for role in ("discriminator", "generator"):
        told = [value for _, value in curves["train", f"{role} loss"]]
        assert frame[f"{role} loss"][1] == pytest.approx(told, rel=1e-5)
        assert np.isfinite(frame[f"{role} gradient"][1]).any()


def test_coverage_counts_heaps_and_names_a_collapse(plane):
    frame = seen(plane, "coverage")
    with torch.no_grad():
        noise = plane.network.task.fixed(plane.network.networks, 1000, torch.device("cpu"))
        made = plane.network.networks["generator"](noise).double()
    train = plane.network.dataset.train
    shares = []
    for place in range(8):
        mine = train.inputs[train.facts["mode"] == place].double()
        middle = mine.mean(dim=0)
        spread = ((mine - middle) ** 2).mean().sqrt()
        shares.append(float(((made - middle).norm(dim=1) <= 3 * spread).double().mean()))
    assert frame["share"] == pytest.approx(shares, abs=1e-6)
    missed = [n for n, share in enumerate(shares) if share < 0.1 * frame["fair"][n]]
    assert frame.words["missed"] == missed
    words = {"names": [str(n) for n in range(8)], "what": "heaps", "copies": 0.0}
    assert said_of_kinds(words | {"missed": []}) == "8 of 8 heaps are met"
    assert said_of_kinds(words | {"missed": [1, 5]}) == "6 of 8 heaps are met: missed 1, 5"
    assert "Collapsed" in said_of_kinds(words | {"missed": [0, 1, 2, 3, 4, 5]})
    assert "repeat one another" in said_of_kinds(words | {"missed": [], "copies": 0.5})


def test_coverage_of_pictures_is_told_by_the_judge(drawn):
    frame = seen(drawn, "coverage", examples=300)
    learner = drawn.network
    judge = judge_now(learner)
    with torch.no_grad():
        made = learner.networks["generator"](learner.task.fixed(learner.networks, 300, torch.device("cpu")))
        chances = judge(made).softmax(dim=1)
    shares = [float((chances.argmax(dim=1) == n).float().mean()) for n in range(10)]
    assert frame["share"] == pytest.approx(shares, abs=1e-6)
    assert frame.words["sure"] == pytest.approx(float((chances.amax(dim=1) >= 0.9).float().mean()))
    assert 0 <= frame.words["precision"] <= 1
    assert frame.words["frechet"] > 0


def test_samples_are_made_of_noise_that_stays_the_same_and_sorted_by_opinion(drawn):
    learner = drawn.network
    noise = learner.task.fixed(learner.networks, 200, torch.device("cpu"))
    with torch.no_grad():
        made = learner.networks["generator"](noise)
        said = learner.networks["discriminator"](made).sigmoid()[:, 0]
    shown = ((made + 1) / 2 * 255).round().clamp(0, 255).to(torch.uint8).numpy()
    plain = seen(drawn, "samples", rows=2)
    assert np.array_equal(plain["made"], shown[:20])
    assert plain.words["said"] == pytest.approx(said[:20].mean().item(), rel=1e-4)
    best = seen(drawn, "samples", rows=1, order="most real first")
    assert best.words["places"] == said.argsort(descending=True)[:10].tolist()
    worst = seen(drawn, "samples", rows=1, order="least real first")
    assert np.array_equal(worst["made"], shown[said.argsort()[:10].numpy()])
    again = seen(drawn, "samples", rows=1, seed=5)
    assert not np.array_equal(again["made"], plain["made"][:10])
    apart = [torch.pdist(rows.flatten(1)).mean() for rows in (made[:20], learner.train.inputs[:20])]
    assert plain.words["alike"] == pytest.approx((apart[0] / apart[1]).item(), rel=1e-4)


def test_truncated_noise_lies_within_and_keeps_its_order():
    view = VIEWS["samples"](within=0.5)
    noise = torch.randn(4000, 3)
    near = view._within(noise, False)
    assert near.abs().max() <= 0.5
    assert torch.equal(near[:, 0].argsort(), noise[:, 0].argsort())
    wide = torch.randn(400_000)
    wanted = wide[wide.abs() <= 0.5].std()  # as if drawn again where too far
    assert near.std().item() == pytest.approx(wanted.item(), rel=0.02)
    flat = 2 * torch.rand(100, 3) - 1
    assert torch.equal(view._within(flat, True), flat * 0.5)


def test_the_strip_shows_what_earlier_checkpoints_made(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/runs.db")
    made = pictures(steps=40)
    run = new_run(store, made)
    for _ in carry_out(store, run):
        pass
    record = StoredRecord(store, run)
    learner = Learner(made, made.data.load())
    at, weights = record.weights(40, "generator")
    learner.networks["generator"].load_state_dict(weights)
    frame = seen(Session(made, at, record, learner), "samples", sample="noise 4")
    steps = frame.words["steps"]
    assert steps[-1] == at
    assert steps == sorted(set(steps))
    assert len(steps) > 3
    noise = learner.task.fixed(learner.networks, 5, torch.device("cpu"))[4:]
    for place, step in enumerate(steps[:-1]):
        then, weights = record.weights(step, "generator")
        assert then == step
        learner.networks["generator"].load_state_dict(weights)
        with torch.no_grad():
            picture = (learner.networks["generator"](noise) + 1) / 2 * 255
        assert np.array_equal(frame["was"][place], picture[0].round().clamp(0, 255).to(torch.uint8).numpy())


def test_one_looks_back_by_doubling_steps_that_stay_as_long_as_nothing_doubles():
    assert moments(100, 6) == [0, 8, 16, 32, 64]
    assert moments(101, 6) == moments(128, 6)
    assert moments(1, 6) == [0]
    assert moments(3, 2) == [0]


def test_neighbours_are_those_of_scikit_learn(drawn):
    frame = seen(drawn, "neighbours", around=500)
    learner = drawn.network
    noise = learner.task.fixed(learner.networks, 10, torch.device("cpu"))
    with torch.no_grad():
        made = learner.networks["generator"](noise)
    train = learner.train.inputs[:500]
    near = NearestNeighbors(n_neighbors=1).fit(train.flatten(1))
    far, place = near.kneighbors(made.flatten(1))
    assert frame.words["dots places"] == place[:, 0].tolist()
    usual = near.kneighbors(learner.data["validation"].inputs[:300].flatten(1))[0]
    assert frame.words["dots far"] == pytest.approx((far / np.median(usual))[:, 0].tolist(), abs=1e-3)
    judge = judge_now(learner)
    rows = [judge.looked(one)[0] for one in (train, made)]
    place = NearestNeighbors(n_neighbors=1).fit(rows[0]).kneighbors(rows[1])[1]
    assert frame.words["classifier places"] == place[:, 0].tolist()


def test_copies_are_found(drawn):
    """A generator that gives what it learned from is as near as a copy."""
    copying = drawn.still()
    task, train = copying.network.task, copying.network.train.inputs

    class Copying(type(task)):
        kind = task.kind

        def unfolded(self, networks, codes, classes=None):
            return train[: len(codes)]

    copying.network.task = Copying()
    frame = seen(copying, "neighbours", around=500)
    assert frame.words["dots places"] == list(range(10))
    assert frame.words["dots far"] == pytest.approx([0] * 10, abs=1e-2)
    assert frame.words["dots nearer"] == 1.0


def test_why_fake_is_the_gradient_of_the_verdict(drawn):
    frame = seen(drawn, "why-fake", sample="3", number=2)
    learner = drawn.network
    judge = learner.networks["discriminator"]
    noise = learner.task.fixed(learner.networks, 2, torch.device("cpu"))
    with torch.no_grad():
        made = learner.networks["generator"](noise)
    given = torch.cat([learner.data["validation"].inputs[3:4], made]).requires_grad_()
    conv = judge.conv(given)
    flat = judge.out.weight.reshape(4, 8, 8) if conv.shape[2] == 8 else judge.out.weight.reshape(conv.shape[1:])
    said = (torch.tanh(conv) * flat).sum(dim=(1, 2, 3)) + judge.out.bias
    assert frame["said"] == pytest.approx(said.sigmoid().tolist(), rel=1e-4)
    slope, by_maps = torch.autograd.grad(said.sum(), [given, conv])
    np.testing.assert_allclose(frame["dots"], slope.sum(dim=1), atol=1e-6)
    speaks = (by_maps * conv).sum(dim=1, keepdim=True)
    wanted = torch.nn.functional.interpolate(speaks, (8, 8), mode="bilinear")[:, 0]
    np.testing.assert_allclose(frame["places"], wanted.detach(), atol=1e-5)


def test_noise_is_a_sample_that_every_view_takes(drawn):
    learner = drawn.network
    made = sample_of(drawn, "noise 7")
    noise = learner.task.fixed(learner.networks, 8, torch.device("cpu"))[7:]
    with torch.no_grad():
        picture = learner.networks["generator"](noise)
    torch.testing.assert_close(made.given, picture)
    assert made.words == "noise 7"
    given = sample_of(drawn.of("generator"), "train 7").given  # what makes pictures is given noise, whatever the name
    assert torch.equal(given, noise)
    maps = seen(drawn, "feature-maps", sample="noise 7", node="generator:one")
    with torch.no_grad():
        wanted = learner.networks["generator"].one(noise)[0]
    assert maps["maps"].flatten() == pytest.approx(wanted[:64].tolist(), rel=1e-4, abs=1e-5)
    for name in ("noise", "noise x", "noise 1000", "noise -1"):
        with pytest.raises(VitrineError, match="names no noise"):
            sample_of(drawn, name)


def test_walks_lead_through_noise(drawn):
    frame = seen(drawn, "walk", sample="noise 2")
    learner = drawn.network
    noise = learner.task.fixed(learner.networks, 300, torch.device("cpu"))
    assert frame["mine"] == pytest.approx(noise[2].tolist())
    assert frame["at"] == pytest.approx(noise[:, :2].numpy())
    place = torch.tensor(frame["base"]) + torch.tensor([0.3, -1.0]) @ torch.tensor(frame["ways"])
    with torch.no_grad():
        wanted = learner.networks["generator"](place[None].float())
    assert torch.allclose(place[2:].float(), noise[2, 2:])
    steers = VIEWS["walk"]().steering(frame, drawn.experiment)
    assert steers(place.tolist())["picture"].startswith("data:image/png")
    assert wanted.shape == (1, 1, 8, 8)
    ends = seen(drawn, "between", sample="noise 1", other="noise 2", third="noise 3", beyond=0.0, steps=3)
    with torch.no_grad():
        both = learner.networks["generator"](noise[1:3])
        half = learner.networks["generator"](noise[1:3].mean(dim=0, keepdim=True))
    shown = ((torch.cat([both[:1], half, both[1:]]) + 1) / 2 * 255).round().clamp(0, 255).to(torch.uint8)
    assert np.array_equal(ends["straight"], shown.numpy())
    words = frame_of(VIEWS["between"](ends="class means"), drawn).words
    assert "Noise has no classes" in words["problem"]


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.family == "gan"])
def test_every_view_of_every_preset_is_a_figure_or_a_reason(name):
    made = PRESETS[name].experiment()
    few = made.data.but(number=200) if "number" in type(made.data).model_fields else made.data
    made = dataclasses.replace(made, data=few, recipe=made.recipe.but(epochs=None, steps=2, batch=32))
    session = session_of(made)
    for kind in KINDS:
        figure_or_reason(VIEWS[kind](), session)
    for kind in ("feature-maps", "filters", "attribution", "class-activation", "close-up", "examples"):
        for role in made.graphs:
            view = VIEWS[kind]
            options = {"role": role} if "role" in view.model_fields else {}
            figure_or_reason(view(**options), session.of(role))


# -- pace ----------------------------------------------------------------------------------------------------------


def weights(learner):
    return {role: [p.detach().clone() for p in n.parameters()] for role, n in learner.networks.items()}


def moved(learner, before):
    now = weights(learner)
    return {role for role in now if any(not torch.equal(a, b) for a, b in zip(now[role], before[role], strict=True))}


def test_a_step_may_be_one_networks_alone_or_a_whole_round():
    recipe = Recipe(batch=50, epochs=None, steps=50, rate=0.01).owning("generator", interval=4)
    learner = Learner(dataclasses.replace(game(), recipe=recipe), DATA.load())
    stride = Stride()
    for role in ("generator", "discriminator"):
        before = weights(learner)
        assert stride.begin(learner, role) == 1
        learner.rest_at = learner.step + 1
        next(learn(learner, pause=100))
        assert moved(learner, before) == {role}
        assert not stride.end(learner)
    assert stride.begin(learner, "round") == 2  # two of four are done
    before = weights(learner)
    learner.rest_at = learner.step + 2
    next(learn(learner, pause=100))
    assert moved(learner, before) == {"generator", "discriminator"}
    assert learner.step == 4
    with pytest.raises(VitrineError, match=r"no network 'generatr'\. Did you mean 'generator'"):
        stride.begin(learner, "generatr")
    frozen = Learner(game(frozen=("generator:",)), DATA.load())
    with pytest.raises(VitrineError, match="The generator is frozen"):
        stride.begin(frozen, "generator")


def test_orders_name_networks_that_the_run_has(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/runs.db")
    run = new_run(store, game())
    store.update(run, status="running")
    assert give(store, run, "step", "generator") > 0
    assert give(store, run, "step", "round") > 0
    with pytest.raises(VitrineError, match="step takes example, epoch, round, a network"):
        give(store, run, "step", "encoder")
    assert str(Order(1, "step", "generator")) == "one step of the generator alone"


@pytest.mark.parametrize("later", [("resume", None), ("pause", None), ("step", 3)])
def test_a_step_of_one_alone_that_something_else_overtakes_leaves_nothing_behind(tmp_path, later):
    store = Store(f"sqlite:///{tmp_path}/runs.db")
    run = new_run(store, game(steps=30))
    enter(store, run, "step", "discriminator")
    enter(store, run, *later)
    for more in ("step", 20), ("resume", None):
        enter(store, run, *more)
    desk = Desk(store, run)
    for _ in attended(store, run, desk):
        pass
    curves = store.metrics(run)
    assert len(curves["train", "generator loss"]) >= 29
    assert store.run(run)["status"] == "done"


def test_neighbours_without_other_examples_are_drawn_without_a_measure(drawn):
    data = DATASETS["digits"](size=8, validation=0.0, test=0.0)
    alone = session_of(dataclasses.replace(pictures(steps=2), data=data))
    frame = seen(alone, "neighbours", around=200)
    again = Frame.unpack(frame.pack())
    figure = figure_of(VIEWS["neighbours"](), again)
    assert "usually" not in str(figure)


def test_two_classes_make_no_plane(drawn):
    label = (Input(sizes=(2,)),)
    judge = chain(
        image=Input(sizes=(1, 8, 8)),
        flat=Flatten(),
        label=label,
        both=(Concat(), "flat", "label"),
        out=Dense(units=1),
    )
    made = dataclasses.replace(pictures(), graphs=pictures().graphs | {"discriminator": judge})
    assert VIEWS["game"]().refusal(made)
    assert not VIEWS["samples"]().refusal(made)


def test_a_generator_that_is_broken_on_the_table_has_a_reason_or_none(drawn):
    broken = chain(noise=Input(sizes=(6,)), one=Dense(units=64), picture=Reshape(sizes=(1, 7, 8)))
    made = dataclasses.replace(pictures(), graphs=pictures().graphs | {"generator": broken})
    for kind in KINDS:
        VIEWS[kind]().refusal(made)
