"""What there is to learn: of every kind it is learned, scored and looked at, and what is not known counts nothing."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from sklearn import metrics
from sklearn.decomposition import PCA
from torch import nn
from torch.nn import functional as F

from engine.data import DATASETS
from engine.data.augment import Augment
from engine.data.dataset import UNKNOWN, Dataset, Split
from engine.errors import VitrineError
from engine.fields import Fields
from engine.graph.chain import block, chain
from engine.graph.graph import Graph, Node
from engine.layers import LAYERS
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.sequence import GRU
from engine.layers.tied import Tied
from engine.looking import Session
from engine.runs.record import DraftRecord
from engine.tasks import TASKS
from engine.tasks.classify import Classify
from engine.tasks.label import Label
from engine.tasks.reconstruct import Reconstruct
from engine.tasks.regress import Regress
from engine.tasks.several import Several
from engine.tasks.tags import Tags
from engine.training import answering
from engine.training.choosing import refusals, suited
from engine.training.experiment import dump, load
from engine.training.fit import fitted
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.unfit import unfit
from engine.training.varied import widened
from engine.views import VIEWS
from tests.engine.goals import GRAPHS, LONG, PICTURE, SIDE, SOURCES, TASKS_OF, ReLU, experiment
from tests.engine.seeing import figure_or_reason
from tests.engine.stopping import stopped_and_not

KINDS = [one.kind for one in SOURCES]


@pytest.fixture(autouse=True)
def sources(monkeypatch):
    for one in SOURCES:
        monkeypatch.setitem(DATASETS._things, one.kind, one)


def learner(kind, **more):
    made = experiment(kind, **more)
    return Learner(made, made.data.load())


def after(one):
    for _ in learn(one):
        pass
    return one


def split_of(kind, name="test"):
    """Return a split and what a fresh network says of it, one example at a time."""
    one = learner(kind)
    split = one.data[name]
    network = one.networks["network"].eval()
    with torch.no_grad():
        outputs = [network(split.inputs[place : place + 1]) for place in range(len(split))]
    return one, split, outputs


def test_what_there_is_to_learn_is_told_by_the_targets():
    goals = {one.kind: one().load().goal for one in SOURCES}
    assert goals == {
        "outline": "labels",
        "odd": "labels",
        "traits": "classes",
        "gaps": "numbers",
        "sway": "numbers",
        "cloud": "nothing",
        "maybe": "class",
        "twofold": "several",
    }
    incomplete = {one.kind for one in SOURCES if one().load().incomplete}
    assert incomplete == {"outline", "odd", "traits", "gaps", "sway", "maybe"}


def test_what_is_right_is_said_in_words():
    def named(kind, target):
        return next(one for one in SOURCES if one.kind == kind)().load().named(target)

    assert named("traits", torch.tensor([1.0, 0.0, 1.0])) == "right and far"
    assert named("traits", torch.tensor([0.0, 0.0, torch.nan])) == "none"
    assert named("maybe", torch.tensor(1)) == "wide"
    assert named("maybe", torch.tensor(UNKNOWN)) == "not known"
    assert named("gaps", torch.tensor([torch.nan, torch.nan])) == "not known"
    assert named("outline", torch.zeros(SIDE, SIDE)) == named("cloud", torch.zeros(0)) == ""
    assert named("twofold", Fields({"wide": torch.tensor([0]), "edge": torch.tensor([[4.0]])})[0]) == (
        "wide narrow, edge 4"
    )


# -- scores, against scikit-learn and torch, one example at a time ---------------------------------------------------


@pytest.fixture(params=[1, 7, 1024])
def pieces(request, monkeypatch):
    """Let splits be scored in pieces of this many examples."""
    monkeypatch.setattr(answering, "LOOK", request.param)


@pytest.mark.parametrize("kind", ["outline", "odd"])
def test_labels_are_scored_place_by_place(pieces, kind):
    one, split, outputs = split_of(kind)
    rows = torch.cat([(o.movedim(1, -1) if o.dim() == 4 else o).flatten(0, -2) for o in outputs])
    flat = split.targets.flatten()
    rows, flat = rows[flat >= 0], flat[flat >= 0]
    found, taken = one.score("test"), rows.argmax(dim=1)
    assert found["loss"] == pytest.approx(metrics.log_loss(flat, rows.double().softmax(dim=1)), rel=1e-5)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(flat, taken))
    assert found["mean IoU"] == pytest.approx(metrics.jaccard_score(flat, taken, average="macro"))
    assert found.keys() == {"loss", "accuracy", "mean IoU"}


def test_several_classes_at_once_are_scored_class_by_class(pieces):
    one, split, outputs = split_of("traits")
    chances, has = torch.cat(outputs).double().sigmoid().numpy(), split.targets.numpy()
    known = ~np.isnan(has)
    found = one.score("test")
    losses = -np.log(np.where(has > 0.5, chances, 1 - chances))
    assert found["loss"] == pytest.approx(losses[known].mean(), rel=1e-5)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(has[known], chances[known] > 0.5))
    assert found["f1"] == pytest.approx(metrics.f1_score(has[known], chances[known] > 0.5))
    whole = [row for row in range(len(has)) if known[row].any()]
    right = [((chances[row] > 0.5) == has[row])[known[row]].all() for row in whole]
    assert found["faultless"] == pytest.approx(np.mean(right))


@pytest.mark.parametrize("kind", ["gaps", "sway"])
def test_numbers_are_scored_where_they_are_known(pieces, kind):
    one, split, outputs = split_of(kind)
    said, right = torch.cat(outputs).double(), split.targets.double()
    said, right = said.flatten(0, -2), right.flatten(0, -2)
    known = ~right.isnan()
    found = one.score("test")
    squared = metrics.mean_squared_error(right[known], said[known])
    assert found["loss"] == pytest.approx(squared, rel=1e-5)
    assert found["rmse"] == pytest.approx(math.sqrt(squared), rel=1e-5)
    wrong = spread = 0.0
    for column in range(right.shape[1]):
        there = known[:, column]
        wrong += float((said[there, column] - right[there, column]).pow(2).sum())
        spread += float(right[there, column].var(correction=0) * there.sum())
    assert found["r²"] == pytest.approx(1 - wrong / spread, rel=1e-4)


def test_the_spread_of_numbers_far_from_zero_is_not_lost():
    right = torch.tensor([1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3], dtype=torch.double).unsqueeze(1)
    tally = Regress().tally()
    for one in right.split(1):
        tally.take(one, one + 0.5)
    assert float(tally.of_columns[2].sum()) == pytest.approx(5.0)


def test_classes_are_scored_where_they_are_known(pieces):
    one, split, outputs = split_of("maybe")
    known = split.targets >= 0
    assert 0 < known.sum() < len(split)
    second = torch.cat(outputs).double().sigmoid()[known, 0]
    found = one.score("test")
    assert found["loss"] == pytest.approx(metrics.log_loss(split.targets[known], second, labels=[0, 1]), rel=1e-5)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(split.targets[known], second > 0.5))


def test_weighed_classes_are_scored_by_their_weights_in_any_pieces(pieces):
    task = Classify(class_weights=tuple(1.0 + place for place in range(10)))
    made = experiment("maybe")
    digits = DATASETS["digits"](size=8)
    graph = chain(image=Input(sizes=(1, 8, 8)), flat=LAYERS["flatten"](), out=Dense(units=10))
    made = type(made)("weighed", {"network": graph}, digits, task, made.recipe)
    one = Learner(made, digits.load())
    split = one.data["test"]
    with torch.no_grad():
        whole = one.networks["network"].eval()(split.inputs)
    weights = torch.arange(1.0, 11.0)
    assert one.score("test")["loss"] == pytest.approx(F.cross_entropy(whole, split.targets, weights).item(), rel=1e-5)


def test_what_is_given_back_is_scored_against_what_came_in(pieces):
    one, split, outputs = split_of("cloud")
    assert one.score("test")["loss"] == pytest.approx(
        metrics.mean_squared_error(split.inputs, torch.cat(outputs)), rel=1e-5
    )


def test_each_of_several_outputs_is_scored_by_its_own_name(pieces):
    one, split, outputs = split_of("twofold")
    edge, wide = (torch.cat(one) for one in zip(*outputs, strict=True))
    found = one.score("test")
    entropy = metrics.log_loss(split.targets["wide"], wide.double().softmax(dim=1), labels=[0, 1])
    off = metrics.mean_squared_error(split.targets["edge"], edge)
    assert found["wide loss"] == pytest.approx(entropy, rel=1e-5)
    assert found["edge loss"] == pytest.approx(off, rel=1e-5)
    assert found["loss"] == pytest.approx(entropy + off, rel=1e-5)
    assert {"wide accuracy", "edge rmse", "edge r²"} <= found.keys()


# -- learning, against loops by hand ----------------------------------------------------------------------------------


def by_hand(kind, loss, **more):
    """Return weights after an epoch of a plain loop over the same batches, and after ours."""
    ours, hand = learner(kind, epochs=1.0, **more), learner(kind, epochs=1.0, **more)
    network = hand.networks["network"]
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for inputs, targets in hand.batches():
        optimiser.zero_grad()
        loss(network(inputs), inputs, targets).backward()
        optimiser.step()
    after(ours)
    for name, value in ours.networks["network"].state_dict().items():
        torch.testing.assert_close(value, network.state_dict()[name], rtol=1e-3, atol=1e-5, msg=name)
    return ours


def masked(ask):
    """Return a loss that asks about each known number by itself."""

    def loss(outputs, inputs, targets):
        targets = targets[:, : outputs.shape[1]]  # sequences are cut to the longest of their batch
        known = ~targets.isnan()
        return ask(outputs[known], targets[known])

    return loss


BY_HAND = {
    "outline": lambda o, i, t: nn.CrossEntropyLoss(ignore_index=UNKNOWN)(o, t),
    "odd": lambda o, i, t: nn.CrossEntropyLoss(ignore_index=UNKNOWN)(o.transpose(1, 2), t[:, : o.shape[1]]),
    "traits": masked(nn.BCEWithLogitsLoss()),
    "gaps": masked(nn.MSELoss()),
    "sway": masked(nn.MSELoss()),
    "cloud": lambda o, i, t: nn.MSELoss()(o, i),
    "maybe": lambda o, i, t: nn.BCEWithLogitsLoss()(o[t >= 0, 0], t[t >= 0].float()),
    "twofold": lambda o, i, t: nn.MSELoss()(o[0], t["edge"]) + nn.CrossEntropyLoss()(o[1], t["wide"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_learning_equals_a_loop_by_hand(kind):
    by_hand(kind, BY_HAND[kind])


def test_smoothing_and_weights_of_classes_leave_out_what_is_not_known():
    task = Classify(smoothing=0.2, class_weights=(1.0, 3.0))
    plain = nn.CrossEntropyLoss(torch.tensor([1.0, 3.0]), ignore_index=UNKNOWN, label_smoothing=0.2)
    by_hand("maybe", lambda o, i, t: plain(torch.cat([0 * o, o], dim=1), t), task=task)


def test_each_loss_counts_as_it_is_told_to():
    task = Several(weights=(0.25, 4.0))
    by_hand(
        "twofold", lambda o, i, t: 0.25 * F.mse_loss(o[0], t["edge"]) + 4 * F.cross_entropy(o[1], t["wide"]), task=task
    )


@pytest.mark.parametrize("kind", ["maybe", "outline", "traits", "gaps"])
def test_a_batch_of_which_nothing_is_known_moves_nothing(kind):
    one = learner(kind, optimiser="sgd")
    inputs, targets = next(one.batches())
    nothing = torch.full_like(targets, torch.nan if targets.is_floating_point() else UNKNOWN)
    before = one.weights()
    one.advance(inputs, nothing)
    assert one.losses["network"][-1][1] == 0
    for name, value in one.networks["network"].state_dict().items():
        assert torch.equal(value, before["network"][name])


LEARNED = {"outline": ("mean IoU", 0.9), "odd": ("accuracy", 0.95), "traits": ("f1", 0.9), "sway": ("r²", 0.9)}
LEARNED |= {"maybe": ("accuracy", 0.9), "twofold": ("wide accuracy", 0.9)}


@pytest.mark.parametrize("kind", LEARNED)
def test_each_kind_is_learned(kind):
    score, least = LEARNED[kind]
    assert after(learner(kind, epochs=30.0)).score("validation")[score] > least


def test_a_straight_way_through_one_number_gives_back_what_pca_does():
    one = after(learner("cloud", epochs=300.0, rate=0.01))
    points = one.train.inputs.numpy()
    pca = PCA(1).fit(points)
    least = np.square(points - pca.inverse_transform(pca.transform(points))).mean()
    assert least < one.score("train")["loss"] < 1.02 * least


# -- what fits, and what is said where it does not --------------------------------------------------------------------


def test_data_offer_the_task_that_is_meant_for_them():
    chosen = {}
    for one in SOURCES:
        dataset, made = one().load(), experiment(one.kind, task=Classify())
        assert not refusals(made.graphs, dataset)[TASKS_OF[one.kind].kind]
        chosen[one.kind] = suited(made, dataset).task.kind
    assert chosen == {kind: task.kind for kind, task in TASKS_OF.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", TASKS)
def test_every_task_takes_data_or_says_in_words_why_not(kind, task):
    made = experiment(kind, task=TASKS[task]())
    words = unfit(made.graphs, made.task, made.recipe, made.data.load())
    assert words == "" or words.endswith(".")
    assert task != TASKS_OF[kind].kind or words == ""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "twofold"])
def test_a_network_is_fitted_to_what_is_to_be_learned(kind):
    made = experiment(kind)
    dataset, graph = made.data.load(), made.graphs["network"]
    wide = {"channels": 7} if kind == "outline" else {"units": 7}
    changed = Graph(
        tuple(n if n.id != "out" else type(n)(n.id, n.layer.but(**wide), n.inputs) for n in graph.nodes), ("out",)
    )
    if kind == "cloud":
        assert "takes 2 and gives 7" in unfit({"network": changed}, made.task, made.recipe, dataset)
        return
    assert "gives" in unfit({"network": changed}, made.task, made.recipe, dataset)
    again = fitted(changed, dataset)
    assert unfit({"network": again}, made.task, made.recipe, dataset) == ""


def test_what_is_refused_says_what_to_do():
    def refused(kind, task=None, graph=None, **recipe):
        made = experiment(kind, graph, task, **recipe)
        return unfit(made.graphs, made.task, made.recipe, made.data.load())

    soft = chain(point=Input(sizes=(2,)), out=Dense(units=3), end=LAYERS["softmax"]())
    assert "may have several. Remove it" in refused("traits", graph=soft)
    assert "has 2 classes for 12×12 places. Let it give 2×12×12" in refused(
        "outline", graph=chain(image=PICTURE, out=Conv2d(channels=2, kernel=3))
    )
    named = Graph(GRAPHS["twofold"].nodes[:-1], ("wide",))
    assert "The network gives wide; Twofold has wide and edge to learn. Call its outputs so" in refused(
        "twofold", graph=named
    )
    assert "There are 3 weights for 2 outputs" in refused("twofold", Several(weights=(1.0, 1.0, 1.0)))
    assert "Choose the task 'label'" in refused("outline", Classify())
    assert "learns from single ones" in refused("outline", augment=Augment(mix_up=0.5))
    assert "of some that is not known" in refused("maybe", augment=Augment(mix_up=0.5))
    assert "is made of words, which noise cannot vary" in refused("odd", augment=Augment(noise=0.5))


def test_a_name_too_long_for_a_score_is_refused():
    long = "a" * 21
    dataset = experiment("twofold").data.load()
    parts = {
        name: Split(part.inputs, Fields({long: part.targets["wide"], "edge": part.targets["edge"]}))
        for name, part in (("train", dataset.train), ("validation", dataset.validation), ("test", dataset.test))
    }
    renamed = Dataset("Twofold", "image", (), **parts, goals={long: ("a", "b"), "edge": ()})
    nodes = tuple(type(n)(long if n.id == "wide" else n.id, n.layer, n.inputs) for n in GRAPHS["twofold"].nodes)
    words = Several().refuses({"network": Graph(nodes, ("edge", long))}, renamed)
    assert words == f"The output {long} bears a long name. Call it by at most 20 letters."


# -- augmentation moves what is right with the picture ----------------------------------------------------------------


@pytest.mark.parametrize("options", [{"rotation": 90.0}, {"shift": 0.4}, {"flip": True}, {"crop": 0.5}, {"elastic": 1}])
def test_labels_of_dots_move_with_their_picture(options):
    torch.manual_seed(0)
    labels = (torch.rand(20, SIDE, SIDE) > 0.5).long()
    labels = F.interpolate(labels[:, None, :4, :4].float(), SIDE)[:, 0].long()  # blocks of 3×3 dots
    varied, moved = Augment(**options).apply(labels[:, None].float(), labels, 2)
    assert not torch.equal(moved, labels)
    sure = (varied[:, 0] - 0.5).abs() > 0.25  # inside blocks, where nothing is blended
    assert torch.equal((varied[:, 0] > 0.5)[sure], (moved > 0)[sure])
    heights = labels[:, None].float() * 3
    torch.manual_seed(1)
    varied, moved = Augment(**options).apply(heights / 3, heights, 0)
    torch.testing.assert_close(moved, varied * 3)
    torch.manual_seed(1)
    _, both = Augment(**options).apply(heights / 3, Fields({"a": heights, "b": torch.arange(20)}), 0)
    assert torch.equal(both["a"], moved)
    assert both["b"].tolist() == list(range(20))


def test_what_is_given_back_is_the_picture_as_it_was_varied():
    graph = chain(image=PICTURE, out=Conv2d(channels=3, kernel=1))
    one = learner("maybe", graph=graph, task=TASKS["reconstruct"](), augment=Augment(noise=1.0), optimiser="sgd")
    inputs, targets = next(one.batches())
    torch.manual_seed(3)
    varied, _ = one.recipe.augment.apply(inputs, targets, 0)
    with torch.no_grad():
        expected = F.mse_loss(one.networks["network"](varied), varied)
    torch.manual_seed(3)
    one.advance(inputs, targets)
    assert one.losses["network"][-1][1].item() == pytest.approx(expected.item(), rel=1e-6)


# -- through everything -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_stopped_and_goes_on_to_the_same_bits(tmp_path, kind):
    made = experiment(kind)
    curves = stopped_and_not(tmp_path, made)
    assert ("validation", "loss") in curves
    assert load(dump(made)) == made


@pytest.fixture(scope="module", params=KINDS)
def session(request):
    with pytest.MonkeyPatch.context() as patch:
        for one in SOURCES:
            patch.setitem(DATASETS._things, one.kind, one)
        one = after(learner(request.param, epochs=1.0))
        yield Session(one.experiment, one.step, DraftRecord(one), one)


@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_is_a_figure_or_a_reason_in_words(session, kind):
    figure_or_reason(VIEWS[kind](), session)


def test_each_view_shows_the_unknown_as_unknown():
    one = after(learner("maybe", epochs=1.0))
    session = Session(one.experiment, one.step, DraftRecord(one), one)
    targets = one.data["validation"].targets
    gone = next(place for place, target in enumerate(targets.tolist()) if target == UNKNOWN)
    frame = VIEWS["sample"](sample=str(gone)).compute(session)
    assert frame.words["truth"] is None
    assert frame.words["sample"].endswith("not known")
    for which in ("best", "worst"):
        shown = VIEWS["predictions"](which=which, number=24).compute(session)["places"]
        assert all(targets[place] != UNKNOWN for place in shown)
    mistakes = VIEWS["examples"](which="mistakes").compute(session)
    assert all(targets[place] != UNKNOWN for place in mistakes["places"])
    table = VIEWS["confusion"]().compute(session)["table"]
    assert table.sum() == (targets != UNKNOWN).sum()


def test_what_is_asked_about_has_a_name_whatever_is_answered():
    def words(kind, toward):
        one = learner(kind)
        session = Session(one.experiment, 0, DraftRecord(one), one)
        return VIEWS["attribution"](toward=toward).compute(session).words

    assert words("outline", "bright")["toward"] == "bright"
    assert words("twofold", "wide narrow")["toward"] == "wide narrow"
    assert words("twofold", "edge")["toward"] == "edge"
    with pytest.raises(VitrineError, match="Choose 'predicted', 'true', or one of: edge, wide narrow, wide wide"):
        words("twofold", "height")


ASKED = {
    "outline": ("bright", TASKS_OF["outline"], lambda given, out: out[0, 1].mean()),
    "maybe": ("how close it comes", TASKS["reconstruct"](), lambda given, out: -(out - given).pow(2).mean()),
}


@pytest.mark.parametrize("kind", ASKED)
def test_what_is_asked_is_the_mean_score_of_a_map_or_how_close_an_example_comes(kind):
    toward, task, score = ASKED[kind]
    graph = GRAPHS["outline"] if kind == "outline" else chain(image=PICTURE, out=Conv2d(channels=3, kernel=1))
    one = learner(kind, graph=graph, task=task)
    session = Session(one.experiment, 0, DraftRecord(one), one)
    found = VIEWS["attribution"](toward=toward, methods=("saliency",)).compute(session)
    assert found.words["toward"] == toward
    given = one.data["validation"].inputs[:1].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(given, one.networks["network"].eval()(given)), given)
    torch.testing.assert_close(torch.from_numpy(found["maps"][0]), gradient[0].abs().sum(dim=0), rtol=1e-4, atol=1e-6)


def test_tags_and_labels_that_end_in_chances_learn_and_say_the_same():
    raw, ended = learner("traits"), None
    graph = Graph((*GRAPHS["traits"].nodes, *chain(end=LAYERS["sigmoid"]()).nodes), ("end",))
    nodes = list(graph.nodes)
    nodes[-1] = type(nodes[-1])("end", nodes[-1].layer, ("out",))
    ended = learner("traits", graph=Graph(tuple(nodes), ("end",)))
    assert isinstance(ended.task, Tags)
    assert (ended.task.probabilities, raw.task.probabilities) == (True, False)
    after(raw)
    after(ended)
    for name, value in raw.networks["network"].state_dict().items():
        torch.testing.assert_close(value, ended.networks["network"].state_dict()[name], rtol=1e-3, atol=1e-4)
    assert ended.score("test") == pytest.approx(raw.score("test"), rel=1e-3)


def test_a_single_channel_tells_of_the_second_class_of_every_dot():
    graph = chain(image=PICTURE, out=Conv2d(channels=1, kernel=3, padding="same"))
    one = after(learner("outline", graph=graph, epochs=20.0))
    assert isinstance(one.task, Label)
    assert one.score("test")["mean IoU"] > 0.9


# -- what is cut, blended, moved and not known --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["odd", "sway"])
def test_what_is_unfolded_to_its_full_length_is_learned_though_batches_are_cut(kind):
    """A decoder gives as many places as there can be, whatever the longest sequence of a batch."""
    front = GRAPHS[kind].nodes[:-2]
    columns = 2 if kind == "odd" else 1
    more = {"gru": GRU(units=8), "say": LAYERS["repeat"](times=LONG), "tell": GRU(units=8, gives="sequence")}
    nodes = list(front)
    for name, layer in {**more, "out": Dense(units=columns)}.items():
        nodes.append(Node(name, layer, (nodes[-1].id,)))
    graph = Graph(tuple(nodes), ("out",))
    task = Reconstruct() if kind == "sway" else Label()
    if kind == "sway":
        nodes[-1] = Node("out", Dense(units=2), ("tell",))
        graph = Graph(tuple(nodes), ("out",))
    one = learner(kind, graph=graph, task=task, batch=4, epochs=1.0)
    assert any(inputs.shape[1] < LONG for inputs, _ in one.batches())
    inputs, targets = next((i, t) for i, t in one.batches() if i.shape[1] < LONG)
    outputs = one.networks["network"](inputs)[:, : inputs.shape[1]]
    if kind == "sway":
        there = ~inputs.isnan()
        wanted = F.mse_loss(outputs[there], inputs[there])
    else:
        flat = targets[:, : inputs.shape[1]].flatten()
        wanted = F.cross_entropy(outputs.flatten(0, 1), flat, ignore_index=UNKNOWN)
    one.advance(inputs, targets)
    assert one.losses["network"][-1][1].item() == pytest.approx(wanted.item(), rel=1e-5)
    after(one)


def test_two_fields_as_long_as_one_another_do_not_cut_what_is_right_for_the_other():
    one = learner("odd", batch=4)
    for inputs, targets in one.batches():
        assert targets.shape[1] == LONG
        assert inputs.shape[1] <= LONG


def whole(dataset):
    """Return a dataset with everything known."""
    parts = {
        name: Split(part.inputs, part.targets.nan_to_num())
        for name, part in (("train", dataset.train), ("validation", dataset.validation), ("test", dataset.test))
    }
    return dataclasses.replace(dataset, **parts)


def test_several_classes_blend_as_they_are():
    made = experiment("traits", augment=Augment(mix_up=1.0))
    dataset = whole(made.data.load())
    assert unfit(made.graphs, made.task, made.recipe, dataset) == ""
    one = after(Learner(made, dataset))
    assert one.step > 0
    inputs, targets = torch.randn(6, 2), (torch.rand(6, 3) > 0.5).float()
    torch.manual_seed(0)
    blended, shares = made.recipe.augment.apply(inputs, targets, 3)
    torch.manual_seed(0)
    again, _ = made.recipe.augment.apply(targets, targets, 3)
    torch.testing.assert_close(shares, again)
    assert blended.shape == inputs.shape


def test_labels_coarser_than_their_picture_move_with_it():
    labels = (torch.rand(20, 6, 6) > 0.5).long()
    pictures = F.interpolate(labels[:, None].float(), 12)
    torch.manual_seed(0)
    varied, moved = Augment(flip=True).apply(pictures, labels, 2)
    assert not torch.equal(moved, labels)
    torch.testing.assert_close(varied, F.interpolate(moved[:, None].float(), 12))


def test_half_precision_tells_several_classes_that_end_in_a_sigmoid():
    graph = Graph((*GRAPHS["traits"].nodes, Node("end", LAYERS["sigmoid"](), ("out",))), ("end",))
    one = after(learner("traits", graph=graph, precision="bf16"))
    assert math.isfinite(one.score("test")["loss"])


def test_how_close_a_series_comes_has_a_gradient_though_it_ends_early():
    task = Reconstruct()
    inputs = torch.tensor([[[1.0, 2.0], [torch.nan, torch.nan]]])
    answers = torch.tensor([[[0.5, 2.0], [9.0, 9.0]]], requires_grad=True)
    found = task.opinions(answers, inputs)
    assert found.item() == pytest.approx(-0.125)
    (gradient,) = torch.autograd.grad(found.sum(), answers)
    torch.testing.assert_close(gradient, torch.tensor([[[0.5, 0.0], [0.0, 0.0]]]))


def test_one_of_several_things_may_be_all_there_is():
    dataset = experiment("twofold").data.load()
    parts = {
        name: Split(part.inputs, Fields({"wide": part.targets["wide"]}))
        for name, part in (("train", dataset.train), ("validation", dataset.validation), ("test", dataset.test))
    }
    alone = dataclasses.replace(dataset, goals={"wide": ("narrow", "wide")}, **parts)
    graph = Graph(tuple(n for n in GRAPHS["twofold"].nodes if n.id != "edge"), ("wide",))
    made = experiment("twofold", graph)
    assert unfit(made.graphs, made.task, made.recipe, alone) == ""
    one = after(Learner(made, alone))
    assert one.score("test").keys() == {"loss", "wide loss", "wide accuracy"}


def test_what_decides_the_outputs_is_never_widened():
    wider = widened({"network": GRAPHS["twofold"]}, 2.0)["network"]
    assert (wider["conv"].layer.channels, wider["wide"].layer.units, wider["edge"].layer.units) == (8, 2, 1)
    folded = chain(
        row=Input(sizes=(6,)), d1=Dense(units=4), d2=Dense(units=2), u2=(Tied(), "d2", "d2"), u1=(Tied(), "u2", "d1")
    )
    wider = widened({"network": folded}, 2.0)["network"]
    assert (wider["d1"].layer.units, wider["d2"].layer.units) == (8, 4)
    inside = chain(row=Input(sizes=(6,)), d1=Dense(units=4), end=block("End", 1, d2=Dense(units=3), relu=ReLU()))
    assert widened({"network": inside}, 2.0)["network"]["end.d2"].layer.units == 3
    through = chain(row=Input(sizes=(6,)), d1=Dense(units=4), d2=Dense(units=3), end=block("End", 1, relu=ReLU()))
    assert (
        widened({"network": through}, 2.0)["network"]["d1"].layer.units,
        widened({"network": through}, 2.0)["network"]["d2"].layer.units,
    ) == (8, 3)


def test_the_perceptrons_rule_wants_to_know_every_class():
    dataset = experiment("maybe").data.load()
    assert "the class is not known" in TASKS["perceptron"]().unlearnable(dataset)


def test_of_tags_of_which_nothing_is_known_nothing_is_said():
    dataset = experiment("traits").data.load()
    assert dataset.named(torch.full((3,), torch.nan)) == "not known"
    one = learner("traits")
    session = Session(one.experiment, 0, DraftRecord(one), one)
    view = VIEWS["predictions"](number=24)
    frame = view.compute(session)
    rows = view.draw(frame)["layout"]["yaxis"]["ticktext"]
    for row, said, right in zip(rows, frame["chances"] > 0.5, frame["targets"], strict=True):
        known = ~np.isnan(right)
        assert ("· is" in row) == bool((said != (right > 0.5))[known].any())
