"""Guide: the first steps in each lab, which tick themselves off when they are done."""

from dataclasses import asdict, dataclass

from engine.presets import PRESETS
from pages.ui import components
from pages.ui.table import opened
from pages.ui.workbench import Workbench


@dataclass(frozen=True)
class Step:
    """One thing to do: in words, where on the page, and what tells that it was done."""

    words: str
    at: str
    when: str


BAR = '[class*="-labbar"]'
SAMPLE = ".st-key-{lab}-sample"
LINE = ".st-key-{lab}-diagram"
BOARD = '[class*="-labboard"]'
PAST = Step("Drag the slider at the top back: everything you see is as it was then.", BAR, "past")
OTHER = Step("Press Browse beside the sample, and choose another one.", SAMPLE, "sample")
LAYER = Step("Click a layer in the line above: its numbers are under Layer.", LINE, "layer")


def _play(words: str, steps: int) -> Step:
    return Step(f"Press ▶ at the top. {words}", BAR, f"learned {steps}")


STEPS = {
    "playground": (
        _play("The ground between the points takes their colours, and the curves fall.", 20),
        Step("Point at a neuron: the surface shows what that neuron alone sees.", BOARD, "pointed"),
        PAST,
        Step("Put in a neuron with +, or take other points under Train. Then press ▶ again.", BOARD, "changed"),
    ),
    "cnn": (
        _play("The maps change with every step, and the accuracy rises.", 40),
        Step("Press Draw beside the sample, and draw a digit: it is answered stroke by stroke.", SAMPLE, "drawn"),
        Step("Click a place in Feature maps: all views look at it.", BOARD, "place"),
        PAST,
        Step("Click a layer in the line above: what it does, and its numbers, are under Layer.", LINE, "layer"),
    ),
    "rnn": (
        _play("See in the curves when it begins to remember.", 40),
        OTHER,
        Step("Click in a view: all others look at the same place.", BOARD, "place"),
        PAST,
    ),
    "autoencoder": (
        _play("What comes out grows like what goes in.", 40),
        OTHER,
        PAST,
        LAYER,
    ),
    "gan": (
        _play("One network makes points, the other tells them from real ones.", 100),
        PAST,
        LAYER,
    ),
}


def guide(bench: Workbench) -> None:
    """Draw the first steps of the lab, for whoever has not left them."""
    steps, name = STEPS[bench.key], bench.experiment.name
    first = opened(name) if name in PRESETS else None
    changed = first is None or (first.graphs, first.data) != (bench.experiment.graphs, bench.experiment.data)
    data = {
        "board": bench.key,
        "steps": [asdict(step) | {"at": step.at.replace("{lab}", bench.key)} for step in steps],
        "source": f"run:{bench.run}" if bench.run else "",
        "layer": bool(bench.selected),
        "changed": changed,
    }
    components.guide(data, f"{bench.key}.guide")
