"""Views of codes: where examples lie, what lies between, what is drawn and steered, held against arithmetic by hand."""

import base64
import dataclasses
import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from plotly import graph_objects
from scipy.stats import kstest, truncnorm
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from engine.errors import VitrineError
from engine.figures.lines import HIGH, lined
from engine.figures.picture import png
from engine.looking import Session
from engine.looking.view import figure_of, frame_of, staged
from engine.presets import PRESETS
from engine.runs.record import DraftRecord
from engine.tasks.encode import Encode
from engine.tasks.probing import probed, voted
from engine.tasks.vary import Vary
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.views import VIEWS
from engine.views.latent.between import along_sphere
from engine.views.latent.codes import coded, decoded, kept_codes
from engine.views.latent.drawnsamples import drawn
from tests.engine.test_autoencoders import CODED, drawing, experiment

KINDS = (
    "reconstructions",
    "latent",
    "walk",
    "between",
    "drawn-samples",
    "code",
    "pca",
    "repair",
    "anatomy",
    "reparameterised",
    "worth",
    "factors",
    "odd",
)


def session_of(made):
    learner = Learner(made, made.data.load())
    for _ in learn(learner):
        pass
    return Session(made, learner.step, DraftRecord(learner), learner)


@pytest.fixture(scope="module")
def plain():
    return session_of(experiment(Encode(noise="masking"), epochs=15.0, rate=0.01))


@pytest.fixture(scope="module")
def by_chance():
    return session_of(experiment(Vary(), epochs=15.0, rate=0.01))


@pytest.fixture(scope="module")
def waves():
    made = PRESETS["sequence-ae"].experiment()
    short = made.recipe.but(epochs=None, steps=40)
    return session_of(dataclasses.replace(made, data=made.data.but(length=600), recipe=short))


def seen(session, kind, **options):
    view = VIEWS[kind](**options)
    frame = frame_of(view, session)
    assert "problem" not in frame.words, frame.words["problem"]
    figure = figure_of(view, frame)
    graph_objects.Figure(figure["data"], figure["layout"])  # as Plotly reads it
    return frame, figure


@pytest.mark.parametrize("kind", KINDS)
def test_every_view_of_codes_is_a_figure_or_says_why_not(plain, by_chance, waves, kind):
    for session in (plain, by_chance, waves):
        view = VIEWS[kind]()
        if words := view.refusal(session.experiment):
            assert words.endswith(".")
            continue
        if kind == "anatomy":
            continue  # reads what a run recorded
        frame = frame_of(view, session)
        if problem := frame.words.get("problem"):
            assert "fault" not in problem.lower(), problem
            assert kind == "worth"
            assert session is waves
            continue
        assert len(png(figure_of(view, frame), 900, view.height)) > 1000


def test_what_has_no_codes_is_refused():
    lenet = PRESETS["lenet-5"].experiment()
    assert all(VIEWS[kind]().refusal(lenet).endswith(".") for kind in KINDS)
    assert VIEWS["reparameterised"]().refusal(experiment(Encode())) == "These codes are not drawn by chance."


def test_looking_leaves_networks_gradients_and_chance_alone(by_chance):
    learner = by_chance.network
    before = learner.weights(), torch.get_rng_state()
    for kind in KINDS:
        if kind != "anatomy":
            seen(by_chance, kind)
    after = learner.weights()
    assert all(torch.equal(after[role][name], one) for role, some in before[0].items() for name, one in some.items())
    assert torch.equal(before[1], torch.get_rng_state())
    assert all(p.grad is None or not p.grad.isnan().any() for n in learner.networks.values() for p in n.parameters())


def networks(session):
    return tuple(session.network.networks[role].eval() for role in ("encoder", "decoder"))


def test_reconstructions_tell_how_far_each_example_is_off(plain):
    frame, _ = seen(plain, "reconstructions", sample="3", number=5)
    encoder, decoder = networks(plain)
    learner = plain.network
    inputs = learner.data["validation"].inputs[[3, 0, 1, 2, 4]]
    damaged = learner.task.worse(inputs, torch.Generator().manual_seed(0))
    with torch.no_grad():
        made = decoder(encoder(damaged))
    np.testing.assert_allclose(frame["off"], (made - inputs).square().flatten(1).mean(dim=1).sqrt(), rtol=1e-5)
    np.testing.assert_array_equal(frame["made"], (made * 255).round().byte().numpy())
    assert frame.words["clicks"] == ["", "validation 0", "validation 1", "validation 2", "validation 4"]
    worst, _ = seen(plain, "reconstructions", which="worst", number=4)
    best, _ = seen(plain, "reconstructions", which="best", number=4)
    assert worst["off"][1:].min() > best["off"][1:].max()


def test_the_latent_plane_shows_codes_where_they_are(by_chance):
    frame, figure = seen(by_chance, "latent", by="two numbers", across=2, up=0, ellipses=True, examples=200)
    encoder, _ = networks(by_chance)
    with torch.no_grad():
        _, mean, spread = encoder(by_chance.network.data["train"].inputs[:200])
    np.testing.assert_allclose(frame["at"][1:], mean[:, [2, 0]], rtol=1e-5)
    np.testing.assert_allclose(frame["around"], (spread[:60, [2, 0]] / 2).exp(), rtol=1e-5)
    ring = next(trace for trace in figure["data"] if trace["mode"] == "lines")
    x, y = np.array(ring["x"][:25]) - float(mean[0, 2]), np.array(ring["y"][:25]) - float(mean[0, 0])
    wide, high = frame["around"][0]
    np.testing.assert_allclose((x / wide) ** 2 + (y / high) ** 2, 1, rtol=0.05)
    with torch.no_grad():
        _, mine, _ = encoder(by_chance.network.data["validation"].inputs[:1])
    order = np.linalg.norm(mean.numpy() - mine.numpy(), axis=1).argsort()[:4]
    assert frame["near"].tolist() == order.tolist()


def test_a_code_of_three_numbers_is_laid_out_by_pca_and_one_of_two_as_it_is(by_chance):
    frame, _ = seen(by_chance, "latent", examples=100)
    assert frame.words["by"] == "PCA"
    two = session_of(experiment(Vary(), drawing(2), epochs=1.0))
    frame, figure = seen(two, "latent", examples=100)
    assert frame.words["axes"] == ["z0", "z1"]
    names = [trace["ids"][0] for trace in figure["data"] if trace.get("ids")]
    assert all(name.startswith("train ") for name in names)
    view = VIEWS["latent"]()
    assert view.looks({"part": "points", "label": "train 7"}) == {"sample": "train 7"}
    assert view.looks({"part": "points", "label": 7}) == view.looks({}) == {}


def test_one_number_still_makes_a_plane():
    one = session_of(experiment(Vary(), drawing(1), epochs=1.0))
    for kind in ("latent", "walk", "between", "code", "drawn-samples"):
        seen(one, kind)


def test_pictures_at_points_leave_room_for_one_another(by_chance):
    _, figure = seen(by_chance, "latent", pictures=True, density=True, examples=150)
    assert figure["layout"]["images"][0]["sizing"] == "stretch"
    assert figure["data"][0]["type"] == "heatmap"


def test_a_place_that_is_steered_to_is_decoded_as_torch_does(by_chance, plain, waves):
    for session in (by_chance, plain, waves):
        view = VIEWS["walk"]()
        frame = frame_of(view, session)
        steers = view.steering(frame, session.experiment)
        code = (frame["base"] + 0.3 * frame["ways"][0] - 0.4 * frame["ways"][1]).tolist()
        _, decoder = networks(session)
        with torch.no_grad():
            made = decoder(torch.tensor([code]))
        picture = Image.open(io.BytesIO(base64.b64decode(steers(code)["picture"].partition(",")[2])))
        if session is not waves:
            small = np.asarray(picture.convert("L").resize((8, 8), Image.Resampling.NEAREST))
            np.testing.assert_array_equal(small, (made[0, 0] * 255).round().byte().numpy())
        with pytest.raises(VitrineError, match="numbers here"):
            steers([0.0])


def test_the_grid_of_a_walk_is_decoded_place_by_place(by_chance):
    frame, figure = seen(by_chance, "walk", by="two numbers", across=0, up=1, detail=5)
    _, decoder = networks(by_chance)
    encoder, _ = networks(by_chance)
    with torch.no_grad():
        _, mine, _ = encoder(by_chance.network.data["validation"].inputs[:1])
        code = mine.clone()
        code[0, 0], code[0, 1] = float(frame["x"][2]), float(frame["y"][-1])  # the upper row, in the middle
        made = decoder(code)
    np.testing.assert_array_equal(frame["made"][2, 0], (made[0, 0] * 255).round().byte().numpy())
    assert figure["steer"]["mine"] == pytest.approx(mine[0].tolist(), abs=1e-4)
    moved, _ = seen(by_chance, "walk", show="numbers one by one")
    codes = kept_codes(by_chance, "train", 300).at
    with torch.no_grad():
        code = mine.clone()
        code[0, 1] = float(codes[:, 1].mean() + 3 * codes[:, 1].std())
        made = decoder(code)
    np.testing.assert_array_equal(moved["made"][2 * 11 - 1, 0], (made[0, 0] * 255).round().byte().numpy())


def test_ways_between_codes():
    one, other = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0])
    way, turned = along_sphere(one, other, torch.tensor([0.0, 0.5, 1.0]))
    assert turned
    torch.testing.assert_close(way, torch.tensor([[2.0, 0.0], [3 * math.sqrt(0.5), 3 * math.sqrt(0.5)], [0.0, 4.0]]))
    straight, turned = along_sphere(one, -2 * one, torch.tensor([0.5]))  # half a turn: there is no one way round
    assert not turned
    torch.testing.assert_close(straight, torch.tensor([[-1.0, 0.0]]))


def test_between_decodes_means_and_sums(by_chance):
    frame, _ = seen(by_chance, "between", sample="0", other="1", third="2", steps=5, beyond=0.5)
    encoder, decoder = networks(by_chance)
    with torch.no_grad():
        _, codes, _ = encoder(by_chance.network.data["validation"].inputs[:3])
        middle = decoder((codes[:1] + codes[1:2]) / 2)
        total = decoder(codes[:1] - codes[1:2] + codes[2:3])
    np.testing.assert_array_equal(frame["straight"][2], (middle[0] * 255).round().byte().numpy())
    np.testing.assert_array_equal(frame["sum"][3], (total[0] * 255).round().byte().numpy())
    means, _ = seen(by_chance, "between", ends="class means", start="3", goal="8", steps=3, beyond=0.0)
    train = by_chance.network.dataset.train
    with torch.no_grad():
        _, every, _ = encoder(by_chance.network.data["train"].inputs)
        made = decoder(every[train.targets == 3].mean(dim=0, keepdim=True))
    far = means["straight"][0].astype(int) - (made[0] * 255).round().byte().numpy().astype(int)
    assert abs(far).max() <= 1
    wrong = frame_of(VIEWS["between"](ends="class means", start="x"), by_chance)
    assert "There is no class 'x'" in wrong.words["problem"]


def test_truncated_draws_stay_within_and_temperature_scales(by_chance):
    z = drawn(4000, 2, 0, 1.5)
    assert z.abs().max() <= 1.5
    assert kstest(z.flatten().numpy(), truncnorm(-1.5, 1.5).cdf).pvalue > 0.01
    cold, _ = seen(by_chance, "drawn-samples", temperature=0.0)
    assert all((one == cold["made"][0]).all() for one in cold["made"])
    frame, _ = seen(by_chance, "drawn-samples", rows=1)
    _, decoder = networks(by_chance)
    with torch.no_grad():
        made = decoder(drawn(10, 3, 0, None))
    train = by_chance.network.data["train"].inputs[:1000]
    far = (made.flatten(1)[:, None] - train.flatten(1)[None]).square().mean(dim=2).sqrt().min(dim=1)
    np.testing.assert_allclose(frame["apart"], far.values, rtol=1e-4)
    assert frame.words["places"] == far.indices.tolist()
    assert VIEWS["drawn-samples"]().pick({"draw": 5}).seed == 5


def test_draws_of_a_variational_autoencoder_are_nearer_to_examples_than_a_plain_ones():
    """The measure: how far a drawn example is from the training example most like it, the mean over forty draws."""
    apart = {}
    for task, encoder in ((Vary(), drawing(2)), (Encode(), CODED)):
        session = session_of(experiment(task, encoder, epochs=60.0, rate=0.005))
        apart[task.kind] = seen(session, "drawn-samples", rows=4)[0].words["apart"]
    assert apart["vary"] < apart["encode"]


def test_the_code_view_counts_what_each_number_tells(by_chance, plain):
    frame, _ = seen(by_chance, "code", examples=300, split="train")
    encoder, _ = networks(by_chance)
    with torch.no_grad():
        _, mean, spread = encoder(by_chance.network.data["train"].inputs[:300])
    normal = torch.distributions.Normal(mean, (spread / 2).exp())
    told = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).mean(dim=0)
    np.testing.assert_allclose(frame["told"], told, rtol=1e-4)
    np.testing.assert_allclose(frame["together"], np.corrcoef(mean.numpy(), rowvar=False), atol=1e-5)
    frame, _ = seen(plain, "code", examples=300)
    assert "told" not in frame.arrays
    assert VIEWS["code"]().pick({"part": "units", "row": 2}).unit == 2
    assert VIEWS["code"]().pick({"part": "units", "row": True}) is None


def test_a_unit_that_collapsed_is_marked():
    session = session_of(experiment(Vary(beta=300.0), epochs=15.0, rate=0.01))
    frame, figure = seen(session, "code")
    assert frame["dead"].all()
    assert set(figure["data"][0]["marker"]["color"]) == {"#d55e00"}
    assert session.network.score("validation")["active units"] == 0


def test_the_way_by_chance_is_written_out(by_chance):
    frame, _ = seen(by_chance, "reparameterised", sample="1", seed=4)
    encoder, decoder = networks(by_chance)
    x = by_chance.network.data["validation"].inputs[1:2]
    with torch.no_grad():
        _, mean, spread = encoder(x)
        epsilon = torch.randn(mean.shape, generator=torch.Generator().manual_seed(4))
        z = mean + (spread / 2).exp() * epsilon
        made = decoder(z)
    table = np.stack([mean[0], (spread[0] / 2).exp(), epsilon[0], z[0]], axis=1)
    np.testing.assert_allclose(frame["table"][:, :4], table, rtol=1e-5)
    lost = -(x * made.log() + (1 - x) * (1 - made).log()).sum().item()
    assert frame.words["lost"] == pytest.approx(lost, rel=1e-4)
    assert frame.words["told"] == pytest.approx(frame["table"][:, 4].sum(), rel=1e-5)


def test_a_picture_is_damaged_by_hand_and_repaired(plain):
    view = VIEWS["repair"](size=3)
    view = (
        view.pick({"part": "painted", "strokes": [[0, 4]]})
        .pick({"brush": "white"})
        .pick({"part": "painted", "strokes": [[5, 7]]})
    )
    assert view.marks == ((0, 4, "black"), (5, 7, "white"))
    frame = frame_of(view, plain)
    whole = plain.network.data["validation"].inputs[0].clone()
    whole[:, 0:2, 3:6], whole[:, 4:7, 6:9] = 0.0, 1.0
    np.testing.assert_array_equal(frame["worse"], (whole * 255).round().byte().numpy())
    encoder, decoder = networks(plain)
    with torch.no_grad():
        made = decoder(encoder(whole[None]))[0]
    np.testing.assert_array_equal(frame["made"], (made * 255).round().byte().numpy())
    assert view.pick({"clean": True}).marks == ()
    for wrong in ([[-1, 0]], [[0]], [[True, 1]], [], "0,1", [[0, 1]] * 401, [{"row": 1}], None):
        assert view.pick({"part": "painted", "strokes": wrong}) is None
    assert view.pick({"strokes": [[1, 1]]}) is None
    full = VIEWS["repair"](marks=((0, 0, "black"),) * 400)
    with pytest.raises(VitrineError, match="paint at 400 places already"):
        full.pick({"part": "painted", "strokes": [[0, 0]]})
    assert figure_of(view, frame)["brush"] == {"axis": "", "shape": [8, 8], "size": 3, "laid": "white"}


def test_a_stroke_of_the_brush_keeps_as_many_places_as_cover_it():
    stroke = [[3, column] for column in range(20)]
    view = VIEWS["repair"](size=6).pick({"part": "painted", "strokes": stroke})
    assert [column for _, column, _ in view.marks] == [0, 3, 6, 9, 12, 15, 18, 19]
    covered = {column - 3 + more for _, column, _ in view.marks for more in range(6)}
    assert set(range(20)) <= covered
    thin = VIEWS["repair"](size=1).pick({"part": "painted", "strokes": stroke})
    assert [[row, column] for row, column, _ in thin.marks] == stroke


def test_linear_is_pca_tells_what_is_kept():
    preset = PRESETS["pca-ae"].experiment()
    session = session_of(preset)
    frame, _ = seen(session, "pca")
    raw = preset.data.load().train.inputs.flatten(1).numpy() / 255
    encoder, decoder = networks(session)
    with torch.no_grad():
        made = decoder(encoder(session.network.data["train"].inputs)).flatten(1).numpy()
    kept = 1 - ((made - raw) ** 2).sum() / ((raw - raw.mean(axis=0)) ** 2).sum()
    assert frame.words["kept"] == pytest.approx(kept, abs=1e-4)
    values = np.linalg.eigvalsh(np.cov(raw, rowvar=False))[::-1]
    np.testing.assert_allclose(frame["shares"], values[:2].cumsum() / values.sum(), rtol=1e-4)
    assert frame["angles"][0] == pytest.approx(session.network.score("train")["angle to PCA"], abs=1e-3)


def test_a_code_is_worth_what_scikit_learn_says():
    random = np.random.default_rng(0)
    truths = random.integers(0, 4, 500)
    rows = random.standard_normal((500, 6)) + np.eye(4, 6)[truths] * 1.5
    train, test = torch.tensor(rows[:400]), torch.tensor(rows[400:])
    known, wanted = torch.tensor(truths[:400]), torch.tensor(truths[400:])
    theirs = KNeighborsClassifier(5).fit(train, known).score(test, wanted)
    assert voted(train, test, known, wanted, 5) == pytest.approx(theirs, abs=0.011)  # of equal votes, another may win
    scaled = StandardScaler().fit(train)
    line = LogisticRegression(max_iter=2000, tol=1e-8).fit(scaled.transform(train), known)
    assert probed(train, test, known, wanted) == pytest.approx(line.score(scaled.transform(test), wanted), abs=1e-9)


def test_series_are_drawn_as_lines_to_one_scale():
    rising = np.linspace(0, 1, 20)[None, :, None]
    picture = lined(np.concatenate([rising, np.full_like(rising, np.nan)]), 0.0, 1.0)
    ink = (picture[0] != 24).any(axis=0)
    assert ink.any(axis=0).all()
    assert ink[-1, 0]
    assert ink[0, -1]
    assert not (picture[1] != 24).any()
    assert picture.shape[2] == HIGH


def test_what_takes_long_comes_piece_by_piece(by_chance):
    frames = list(staged(VIEWS["latent"](by="t-SNE", examples=60), by_chance))
    assert [frame.words.get("progress", 1.0) for frame in frames][-2:] == [0.5, 1.0]
    assert frames[-1].words["by"] == "t-SNE"


def test_codes_and_their_examples_by_hand(by_chance, plain):
    for session in (by_chance, plain):
        encoder, decoder = networks(session)
        x = session.network.data["test"].inputs[:4]
        with torch.no_grad():
            given = encoder(x)
            z = given[1] if isinstance(given, tuple) else given
        found = coded(session, x)
        torch.testing.assert_close(found.at, z)
        assert (found.deviations is None) == (session is plain)
        with torch.no_grad():
            torch.testing.assert_close(decoded(session, found.at), decoder(z))
    with pytest.raises(VitrineError, match="A code has 3 numbers"):
        decoded(plain, torch.zeros(1, 4))
