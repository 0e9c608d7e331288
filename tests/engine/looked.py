"""Small networks with sessions to look into them, for tests of views."""

import dataclasses

import torch

from engine.data import DATASETS
from engine.graph.chain import block, chain
from engine.layers.activation import ReLU
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Add
from engine.layers.pooling import GlobalAveragePool, MaxPool2d
from engine.layers.reshaping import Flatten
from engine.looking import Session
from engine.runs.record import DraftRecord
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from engine.views import VIEWS

DIGITS = DATASETS["digits"](size=28)


def averaging():
    """Return a network that ends in global average pooling."""
    return chain(
        image=Input(sizes=(1, 28, 28)),
        conv1=Conv2d(channels=6, padding=1),
        relu1=ReLU(),
        pool1=MaxPool2d(),
        conv2=Conv2d(channels=8, padding=1),
        relu2=ReLU(),
        average=GlobalAveragePool(),
        out=Dense(units=10),
    )


def flat():
    """Return a network that ends in dense layers, with a block that repeats and branches."""
    residual = block("Residual", 2, conv=Conv2d(channels=6, padding=1), relu=ReLU(), add=(Add(), "relu", "entry"))
    return chain(
        image=Input(sizes=(1, 28, 28)),
        conv1=Conv2d(channels=6, kernel=5, stride=2),
        relu1=ReLU(),
        stage=residual,
        flatten=Flatten(),
        dense1=Dense(units=20),
        relu3=ReLU(),
        out=Dense(units=10),
    )


def session_of(graph, data=DIGITS, epochs=0, **recipe):
    """Return a session on a network, untrained or after some epochs."""
    experiment = Experiment("looked", {"network": graph}, data, recipe=Recipe(epochs=max(1, epochs), **recipe))
    learner = Learner(experiment, data.load())
    if epochs:
        for _ in learn(learner):
            pass
    return Session(experiment, learner.step, DraftRecord(learner), learner)


def seen(session, kind, **options):
    """Return the whole frame of a view."""
    *_, frame = VIEWS[kind](**options).stages(dataclasses.replace(session, kept={}))
    return frame


def plain(session):
    """Return the network as a function of inputs alone."""
    network = session.learner.networks["network"]
    return lambda inputs: network(inputs)


def weights_of(session, path) -> torch.Tensor:
    """Return a node's weight."""
    return session.learner.networks["network"].get_submodule(path).weight
