"""Training: exactly repeatable, equal to torch by hand, and clear about what goes wrong."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from torch import nn

from engine.data import DATASETS
from engine.data.augment import Augment
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.graph.units import unit_axes
from engine.layers.activation import ReLU, Sigmoid, Softmax, Tanh
from engine.layers.convolution import Conv1d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.normalisation import BatchNorm, LayerNorm
from engine.layers.pooling import MaxPool1d
from engine.layers.regularisation import Dropout
from engine.layers.sequence import LSTM, LastStep
from engine.presets import PRESETS
from engine.runs.carry import fingerprint
from engine.tasks.classify import Classify
from engine.tasks.regress import Regress
from engine.training import checkpoint
from engine.training.branch import adopt
from engine.training.change import change
from engine.training.experiment import Experiment, dump, load
from engine.training.learner import Learner
from engine.training.loop import every, learn
from engine.training.recipe import Recipe, longer
from engine.training.schedule import Plateau, factor
from engine.training.trouble import copied
from engine.training.unfit import unfit
from engine.training.watch import silent, watching


def small(recipe=None, shape="circle", noisy=True, **layers):
    """Return an experiment on points that draws random numbers while it learns."""
    graph = chain(
        points=Input(sizes=(2,)),
        dense1=Dense(units=8),
        tanh=Tanh(),
        **({"norm": BatchNorm(), "drop": Dropout(share=0.2)} if noisy else {}),
        **layers,
        out=Dense(units=2),
    )
    data = DATASETS["points"](shape=shape, number=200, test=0.5, validation=0.2)
    return Experiment("small", {"network": graph}, data, recipe=recipe or Recipe(batch=16, epochs=6, rate=0.01))


def learner(experiment):
    return Learner(experiment, experiment.data.load())


def learned(experiment, pause=0.25):
    found = learner(experiment)
    for report in learn(found, pause):
        assert not report.problem, report.problem
    return found


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    again = [fingerprint(learned(small())) for _ in range(2)]
    other = fingerprint(learned(small(Recipe(batch=16, epochs=6, rate=0.01, seed=1))))
    assert again[0] == again[1] != other


def test_pausing_and_looking_change_nothing():
    plain = fingerprint(learned(small()))
    watched = learner(small())
    for _ in learn(watched, pause=0):  # a report after every step
        torch.randn(7)  # somebody else draws random numbers meanwhile
        watched.score("validation")
        modes = [module.training for module in watched.networks["network"].modules()]
        assert all(modes)
    assert fingerprint(watched) == plain


@pytest.mark.parametrize("optimiser", ["sgd", "momentum", "adagrad", "rmsprop", "adam", "lbfgs"])
def test_stopping_anywhere_and_going_on_from_the_checkpoint_changes_nothing(tmp_path, optimiser):
    recipe = Recipe(batch=16, epochs=5, rate=0.01, optimiser=optimiser, schedule="cosine", patience=50)
    plain = fingerprint(learned(small(recipe)))
    for stop in (1, 3, 13):
        first = learner(small(recipe))
        for _ in itertools.islice(learn(first, pause=0), min(stop, first.total - 1)):
            pass
        path = checkpoint.save(first, tmp_path / optimiser / str(stop))
        torch.manual_seed(99)
        second = learner(small(recipe))
        second.restore(checkpoint.load(path))
        assert second.step == first.step > 0
        for _ in learn(second):
            pass
        assert fingerprint(second) == plain


BY_HAND = {
    "sgd": lambda w: torch.optim.SGD(w, lr=0.05),
    "momentum": lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9),
    "nesterov": lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9, nesterov=True),
    "adagrad": lambda w: torch.optim.Adagrad(w, lr=0.05),
    "rmsprop": lambda w: torch.optim.RMSprop(w, lr=0.05),
    "adam": lambda w: torch.optim.Adam(w, lr=0.05, fused=True),
}


def by_hand(experiment, make, steps):
    """Learn full batches by an open loop of torch alone."""
    found = learner(experiment)
    network = found.networks["network"]
    optimiser = make(network.parameters())
    for _ in range(steps):
        order = next(found.batches())
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(order[0]), order[1]).backward()
        optimiser.step()
        found.seen, found.epoch = 0, found.epoch + 1
    return network.state_dict()


def test_adams_swift_steps_are_the_fused_kernels_own_to_the_last_bit():
    recipe = Recipe(optimiser="adam", rate=0.05, batch="all", epochs=30)
    ours = learned(small(recipe, noisy=False)).networks["network"].state_dict()
    theirs = by_hand(small(recipe, noisy=False), BY_HAND["adam"], 30)
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


def assert_close(ours, theirs, tolerance=1e-5):
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("name", BY_HAND)
def test_optimisers_step_as_torchs_own(name):
    recipe = Recipe(optimiser=name, rate=0.05, batch="all", epochs=8)
    ours = learned(small(recipe, noisy=False)).networks["network"].state_dict()
    assert_close(ours, by_hand(small(recipe, noisy=False), BY_HAND[name], 8))


DECAYS = [
    ({"optimiser": "sgd"}, lambda w: torch.optim.SGD(w, lr=0.05, weight_decay=0.1)),
    ({"optimiser": "nesterov"}, lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)),
    ({"optimiser": "rmsprop"}, lambda w: torch.optim.RMSprop(w, lr=0.05, weight_decay=0.1)),
    ({"optimiser": "adagrad"}, lambda w: torch.optim.Adagrad(w, lr=0.05, weight_decay=0.1)),
    ({"optimiser": "adam"}, lambda w: torch.optim.Adam(w, lr=0.05, weight_decay=0.1)),
    ({"optimiser": "adamw"}, lambda w: torch.optim.AdamW(w, lr=0.05, weight_decay=0.1)),
    ({"optimiser": "adam", "coupled": False}, lambda w: torch.optim.AdamW(w, lr=0.05, weight_decay=0.1)),
    ({"optimiser": "adamw", "coupled": True}, lambda w: torch.optim.Adam(w, lr=0.05, weight_decay=0.1)),
]


@pytest.mark.parametrize(("options", "make"), DECAYS)
def test_decay_is_torchs_own(options, make):
    recipe = Recipe(rate=0.05, batch="all", epochs=5, decay=0.1, pulled="everything", **options)
    ours = learned(small(recipe, noisy=False)).networks["network"].state_dict()
    assert_close(ours, by_hand(small(recipe, noisy=False), make, 5))


def test_decay_leaves_biases_and_normalisation_alone_unless_asked():
    recipe = Recipe(optimiser="adamw", rate=0.05, batch="all", epochs=5, decay=0.5)

    def spared(parameters):
        every = list(parameters)
        weights, others = [p for p in every if p.dim() == 2], [p for p in every if p.dim() < 2]
        return torch.optim.AdamW([{"params": weights}, {"params": others, "weight_decay": 0}], 0.05, weight_decay=0.5)

    layers = {"normal": LayerNorm()}
    ours = learned(small(recipe, noisy=False, **layers)).networks["network"].state_dict()
    assert {"normal.weight", "normal.bias", "dense1.bias"} < ours.keys()
    assert_close(ours, by_hand(small(recipe, noisy=False, **layers), spared, 5))


def overlapping(**recipe):
    """Return a learner of a straight line between two classes that no line separates, and a function to judge it."""
    graph = chain(points=Input(sizes=(2,)), out=Dense(units=2))
    data = DATASETS["points"](shape="moons", number=200, test=0.5, validation=0.2, noise=0.3)
    found = learned(Experiment("line", {"network": graph}, data, recipe=Recipe(batch="all", **recipe)))
    x, y = found.train.inputs.double().numpy(), found.train.targets.numpy()

    def objective(values, l1=0.0, decay=0.0):
        weight, bias = values[:4].reshape(2, 2), values[4:]
        scores = x @ weight.T + bias
        losses = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(y)), y]
        return losses.mean() + l1 * np.abs(weight).sum() + decay / 2 * (weight**2).sum()

    weights = [p.detach().double().flatten().numpy() for p in found.networks["network"].parameters()]
    return np.concatenate(weights), objective


@pytest.mark.parametrize("pull", [{"decay": 0.1}, {"l1": 0.02}, {"decay": 0.05, "l1": 0.01}], ids=str)
def test_l_bfgs_finds_the_minimum_with_all_that_pulls_on_weights(pull):
    values, objective = overlapping(optimiser="lbfgs", rate=1.0, epochs=20, **pull)
    exact = {"method": "Powell", "options": {"xtol": 1e-10, "ftol": 1e-14, "maxiter": 100_000}}
    pulls = pull.get("l1", 0.0), pull.get("decay", 0.0)
    best = min(optimize.minimize(objective, start, pulls, **exact).fun for start in (np.zeros(6), np.full(6, 0.3)))
    assert objective(values, **pull) == pytest.approx(best, abs=1e-5)
    free, _ = overlapping(optimiser="lbfgs", rate=1.0, epochs=20)
    assert np.abs(values[:4]).sum() < 0.9 * np.abs(free[:4]).sum()


def test_l1_takes_the_proximal_step_and_reaches_zero():
    values, objective = overlapping(optimiser="sgd", rate=0.5, epochs=400, l1=0.1)
    best = optimize.minimize(objective, np.zeros(6), (0.1,), method="Powell", options={"xtol": 1e-10, "ftol": 1e-14})
    assert objective(values, 0.1) == pytest.approx(best.fun, abs=1e-6)
    assert np.count_nonzero(overlapping(optimiser="sgd", rate=0.5, epochs=400, l1=2.0)[0][:4]) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimiser": "lbfgs", "clip": 1.0}, "no gradient is shortened"),
        ({"optimiser": "lbfgs", "rates": (("out", 0.1),)}, "no layer has its own rate"),
        ({"schedule": "cosine", "seconds": 3.0}, "goes by steps"),
        ({"schedule": "one_cycle", "epochs": None}, "must know where it ends"),
        ({"augment": Augment(rotation=10.0)}, "are no images, so rotation cannot"),
    ],
)
def test_options_that_cannot_be_had_together_are_refused_in_words(options, words):
    experiment = small(Recipe(**options))
    found = learner(experiment)  # one that was begun with them can be opened
    assert words in unfit(experiment.graphs, experiment.task, experiment.recipe, found.dataset)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_a_step_that_the_scaler_leaves_out_moves_nothing_and_others_go_as_without_it(name):
    pulled = small(Recipe(optimiser=name, batch=16, rate=0.01, decay=0.5, l1=0.1), noisy=False)
    scaled, plain = learner(pulled), learner(pulled)
    scaled.scaler = torch.amp.GradScaler("cpu", init_scale=16.0)
    inputs, targets = (values[:16] for values in (plain.train.inputs, plain.train.targets))
    before = plain.weights()["network"]
    scaled.advance(inputs / 0.0, targets)
    assert scaled.scaler.get_scale() == 8.0
    assert all(torch.equal(now, before[name]) for name, now in scaled.weights()["network"].items())
    for one in (scaled, plain):
        one.advance(inputs, targets)
    moved = scaled.weights()["network"]
    assert any(not torch.equal(now, before[name]) for name, now in moved.items())
    for name, expected in plain.weights()["network"].items():
        torch.testing.assert_close(moved[name], expected, rtol=1e-5, atol=1e-7)


def test_one_step_moves_each_weight_by_rate_times_its_gradient():
    found = learner(small(Recipe(optimiser="sgd", rate=0.1, batch="all"), noisy=False))
    network = found.networks["network"]
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    inputs, targets = next(found.batches())
    loss = nn.functional.cross_entropy(network(inputs), targets)
    gradients = dict(zip(before, torch.autograd.grad(loss, list(network.parameters())), strict=True))
    found.advance(inputs, targets)
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(parameter.detach(), before[name] - 0.1 * gradients[name])


def test_clipping_l1_freezing_and_rates_by_node():
    def moved(**options):
        found = learner(small(Recipe(optimiser="sgd", rate=0.1, batch="all", **options), noisy=False))
        before = {name: p.detach().clone() for name, p in found.networks["network"].named_parameters()}
        found.advance(*next(found.batches()))
        after = dict(found.networks["network"].named_parameters())
        return {name: (after[name] - value).detach() for name, value in before.items()}, before

    plain, start = moved()
    clipped, _ = moved(clip=0.01)
    length = torch.cat([d.flatten() for d in clipped.values()]).norm()
    assert length == pytest.approx(0.1 * 0.01, rel=1e-3)
    sparse, _ = moved(l1=0.5)
    torch.testing.assert_close(
        start["out.weight"] + sparse["out.weight"],
        nn.functional.softshrink(start["out.weight"] + plain["out.weight"], 0.1 * 0.5),
    )
    assert torch.equal(sparse["out.bias"], plain["out.bias"])
    frozen, _ = moved(frozen=("dense1",))
    assert not frozen["dense1.weight"].any()
    assert frozen["out.weight"].any()
    slow, _ = moved(rates=(("out", 0.5),))
    torch.testing.assert_close(slow["out.weight"], 0.5 * plain["out.weight"])
    torch.testing.assert_close(slow["dense1.weight"], plain["dense1.weight"])


def rates(scheduler_of, steps):
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = scheduler_of(optimiser)
    found = []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return found


@pytest.mark.parametrize(
    ("recipe", "torchs"),
    [
        (Recipe(schedule="cosine"), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=40)),
        (Recipe(schedule="step", every=2, factor=0.3), lambda o: torch.optim.lr_scheduler.StepLR(o, 10, gamma=0.3)),
        (
            Recipe(schedule="one_cycle"),
            lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 1.0, total_steps=40, cycle_momentum=False),
        ),
        (Recipe(warm_up=10), lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.1, 1.0, total_iters=9)),
    ],
    ids=["cosine", "step", "one cycle", "warm-up"],
)
def test_schedules_are_torchs_own(recipe, torchs):
    ours = [factor(recipe, step, 40, steps_an_epoch=5) for step in range(40)]
    assert ours == pytest.approx(rates(torchs, 40), abs=1e-6)


def test_a_plateau_lowers_the_rate_after_its_patience():
    experiment = small(Recipe(batch="all", epochs=30, rate=1e-9, schedule="plateau", every=4, factor=0.5))
    found = learned(experiment)
    assert found.plateau.lowered >= 4
    assert found.rate == pytest.approx(1e-9 * 0.5**found.plateau.lowered)


@given(st.lists(st.sampled_from([0.5, 0.50001, 0.51, 0.6, 0.7, 0.4]), min_size=1, max_size=40), st.integers(1, 4))
def test_plateaus_are_counted_as_torch_counts_them(losses, patience):
    weights = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs, ours = torch.optim.lr_scheduler.ReduceLROnPlateau(weights, factor=0.5, patience=patience), Plateau()
    for loss in losses:
        theirs.step(loss)
        ours.take(-loss, patience)
        assert 0.5**ours.lowered == weights.param_groups[0]["lr"]


@pytest.mark.parametrize("optimiser", ["adam", "momentum"])
def test_one_cycle_moves_the_momentum_as_torch_does(optimiser):
    found = learner(small(Recipe(optimiser=optimiser, schedule="one_cycle", rate=0.1, batch=16, epochs=6)))
    other = BY_HAND[optimiser]([torch.zeros(1, requires_grad=True)])
    theirs = torch.optim.lr_scheduler.OneCycleLR(other, 0.1, found.total)
    mine, its = found.parts["network"].optimiser.param_groups[0], other.param_groups[0]
    while found.step < found.total - 1:
        for batch in found.batches():
            found.advance(*batch)
            assert mine["lr"] == pytest.approx(its["lr"])
            assert mine.get("betas", mine.get("momentum")) == pytest.approx(its.get("betas", its.get("momentum")))
            other.step()
            theirs.step()
            if found.step == found.total - 1:
                break
        found.seen, found.epoch = 0, found.epoch + 1


def test_frozen_normalisation_keeps_its_statistics():
    found = learner(small(Recipe(batch=16, frozen=("norm",))))
    norm = found.networks["network"].norm
    before = norm.running_mean.clone()
    for _ in itertools.islice(learn(found, pause=0), 3):
        found.score("validation")
    assert torch.equal(norm.running_mean, before)
    change(found, {"thaw": "norm"})
    for _ in itertools.islice(learn(found, pause=0), 3):
        pass
    assert not torch.equal(norm.running_mean, before)


def test_smoothing_is_no_part_of_the_score():
    experiment = dataclasses.replace(small(noisy=False), task=Classify(smoothing=0.3))
    found = learner(experiment)
    outputs = found.networks["network"](found.data["validation"].inputs)
    expected = nn.functional.cross_entropy(outputs, found.data["validation"].targets).item()
    assert found.score("validation")["loss"] == pytest.approx(expected, rel=1e-5)
    batch = next(found.batches())
    smoothed = nn.functional.cross_entropy(found.networks["network"](batch[0]), batch[1], label_smoothing=0.3)
    assert next(iter(found.task.turns(found.networks, *batch))).loss().item() == pytest.approx(
        smoothed.item(), rel=1e-5
    )


@pytest.mark.parametrize("units", [1, 2])
def test_mix_up_blends_classes_and_numbers_with_any_kind_of_end(units):
    found = learner(small(Recipe(batch=16, epochs=3, augment=Augment(mix_up=0.4)), noisy=False))
    single = PRESETS["mlp-2-8-8-1"].experiment()
    recipe = single.recipe.but(epochs=2.0, augment=Augment(mix_up=0.4))
    found = learned(dataclasses.replace(single, recipe=recipe)) if units == 1 else found
    inputs, shares = Augment(mix_up=0.4).apply(*next(found.batches()), 2)
    turn = next(iter(found.task.turns(found.networks, inputs, shares)))
    outputs = found.networks["network"](inputs)
    columns = torch.cat([torch.zeros_like(outputs), outputs], 1) if units == 1 else outputs
    by_hand = -(shares * columns.log_softmax(dim=1)).sum(dim=1).mean()
    assert turn.loss().item() == pytest.approx(by_hand.item(), rel=1e-5)
    heights = torch.rand(8, 1)
    torch.manual_seed(3)
    points, blended = Augment(mix_up=0.4).apply(torch.cat([heights, heights], 1), heights, 0)
    torch.testing.assert_close(points[:, :1], blended)
    assert not torch.equal(blended, heights)


def test_mix_up_is_refused_where_a_rule_learns_from_single_examples():
    perceptron = PRESETS["perceptron"].experiment()
    found, recipe = learner(perceptron), perceptron.recipe.but(augment=Augment(mix_up=0.4))
    assert "learns from single ones" in unfit(perceptron.graphs, perceptron.task, recipe, found.dataset)


def test_stopping_early_keeps_the_best_weights():
    experiment = small(Recipe(batch=8, epochs=200, rate=0.3, patience=5))
    found = learned(experiment)
    assert found.epoch < 200
    assert found.best.epochs == 5
    words = found.best.last_words(found.recipe, found.epoch)
    assert words.startswith("Stopped early: 5 epochs without a better")
    assert words.endswith(f"of epoch {found.epoch - 5}.")
    assert found.score("validation")["accuracy"] == pytest.approx(found.best.score)


def test_length_by_steps_and_by_seconds():
    assert learned(small(Recipe(epochs=None, steps=7))).step == 7
    found = learned(small(Recipe(epochs=None, seconds=0.3)))
    assert 0.3 <= found.seconds < 2


def test_a_run_that_explodes_stops_and_says_where():
    graph = chain(points=Input(sizes=(2,)), dense1=Dense(units=8), relu=ReLU(), out=Dense(units=1))
    data = DATASETS["points"](shape="hills")
    experiment = Experiment("wild", {"network": graph}, data, Regress(), Recipe(optimiser="sgd", rate=900.0, epochs=50))
    *_, last = learn(learner(experiment))
    assert "step" in last.problem
    assert any(f"gradient of {node} had exploded" in last.problem for node in ("dense1", "out"))
    assert "Lower the rate" in last.problem


def test_a_softmax_at_the_end_learns_as_well_as_plain_scores():
    found = learned(small(Recipe(batch=16, epochs=40, rate=0.02), noisy=False, softmax_first=Tanh()))
    graph = chain(points=Input(sizes=(2,)), dense1=Dense(units=8), tanh=Tanh(), out=Dense(units=2), softmax=Softmax())
    ended = learned(dataclasses.replace(small(Recipe(batch=16, epochs=40, rate=0.02)), graphs={"network": graph}))
    assert ended.task.probabilities
    assert not found.task.probabilities
    assert ended.score("test")["accuracy"] > 0.9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": DATASETS["points"](shape="plane")}, "no classes. Choose the task 'regress'"),
        ({"data": DATASETS["digits"]()}, "points takes 2 but an example of Digits is 1×28×28"),
        ({"task": Regress()}, "no numbers to learn. Choose the task 'classify'"),
        (
            {"graphs": {"network": chain(points=Input(sizes=(2,)), out=Dense(units=3))}},
            "out gives 3 but Points has 2 classes",
        ),
        ({"recipe": Recipe(device="cuda")}, "has no device 'cuda'"),
        ({"recipe": Recipe(precision="fp16", device="cpu")}, "does not learn in fp16"),
        ({"recipe": Recipe(batch=81)}, "A batch of 81 is larger than the 80 training examples"),
        ({"recipe": Recipe(frozen=("nobody",))}, "names the node nobody"),
        ({"recipe": Recipe(frozen=("dense1", "out", "norm"))}, "Nothing can learn"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_words(change, words):
    if words.startswith("has no device") and torch.cuda.is_available():
        pytest.skip("this machine has the device that others lack")
    with pytest.raises(VitrineError, match=words.replace("(", r"\(")):
        learner(dataclasses.replace(small(), **change))


@pytest.mark.parametrize(
    "options", [{"precision": "bf16"}, {"channels_last": True}, {"optimiser": "lbfgs", "rate": 1.0}]
)
def test_other_ways_of_computing_learn_too(options):
    recipe = Recipe(epochs=8, **options)
    experiment = dataclasses.replace(PRESETS["lenet-5"].experiment(), data=DATASETS["digits"](), recipe=recipe)
    assert learned(experiment).score("test")["accuracy"] > 0.6


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_graphics_card_learns(precision):
    recipe = Recipe(epochs=6, device="cuda", precision=precision)
    experiment = dataclasses.replace(PRESETS["cam-net"].experiment(), data=DATASETS["digits"](), recipe=recipe)
    assert learned(experiment).score("test")["accuracy"] > 0.85


@pytest.mark.parametrize("data", ["digits", "glyphs"])
def test_real_and_drawn_digits_are_learned_in_under_a_minute(data):
    recipe = Recipe(epochs=20 if data == "digits" else 6, rate=0.004, schedule="one_cycle")
    experiment = dataclasses.replace(PRESETS["cam-net"].experiment(), data=DATASETS[data](), recipe=recipe)
    found = learned(experiment)
    assert found.score("test")["accuracy"] >= 0.97
    assert found.seconds < 60


def test_xor_needs_a_hidden_layer():
    data = DATASETS["points"](shape="xor", number=1000)
    recipe = Recipe(epochs=60, rate=0.01, batch=32)
    one = chain(points=Input(sizes=(2,)), out=Dense(units=2))
    deep = chain(points=Input(sizes=(2,)), dense=Dense(units=16), sigmoid=Sigmoid(), out=Dense(units=2))
    accuracy = [
        learned(Experiment("xor", {"network": g}, data, recipe=recipe)).score("test")["accuracy"] for g in (one, deep)
    ]
    assert accuracy[0] < 0.8
    assert accuracy[1] > 0.98


def test_watching_every_step_changes_no_bit_and_leaves_no_hook():
    plain = fingerprint(learned(small()))
    watched = learner(small())
    reports = list(learn(watched, pause=0, watch=every(0)))
    assert fingerprint(watched) == plain
    assert all(report.watched for report in reports[:-1])
    assert not any(module._forward_hooks for module in watched.networks["network"].modules())


def test_what_is_watched_is_what_happened():
    found = learner(small(Recipe(optimiser="sgd", rate=0.1, batch="all"), noisy=False, relu=ReLU()))
    network = found.networks["network"]
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    inputs, targets = next(found.batches())
    hidden = network.tanh(network.dense1(inputs)).detach()
    with watching(found) as seen:
        found.advance(inputs, targets)
    out = torch.cat([network.out.weight.grad.flatten(), network.out.bias.grad.flatten()])
    assert seen.numbers["out"]["gradient norm"] == pytest.approx(out.norm().item(), rel=1e-5)
    assert seen.numbers["out"]["gradient mean"] == pytest.approx(out.abs().mean().item(), rel=1e-5)
    size = torch.cat([before["out.weight"].flatten(), before["out.bias"].flatten()]).norm()
    assert seen.numbers["out"]["update ratio"] == pytest.approx((0.1 * out.norm() / size).item(), rel=1e-4)
    assert seen.numbers["tanh"]["activation mean"] == pytest.approx(hidden.mean().item(), rel=1e-4)
    assert seen.numbers["relu"]["dead units"] == pytest.approx((hidden.amax(dim=0) <= 0).float().mean().item())
    assert set(seen.numbers) == {"dense1", "tanh", "relu", "out"}


def test_the_gradient_is_told_as_it_came_back_and_clipping_beside_it():
    options = {"optimiser": "sgd", "rate": 0.1, "batch": "all", "clip": 0.01, "decay": 1.0, "l1": 0.5}
    found = learner(small(Recipe(**options), noisy=False))
    network = found.networks["network"]
    inputs, targets = next(found.batches())
    loss = nn.functional.cross_entropy(network(inputs), targets)
    gradients = dict(
        zip(dict(network.named_parameters()), torch.autograd.grad(loss, list(network.parameters())), strict=True)
    )
    with watching(found) as seen:
        found.advance(inputs, targets)
    whole = torch.cat([g.flatten() for g in gradients.values()]).norm().item()
    out = torch.cat([gradients["out.weight"].flatten(), gradients["out.bias"]]).norm().item()
    assert seen.numbers["out"]["gradient norm"] == pytest.approx(out, rel=1e-5)
    assert seen.numbers["out"]["clipped gradient"] == pytest.approx(out * 0.01 / whole, rel=1e-3)
    assert not any(p._post_accumulate_grad_hooks for p in network.parameters())


def test_a_unit_is_dead_only_if_several_batches_leave_it_silent():
    found = learner(small(Recipe(optimiser="sgd", rate=1e-6, batch=4), noisy=False, relu=ReLU()))
    network = found.networks["network"]
    shares = []
    for batch in itertools.islice(found.batches(), 8):
        alone = (network.relu(network.tanh(network.dense1(batch[0]))).amax(dim=0) <= 0).float().mean().item()
        with watching(found) as seen:
            found.advance(*batch)
        some = torch.cat([batch[0], found.train.inputs[:12]])
        together = (network.relu(network.tanh(network.dense1(some))).amax(dim=0) <= 0).float().mean().item()
        assert seen.numbers["relu"]["dead units"] == pytest.approx(together)
        shares.append((alone, together))
    assert any(alone > together for alone, together in shares)


def test_of_sequences_units_are_features_and_not_places():
    values = torch.zeros(6, 7, 5)  # examples, places, features
    values[:, 0] = 1.0
    assert not silent(values, 1).any()
    values[..., 2] = 0.0
    assert silent(values, 1).tolist() == [False, False, True, False, False]
    layers = {"lstm": LSTM(units=6, gives="sequence"), "relu": ReLU(), "last": LastStep(), "out": Dense(units=2)}
    assert dict(unit_axes(chain(series=Input(sizes=(7, 5)), **layers))) == {
        "series": 1,
        "lstm": 1,
        "relu": 1,
        "last": 0,
        "out": 0,
    }
    maps = {"conv": Conv1d(channels=4), "relu": ReLU(), "pool": MaxPool1d()}
    assert set(unit_axes(chain(series=Input(sizes=(2, 20)), **maps)).values()) == {0}


def test_watching_lets_go_of_its_hooks_when_a_step_fails():
    found = learner(small())
    with pytest.raises(RuntimeError), watching(found):
        found.advance(torch.zeros(4, 3), torch.zeros(4, dtype=torch.long))
    assert not any(module._forward_hooks for module in found.networks["network"].modules())


@pytest.mark.parametrize("option", [o.name for o in Augment.options()])
def test_every_augmentation_varies_the_batch_and_is_drawn_from_the_seed(option):
    strong = {"rotation": 40.0, "shear": 20.0, "flip": True, "crop": 0.5, "mix_up": 1.0}.get(option, 0.3)
    augment = Augment(**{option: strong})
    images, labels = torch.rand(6, 3, 12, 12), torch.arange(6)

    def varied(seed):
        torch.manual_seed(seed)
        return augment.apply(images, labels, 10)

    (one, targets), (same, _), (other, _) = varied(1), varied(1), varied(2)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.shape == images.shape
    assert one.isfinite().all()
    if option == "mix_up":
        torch.testing.assert_close(targets.sum(dim=1), torch.ones(6))
    else:
        assert torch.equal(targets, labels)


def test_no_augmentation_leaves_the_batch_and_a_flip_is_a_mirror():
    images, labels = torch.rand(64, 1, 9, 9), torch.zeros(64, dtype=torch.long)
    assert Augment().apply(images, labels, 2)[0] is images
    flipped = Augment(flip=True).apply(images, labels, 2)[0]
    mirrored = [torch.allclose(a, b.flip(-1), atol=1e-5) for a, b in zip(flipped, images, strict=True)]
    plain = [torch.allclose(a, b, atol=1e-5) for a, b in zip(flipped, images, strict=True)]
    assert all(a or b for a, b in zip(mirrored, plain, strict=True))
    assert 10 < sum(mirrored) < 54


def test_augmented_runs_are_repeatable_and_resume_exactly(tmp_path):
    recipe = Recipe(epochs=2, augment=Augment(rotation=20.0, shift=0.1, mix_up=0.4, cutout=0.2))
    experiment = dataclasses.replace(PRESETS["lenet-5"].experiment(), data=DATASETS["digits"](), recipe=recipe)
    assert load(dump(experiment)) == experiment
    plain = fingerprint(learned(experiment))
    first = learner(experiment)
    next(iter(learn(first, pause=0)))
    second = learner(experiment)
    second.restore(checkpoint.load(checkpoint.save(first, tmp_path)))
    for _ in learn(second):
        pass
    assert fingerprint(second) == plain


PULLS = [
    {"optimiser": "adamw", "decay": 0.5, "schedule": "cosine"},
    {"optimiser": "sgd", "l1": 0.1, "warm_up": 40},
    {"optimiser": "adam", "decay": 0.1, "rates": (("out", 0.2),)},
]


@pytest.mark.parametrize("pull", PULLS, ids=lambda pull: pull["optimiser"])
def test_a_branch_or_a_resumed_run_is_pulled_as_one_that_was_never_left(tmp_path, pull):
    experiment = small(Recipe(batch=16, epochs=8, rate=0.05, **pull))
    whole = fingerprint(learned(experiment))
    first = learner(experiment)
    for _ in itertools.islice(learn(first, pause=0), 20):
        pass
    state = checkpoint.load(checkpoint.save(first, tmp_path))
    branched, resumed = learner(experiment), learner(experiment)
    assert adopt(branched, copied(state)) == []
    resumed.restore(copied(state))
    for found in (branched, resumed):
        for _ in learn(found):
            pass
        assert fingerprint(found) == whole


def test_a_momentum_that_one_cycle_takes_to_zero_comes_back():
    found = learner(small(Recipe(optimiser="momentum", momentum=0.04, schedule="one_cycle", batch=16, epochs=6)))
    for _ in learn(found):
        pass
    assert found.parts["network"].optimiser.param_groups[0]["momentum"] == pytest.approx(0.09, abs=0.002)
    plain = learner(small(Recipe(optimiser="sgd", schedule="one_cycle", batch=16, epochs=2)))
    for _ in learn(plain):
        pass
    assert plain.parts["network"].optimiser.param_groups[0]["momentum"] == 0


def test_a_recipe_that_is_over_lasts_as_long_again():
    at = {"epoch": 5.0, "step": 105, "seconds": 3.5}
    assert longer(Recipe(epochs=5), at) == {"epochs": 10.0}
    assert longer(Recipe(epochs=None, steps=105), at) == {"steps": 210}
    assert longer(Recipe(epochs=None, seconds=3.5), at) == {"seconds": 7.0}
    assert longer(Recipe(epochs=None), at) == {}
