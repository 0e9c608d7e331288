"""Walking: from a moved mouse to the decoded picture while a run learns; the plane of codes; autoencoders' training."""

import dataclasses
import gc
import time
from collections.abc import Callable

import torch
from playwright.sync_api import Browser
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from engine.data import DATASETS
from engine.data.dataset import Dataset as Examples
from engine.data.dataset import Split
from engine.live.scene import drawn
from engine.looking import Session
from engine.looking.view import frame_of
from engine.presets import PRESETS
from engine.runs.record import DraftRecord
from engine.training.learner import Learner
from engine.training.link import to_link
from engine.views import VIEWS
from tests.bench.families import Loop, ours
from tests.bench.report import Report, spread
from tests.serving import browser, served, settled

PLACES = 120
POINTS = 10_000
TRAIN = '[class*="st-key-autoencoder-train"] button'

# Move the pointer over the plane, and wait until what is made of the place is on screen.
MOVE = """
async (share) => {
  const figure = document.querySelector('[data-testid="figure"]');
  const { left, top, width, height } = figure.querySelector('.nsewdrag').getBoundingClientRect();
  const before = figure.dataset.steered;
  const began = performance.now();
  figure.querySelector('.plot').dispatchEvent(new PointerEvent('pointermove',
    { clientX: left + share * width, clientY: top + (1 - share) * height, bubbles: true }));
  while (figure.dataset.steered === before) await new Promise(requestAnimationFrame);
  return (performance.now() - began) / 1000;
}
"""


def measure(report: Report) -> None:
    """Walk through a dense and a convolutional decoder's codes, and draw the plane of many."""
    with browser() as chromium, served() as (address, _):
        _plane_on_screen(report, chromium, address)
        for name, what, aim in (("vae", "dense", 0.05), ("conv-vae", "convolutional", 0.1)):
            page = chromium.new_context(viewport={"width": 1280, "height": 1400}).new_page()
            page.goto(f"{address}/autoencoder?preset={name}&board=walk")
            settled(page)
            field = page.get_by_role("spinbutton", name="Epochs")
            field.fill("100000")
            field.press("Enter")
            settled(page)
            page.locator(TRAIN).click()
            page.locator('[data-testid="transport"][data-status="running"]').wait_for()
            page.wait_for_function("() => document.querySelector('[data-testid=figure]')?.dataset.steered > 0")
            page.wait_for_timeout(3000)
            times = []
            for place in range(PLACES):
                times.append(page.evaluate(MOVE, 0.1 + 0.8 * place / PLACES))
                page.wait_for_timeout(30)
            page.locator('[data-testid="transport"] button[data-name="stop"]').click()
            page.context.close()
            found = spread(times)
            said = f"walk while it learns, {what} decoder, 28×28: mouse moved → picture drawn"
            row = {"computed ms": found["median ms"], "drawn ms": found["95 % ms"], "kB": ""}
            report.rows.append({"what": f"{said}: median, 95 %"} | row)
            report.aim(f"{said}, 95 %, seconds", found["95 % ms"] / 1000, aim)
    _plane(report)


def _plane_on_screen(report: Report, chromium: Browser, address: str) -> None:
    """Draw the plane of very many codes in a browser, again and again while the run learns."""
    made = PRESETS["vae"].experiment()
    made = dataclasses.replace(
        made, data=DATASETS["glyphs"](number=14_000), recipe=made.recipe.but(epochs=10_000.0, examples=POINTS)
    )
    page = chromium.new_context(viewport={"width": 1280, "height": 1400}).new_page()
    page.goto(f"{address}/autoencoder?x={to_link(made)}&board=latent:examples={POINTS}")
    settled(page)
    page.locator(TRAIN).click()
    page.locator('[data-testid="transport"][data-status="running"]').wait_for(timeout=120_000)
    shown, taken = page.get_by_test_id("figure").first.element_handle(), []
    for _ in range(12):
        before = page.evaluate("root => Number(root.dataset.drawn ?? 0)", shown)
        page.wait_for_function("([root, n]) => Number(root.dataset.drawn) > n", arg=[shown, before], timeout=60_000)
        taken.append(page.evaluate("root => Number(root.dataset.late)", shown) / 1000)
    painted = "root => root.querySelector('.plot').data.filter(({ mode }) => mode === 'none').map(({ x }) => x.length)"
    many = sum(page.evaluate(painted, shown))
    page.locator('[data-testid="transport"] button[data-name="stop"]').click()
    page.context.close()
    said = f"plane of {many:,} codes while it learns: computed → on screen, 95 %, seconds"
    report.aim(said, spread(taken[2:])["95 % ms"] / 1000, 0.5)


def _plane(report: Report) -> None:
    """Draw the plane of very many examples' codes, the network just changed."""
    experiment = PRESETS["vae"].experiment()
    dataset = experiment.data.load()
    times = [-(-POINTS // len(dataset.train))] + [1] * (dataset.train.inputs.dim() - 1)
    many = Split(dataset.train.inputs.repeat(times)[:POINTS], dataset.train.targets.repeat(times[0])[:POINTS])
    learner = Learner(experiment, dataclasses.replace(dataset, train=many))
    view, taken = VIEWS["latent"](examples=POINTS), []
    for _ in range(10):
        session = Session(experiment, 0, DraftRecord(learner), learner)
        began = time.perf_counter()
        drawn(view, frame_of(view, session), 0)
        taken.append(time.perf_counter() - began)
    report.aim(f"plane of {POINTS:,} codes, computed and packed, 95 %, seconds", spread(taken)["95 % ms"] / 1000, 0.5)


def ours_of(name: str) -> Loop:
    preset = PRESETS[name].experiment()
    return ours(dict(preset.graphs), preset.task)


def pictures(number: int) -> Examples:
    """Return pictures at random."""
    split = Split(torch.randint(0, 256, (number, 1, 28, 28), dtype=torch.uint8), torch.zeros(number, 0))
    few = split.take(torch.arange(64))
    return Examples("random", "image", (), split, few, few)


class Variational(nn.Module):
    """The variational autoencoder as tutorials write it."""

    def __init__(self):
        super().__init__()
        self.inside = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU())
        self.mean, self.spread = nn.Linear(128, 2), nn.Linear(128, 2)
        rows = (nn.Linear(2, 128), nn.ReLU(), nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 784), nn.Sigmoid())
        self.back = nn.Sequential(*rows)

    def forward(self, x):
        """Return what is made of a drawn code, and what it was drawn from."""
        hidden = self.inside(x)
        mean, spread = self.mean(hidden), self.spread(hidden)
        z = mean + (spread / 2).exp() * torch.randn_like(mean)
        return self.back(z).view_as(x), mean, spread


class Folding(nn.Module):
    """The convolutional autoencoder as tutorials write it."""

    def __init__(self):
        super().__init__()
        self.inside = nn.Sequential(
            nn.Conv2d(1, 16, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 4, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(1568, 16),
        )
        self.back = nn.Sequential(
            nn.Linear(16, 1568), nn.Unflatten(1, (32, 7, 7)), nn.ReLU(), nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 4, 2, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x):
        """Return what comes out, and nothing beside it."""
        return (self.back(self.inside(x)),)


def _by_hand(make: Callable[[], nn.Module], loss_of: Callable[..., torch.Tensor]):
    def loop(dataset: Examples, batch: int, epochs: int) -> float:
        torch.manual_seed(0)
        network = make()
        optimiser = torch.optim.Adam(network.parameters(), lr=0.001)
        loaders = [
            DataLoader(TensorDataset(split.inputs.float() / 255), batch_size=batch, shuffle=True)
            for split in (dataset.train, dataset.validation)
        ]
        gc.collect()
        began = time.perf_counter()
        for _ in range(epochs):
            running = 0.0
            for (x,) in loaders[0]:
                optimiser.zero_grad()
                loss = loss_of(x, *network(x))
                loss.backward()
                optimiser.step()
                running += loss.item()
            with torch.no_grad():
                for (x,) in loaders[1]:
                    loss_of(x, *network(x))
        return epochs * len(dataset.train) / (time.perf_counter() - began)

    return loop


def _bound(x: torch.Tensor, made: torch.Tensor, mean: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
    lost = F.binary_cross_entropy(made, x, reduction="sum")
    return (lost - 0.5 * (1 + spread - mean.pow(2) - spread.exp()).sum()) / len(x)


CODING = [
    ("VAE 784–256–128–2", pictures, ours_of("vae"), _by_hand(Variational, _bound), 3_200, 64, 2),
    ("convolutional autoencoder 16-32-16", pictures, ours_of("conv-ae"), _by_hand(Folding, F.mse_loss), 1_600, 64, 3),
]
