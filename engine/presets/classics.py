"""Small networks that courses begin with."""

from engine.graph.chain import chain
from engine.graph.graph import Graph
from engine.layers.activation import ReLU, Sigmoid, Softmax, Tanh
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.pooling import AveragePool2d, MaxPool2d
from engine.layers.reshaping import Flatten
from engine.presets.preset import preset


@preset("mlp-784-100-10", "MLP 784–100–10", "One hidden layer over all pixels of a digit.", family="mlp")
def mlp() -> Graph:
    """Return a dense network on 28×28 pixels."""
    return chain(
        image=Input(sizes=(1, 28, 28)),
        flatten=Flatten(),
        hidden=Dense(units=100),
        sigmoid=Sigmoid(),
        out=Dense(units=10),
    )


@preset("lenet-5", "LeNet-5", "The first convolutional network in wide use, as built today (LeCun, 1998).")
def lenet() -> Graph:
    """Return two convolutions, two pools and three dense layers."""
    return chain(
        image=Input(sizes=(1, 28, 28)),
        conv1=Conv2d(channels=6, kernel=5, padding=2),
        tanh1=Tanh(),
        pool1=AveragePool2d(),
        conv2=Conv2d(channels=16, kernel=5),
        tanh2=Tanh(),
        pool2=AveragePool2d(),
        flatten=Flatten(),
        dense1=Dense(units=120),
        tanh3=Tanh(),
        dense2=Dense(units=84),
        tanh4=Tanh(),
        out=Dense(units=10),
    )


@preset("cifar-lecture", "CIFAR-10 lecture net", "Three convolutions that keep the size, three pools that halve it.")
def cifar_lecture() -> Graph:
    """Return the lecture's network on 32×32 colour images."""
    return chain(
        image=Input(sizes=(3, 32, 32)),
        conv1=Conv2d(channels=16, kernel=5, padding=2),
        relu1=ReLU(),
        pool1=MaxPool2d(),
        conv2=Conv2d(channels=20, kernel=5, padding=2),
        relu2=ReLU(),
        pool2=MaxPool2d(),
        conv3=Conv2d(channels=20, kernel=5, padding=2),
        relu3=ReLU(),
        pool3=MaxPool2d(),
        flatten=Flatten(),
        out=Dense(units=10),
        softmax=Softmax(),
    )
