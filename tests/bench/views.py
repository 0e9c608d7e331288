"""Views: how long each takes to compute and draw, what it sends, and how it stands beside others' code; seeking."""

import contextlib
import dataclasses
import statistics
import time
from collections.abc import Callable

import captum.attr as captum
import torch

from engine.graph.capture import capturing, node
from engine.live.scene import drawn
from engine.looking import Frame, Session
from engine.looking.sample import answer, sample_of
from engine.looking.session import looking
from engine.presets import PRESETS
from engine.runs.record import DraftRecord
from engine.training.fit import stand_in, suggested
from engine.training.learner import Learner
from engine.views import VIEWS
from engine.views.reasons.attributing import Answers, Question, attributed
from engine.views.reasons.camethods import grad_cam
from engine.views.reasons.classactivation import Asked
from tests.bench import reading, walking
from tests.bench.report import Report, spread
from tests.bench.ui import opened, sought, trained
from tests.serving import browser, served

TURNS = 15
LONG = 0.5  # seconds: what takes longer is not measured as often
BOARD = "feature-maps;close-up;class-activation;receptive-field"
STROKES = 30

# Draw a stroke on the pad, and wait until the network's answer to it is on screen.
STROKE = """
async (turn) => {
  const find = (name) => document.querySelector(name) ??
    [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector(name)).find(Boolean);
  const [picker, pad] = [find('[data-testid="picker"]'), find('[data-testid="drawing"]')];
  const { left, top, width } = pad.getBoundingClientRect();
  const held = { buttons: 1, pointerId: 1, bubbles: true };
  const at = (x, y) => ({ clientX: left + x * width, clientY: top + y * width, ...held });
  pad.setPointerCapture = () => {};
  pad.dispatchEvent(new PointerEvent('pointerdown', at(0.3, 0.2 + 0.018 * turn)));
  pad.dispatchEvent(new PointerEvent('pointermove', at(0.7, 0.25 + 0.018 * turn)));
  const before = picker.dataset.sample;
  const began = performance.now();
  pad.dispatchEvent(new PointerEvent('pointerup', at(0.7, 0.25 + 0.018 * turn)));
  while (picker.dataset.sample === before) await new Promise(requestAnimationFrame);
  return (performance.now() - began) / 1000;
}
"""


def run() -> Report:
    """Measure every view on a small and a large network, then three beside others' code, then the slider."""
    report = Report("views")
    for name in ("lenet-5", "resnet-18"):
        session = _session(name)
        for kind, view in VIEWS.items():
            if view.wide and not view().refuses(session.experiment):
                report.rows.append({"what": f"{name}: {kind}"} | _measured(view(), session))
    for name in ("lenet-5", "resnet-18"):
        _beside(report, name, _session(name))
    _seeking(report)
    reading.measure(report)
    walking.measure(report)
    return report


def _session(name: str) -> Session:
    experiment = PRESETS[name].experiment()
    source = suggested(experiment.graph)
    dataset = source.load() if source else stand_in(experiment.graph)
    recipe = experiment.recipe.but(batch="all")
    learner = Learner(dataclasses.replace(experiment, data=source, recipe=recipe), dataset)
    return Session(learner.experiment, 0, DraftRecord(learner), learner)


def _measured(view, session: Session) -> dict[str, object]:
    """Return how long a view takes to compute and to draw, and the bytes that a browser is sent."""
    computing, drawing, message = [], [], b""
    while len(computing) < TURNS and (not computing or sum(computing) < 10 * LONG):
        fresh = dataclasses.replace(session, kept={})
        began = time.perf_counter()
        *_, frame = view.stages(fresh)
        ended = time.perf_counter()
        message = drawn(view, Frame.unpack(frame.pack()), 0)
        drawing.append(time.perf_counter() - ended)
        computing.append(ended - began)
    times = {"computed ms": 1000 * statistics.median(computing), "drawn ms": 1000 * statistics.median(drawing)}
    return times | {"kB": len(message) / 1000}


# -- beside others' code ------------------------------------------------------------------------------------------


def _beside(report: Report, name: str, session: Session) -> None:
    """Hold ours against bare Captum and, where it is installed, pytorch-grad-cam; each in turn, many times."""
    network = session.network.networks["network"].eval()
    sample = sample_of(session, "0")
    layer = "conv2" if name == "lenet-5" else "stage4.rest.conv2"
    answers, question = (
        Answers(session.network, session.role),
        Question(sample.given, 3, torch.zeros_like(sample.given), layer, 4),
    )
    view = VIEWS["class-activation"](methods=("Grad-CAM",), node=layer, toward="3")

    def ours() -> None:
        maps, gradient, _ = Asked(session, sample, layer).of(3)
        grad_cam(maps, gradient).relu().cpu().numpy()

    def viewed() -> None:
        view.compute(dataclasses.replace(session, kept={}))

    def captums() -> None:
        captum.LayerGradCam(network, node(network, layer)).attribute(sample.given, 3)

    def maps() -> None:
        VIEWS["feature-maps"](node=layer).compute(dataclasses.replace(session, kept={}))

    def bare_maps() -> None:
        with torch.no_grad():
            captum.LayerActivation(network, node(network, layer)).attribute(sample.given)[0].cpu().numpy()

    def kept_maps() -> None:
        with capturing(network, [layer]) as found, looking(session.network):
            answer(session, sample.given)
        found[layer][0].cpu().numpy()

    def gradients() -> None:
        with looking(session.network), torch.enable_grad():
            attributed("integrated gradients", answers, question)

    def captums_gradients() -> None:
        options = {"baselines": question.baseline, "n_steps": 32, "internal_batch_size": 32}
        captum.IntegratedGradients(network).attribute(sample.given, target=3, **options)

    pairs: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
        ("Grad-CAM ÷ Captum's", ours, captums),
        ("class activation view (with sample and picture) ÷ Captum's", viewed, captums),
        ("feature maps kept ÷ Captum's", kept_maps, bare_maps),
        ("feature maps view (with order, range and field) ÷ Captum's", maps, bare_maps),
        ("integrated gradients ÷ Captum's", gradients, captums_gradients),
    ]
    with contextlib.suppress(ImportError):  # it needs torchvision, which not every machine has
        from pytorch_grad_cam import GradCAM
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        def theirs() -> None:
            with GradCAM(network, [node(network, layer)]) as cam:
                cam(input_tensor=sample.given, targets=[ClassifierOutputTarget(3)])

        pairs.insert(1, ("Grad-CAM ÷ pytorch-grad-cam's", ours, theirs))
    for what, mine, other in pairs:
        ratio, times = _ratio(mine, other)
        report.rows.append({"what": f"{name}: {what}", "computed ms": 1000 * times, "drawn ms": ratio, "kB": ""})
        if "view (" not in what:
            report.aim(f"{name}: {what}", ratio, 1.0)


def _ratio(mine: Callable[[], None], other: Callable[[], None]) -> tuple[float, float]:
    """Return how many times as long ours takes, and how long, by turns so that both meet the same noise."""
    ours, theirs = [], []
    while len(ours) < 3 or (len(ours) < 60 and sum(ours) < 6):
        for call, times in ((mine, ours), (other, theirs)):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
    return statistics.median(ours) / statistics.median(theirs), statistics.median(ours)


# -- the slider -----------------------------------------------------------------------------------------------------


def _seeking(report: Report) -> None:
    """Time the slider over a finished run of the small network, with four of these views open."""
    with browser() as chromium, served() as (address, _):
        page = opened(chromium, address, f"preset=lenet-5&board=curves;{BOARD}")
        first, whole = sought(page, trained(page, 40))
        page.get_by_test_id("picker").get_by_role("button", name="Draw").click()
        page.wait_for_timeout(1000)
        strokes = []
        for turn in range(STROKES):
            strokes.append(page.evaluate(STROKE, turn))
            page.wait_for_timeout(400)
        page.context.close()
    for what, times in (("slider → first", first), ("slider → all four", whole), ("stroke → answer", strokes)):
        found = spread(times)
        row = {"computed ms": found["median ms"], "drawn ms": found["95 % ms"], "kB": ""}
        report.rows.append({"what": f"{what} drawn: median, 95 %"} | row)
    report.aim("slider moved → all four views drawn, 95 %, seconds", spread(whole)["95 % ms"] / 1000, 0.3)
    report.aim("last stroke → answer on screen, 95 %, seconds", spread(strokes)["95 % ms"] / 1000, 0.2)
