"""Views that search what is remembered: texts by unit, matches, ripples, counting, embeddings, the network unrolled."""

import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pointbiserialr
from sklearn.metrics.pairwise import cosine_similarity
from torch import nn

from engine.data import DATASETS
from engine.errors import VitrineError
from engine.layers.convolution import Conv1d
from engine.layers.dense import Dense
from engine.layers.modules import lengths_of
from engine.layers.sequence import GRU, LSTM, RNN
from engine.looking.lesions import without
from engine.tasks.label import Label
from engine.views import VIEWS
from engine.views.sequences.cells import read_together, through
from engine.views.sequences.counting import surprises
from engine.views.sequences.matching import Match, matches, on_along, runs
from engine.views.sequences.pool import Pool, pooled
from engine.views.sequences.ripple import aligned
from engine.views.sequences.textbyunit import correlations, laid, spans
from tests.engine.looked import seen
from tests.engine.test_sequence_views import session_on

REVIEWS = DATASETS["reviews"](number=200)
PROSE = DATASETS["prose"](length=4000, vocabulary=40, window=25)
SENTENCES = DATASETS["sentences"](number=200)


def torch_states(session, tokens):
    """Return what torch's own layer gives at every place of one text."""
    embed, cell = (session.module.get_submodule(name) for name in ("embed", "cell"))
    with torch.no_grad():
        return cell.cell(embed(tokens[None]))[0][0].numpy()


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([nn.RNN, nn.LSTM, nn.GRU]),
    st.integers(1, 2),
    st.booleans(),
    st.integers(1, 6),
    st.integers(1, 4),
    st.booleans(),
)
def test_several_sequences_are_read_together_as_torch_reads_them(kind, layers, both, length, examples, begun):
    torch.manual_seed(length)
    cell = kind(3, 4, layers, bidirectional=both, batch_first=True)
    rows = layers * (1 + both)
    x, first = torch.randn(examples, length, 3), torch.randn(rows, examples, 4)
    memory = torch.randn(rows, examples, 4)
    handed = torch.cat([first, memory] if kind is nn.LSTM else [first]).movedim(0, 1).flatten(1)
    with torch.no_grad():
        sequence, _ = cell(x, ((first, memory) if kind is nn.LSTM else first) if begun else None)
        found = through("cell", cell, x.transpose(0, 1), handed if begun else None)
    top = torch.cat([one.rows("state") for one in found[-(1 + both) :]], dim=-1)
    torch.testing.assert_close(top.transpose(0, 1), sequence)


def test_a_pool_holds_what_torch_gives_for_each_text():
    session = session_on(GRU(units=4), REVIEWS, out=2)
    name, pool = pooled(session, "train")
    inputs = session.network.dataset.train.inputs
    assert name == "train"
    assert pool.units == [("cell", unit) for unit in range(4)]
    assert int(pool.example[-1]) == len(inputs) - 1
    for example in range(0, len(inputs), 17):
        here = pool.example == example
        long = int(lengths_of(inputs[example][None])[0])
        assert pool.place[here].tolist() == list(range(long))
        np.testing.assert_allclose(pool.states[here], torch_states(session, inputs[example][:long]), atol=1e-6)


# -- matching ----------------------------------------------------------------------------------------------------


def slow_matches(states, example, place, signs, long, least, most, but):
    """Find matches by looking at every place, level by level, as one would with a pencil."""
    chosen = [unit for unit, sign in enumerate(signs) if sign]
    rows = len(states)
    found, taken = [], set()
    if but:
        taken |= {i for i in range(rows) if example[i] == but.example and but.first <= place[i] <= but.last}
    for level in range(len(chosen), 0, -1):
        on = [sum(states[i][unit] * signs[unit] >= least for unit in chosen) >= level for i in range(rows)]
        stretches, begin = [], None
        for i in range(rows + 1):
            ends = i == rows or not on[i] or (i and example[i] != example[i - 1])
            if begin is not None and ends:
                stretches.append((begin, i - 1))
                begin = None
            if i < rows and on[i] and begin is None:
                begin = i
        free = [(a, b) for a, b in stretches if not any(i in taken for i in range(a, b + 1))]
        for a, b in sorted(free, key=lambda one: (abs(one[1] - one[0] + 1 - long), one[0])):
            if len(found) < most:
                found.append(Match(example[a], place[a], place[b], level))
            taken |= set(range(a, b + 1))
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 8), st.booleans())
def test_matches_are_those_that_a_search_by_hand_finds(seed, units, most, itself):
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 9, 6)
    example = np.repeat(np.arange(6), sizes)
    place = np.concatenate([np.arange(size) for size in sizes])
    states = random.uniform(-1, 1, (len(example), units)).round(1)
    signs = random.integers(-1, 2, units)
    but = Match(0, 0, int(sizes[0]) // 2, 0) if itself else None
    pool = Pool(states, example, place, [("cell", unit) for unit in range(units)])
    found = matches(pool, signs, 3, 0.3, most, but)
    assert found == slow_matches(states, example.tolist(), place.tolist(), signs.tolist(), 3, 0.3, most, but)


def test_units_are_on_all_along_or_not_at_all():
    states = np.array([[0.5, -0.4, 0.9, 0.1], [0.3, -0.9, -0.9, 0.9], [0.4, -0.3, 0.9, 0.9]])
    assert on_along(states, 0, 2, 0.3).tolist() == [1, -1, 0, 0]
    assert on_along(states, 2, 2, 0.3).tolist() == [1, -1, 1, 1]
    assert runs(np.array([True, True, True, False, True]), {0, 1}) == [(0, 0), (1, 2), (4, 4)]


def test_a_brushed_stretch_is_found_again_where_the_same_units_are_on():
    session = session_on(LSTM(units=6), REVIEWS, out=2)
    view = VIEWS["states"](sample="3").pick({"from": 2.4, "to": 0.7})
    assert (view.first, view.last) == (1, 2)
    frame = view.compute(session)
    brushed = frame.words["brushed"]
    tokens = session.network.dataset.validation.inputs[3]
    states = torch_states(session, tokens[: int(lengths_of(tokens[None])[0])])
    on = [unit for unit in range(6) if (states[1:3, unit] >= 0.3).all() or (states[1:3, unit] <= -0.3).all()]
    assert brushed["on"].get("cell", []) == on
    view = view.but(least=0.02)
    brushed = view.compute(session).words["brushed"]
    assert brushed["matches"]
    words = session.network.dataset.words
    for example, first, last, units, before, inside, behind in brushed["matches"]:
        row = [words[t] for t in session.network.dataset.validation.inputs[example].tolist() if t]
        assert inside == " ".join(row[first : last + 1])
        assert " ".join(row).startswith(" ".join(filter(None, (before, inside, behind)))) or first > 12
        assert units >= 1
        assert not (example == 3 and first <= 2 and last >= 1)
    drawn = view.draw(view.compute(session))
    assert f"<b>{brushed['many']} units are on from 1 to 2</b>" in drawn["layout"]["annotations"][0]["text"]
    assert drawn["layout"]["dragmode"] == "select"
    assert view.pick({"row": 1}).first is None
    assert view.pick({"from": math.inf, "to": 1}) == view.but(first=None, last=None)
    assert VIEWS["states"]().pick({"row": 1}) is None


# -- text by unit ------------------------------------------------------------------------------------------------


def test_a_text_has_the_colours_of_its_unit_and_goes_on_over_the_windows():
    session = session_on(GRU(units=5, gives="sequence"), PROSE, Label(), 40)
    frame = seen(session, "text", sample="train 2", unit=3, further=2)
    tokens = session.network.dataset.train.inputs
    wanted = np.concatenate([torch_states(session, tokens[row])[:, 3] for row in (2, 3, 4)])
    np.testing.assert_allclose(frame["values"], wanted, atol=1e-6)
    assert frame.words["pieces"] == [session.network.dataset.words[t] for t in tokens[2:5].flatten().tolist()]
    assert VIEWS["text"]().draw(frame)["data"]
    last = len(tokens) - 1
    assert len(seen(session, "text", sample=f"train {last}", further=5)["values"]) == 25
    back = session_on(GRU(units=5, both_directions=True), REVIEWS, out=2)
    backwards = seen(back, "text", sample="train 0", unit=1, way="backwards")["values"]
    row = back.network.dataset.train.inputs[0]
    row = row[: int(lengths_of(row[None])[0])]
    np.testing.assert_allclose(backwards, torch_states(back, row)[:, 6], atol=1e-6)


def test_units_go_with_a_pattern_as_a_statistician_says():
    session = session_on(GRU(units=6, gives="sequence"), PROSE, Label(), 40)
    frame = seen(session, "text", pattern="[aeiou]", among="train")
    _, pool = pooled(session, "train")
    dataset = session.network.dataset
    there = [dataset.words[t] in "aeiou" for t in dataset.train.inputs[: pool.example[-1] + 1].flatten().tolist()]
    found = dict(zip([unit for _, unit in frame.words["units"]], frame["strengths"].tolist(), strict=True))
    assert len(found) == 6
    for unit, strength in found.items():
        assert strength == pytest.approx(pointbiserialr(there, pool.states[:, unit]).statistic, abs=1e-5)
    assert list(map(abs, found.values())) == sorted(map(abs, found.values()), reverse=True)
    assert frame["share"][0] == pytest.approx(np.mean(there))
    view = VIEWS["text"](pattern="[aeiou]")
    assert "goes with it" in view.draw(frame)["layout"]["yaxis2"]["title"]["text"]
    assert view.pick({"name": "cell:4", "row": 0}).unit == 4
    assert view.pick({"name": "cell layer 2 ←:11", "row": 0}) == view.but(node="cell", unit=11, way="backwards")
    assert view.pick({"name": "no unit", "row": 0}) is None


def test_patterns_over_several_words_cover_each_of_them():
    session = session_on(GRU(units=3), REVIEWS, out=2)
    frame = seen(session, "text", pattern="was (very|really) \\w+", among="train")
    dataset, there = session.network.dataset, []
    _, pool = pooled(session, "train")
    for row in dataset.train.inputs[: pool.example[-1] + 1].tolist():
        words = [dataset.words[t] for t in row if t]
        marks = [False] * len(words)
        for place in range(len(words) - 2):
            if words[place] == "was" and words[place + 1] in ("very", "really"):
                marks[place : place + 3] = [True] * 3
        there += marks
    assert frame["share"][0] == pytest.approx(np.mean(there))


@pytest.mark.parametrize("data", [REVIEWS, SENTENCES])
def test_units_go_with_a_class_of_the_text_or_of_the_place(data):
    places = data.kind == "sentences"
    cell = GRU(units=4, gives="sequence") if places else GRU(units=4)
    session = session_on(cell, data, Label() if places else None, 37 if places else 2)
    dataset = session.network.dataset
    wanted = "." if places else "kind"
    frame = seen(session, "text", of_class=wanted, among="train")
    _, pool = pooled(session, "train")
    right = dataset.train.targets.tolist()
    number = dataset.classes.index(wanted)
    there = [(right[e][p] if places else right[e]) == number for e, p in zip(pool.example, pool.place, strict=True)]
    for (_, unit), strength in zip(frame.words["units"], frame["strengths"], strict=True):
        assert strength == pytest.approx(pointbiserialr(there, pool.states[:, unit]).statistic, abs=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pattern": "("}, "is no regular expression"),
        ({"pattern": "[z-a]"}, "is no regular expression"),
        ({"pattern": "xyzxyz"}, "is hardly anywhere"),
        ({"pattern": "(?R)"}, "cannot hold itself"),
        ({"pattern": "(?V0V1)a"}, "is no regular expression"),
        ({"pattern": ".+"}, "is nearly everywhere"),
        ({"of_class": "no such"}, "There is no class 'no such'"),
    ],
)
def test_what_cannot_be_searched_is_said(options, words):
    session = session_on(GRU(units=3), REVIEWS, out=2)
    with pytest.raises(VitrineError, match=words):
        seen(session, "text", **options)


def test_a_pattern_that_runs_for_ever_is_ended():
    began = time.monotonic()
    with pytest.raises(VitrineError, match="takes too long"):
        spans("(a|aa)+$", "a" * 60 + "b", 0.3)
    assert time.monotonic() - began < 10
    assert spans("b*", "abba", 1.0) == [(1, 3)]


def test_columns_that_never_move_go_with_nothing():
    states = np.stack([np.ones(6), np.arange(6.0)], axis=1)
    found = correlations(states, np.array([False, False, False, True, True, True]))
    assert found[0] == 0
    assert found[1] == pytest.approx(np.corrcoef(np.arange(6), [0, 0, 0, 1, 1, 1])[0, 1])


def test_texts_are_laid_in_lines_with_nothing_between_words():
    signs, under = laid(["one", "two"], np.array([0.5, -0.25]), False)
    assert signs[0][:8] == ["o", "n", "e", "", "t", "w", "o", ""]
    np.testing.assert_array_equal(under[0, :8], [0.5, 0.5, 0.5, np.nan, -0.25, -0.25, -0.25, np.nan])
    signs, under = laid(list("ab\nc"), np.array([1.0, 2.0, 3.0, 4.0]), True)
    assert signs[0][:4] == ["a", "b", "⏎", ""]
    assert signs[1][0] == "c"
    assert under[1, 0] == 4.0
    assert {len(line) for line in laid(["word"] * 300, np.zeros(300), False)[0]} == {84}


# -- ripple ------------------------------------------------------------------------------------------------------


def test_the_ripple_of_an_edit_is_the_difference_of_what_torch_gives():
    session = session_on(LSTM(units=5), REVIEWS, out=2)
    old, new = "text I found the film good", "text I found the plot really good"
    frame = seen(session, "ripple", sample=new, before=old)
    words = session.network.dataset.words
    rows = [torch_states(session, torch.tensor([words.index(w) for w in text.split()[1:]])) for text in (new, old)]
    pairs = [(0, 0), (1, 1), (2, 2), (5, 4)]  # "plot really" came in for "film": they stand for nothing
    for place in range(6):
        before = dict(pairs).get(place)
        if before is None:
            assert np.isnan(frame["change"][:, place]).all()
            assert np.isnan(frame["ways"][0, place])
        else:
            change = rows[0][place] - rows[1][before]
            np.testing.assert_allclose(frame["change"][:, place], change, atol=1e-6)
            assert frame["ways"][0, place] == pytest.approx(np.linalg.norm(change), abs=1e-6)
    assert frame.words["edited"] == [3, 4]
    with torch.no_grad():
        out = session.module.get_submodule("out")
        chances = [out(torch.tensor(row[-1])).softmax(0).numpy() for row in rows]
    for name, before, after in frame.words["answers"]:
        column = session.network.dataset.classes.index(name)
        assert before == pytest.approx(chances[1][column], abs=1e-6)
        assert after == pytest.approx(chances[0][column], abs=1e-6)
    assert VIEWS["ripple"]().draw(frame)["data"]


def test_gates_ripple_too_and_what_is_not_there_is_said():
    session = session_on(LSTM(units=3), REVIEWS, out=2)
    old, new = "text the film was good", "text the film was bad"
    for name in ("forget", "memory"):
        now, was = (seen(session, "gates", sample=text)[name] for text in (new, old))
        change = seen(session, "ripple", sample=new, before=old, show=name)["change"]
        np.testing.assert_allclose(change, now - was, atol=1e-6)
    with pytest.raises(VitrineError, match="has no update"):
        seen(session, "ripple", sample=new, before=old, show="update")
    view = VIEWS["ripple"](sample=old)
    assert "Press the button" in view.draw(view.compute(session))["layout"]["annotations"][0]["text"]
    kept = view.pick({"keep": True})
    assert kept.before == old
    assert "Nothing is changed yet" in kept.draw(kept.compute(session))["layout"]["annotations"][0]["text"]
    assert kept.pick({"keep": False}).before == ""
    assert view.pick({"keep": "yes"}) is None


def test_places_of_a_new_text_stand_for_those_of_the_old_one():
    assert aligned(list("abXd"), list("abcd")) == ([(0, 0), (1, 1), (2, 2), (3, 3)], [2])
    assert aligned(list("acd"), list("abcd")) == ([(0, 0), (1, 2), (2, 3)], [1])
    assert aligned(list("abbcd"), list("abcd"))[0][-2:] == [(3, 2), (4, 3)]
    assert aligned(list("ab"), list("ab")) == ([(0, 0), (1, 1)], [])
    began = time.monotonic()
    pairs, edits = aligned([1] * 3000, [1, 2] * 1500)
    assert time.monotonic() - began < 2
    assert pairs[:2] == [(0, 0), (1, 1)]
    assert len(edits) == 2999


def test_a_ripple_over_places_tells_the_answer_at_the_last_one():
    session = session_on(GRU(units=4, gives="sequence"), PROSE, Label(), 40)
    frame = seen(session, "ripple", sample="text The texT", before="text The text")
    assert frame.words["edited"] == [7]
    dataset = session.network.dataset
    tokens = torch.tensor([dataset.words.index(sign) for sign in "The texT"])
    with torch.no_grad():
        chances = session.module.get_submodule("out")(torch.tensor(torch_states(session, tokens)[-1])).softmax(0)
    for name, _, after in frame.words["answers"]:
        assert after == pytest.approx(float(chances[dataset.classes.index(name)]), abs=1e-6)


# -- means of gates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["forwards", "backwards"])
def test_means_of_gates_over_a_class_are_means_over_its_texts(way):
    session = session_on(GRU(units=3, both_directions=True), REVIEWS, out=2)
    frame = seen(session, "gates", mean_over="kind", way=way)
    dataset = session.network.dataset
    rows = []
    for place in (dataset.validation.targets == dataset.classes.index("kind")).nonzero().flatten().tolist():
        one = seen(session, "gates", sample=f"validation {place}", way=way)
        rows.append(np.pad(one["update"], ((0, 0), (0, 20 - one["update"].shape[1])), constant_values=np.nan))
    wanted = np.nanmean(np.array(rows)[:, :, : frame["update"].shape[1]], axis=0)
    np.testing.assert_allclose(frame["update"], wanted, atol=1e-5)
    assert "means over" in VIEWS["gates"](mean_over="kind").draw(frame)["layout"]["annotations"][-1]["text"]
    with pytest.raises(VitrineError, match="There is no class 'blue'"):
        seen(session, "gates", mean_over="blue")


# -- embedding ---------------------------------------------------------------------------------------------------


def test_words_that_point_the_same_way_are_near():
    session = session_on(GRU(units=3), REVIEWS, out=2)
    frame = seen(session, "embedding", word="good")
    dataset = session.network.dataset
    table = session.module.get_submodule("embed").weight.detach().numpy()
    counts = np.bincount(dataset.train.inputs.flatten().numpy(), minlength=len(dataset.words))
    known = [i for i in range(1, len(dataset.words)) if counts[i]]
    here = dataset.words.index("good")
    likeness = cosine_similarity(table[[here]], table[known])[0]
    order = [known[i] for i in np.argsort(-likeness) if known[i] != here][:10]
    assert frame.words["near"] == [dataset.words[i] for i in order]
    np.testing.assert_allclose(frame["likeness"], np.sort(likeness[[known.index(i) for i in order]])[::-1], rtol=1e-5)
    shown = [dataset.words.index(word) for word in frame.words["words"]]
    assert (np.diff(counts[shown]) <= 0).all()
    centred = table[shown] - table[shown].mean(axis=0)
    _, sizes, ways = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(frame["places"]), np.abs(centred @ ways[:2].T), atol=1e-4)
    assert frame.words["kept"] == pytest.approx((sizes[:2] ** 2).sum() / (sizes**2).sum(), rel=1e-5)
    view = VIEWS["embedding"]()
    assert view.draw(frame)["data"]
    assert view.pick({"name": "film"}).word == "film"
    assert seen(session, "embedding", word="Film").words["word"] == "film"
    assert seen(session, "embedding", by="t-SNE")["places"].shape == (len(shown), 2)
    with pytest.raises(VitrineError, match=r"does not know 'filn'\. Did you mean 'film'"):
        seen(session, "embedding", word="filn")


# -- counting ----------------------------------------------------------------------------------------------------


def flat(texts):
    """Return texts one behind another, and of each piece its place in its text."""
    return np.concatenate(texts), np.concatenate([np.arange(len(text)) for text in texts])


def witten_bell(learned, before, piece, n, classes):
    """Return how probable a piece is behind others, from the formula, by looking through all that was learned."""
    shorter = before[1:] if len(before) == n - 1 else before
    lower = witten_bell(learned, shorter, piece, n - 1, classes) if n > 1 else 1 / classes
    if len(before) < n - 1:
        return witten_bell(learned, before, piece, n - 1, classes)
    after = [text[i] for text in learned for i in range(1, len(text)) if i >= n - 1 and text[i - n + 1 : i] == before]
    if not after:
        return lower
    different = len(set(after))
    return (after.count(piece) + different * lower) / (len(after) + different)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4))
def test_counting_follows_the_formula_of_witten_and_bell(seed, longest):
    random = np.random.default_rng(seed)
    learned = [random.integers(0, 4, random.integers(2, 9)).tolist() for _ in range(5)]
    told = [random.integers(0, 5, random.integers(2, 7)).tolist() for _ in range(3)]
    found = surprises(flat(learned), flat(told), longest, 5)
    for n in range(1, longest + 1):
        asked = [(text[max(0, i - n + 1) : i], text[i]) for text in told for i in range(1, len(text))]
        chances = [witten_bell(learned, before, piece, n, 5) for before, piece in asked]
        assert found[n - 1] == pytest.approx(-np.log(chances).mean())
    whole = sum(witten_bell(learned, learned[0][:2], piece, 3, 5) for piece in range(5))
    assert whole == pytest.approx(1.0)


@pytest.mark.parametrize("data", [PROSE, SENTENCES])
def test_the_network_is_compared_on_the_same_pieces(data):
    out = 40 if data is PROSE else 37
    session = session_on(RNN(units=4, gives="sequence"), data, Label(), out)
    view = VIEWS["n-grams"](longest=3)
    *_, frame = view.stages(session)
    dataset = session.network.dataset
    with torch.no_grad():
        answers = session.module(dataset.validation.inputs)
    length = answers.shape[1]
    wanted = nn.functional.cross_entropy(
        answers.flatten(0, 1), dataset.validation.targets[:, :length].flatten(), ignore_index=-1
    )
    assert frame["network"][0] == pytest.approx(float(wanted), rel=1e-5)
    assert len(frame["counted"]) == 3
    nats, bits, perplexity = (
        VIEWS["n-grams"](measure=measure).draw(frame)["data"][0]["y"][-1] for measure in ("nats", "bits", "perplexity")
    )
    assert bits == pytest.approx(nats / math.log(2), rel=1e-3)
    assert perplexity == pytest.approx(math.exp(float(wanted)), rel=1e-3)


def test_what_does_not_ask_what_comes_next_is_not_counted():
    session = session_on(GRU(units=3, gives="sequence"), DATASETS["dates"](number=60), Label(), 4)
    assert "can be compared with counting" in VIEWS["n-grams"]().refusal(session.experiment)


# -- unrolled ----------------------------------------------------------------------------------------------------


def test_the_unrolled_network_shows_gradients_that_cells_of_torch_have():
    session = session_on(GRU(units=4), REVIEWS, out=2)
    frame = seen(session, "unrolled", colour="gradient", toward="kind", sample="train 1")
    dataset = session.network.dataset
    row = dataset.train.inputs[1]
    row = row[: int(lengths_of(row[None])[0])]
    embed, cell, out = (session.module.get_submodule(name) for name in ("embed", "cell", "out"))
    step = nn.GRUCell(5, 4)
    step.load_state_dict({name.removesuffix("_l0"): value for name, value in cell.cell.state_dict().items()})
    state, states = torch.zeros(1, 4), []
    for token in row:
        state = step(embed(token[None]), state)
        state.retain_grad()
        states.append(state)
    out(state)[0, dataset.classes.index("kind")].backward()
    wanted = torch.cat([one.grad for one in states]).T
    np.testing.assert_allclose(frame["gradient"], wanted, atol=1e-6)
    np.testing.assert_allclose(frame["state"], torch.cat(states).detach().T, atol=1e-6)
    (place, answer), *others = frame.words["answers"].items()
    assert not others
    assert int(place) == len(row) - 1
    with torch.no_grad():
        chances = out(state)[0].softmax(0)
    best = int(chances.argmax())
    assert answer == f"{dataset.classes[best]} {float(chances[best]):.0%}"
    assert frame.words["given"] == [dataset.words[t] for t in row.tolist()]


def test_boxes_arrows_and_the_arithmetic_stand_where_they_belong():
    session = session_on(LSTM(units=5, gives="sequence"), PROSE, Label(), 40)
    view = VIEWS["unrolled"](many=6, place=2, unit=1)
    drawn = view.draw(view.compute(session))
    boxes = drawn["layout"]["shapes"]
    assert len(boxes) == 6
    assert [box["line"]["width"] for box in boxes].index(2.5) == 2
    texts = [note["text"] for note in drawn["layout"]["annotations"]]
    assert texts.count("<i>U</i>") == texts.count("<i>V</i>") == 6
    assert texts.count("<i>W</i>") == 5
    assert texts[0].startswith("<b>unit 1 at place 2</b>")
    cells = drawn["data"][0]
    state = view.compute(session)["state"]
    for row, line in enumerate(cells["text"]):
        for column, words in enumerate(line):
            value = cells["z"][row, column]
            if not words:
                assert np.isnan(value)
                continue
            unit, place = (int(part) for part in words.replace("unit ", "").split(" at place "))
            assert value == pytest.approx(state[unit, place], abs=1e-4)
            assert abs(cells["x"][column] - place) < 0.5
    assert view.pick({"x": 3.2}).place == 3
    assert view.pick({"x": "3"}) is None
    back = session_on(GRU(units=3, both_directions=True), REVIEWS, out=2)
    frame = seen(back, "unrolled", way="backwards")
    assert frame.words["back"]
    arrows = [n for n in VIEWS["unrolled"](way="backwards").draw(frame)["layout"]["annotations"] if n.get("showarrow")]
    across = [arrow for arrow in arrows if arrow["y"] == arrow["ay"]]
    assert across
    assert all(arrow["ax"] > arrow["x"] for arrow in across)


def test_colours_that_a_cell_has_not_are_said():
    session = session_on(GRU(units=3), REVIEWS, out=2)
    with pytest.raises(VitrineError, match="has no memory"):
        seen(session, "unrolled", colour="memory")


def test_numbers_that_come_in_are_told():
    from tests.engine.test_sequence_views import forecasting

    session = forecasting()
    frame = seen(session, "unrolled")
    first = session.network.dataset.validation.inputs[0, :, 0].tolist()
    assert frame.words["given"] == [f"{number:.2g}" for number in first]
    with torch.no_grad():
        answer = session.module(session.network.dataset.validation.inputs[:1])[0, 0]
    assert frame.words["answers"] == {"11": f"{float(answer):.3g}"}


def test_reading_together_is_of_one_length():
    session = session_on(GRU(units=3), REVIEWS, out=2)
    inputs = session.network.dataset.train.inputs
    long = lengths_of(inputs)
    chosen = inputs[long == long.mode().values]
    with torch.no_grad():
        (reading,) = read_together(session, ["cell"], chosen)
    for column in (0, len(chosen) - 1):
        row = chosen[column][: int(long.mode().values)]
        np.testing.assert_allclose(reading.rows("state")[:, column], torch_states(session, row), atol=1e-6)


# -- gates that stand open ---------------------------------------------------------------------------------------


def by_hand(cell, x, opened):
    """Return an LSTM's or GRU's last state where gates stand open, by numpy alone."""
    w, u = cell.weight_ih_l0.detach().numpy(), cell.weight_hh_l0.detach().numpy()
    b, c = cell.bias_ih_l0.detach().numpy(), cell.bias_hh_l0.detach().numpy()
    h, memory = np.zeros(cell.hidden_size), np.zeros(cell.hidden_size)

    def gate(name, value):
        return np.ones_like(value) if name in opened else 1 / (1 + np.exp(-value))

    for row in x:
        if isinstance(cell, nn.LSTM):
            i, f, g, o = np.split(w @ row + b + u @ h + c, 4)
            memory = gate("forget", f) * memory + gate("input", i) * np.tanh(g)
            h = gate("output", o) * np.tanh(memory)
        else:
            (r, z, n), (hr, hz, hn) = np.split(w @ row + b, 3), np.split(u @ h + c, 3)
            z = np.zeros_like(z) if "update" in opened else 1 / (1 + np.exp(-(z + hz)))
            h = (1 - z) * np.tanh(n + gate("reset", r + hr) * hn) + z * h
    return h


@pytest.mark.parametrize(
    ("cell", "gates"), [(LSTM, ["forget"]), (LSTM, ["input", "output"]), (GRU, ["reset"]), (GRU, ["update"])]
)
def test_gates_that_are_switched_off_stand_open(cell, gates):
    session = session_on(cell(units=4), REVIEWS, out=2)
    before = {name: weight.clone() for name, weight in session.module.state_dict().items()}
    tokens = session.network.dataset.train.inputs[:1]
    maimed = without(session, [f"cell:{gate}" for gate in gates])
    maimed.module.eval()
    with torch.no_grad():
        answer = maimed.module(tokens)[0].numpy()
        long = int(lengths_of(tokens)[0])
        x = session.module.get_submodule("embed")(tokens[0, :long]).numpy()
    state = by_hand(session.module.get_submodule("cell").cell, x, gates)
    out = session.module.get_submodule("out")
    np.testing.assert_allclose(answer, out.weight.detach().numpy() @ state + out.bias.detach().numpy(), atol=1e-5)
    assert all(torch.equal(before[name], weight) for name, weight in session.module.state_dict().items())


def test_gates_are_ranked_beside_units():
    session = session_on(GRU(units=3), REVIEWS, out=2)
    *_, frame = VIEWS["ablation"]().stages(session)
    assert frame.words["units"] == [0, 1, 2, "reset", "update"]
    for place, gate in ((3, "reset"), (4, "update")):
        worse, was = (one.network.score("validation")["loss"] for one in (without(session, [f"cell:{gate}"]), session))
        assert frame["lost"][place] == pytest.approx(worse - was, abs=1e-4)
    view = VIEWS["ablation"]()
    assert "all 3 tried" in view.draw(frame)["layout"]["xaxis2"]["title"]["text"]
    assert view.pick({"part": "units", "x": "cell:update"}).off == ("cell:update",)


def test_a_layer_may_be_called_as_a_gate_is():
    session = session_on(GRU(units=3), REVIEWS, out=2, update=Dense(units=4))
    tokens = session.network.dataset.train.inputs[:3]
    maimed = without(session, ["update"])
    with torch.no_grad():
        answers = maimed.module(tokens)
    bias = session.module.get_submodule("out").bias
    torch.testing.assert_close(answers, bias.expand_as(answers).detach())


@pytest.mark.parametrize(
    ("off", "words"),
    [
        ("cell:forget", "cell has no forget gate. It has: reset, update"),
        ("out:input", "no gates"),
        ("no:reset", "no layer 'no'"),
    ],
)
def test_gates_that_are_not_there_are_said(off, words):
    session = session_on(GRU(units=3), REVIEWS, out=2)
    with pytest.raises(VitrineError, match=words):
        without(session, [off])
    bare = session_on(GRU(units=3, bias=False), REVIEWS, out=2)
    with pytest.raises(VitrineError, match="has no biases"):
        without(bare, ["cell:reset"])


# -- pieces, once more -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [3, None])
def test_pieces_speak_for_the_answer_at_any_place(place):
    session = session_on(GRU(units=4, gives="sequence"), SENTENCES, Label(), 37)
    methods = ("occlusion", "leave one out", "integrated gradients")
    frame = seen(session, "tokens", place=place, methods=methods, toward=".", sample="train 0")
    dataset = session.network.dataset
    row = dataset.train.inputs[0]
    row = row[: int(lengths_of(row[None])[0])]
    asked = len(row) - 1 if place is None else place
    column = dataset.classes.index(".")
    embed, cell, out = (session.module.get_submodule(name) for name in ("embed", "cell", "out"))
    with torch.no_grad():
        whole = out(cell(embed(row[None])))[0, asked, column]
        nothing = out(cell(0 * embed(row[None])))[0, asked, column]
        for piece in range(len(row)):
            vectors = embed(row[None]).clone()
            vectors[0, piece] = 0
            lost = whole - out(cell(vectors))[0, asked, column]
            assert frame["parts"][0, piece] == pytest.approx(float(lost), abs=1e-5)
            fewer = torch.cat([row[:piece], row[piece + 1 :]])
            at = max(0, asked - (piece <= asked))
            lost = whole - out(cell(embed(fewer[None])))[0, at, column]
            assert frame["parts"][1, piece] == pytest.approx(float(lost), abs=1e-5)
    assert frame["parts"][2].sum() == pytest.approx(float(whole - nothing), abs=1e-4)
    np.testing.assert_allclose(frame["parts"][2, asked + 1 :], 0, atol=1e-7)  # what comes later says nothing


def test_states_are_drawn_as_lines_too():
    session = session_on(GRU(units=50, both_directions=True), REVIEWS, out=2)
    view = VIEWS["states"](drawn_as="lines")
    frame = view.compute(session)
    drawn = view.draw(frame)["data"]
    assert len(drawn) == 2 * 40
    for trace in drawn[:5]:
        unit = int(trace["name"].rpartition(" ")[2])
        np.testing.assert_allclose(trace["y"], frame["values0"][unit], atol=1e-3)


# -- models that keep a state ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["linear dynamical system", "hidden Markov model"])
def test_models_with_a_state_tell_what_their_own_library_does(model):
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    from engine.views.sequences.statespace import fitted, forecasts, series_of
    from tests.engine.test_sequence_views import forecasting

    session = forecasting(ahead=2)
    dataset = session.network.dataset
    found = fitted(model, dataset.train)
    values = series_of(dataset.validation)
    rows = forecasts(found, dataset.validation, len(dataset.validation), 2)
    if model == "linear dynamical system":
        theirs = UnobservedComponents(values, level="local linear trend").filter(found["params"])
        np.testing.assert_allclose(rows[:-1, 0], theirs.fittedvalues[12:][: len(rows) - 1], rtol=1e-6)
        part = UnobservedComponents(values[:20], level="local linear trend").filter(found["params"])
        np.testing.assert_allclose(rows[8], part.forecast(2), rtol=1e-6)
    else:
        kept = MarkovRegression(values, k_regimes=3, switching_variance=True)
        means, spreads = found["params"][-6:-3], found["params"][-3:]
        step = kept.regime_transition_matrix(found["params"])[:, :, 0]
        chance = np.linalg.matrix_power(step, 5000)[:, 0]  # what it begins with: as often as each state comes at all
        for place, value in enumerate(values):
            chance = (step @ chance) if place else chance
            seen_by = np.exp(-((value - means) ** 2) / 2 / spreads) / np.sqrt(2 * np.pi * spreads)
            chance = chance * seen_by / (chance * seen_by).sum()
            if 11 <= place < 11 + len(rows):
                np.testing.assert_allclose(rows[place - 11, 0], means @ step @ chance, rtol=1e-4)
                np.testing.assert_allclose(rows[place - 11, 1], means @ step @ step @ chance, rtol=1e-4)
    frame = seen(session, "forecast", models=(model,), split="validation")
    assert model in frame.words["names"]
    mean, deviation = dataset.scale
    truth = mean + deviation * dataset.validation.targets.numpy()
    wanted = np.sqrt(np.square(mean + deviation * rows - truth).mean(axis=0))
    np.testing.assert_allclose(frame["errors"][frame.words["names"].index(model)], wanted, rtol=1e-5)


def test_layers_that_read_at_another_pace_are_left_out_of_the_search():
    layers = {"conv": Conv1d(channels=4, kernel=3, stride=2, padding=1), "again": GRU(units=3)}
    data = DATASETS["recall"](number=60, delay=4, shortest=1, symbols=3)
    session = session_on(GRU(units=4, gives="sequence"), data, None, 3, **layers)
    _, pool = pooled(session, "train")
    assert {name for name, _ in pool.units} == {"cell"}
    assert VIEWS["states"](first=0, last=0, least=0.01, layers="one").compute(session).words["brushed"] is not None


def test_counting_a_text_that_is_shorter_than_what_is_counted():
    found = surprises(flat([[0, 1]]), flat([[0, 1]]), 8, 3)
    assert len(found) == 8
    assert all(math.isfinite(one) for one in found)


@pytest.mark.parametrize("data", [SENTENCES, PROSE])
def test_nothing_is_written_from_nothing_and_words_keep_apart(data):
    letters = data is PROSE
    session = session_on(GRU(units=4, gives="sequence"), data, Label(), 40 if letters else 37)
    with pytest.raises(VitrineError, match="nothing to begin with"):
        VIEWS["generate"](start="" if letters else " ").compute(session)
    view = VIEWS["generate"](start="the dog", length=2)
    point = {"name": "a", "part": view.draw(view.compute(session))["data"][0]["meta"]["part"]}
    assert view.pick(point).start == ("the doga" if letters else "the dog a")


def test_parts_add_up_where_the_way_to_a_text_is_steep():
    session = session_on(GRU(units=6), REVIEWS, out=2)
    with torch.no_grad():
        for weight in session.module.get_submodule("cell").parameters():
            weight.mul_(8)  # so that states jump on the way from nothing to the text
    apart = []
    for place in range(12):
        frame = seen(session, "tokens", sample=f"train {place}", methods=("integrated gradients",), toward="kind")
        change = frame.words["whole"] - frame.words["none"]
        apart.append(abs(frame["parts"].sum() - change))
    assert max(apart) < 0.05  # fifty places alike would be more than 0.5 apart
