"""The figures of the lecture notes and of well-known networks, each reproduced."""

import pytest
import torch
from torch.nn import functional as F

from engine.graph.chain import chain
from engine.graph.cost import cost, formulas
from engine.graph.trace import trace
from engine.layers import LAYERS
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.pooling import MaxPool2d
from engine.layers.reshaping import Flatten
from engine.presets import PRESETS

WEIGHTS = {
    "alexnet": 61_100_840,
    "vgg-16": 138_357_544,
    "googlenet": 6_624_904,
    "resnet-18": 11_689_512,
    "resnet-50": 25_557_032,
    "densenet-121": 7_978_856,
    "lenet-5": 61_706,
}


def total(name):
    return cost(PRESETS[name].make()).total


@pytest.mark.parametrize(("name", "weights"), WEIGHTS.items())
def test_published_numbers_of_weights(name, weights):
    assert total(name).weights == weights


def test_a_convolution_on_a_colour_image():
    found = cost(chain(image=Input(sizes=(3, 32, 32)), conv=Conv2d(channels=6, kernel=5))).layers[1]
    assert found.step.gives.sizes == (6, 28, 28)
    assert (found.counts.weights, found.counts.connections) == (456, 352_800)
    weights = next(f for f in formulas(found.step) if f.name == "weights")
    assert weights.numbers == "6 · (5 · 5 · 3 + 1)"


def test_the_cifar_lecture_network():
    found = total("cifar-lecture")
    assert (found.neurons, found.weights) == (31_562, 22_466)
    assert (found.connections, found.connections_with_biases) == (3_920_000, 3_942_794)


def test_the_dense_network_on_digits():
    found = total("mlp-784-100-10")
    assert (found.neurons, found.weights_without_biases, found.weights) == (894, 79_400, 79_510)


def test_windows_of_five_and_pools_of_two():
    graph = chain(image=Input(sizes=(1, 28, 28)), conv=Conv2d(channels=3, kernel=5), pool=MaxPool2d())
    shapes = trace(graph).shapes
    assert shapes["conv"].sizes == (3, 24, 24)
    assert shapes["conv"].elements == 1_728
    assert shapes["pool"].sizes == (3, 12, 12)


def test_a_filter_on_colour_has_28_weights_a_map():
    assert cost(chain(image=Input(sizes=(3, 9, 9)), conv=Conv2d(channels=1, kernel=3))).total.weights == 28


@pytest.mark.parametrize(("width", "height", "weights"), [(800, 600, 1_440_000_000), (1280, 720, 2_764_800_000)])
def test_a_dense_layer_on_a_photograph_is_counted_without_being_built(width, height, weights):
    graph = chain(image=Input(sizes=(3, height, width)), flatten=Flatten(), dense=Dense(units=1000, bias=False))
    assert cost(graph).total.weights == weights
    assert trace(graph).shapes["flatten"].sizes == (3 * width * height,)


def test_an_edge_filter_needs_few_operations():
    graph = chain(image=Input(sizes=(1, 280, 320)), edge=Conv2d(channels=1, kernel=(1, 2), bias=False))
    found = cost(graph).layers[1]
    outputs = found.step.gives.elements
    multiplications, additions = found.counts.multiply_adds, outputs  # each output adds its two products
    assert multiplications + additions == 319 * 280 * 3 == 267_960
    dense = outputs * 320 * 280  # as a dense map: every output from every pixel
    assert dense == 8_003_072_000


def test_two_small_windows_see_what_a_larger_one_sees():
    graph = chain(image=Input(sizes=(1, 9, 9)), conv1=Conv2d(kernel=3), conv2=Conv2d(kernel=3))
    assert cost(graph).layers[-1].field.size == (5, 5)


def test_the_colour_patch_of_the_notes():
    patch = torch.tensor(
        [
            [[0, 0, 0], [0, 156, 155], [0, 153, 154]],
            [[0, 0, 0], [0, 167, 166], [0, 164, 165]],
            [[0, 0, 0], [0, 163, 162], [0, 160, 161]],
        ]
    ).float()
    kernel = torch.tensor(
        [
            [[-1, -1, 1], [0, 1, -1], [0, 1, 1]],
            [[1, 0, 0], [1, -1, -1], [1, 0, -1]],
            [[0, 1, 1], [0, 1, 0], [1, -1, 1]],
        ]
    ).float()
    module = LAYERS["conv2d"](channels=1, kernel=3).module(trace(chain(image=Input(sizes=(3, 3, 3)))).shapes["image"])()
    with torch.no_grad():
        module.weight.copy_(kernel[None])
        module.bias.fill_(1)
        assert module(patch[None]).item() == -25
    assert (patch * kernel).sum(dim=(1, 2)).tolist() == [308, -498, 164]


def test_the_pooling_example_of_the_notes():
    x = torch.tensor([[1, 2, 5, 3], [3, 0, 1, 2], [2, 1, 3, 4], [1, 1, 2, 0]]).float()[None, None]
    module = MaxPool2d().module(trace(chain(image=Input(sizes=(1, 4, 4)))).shapes["image"])()
    assert module(x)[0, 0].tolist() == [[3, 5], [2, 4]]


def test_backward_through_a_convolution_turns_the_filter():
    x = torch.randn(1, 1, 6, 6, requires_grad=True)
    weight, arriving = torch.randn(1, 1, 3, 3), torch.randn(1, 1, 4, 4)
    F.conv2d(x, weight).backward(arriving)
    turned = F.conv2d(arriving, weight.rot90(2, (2, 3)), padding=2)
    torch.testing.assert_close(x.grad, turned)


def test_backward_through_max_pooling_reaches_the_winner_only():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 0.0]]]], requires_grad=True)
    MaxPool2d().module(trace(chain(image=Input(sizes=(1, 2, 2)))).shapes["image"])()(x).sum().backward()
    assert x.grad[0, 0].tolist() == [[0, 0], [1, 0]]
