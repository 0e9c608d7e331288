"""The labs, and which of them opens an experiment."""

from engine.presets import Preset
from engine.training.experiment import Experiment
from pages.ui.table import Lab

CNN = Lab(
    "cnn",
    "CNN lab",
    ("cnn", "mlp"),
    "lenet-5",
    ("image", "numbers"),
    board=("feature-maps", "class-activation", "curves", "flow", "predictions", "confusion"),
)
PLAYGROUND = Lab(
    "playground",
    "Playground",
    ("points",),
    "mlp-2-4-2-1",
    ("points",),
    board=("neurons", "surface", "curves", "flow"),
    columns=(5, 4),
    opens=("Train", "Board"),
)


def page_of(lab: Lab) -> str:
    """Return the page of a lab."""
    return f"labs/{lab.key}.py"


def of_preset(preset: Preset) -> Lab:
    """Return the lab in which a preset is opened."""
    return PLAYGROUND if preset.family in PLAYGROUND.families else CNN


def of_experiment(experiment: Experiment) -> Lab:
    """Return the lab in which an experiment is opened: by what it learns from."""
    points = experiment.data is not None and experiment.data.example in PLAYGROUND.examples
    return PLAYGROUND if points else CNN
