"""Warming: what is slow the first time, a spare worker does before anybody waits for it."""

from engine.data import DATASETS
from engine.graph.chain import chain
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.reshaping import Flatten
from engine.looking import Session
from engine.runs.record import StoredRecord
from engine.runs.store import Store
from engine.training.experiment import Experiment
from engine.training.learner import Learner
from engine.training.loop import every, learn
from engine.training.recipe import Recipe
from engine.views import VIEWS

LATER = ("attribution", "features")  # import much, and are seldom what is watched first


def warm() -> None:
    """Load real data, learn two steps of a small network, look at it, and open the store; nothing of it is kept."""
    network = chain(
        image=Input(sizes=(1, 8, 8)), conv=Conv2d(channels=2, kernel=3), flatten=Flatten(), out=Dense(units=10)
    )
    experiment = Experiment("warm", {"network": network}, DATASETS["digits"].read({"size": 8}), recipe=Recipe(steps=2))
    assert experiment.data
    learner = Learner(experiment, experiment.data.load())
    for _ in learn(learner, watch=every(0)):
        pass
    session = Session(experiment, learner.step, StoredRecord(Store(), "warm"), learner)
    for kind, view in VIEWS.items():
        if kind not in LATER and view.reads == "network" and not view().refusal(experiment):
            view().compute(session)
    Store().runs("running")
