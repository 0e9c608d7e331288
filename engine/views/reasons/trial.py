"""Trial: how far an attribution can be trusted."""

import copy
import dataclasses

import numpy as np
import torch
from torch import Tensor

from engine.looking.sample import opinions
from engine.views.reasons.attributing import Answers, Question, attributed

MOMENTS = 24  # how often dots are taken away, or put in
NOISES = 12  # perturbations that infidelity and sensitivity are measured with


def tried(name: str, answers: Answers, question: Question, found: Tensor) -> list[float]:
    """Return deletion, insertion, infidelity, sensitivity, and the likeness with what random weights say."""
    deletion, insertion = (float(curve(answers, question, found, way).mean()) for way in ("deletion", "insertion"))
    return [
        deletion,
        insertion,
        unfaithful(answers, question, found),
        sensitive(name, answers, question),
        randomised(name, answers, question, found),
    ]


def curve(answers: Answers, question: Question, found: Tensor, way: str) -> np.ndarray:
    """Return the class's probability while the strongest dots give way to the baseline, or come back out of it."""
    order = found[0].sum(dim=0).flatten().argsort(descending=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    shares = torch.linspace(0, 1, MOMENTS + 1, device=order.device)
    there = rank.reshape(1, 1, *found.shape[2:]) < (shares * len(order)).reshape(-1, 1, 1, 1)
    if way == "deletion":
        there = ~there
    inputs = torch.where(there, question.given, question.baseline)
    with torch.no_grad():
        chances = opinions(answers, inputs)
    return chances[:, question.target].float().cpu().numpy()


def unfaithful(answers: Answers, question: Question, found: Tensor) -> float:
    """Return how far the map is from telling what small changes of the input do to the score (Yeh, 2019).

    The map is scaled as well as it can be first: what is asked is its form, not its unit.
    """
    from captum.metrics import infidelity

    deviation = 0.1 * float(question.given.std())

    def disturbed(inputs: Tensor) -> tuple[Tensor, Tensor]:
        noise = deviation * torch.randn_like(inputs)
        return noise, inputs - noise

    measured = infidelity(
        answers, disturbed, question.given, found, target=question.target, n_perturb_samples=NOISES, normalize=True
    )
    return float(measured)


def sensitive(name: str, answers: Answers, question: Question) -> float:
    """Return how much the map may change when the input hardly does (Yeh, 2019)."""
    from captum.metrics import sensitivity_max

    def asked(inputs: Tensor | tuple[Tensor, ...], **more: object) -> tuple[Tensor]:
        every = inputs if isinstance(inputs, Tensor) else inputs[0]
        with torch.enable_grad():
            questions = [dataclasses.replace(question, given=one[None].detach()) for one in every]
            return (torch.cat([attributed(name, answers, each) for each in questions]),)

    return float(sensitivity_max(asked, question.given, perturb_radius=0.05, n_perturb_samples=3))


def randomised(name: str, answers: Answers, question: Question, found: Tensor) -> float:
    """Return how alike maps stay on the average while weights are made random from the top down (Adebayo, 2018).

    Near 1, the method does not look at what the network learned.
    """
    changed = copy.deepcopy(answers)
    modules = [m for m in changed.networks.modules() if any(True for _ in m.parameters(recurse=False))]
    alike = []
    marks = {round(place) for place in np.linspace(len(modules) - 1, 0, 3)}
    for place in range(len(modules) - 1, -1, -1):
        for weights in modules[place].parameters(recurse=False):
            spread = float(weights.detach().std()) if weights.numel() > 1 else 1.0
            with torch.no_grad():
                weights.copy_(torch.randn_like(weights) * (spread or 0.1))
        if place in marks:
            alike.append(_likeness(found, attributed(name, changed, question)))
    return float(np.mean(alike))


def _likeness(one: Tensor, other: Tensor) -> float:
    """Return the rank correlation of the sizes of two maps; a flat one is like none."""
    from scipy.stats import spearmanr  # takes most of a second to import

    first, second = (m[0].sum(dim=0).abs().flatten().cpu().numpy() for m in (one, other))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return abs(float(spearmanr(first, second).statistic))
