"""Documents and links: there and back, and everything hostile refused in one sentence, at once."""

import base64
import json
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import VitrineError
from engine.presets import PRESETS
from engine.training.experiment import Experiment, dump, load
from engine.training.link import from_link, to_link
from tests.engine.random_graphs import graphs

CONV = {"id": "conv", "kind": "conv2d", "inputs": ["image"]}
IMAGE = {"id": "image", "kind": "input", "sizes": [3, 8, 8]}


def document(nodes, outputs=(), **more):
    graph = {"nodes": nodes, "outputs": list(outputs)}
    return json.dumps({"vitrine": 1, "name": "x", "graphs": {"network": graph}} | more)


def nested(depth):
    inner = {"nodes": [{"id": "entry", "kind": "entry"}], "outputs": ["entry"]}
    for _ in range(depth):
        inner = {
            "nodes": [
                {"id": "entry", "kind": "entry"},
                {"id": "b", "kind": "block", "graph": inner, "inputs": ["entry"]},
            ],
            "outputs": ["b"],
        }
    return inner


@pytest.mark.parametrize("name", PRESETS)
def test_presets_there_and_back(name):
    experiment = PRESETS[name].experiment()
    assert load(dump(experiment)) == experiment
    assert load(dump(experiment, pretty=True)) == experiment
    assert from_link(to_link(experiment)) == experiment
    assert len(to_link(experiment)) < 1_500


@given(graphs())
def test_any_graph_there_and_back(graph):
    experiment = Experiment("x", {"network": graph})
    assert load(dump(experiment)) == experiment
    assert from_link(to_link(experiment)) == experiment


HOSTILE = {
    "not json": ("{", "not JSON"),
    "a list": ("[]", "no Vitrine experiment"),
    "a number": ("7", "no Vitrine experiment"),
    "no version": ('{"name": "x"}', "no Vitrine experiment"),
    "a newer version": (document([IMAGE], vitrine=99), "newer Vitrine"),
    "an option within an option": (
        document([IMAGE], recipe={"kind": "recipe", "sweep": {"kind": "sweep", "vari": "noise"}}),
        "sweep has no option 'vari'. Did you mean 'vary'?",
    ),
    "yes as a version": (document([IMAGE], vitrine=True), "True is unknown"),
    "a strange version": (document([IMAGE], vitrine="one"), "'one' is unknown"),
    "an unknown field": (document([IMAGE], graph=1), "no field 'graph'. Did you mean 'graphs'?"),
    "no graphs": ('{"vitrine": 1, "graphs": {}}', "0 graphs"),
    "nodes of the wrong type": (document("abc"), "nodes must be a list"),
    "a node of the wrong type": (document([3]), "node 1 must be a JSON object"),
    "no id": (document([{"kind": "relu"}]), "id of node 1 must be text"),
    "no kind": (document([{"id": "a"}]), "a: the kind must be text"),
    "an unknown kind": (
        document([IMAGE, {**CONV, "kind": "conv3d"}]),
        "conv: There is no kind of layer 'conv3d'. Did you mean 'conv2d'?",
    ),
    "an unknown option": (
        document([IMAGE, {**CONV, "chanels": 3}]),
        "has no option 'chanels'. Did you mean 'channels'?",
    ),
    "a wrong type": (
        document([IMAGE, {**CONV, "channels": "many"}]),
        "channels must be a whole number; received 'many'",
    ),
    "a fraction": (document([IMAGE, {**CONV, "channels": 1.5}]), "channels must be a whole number"),
    "a billion channels": (document([IMAGE, {**CONV, "channels": 10**9}]), "channels must be at most 1,000,000"),
    "a huge input": (document([{**IMAGE, "sizes": [3, 99_999, 99_999]}]), "numbers in one example"),
    "not a number": (document([IMAGE, {"id": "d", "kind": "dropout", "share": None}]), "share must be a number"),
    "a cycle": (
        document([IMAGE, {**CONV, "id": "a", "inputs": ["b"]}, {**CONV, "id": "b", "inputs": ["a"]}]),
        "go round in a circle",
    ),
    "itself": (document([IMAGE, {**CONV, "inputs": ["conv"]}]), "conv → conv go round"),
    "a missing source": (document([IMAGE, {**CONV, "inputs": ["nobody"]}]), "takes from 'nobody'"),
    "a missing output": (document([IMAGE], ["out"]), "The output 'out' is no node"),
    "the same name twice": (document([IMAGE, IMAGE]), "Two nodes are called 'image'"),
    "code as a name": (document([{**IMAGE, "id": "__import__('os')"}]), "cannot name a node"),
    "a million nodes": (document([{"id": f"n{i}", "kind": "relu"} for i in range(50_000)]), "more|at most"),
    "many wires": (
        document([IMAGE, *({"id": f"n{i}", "kind": "add", "inputs": ["image"] * 64} for i in range(1_000))]),
        "64,000 connections are too many",
    ),
    "many nodes": (document([{"id": f"n{i}", "kind": "relu"} for i in range(2_001)]), "at most 2,000"),
    "endless repeats": (
        document(
            [
                IMAGE,
                {
                    "id": "b",
                    "kind": "block",
                    "repeat": 1000,
                    "inputs": ["image"],
                    "graph": {
                        "nodes": [
                            {"id": "entry", "kind": "entry"},
                            {"id": "b", "kind": "block", "repeat": 1000, "inputs": ["entry"], "graph": nested(0)},
                        ],
                        "outputs": ["b"],
                    },
                },
            ]
        ),
        "repeats counted, are too many",
    ),
    "blocks in blocks": (
        document([IMAGE, {"id": "b", "kind": "block", "inputs": ["image"], "graph": nested(50)}]),
        "deep in one another",
    ),
    "a block without a graph": (
        document([IMAGE, {"id": "b", "kind": "block", "inputs": ["image"]}]),
        "the graph must be a JSON object",
    ),
    "brackets without end": ("[" * 100_000, "not JSON"),
    "objects without end": ('{"a":' * 100_000, "not JSON"),
    "too long": (" " * 2_000_001, "at most 2,000,000"),
    "an endless name": (document([IMAGE], name="x" * 100_000), "at most 80"),
    "a long role": ('{"vitrine": 1, "graphs": {"' + "r" * 100_000 + '": 3}}', "must be a JSON object"),
}


@pytest.mark.parametrize(("text", "words"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_documents_end_in_one_sentence_at_once(text, words):
    began = time.perf_counter()
    with pytest.raises(VitrineError, match=words.replace("?", r"\?")) as caught:
        load(text)
    assert len(str(caught.value)) < 400
    assert time.perf_counter() - began < 2


def test_links_that_are_damaged_or_hostile():
    good = to_link(PRESETS["lenet-5"].experiment())
    bomb = base64.urlsafe_b64encode(zlib.compress(b" " * 50_000_000, 9)).decode()
    for text in (good[:-20], good[20:], "?", "ä", "", "x" * 100_000, "AAAA", bomb):
        with pytest.raises(VitrineError) as caught:
            from_link(text)
        assert len(str(caught.value)) < 200


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["nodes", "outputs", "id", "kind", "inputs", "graph", "init", "channels"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_values_as_a_graph_give_a_graph_or_a_sentence(values):
    try:
        load(json.dumps({"vitrine": 1, "name": "x", "graphs": {"network": values}}))
    except VitrineError as error:
        assert str(error)


@given(st.data())
def test_a_preset_changed_at_random_gives_an_experiment_or_a_sentence(data):
    text = dump(PRESETS[data.draw(st.sampled_from(["lenet-5", "mini-resnet"]))].experiment())
    place = data.draw(st.integers(0, len(text) - 1))
    changed = (
        text[:place]
        + data.draw(st.sampled_from(['"', "9", "-", "{", "null", "", "1e99", "ü"]))
        + text[place + data.draw(st.integers(0, 3)) :]
    )
    try:
        load(changed)
    except VitrineError as error:
        assert str(error)
