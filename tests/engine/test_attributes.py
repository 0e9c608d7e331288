"""What is known of examples beside their class, what codes tell of it, and how odd an example is."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import entropy as entropy_of
from sklearn.covariance import EmpiricalCovariance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score, normalized_mutual_info_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from engine.data import DATASETS, Split
from engine.data.scenes import COLOURS, SHAPES
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.graph.mirror import mirrored
from engine.layers import LAYERS
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.reshaping import Flatten
from engine.looking import Session
from engine.looking.view import figure_of, frame_of
from engine.presets import PRESETS
from engine.runs.carry import finish
from engine.runs.record import DraftRecord
from engine.tasks.encode import Encode
from engine.training.experiment import Experiment
from engine.training.folds import folded
from engine.training.learner import Learner
from engine.training.recipe import Recipe
from engine.views import VIEWS
from engine.views.latent.attributes import attribute, attributes
from engine.views.latent.factors import entropy, shared, sorted_in
from engine.views.latent.odd import away
from tests.engine.test_autoencoders import experiment
from tests.engine.test_latent_views import networks, session_of

KNOWING = {
    "scenes": {"number": 60},
    "stripes": {"number": 60},
    "glyphs": {"number": 60},
    "waves": {"length": 400},
}


@pytest.fixture(scope="module")
def plain():
    return session_of(experiment(Encode(noise="masking"), epochs=15.0, rate=0.01))


def drafted(made):
    learner = Learner(made, made.data.load())
    return Session(made, 0, DraftRecord(learner), learner)


def coding(data, sizes):
    encoder = chain(given=Input(sizes=sizes), flat=Flatten(), code=Dense(units=3))
    graphs = {"encoder": encoder, "decoder": mirrored(encoder)}
    return Experiment("known", graphs, data, Encode(), Recipe(batch=16, epochs=1.0))


# -- what is known ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KNOWING)
def test_a_source_knows_what_it_says_of_every_example_and_splits_take_it_along(kind):
    source = DATASETS[kind](**KNOWING[kind])
    dataset = source.load()
    assert tuple(dataset.facts) == source.knows
    for split in dataset.splits().values():
        assert tuple(split.facts) == source.knows
        assert len(split.facts) == len(split)
    for name, classes in dataset.facts.items():
        values = dataset.train.facts[name]
        assert len(values.unique()) > 1 or name == "things", name
        if classes:
            assert values.min() >= 0
            assert values.max() < len(classes)
    again = folded(dataset, Recipe(folds=3, fold=1))
    assert len(again.train.facts) == len(again.train)
    assert len(again.validation.facts) == len(again.validation)


def test_what_is_known_of_scenes_is_what_is_seen_in_them():
    source = DATASETS["scenes"](number=80, things=1, ground="plain", divided="in order", validation=0.0, test=0.0)
    known, pictures = (split := source.load().train).facts, split.inputs.float()
    ground = pictures[:, :, :1, :1].amin(dim=0)
    there = (pictures - ground).abs().sum(dim=1) > 60
    for place, seen in enumerate(there.numpy()):
        columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
        assert known["across"][place] == pytest.approx((columns[0] + columns[-1] + 1) / 2, abs=1)
        assert known["down"][place] == pytest.approx((rows[0] + rows[-1] + 1) / 2, abs=1)
        assert known["dots"][place] == pytest.approx(seen.sum(), abs=6)
        painted = pictures[place, :, seen].mean(dim=1)
        nearest = min(
            COLOURS,
            key=lambda name: float((torch.tensor(COLOURS[name]) / max(COLOURS[name]) - painted / painted.max()).norm()),
        )
        assert list(COLOURS)[int(known["colour"][place])] == nearest
    assert [SHAPES[int(one)] for one in known["shape"]] == [SHAPES[int(one)] for one in split.targets]


def test_what_is_known_of_stripes_and_windows_is_what_they_were_drawn_by():
    dataset = DATASETS["stripes"](number=40, noise=0.0, divided="in order", validation=0.0, test=0.0).load()
    facts, size = dataset.train.facts, dataset.sizes[-1]
    angle, y = facts["angle"].deg2rad(), torch.arange(size)
    for place in range(40):
        across = -angle[place].sin() * y[None, :] + angle[place].cos() * y[:, None]
        wave = torch.sin(2 * torch.pi * across / facts["width"][place] + facts["phase"][place])
        drawn = (0.5 + 0.5 * facts["contrast"][place] * wave).clamp(0, 1) * 255
        torch.testing.assert_close(dataset.train.inputs[place, 0].float(), drawn, atol=0.6, rtol=0)
    waves = DATASETS["waves"](length=300)
    values, _ = waves.series()
    found = waves.load()
    mean, deviation = found.scale
    for split in found.splits().values():
        begin = int(split.facts["place"][2])
        expected = (values[begin : begin + waves.window] - mean) / deviation
        torch.testing.assert_close(split.inputs[2, :, 0], expected.float())


def test_every_form_offers_what_is_known_and_nothing_else():
    picture = drafted(coding(DATASETS["digits"](size=8), (1, 8, 8)))
    assert attributes(picture.experiment) == ["class", "brightness"]
    raw = picture.network.dataset.train
    found = attribute(picture, "brightness", "train", 50)
    np.testing.assert_allclose(found.values, raw.inputs[:50].double().mean(dim=(1, 2, 3)) / 255, rtol=1e-5)
    kinds = attribute(picture, "class", "validation", 30)
    np.testing.assert_array_equal(kinds.values, picture.network.dataset.validation.targets[:30])
    assert kinds.classes == tuple("0123456789")
    points = drafted(coding(DATASETS["points"](), (2,)))
    assert attributes(points.experiment) == ["class", "x1", "x2"]
    found = attribute(points, "x2", "train", 20)
    np.testing.assert_allclose(found.values, points.network.dataset.train.inputs[:20, 1])
    for session, name in (
        (picture, "x1"),
        (points, "brightness"),
        (points, "x3"),
        (points, "xs"),
        (points, "x²"),
        (picture, "shape"),
    ):
        with pytest.raises(VitrineError, match="Nobody knows"):
            attribute(session, name, "train", 20)
    with pytest.raises(VitrineError, match=r"Did you mean 'brightness'\? Choose one of: class, brightness\."):
        attribute(picture, "brightnes", "train", 20)


def test_a_label_beside_the_picture_is_no_picture():
    encoder = chain(
        label=Input(sizes=(10,)),
        image=Input(sizes=(1, 8, 8)),
        flat=Flatten(),
        both=(LAYERS["concat"](), "flat", "label"),
        code=Dense(units=3),
    )
    decoder = chain(code=Input(sizes=(3,)), out=Dense(units=64), picture=LAYERS["reshape"](sizes=(1, 8, 8)))
    data = DATASETS["digits"](size=8)
    made = Experiment("told", {"encoder": encoder, "decoder": decoder}, data, Encode(), Recipe(batch=50, epochs=1.0))
    session = drafted(made)
    assert attributes(made) == ["class", "brightness"]
    assert frame_of(VIEWS["factors"](), session).words["names"] == ["class", "brightness"]
    learner = session.network
    with torch.no_grad():  # a network that sees nothing but the label tells nothing where no label is told
        learner.networks["encoder"].code.weight[:, :64] = 0.0
    assert finish(learner)["metrics"]["test"]["told by a line"] < 0.2
    session = drafted(made)
    session.network.networks["encoder"].load_state_dict(learner.networks["encoder"].state_dict())
    assert frame_of(VIEWS["worth"](), session)["line"][0] < 0.2


def test_what_is_not_known_of_some_is_measured_of_the_others():
    session = drafted(coding(DATASETS["digits"](size=8), (1, 8, 8)))
    whole = frame_of(VIEWS["factors"](), session)
    split = session.network.dataset.train
    half = torch.arange(len(split)) % 2 == 0
    some = Split(split.inputs, torch.where(half, split.targets, -1))
    learner = session.network
    learner.dataset = dataclasses.replace(learner.dataset, train=some)
    learner.material.splits["train"] = Split(learner.data["train"].inputs, some.targets)
    again = frame_of(VIEWS["factors"](), Session(session.experiment, 0, DraftRecord(learner), learner))
    codes = again["told"][:, 0]
    encoder = learner.networks["encoder"]
    with torch.no_grad():
        column = sorted_in(encoder(learner.data["train"].inputs)[:, 0].double().numpy())
    kept, kinds = column[half.numpy()], split.targets[half].numpy()
    assert codes[0] == pytest.approx(mutual_info_score(kept, kinds) / entropy(kinds), abs=1e-6)
    assert not np.allclose(codes, whole["told"][:, 0])


def test_too_few_to_stand_beside_is_said(plain):
    learner = plain.network
    tiny = learner.material.splits | {"validation": learner.data["validation"].take(torch.arange(3))}
    whole, learner.material.splits = learner.material.splits, tiny
    try:
        session = Session(plain.experiment, plain.step, DraftRecord(learner), learner)
        assert "too few examples" in frame_of(VIEWS["odd"](sample="validation 1"), session).words["problem"]
    finally:
        learner.material.splits = whole


def test_the_plane_is_coloured_by_what_is_known():
    made = dataclasses.replace(PRESETS["beta-vae"].experiment(), data=DATASETS["scenes"](number=120, things=1))
    session = drafted(made)
    offered = VIEWS["latent"]().choices(made)["colours"]
    assert offered == ["class", "error", "brightness", *made.data.knows]
    facts = session.network.dataset.train.facts
    shaded = figure_of(view := VIEWS["latent"](colours="across", examples=40), frame_of(view, session))
    points = next(trace for trace in shaded["data"] if trace.get("meta", {}).get("part") == "points")
    np.testing.assert_allclose(points["marker"]["color"], facts["across"][:40], atol=1e-3)
    assert points["text"][3].endswith(f"across {float(facts['across'][3]):.3g}")
    named = figure_of(view := VIEWS["latent"](colours="colour", examples=40), frame_of(view, session))
    told = {trace["name"]: len(trace["x"]) for trace in named["data"] if trace.get("meta", {}).get("part") == "points"}
    counts = np.bincount(facts["colour"][:40].int(), minlength=len(COLOURS))
    assert told == {name: n for name, n in zip(COLOURS, counts.tolist(), strict=True) if n}
    frame = frame_of(VIEWS["latent"](colours="colours"), session)
    assert "Did you mean 'colour'?" in frame.words["problem"]


# -- what codes tell -------------------------------------------------------------------------------------------------


def test_information_is_what_scikit_learn_says():
    random = np.random.default_rng(3)
    one, other = random.integers(0, 6, 500), random.integers(0, 4, 500)
    other = np.where(random.random(500) < 0.6, one % 4, other)
    assert shared(one, other) == pytest.approx(mutual_info_score(one, other), abs=1e-9)
    assert entropy(one) == pytest.approx(entropy_of(np.bincount(one)), abs=1e-9)
    assert shared(one, one) / entropy(one) == pytest.approx(1)
    assert normalized_mutual_info_score(one, other, average_method="max") == pytest.approx(
        shared(one, other) / max(entropy(one), entropy(other)), abs=1e-9
    )
    values = random.normal(size=300)
    edges = np.linspace(values.min(), values.max(), 11)
    np.testing.assert_array_equal(sorted_in(values), np.clip(np.digitize(values, edges[1:-1], right=False), 0, 9))
    assert set(sorted_in(np.full(5, 2.5))) == {0}


def test_a_code_that_holds_one_thing_in_each_number_has_wide_gaps_and_a_turned_one_narrow():
    source = DATASETS["scenes"](number=400, things=1, ground="plain", validation=0.0, test=0.0)
    session = drafted(dataclasses.replace(PRESETS["beta-vae"].experiment(), data=source))
    known = session.network.dataset.train.facts
    places = torch.stack([known["across"], known["down"]], dim=1)

    def gaps(codes):
        class Laid:
            at = codes

        session.kept["codes", "train", 400, False] = Laid()
        frame = frame_of(view := VIEWS["factors"](examples=400), session)
        assert figure_of(view, frame)["data"][0]["z"].shape == (codes.shape[1], len(frame.words["names"]))
        return dict(zip(frame.words["names"], frame["gaps"].tolist(), strict=True)), frame

    apart, frame = gaps(places)
    assert apart["across"] > 0.8
    assert apart["down"] > 0.8
    assert apart["colour"] < 0.1
    turn = torch.tensor([[0.7071, -0.7071], [0.7071, 0.7071]])
    mixed, _ = gaps(places @ turn)
    assert mixed["across"] < 0.15
    colours = known["colour"].int().numpy()
    by_hand = mutual_info_score(sorted_in(places[:, 0].numpy()), colours) / entropy(colours)
    assert frame["told"][0, frame.words["names"].index("colour")] == pytest.approx(by_hand, abs=1e-6)
    assert "things" not in frame.words["names"]  # in which these do not differ


def test_scores_at_the_end_tell_whether_classes_lie_apart(plain):
    learner = plain.network
    result = finish(learner)["metrics"]
    assert "told by a line" not in result["train"]
    encoder, _ = networks(plain)
    with torch.no_grad():
        rows = {name: encoder(split.inputs[:2000]).numpy() for name, split in learner.data.items()}
    truths = {name: split.targets[:2000].numpy() for name, split in learner.data.items()}
    scaled = StandardScaler().fit(rows["train"])
    line = LogisticRegression(max_iter=5000, tol=1e-10).fit(scaled.transform(rows["train"]), truths["train"])
    near = KNeighborsClassifier(5).fit(rows["train"], truths["train"])
    for name in ("validation", "test"):
        told = line.score(scaled.transform(rows[name]), truths[name])
        assert result[name]["told by a line"] == pytest.approx(told, abs=1e-9)
        told = near.score(rows[name], truths[name])
        assert result[name]["told by neighbours"] == pytest.approx(told, abs=0.011)  # of equal votes, another may win
    assert "told by a line" not in learner.score("test")  # which is asked after each epoch


# -- how odd ---------------------------------------------------------------------------------------------------------


def test_an_example_is_as_odd_as_others_come_back_better(plain):
    view = VIEWS["odd"](sample="validation 3", examples=100)
    frame = frame_of(view, plain)
    encoder, decoder = networks(plain)
    with torch.no_grad():
        given = plain.network.data["validation"].inputs[:100]
        far = (decoder(encoder(given)) - given).square().flatten(1).mean(dim=1).sqrt().numpy()
    others = np.delete(far, 3)
    np.testing.assert_allclose(frame["others"], others, rtol=1e-4)
    assert frame["own"][0] == pytest.approx(far[3], rel=1e-4)
    assert frame.words["places"] == np.argsort(-far, kind="stable")[:6].tolist()
    words = figure_of(view, frame)["layout"]["annotations"][0]["text"]
    assert f"farther off than {(others < far[3]).mean():.0%} of 99 validation examples" in words
    odd = far[3] > np.quantile(others, 0.95)
    assert words.endswith("odd" if odd else "as usual")
    worst = frame.words["places"][0]
    lone = figure_of(view := VIEWS["odd"](sample=f"validation {worst}", examples=100), frame_of(view, plain))
    assert lone["layout"]["annotations"][0]["text"].endswith("farther off than 100% of 99 validation examples: odd")
    low, high = lone["layout"]["xaxis"]["range"]
    assert low < far[worst] < high
    assert view.looks({"part": "oddest", "label": "validation 7"}) == {"sample": "validation 7"}


def test_codes_lie_away_as_mahalanobis_says(plain):
    torch.manual_seed(1)
    around = torch.randn(200, 4) @ torch.randn(4, 4) + 3
    rows = torch.randn(30, 4)
    theirs = np.sqrt(EmpiricalCovariance().fit(around.numpy()).mahalanobis(rows.numpy()))
    np.testing.assert_allclose(away(rows, around), theirs, rtol=1e-3)
    flat = torch.cat([around, torch.zeros(200, 1)], dim=1)  # a number that never varies tells nothing
    np.testing.assert_allclose(away(torch.cat([rows, torch.zeros(30, 1)], dim=1), flat), theirs, rtol=1e-3)
    frame = frame_of(VIEWS["odd"](by="code", examples=60), plain)
    encoder, _ = networks(plain)
    with torch.no_grad():
        train, tried = (encoder(plain.network.data[name].inputs).numpy() for name in ("train", "validation"))
    theirs = np.sqrt(EmpiricalCovariance().fit(train[:2000]).mahalanobis(tried[:60]))
    np.testing.assert_allclose(frame["others"], theirs[1:], rtol=1e-2)  # the sample is the first of them
    assert frame["own"][0] == pytest.approx(theirs[0], rel=1e-2)


def test_noise_is_odder_than_most_digits(plain):
    with torch.no_grad():
        encoder, decoder = networks(plain)
        noise = torch.rand(50, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        far = (decoder(encoder(noise)) - noise).square().flatten(1).mean(dim=1).sqrt()
    others = frame_of(VIEWS["odd"](examples=100), plain)["others"]
    assert float((far[:, None] > torch.from_numpy(others)).float().mean()) > 0.95
