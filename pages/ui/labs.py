"""The labs, and which of them opens an experiment."""

from engine.presets import Preset
from engine.training.experiment import Experiment
from pages.ui.facts import OF_CODES, OF_GAMES, OF_MEMORY
from pages.ui.table import Lab

CNN = Lab(
    "cnn",
    "CNN lab",
    ("cnn", "mlp"),
    "lenet-5",
    ("image", "numbers"),
    board=("feature-maps", "class-activation", "curves", "flow", "predictions", "confusion"),
    opens="Build",
    speed=20,
)
PLAYGROUND = Lab(
    "playground",
    "Playground",
    ("points",),
    "mlp-2-4-2-1",
    ("points",),
    board=("neurons", "surface", "curves", "flow"),
    speed=50,
)
RNN = Lab(
    "rnn",
    "RNN lab",
    ("rnn",),
    "recall-lstm",
    ("tokens", "series"),
    board=(
        "generate",
        "forecast",
        "through-time",
        "curves",
        "states",
        "memory",
        "unrolled",
        "gates",
        "ripple",
        "text",
        "tokens",
        "embedding",
        "n-grams",
        "flow",
        "predictions",
    ),
    facts=OF_MEMORY,
)
AUTOENCODER = Lab(
    "autoencoder",
    "Autoencoder lab",
    ("autoencoder",),
    "vae",
    ("image", "numbers", "series"),
    board=("latent", "walk", "reconstructions", "curves", "flow", "anatomy", "code", "between", "drawn-samples", "pca"),
    facts=OF_CODES,
    folded=True,
    tasks=("encode", "vary"),
)
GAN = Lab(
    "gan",
    "GAN lab",
    ("gan",),
    "gan-eight",
    ("points", "image", "numbers", "series"),
    board=("samples", "game", "round", "coverage", "flow", "doctor", "balance", "walk"),
    facts=OF_GAMES,
    folded=True,
    tasks=("deceive",),
    speed=100,
)
LABS = (PLAYGROUND, CNN, RNN, AUTOENCODER, GAN)


def page_of(lab: Lab) -> str:
    """Return the page of a lab."""
    return f"labs/{lab.key}.py"


def of_preset(preset: Preset) -> Lab:
    """Return the lab in which a preset is opened."""
    return next((lab for lab in LABS if preset.family in lab.families), CNN)


def of_experiment(experiment: Experiment) -> Lab:
    """Return the lab in which an experiment is opened: by what it learns, or by what it learns from."""
    if by_task := next((lab for lab in LABS if experiment.task.kind in lab.tasks), None):
        return by_task
    example = experiment.data.example if experiment.data else ""
    return next((lab for lab in LABS if example in lab.examples), CNN)
