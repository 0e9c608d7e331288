"""Record what Start shows: short loops of real networks that learn, as `assets/case.json`. `make case`."""

import base64
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import torch

from engine.data import DATASETS
from engine.figures.figure import PALETTE
from engine.looking import Session
from engine.presets import PRESETS
from engine.runs.record import DraftRecord
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.views import VIEWS
from tests.serving import ROOT

FILE = ROOT / "assets" / "case.json"
FRAMES = 24
Loop = dict[str, Any]


def steps_of(last: int, frames: int = FRAMES) -> list[int]:
    """Return so many steps up to the last one, close together at the beginning, where most happens."""
    return sorted({0, *np.geomspace(1, last, frames - 1).round().astype(int).tolist()})


def learned(preset: str, steps: list[int], data: Any = None) -> Any:
    """Let a preset learn, and yield a session at each of these steps."""
    experiment: Experiment = PRESETS[preset].experiment()
    recipe = experiment.recipe.but(epochs=None, steps=steps[-1], schedule="constant", device="cpu")
    experiment = dataclasses.replace(experiment, data=data or experiment.data, recipe=recipe)
    assert experiment.data
    torch.manual_seed(0)
    learner = Learner(experiment, experiment.data.load())
    reports = learn(learner)
    for step in steps:
        while learner.step < step:
            learner.rest_at, learner.called = step, True
            next(reports)
        yield Session(experiment, learner.step, DraftRecord(learner), learner)
    reports.close()


def packed(values: Any) -> str:
    """Return numbers from 0 to 1 as bytes, in text."""
    levels = np.round(np.clip(np.asarray(values, dtype=np.float64), 0, 1) * 255)
    return base64.b64encode(levels.astype(np.uint8).tobytes()).decode()


def within(points: np.ndarray, low: Any, high: Any) -> np.ndarray:
    """Return points as shares of a picture's width and height, from its upper left corner."""
    share = (points - low) / np.maximum(np.asarray(high) - low, 1e-9)
    return np.stack([share[..., 0], 1 - share[..., 1]], axis=-1)


def playground() -> Loop:
    """Return how a boundary bends around points."""
    surfaces, last = [], {}
    for session in learned("mlp-2-8-8-1", steps_of(1200)):
        last = VIEWS["surface"]().compute(session).arrays
        surfaces.append(last["given"][::-2, ::2, 1])
    low, high = (np.array([pick(last["across"]), pick(last["up"])]) for pick in (np.min, np.max))
    some = slice(0, 220)
    dots = {"at": packed(within(last["at"][some], low, high)), "of": last["of"][some].astype(int).tolist()}
    return {
        "size": surfaces[0].shape,
        "surface": packed(surfaces),
        "frames": len(surfaces),
        "dots": [dots | {"still": True}],
    }


def cnn() -> Loop:
    """Return what a trained network's first two convolutions make of one digit after the other."""
    *_, session = learned("lenet-5", [400], DATASETS["digits"](size=28))
    frames = []
    for place in range(12):
        maps = [_maps(session, node, place) for node in ("conv1", "conv2")]
        picture = VIEWS["feature-maps"](node="conv1", sample=f"validation {place}").compute(session)["picture"]
        sheet = np.full((81, 146), 0.5)
        sheet[:56, :56] = np.kron(picture.mean(axis=0), np.ones((2, 2))) / max(1.0, float(picture.max()))
        _tile(sheet, maps[0], 3, (0, 60))
        _tile(sheet, maps[1], 13, (59, 0))
        frames.append(sheet)
    return {"size": frames[0].shape, "surface": packed(frames), "frames": len(frames), "grey": [56, 56]}


def _maps(session: Session, node: str, place: int) -> np.ndarray:
    frame = VIEWS["feature-maps"](node=node, sample=f"validation {place}").compute(session)
    maps = frame["maps"]
    return 0.5 + maps / (2 * np.abs(maps).max())


def _tile(sheet: np.ndarray, maps: np.ndarray, columns: int, corner: tuple[int, int]) -> None:
    """Lay maps into a sheet, row by row, as far as there is room."""
    high, wide = maps.shape[1:]
    for number, one in enumerate(maps):
        y, x = corner[0] + number // columns * (high + 1), corner[1] + number % columns * (wide + 1)
        if y + high <= len(sheet) and x + wide <= len(sheet[0]):
            sheet[y : y + high, x : x + wide] = one


def rnn() -> Loop:
    """Return what each unit holds as a review is read, word by word."""
    *_, session = learned("sentiment-lstm", [600])
    _, split = session.split("validation")  # the longest of the first ones has most to be read
    lengths = [int((row != 0).sum()) for row in split.inputs[:60].reshape(60, -1)]
    frame = VIEWS["states"](sample=f"validation {int(np.argmax(lengths))}").compute(session)
    values = frame["values0"]
    order = np.argsort(-np.abs(values).max(axis=1))[:24]
    sheet = 0.5 + values[order] / (2 * np.abs(values).max())
    return {"size": sheet.shape, "surface": packed(sheet), "frames": 1, "reads": frame.words["pieces"][0]}


def autoencoder() -> Loop:
    """Return how the codes of ten digits come apart while a network with two numbers between learns."""
    every, classes = [], []
    for session in learned("deep-ae", steps_of(1500)):
        frame = VIEWS["latent"]().compute(session)
        every.append(frame["at"][1:421])
        classes = frame["truths"][:420].astype(int).tolist()
    spread = [within(at, at.min(axis=0) - 1e-6, at.max(axis=0) + 1e-6) for at in every]
    return {"frames": len(spread), "dots": [{"at": packed(spread), "of": classes}]}


def gan() -> Loop:
    """Return how made points find the heaps of real ones, on the plane of what passes for real."""
    surfaces, made, real = [], [], np.zeros((0, 2))
    for session in learned("gan-eight", steps_of(6000)):
        frame = VIEWS["game"](points=200, arrows=False, manifold=False).compute(session)
        low, high = frame["low"], frame["high"]
        said = frame["said"]
        surfaces.append((said - frame.words["middle"] + 0.5)[::-2, ::2])
        made.append(within(frame["made"][:160], low, high))
        real = within(frame["real"][:160], low, high)
    dots = [{"at": packed(real), "of": 0, "still": True}, {"at": packed(made), "of": 1}]
    return {"size": surfaces[0].shape, "surface": packed(surfaces), "frames": len(surfaces), "dots": dots}


LOOPS: dict[str, Callable[[], Loop]] = {
    "playground": playground,
    "cnn": cnn,
    "rnn": rnn,
    "autoencoder": autoencoder,
    "gan": gan,
}

if __name__ == "__main__":
    loops = {name: loop() for name, loop in LOOPS.items()}
    FILE.write_bytes(orjson.dumps({"colours": PALETTE, "loops": loops}, option=orjson.OPT_SERIALIZE_NUMPY))
    print(f"{FILE.name}: {FILE.stat().st_size:,} bytes")
