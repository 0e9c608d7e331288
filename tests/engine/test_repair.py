"""What is offered to put a layer right does so."""

import torch

from engine.graph import edits
from engine.graph.chain import block, chain
from engine.graph.network import Network
from engine.graph.repair import repairs
from engine.graph.trace import trace
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Add
from engine.layers.pooling import MaxPool2d
from engine.layers.reshaping import Flatten

IMAGE = Input(sizes=(1, 8, 8))


def test_a_forgotten_flatten_is_put_where_it_is_missing():
    whole = chain(image=IMAGE, conv=Conv2d(channels=2), flatten=Flatten(), out=Dense(units=3))
    forgotten = edits.remove(whole, "flatten")
    assert not trace(forgotten).sound
    offered = repairs(forgotten, "out")
    assert list(offered) == ["Put a flatten before it"]
    assert Network(offered["Put a flatten before it"])(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


def test_a_kernel_becomes_as_large_as_there_is_room_for():
    wide = chain(image=IMAGE, pool=MaxPool2d(kernel=20), flatten=Flatten(), out=Dense(units=3))
    offered = repairs(wide, "pool")
    assert list(offered) == ["Make its kernel 8"]
    assert Network(offered["Make its kernel 8"])(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    deep = chain(
        image=IMAGE,
        conv1=Conv2d(channels=2, kernel=6),
        conv2=Conv2d(channels=2, kernel=5),
        flatten=Flatten(),
        out=Dense(),
    )
    assert list(repairs(deep, "conv2")) == ["Make its kernel 3"]


def test_repairs_reach_into_blocks_and_leave_what_others_take():
    inner = block("Inner", 1, conv=Conv2d(channels=1, kernel=50))
    assert list(repairs(chain(image=IMAGE, inner=inner, flatten=Flatten(), out=Dense()), "inner.conv")) == [
        "Make its kernel 8"
    ]
    shared = chain(
        image=IMAGE, conv=Conv2d(channels=1, padding=1), add=(Add(), "image", "conv"), flatten=Flatten(), out=Dense()
    )
    assert repairs(shared, "out") == {}  # nothing is wrong with it
