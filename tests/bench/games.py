"""Games: rounds a second of two networks against each other, and our loop beside one as tutorials write it."""

import gc
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset

from engine.data.dataset import Dataset as Examples
from engine.presets import PRESETS
from engine.training.learner import Learner
from engine.training.loop import learn
from tests.bench.playground import begun, stopped
from tests.bench.playground import paces as watched
from tests.bench.report import Report, spread
from tests.bench.ui import LATE
from tests.bench.walking import ours_of, pictures
from tests.serving import browser, served, settled

ROUNDS, STEPS = 5, 3000
SLOPE = 0.2


class Maker(nn.Sequential):
    """The generator of a small DCGAN."""

    def __init__(self):
        super().__init__(
            nn.Linear(32, 64 * 49), nn.Unflatten(1, (64, 7, 7)), nn.BatchNorm2d(64), nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip


class Judge(nn.Sequential):
    """Its discriminator."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(SLOPE), nn.Conv2d(16, 32, 4, 2, 1), nn.BatchNorm2d(32),
            nn.LeakyReLU(SLOPE), nn.Flatten(), nn.Linear(32 * 49, 1),
        )  # fmt: skip


def by_hand(dataset: Examples, batch: int, epochs: int) -> float:
    """Return examples a second of a loop in the order of the first paper: new noise for each network's turn."""
    torch.manual_seed(0)
    judge, maker = Judge(), Maker()
    mean = AveragedModel(maker, multi_avg_fn=get_ema_multi_avg_fn(0.998), use_buffers=True)
    moves = [torch.optim.Adam(network.parameters(), lr=0.0005, betas=(0.5, 0.999)) for network in (judge, maker)]
    train, held = (
        DataLoader(TensorDataset(split.inputs.float() / 127.5 - 1), batch_size=batch, shuffle=True, drop_last=True)
        for split in (dataset.train, dataset.validation)
    )
    said = F.binary_cross_entropy_with_logits
    gc.collect()
    began, told = time.perf_counter(), 0.0
    for _ in range(epochs):
        for (real,) in train:
            with torch.no_grad():
                made = maker(torch.randn(len(real), 32))
            moves[0].zero_grad()
            verdicts = judge(real), judge(made)
            loss = said(verdicts[0], torch.full_like(verdicts[0], 0.9))
            loss = loss + said(verdicts[1], torch.zeros_like(verdicts[1]))
            loss.backward()
            moves[0].step()
            told += loss.item()
            moves[1].zero_grad()
            verdict = judge(maker(torch.randn(len(real), 32)))
            loss = said(verdict, torch.ones_like(verdict))
            loss.backward()
            moves[1].step()
            mean.update_parameters(maker)
            told += loss.item()
        with torch.no_grad():
            for (real,) in held:
                judge(real), judge(mean(torch.randn(len(real), 32)))
    return epochs * len(dataset.train) / (time.perf_counter() - began)


PLAYING: list[tuple[str, Callable[..., Examples], Callable[..., float], Callable[..., float], int, int, int]] = [
    ("DCGAN 28×28", pictures, ours_of("dcgan-glyphs"), by_hand, 1_600, 64, 2),
]


def rounds_a_second() -> float:
    """Return how many rounds a second eight heaps are played for, nobody watching."""
    made = PRESETS["gan-eight"].experiment()
    learner = Learner(made, made.data.load())
    began = time.perf_counter()
    for _ in learn(learner):
        if learner.step >= STEPS:
            break
    return learner.step / (time.perf_counter() - began)


def run() -> Report:
    """Measure rounds a second in the plane, then the page with its usual board."""
    report = Report("games")
    paces = [rounds_a_second() for _ in range(ROUNDS)]
    report.rows.append({"game": "eight heaps, 2 × 64, batch 64", "rounds/s": statistics.median(paces)})
    report.aim_least("rounds a second, nobody watching", statistics.median(paces), 300)
    with browser() as chromium, served() as (address, _):
        page = chromium.new_context(viewport={"width": 1280, "height": 1600}).new_page()
        page.goto(f"{address}/gan")
        settled(page)
        begun(page, "gan")
        page.evaluate(LATE, 1)
        pace, frames = watched(page)
        late = spread(page.evaluate("() => window.late"))
        stopped(page)
        names = page.locator('[class*="-panelhead-"] strong').all_inner_texts()
        report.rows += [{"panel": name, "frames/s": pace} for name, pace in zip(names, frames, strict=True)]
        report.aim_least("rounds a second with the usual board", pace, 300)
        report.aim_least("frames a second, the game", frames[0], 4)
        report.aim("the game computed → drawn, 95 %, seconds", late["95 % ms"] / 1000, 0.15)
    return report
