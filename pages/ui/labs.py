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
    about="Draw a digit, and see what each filter makes of it and where the network looks.",
    picture="Digits one after another, each with the maps that a trained network makes of it",
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
    about="Every neuron draws a picture of its own, until lines have bent around the colours.",
    picture="A boundary between two colours of points that bends while a network learns",
    shows="mlp-2-8-8-1",
    board=("neurons", "surface", "curves", "flow"),
    speed=50,
)
RNN = Lab(
    "rnn",
    "RNN lab",
    ("rnn",),
    "recall-lstm",
    ("tokens", "series"),
    about="Read along, word by word: what a network keeps in mind, and what it forgets.",
    picture="What each unit of a trained network holds while it reads a review",
    shows="sentiment-lstm",
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
    about="Squeeze pictures into two numbers, walk between them, and make new ones.",
    picture="Codes of ten digits that come apart while a network learns",
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
    about="Two networks play against each other, until noise turns into something real.",
    picture="Made points that find eight heaps of real ones",
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
