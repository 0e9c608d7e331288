"""Examples of several fields: a picture and a word, told apart by name, all the way from data to views."""

import pytest
import torch
from torch import nn

from engine.data.dataset import DATASETS, Dataset, Source, Split, copies, drawn
from engine.data.splitting import split
from engine.errors import VitrineError
from engine.fields import Fields, joined
from engine.graph.chain import chain
from engine.graph.network import Network
from engine.graph.source import source
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.merging import Concat
from engine.layers.pooling import GlobalAveragePool
from engine.layers.sequence import GRU, Embedding
from engine.live.scene import drawn as message_of
from engine.looking import Session
from engine.looking.view import frame_of
from engine.runs.export import export
from engine.runs.record import DraftRecord
from engine.tasks import TASKS
from engine.tasks.classify import Classify
from engine.training.experiment import Experiment, dump, load
from engine.training.folds import folded
from engine.training.learner import Learner
from engine.training.loop import every, learn
from engine.training.recipe import Recipe
from engine.training.unfit import unfit
from engine.views import VIEWS
from tests.engine.stopping import stopped_and_not
from tests.engine.test_sequences import LENGTH, ragged


class Captions(Source):
    """Tell whether a picture is light or dark, and whether a word of unequal length begins with it: four classes."""

    kind, title, example = "captions", "Captions", "fields"

    number: int = 200
    seed: int = 0
    validation: float = 0.2
    test: float = 0.2

    def load(self):
        generator = drawn(self.seed)
        light = torch.randint(0, 2, (self.number,), generator=generator)
        pictures = torch.randint(0, 128, (self.number, 3, 6, 6), generator=generator) + 127 * light[:, None, None, None]
        tokens = ragged(self.number, generator)
        fields = Fields({"picture": pictures.to(torch.uint8), "words": tokens})
        parts = split(Split(fields, 2 * light + (tokens[:, 0] > 3)), self)
        forms = {"picture": "image", "words": "tokens"}
        return Dataset(self.title, "fields", tuple("abcd"), *parts, forms=forms, words=("", *"vwxyz"))


@pytest.fixture(autouse=True)
def sources(monkeypatch):
    monkeypatch.setitem(DATASETS._things, "captions", Captions)


GRAPH = chain(
    words=Input(sizes=(LENGTH,), values="tokens", sequence=True),
    embed=Embedding(vocabulary=6, features=4),
    gru=GRU(units=5),
    picture=(Input(sizes=(3, 6, 6)),),
    conv=(Conv2d(channels=4), "picture"),
    mean=GlobalAveragePool(),
    both=(Concat(), "gru", "mean"),
    out=Dense(units=4),
)


def captioned(graph=GRAPH, **recipe):
    recipe = Recipe(**{"batch": 20, "epochs": 2.0, "rate": 0.02} | recipe)
    return Experiment("captions", {"network": graph}, Captions(), Classify(), recipe)


def learner(**recipe):
    return Learner(captioned(**recipe), Captions().load())


def test_fields_are_cut_moved_and_joined_as_one():
    fields = Fields({"a": torch.arange(6), "b": torch.arange(12.0).reshape(6, 2)})
    assert (len(fields), list(fields), fields.numel(), fields.nbytes) == (6, ["a", "b"], 18, 96)
    assert fields[2:4]["b"].tolist() == [[4, 5], [6, 7]]
    assert fields[torch.tensor([5, 0])]["a"].tolist() == [5, 0]
    assert fields.index_select(0, torch.tensor([1]))["b"].tolist() == [[2, 3]]
    assert [len(part) for part in fields.split(4)] == [4, 2]
    assert torch.equal(joined(fields.split(4))["b"], fields["b"])
    assert Fields({"a": torch.ones(2, 1, 2), "b": torch.zeros(2, 1)}).flatten(1).tolist() == [[1, 1, 0]] * 2
    assert torch.equal(joined([torch.ones(2), torch.zeros(1)]), torch.tensor([1.0, 1.0, 0.0]))


def test_fields_come_in_by_the_names_of_the_inputs_whatever_their_order():
    network = Network(GRAPH).eval()
    picture, words = torch.randn(3, 3, 6, 6), torch.tensor([[1, 2, 3, 0], [4, 0, 0, 0], [5, 5, 5, 5]])
    assert list(GRAPH.inputs) == ["words", "picture"]
    assert torch.equal(network(Fields({"picture": picture, "words": words})), network(words, picture))
    with pytest.raises(VitrineError, match="takes 2 inputs; received 1"):
        network(words)


class ByHand(nn.Module):
    """The same network as people write it."""

    def __init__(self):
        super().__init__()
        self.embed, self.gru = nn.Embedding(6, 4, padding_idx=0), nn.GRU(4, 5, batch_first=True)
        self.conv, self.out = nn.Conv2d(3, 4, 3), nn.Linear(9, 4)

    def forward(self, picture, words):
        lengths = (words > 0).sum(dim=1)
        packed = nn.utils.rnn.pack_padded_sequence(self.embed(words), lengths, True, enforce_sorted=False)
        seen = self.conv(picture).mean(dim=(2, 3))
        return self.out(torch.cat([self.gru(packed)[1][-1], seen], dim=1))


def test_learning_from_two_fields_equals_a_loop_by_hand():
    ours, hand, dataset = learner(epochs=1.0), ByHand(), Captions().load()
    hand.load_state_dict(
        {name.replace("gru.cell", "gru"): value for name, value in ours.networks["network"].state_dict().items()}
    )
    pictures = dataset.train.inputs["picture"].float() / 255
    mean, deviation = pictures.mean(dim=(0, 2, 3)), pictures.std(dim=(0, 2, 3))
    wanted = (pictures - mean[:, None, None]) / deviation[:, None, None]
    torch.testing.assert_close(ours.train.inputs["picture"], wanted, rtol=1e-4, atol=1e-5)
    optimiser = torch.optim.Adam(hand.parameters(), lr=0.02)
    for inputs, targets in ours.batches():
        loss = nn.functional.cross_entropy(hand(inputs["picture"], inputs["words"]), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for _ in learn(ours):
        pass
    for name, value in ours.networks["network"].state_dict().items():
        torch.testing.assert_close(value, hand.state_dict()[name.replace("gru.cell", "gru")], rtol=1e-3, atol=1e-5)


def test_both_fields_are_needed_and_learned_from():
    one = learner(epochs=40.0)
    for _ in learn(one):
        pass
    assert one.score("validation")["accuracy"] > 0.9


def test_a_run_on_two_fields_is_watched_stopped_and_goes_on_to_the_same_bits(tmp_path):
    stopped_and_not(tmp_path, captioned(), at=2)
    assert load(dump(captioned())) == captioned()
    watched = [seen for report in learn(learner(), pause=0, watch=every(0)) for seen in report.watched]
    assert watched[0].numbers.keys() == set(GRAPH.by_id) - set(GRAPH.inputs)


def test_the_code_takes_both_inputs():
    text = source({"network": GRAPH}, "captions")
    space = {"__name__": "exported"}
    exec(compile(text, "<captions>", "exec"), space)
    made, ours = space["Captions"]().eval(), Network(GRAPH).eval()
    made.load_state_dict(ours.state_dict())
    picture, words = torch.randn(3, 3, 6, 6), torch.tensor([[1, 2, 3, 0], [4, 0, 0, 0], [5, 5, 5, 5]])
    assert torch.equal(made(words, picture), ours(words, picture))


def test_what_does_not_fit_is_said_by_field(tmp_path):
    dataset = Captions().load()
    task = Classify()
    assert task.refuses({"network": GRAPH}, dataset) == ""
    alone = chain(picture=Input(sizes=(3, 6, 6)), mean=GlobalAveragePool(), out=Dense(units=4))
    assert "takes picture; an example of Captions is picture and words" in task.refuses({"network": alone}, dataset)
    small = chain(
        words=Input(sizes=(LENGTH,), values="tokens", sequence=True),
        embed=Embedding(vocabulary=6),
        gru=GRU(units=5),
        picture=(Input(sizes=(3, 8, 8)),),
        mean=(GlobalAveragePool(), "picture"),
        both=(Concat(), "gru", "mean"),
        out=Dense(units=4),
    )
    assert "picture takes 3×8×8 but 'picture' of Captions is 3×6×6" in task.refuses({"network": small}, dataset)
    for kind in TASKS:  # every task says why, whatever it asks of inputs first
        words = unfit({"network": GRAPH}, TASKS[kind](), Recipe(batch=20), dataset)
        assert words.endswith(".") or kind == "classify"
    with pytest.raises(VitrineError, match="ONNX files are written of networks with one input"):
        export(learner(), "onnx", tmp_path / "captions.onnx")


def test_folds_copies_and_splits_take_whole_examples():
    dataset = Captions().load()
    fold = folded(dataset, Recipe(folds=4, fold=1))
    assert len(fold.train) + len(fold.validation) == len(dataset.train) + len(dataset.validation)
    assert copies(dataset) == 0
    again = Dataset(**{**vars(dataset), "test": dataset.train})
    assert copies(again) == len(dataset.train)


@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_of_a_network_with_two_inputs_is_a_figure_or_a_reason_in_words(kind):
    one = learner()
    session = Session(one.experiment, 0, DraftRecord(one), one)
    view = VIEWS[kind]()
    if words := view.refusal(session.experiment):
        assert words.endswith(".")
        return
    frame = frame_of(view, session)
    assert "problem" not in frame.words, frame.words
    assert b'"problem"' not in message_of(view, frame, 0)
