"""The networks that won ImageNet, with 1,000 classes, as torchvision builds them."""

from engine.graph.chain import block, chain
from engine.graph.graph import Block, Graph
from engine.layers.activation import ReLU
from engine.layers.base import Layer
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Add, Concat
from engine.layers.normalisation import BatchNorm
from engine.layers.pooling import AdaptiveAveragePool2d, AveragePool2d, GlobalAveragePool, MaxPool2d
from engine.layers.regularisation import Dropout
from engine.layers.reshaping import Flatten
from engine.presets.preset import preset

PHOTO = Input(sizes=(3, 224, 224))
OVERLAPPING = MaxPool2d(kernel=3, stride=2)


@preset("alexnet", "AlexNet", "The network that began the deep learning wave (Krizhevsky, 2012).")
def alexnet() -> Graph:
    """Return five convolutions and three dense layers."""
    return chain(
        image=PHOTO,
        conv1=Conv2d(channels=64, kernel=11, stride=4, padding=2),
        relu1=ReLU(),
        pool1=OVERLAPPING,
        conv2=Conv2d(channels=192, kernel=5, padding=2),
        relu2=ReLU(),
        pool2=OVERLAPPING,
        conv3=Conv2d(channels=384, padding=1),
        relu3=ReLU(),
        conv4=Conv2d(channels=256, padding=1),
        relu4=ReLU(),
        conv5=Conv2d(channels=256, padding=1),
        relu5=ReLU(),
        pool5=OVERLAPPING,
        average=AdaptiveAveragePool2d(size=6),
        flatten=Flatten(),
        drop6=Dropout(),
        dense6=Dense(units=4096),
        relu6=ReLU(),
        drop7=Dropout(),
        dense7=Dense(units=4096),
        relu7=ReLU(),
        out=Dense(units=1000),
    )


@preset("vgg-16", "VGG-16", "Nothing but small windows, thirteen layers of them (Simonyan, 2014).")
def vgg16() -> Graph:
    """Return five stages of 3×3 convolutions, then three dense layers."""
    stages: dict[str, Layer] = {}
    for number, (channels, repeat) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], start=1):
        stages[f"stage{number}"] = block("ConvReLU", repeat, conv=Conv2d(channels=channels, padding=1), relu=ReLU())
        stages[f"pool{number}"] = MaxPool2d()
    return chain(
        image=PHOTO,
        **stages,
        average=AdaptiveAveragePool2d(size=7),
        flatten=Flatten(),
        dense6=Dense(units=4096),
        relu6=ReLU(),
        drop6=Dropout(),
        dense7=Dense(units=4096),
        relu7=ReLU(),
        drop7=Dropout(),
        out=Dense(units=1000),
    )


def _conv(channels: int, kernel: int, stride: int = 1) -> Block:
    conv = Conv2d(channels=channels, kernel=kernel, stride=stride, padding=kernel // 2, bias=False)
    return block("ConvNormReLU", conv=conv, norm=BatchNorm(epsilon=0.001), relu=ReLU())


def _inception(one: int, reduce3: int, three: int, reduce5: int, five: int, pooled: int) -> Block:
    return block(
        "Inception",
        one=_conv(one, 1),
        reduce3=(_conv(reduce3, 1), "entry"),
        three=_conv(three, 3),
        reduce5=(_conv(reduce5, 1), "entry"),
        five=_conv(five, 3),  # the paper's branch of 5×5; torchvision's well-known weights have 3×3
        pool=(MaxPool2d(kernel=3, stride=1, padding=1, ceil=True), "entry"),
        project=_conv(pooled, 1),
        concat=(Concat(), "one", "three", "five", "project"),
    )


@preset(
    "googlenet", "GoogLeNet", "Nine inception blocks, each looking through several windows at once (Szegedy, 2014)."
)
def googlenet() -> Graph:
    """Return GoogLeNet without its auxiliary heads."""
    shrinking = MaxPool2d(kernel=3, stride=2, ceil=True)
    return chain(
        image=PHOTO,
        conv1=_conv(64, 7, 2),
        pool1=shrinking,
        conv2=_conv(64, 1),
        conv3=_conv(192, 3),
        pool2=shrinking,
        inception3a=_inception(64, 96, 128, 16, 32, 32),
        inception3b=_inception(128, 128, 192, 32, 96, 64),
        pool3=shrinking,
        inception4a=_inception(192, 96, 208, 16, 48, 64),
        inception4b=_inception(160, 112, 224, 24, 64, 64),
        inception4c=_inception(128, 128, 256, 24, 64, 64),
        inception4d=_inception(112, 144, 288, 32, 64, 64),
        inception4e=_inception(256, 160, 320, 32, 128, 128),
        pool4=MaxPool2d(ceil=True),
        inception5a=_inception(256, 160, 320, 32, 128, 128),
        inception5b=_inception(384, 192, 384, 48, 128, 128),
        average=GlobalAveragePool(),
        drop=Dropout(share=0.2),
        out=Dense(units=1000),
    )


def _main(name: str, channels: int, stride: int) -> dict[str, Layer]:
    """Return the layers of a residual block's long way: two of 3×3, or a bottleneck."""
    if name == "Basic":
        plan = [(channels, 3, stride), (channels, 3, 1)]
    else:
        plan = [(channels, 1, 1), (channels, 3, stride), (4 * channels, 1, 1)]
    nodes: dict[str, Layer] = {}
    for number, (maps, kernel, step) in enumerate(plan, start=1):
        nodes[f"conv{number}"] = Conv2d(channels=maps, kernel=kernel, stride=step, padding=kernel // 2, bias=False)
        nodes[f"norm{number}"] = BatchNorm()
        nodes[f"relu{number}"] = ReLU()
    del nodes[f"relu{len(plan)}"]  # the last one comes after the shortcut is added
    return nodes


def _stage(name: str, channels: int, repeat: int, stride: int, project: bool) -> Block:
    """Return residual blocks in a row, the first with a projection where the shapes change."""
    main = _main(name, channels, stride)
    last = list(main)[-1]
    identity = block(name, repeat - project, **_main(name, channels, 1), add=(Add(), last, "entry"), relu=ReLU())
    if not project:
        return block("Stage", rest=identity)
    maps = channels * (1 if name == "Basic" else 4)
    shortcut = Conv2d(channels=maps, kernel=1, stride=stride, bias=False)
    ends = {"shortcut": (shortcut, "entry"), "norm": BatchNorm(), "add": (Add(), last, "norm"), "relu": ReLU()}
    return block("Stage", first=block(f"Projecting{name}", **main, **ends), rest=identity)


def _resnet(name: str, repeats: tuple[int, ...]) -> Graph:
    stages = {
        f"stage{i + 1}": _stage(name, 64 * 2**i, repeat, 2 if i else 1, project=i > 0 or name == "Bottleneck")
        for i, repeat in enumerate(repeats)
    }
    return chain(
        image=PHOTO,
        conv=Conv2d(channels=64, kernel=7, stride=2, padding=3, bias=False),
        norm=BatchNorm(),
        relu=ReLU(),
        pool=MaxPool2d(kernel=3, stride=2, padding=1),
        **stages,
        average=GlobalAveragePool(),
        out=Dense(units=1000),
    )


@preset("resnet-18", "ResNet-18", "Shortcuts let gradients pass, so that depth no longer hurts (He, 2015).")
def resnet18() -> Graph:
    """Return eight blocks of two convolutions."""
    return _resnet("Basic", (2, 2, 2, 2))


@preset("resnet-50", "ResNet-50", "Sixteen bottlenecks: narrow, filter, widen again (He, 2015).")
def resnet50() -> Graph:
    """Return sixteen blocks of three convolutions."""
    return _resnet("Bottleneck", (3, 4, 6, 3))


def _transition(channels: int) -> Block:
    conv = Conv2d(channels=channels, kernel=1, bias=False)
    return block("Transition", norm=BatchNorm(), relu=ReLU(), conv=conv, pool=AveragePool2d())


@preset("densenet-121", "DenseNet-121", "Every layer sees the maps of all layers before it (Huang, 2016).")
def densenet121() -> Graph:
    """Return four dense blocks, each layer of which adds 32 maps."""
    growing = {
        "norm1": BatchNorm(),
        "relu1": ReLU(),
        "conv1": Conv2d(channels=128, kernel=1, bias=False),
        "norm2": BatchNorm(),
        "relu2": ReLU(),
        "conv2": Conv2d(channels=32, kernel=3, padding=1, bias=False),
        "concat": (Concat(), "entry", "conv2"),
    }
    return chain(
        image=PHOTO,
        conv=Conv2d(channels=64, kernel=7, stride=2, padding=3, bias=False),
        norm0=BatchNorm(),
        relu0=ReLU(),
        pool=MaxPool2d(kernel=3, stride=2, padding=1),
        dense1=block("DenseLayer", 6, **growing),
        transition1=_transition(128),
        dense2=block("DenseLayer", 12, **growing),
        transition2=_transition(256),
        dense3=block("DenseLayer", 24, **growing),
        transition3=_transition(512),
        dense4=block("DenseLayer", 16, **growing),
        norm=BatchNorm(),
        relu=ReLU(),
        average=GlobalAveragePool(),
        out=Dense(units=1000),
    )
