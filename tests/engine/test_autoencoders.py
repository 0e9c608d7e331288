"""Autoencoders: their losses by formulas and by hand, what they learn beside scikit-learn's PCA, and their mirrors."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats
from scipy.ndimage import gaussian_filter
from sklearn.decomposition import PCA
from torch import nn
from torch.nn import functional as F

from engine.data import DATASETS, Dataset, Split
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.graph.graph import Graph
from engine.graph.mirror import mirrored
from engine.graph.network import Network
from engine.graph.trace import trace
from engine.layers.activation import ReLU, Sigmoid
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Add, Draw
from engine.layers.normalisation import BatchNorm
from engine.layers.pooling import MaxPool2d
from engine.layers.regularisation import Dropout
from engine.layers.reshaping import Flatten
from engine.layers.sequence import LSTM
from engine.presets import PRESETS
from engine.tasks.coding import linear
from engine.tasks.damage import damaged
from engine.tasks.encode import Encode, moving
from engine.tasks.principal import principal
from engine.tasks.similarity import similarity
from engine.tasks.vary import Vary, unlike
from engine.training.change import change
from engine.training.choosing import refusals, suited
from engine.training.experiment import Experiment, dump, load
from engine.training.fit import suiting, with_graph
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from engine.training.unfit import unfit
from tests.engine.stopping import stopped_and_not

SMALL = DATASETS["digits"](size=8)
CODED = chain(image=Input(sizes=(1, 8, 8)), flatten=Flatten(), hide=Dense(units=12), relu=ReLU(), code=Dense(units=3))
BOUND = chain(image=Input(sizes=(1, 8, 8)), flatten=Flatten(), code=Dense(units=5), sigmoid=Sigmoid())


def drawing(size=3):
    graph = chain(
        image=Input(sizes=(1, 8, 8)),
        flatten=Flatten(),
        hide=Dense(units=16),
        relu=ReLU(),
        mean=Dense(units=size),
        spread=(Dense(units=size), "relu"),
        code=(Draw(), "mean", "spread"),
    )
    return dataclasses.replace(graph, outputs=("code", "mean", "spread"))


def both(encoder):
    return {"encoder": encoder, "decoder": mirrored(encoder)}


def experiment(task, encoder=None, data=SMALL, **recipe):
    encoder = encoder or (drawing() if isinstance(task, Vary) else CODED)
    return Experiment("coded", both(encoder), data, task, Recipe(**{"epochs": 2.0, "batch": 50} | recipe))


def learned(task, encoder=None, data=SMALL, **recipe):
    made = experiment(task, encoder, data, **recipe)
    learner = Learner(made, data.load())
    for _ in learn(learner):
        pass
    return learner


def batch(learner, number=40):
    return learner.train.inputs[:number], learner.train.targets[:number]


def loss_of(learner, inputs, targets, step=0):
    torch.manual_seed(3)
    (turn,) = learner.task.turns(learner.networks, inputs, targets, step)
    return turn.loss()


# -- a step, by hand -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimiser", ["adam", "sgd", "nesterov", "rmsprop"])
def test_both_networks_move_by_one_loss_as_in_a_loop_by_hand(optimiser):
    ours = Learner(experiment(Encode(), optimiser=optimiser, rate=0.01, steps=6, decay=0.01), SMALL.load())
    torch.manual_seed(0)
    encoder, decoder = (Network(graph) for graph in both(CODED).values())
    ways = {
        "adam": lambda p: torch.optim.Adam(p, 0.01),
        "sgd": lambda p: torch.optim.SGD(p, 0.01),
        "nesterov": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, nesterov=True),
        "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01),
    }
    weights = [*encoder.parameters(), *decoder.parameters()]
    by_hand = ways[optimiser](weights)
    ours.enter()
    losses = []
    for inputs, targets in ours.batches():
        by_hand.zero_grad()
        loss = ((decoder(encoder(inputs)) - inputs) ** 2).mean()
        loss.backward()
        with torch.no_grad():  # the recipe pulls weights, not biases, and adds that to the gradient
            for weight in weights:
                if weight.dim() > 1:
                    weight.grad += 0.01 * weight
        by_hand.step()
        losses.append(loss.item())
        ours.advance(inputs, targets)
        if ours.step == 6:
            break
    told = ours.take_losses()
    assert list(told) == ["encoder"]
    assert [loss.item() for _, loss in told["encoder"]] == pytest.approx(losses, rel=1e-4)
    for role, network in (("encoder", encoder), ("decoder", decoder)):
        for mine, theirs in zip(ours.networks[role].parameters(), network.parameters(), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=2e-4, atol=2e-6)


def test_a_network_that_is_frozen_or_pauses_stays_and_the_other_moves():
    still = learned(Encode(), frozen=("decoder:",), steps=5)
    torch.manual_seed(0)
    begun = [Network(graph) for graph in both(CODED).values()]
    assert all(
        torch.equal(a, b) for a, b in zip(still.networks["decoder"].parameters(), begun[1].parameters(), strict=True)
    )
    assert not torch.equal(next(still.networks["encoder"].parameters()), next(begun[0].parameters()))
    pausing = Learner(
        Experiment("x", both(CODED), SMALL, Encode(), Recipe(steps=4).owning("encoder", interval=2)),
        SMALL.load(),
    )
    pausing.enter()
    moved = []
    for inputs, targets in pausing.batches():
        before = (
            next(pausing.networks["encoder"].parameters()).clone(),
            next(pausing.networks["decoder"].parameters()).clone(),
        )
        pausing.advance(inputs, targets)
        after = next(pausing.networks["encoder"].parameters()), next(pausing.networks["decoder"].parameters())
        moved.append(tuple(not torch.equal(a, b) for a, b in zip(before, after, strict=True)))
        if pausing.step == 4:
            break
    assert moved == [(False, True), (True, True), (False, True), (True, True)]


def test_lbfgs_lets_each_network_search():
    learner = learned(Encode(), optimiser="lbfgs", rate=1.0, epochs=8.0)
    start = Learner(experiment(Encode()), SMALL.load()).score("train")["loss"]
    assert learner.score("train")["loss"] < 0.7 * start


def test_clipping_shortens_each_networks_gradient_by_itself():
    learner = Learner(experiment(Encode(), optimiser="sgd", rate=1.0, clip=0.001, steps=1), SMALL.load())
    before = learner.weights()
    learner.enter()
    inputs, targets = next(iter(learner.batches()))
    learner.advance(inputs, targets)
    for role, network in learner.networks.items():
        moves = [(p.detach() - before[role][name]).double() for name, p in network.named_parameters()]
        far = sum(float(one.square().sum()) for one in moves)
        assert far**0.5 == pytest.approx(0.001, rel=1e-2)


# -- losses, by formulas -------------------------------------------------------------------------------------------


def test_pictures_come_as_they_are_from_0_to_1():
    learner = Learner(experiment(Encode()), SMALL.load())
    raw = SMALL.load().train.inputs.float() / 255
    torch.testing.assert_close(learner.train.inputs, raw)


def test_losses_are_what_they_are_called():
    learner = Learner(experiment(Encode(), BOUND), SMALL.load())
    inputs, targets = batch(learner)
    made = learner.networks["decoder"](learner.networks["encoder"](inputs))
    x, y = inputs.numpy(), made.detach().numpy()
    wanted = {
        "squared": ((x - y) ** 2).mean(),
        "absolute": abs(x - y).mean(),
        "huber": np.where(abs(x - y) < 1, (x - y) ** 2 / 2, abs(x - y) - 0.5).mean(),
        "cross-entropy": -(x * np.log(y) + (1 - x) * np.log(1 - y)).mean(),
    }
    for name, value in wanted.items():
        learner.task = Encode(loss=name)
        assert loss_of(learner, inputs, targets).item() == pytest.approx(value, rel=1e-5)


def test_sparsity_by_l1_and_by_rate():
    learner = Learner(experiment(Encode(), BOUND), SMALL.load())
    inputs, targets = batch(learner)
    codes = learner.networks["encoder"](inputs).detach().numpy().astype(float)
    plain = loss_of(learner, inputs, targets).item()
    learner.task = Encode(sparse="L1", sparsity=0.3)
    assert loss_of(learner, inputs, targets).item() - plain == pytest.approx(
        0.3 * abs(codes).sum(axis=1).mean(), rel=1e-4
    )
    learner.task = Encode(sparse="rate", sparsity=0.2, target=0.1)
    rates = codes.mean(axis=0)
    far = sum(stats.entropy([0.1, 0.9], [rate, 1 - rate]) for rate in rates)
    assert loss_of(learner, inputs, targets).item() - plain == pytest.approx(0.2 * far, rel=1e-4)


def test_contraction_is_the_squared_jacobian_by_finite_differences():
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    given = torch.randn(6, 4, dtype=torch.double)
    found, tiny = 0.0, 1e-6
    for place in range(4):
        step = torch.zeros(4, dtype=torch.double)
        step[place] = tiny
        slope = (encoder(given + step) - encoder(given - step)) / (2 * tiny)
        found += slope.square().sum().item() / 6
    assert moving(encoder, given).item() == pytest.approx(found, rel=1e-6)
    moving(encoder, given).backward()
    assert all(p.grad is not None for p in [encoder[0].weight, encoder[2].weight])


def test_structural_similarity_is_that_of_the_paper():
    random = np.random.default_rng(0)
    one = random.random((2, 3, 24, 20))
    other = np.clip(one + 0.2 * random.standard_normal(one.shape), 0, 1)

    def bell(values):  # a window of 11 dots: the tails of SciPy's bell are cut there
        return gaussian_filter(values, 1.5, truncate=5 / 1.5)[5:-5, 5:-5]

    wanted = []
    for a, b in zip(one, other, strict=True):
        maps = []
        for x, y in zip(a, b, strict=True):
            mx, my = bell(x), bell(y)
            vx, vy, both_ = bell(x * x) - mx**2, bell(y * y) - my**2, bell(x * y) - mx * my
            maps.append((2 * mx * my + 1e-4) * (2 * both_ + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4)))
        wanted.append(np.mean(maps))
    found = similarity(torch.tensor(one), torch.tensor(other))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6)
    torch.testing.assert_close(similarity(torch.tensor(one), torch.tensor(one)), torch.ones(2, dtype=torch.double))


def test_structure_is_mixed_into_loss_and_score():
    task = Encode(structure=0.4)
    learner = learned(task, epochs=3.0)
    inputs, targets = batch(learner)
    made = learner.networks["decoder"](learner.networks["encoder"](inputs)).detach()
    wanted = 0.6 * F.mse_loss(made, inputs) + 0.4 * (1 - similarity(made, inputs).mean())
    assert loss_of(learner, inputs, targets).item() == pytest.approx(wanted.item(), rel=1e-5)
    scores = learner.score("validation")
    right = learner.data["validation"].inputs
    alike = similarity(learner.answers("validation"), right).mean().item()
    assert scores["SSIM"] == pytest.approx(alike, rel=1e-5)
    assert scores["loss"] == pytest.approx(0.6 * scores["rmse"] ** 2 + 0.4 * (1 - alike), rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.floats(-3, 3), st.floats(-4, 3))
def test_the_divergence_of_normals_is_the_closed_form_and_so_is_its_gradient(mean, spread):
    m, s = (torch.tensor([[value]], dtype=torch.float32, requires_grad=True) for value in (mean, spread))
    found = unlike(m, s).sum()
    one = torch.distributions.Normal(torch.tensor(mean), torch.tensor(math.exp(spread / 2)))
    wanted = torch.distributions.kl_divergence(one, torch.distributions.Normal(0.0, 1.0))
    assert found.item() == pytest.approx(wanted.item(), rel=1e-4, abs=1e-6)
    found.backward()
    assert m.grad.item() == pytest.approx(mean, rel=1e-4, abs=1e-6)
    assert s.grad.item() == pytest.approx((math.exp(spread) - 1) / 2, rel=1e-4, abs=1e-6)


def test_what_is_lost_is_minus_the_logarithm_of_a_probability():
    made, right = torch.tensor([[0.2, 0.9]]), torch.tensor([[0.5, 1.0]])
    normal = -stats.norm(made.numpy(), 0.3).logpdf(right.numpy())
    laplace = -stats.laplace(made.numpy(), 0.3).logpdf(right.numpy())
    np.testing.assert_allclose(Vary(loss="squared", deviation=0.3).improbable(made, right), normal, rtol=1e-5)
    np.testing.assert_allclose(Vary(loss="absolute", deviation=0.3).improbable(made, right), laplace, rtol=1e-5)
    chances = -(right * made.log() + (1 - right) * (1 - made).log())
    torch.testing.assert_close(Vary().improbable(made, right), chances)


def test_beta_anneals_as_its_formulas_say_and_free_bits_cost_nothing():
    once, cycles = Vary(beta=3.0, anneal="once", over=100), Vary(beta=3.0, anneal="in cycles", over=100)
    assert [once.beta_at(step) for step in (0, 50, 100, 500)] == [0.0, 1.5, 3.0, 3.0]
    assert [cycles.beta_at(step) for step in (0, 25, 50, 99, 100, 125)] == [0.0, 1.5, 3.0, 3.0, 0.0, 1.5]
    learner = Learner(experiment(Vary(loss="squared")), SMALL.load())
    inputs, targets = batch(learner)
    _, mean, spread = learner.networks["encoder"](inputs)
    each = (0.5 * (mean**2 + spread.exp() - 1 - spread)).mean(dim=0).detach()

    def priced(**options):
        learner.task = Vary(loss="squared", **options)
        return loss_of(learner, inputs, targets, 25).item()

    lost = priced(beta=0.0)
    assert priced(beta=2.0) - lost == pytest.approx(2 * each.sum().item(), rel=1e-3)
    assert priced(beta=2.0, anneal="once", over=100) - lost == pytest.approx(0.5 * each.sum().item(), rel=1e-3)
    free = float(each.median())
    wanted = sum(max(free, float(one)) for one in each)
    assert priced(beta=1.0, free=free) - lost == pytest.approx(wanted, rel=1e-3)


def test_the_gradient_through_what_is_drawn_is_that_of_finite_differences():
    learner = Learner(experiment(Vary(loss="squared")), SMALL.load())
    encoder, decoder = (learner.networks[role].double() for role in ("encoder", "decoder"))
    inputs = learner.train.inputs[:8].double()

    def loss():
        torch.manual_seed(1)
        z, *more = encoder(inputs)
        return Vary(loss="squared").improbable(decoder(z), inputs).sum() + unlike(*more).sum()

    loss().backward()
    for name in ("mean", "spread", "hide"):
        weight = encoder.get_submodule(name).weight
        slope, tiny = weight.grad[1, 2].item(), 1e-5
        with torch.no_grad():
            weight[1, 2] += tiny
            above = loss().item()
            weight[1, 2] -= 2 * tiny
            below = loss().item()
            weight[1, 2] += tiny
        assert slope == pytest.approx((above - below) / (2 * tiny), rel=2e-3)


def test_the_bound_lies_below_the_true_likelihood_of_a_linear_gaussian_model():
    """Of x = W z + b + noise the likelihood is known: a normal with covariance W Wᵀ + σ² I."""
    torch.manual_seed(0)
    sigma, ways, shift = 0.3, torch.randn(6, 2), torch.randn(6)
    ways[:, 1] = ways[:, 0] + 0.4 * ways[:, 1]  # alike, so that numbers drawn one by one cannot be the true posterior
    many = 40_000  # one draw for each: the mean of so many is told to a few thousandths
    rows = torch.randn(many, 2) @ ways.T + shift + sigma * torch.randn(many, 6)
    split = Split(rows, torch.zeros(many, 0))
    data = Dataset("Gaussian", "numbers", (), split.take(torch.arange(100)), split, split.take(torch.arange(50)))
    encoder = chain(
        row=Input(sizes=(6,)), mean=Dense(units=2), spread=(Dense(units=2), "row"), code=(Draw(), "mean", "spread")
    )
    graphs = both(dataclasses.replace(encoder, outputs=("code", "mean", "spread")))
    task = Vary(loss="squared", deviation=sigma)
    learner = Learner(Experiment("g", graphs, SMALL, task, Recipe(epochs=1.0, batch=50)), data)
    true = stats.multivariate_normal(shift.numpy(), (ways @ ways.T + sigma**2 * torch.eye(6)).numpy())
    precision = torch.eye(2) + ways.T @ ways / sigma**2  # of the true posterior
    exact = torch.linalg.inv(precision)
    decoder = learner.networks["decoder"].get_submodule("dense1")
    with torch.no_grad():
        decoder.weight.copy_(ways)
        decoder.bias.copy_(shift)
        mean, spread = (learner.networks["encoder"].get_submodule(name) for name in ("mean", "spread"))
        mean.weight.copy_(exact @ ways.T / sigma**2)
        mean.bias.copy_(-mean.weight @ shift)
        spread.weight.zero_()
        spread.bias.copy_(-precision.diagonal().log())  # the nearest there is to it, number by number
    true_mean = float(np.mean(true.logpdf(rows.numpy())))
    near = learner.score("validation")
    assert near["ELBO"] < true_mean
    correlated = 0.5 * (np.log(np.diag(precision.numpy())).sum() - np.linalg.slogdet(precision.numpy())[1])
    assert near["ELBO"] == pytest.approx(true_mean - correlated, abs=0.05)  # what independent numbers must lose
    assert near["ELBO"] == pytest.approx(-near["reconstruction"] - near["KL"], rel=1e-6)
    with torch.no_grad():
        mean.weight.mul_(0.8)
    assert learner.score("validation")["ELBO"] < near["ELBO"]


def test_scores_of_what_is_drawn_are_the_same_each_time_and_leave_chance_alone():
    learner = learned(Vary(), epochs=2.0)
    state = torch.get_rng_state()
    first, again = learner.score("validation"), learner.score("validation")
    assert first == again
    assert torch.equal(state, torch.get_rng_state())
    _, mean, spread = learner.networks["encoder"].eval()(learner.data["validation"].inputs)
    told = (0.5 * (mean**2 + spread.exp() - 1 - spread)).sum(dim=1).mean().item()
    assert first["KL"] == pytest.approx(told, rel=1e-5)
    assert first["active units"] == int((mean.var(dim=0, correction=0) > 0.01).sum())
    assert first["loss"] == pytest.approx(first["reconstruction"] + first["KL"], rel=1e-6)


# -- damage --------------------------------------------------------------------------------------------------------


def test_damage_is_what_it_is_called():
    pictures = torch.full((200, 1, 12, 10), 0.5)
    chance = torch.Generator().manual_seed(0)
    noisy = damaged(pictures, "gaussian", 0.2, 0.0, 1.0, chance) - pictures
    assert noisy.mean().abs() < 0.01
    assert noisy.std().item() == pytest.approx(0.2, rel=0.02)
    lost = damaged(pictures, "masking", 0.3, 0.0, 1.0, chance)
    assert set(lost.unique().tolist()) == {0.0, 0.5}
    assert (lost == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    grains = damaged(pictures, "salt and pepper", 0.3, 0.0, 1.0, chance)
    assert [(grains == value).float().mean().item() for value in (0.0, 1.0)] == pytest.approx([0.15, 0.15], abs=0.01)
    blocks = damaged(pictures, "blocks", 0.5, 0.0, 1.0, chance)
    for one in blocks[:, 0]:
        rows, columns = (one == 0).any(dim=1), (one == 0).any(dim=0)
        assert (int(rows.sum()), int(columns.sum()), int((one == 0).sum())) == (6, 5, 30)
        assert rows.nonzero().flatten().diff().eq(1).all()
    assert damaged(pictures, "none", 0.9, 0.0, 1.0) is pictures


def test_what_is_missing_stays_missing_and_series_lose_a_stretch():
    series = torch.ones(50, 8, 2)
    series[:, 6:] = torch.nan
    for way in ("gaussian", "masking", "salt and pepper", "blocks"):
        found = damaged(series, way, 0.5, -1.0, 2.0)
        assert torch.equal(found.isnan(), series.isnan())
    blocks = damaged(torch.ones(50, 8, 2), "blocks", 0.25, -1.0, 2.0)
    assert all((one[:, 0] == 0).sum() == 2 and torch.equal(one[:, 0], one[:, 1]) for one in blocks)


def test_denoising_beats_leaving_it_as_it_is():
    learner = learned(
        Encode(noise="gaussian", strength=0.3),
        chain(image=Input(sizes=(1, 8, 8)), flatten=Flatten(), code=Dense(units=20), relu=ReLU()),
        epochs=60.0,
        rate=0.005,
    )
    scores = learner.score("test")
    assert scores["rmse"] < 0.6 * scores["rmse of the damage"]
    assert scores["rmse of the damage"] == pytest.approx(0.3, rel=0.03)


def test_sparse_codes_reach_their_rate():
    learner = learned(
        Encode(sparse="rate", sparsity=0.1, target=0.1),
        chain(image=Input(sizes=(1, 8, 8)), flatten=Flatten(), code=Dense(units=30), sigmoid=Sigmoid()),
        epochs=60.0,
        rate=0.005,
    )
    assert learner.score("train")["activity"] == pytest.approx(0.1, abs=0.02)


# -- principal components --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [30, 1100])  # exactly, and by drawing
def test_principal_components_are_scikit_learns(columns):
    random = np.random.default_rng(0)
    rows = random.standard_normal((300, 8)) @ random.standard_normal((8, columns)) + 0.1 * random.standard_normal(
        (300, columns)
    )
    found = principal(torch.tensor(rows), 5)
    theirs = PCA(5).fit(rows)
    np.testing.assert_allclose(found.spread, theirs.explained_variance_, rtol=1e-3)
    angles = np.degrees(linalg.subspace_angles(found.ways.double().numpy(), theirs.components_.T))
    assert angles.max() < 0.05
    back = theirs.inverse_transform(theirs.transform(rows))
    np.testing.assert_allclose(found.given_back(torch.tensor(rows).float()), back, atol=1e-3)
    assert found.whole == pytest.approx(rows.var(axis=0, ddof=1).sum(), rel=1e-5)


def test_angles_are_scipys():
    torch.manual_seed(0)
    found = principal(torch.randn(200, 9) * torch.linspace(1, 3, 9), 4)
    for other in (torch.randn(9, 4), found.ways @ torch.randn(4, 4), found.ways[:, :2] + 1e-4 * torch.randn(9, 2)):
        theirs = np.degrees(linalg.subspace_angles(found.ways.double().numpy(), other.double().numpy()))
        np.testing.assert_allclose(found.angles(other), theirs, atol=2e-5)


def test_a_linear_autoencoder_spans_what_scikit_learns_pca_spans():
    preset = PRESETS["pca-ae"].experiment()
    learner = Learner(preset, preset.data.load())
    for _ in learn(learner):
        pass
    raw = preset.data.load().train.inputs.flatten(1).numpy() / 255
    theirs = PCA(2).fit(raw)
    decoder = learner.networks["decoder"].get_submodule("dense1")
    angles = np.degrees(linalg.subspace_angles(decoder.weight.detach().double().numpy(), theirs.components_.T))
    scores = learner.score("train")
    assert angles.max() < 5
    assert scores["angle to PCA"] == pytest.approx(angles.max(), abs=0.02)
    by_pca = np.sqrt(((theirs.inverse_transform(theirs.transform(raw)) - raw) ** 2).mean())
    assert scores["rmse by PCA"] == pytest.approx(by_pca, rel=1e-4)
    assert scores["rmse"] ** 2 == pytest.approx(by_pca**2, rel=0.01)


def test_only_weighted_sums_are_linear():
    assert linear(PRESETS["pca-ae"].graphs["encoder"])
    assert not linear(CODED)


# -- mirrors ---------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_mirror_gives_back_the_sizes_of_what_went_in(data):
    side, channels = data.draw(st.sampled_from([8, 12, 16, 28])), data.draw(st.sampled_from([1, 3]))
    layers = {}
    for number in range(data.draw(st.integers(0, 2))):
        kernel, stride = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 2))
        layers[f"conv{number}"] = Conv2d(
            channels=4, kernel=kernel, stride=stride, padding=data.draw(st.integers(0, kernel // 2))
        )
        if data.draw(st.booleans()):
            layers[f"norm{number}"] = BatchNorm()
        layers[f"relu{number}"] = ReLU()
        if data.draw(st.booleans()):
            layers[f"pool{number}"] = MaxPool2d()
    encoder = chain(
        image=Input(sizes=(channels, side, side)), **layers, flat=Flatten(), drop=Dropout(), code=Dense(units=3)
    )
    if not trace(encoder).sound:
        return
    by = data.draw(st.sampled_from(["transposed convolution", "upsampling"]))
    try:
        decoder = mirrored(encoder, by)
    except VitrineError as words:
        assert "enlarges that back" in str(words) or "again" in str(words) or "would give" in str(words)
        return
    made = Network(decoder).eval()(torch.randn(2, 3))
    assert made.shape == (2, channels, side, side)


def test_mirrors_of_dense_convolutional_drawn_and_recurrent_encoders():
    def kinds(graph):
        return [node.layer.kind for node in graph.nodes]

    assert kinds(mirrored(CODED)) == ["input", "dense", "relu", "dense", "reshape", "sigmoid"]
    assert kinds(mirrored(drawing())) == ["input", "dense", "relu", "dense", "reshape", "sigmoid"]
    folding = chain(
        image=Input(sizes=(1, 8, 8)),
        conv=Conv2d(channels=4, kernel=3, padding=1),
        norm=BatchNorm(),
        relu=ReLU(),
        pool=MaxPool2d(),
        flat=Flatten(),
        code=Dense(units=2),
    )
    assert kinds(mirrored(folding)) == [
        "input",
        "dense",
        "reshape",
        "upsample_nearest",
        "batch_norm",
        "relu",
        "conv_transpose2d",
        "sigmoid",
    ]
    assert kinds(mirrored(folding, "upsampling"))[-2] == "conv2d"
    cells = chain(series=Input(sizes=(9, 2)), lstm=LSTM(units=5), code=Dense(units=3))
    assert kinds(mirrored(cells)) == ["input", "dense", "repeat", "lstm", "dense"]
    assert trace(mirrored(cells)).outputs[0].sizes == (9, 2)


def test_what_nothing_mirrors_is_said_in_words():
    branching = chain(row=Input(sizes=(4,)), one=Dense(units=4), sum=(Add(), "one", "row"), code=Dense(units=2))
    with pytest.raises(VitrineError, match=r"Nothing mirrors sum, which takes several inputs\. Build the decoder"):
        mirrored(branching)
    odd = chain(image=Input(sizes=(1, 7, 7)), pool=MaxPool2d(), flat=Flatten(), code=Dense(units=2))
    with pytest.raises(VitrineError, match="no whole number enlarges that back"):
        mirrored(odd)


def test_a_decoder_follows_when_the_code_becomes_longer_and_data_others():
    before = experiment(Encode())
    wider = Graph(
        tuple(n if n.id != "code" else type(n)(n.id, Dense(units=7), n.inputs) for n in CODED.nodes), CODED.outputs
    )
    after = with_graph(before, "encoder", wider)
    assert next(iter(after.graphs["decoder"].inputs.values())).sizes == (7,)
    assert unfit(after.graphs, after.task, after.recipe, SMALL.load()) == ""
    large = DATASETS["digits"](size=28).load()
    assert "Change image to 1×28×28" in unfit(after.graphs, after.task, after.recipe, large)
    fitted = suiting(after, large)
    assert unfit(fitted.graphs, fitted.task, fitted.recipe, large) == ""


# -- bad input, and the whole way -------------------------------------------------------------------------------------


def test_what_cannot_be_is_said_in_words():
    dataset = SMALL.load()

    def words(task, graphs=None, data=dataset, recipe=None):
        return unfit(graphs or both(CODED), task, recipe or Recipe(), data)

    assert words(Encode()) == words(Vary(), both(drawing())) == ""
    assert "The encoder draws nothing. Let it end in a draw from normals" in words(Vary())
    assert "Choose the task 'vary'" in words(Encode(), both(drawing()))
    assert "does not tell what it draws from" in words(
        Vary(), both(drawing()) | {"encoder": dataclasses.replace(drawing(), outputs=("code",))}
    )
    straight = chain(code=Input(sizes=(3,)), out=Dense(units=5))
    assert "out gives 5 but an example is 1×8×8. Let the decoder give that, or mirror." in words(
        Encode(), {"encoder": CODED, "decoder": straight}
    )
    assert "The code is 3 but the decoder takes 4" in words(
        Encode(), {"encoder": CODED, "decoder": chain(code=Input(sizes=(4,)), out=Dense(units=64))}
    )
    maps = chain(image=Input(sizes=(1, 8, 8)), conv=Conv2d(channels=2, padding=1))
    assert "Let its code be a row of numbers" in words(Encode(), {"encoder": maps, "decoder": straight})
    bare = {
        "encoder": CODED,
        "decoder": chain(
            code=Input(sizes=(3,)), dense=Dense(units=64), out=PRESETS["pca-ae"].graphs["decoder"].nodes[-1].layer
        ),
    }
    assert "Add a sigmoid behind it" in words(Encode(loss="cross-entropy"), bare)
    assert "Let the encoder end in a sigmoid, or choose L1" in words(Encode(sparse="rate"))
    assert "each look is drawn anew" in words(Vary(), both(drawing()), recipe=Recipe(optimiser="lbfgs"))
    assert "It is for encoder and decoder" in unfit({"network": CODED}, Encode(), Recipe(), dataset)
    waves = DATASETS["waves"]()
    cells = both(chain(series=Input(sizes=(40, 1)), lstm=LSTM(units=5), code=Dense(units=3)))
    assert "numbers from 0 to 1; Waves has others" in words(Encode(loss="cross-entropy"), cells, waves.load())
    assert "Structural similarity is for pictures" in words(Encode(structure=0.5), cells, waves.load())
    with pytest.raises(VitrineError, match="beta must be at least 0"):
        Vary.read({"beta": -1})
    wide = chain(image=Input(sizes=(1, 8, 8)), flatten=Flatten(), code=Dense(units=100))
    assert words(Encode(), both(wide)) == ""  # wider than the input: allowed
    assert "at most 128 numbers" in words(
        Encode(contraction=0.1), both(chain(image=Input(sizes=(1, 8, 8)), flatten=Flatten(), code=Dense(units=200)))
    )


def test_a_code_with_room_for_everything_is_allowed_and_said_to_teach_nothing():
    wide = both(chain(image=Input(sizes=(1, 8, 8)), flatten=Flatten(), code=Dense(units=64)))
    narrow = both(chain(image=Input(sizes=(1, 8, 8)), flatten=Flatten(), code=Dense(units=63)))
    assert Encode().unwise(wide) == (
        "A code of 64 numbers has room for all 64 of an example: the networks can copy, and learn nothing about the "
        "data. Make the code smaller, damage what comes in, or ask for a sparse code."
    )
    assert not Encode().refuses(wide, SMALL.load())
    assert Encode().unwise(narrow) == ""
    for task in (Encode(noise="masking"), Encode(sparse="L1"), Encode(contraction=0.1), Vary()):
        assert task.unwise(wide) == ""
    assert Vary(beta=0.0).unwise(wide)


def test_the_task_is_offered_by_what_the_encoder_does():
    dataset = SMALL.load()
    assert not refusals(both(CODED), dataset)["encode"]
    assert "draws nothing" in refusals(both(CODED), dataset)["vary"]
    assert suited(Experiment("x", both(drawing()), SMALL, Encode()), dataset).task == Vary()


@pytest.mark.parametrize("task", [Encode(noise="masking"), Vary(anneal="once", over=20)], ids=["encode", "vary"])
def test_a_run_that_is_stopped_and_goes_on_equals_one_that_is_not(task, tmp_path):
    curves = stopped_and_not(tmp_path, experiment(task, steps=30, epochs=None))
    assert {metric for split, metric in curves if split == "train"} == {"loss"}
    assert ("validation", "rmse by PCA") in curves


def test_beta_may_be_changed_while_it_learns_and_is_part_of_the_state():
    learner = Learner(experiment(Vary(), steps=40, epochs=None), SMALL.load())
    change(learner, {"beta": 7.0, "rate": 0.003})
    assert (learner.task.beta, learner.recipe.rate) == (7.0, 0.003)
    inputs, targets = batch(learner)
    dear = loss_of(learner, inputs, targets).item()
    change(learner, {"beta": 0.0})
    assert loss_of(learner, inputs, targets).item() < dear
    change(learner, {"beta": 2.5})
    again = Learner(experiment(Vary(), steps=40, epochs=None), SMALL.load())
    again.restore(learner.state())
    assert again.task.beta == 2.5
    with pytest.raises(VitrineError, match="beta must be at least 0"):
        change(learner, {"beta": -1.0})
    with pytest.raises(VitrineError, match="'beta' cannot be changed"):
        change(Learner(experiment(Encode()), SMALL.load()), {"beta": 1.0})


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.family == "autoencoder"])
def test_every_preset_takes_a_few_steps_and_survives_its_own_document(name):
    preset = PRESETS[name].experiment()
    short = dataclasses.replace(preset, recipe=preset.recipe.but(steps=3, epochs=None, schedule="constant"))
    assert load(dump(short)) == short
    data = short.data.but(number=200) if "number" in type(short.data).model_fields else short.data
    short = dataclasses.replace(short, data=data)
    learner = Learner(short, short.data.load())
    first = learner.score("validation")["loss"]
    for _ in learn(learner):
        pass
    scores = learner.score("validation")
    assert all(math.isfinite(value) for value in scores.values())
    assert scores["loss"] != first


# -- rare endings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("vae", {"optimiser": "sgd", "rate": 30.0}),
        ("pca-ae", {"optimiser": "sgd", "rate": 50.0, "schedule": "constant"}),
    ],
)
def test_what_runs_away_is_told_in_words(name, settings):
    preset = PRESETS[name].experiment()
    made = dataclasses.replace(preset, recipe=preset.recipe.but(**{"steps": 300, "optimiser": "sgd"} | settings))
    learner = Learner(made, made.data.load())
    *_, last = learn(learner)
    assert "not finite" in last.problem


def test_varied_pictures_stay_between_0_and_1():
    task = Encode(loss="cross-entropy")
    learned(task, BOUND, steps=6, augment={"brightness": 0.6, "noise": 0.3, "contrast": 0.5})


def test_cross_entropy_is_refused_of_a_table_though_its_columns_lie_between_0_and_1():
    rows = np.random.default_rng(0).random((60, 3))
    split = Split(torch.tensor(rows), torch.zeros(60, 0))
    data = Dataset("Table", "numbers", (), split, split, split)
    encoder = chain(row=Input(sizes=(3,)), code=Dense(units=2))
    graphs = {"encoder": encoder, "decoder": chain(code=Input(sizes=(2,)), out=Dense(units=3), sigmoid=Sigmoid())}
    assert "numbers from 0 to 1" in unfit(graphs, Encode(loss="cross-entropy"), Recipe(batch=10), data)
    assert unfit(graphs, Encode(), Recipe(batch=10), data) == ""


def test_patience_begins_anew_when_beta_changes():
    learner = Learner(experiment(Vary(beta=0.2), patience=4, epochs=50.0), SMALL.load())
    learner.best.score, learner.best.epochs = 5.0, 3
    change(learner, {"beta": 4.0})
    assert (learner.best.score, learner.best.epochs) == (float("-inf"), 0)
    with pytest.raises(VitrineError, match="is a number"):
        change(learner, {"beta": True})
    with pytest.raises(VitrineError, match="Did you mean 'beta'"):
        change(learner, {"betta": 2.0})
    with pytest.raises(VitrineError, match="A new run or a branch can have another"):
        change(learner, {"deviation": 2.0})


def test_similarity_and_sparsity_are_worked_out_in_all_bits():
    torch.manual_seed(0)
    one = 0.9 + 0.05 * torch.rand(4, 1, 28, 28)
    other = one * 0.97
    exact = similarity(one, other)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(similarity(one, other), exact)
    codes = torch.full((64, 5), 0.999)
    assert math.isfinite(Encode(sparse="rate").dense(codes.bfloat16()))  # where 0.999 is 1


def test_free_bits_cost_nothing_in_scores_either():
    learner = learned(Vary(free=5.0), epochs=1.0)
    scores = learner.score("validation")
    assert scores["loss"] >= scores["reconstruction"] + 15 - 1e-3  # three units, each told at least five for free


# -- classes that are told -------------------------------------------------------------------------------------------


def test_networks_are_told_classes_and_can_do_without():
    preset = PRESETS["conditional-vae"].experiment()
    made = dataclasses.replace(preset, recipe=preset.recipe.but(epochs=25.0))
    learner = Learner(made, made.data.load())
    for _ in learn(learner):
        pass
    encoder, decoder = (learner.networks[role].eval() for role in ("encoder", "decoder"))
    x, y = learner.data["test"].inputs, learner.data["test"].targets
    label = F.one_hot(y, 10).float()
    with torch.no_grad():
        _, mean, _ = encoder(x, label)
        right = decoder(mean, label)
        none = torch.zeros_like(label)
        alone = decoder(encoder(x, none)[0], none)
    torch.testing.assert_close(learner.task.coded(learner.networks, x, y)[0], mean)
    torch.testing.assert_close(learner.task.unfolded(learner.networks, mean, y), right)
    torch.testing.assert_close(learner.answers("test"), alone)  # an answer knows of no class
    told, untold = ((made - x).square().mean().sqrt().item() for made in (right, alone))
    assert told < untold < 0.3
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    optimiser = torch.optim.Adam(classifier.parameters(), 0.003)
    for _ in range(150):  # a judge of its own: what is made as a seven must look like one
        optimiser.zero_grad()
        F.cross_entropy(classifier(learner.train.inputs), learner.train.targets).backward()
        optimiser.step()
    asked = torch.arange(10).repeat(20)
    with torch.no_grad():
        made = learner.task.unfolded(learner.networks, torch.randn(200, 2), asked)
        assert (classifier(made).argmax(dim=1) == asked).float().mean() > 0.8


def test_classes_that_cannot_be_told_are_refused():
    graphs = PRESETS["conditional-vae"].graphs
    letters = DATASETS["glyphs"](characters="letters", number=300).load()
    assert "Let label of the encoder take 26" in unfit(graphs, Vary(), Recipe(), letters)
    digits = DATASETS["digits"]().load()
    bare = dataclasses.replace(
        digits,
        classes=(),
        **{name: Split(part.inputs, torch.zeros(len(part), 0)) for name, part in digits.splits().items()},
    )
    assert "has none. Take the input label out" in unfit(graphs, Vary(), Recipe(), bare)
