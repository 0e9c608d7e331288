"""Games: a generator that makes examples out of noise, and a discriminator that tells them from real ones."""

from engine.data.densities import Density
from engine.data.digits import Digits
from engine.data.glyphs import Glyphs
from engine.data.scenes import Scenes
from engine.graph.chain import chain
from engine.graph.graph import Graph
from engine.layers import Init, Layer
from engine.layers.activation import LeakyReLU, ReLU, Tanh
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Concat
from engine.layers.normalisation import BatchNorm
from engine.layers.reshaping import Flatten, Reshape
from engine.layers.transposed import ConvTranspose2d
from engine.presets.preset import preset
from engine.tasks.deceive import Deceive
from engine.training.recipe import Recipe

FAMILY = "gan"
Both = dict[str, Graph]
GAME = Recipe(rate=0.001, momentum=0.5, batch=64, epochs=150.0)
CONVOLVING = Recipe(rate=0.0005, momentum=0.5, batch=64).owning("generator", average=0.998)
SMALL = Init(way="normal", value=0.02)  # as Radford, Metz and Chintala begin (2015)
SLOPE = LeakyReLU(negative_slope=0.2)


def on_points(noise: int = 2, width: int = 64) -> Both:
    """Return two dense networks with two hidden layers on points in a plane."""

    def dense() -> dict[str, Layer]:
        return {"dense1": Dense(units=width), "relu1": ReLU(), "dense2": Dense(units=width), "relu2": ReLU()}

    return {
        "discriminator": chain(points=Input(sizes=(2,)), **dense(), verdict=Dense(units=1)),
        "generator": chain(noise=Input(sizes=(noise,)), **dense(), out=Dense(units=2)),
    }


@preset(
    "gan-eight",
    "Eight heaps",
    "Noise becomes eight heaps of points. See *The game*: points follow the arrows to where they are taken for real.",
    FAMILY,
    data=Density(),
    task=Deceive(),
    recipe=GAME,
)
def eight() -> Both:
    """Return dense networks."""
    return on_points()


@preset(
    "gan-eight-minimax",
    "Eight heaps, minimax",
    "The game of the first paper by plain gradient steps, and it fails: the discriminator soon is sure, and so no "
    "gradient comes back. Choose the loss *non-saturating* while it learns: points begin to move.",
    FAMILY,
    data=Density(),
    task=Deceive(loss="minimax"),
    recipe=GAME.but(rate=0.002).owning("generator", optimiser="sgd", rate=0.02, interval=5),
)
def minimax() -> Both:
    """Return dense networks."""
    return on_points()


@preset(
    "wgan-ring",
    "Wasserstein on a ring",
    "A critic tells how far made points are from real ones, its slope held at 1 by a gradient penalty; it moves five "
    "times for each move of the generator.",
    FAMILY,
    data=Density(shape="ring"),
    task=Deceive(loss="wasserstein", penalty=1.0),
    recipe=GAME.owning("generator", interval=5),
)
def ring() -> Both:
    """Return dense networks."""
    return on_points()


@preset(
    "gan-collapse",
    "A collapse, on purpose",
    "The discriminator moves once for eight moves of the generator, which puts all its points where they pass just "
    "now: one heap after the other. Let the discriminator move in each step, and it recovers.",
    FAMILY,
    data=Density(),
    task=Deceive(),
    recipe=GAME.owning("discriminator", interval=8),
)
def collapse() -> Both:
    """Return dense networks."""
    return on_points()


@preset(
    "gan-digits",
    "Digits, dense",
    "Dense layers only, and yet noise becomes digits.",
    FAMILY,
    data=Digits(),
    task=Deceive(),
    recipe=Recipe(rate=0.0003, momentum=0.5, batch=64, epochs=400.0).owning("generator", average=0.995),
)
def digits() -> Both:
    """Return dense networks on pictures."""
    return {
        "discriminator": chain(
            image=Input(sizes=(1, 28, 28)),
            flatten=Flatten(),
            dense1=Dense(units=256),
            leaky1=SLOPE,
            dense2=Dense(units=128),
            leaky2=SLOPE,
            verdict=Dense(units=1),
        ),
        "generator": chain(
            noise=Input(sizes=(32,)),
            dense1=Dense(units=128),
            relu1=ReLU(),
            dense2=Dense(units=256),
            relu2=ReLU(),
            dense3=Dense(units=784),
            tanh=Tanh(),
            picture=Reshape(sizes=(1, 28, 28)),
        ),
    }


def growing(maps: int, side: int, *channels: int, **first: Layer | tuple[Layer | str, ...]) -> Graph:
    """Return a generator that lays noise out as small maps, and doubles them by transposed convolutions."""
    layers: dict[str, Layer | tuple[Layer | str, ...]] = dict(first)
    layers |= {"dense1": Dense(units=maps * side * side), "maps": Reshape(sizes=(maps, side, side))}
    layers |= {"norm1": BatchNorm(), "relu1": ReLU()}
    for number, count in enumerate(channels, 1):
        layers[f"deconv{number}"] = ConvTranspose2d(channels=count, kernel=4, stride=2, padding=1)
        if number < len(channels):
            layers |= {f"norm{number + 1}": BatchNorm(), f"relu{number + 1}": ReLU()}
    return chain(SMALL, **layers, tanh=Tanh())


def shrinking(*channels: int, **first: Layer | tuple[Layer | str, ...]) -> Graph:
    """Return a discriminator that halves maps by convolutions; normalised but for the first, as usual."""
    layers: dict[str, Layer | tuple[Layer | str, ...]] = dict(first)
    for number, count in enumerate(channels, 1):
        layers[f"conv{number}"] = Conv2d(channels=count, kernel=4, stride=2, padding=1)
        layers |= {f"norm{number}": BatchNorm()} if number > 1 else {}
        layers[f"leaky{number}"] = SLOPE
    return chain(SMALL, **layers, flatten=Flatten(), verdict=Dense(units=1))


@preset(
    "dcgan-glyphs",
    "DCGAN, printed digits",
    "Transposed convolutions grow a picture out of noise, convolutions judge it. What you see is made by a moving "
    "average of the generator's weights.",
    FAMILY,
    data=Glyphs(),
    task=Deceive(smooth=0.1),
    recipe=CONVOLVING.but(epochs=60.0),
)
def printed() -> Both:
    """Return convolutions both ways on 28×28."""
    return {
        "discriminator": shrinking(16, 32, image=Input(sizes=(1, 28, 28))),
        "generator": growing(64, 7, 32, 1, noise=Input(sizes=(32,))),
    }


@preset(
    "dcgan-scenes",
    "DCGAN, scenes",
    "The same in colour, on pictures of shapes.",
    FAMILY,
    data=Scenes(things=1, ground="plain"),
    task=Deceive(smooth=0.1),
    recipe=CONVOLVING.but(epochs=40.0),
)
def coloured() -> Both:
    """Return convolutions both ways on 3×32×32."""
    return {
        "discriminator": shrinking(24, 48, 96, image=Input(sizes=(3, 32, 32))),
        "generator": growing(96, 4, 48, 24, 3, noise=Input(sizes=(48,))),
    }


@preset(
    "conditional-dcgan",
    "Conditional DCGAN",
    "Both networks are told which digit it is to be: one may ask for a seven.",
    FAMILY,
    data=Digits(),
    task=Deceive(smooth=0.1),
    recipe=CONVOLVING.but(epochs=80.0),
)
def asked_for() -> Both:
    """Return convolutions both ways, the class beside the noise, and as maps beside the picture."""
    label = (Input(sizes=(10,)),)
    told: dict[str, Layer | tuple[Layer | str, ...]] = {
        "label": label,
        "spread": Dense(units=784),
        "as_map": Reshape(sizes=(1, 28, 28)),
    }
    both = (Concat(), "noise", "label")
    return {
        "discriminator": shrinking(16, 32, image=Input(sizes=(1, 28, 28)), **told, pair=(Concat(), "image", "as_map")),
        "generator": growing(64, 7, 32, 1, noise=Input(sizes=(32,)), label=label, both=both),
    }
