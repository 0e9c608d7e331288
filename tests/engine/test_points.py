"""Points, networks of one output, the perceptron's rules, and numbers that are typed."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from sklearn.decomposition import PCA

from engine.data import DATASETS
from engine.data.dataset import Dataset, Split
from engine.data.pasted import pasted, points_of
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.graph.network import Network
from engine.graph.rows import columns
from engine.layers.activation import Linear, ReLU, Sigmoid, Sine, Softplus, Tanh
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.looking import Session
from engine.presets import PRESETS
from engine.presets.points import deep
from engine.runs import orders
from engine.runs.carry import carry_out, new_run, reopened
from engine.runs.launch import fill
from engine.runs.record import DraftRecord, StoredRecord
from engine.tasks.classify import Classify
from engine.tasks.perceptron import Perceptron, separable
from engine.tasks.regress import Regress
from engine.training.change import change
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from engine.views import VIEWS
from tests.engine.living import await_status, begun

POINTS, OWN = DATASETS["points"], DATASETS["own-points"]
RULE = PRESETS["perceptron"].experiment()


def learned(experiment, dataset=None):
    learner = Learner(experiment, dataset or experiment.data.load())
    for report in learn(learner):
        assert not report.problem
    return learner


@pytest.mark.parametrize("shape", ["gauss", "circle", "spiral"])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_points_fall_into_as_many_classes_as_asked_for(shape, classes):
    found = POINTS(shape=shape, classes=classes, number=1000, test=0.0, validation=0.0).load()
    assert len(found.classes) == classes
    assert found.train.targets.bincount().tolist() == [1000 // classes + (i < 1000 % classes) for i in range(classes)]


@pytest.mark.parametrize("shape", ["gauss", "circle", "xor", "spiral", "moons"])
def test_the_first_class_has_its_share(shape):
    found = POINTS(shape=shape, number=1000, share=0.1, test=0.0, validation=0.0).load()
    assert (found.train.targets == 0).sum() == 100


def test_shapes_of_two_classes_take_no_more():
    with pytest.raises(VitrineError, match="There are 2 classes of moons; received 3"):
        POINTS(shape="moons", classes=3).load()


def test_own_points_are_kept_with_the_experiment_and_checked():
    rows = [[0, 0, 0], [1, 1, 1], [0, 1, 1], [1, 0, 0]]
    source = OWN.read({"rows": rows})
    assert source.load().train.inputs.shape == (4, 2)
    for wrong, words in (
        ({"rows": [[0, 0]]}, "point 1 has 2 numbers, not 3"),
        ({"rows": [[0, 0, 7]]}, "point 1 is of class 7, and there are 2"),
        ({"rows": [[0, 0, float("inf")]]}, "must be"),
    ):
        with pytest.raises(VitrineError, match=words):
            OWN.read(wrong)
    with pytest.raises(VitrineError, match="All points are of one class"):
        OWN.read({"rows": [[*row[:2], 1] for row in rows]}).load()
    with pytest.raises(VitrineError, match="There are 0 points"):
        OWN().load()


def test_pasted_tables_become_points_and_say_what_was_left_out():
    table = pasted("a;b;c;kind\n1,5;2;7;red\n2;;7;blue\n3;4;7;red\n3;x;7;blue\n2;2;7;blue\n30;2;7;red\n")
    assert (table.numeric, table.telling) == (["a", "b", "c"], ["a", "b", "kind"])
    source, said = points_of(table, ["a", "c"], "kind", "class")
    assert source.classes == ("blue", "red")
    assert source.scaled
    assert said == ["'c' is the same in every row: nothing can be told from it."]
    source, said = points_of(table, ["a", "b"], "c", "number")
    assert "2 of 6 rows have holes" in said[0]
    assert source.classes == ()
    assert source.load().train.targets.shape[1:] == (1,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", "at least two rows"),
        ("1\n2\n3", "at least two columns"),
        ("a,a\n1,2\n", "Two columns are called 'a'"),
        ("1,2\n2,3,4\n", "Row 2 has 3 cells, not 2"),
        (b"\xff\xfe\x00", "no text"),
    ],
)
def test_what_is_no_table_is_refused_in_words(text, words):
    with pytest.raises(VitrineError, match=words):
        pasted(text)


def test_columns_that_cannot_be_points_are_refused_in_words():
    table = pasted("a,b,name\n" + "".join(f"{i},{i % 3},n{i}\n" for i in range(10)))
    for inputs, target, words in (
        (["a"], "b", "2 to 8 columns"),
        (["a", "b"], "b", "cannot be given"),
        (["a", "b"], "name", "10 different values"),
        (["a", "name"], "b", "0 rows are whole"),
    ):
        with pytest.raises(VitrineError, match=words):
            points_of(table, inputs, target, "class")


def test_many_rows_are_sampled_and_that_is_said():
    table = pasted("x,y,c\n" + "".join(f"{i % 97},{i % 13},{i % 3}\n" for i in range(50_000)))
    source, said = points_of(table, ["x", "y"], "c", "class")
    assert len(source.rows) == 2_000
    assert "2,000 of 50,000 rows were drawn" in said[0]


def test_one_output_learns_what_two_would_and_is_scored_alike():
    one = dataclasses.replace(PRESETS["logistic"].experiment(), recipe=Recipe(epochs=2, batch=10))
    learner = learned(one)
    inputs, targets = learner.train.inputs, learner.train.targets
    raw = learner.networks["network"](inputs)
    turn = next(iter(learner.task.turns(learner.networks, inputs, targets)))
    expected = torch.nn.functional.binary_cross_entropy_with_logits(raw[:, 0], targets.float())
    torch.testing.assert_close(turn.loss(), expected)
    both = learner.answers("train")
    assert both.shape[1] == 2
    torch.testing.assert_close(learner.task.chances(both)[:, 1], raw[:, 0].sigmoid())
    smooth = Classify(smoothing=0.1)
    wanted = torch.nn.functional.cross_entropy(both, targets, label_smoothing=0.1)
    torch.testing.assert_close(next(iter(smooth.turns(learner.networks, inputs, targets))).loss(), wanted)


# -- the perceptron ------------------------------------------------------------------------------------------------


def by_the_rule(inputs, targets, rate, order, rule):
    """Return the weights after one pass as the notes do it: w ← w + η·x·t."""
    w = np.zeros(3)
    for place in order:
        x, t = np.append(inputs[place], 1.0), 2 * targets[place] - 1
        said = 1 if w @ x > 0 else -1
        if rule == "hebb" or said != t:
            w += rate * x * t
    return w


@pytest.mark.parametrize("rule", ["perceptron", "hebb"])
def test_a_pass_changes_the_weights_as_the_rule_says(rule):
    experiment = dataclasses.replace(RULE, task=Perceptron(rule=rule), recipe=RULE.recipe.but(epochs=1.0))
    learner = Learner(experiment, experiment.data.load())
    dense = learner.networks["network"].get_submodule("dense")
    with torch.no_grad():
        dense.weight.zero_(), dense.bias.zero_()
    order = torch.cat([torch.arange(len(learner.train))[None]])[0]
    seen = [(x, t) for x, t in learner.batches()]
    inputs = torch.cat([x for x, _ in seen]).numpy().astype(float)
    targets = torch.cat([t for _, t in seen]).numpy()
    for _ in learn(learner):
        pass
    found = torch.cat([dense.weight.flatten(), dense.bias]).detach().numpy()
    np.testing.assert_allclose(found, by_the_rule(inputs, targets, 0.1, order.tolist(), rule), rtol=1e-4, atol=1e-4)


@given(some.integers(0, 10_000), some.floats(0.05, 0.5))
def test_separable_points_are_separated_within_the_bound_of_the_theorem(seed, gap):
    random = np.random.default_rng(seed)
    line = random.normal(size=2)
    line /= np.linalg.norm(line)
    offset = random.uniform(-1, 1)
    points = random.uniform(-3, 3, (60, 2))
    side = points @ line - offset
    points, side = points[abs(side) > gap], side[abs(side) > gap]
    if len(points) < 5 or len(set(side > 0)) < 2:
        return
    split = Split(torch.tensor(points, dtype=torch.float32), torch.tensor((side > 0).astype(int)))
    empty = split.take(torch.zeros(0, dtype=torch.long))
    dataset = Dataset("drawn", "points", ("orange", "blue"), split, empty, empty)
    learner = Learner(dataclasses.replace(RULE, recipe=RULE.recipe.but(epochs=100_000.0)), dataset)
    dense = learner.networks["network"].get_submodule("dense")
    with torch.no_grad():
        dense.weight.zero_(), dense.bias.zero_()
    # From zero weights the rule makes at most (R·|w*|/γ)² mistakes, w* with its bias and γ its margin.
    reach = np.sqrt((points**2).sum(axis=1) + 1).max()
    bound = (reach * np.hypot(1.0, offset) / abs(side).min()) ** 2
    mistakes, before = 0, torch.zeros(3)
    while not learner.settled:
        for inputs, targets in learner.batches():
            learner.advance(inputs, targets)
            now = torch.cat([dense.weight.flatten(), dense.bias]).detach().clone()
            mistakes += int(not torch.equal(now, before))
            before = now
        learner.end_epoch()
        assert mistakes <= bound
    assert learner.score("train")["mistakes"] == 0
    assert separable(points, (side > 0).astype(int))


def test_xor_never_comes_to_rest_and_that_is_said():
    xor = POINTS(shape="xor", number=200)
    learner = learned(dataclasses.replace(RULE, data=xor))
    train = learner.dataset.train
    assert not learner.settled
    assert learner.epoch == 50
    words = learner.task.last_words(learner.settled, train.inputs, train.targets)
    assert words == "No line separates these classes, so no pass will ever be free of mistakes."
    assert not separable(train.inputs.numpy(), train.targets.numpy())


def test_the_rule_is_for_one_neuron_and_two_classes():
    data = POINTS(shape="gauss", classes=3).load()
    assert "tells 2 classes apart" in Perceptron().refuses(RULE.graphs, data)
    assert "for one neuron" in Perceptron().refuses({"network": deep(4)}, POINTS().load())
    assert Perceptron().refuses(RULE.graphs, POINTS().load()) == ""


# -- what is seen --------------------------------------------------------------------------------------------------


def session_of(experiment):
    learner = Learner(experiment, experiment.data.load())
    return Session(experiment, 0, DraftRecord(learner), learner)


def test_hand_typed_weights_give_the_surface_that_the_formula_gives():
    session = session_of(PRESETS["mlp-2-4-2-1"].experiment())
    rows = {"dense1.weight[0,0]": 1.5, "dense1.weight[0,1]": -0.5, "dense1.bias[0]": 0.25}
    change(session.learner, rows)
    frame = VIEWS["surface"](node="tanh1", unit=0, detail=20).compute(session)
    x, y = np.meshgrid(frame["across"], frame["up"])
    np.testing.assert_allclose(frame["given"][..., 0], np.tanh(1.5 * x - 0.5 * y + 0.25), atol=1e-5)
    small = VIEWS["neurons"](detail=20).compute(session)
    expected = np.tanh(1.5 * x - 0.5 * y + 0.25).flatten()
    np.testing.assert_allclose(small["surface1"][0] / 127 * small["reach1"][0], expected, atol=0.01)
    assert small["weight1"][0].tolist() == [1.5, -0.5]


def test_the_surface_of_the_network_is_its_answer():
    session = session_of(PRESETS["three-arms"].experiment())
    frame = VIEWS["surface"](detail=20).compute(session)
    x, y = np.meshgrid(frame["across"], frame["up"])
    places = torch.tensor(np.stack([x.flatten(), y.flatten()], 1))
    with torch.no_grad():
        answer = session.learner.networks["network"].eval()(places).softmax(dim=1)
    np.testing.assert_allclose(frame["given"].reshape(-1, 3), answer.numpy(), atol=1e-5)


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.family == "points"])
@pytest.mark.parametrize("kind", ["surface", "neurons", "warp", "by-hand", "landscape", "weights"])
def test_views_of_the_plane_suit_every_preset_of_points(name, kind):
    session = session_of(PRESETS[name].experiment())
    view = VIEWS[kind]()
    rules, wide = ("perceptron", "hebb"), ("mlp-2-16-16-1", "three-arms")
    refused = {"warp": (*rules, "logistic"), "by-hand": (*rules, *wide), "landscape": rules}
    if name in refused.get(kind, ()):
        assert view.refuses(session.experiment).endswith(".")
        return
    assert view.refuses(session.experiment) == ""
    assert view.draw(view.compute(session))


def test_networks_that_are_no_row_of_dense_layers_are_not_drawn_by_neurons():
    assert columns(PRESETS["lenet-5"].make()) == []
    assert [column.gives for column in columns(deep(4, 2))] == ["point", "tanh1", "tanh2", "out"]
    assert [column.gives for column in columns(PRESETS["squares"].make())] == ["features", "out"]


def test_a_neuron_that_is_saturated_is_marked():
    session = session_of(PRESETS["mlp-2-4-2-1"].experiment())
    change(session.learner, {"dense1.weight[2,0]": 900.0, "dense1.weight[2,1]": 900.0})
    marks = VIEWS["neurons"]().compute(session).words["columns"][1]["marks"]
    assert marks[2].startswith("saturated")


@given(
    some.integers(0, 1000),
    some.lists(some.integers(1, 5), min_size=0, max_size=3),
    some.sampled_from([Tanh, Sigmoid, ReLU, Sine, Softplus, Linear]),
    some.sampled_from(["one", "many", "height", "chance"]),
)
def test_numbers_by_hand_equal_autograd(seed, widths, activation, goal):
    layers = {}
    for number, width in enumerate(widths):
        layers |= {f"dense{number}": Dense(units=width), f"act{number}": activation()}
    layers |= {"out": Dense(units=3 if goal == "many" else 1)} | ({"p": Sigmoid()} if goal == "chance" else {})
    data = {"height": POINTS(shape="hills", number=20), "many": POINTS(shape="gauss", classes=3, number=20)}
    experiment = dataclasses.replace(
        RULE,
        graphs={"network": chain(point=Input(sizes=(2,)), **layers)},
        data=data.get(goal, POINTS(number=20)),
        task=Regress() if goal == "height" else Classify(),
        recipe=Recipe(seed=seed, batch=5),
    )
    session = session_of(experiment)
    learner = session.learner
    frame = VIEWS["by-hand"](example=3).compute(session)
    turn = next(iter(learner.task.turns(learner.networks, learner.train.inputs[3:4], learner.train.targets[3:4])))
    turn.loss().backward()
    assert frame["loss"] == pytest.approx(turn.loss().item(), rel=1e-3, abs=1e-5)
    for node, layer in layers.items():
        if isinstance(layer, Dense):
            module = learner.networks["network"].get_submodule(node)
            expected = torch.cat([module.weight.grad, module.bias.grad[:, None]], dim=1)
            np.testing.assert_allclose(frame[f"gradient of {node}"], expected.numpy(), rtol=1e-3, atol=1e-5)


def test_the_written_numbers_go_through_all_stages_and_add_up():
    session = session_of(PRESETS["mlp-2-4-2-1"].experiment())
    frame = VIEWS["by-hand"]().compute(session)
    titles = [stage["title"] for stage in frame.words["stages"]]
    assert titles[:3] == ["forward: dense1", "forward: dense2", "forward: out"]
    assert titles[3].startswith("loss: the truth is")
    assert titles[4:] == ["back: out", "back: dense2", "back: dense1"]
    last = VIEWS["by-hand"](stage=6).draw(frame)
    assert last["table"]["update"][0][0] == "w[0,0]"
    assert "adam scales these changes" in last["table"]["note"]
    assert VIEWS["by-hand"]().pick({"stage": 4}).stage == 4
    assert VIEWS["by-hand"]().pick({"stage": -1}) is None


def test_space_is_bent_as_the_layers_say():
    session = session_of(PRESETS["mlp-2-4-2-1"].experiment())
    frame = VIEWS["warp"]().compute(session)
    assert frame.words["names"] == ["point", "tanh1 (4 → 2)", "tanh2"]
    first = session.learner.train.inputs[:200]
    np.testing.assert_allclose(frame["points0"], first.numpy(), atol=1e-6)
    with torch.no_grad():
        direct = session.learner.networks["network"].each(first)["tanh2"]
        wide = session.learner.networks["network"].each(first)["tanh1"]
    np.testing.assert_allclose(frame["points2"], direct.numpy(), atol=1e-5)
    expected = PCA(2).fit_transform(wide.numpy())
    np.testing.assert_allclose(abs(frame["points1"]), abs(expected), atol=1e-3)


def test_the_landscape_is_the_loss_of_the_weights_there():
    session = session_of(PRESETS["mlp-2-4-2-1"].experiment())
    view = VIEWS["landscape"](along="random", detail=9, seed=3)
    frame = view.compute(session)
    learner = session.learner
    here = torch.cat([p.detach().flatten() for p in learner.networks["network"].parameters()])
    first, second, far, _ = view._directions(here, torch.zeros(0, len(here)))
    assert abs(float(first @ second)) < 1e-5
    assert frame["along"][-1] == pytest.approx(far, rel=1e-5)
    place = here + frame["along"][7] * first + frame["along"][2] * second
    other = Learner(session.experiment, session.experiment.data.load())
    torch.nn.utils.vector_to_parameters(place, other.networks["network"].parameters())
    inputs, targets = other.train.inputs[:200], other.train.targets[:200]
    expected = next(iter(other.task.turns(other.networks, inputs, targets))).loss()
    assert frame["losses"][2, 7] == pytest.approx(expected.item(), rel=1e-4)


def test_the_way_so_far_ends_here_and_racers_begin_here(store):
    experiment = dataclasses.replace(PRESETS["mlp-2-4-2-1"].experiment(), recipe=Recipe(epochs=4, batch=10, rate=0.03))
    run = new_run(store, experiment)
    for _ in carry_out(store, run):
        pass
    learner = reopened(store, run)
    session = Session(experiment, learner.step, StoredRecord(store, run), learner)
    frame = VIEWS["landscape"](race=True, race_steps=5).compute(session)
    assert frame.words["along"] == "path"
    assert np.abs(frame["way"][-1]).max() < np.abs(frame["way"][0]).max()
    for name in ("sgd", "momentum", "rmsprop", "adam"):
        np.testing.assert_allclose(frame[f"race {name}"][0], 0, atol=1e-5)
        assert len(frame[f"race {name}"]) == 6
    paths = VIEWS["weights"]().compute(session)
    weights = torch.cat([p.detach().flatten() for p in learner.networks["network"].parameters()])
    assert paths["values"].shape == (len(paths["steps"]), 25)
    assert [name for name, _ in paths.words["names"]][:2] == ["dense1.weight", "dense1.bias"]
    if paths["steps"][-1] == learner.step:
        np.testing.assert_allclose(paths["values"][-1], weights.numpy(), atol=1e-5)


# -- numbers that are typed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("dense9.weight[0,0]", 1.0, "no 'dense9.weight'"),
        ("dense1.weight[4,0]", 1.0, "has 4×2 numbers, so there is no"),
        ("dense1.weight[0]", 1.0, "has 4×2 numbers, so there is no"),
        ("dense1.bias[0]", "much", "must be a number"),
        ("dense1.bias[0]", float("nan"), "must be a number"),
        ("dense1.bias[0]", True, "must be a number"),
    ],
)
def test_numbers_that_cannot_be_typed_are_refused_and_change_nothing(name, value, words):
    session = session_of(PRESETS["mlp-2-4-2-1"].experiment())
    network: Network = session.learner.networks["network"]
    before = {n: p.clone() for n, p in network.named_parameters()}
    with pytest.raises(VitrineError, match=words):
        change(session.learner, {"dense1.bias[1]": 3.0, name: value})
    assert all(torch.equal(p, before[n]) for n, p in network.named_parameters())


def test_a_number_that_is_typed_while_paused_is_part_of_that_moment(store):
    experiment = dataclasses.replace(PRESETS["mlp-2-4-2-1"].experiment(), recipe=Recipe(epochs=100_000, batch=10))
    run = begun(store, experiment)
    orders.tell(store, run, "pause")
    orders.tell(store, run, "set", {"dense1.weight[0,0]": 2.5})
    learner = reopened(store, run)
    assert learner.networks["network"].get_submodule("dense1").weight[0, 0] == 2.5
    assert "set dense1.weight[0,0] = 2.5" in [line["words"] for line in store.diary(run)]
    orders.tell(store, run, "stop")


def test_orders_given_before_there_is_a_worker_come_before_the_first_step(store):
    experiment = dataclasses.replace(PRESETS["mlp-2-4-2-1"].experiment(), recipe=Recipe(epochs=100_000, batch=10))
    run = new_run(store, experiment)
    orders.enter(store, run, "pause")
    orders.enter(store, run, "set", {"out.bias[0]": -1.25})
    fill(store)
    await_status(store, run, "paused")
    orders.tell(store, run, "set", {"rate": 0.001})  # heard after those that came before
    row = store.run(run)
    assert row["step"] == 0
    assert reopened(store, run).networks["network"].get_submodule("out").bias.item() == -1.25
    orders.tell(store, run, "stop")
