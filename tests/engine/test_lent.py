"""Weights that one network lends another: learned from both, counted once, the same in code, in copies, steered."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.graph import edits, grouping
from engine.graph.chain import chain
from engine.graph.cost import together
from engine.graph.diagram import diagrams
from engine.graph.document import read, write
from engine.graph.lending import networks, unlent
from engine.graph.mirror import mirrored
from engine.graph.network import Network
from engine.graph.source import source
from engine.graph.trace import borrowed, problems
from engine.layers import LAYERS
from engine.layers.activation import Sigmoid, Tanh
from engine.layers.convolution import Conv2d
from engine.layers.dense import Dense
from engine.layers.entry import Input, Lent
from engine.layers.reshaping import Flatten
from engine.layers.tied import Tied
from engine.looking import Session
from engine.looking.view import frame_of
from engine.runs.export import export
from engine.runs.record import DraftRecord
from engine.tasks.encode import Encode
from engine.training.experiment import Experiment, dump, load
from engine.training.fit import mirroring, suiting, with_graph
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from engine.training.unfit import impossible
from engine.training.varied import widened
from engine.views import VIEWS
from tests.engine.seeing import figure_or_reason
from tests.engine.stopping import stopped_and_not

SMALL = DATASETS["digits"](size=28)
DENSE = chain(
    image=Input(sizes=(1, 28, 28)), flat=Flatten(), wide=Dense(units=12), bend=Tanh(), code=Dense(units=3, bias=False)
)
FOLDED = chain(
    image=Input(sizes=(1, 28, 28)),
    conv=Conv2d(channels=4, kernel=4, stride=2, padding=1),
    bend=Tanh(),
    deep=Conv2d(channels=6, kernel=3, stride=2, padding=1),
    flat=Flatten(),
    code=Dense(units=3),
)
BOTH = {"dense": DENSE, "folded": FOLDED}


def experiment(name="dense", **recipe):
    graphs = {"encoder": BOTH[name], "decoder": mirrored(BOTH[name], lender="encoder")}
    return Experiment("lent", graphs, SMALL, Encode(), Recipe(**{"epochs": 2.0, "batch": 50} | recipe))


def made(name):
    torch.manual_seed(0)
    return networks(experiment(name).graphs, ("encoder", "decoder"), lambda network: network)


def by_hand(name, encoder, decoder, codes):
    """Return what a decoder makes of codes, as people write it."""
    if name == "dense":
        wide = torch.tanh(F.linear(codes, encoder.code.weight.t()))
        return torch.sigmoid(F.linear(wide, encoder.wide.weight.t(), decoder.tied2.bias)).reshape(-1, 1, 28, 28)
    maps = F.linear(codes, encoder.code.weight.t(), decoder.tied1.bias).reshape(-1, 6, 7, 7)
    maps = F.conv_transpose2d(maps, encoder.deep.weight, decoder.tied2.bias, 2, 1, 1)
    return torch.sigmoid(F.conv_transpose2d(torch.tanh(maps), encoder.conv.weight, decoder.tied3.bias, 2, 1))


@pytest.mark.parametrize("name", BOTH)
def test_a_mirror_goes_back_through_the_encoders_weights_and_has_none_of_its_own(name):
    both = made(name)
    codes = torch.randn(5, 3)
    torch.testing.assert_close(both["decoder"](codes), by_hand(name, *both.values(), codes))
    own = dict(both["decoder"].named_parameters())
    assert own
    assert all(key.endswith(".bias") for key in own)
    assert both["decoder"].state_dict().keys() == own.keys()
    every = {id(p): p for network in both.values() for p in network.parameters()}
    assert together(experiment(name).graphs).weights == sum(p.numel() for p in every.values())
    assert load(dump(experiment(name))) == experiment(name)
    assert read(write(experiment(name).graphs["decoder"])) == experiment(name).graphs["decoder"]


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_what_is_lent_learns_from_both_ways_as_in_a_loop_by_hand(name, optimiser):
    ours = Learner(experiment(name, optimiser=optimiser, rate=0.01, steps=6), SMALL.load())
    encoder, decoder = made(name).values()
    way = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimiser]
    one = way([*encoder.parameters(), *decoder.parameters()], 0.01)
    for inputs, targets in ours.batches():
        one.zero_grad()
        loss = ((by_hand(name, encoder, decoder, encoder(inputs)) - inputs) ** 2).mean()
        loss.backward()
        one.step()
        ours.advance(inputs, targets)
        if ours.step == 6:
            break
    assert ours.take_losses()["encoder"][-1][1].item() == pytest.approx(loss.item(), rel=1e-5)
    for role, network in (("encoder", encoder), ("decoder", decoder)):
        for mine, theirs in zip(ours.networks[role].parameters(), network.parameters(), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=2e-6)


def test_frozen_weights_that_are_lent_move_for_nobody():
    still = Learner(experiment(frozen=("encoder:",), steps=5), SMALL.load())
    begun = [p.clone() for p in still.networks["encoder"].parameters()]
    biases = [p.clone() for p in still.networks["decoder"].parameters()]
    for _ in learn(still):
        pass
    assert all(map(torch.equal, still.networks["encoder"].parameters(), begun))
    assert not any(map(torch.equal, still.networks["decoder"].parameters(), biases))


@pytest.mark.parametrize("name", BOTH)
def test_it_is_stopped_and_goes_on_to_the_same_bits(tmp_path, name):
    stopped_and_not(tmp_path, experiment(name, decay=0.01))


@pytest.mark.parametrize("name", BOTH)
def test_code_takes_the_lender_and_gives_the_same(name, tmp_path, capsys):
    both = made(name)
    text = source(experiment(name).graphs, "lent")
    space = {"__name__": "exported"}
    exec(compile(text, "<lent>", "exec"), space)
    encoder = space["LentEncoder"]()
    decoder = space["LentDecoder"](encoder)
    assert decoder.state_dict().keys() == both["decoder"].state_dict().keys()
    for mine, theirs in ((encoder, both["encoder"]), (decoder, both["decoder"])):
        mine.load_state_dict(theirs.state_dict())
    codes = torch.randn(4, 3)
    assert torch.equal(decoder(codes), both["decoder"](codes))
    exec(compile(text, "<lent>", "exec"), {"__name__": "__main__"})
    assert f"{sum(p.numel() for p in decoder.parameters()):,} weights" in capsys.readouterr().out
    learner = Learner(experiment(name), SMALL.load())
    weights = torch.load(export(learner, "pt", tmp_path / "lent.pt"))
    assert {key.partition(":")[0] for key in weights} == {"encoder", "decoder"}
    assert "decoder:tied1.weight" not in weights


def test_a_copy_lends_to_its_own_and_leaves_the_first_alone():
    learner = Learner(experiment(), SMALL.load())
    session = Session(learner.experiment, 0, DraftRecord(learner), learner)
    copied = session.still().network.networks
    codes = torch.randn(3, 3)
    before = learner.networks["decoder"](codes)
    assert torch.equal(copied["decoder"](codes), before)
    with torch.no_grad():
        copied["encoder"].code.weight.zero_()
    assert torch.equal(learner.networks["decoder"](codes), before)
    assert not torch.equal(copied["decoder"](codes), before)


@pytest.mark.parametrize("name", BOTH)
def test_a_plane_is_steered_by_what_was_lent(name):
    learner = Learner(experiment(name), SMALL.load())
    session = Session(learner.experiment, 0, DraftRecord(learner), learner)
    view = VIEWS["walk"]()
    steers = view.steering(frame_of(view, session), learner.experiment)
    first = steers([0.5, -0.2, 0.3])["picture"]
    with torch.no_grad():
        learner.networks["encoder"].code.weight.mul_(3.0)
    assert steers([0.5, -0.2, 0.3])["picture"] == first  # it was sent along
    then = view.steering(
        frame_of(view, Session(learner.experiment, 1, DraftRecord(learner), learner)), learner.experiment
    )
    assert then([0.5, -0.2, 0.3])["picture"] != first


@pytest.mark.parametrize("kind", VIEWS)
def test_every_view_is_a_figure_or_a_reason_in_words(kind):
    for name in BOTH:
        learner = Learner(experiment(name), SMALL.load())
        session = Session(learner.experiment, 0, DraftRecord(learner), learner)
        figure_or_reason(VIEWS[kind](), session)


def test_the_decoder_follows_what_is_changed_in_the_encoder():
    first = experiment()
    wider = with_graph(first, "encoder", edits.replace(DENSE, "wide", Dense(units=20)))
    assert [layer.sizes for layer in _lent(wider)] == [(3, 20), (20, 784)]
    assert not unlent(wider.graphs)
    assert not impossible(wider.graphs, wider.task, wider.recipe, SMALL.load())
    renamed = with_graph(first, "encoder", edits.rename(DENSE, "wide", "broad"))
    assert [layer.of for layer in _lent(renamed)] == ["encoder:code", "encoder:broad"]
    other = suiting(first, DATASETS["digits"](size=8).load())
    assert [layer.sizes for layer in _lent(other)] == [(3, 12), (12, 64)]  # it stays tied
    own = mirroring(first)
    assert not _lent(own)
    assert _lent(mirroring(own, tied=True)) == _lent(first)
    boxes = diagrams(first.graphs, (), first.task.flow)
    assert {"from": "encoder:code", "to": "decoder:code", "lane": 0} in boxes["wires"]


def _lent(experiment):
    return [node.layer for node in experiment.graphs["decoder"].nodes if isinstance(node.layer, Lent)]


def told(graph, encoder=DENSE):
    found = unlent({"encoder": encoder, "decoder": graph})
    return found["decoder"][1] if "decoder" in found else ""


def test_what_cannot_be_lent_is_told_at_its_node():
    decoder = mirrored(DENSE, lender="encoder")

    def naming(of, sizes=(3, 12)):
        return edits.replace(decoder, "lent1", Lent(of=of, sizes=sizes))

    assert told(decoder) == ""
    assert told(naming("")) == "lent1 must name a layer of encoder, such as encoder:dense1. Name one."
    assert told(naming("decoder:tied1")) == "lent1 must name a layer of encoder, such as encoder:dense1. Name one."
    assert told(naming("encoder:cod")) == "lent1: There is no 'cod' in encoder. Did you mean 'code'?"
    assert told(naming("encoder:bend")) == (
        "lent1: encoder:bend has no weights to lend. Name a dense layer or a convolution 2-D."
    )
    assert told(naming("encoder:code", (4, 12))) == (
        "lent1 says weights 4×12, but encoder:code has weights 3×12. Mirror anew, or name another layer."
    )
    both = {"encoder": chain(a=Input(sizes=(3,)), l=Lent(of="decoder:b", sizes=(3, 3)), t=(Tied(), "a", "l"))}
    both["decoder"] = chain(a=Input(sizes=(3,)), l=Lent(of="encoder:t", sizes=(3, 3)), t=(Tied(), "a", "l"))
    assert "cannot lend weights to each other" in unlent(both)["encoder"][1]
    alone = {"network": chain(a=Input(sizes=(3,)), l=Lent(of="encoder:t", sizes=(3, 3)), t=(Tied(), "a", "l"))}
    assert unlent(alone)["network"][1].startswith("l is for weights of another network, and there is none.")
    words = impossible({"encoder": DENSE, "decoder": naming("encoder:cod")}, Encode(), Recipe(), SMALL.load())
    assert words == "lent1: There is no 'cod' in encoder. Did you mean 'code'?"
    with pytest.raises(VitrineError, match="Nobody lends encoder:code to this network"):
        Network(decoder)(torch.zeros(1, 3))


def test_groups_and_other_kinds_of_weight_are_refused():
    grouped = edits.replace(FOLDED, "deep", Conv2d(channels=6, kernel=3, stride=2, padding=1, groups=2))
    with pytest.raises(VitrineError, match="Nothing mirrors deep"):
        mirrored(grouped, lender="encoder")
    decoder = mirrored(FOLDED, lender="encoder")
    spread = edits.replace(FOLDED, "deep", Conv2d(channels=6, kernel=3, stride=2, padding=2, dilation=2))
    assert told(decoder, spread).startswith("tied2 cannot go through the weights of encoder:deep, convolution 2-d.")

    def said(**layers):
        return [p.text for p in problems(chain(row=Input(sizes=(6,)), **layers)) if p.stops]

    weights = Lent(of="encoder:code", sizes=(6, 3))
    assert said(lent=weights, relu=(LAYERS["relu"](), "lent")) == [
        "relu needs values but receives weights 6×3 from lent. Connect weights as the second input of a layer that "
        "goes through another's."
    ]
    assert said(lent=weights, out=(LAYERS["add"](), "row", "lent"))[0].startswith("out needs values but receives")
    graph = chain(row=Input(sizes=(6,)), lent=weights)
    assert any("is lent by another network, and no output" in p.text for p in problems(graph))
    with pytest.raises(VitrineError):
        Network(graph)


def test_nobody_writes_code_by_the_name_of_a_lender():
    for wrong in ("encoder:code.weight) ; print(1) #", "encoder:", "code", "encoder:a..b", "Encoder:a", "encoder:a\n"):
        with pytest.raises(ValueError, match="of"):
            Lent(of=wrong, sizes=(3, 3))
    own = chain(code=Input(sizes=(3,)), lent=Lent(of="decoder:out", sizes=(3, 3)), out=(Tied(), "code", "lent"))
    for graphs in ({"encoder": DENSE, "decoder": own}, {"decoder": own}):
        with pytest.raises(VitrineError, match="lent"):
            source(graphs, "wrong")
    words = chain(words=Input(sizes=(4,), values="tokens"), embed=LAYERS["embedding"](vocabulary=8, features=8))
    looked = chain(code=Input(sizes=(8,)), lent=Lent(of="encoder:embed", sizes=(8, 8)), out=(Tied(), "code", "lent"))
    assert "encoder:embed has no weights to lend." in unlent({"encoder": words, "decoder": looked})["decoder"][1]


def test_what_is_lent_follows_into_blocks_and_through_names_there():
    first = experiment("folded")
    inside = with_graph(first, "encoder", grouping.group(FOLDED, ["bend", "deep"], "Part"))
    assert [layer.of for layer in _lent(inside)] == ["encoder:code", "encoder:part.deep", "encoder:conv"]
    renamed = with_graph(inside, "encoder", edits.rename(inside.graphs["encoder"], "part.deep", "deeper"))
    assert [layer.of for layer in _lent(renamed)] == ["encoder:code", "encoder:part.deeper", "encoder:conv"]
    assert not unlent(renamed.graphs)
    gone = with_graph(first, "encoder", edits.remove(FOLDED, "deep"))
    assert "There is no 'deep' in encoder." in unlent(gone.graphs)["decoder"][1]


def test_lent_weights_take_no_memory_for_each_example_and_stay_linear_and_are_widened_along():
    tied, own = experiment().graphs, {"encoder": DENSE, "decoder": mirrored(DENSE)}
    assert together(tied).activation_bytes == together(own).activation_bytes
    flat = chain(image=Input(sizes=(1, 28, 28)), flat=Flatten(), code=Dense(units=3))
    graphs = {"encoder": flat, "decoder": mirrored(flat, lender="encoder")}
    learner = Learner(Experiment("flat", graphs, SMALL, Encode(), Recipe(batch=50)), SMALL.load())
    assert 0 <= learner.score("validation")["angle to PCA"] <= 90
    wider = widened(tied, 2.0)
    assert wider["encoder"]["wide"].layer.units == 24
    assert not unlent(wider)
    assert [layer.sizes for layer in borrowed(wider["decoder"]).values()] == [(3, 24), (24, 784)]


def test_the_landscape_of_a_lender_is_not_that_of_its_weights_alone():
    learner = Learner(experiment(), SMALL.load())
    session = Session(learner.experiment, 0, DraftRecord(learner), learner)
    for role in ("encoder", "decoder"):
        words = frame_of(VIEWS["landscape"](role=role), session).words.get("problem", "")
        assert ("hangs on both" in words) == (role == "encoder")


def test_two_layers_may_go_through_the_same_weights():
    decoder = chain(
        code=Input(sizes=(3,)),
        one=Lent(of="encoder:code", sizes=(3, 12)),
        out=(Tied(bias=False), "code", "one"),
        two=Lent(of="encoder:code", sizes=(3, 12)),
        again=(Tied(way="again", bias=False), "out", "two"),
        other=(Tied(bias=False), "again", "one"),
        wide=Lent(of="encoder:wide", sizes=(12, 784)),
        back=(Tied(), "other", "wide"),
        picture=LAYERS["reshape"](sizes=(1, 28, 28)),
    )
    made = Experiment("twice", {"encoder": DENSE, "decoder": decoder}, SMALL, Encode(), Recipe(batch=50))
    learner = Learner(made, SMALL.load())
    session = Session(made, 0, DraftRecord(learner), learner)
    steers = (view := VIEWS["walk"]()).steering(frame_of(view, session), made)
    assert steers([0.5, -0.2, 0.3])["picture"].startswith("data:image/png")
    code, weight = torch.randn(2, 3), learner.networks["encoder"].code.weight
    back = F.linear(code @ weight @ weight.t() @ weight, learner.networks["encoder"].wide.weight.t())
    made = learner.networks["decoder"](code) - learner.networks["decoder"].back.bias.reshape(1, 28, 28)
    torch.testing.assert_close(made, back.reshape(2, 1, 28, 28))


def test_a_linear_one_of_one_unit_finds_the_first_principal_direction():
    points = torch.randn(400, 6, generator=torch.Generator().manual_seed(1)) * torch.tensor([3.0, 1, 1, 1, 1, 1])
    turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(2)))[0]
    points = points @ turn
    points = points - points.mean(dim=0)
    graphs = {
        "encoder": chain(row=Input(sizes=(6,)), fold=Dense(units=1)),
        "decoder": chain(
            code=Input(sizes=(1,)), lent=Lent(of="encoder:fold", sizes=(1, 6)), out=(Tied(), "code", "lent")
        ),
    }
    torch.manual_seed(0)
    both = networks(graphs, graphs, lambda network: network)
    one = torch.optim.LBFGS([p for network in both.values() for p in network.parameters()], max_iter=200)

    def closure():
        one.zero_grad()
        loss = (both["decoder"](both["encoder"](points)) - points).square().mean()
        loss.backward()
        return loss

    one.step(closure)
    found = both["encoder"].fold.weight.detach()[0]
    assert found.norm().item() == pytest.approx(1, abs=1e-2)
    first = np.linalg.svd(points.numpy())[2][0]
    assert abs(float(found @ torch.from_numpy(first))) == pytest.approx(1, abs=1e-2)


def test_a_sigmoid_ends_a_tied_mirror_of_pictures():
    decoder = mirrored(DENSE, lender="encoder")
    assert isinstance(decoder[decoder.outputs[0]].layer, Sigmoid)
