"""Attributing: methods that tell how much each dot of the input speaks for a class; by Captum wherever it has them.

Each is called with a module that answers, the input, the class, a baseline and options, on networks of its own.
"""

import importlib
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import VitrineError
from engine.graph.capture import capturing, node
from engine.layers import modules
from engine.looking.sample import scored
from engine.training.learner import Learner
from engine.views.reasons.camethods import grad_cam

if TYPE_CHECKING:
    import captum.attr as captum
else:

    class _Later:
        """Captum, imported when it is first asked for: that takes half a second, which every worker would wait for."""

        def __getattr__(self, name):
            return getattr(importlib.import_module("captum.attr"), name)

    captum = _Later()

STEPS = 32  # of the way from the baseline, for integrated gradients
DRAWS = 12  # noisy inputs of SmoothGrad, and baselines of gradient SHAP
PIECE = 32  # inputs at once
MOST_PLACES = 32  # down and along, of a patch that is covered


class Answers(nn.Module):
    """A learner's networks as the one module that gradients and Captum take: inputs in, scores of classes out."""

    def __init__(self, learner: Learner, role: str):
        super().__init__()
        self.role = role
        self.networks = nn.ModuleDict(dict(learner.networks.items()))
        self.task = learner.task

    def forward(self, inputs: Tensor) -> Tensor:
        """Return a score for each class, as it is before any softmax."""
        return scored(self, inputs)

    @property
    def network(self) -> nn.Module:
        """Return the network whose nodes have names."""
        return self.networks[self.role]


@dataclass(frozen=True)
class Question:
    """What is asked: which input, which class, against what, and at which layer and patch size."""

    given: Tensor  # 1, channels, height, width
    target: int
    baseline: Tensor
    node: str  # for what looks at a layer's maps too
    patch: int


# What DeepLIFT hands back right: sums, whose gradient is the rule, and what Captum has a rule for.
LINEAR: tuple[type[nn.Module], ...] = (
    *(nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.Linear, nn.Identity, nn.Flatten),
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d),
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout, nn.Upsample, nn.ZeroPad1d, nn.ZeroPad2d),
    *(nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReplicationPad1d, nn.ReplicationPad2d),
    *(modules.Add, modules.Concat, modules.SumPool1d, modules.SumPool2d, modules.GlobalAveragePool, modules.Crop),
    *(modules.Reshape, modules.Permute, modules.Repeat, modules.BedOfNails, modules.GaussianNoise),
)
RULED: tuple[type[nn.Module], ...] = (
    *(nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Softmax),
    *(nn.MaxPool1d, nn.MaxPool2d),
)
ADDS_UP = ("integrated gradients", "DeepLIFT", "gradient SHAP")  # to the change of the score from the baseline


def unexplained(name: str, answers: Answers, question: Question, found: Tensor) -> float:
    """Return which share of what a method's map must add up to it does not; no number where it need not add up."""
    if name not in (*ADDS_UP, "LRP"):
        return float("nan")
    with torch.no_grad():
        score = float(answers(question.given)[0, question.target])
        begun = float(answers(question.baseline)[0, question.target]) if name in ADDS_UP else 0.0
    return abs(float(found.sum()) - (score - begun)) / max(abs(score - begun), 1e-6)


Method = Callable[[Answers, Question], Tensor]
METHODS: dict[str, Method] = {}


def method(name: str) -> Callable[[Method], Method]:
    """Register a method under its name."""

    def register(found: Method) -> Method:
        METHODS[name] = found
        return found

    return register


def attributed(name: str, answers: Answers, question: Question) -> Tensor:
    """Return what a method says of every dot (1, channels, height, width); what does not suit is refused in words."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="captum")  # it tells of the hooks and gradients it sets and takes back
        before = np.random.get_state()  # some methods of Captum draw from here
        np.random.seed(0)
        try:
            found = METHODS[name](answers, question)
        finally:
            np.random.set_state(before)
    return found.detach().float()


@method("saliency")
def saliency(answers: Answers, question: Question) -> Tensor:
    """The size of the gradient (Simonyan, 2013)."""
    return captum.Saliency(answers).attribute(question.given, question.target, abs=True)


@method("input × gradient")
def input_x_gradient(answers: Answers, question: Question) -> Tensor:
    """The gradient times what is there (Shrikumar, 2016)."""
    return captum.InputXGradient(answers).attribute(question.given, question.target)


@method("integrated gradients")
def integrated_gradients(answers: Answers, question: Question) -> Tensor:
    """Gradients summed on the way from the baseline (Sundararajan, 2017)."""
    options = {"baselines": question.baseline, "n_steps": STEPS, "internal_batch_size": PIECE}
    found = captum.IntegratedGradients(answers).attribute(question.given, target=question.target, **options)
    assert isinstance(found, Tensor)
    return found


@method("SmoothGrad")
def smooth_grad(answers: Answers, question: Question) -> Tensor:
    """The mean gradient of noisy copies (Smilkov, 2017)."""
    noise = 0.15 * float(question.given.max() - question.given.min())
    tunnel = captum.NoiseTunnel(captum.Saliency(answers))
    options = {"nt_type": "smoothgrad", "nt_samples": DRAWS, "stdevs": noise, "abs": False}
    found = tunnel.attribute(question.given, target=question.target, **options)
    assert isinstance(found, Tensor)
    return found


def _only_relu(answers: Answers, name: str) -> None:
    if not any(isinstance(module, nn.ReLU) for module in answers.modules()):
        raise VitrineError(f"{name} changes how ReLU passes gradients; this network has none: try saliency.")


@method("guided backpropagation")
def guided(answers: Answers, question: Question) -> Tensor:
    """Gradients that are positive, through places that were too (Springenberg, 2014)."""
    _only_relu(answers, "Guided backpropagation")
    return captum.GuidedBackprop(answers).attribute(question.given, question.target)


@method("deconvolution")
def deconvolution(answers: Answers, question: Question) -> Tensor:
    """Gradients that are positive (Zeiler, 2013)."""
    _only_relu(answers, "Deconvolution")
    return captum.Deconvolution(answers).attribute(question.given, question.target)


@method("guided Grad-CAM")
def guided_grad_cam(answers: Answers, question: Question) -> Tensor:
    """Guided backpropagation where Grad-CAM is warm (Selvaraju, 2017)."""
    _only_relu(answers, "Guided Grad-CAM")
    if not question.node:
        raise VitrineError("Guided Grad-CAM needs a layer that gives maps: try integrated gradients.")
    cam = captum.GuidedGradCam(answers, node(answers.network, question.node))
    found = cam.attribute(question.given, question.target)
    assert isinstance(found, Tensor)
    return found


@method("DeepLIFT")
def deep_lift(answers: Answers, question: Question) -> Tensor:
    """Differences from the baseline, handed back layer by layer (Shrikumar, 2017)."""
    for module in answers.networks.modules():
        if not list(module.children()) and not isinstance(module, LINEAR + RULED):
            words = f"DeepLIFT has no rule for {type(module).__name__} in this network: try integrated gradients."
            raise VitrineError(words)
    with torch.autocast(question.given.device.type, enabled=False):  # its hooks hand back what has all its bits
        found = captum.DeepLift(answers).attribute(question.given, question.baseline, target=question.target)
    assert isinstance(found, Tensor)
    return found


@method("gradient SHAP")
def gradient_shap(answers: Answers, question: Question) -> Tensor:
    """Expected gradients between noisy inputs and the baseline (Lundberg, 2017)."""
    noise = 0.09 * float(question.given.max() - question.given.min())
    shap = captum.GradientShap(answers)
    found = shap.attribute(question.given, question.baseline, DRAWS, noise, target=question.target)
    assert isinstance(found, Tensor)
    return found


@method("occlusion")
def occlusion(answers: Answers, question: Question) -> Tensor:
    """What the class loses where a patch is covered (Zeiler, 2013)."""
    _, channels, high, wide = question.given.shape
    patch = min(question.patch, high, wide)
    stride = max(1, patch // 2, -(-max(high, wide) // MOST_PLACES))
    options: dict[str, Any] = {"strides": (channels, stride, stride), "perturbations_per_eval": PIECE}
    options |= {"sliding_window_shapes": (channels, patch, patch), "target": question.target}
    found = captum.Occlusion(answers).attribute(question.given, baselines=question.baseline, **options)
    return found / channels  # each channel is told of the whole patch, and all of them are summed


@method("feature ablation")
def feature_ablation(answers: Answers, question: Question) -> Tensor:
    """What the class loses without each tile of the picture."""
    _, _, high, wide = question.given.shape
    patch = min(question.patch, high, wide)
    down, along = torch.arange(high) // patch, torch.arange(wide) // patch
    tiles = (down[:, None] * (int(along[-1]) + 1) + along[None, :]).to(question.given.device)
    options = {"baselines": question.baseline, "target": question.target, "perturbations_per_eval": PIECE}
    found = captum.FeatureAblation(answers).attribute(question.given, feature_mask=tiles[None, None], **options)
    return found / question.given.shape[1]


@method("LRP")
def lrp(answers: Answers, question: Question) -> Tensor:
    """The score handed back layer by layer, in proportion to what each place gave (Bach, 2015)."""
    from captum.attr._utils.lrp_rules import EpsilonRule

    for module in answers.modules():
        if isinstance(module, modules.GlobalAveragePool | nn.Flatten):  # sums, which Captum does not know by name
            module.rule = EpsilonRule()  # ty: ignore[invalid-assignment]
    try:
        return captum.LRP(answers).attribute(question.given, question.target)
    except TypeError as error:  # how Captum says that it has no rule for a module
        kind = re.search(r"(\w+)'>", str(error))
        told = kind[1] if kind else "one of the layers"
        raise VitrineError(f"LRP has no rule for {told} in this network: try DeepLIFT.") from None


@method("Grad-CAM")
def cam(answers: Answers, question: Question) -> Tensor:
    """Grad-CAM of a layer, stretched over the picture, to compare with."""
    if not question.node:
        raise VitrineError("Grad-CAM needs a layer that gives maps: try integrated gradients.")
    with capturing(answers.network, [question.node], joined=True) as found:
        score = answers(question.given)[0, question.target]
        maps = found[question.node]
        gradient = torch.autograd.grad(score, maps)[0]
    small = grad_cam(maps[0].detach(), gradient[0]).relu()[None, None]
    large = nn.functional.interpolate(small, question.given.shape[2:], mode="bilinear", align_corners=False)
    return large.expand_as(question.given)


@method("edges of the picture")
def edges(answers: Answers, question: Question) -> Tensor:
    """How much neighbours differ: no method at all, as it never asks the network; it must fail the randomisation."""
    given = question.given
    found = torch.zeros_like(given)
    found[..., 1:, :] += (given[..., 1:, :] - given[..., :-1, :]).abs()
    found[..., 1:] += (given[..., 1:] - given[..., :-1]).abs()
    return found
