"""Splits: in order where time matters, with groups that are never torn apart, and folds that walk forward."""

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from engine.data import DATASETS
from engine.data.dataset import Dataset, Source, Split
from engine.data.splitting import hold_out, split
from engine.errors import VitrineError
from engine.training.folds import fewer, folded, number_of_folds
from engine.training.recipe import Recipe

WAYS = ("by class", "at random", "in order")


class Days(Source):
    """One number a day."""

    kind, title, example = "days", "Days", "numbers"

    number: int = 100
    seed: int = 0
    validation: float = 0.2
    test: float = 0.2


def days(groups=None, number=100, **options):
    """Return a split set of examples that are numbered by the day they came."""
    source = Days(number=number, **options)
    inputs = torch.arange(float(number)).unsqueeze(1)
    everything = Split(inputs, torch.arange(number) % 2, groups)
    return Dataset("Days", "numbers", ("even", "odd"), *split(everything, source), source.divided)


def at(part):
    return part.inputs.flatten().long().tolist()


def test_in_order_the_last_are_tested_on_and_those_before_are_for_validation():
    dataset = days(divided="in order")
    assert at(dataset.train) == list(range(64))
    assert at(dataset.validation) == list(range(64, 80))
    assert at(dataset.test) == list(range(80, 100))
    assert at(fewer(dataset, Recipe(examples=10)).train) == list(range(54, 64))


@pytest.mark.parametrize("folds", [2, 5, 7, 79])
def test_folds_walk_forward_as_scikit_learns_do(folds):
    dataset = days(divided="in order")
    expected = list(TimeSeriesSplit(folds, test_size=80 // (folds + 1)).split(range(80)))
    for fold, (before, after) in enumerate(expected):
        found = folded(dataset, Recipe(folds=folds, fold=fold))
        assert at(found.train) == list(range(len(found.train)))
        assert at(found.validation) == list(range(len(found.train), len(found.train) + len(found.validation)))
        assert at(found.test) == list(range(80, 100))
        if 80 % (folds + 1) == 0:
            assert (len(found.train), len(found.validation)) == (len(before), len(after))
    assert max(at(folded(dataset, Recipe(folds=folds, fold=folds - 1)).validation)) == 79


def test_in_order_one_less_than_there_are_examples_can_be_told_from_what_was_before():
    dataset = days(divided="in order")
    assert number_of_folds(dataset, Recipe(folds="all")) == 79
    assert at(folded(dataset, Recipe(folds="all", fold=0)).train) == [0]
    with pytest.raises(VitrineError, match="80 folds are more than the 79 examples"):
        folded(dataset, Recipe(folds=80, fold=0))


GROUPS = st.lists(st.integers(0, 9), min_size=30, max_size=120).filter(lambda groups: len(set(groups)) > 3)


@given(GROUPS, st.sampled_from(WAYS), st.integers(0, 5))
def test_no_group_is_torn_apart_and_nothing_is_lost(groups, divided, seed):
    try:
        dataset = days(torch.tensor(groups), len(groups), divided=divided, seed=seed)
    except VitrineError as error:
        assert "Nothing is left" in str(error)
        return
    places = {name: at(part) for name, part in dataset.splits().items()}
    assert sorted(place for some in places.values() for place in some) == list(range(len(groups)))
    within = [{groups[place] for place in some} for some in places.values()]
    assert sum(map(len, within)) == len(set(groups))
    largest = max(groups.count(one) for one in groups)
    assert abs(len(dataset.test) - 0.2 * len(groups)) <= largest / 2 + 1
    for fold in range(3):
        try:
            found = folded(dataset, Recipe(folds=3, fold=fold))
        except VitrineError as error:
            assert "the groups are too large" in str(error)
            continue
        train, valid = ({groups[place] for place in at(part)} for part in (found.train, found.validation))
        assert not train & valid
        if divided == "in order":
            first = {group: groups.index(group) for group in train | valid}
            assert max(first[group] for group in train) < min(first[group] for group in valid)


def test_examples_that_are_given_apart_are_held_out_by_group_too():
    kept, valid = hold_out(Split(torch.arange(40.0), torch.zeros(40), torch.arange(40) // 8), Days())
    assert len(valid) == 8
    assert not {*kept.groups.tolist()} & {*valid.groups.tolist()}


def table(tmp_path, monkeypatch, **options):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    rows = [f"{place},{place % 3},p{place // 4},{place % 2}" for place in range(40)]
    (tmp_path / "rows.csv").write_text("a,b,person,answer\n" + "\n".join(rows))
    return DATASETS["table"](path=str(tmp_path / "rows.csv"), **options)


def test_a_column_of_a_table_names_the_groups_and_is_not_learned_from(tmp_path, monkeypatch):
    dataset = table(tmp_path, monkeypatch, group="person").load()
    assert dataset.sizes == (2,)
    people = [{*part.inputs[:, 0].long().div(4, rounding_mode="floor").tolist()} for part in dataset.splits().values()]
    assert sum(map(len, people)) == 10
    assert torch.equal(dataset.train.groups, dataset.train.inputs[:, 0].long() // 4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"group": "nobody"}, "There is no column 'nobody'. The columns are: a, b, person, answer."),
        ({"group": "answer"}, "The column 'answer' is to be told. Let another name the groups."),
        ({"group": "person", "target": "person"}, "The column 'person' is to be told"),
    ],
)
def test_a_column_that_cannot_name_groups_is_told(tmp_path, monkeypatch, options, words):
    with pytest.raises(VitrineError, match=words.split(".")[0]):
        table(tmp_path, monkeypatch, **options).load()


def test_a_dataset_that_is_divided_in_order_learns_by_its_folds():
    digits = DATASETS["digits"](divided="in order").load()
    assert digits.divided == "in order"
    first, last = (folded(digits, Recipe(folds=4, fold=fold)) for fold in (0, 3))
    assert len(first.train) < len(last.train)
    assert dataclasses.replace(last, test=digits.test).divided == "in order"


@pytest.mark.parametrize("divided", WAYS)
def test_one_group_at_a_time_is_left_out_where_all_are_to_be(divided):
    groups = torch.tensor([0] * 3 + [1] * 20 + [2] * 5 + [3] * 30 + [4] * 2 + [5] * 20)
    dataset = days(groups, len(groups), divided=divided, test=0.0)
    left = {*dataset.train.groups.tolist(), *dataset.validation.groups.tolist()}
    number = number_of_folds(dataset, Recipe(folds="all"))
    assert number == len(left) - (divided == "in order")
    held = [{*folded(dataset, Recipe(folds="all", fold=fold)).validation.groups.tolist()} for fold in range(number)]
    assert all(len(one) == 1 for one in held)
    assert set().union(*held) == (left - {0} if divided == "in order" else left)
    with pytest.raises(VitrineError, match=r"folds are more than the \d groups"):
        folded(dataset, Recipe(folds=20, fold=0))
