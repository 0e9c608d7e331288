"""Real digits through autoencoders: what a plane of two numbers keeps, and how 32 stand beside principal components."""

import dataclasses

import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from engine.data import DATASETS
from engine.graph.mirror import mirrored
from engine.presets import PRESETS
from engine.presets.autoencoders import PICTURE, dense, drawn
from engine.training.learner import Learner
from engine.training.loop import learn
from tests.engine.test_data import REAL, needs_real, placed

pytestmark = [pytest.mark.slow, needs_real]


def learned(home, size, **recipe):
    """Return a variational autoencoder of this size that has learned MNIST, and codes of its test examples."""
    placed(home, "mnist", {name: REAL / "mnist" / name for name in DATASETS["mnist"].files})
    preset = PRESETS["vae"].experiment()
    encoder = drawn(size, PICTURE, **dense(512, 256))
    graphs = {"encoder": encoder, "decoder": mirrored(encoder)}
    recipe = preset.recipe.but(batch=128, rate=0.001, **recipe)
    made = dataclasses.replace(preset, graphs=graphs, data=DATASETS["mnist"](), recipe=recipe)
    learner = Learner(made, made.data.load())
    for _ in learn(learner):
        pass
    return learner


def codes(learner, split, most):
    encoder = learner.networks["encoder"].eval()
    with torch.no_grad():
        return torch.cat([encoder(piece)[1] for piece in learner.pieces(learner.data[split].inputs[:most])]).numpy()


def test_neighbours_in_the_plane_are_of_one_class(home):
    learner = learned(home, 2, epochs=12.0)
    votes = KNeighborsClassifier(10).fit(codes(learner, "train", 10_000), learner.dataset.train.targets[:10_000])
    share = votes.score(codes(learner, "test", 10_000), learner.dataset.test.targets)
    print(f"of the plane's nearest neighbours, {share:.3f} tell the class; {learner.score('test')}")
    assert share > 0.7
    assert learner.score("test")["rmse"] < learner.score("test")["rmse by PCA"]


def test_thirty_two_numbers_lose_less_than_as_many_principal_components(home):
    learner = learned(home, 32, epochs=6.0)
    raw, test = (part.inputs.flatten(1).numpy() / 255 for part in (learner.dataset.train, learner.dataset.test))
    theirs = PCA(32, svd_solver="randomized", random_state=0).fit(raw[:20_000])
    by_pca = (((theirs.inverse_transform(theirs.transform(test)) - test) ** 2).mean()) ** 0.5
    encoder, decoder = (learner.networks[role].eval() for role in ("encoder", "decoder"))
    with torch.no_grad():
        inputs = learner.data["test"].inputs
        made = torch.cat([decoder(encoder(piece)[0]) for piece in inputs.split(1000)])
    mine = float((made - inputs).square().mean().sqrt())
    print(f"off by {mine:.4f}, by PCA {by_pca:.4f}")
    assert learner.score("test")["rmse by PCA"] == pytest.approx(by_pca, rel=5e-3)
    assert mine < by_pca
