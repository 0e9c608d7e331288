"""Small networks of today that train in a minute on a laptop."""

from engine.graph.chain import block, chain
from engine.graph.graph import Block, Graph
from engine.layers import Init
from engine.layers.activation import ReLU
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Add, Concat
from engine.layers.normalisation import BatchNorm
from engine.layers.pooling import GlobalAveragePool, MaxPool2d
from engine.presets.preset import preset

HE = Init(way="he_normal")


@preset("blank", "Blank", "An image and nothing else, to build on.")
def blank() -> Graph:
    """Return a single input."""
    return chain(image=Input(sizes=(1, 28, 28)))


def _stage(channels: int) -> Block:
    conv = Conv2d(channels=channels, kernel=3, padding=1, bias=False)
    return block("Stage", conv=conv, norm=BatchNorm(), relu=ReLU())


@preset("cam-net", "CAM net", "Ends in global average pooling, so that its class activation maps are exact.")
def cam_net() -> Graph:
    """Return convolutions with batch normalisation, whose last maps vote for classes directly."""
    return chain(
        HE,
        image=Input(sizes=(1, 28, 28)),
        stage1=_stage(16),
        pool1=MaxPool2d(),
        stage2=_stage(32),
        pool2=MaxPool2d(),
        stage3=_stage(64),
        average=GlobalAveragePool(),
        out=Dense(units=10),
    )


def _inception(one: int, three: int, five: int, pooled: int) -> Block:
    return block(
        "Inception",
        one=Conv2d(channels=one, kernel=1),
        reduce3=(Conv2d(channels=three // 2, kernel=1), "entry"),
        three=Conv2d(channels=three, kernel=3, padding=1),
        reduce5=(Conv2d(channels=five // 2, kernel=1), "entry"),
        five=Conv2d(channels=five, kernel=5, padding=2),
        pool=(MaxPool2d(kernel=3, stride=1, padding=1), "entry"),
        project=Conv2d(channels=pooled, kernel=1),
        concat=(Concat(), "one", "three", "five", "project"),
        relu=ReLU(),
    )


@preset("mini-inception", "Mini Inception", "Windows of several sizes side by side, as in GoogLeNet, but small.")
def mini_inception() -> Graph:
    """Return two inception blocks."""
    return chain(
        HE,
        image=Input(sizes=(1, 28, 28)),
        conv=Conv2d(channels=16, kernel=3, padding=1),
        relu=ReLU(),
        pool1=MaxPool2d(),
        inception1=_inception(8, 16, 8, 8),
        pool2=MaxPool2d(),
        inception2=_inception(16, 32, 16, 16),
        average=GlobalAveragePool(),
        out=Dense(units=10),
    )


def _residual(channels: int, stride: int, repeat: int = 1) -> Block:
    first = Conv2d(channels=channels, kernel=3, stride=stride, padding=1, bias=False)
    second = Conv2d(channels=channels, kernel=3, padding=1, bias=False)
    main = {"conv1": first, "norm1": BatchNorm(), "relu1": ReLU(), "conv2": second, "norm2": BatchNorm()}
    if stride == 1:
        return block("Residual", repeat, **main, add=(Add(), "norm2", "entry"), relu2=ReLU())
    shortcut = Conv2d(channels=channels, kernel=1, stride=stride, bias=False)
    ends = {"shortcut": (shortcut, "entry"), "norm3": BatchNorm(), "add": (Add(), "norm2", "norm3"), "relu2": ReLU()}
    return block("ShrinkingResidual", **main, **ends)


@preset("mini-resnet", "Mini ResNet", "Shortcuts around every pair of convolutions, as in ResNet, but small.")
def mini_resnet() -> Graph:
    """Return five residual blocks on 32×32 colour images."""
    return chain(
        HE,
        image=Input(sizes=(3, 32, 32)),
        conv=Conv2d(channels=16, kernel=3, padding=1, bias=False),
        norm=BatchNorm(),
        relu=ReLU(),
        stage1=_residual(16, 1),
        shrink2=_residual(32, 2),
        stage2=_residual(32, 1),
        shrink3=_residual(64, 2),
        stage3=_residual(64, 1),
        average=GlobalAveragePool(),
        out=Dense(units=10),
    )
