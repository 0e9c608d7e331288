"""Forms of examples: found by words, brought by a person, and shown small; each as the network takes it."""

import dataclasses
import json

import pytest
import torch

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.layers import LAYERS
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.live.scene import drawn as message_of
from engine.looking import FORMS, Session
from engine.looking.sample import sample_of
from engine.looking.view import frame_of
from engine.runs.record import DraftRecord
from engine.training.learner import Learner
from engine.views import VIEWS
from tests.engine import test_fields as fields
from tests.engine import test_sequences as sequences
from tests.engine.goals import LONG, SOURCES, experiment


@pytest.fixture(autouse=True)
def sources(monkeypatch):
    for one in (*SOURCES, sequences.Recall, sequences.Sums, fields.Captions):
        monkeypatch.setitem(DATASETS._things, one.kind, one)


def looking_at(made):
    one = Learner(made, made.data.load())
    return Session(made, 0, DraftRecord(one), one)


def of(kind):
    return looking_at(experiment(kind))


def seen(session, **options):
    frame = frame_of(VIEWS["sample"](**options), session)
    return frame if "problem" in frame.words else VIEWS["sample"]().draw(frame)


def test_there_is_a_form_for_everything_that_examples_can_be():
    every = {one.example for one in DATASETS.values()} | {"fields"}
    assert every <= set(FORMS)


def test_text_is_shown_in_the_pieces_that_the_network_knows_and_answered_as_it_answers_them():
    session = of("odd")
    sample = sample_of(session, "text abca")
    assert sample.values.tolist() == [1, 2, 3, 1, 0, 0, 0, 0]
    assert (sample.truth, sample.words) == (None, "your text")
    shown = seen(session, sample="text abca")
    assert shown["shown"] == {"pieces": ["a", "b", "c", "a"]}
    network = session.network.networks["network"].eval()
    with torch.no_grad():
        wanted = network(torch.tensor([[1, 2, 3, 1, 0, 0, 0, 0]])).softmax(dim=2)
    said = {name: chance for _, name, chance in shown["said"]}
    assert said["odd"] == pytest.approx(wanted[0, :4, 1].mean().item(), rel=1e-4)


def test_text_longer_than_the_network_reads_is_cut_and_strange_letters_are_told():
    session = of("odd")
    assert sample_of(session, "text " + "abc" * 9).words == f"your text (cut to the first {LONG})"
    assert sample_of(session, "text ABC").values[:3].tolist() == [1, 2, 3]
    with pytest.raises(VitrineError, match="'z' is not among the 3 letters that the network knows"):
        sample_of(session, "text abz")
    with pytest.raises(VitrineError, match="takes 8 at once; there are 0"):
        sample_of(session, "text ")


def test_words_are_cut_at_spaces_and_signs_and_told_with_what_is_near(monkeypatch):
    session = of("odd")
    words = ("", "the", "don't", ",")
    monkeypatch.setattr(session.network, "dataset", dataclasses.replace(session.network.dataset, words=words))
    assert sample_of(session, "text The, don't").values.tolist() == [1, 3, 2, 0, 0, 0, 0, 0]
    assert seen(session, sample="text The, don't")["shown"] == {"pieces": ["the", ",", "don't"]}
    with pytest.raises(VitrineError, match=r"'then' is not among the 3 words .* knows\. Did you mean 'the'\?"):
        sample_of(session, "text the then")


def test_series_are_written_place_by_place():
    session = of("sway")
    sample = sample_of(session, "series 1 2\n-0.5, 3e-1;4 5")
    torch.testing.assert_close(sample.values[:3], torch.tensor([[1, 2], [-0.5, 0.3], [4, 5]]))
    assert sample.values[3:].isnan().all()
    lines = seen(session, sample="series 1 2\n-0.5, 3e-1;4 5")["shown"]["lines"]
    assert lines == [[1, -0.5, 4, *[None] * 5], [2, 0.3, 5, *[None] * 5]]
    for text, words in (
        ("series 1 2 3", "A place has 2 numbers; there is one with 3"),
        ("series 1 x", "'x' is no number"),
        ("series 1 inf", "no number to look at"),
        ("series 1 nan", "no number to look at"),
        ("series", "takes 8 at once; there are 0"),
    ):
        with pytest.raises(VitrineError, match=words):
            sample_of(session, text)


def test_rows_are_written_column_by_column():
    session = of("gaps")
    sample = sample_of(session, "numbers 1, 2 3 4,5")
    assert sample.given.tolist() == [[1, 2, 3, 4, 5]]
    assert seen(session, sample="numbers 1, 2 3 4,5")["shown"] == {"numbers": [1, 2, 3, 4, 5]}
    with pytest.raises(VitrineError, match="An example has 5 numbers; there are 2"):
        sample_of(session, "numbers 1 2")


def test_what_the_network_reads_as_one_length_must_be_that_long():
    graph = chain(
        series=Input(sizes=(LONG, 2)),
        flat=LAYERS["flatten"](),
        out=Dense(units=LONG),
        shape=LAYERS["reshape"](sizes=(LONG, 1)),
    )
    made = experiment("sway")
    session = of("sway")
    session.network.experiment = type(made)("sway", {"network": graph}, made.data, made.task, made.recipe)
    with pytest.raises(VitrineError, match="takes 8 at once; there are 1"):
        sample_of(session, "series 1 2")


def test_each_field_is_shown_as_its_own_form_is():
    session = looking_at(fields.captioned())
    shown = seen(session, sample="3")["shown"]["fields"]
    assert shown.keys() == {"picture", "words"}
    assert shown["picture"]["picture"].startswith("data:image/png;base64,")
    tokens = session.network.dataset.validation.inputs["words"][3]
    assert shown["words"]["pieces"] == [session.network.dataset.words[token] for token in tokens if token]
    frame = frame_of(VIEWS["sample"](sample="text abc"), session)
    assert "names no example" in frame.words["problem"]


def test_of_every_form_examples_can_be_leafed_through():
    for kind, form in (("odd", "pieces"), ("sway", "lines"), ("gaps", "numbers"), ("traits", "numbers")):
        session = of(kind)
        view = VIEWS["examples"](number=5, page=1)
        told = view.draw(frame_of(view, session))
        assert [list(one) for one in told["shown"]] == [[form]] * 5
        assert told["names"] == [f"validation {place}" for place in range(5, 10)]
        assert "picture" not in told
        message_of(view, frame_of(view, session), 0)
    pictures = VIEWS["examples"](number=5).draw(frame_of(VIEWS["examples"](number=5), of("outline")))
    assert (pictures["shown"], pictures["picture"][:10]) == ([], "data:image")


def test_what_is_shown_can_be_sent():
    for one in SOURCES:
        session = of(one.kind)
        sent = json.dumps(seen(session, sample="0"), allow_nan=False)
        assert len(sent) < 20_000


def test_a_name_of_another_form_names_no_example():
    for kind, name in (("odd", "series 1 2"), ("sway", "text abc"), ("outline", "text abc"), ("odd", "drawing 12ab")):
        with pytest.raises(VitrineError, match="names no example"):
            sample_of(of(kind), name)
