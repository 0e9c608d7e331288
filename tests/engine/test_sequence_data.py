"""Sequences that are drawn: each question's answer is found again by plain Python, each series by another solver."""

from pydoc_data.topics import topics

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from engine.data import DATASETS
from engine.data.dataset import UNKNOWN, copies
from engine.data.waves import RULES
from engine.errors import VitrineError
from engine.training.folds import folded
from engine.training.recipe import Recipe


def spoken(dataset):
    """Yield every example's text as a list of signs, with what is right; unequal lengths as they are."""
    for split in dataset.splits().values():
        for tokens, target in zip(split.inputs.tolist(), split.targets.tolist(), strict=True):
            while tokens and tokens[-1] == 0:
                tokens.pop()
            assert all(tokens)
            yield [dataset.words[token] for token in tokens], target


@pytest.mark.parametrize("between", ["the same letters", "other letters"])
def test_the_first_letter_is_what_is_asked(between):
    dataset = DATASETS["recall"](number=400, delay=12, shortest=3, between=between).load()
    lengths = set()
    for signs, target in spoken(dataset):
        assert dataset.classes[target] == signs[0]
        assert "".join(signs[1:]).islower() == (between == "other letters")
        lengths.add(len(signs))
    assert lengths == set(range(4, 14))
    assert not DATASETS["recall"](number=400, delay=12).load().varies


@pytest.mark.parametrize(
    ("kind", "answer"), [("copy", list), ("reverse", lambda said: list(reversed(said))), ("sort", sorted)]
)
def test_letters_are_said_again_as_the_question_wants(kind, answer):
    dataset = DATASETS[kind](number=300, length=4, delay=6, shortest=1).load()
    waits = set()
    for signs, target in spoken(dataset):
        said, place = signs[:4], signs.index("→")
        assert set(signs[4:place]) <= {"·"}
        assert set(signs[place + 1 :]) == {"·"}
        assert len(signs) == place + 4
        assert target[:place] == [UNKNOWN] * place
        assert [dataset.classes[label] for label in target[place : place + 4]] == answer(said)
        assert set(target[place + 4 :]) <= {UNKNOWN}
        waits.add(place - 4)
    assert waits == set(range(1, 7))


def test_parity_counts_ones_so_far():
    dataset = DATASETS["parity"](number=200, length=9, shortest=2).load()
    for signs, target in spoken(dataset):
        ones = 0
        for sign, label in zip(signs, target, strict=False):
            ones += sign == "1"
            assert dataset.classes[label] == ("odd" if ones % 2 else "even")
        assert set(target[len(signs) :]) <= {UNKNOWN}


def matched(signs):
    """Return whether every bracket closes the last one that was opened."""
    opened = []
    for sign in signs:
        if sign in "([{<":
            opened.append(sign)
        elif not opened or "([{<".index(opened.pop()) != ")]}>".index(sign):
            return False
    return not opened


@pytest.mark.parametrize("kinds", [1, 3])
def test_brackets_match_where_it_is_said(kinds):
    dataset = DATASETS["brackets"](number=600, pairs=6, fewest=1, kinds=kinds).load()
    every = list(spoken(dataset))
    assert all(matched(signs) == (dataset.classes[target] == "matched") for signs, target in every)
    assert {len(signs) for signs, _ in every} == {2, 4, 6, 8, 10, 12}
    assert sum(target for _, target in every) == 300


def test_the_sum_is_that_of_the_two_marked_numbers():
    dataset = DATASETS["adding"](number=300, length=20, shortest=5).load()
    for split in dataset.splits().values():
        for row, target in zip(split.inputs.numpy(), split.targets.numpy(), strict=True):
            row = row[~np.isnan(row).any(axis=1)]
            marked = np.flatnonzero(row[:, 1])
            assert len(marked) == 2
            assert marked[0] < len(row) // 2 <= marked[1]
            assert row[marked, 0].sum() == pytest.approx(target[0], abs=1e-6)
    assert dataset.varies


def test_more_than_the_most_is_refused():
    with pytest.raises(VitrineError, match="The fewest, 9, are more than the most, 5"):
        DATASETS["recall"](delay=5, shortest=9).load()


def judged(words):
    """Return whether a review is kind, by the words of its last clause and what turns it round."""
    good = {"good", "great", "funny", "moving", "clever", "lovely", "superb", "warm"}
    poor = {"bad", "boring", "silly", "flat", "dull", "awful", "clumsy", "cold"}
    last = next(word for word in reversed(words) if word in good | poor)
    return (last in good) != ("not" in words or words[0] == "nobody")


def test_reviews_are_as_kind_as_they_sound_and_none_comes_twice():
    dataset = DATASETS["reviews"](number=3000, asides=0.7).load()
    every = list(spoken(dataset))
    assert all(judged(words) == (dataset.classes[target] == "kind") for words, target in every)
    assert len({tuple(words) for words, _ in every}) == 3000
    assert copies(dataset) == 0
    assert {word for words, _ in every for word in words} == set(dataset.words[1:])


def test_prose_is_the_manual_and_asks_for_the_next_character():
    dataset = DATASETS["prose"](length=20_000, characters=40, window=50).load()
    text = "\n".join(topics[name] for name in sorted(topics))[:20_000]
    tested, valid = 19_000, 18_050
    common = set(dataset.words[1:])
    for split, begin, end in (("train", 0, valid), ("validation", valid, tested), ("test", tested, 20_000)):
        examples = dataset.splits()[split]
        for number, (tokens, target) in enumerate(zip(examples.inputs, examples.targets, strict=True)):
            at = begin + 50 * number
            shown = [sign if sign in common else "�" for sign in text[at : at + 51]]
            assert [dataset.words[token] for token in tokens.tolist()] == shown[:-1]
            assert [dataset.classes[label] for label in target.tolist()] == shown[1:]
            assert at + 51 <= end
        assert begin + 50 * (number + 2) + 1 > end  # no whole window is left out
    with pytest.raises(VitrineError, match="No window of 1000 letters fits into the 9"):
        DATASETS["prose"](length=1000, window=1000).load()
    few = DATASETS["prose"](length=1000, characters=200).load()
    assert len(few.words) == 201


@pytest.mark.parametrize("shape", ["sines", "sawtooth", "Mackey–Glass", "Lorenz"])
def test_windows_keep_to_their_stretch_and_what_follows_is_what_comes_next(shape):
    options = {"shape": shape, "length": 300, "window": 10, "ahead": 4, "validation": 0.2, "test": 0.2}
    dataset = DATASETS["waves"](**options).load()
    whole = DATASETS["waves"](**options | {"window": 1, "ahead": 1, "validation": 0.0, "test": 0.0}).load().train
    values = np.append(whole.inputs[:, 0, 0].numpy(), float(whole.targets[-1, 0]))
    learned = values[:192]
    scaled = (values - learned.mean()) / learned.std(ddof=1)
    for split, begin, end in (("train", 0, 192), ("validation", 192, 240), ("test", 240, 300)):
        examples = dataset.splits()[split]
        assert len(examples) == end - begin - 13
        for number in (0, 1, len(examples) - 1):
            at = begin + number
            np.testing.assert_allclose(examples.inputs[number, :, 0], scaled[at : at + 10], atol=2e-5)
            np.testing.assert_allclose(examples.targets[number], scaled[at + 10 : at + 14], atol=2e-5)
            assert at + 14 <= end


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_folds_of_windows_share_no_number(fold):
    options = {"length": 300, "window": 10, "ahead": 5}
    dataset = DATASETS["waves"](**options).load()
    found = folded(dataset, Recipe(folds=3, fold=fold))
    whole = torch.cat([dataset.train.inputs, dataset.validation.inputs])[:, :, 0]
    learned = {
        number for row in (found.train.inputs[:, :, 0], found.train.targets) for number in row.flatten().tolist()
    }
    held = {
        number
        for row in (found.validation.inputs[:, :, 0], found.validation.targets)
        for number in row.flatten().tolist()
    }
    assert len(set(whole.flatten().tolist())) > 200  # no number comes twice
    assert len(found.train)
    assert not learned & held


def series_of(shape, length=400, **options):
    """Return a series as it is before it is scaled, as far as scale and place go."""
    made = DATASETS["waves"](shape=shape, length=length, window=1, ahead=1, validation=0.0, test=0.0, **options)
    whole = made.load().train
    return np.append(whole.inputs[:, 0, 0].double().numpy(), float(whole.targets[-1, 0]))


def test_lorenz_is_what_another_solver_finds():
    ours = RULES["Lorenz"](40, torch.Generator().manual_seed(3)).numpy()
    begin = np.array([1.0, 1.0, 20.0]) + torch.rand(3, generator=torch.Generator().manual_seed(3)).numpy()
    found = solve_ivp(
        lambda _, p: [10 * (p[1] - p[0]), p[0] * (28 - p[2]) - p[1], p[0] * p[1] - 8 / 3 * p[2]],
        (0, 13),
        begin,
        t_eval=10.005 + 0.05 * np.arange(40),
        rtol=1e-12,
        atol=1e-12,
    )
    # It is chaotic: at every unit of time what is alike parts by a factor of e, so these are the first two of them.
    np.testing.assert_allclose(ours, found.y[0], atol=0.05)


def test_mackey_glass_keeps_its_law():
    fine = RULES["Mackey–Glass"](2000, torch.Generator().manual_seed(0)).numpy()
    now, then = fine[17:-1], fine[:-18]
    # Between two samples, one time unit apart, the law is integrated by the trapezoid rule.
    slope = 0.2 * then / (1 + then**10) - 0.1 * now
    following = 0.2 * fine[1:-17] / (1 + fine[1:-17] ** 10) - 0.1 * fine[18:]
    np.testing.assert_allclose(fine[18:] - now, (slope + following) / 2, atol=0.02)
    assert 0.2 < fine.min() < 0.6
    assert 1.1 < fine.max() < 1.5


def test_noise_strays_as_far_as_it_says():
    calm, rough = series_of("sines", length=20_000), series_of("sines", length=20_000, noise=0.5)
    slope, _ = np.polyfit(calm, rough, 1)
    left = rough - slope * calm
    assert np.std(left) / slope == pytest.approx(0.5, rel=0.05)


def test_windows_that_fit_nowhere_and_those_that_are_too_many_are_refused():
    with pytest.raises(VitrineError, match="No window of 60 numbers"):
        DATASETS["waves"](length=50, window=60).load()
    with pytest.raises(VitrineError, match="more than 20,000,000"):
        DATASETS["waves"](length=20_000, window=1000, ahead=200, test=0.0, validation=0.0).load()
