"""Judge: a small classifier of a dataset's own, by which it is told what somebody else's examples look like."""

from collections.abc import Generator
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from engine.data.dataset import UNKNOWN

MOST, BATCH, RATE = 6000, 64, 2e-3  # examples it learns from, how many at once, how fast
EPOCHS, STEPS = (6, 25), 600  # how often it sees them at least and at most; as often as takes so many steps
FEATURES = 64  # numbers by which it tells examples apart
SEED = 11
SURE = 0.9  # how probable a class must be where an example counts as recognised


class Judge(nn.Module):
    """Convolutions or dense layers down to a row of features, and a score for each class."""

    def __init__(self, sizes: tuple[int, ...], classes: int):
        super().__init__()
        if len(sizes) == 3:
            first = [nn.Conv2d(sizes[0], 16, 3, stride=2, padding=1), nn.ReLU()]
            maps = [*first, nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten()]
        else:
            maps = [nn.Flatten(), nn.LazyLinear(128), nn.ReLU()]
        self.features = nn.Sequential(*maps, nn.LazyLinear(FEATURES), nn.ReLU())
        self.scores = nn.Linear(FEATURES, classes)

    def forward(self, examples: torch.Tensor) -> torch.Tensor:
        """Return a score for each class."""
        return self.scores(self.features(examples))

    @torch.no_grad()
    def looked(self, examples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features of examples, and how probable each class is, on the processor."""
        found = [self.features(piece) for piece in examples.split(500)]
        return torch.cat(found).cpu(), torch.cat([self.scores(one).softmax(dim=1) for one in found]).cpu()


def judged(inputs: Any, targets: torch.Tensor, classes: int, given: Any) -> Generator[float, None, Judge]:
    """Return a judge of examples whose classes are known, yielding how far it has come; `given` makes of examples what
    networks take. Whatever chance it needs is its own.
    """
    known = (targets != UNKNOWN).nonzero().flatten()[:MOST]
    first = given(inputs[known[:2]])
    devices = [first.device] if first.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(SEED)
        judge = Judge(tuple(first.shape[1:]), classes)
        judge(first.cpu())  # which tells layers how wide they are
    judge = judge.to(first.device)
    optimiser, chance = torch.optim.Adam(judge.parameters(), RATE), torch.Generator().manual_seed(SEED)
    steps = max(1, len(known) // BATCH)
    epochs = min(max(EPOCHS[0], STEPS // steps), EPOCHS[1])
    for epoch in range(epochs):
        order = known[torch.randperm(len(known), generator=chance).to(known.device)]
        for step, places in enumerate(order.tensor_split(steps)):
            with torch.enable_grad():
                loss = F.cross_entropy(judge(given(inputs[places.to(inputs.device)])), targets[places])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if step % 4 == 3:
                yield (epoch + (step + 1) / steps) / epochs
    return judge.eval()


def judge_of(asked: Any) -> Generator[float, None, Judge]:
    """Return the judge of a learner's data, which is made once."""
    if "judge" not in asked.lasting:
        split = asked.data["train"]
        classes = len(asked.dataset.classes)
        asked.lasting["judge"] = yield from judged(split.inputs, split.targets, classes, asked.material.given)
    return asked.lasting["judge"]


def judge_now(asked: Any) -> Judge:
    """Return that judge, however long it takes to make it."""
    steps = judge_of(asked)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
