"""Autoencoders: an encoder that folds examples into a code, and a decoder that unfolds it."""

import dataclasses

from engine.data.digits import Digits
from engine.data.scenes import Scenes
from engine.data.waves import Waves
from engine.graph.chain import chain
from engine.graph.graph import Graph
from engine.graph.mirror import mirrored
from engine.layers import Layer
from engine.layers.activation import ReLU, Sigmoid
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Concat, Draw
from engine.layers.reshaping import Flatten, Reshape
from engine.layers.sequence import GRU
from engine.presets.preset import preset
from engine.tasks.encode import Encode
from engine.tasks.vary import Vary
from engine.training.recipe import Recipe

FAMILY = "autoencoder"
PICTURE = Input(sizes=(1, 28, 28))
Both = dict[str, Graph]


def both(encoder: Graph) -> Both:
    """Return an encoder, and the decoder that mirrors it."""
    return {"encoder": encoder, "decoder": mirrored(encoder)}


def dense(*units: int) -> dict[str, Layer]:
    """Return dense layers of these widths, each bent by ReLU."""
    layers: dict[str, Layer] = {"flatten": Flatten()}
    for number, width in enumerate(units, 1):
        layers |= {f"dense{number}": Dense(units=width), f"relu{number}": ReLU()}
    return layers


def folding(*channels: int) -> dict[str, Layer]:
    """Return convolutions of so many maps, each of which halves the picture."""
    layers: dict[str, Layer] = {}
    for number, maps in enumerate(channels, 1):
        layers |= {f"conv{number}": Conv2d(channels=maps, kernel=4, stride=2, padding=1), f"relu{number}": ReLU()}
    return layers | {"flatten": Flatten()}


def drawn(size: int, picture: Input, **layers: Layer) -> Graph:
    """Return an encoder that draws a code of this size from a normal that it tells for each example."""
    last = next(reversed(layers))
    graph = chain(
        image=picture,
        **layers,
        mean=Dense(units=size),
        log_variance=(Dense(units=size), last),
        code=(Draw(), "mean", "log_variance"),
    )
    return dataclasses.replace(graph, outputs=("code", "mean", "log_variance"))


@preset(
    "pca-ae",
    "Linear autoencoder",
    "Two numbers for a digit, and nothing but weighted sums: it finds what principal component analysis finds.",
    FAMILY,
    data=Digits(size=8),
    task=Encode(),
    recipe=Recipe(rate=0.02, batch=128, epochs=150.0, schedule="cosine"),
)
def linear() -> Both:
    """Return 64 numbers, 2, and 64 again."""
    return both(chain(image=Input(sizes=(1, 8, 8)), flatten=Flatten(), code=Dense(units=2)))


@preset(
    "deep-ae",
    "Deep autoencoder",
    "Nine layers, 784–512–256–64–2–64–256–512–784: two numbers again, but the way there may bend.",
    FAMILY,
    data=Digits(),
    task=Encode(),
    recipe=Recipe(rate=0.001, batch=64, epochs=60.0),
)
def deep() -> Both:
    """Return dense layers down to two numbers and up again."""
    return both(chain(image=PICTURE, **dense(512, 256, 64), code=Dense(units=2)))


@preset(
    "sparse-ae",
    "Sparse autoencoder",
    "64 numbers for a digit, each on for one example in twenty: every unit comes to stand for a stroke.",
    FAMILY,
    data=Digits(),
    task=Encode(sparse="rate", sparsity=0.02),
    recipe=Recipe(rate=0.003, batch=64, epochs=40.0),
)
def sparse() -> Both:
    """Return one layer of 64 units between 0 and 1, and one back."""
    return both(chain(image=PICTURE, flatten=Flatten(), dense=Dense(units=64), code=Sigmoid()))


@preset(
    "denoising-ae",
    "Denoising autoencoder",
    "Sees damaged digits and is to give back whole ones: it must know what digits look like.",
    FAMILY,
    data=Digits(),
    task=Encode(noise="gaussian", strength=0.4),
    recipe=Recipe(rate=0.001, batch=64, epochs=30.0),
)
def denoising() -> Both:
    """Return a wide code behind one hidden layer."""
    return both(chain(image=PICTURE, **dense(256), code=Dense(units=64), bend=ReLU()))


@preset(
    "conv-ae",
    "Convolutional autoencoder",
    "Convolutions fold a picture into 16 numbers, transposed ones unfold it.",
    FAMILY,
    data=Digits(),
    task=Encode(),
    recipe=Recipe(rate=0.002, batch=64, epochs=30.0),
)
def convolutional() -> Both:
    """Return two convolutions down, and two up."""
    return both(chain(image=PICTURE, **folding(16, 32), code=Dense(units=16)))


@preset(
    "vae",
    "Variational autoencoder",
    "A code of two numbers is drawn by chance, so that what lies between two examples means something too.",
    FAMILY,
    data=Digits(),
    task=Vary(),
    recipe=Recipe(rate=0.002, batch=64, epochs=60.0),
)
def variational() -> Both:
    """Return dense layers around a code that is drawn."""
    return both(drawn(2, PICTURE, **dense(256, 128)))


@preset(
    "conv-vae",
    "Convolutional VAE",
    "Convolutions down to a code of eight numbers that is drawn by chance, transposed ones up again.",
    FAMILY,
    data=Digits(),
    task=Vary(),
    recipe=Recipe(rate=0.002, batch=64, epochs=40.0),
)
def convolutional_by_chance() -> Both:
    """Return convolutions around a code that is drawn."""
    return both(drawn(8, PICTURE, **folding(16, 32)))


@preset(
    "beta-vae",
    "β-VAE on scenes",
    "What each number tells has its price. *One number, one thing* shows how far each tells one thing only.",
    FAMILY,
    data=Scenes(things=1, number=8000),
    task=Vary(loss="squared", deviation=0.1, beta=4.0, anneal="once", over=400),
    recipe=Recipe(rate=0.002, batch=64, epochs=10.0),
)
def one_thing_each() -> Both:
    """Return three convolutions around a code of ten numbers."""
    return both(drawn(10, Input(sizes=(3, 32, 32)), **folding(16, 32, 64)))


@preset(
    "conditional-vae",
    "Conditional VAE",
    "Both networks are told which digit it is, so the code is left for how it is written. Choose a digit in *Walk*.",
    FAMILY,
    data=Digits(),
    task=Vary(),
    recipe=Recipe(rate=0.002, batch=64, epochs=60.0),
)
def told_which() -> Both:
    """Return dense layers around a code that is drawn, with the class beside both."""
    encoder = chain(
        image=PICTURE,
        flatten=Flatten(),
        label=(Input(sizes=(10,)),),
        both=(Concat(), "flatten", "label"),
        dense1=Dense(units=256),
        relu1=ReLU(),
        dense2=Dense(units=128),
        relu2=ReLU(),
        mean=Dense(units=2),
        log_variance=(Dense(units=2), "relu2"),
        code=(Draw(), "mean", "log_variance"),
    )
    decoder = chain(
        code=Input(sizes=(2,)),
        label=(Input(sizes=(10,)),),
        both=(Concat(), "code", "label"),
        dense1=Dense(units=128),
        relu1=ReLU(),
        dense2=Dense(units=256),
        relu2=ReLU(),
        dense3=Dense(units=784),
        reshape=Reshape(sizes=(1, 28, 28)),
        sigmoid=Sigmoid(),
    )
    return {"encoder": dataclasses.replace(encoder, outputs=("code", "mean", "log_variance")), "decoder": decoder}


@preset(
    "sequence-ae",
    "Sequence autoencoder",
    "Reads a wave of 40 numbers, keeps four, and says the wave again from those.",
    FAMILY,
    data=Waves(),
    task=Encode(),
    recipe=Recipe(rate=0.005, batch=32, epochs=20.0),
)
def sequential() -> Both:
    """Return cells that read, a code, and cells that say it again."""
    return both(chain(series=Input(sizes=(40, 1)), gru=GRU(units=32), code=Dense(units=4)))
