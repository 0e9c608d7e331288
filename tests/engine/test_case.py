"""What Start shows of each lab was recorded of networks that really learned."""

import base64
from itertools import islice

import numpy as np
import orjson
import pytest
import torch

from engine.training.recipe import Recipe, endless
from tests.record import FILE, learned, steps_of

CASE = orjson.loads(FILE.read_bytes())


def values(text):
    return np.frombuffer(base64.b64decode(text), np.uint8)


@pytest.mark.parametrize("lab", ["playground", "cnn", "rnn", "autoencoder", "gan"])
def test_each_lab_has_a_loop_that_is_whole_and_moves(lab):
    loop = CASE["loops"][lab]
    moves = []
    if "surface" in loop:
        frames = values(loop["surface"]).reshape(loop["frames"], *loop["size"])
        moves.append(any((frames[0] != frame).any() for frame in frames[1:]) or "reads" in loop)
    for dots in loop.get("dots", []):
        at = values(dots["at"]).reshape(1 if dots.get("still") else loop["frames"], -1, 2)
        assert isinstance(dots["of"], int) or len(dots["of"]) == at.shape[1]
        moves.append(dots.get("still") or (at[0] != at[-1]).any())
    assert moves
    assert all(moves)
    assert len(loop.get("reads", [])) in (0, loop.get("size", [0, 0])[1])


def test_the_playgrounds_boundary_is_what_a_network_of_torch_says():
    loop = CASE["loops"]["playground"]
    frames = values(loop["surface"]).reshape(loop["frames"], *loop["size"])
    steps = steps_of(1200)
    for place, session in enumerate(islice(learned("mlp-2-8-8-1", steps), 9)):
        state = session.module.state_dict()
        points = session.network.data["train"].inputs
        everything = torch.cat([split.inputs for split in session.network.data.values()])
        assert session.step == steps[place]
        side = 70
        low, high = everything.amin(dim=0), everything.amax(dim=0)
        room = 0.12 * (high - low)
        across, up = (torch.linspace(float((low - room)[i]), float((high + room)[i]), side) for i in (0, 1))
        x = torch.stack(torch.meshgrid(across, up, indexing="xy"), dim=-1).reshape(-1, 2)
        for name in ("dense1", "dense2"):
            x = torch.tanh(x @ state[f"{name}.weight"].T + state[f"{name}.bias"])
        said = torch.sigmoid(x @ state["out.weight"].T + state["out.bias"]).reshape(side, side).numpy()
        shown = frames[place] / 255
        assert np.abs(said[::-2, ::2] - shown).max() < 0.02, steps[place]
        assert len(points) > 0


def test_a_recipe_loses_its_end_unless_something_depends_on_it():
    assert endless(Recipe(epochs=9)).epochs is None
    for other in ({"schedule": "cosine"}, {"schedule": "one_cycle"}, {"patience": 3}, {"folds": 3}):
        recipe = Recipe(epochs=9).but(**other)
        assert endless(recipe) == recipe
    assert endless(Recipe(epochs=9, steps=100)).steps == 100
