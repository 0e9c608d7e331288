"""Texts and series that people bring, and those of others placed by hand: read as a careful person would read them."""

import io
import tarfile
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LinearRegression

from engine.data import DATASETS
from engine.data.fetched import place_of
from engine.data.places import kept, opened
from engine.data.wording import in_pieces
from engine.errors import VitrineError
from engine.graph.chain import chain
from engine.layers.dense import Dense
from engine.layers.entry import Input
from engine.layers.sequence import GRU, Embedding
from engine.looking.forms.tokens import Tokens
from engine.looking.session import Session
from engine.runs.record import DraftRecord
from engine.tasks.regress import Regress
from engine.training.experiment import Experiment
from engine.training.folds import folded
from engine.training.learner import Learner
from engine.training.loop import learn
from engine.training.recipe import Recipe
from engine.views import VIEWS


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "home"))


def written(text, ending=".csv"):
    """Return the path of a file as a browser brings it."""
    return kept(text if isinstance(text, bytes) else text.encode(), ending)


def said(dataset, split="train", between=" "):
    """Return the texts of a split as the network sees them, each with its class."""
    part = dataset.splits()[split]
    rows = zip(part.inputs.tolist(), part.targets.tolist(), strict=True)
    return [(between.join(dataset.words[t] for t in row if t), dataset.classes[label]) for row, label in rows]


LINES = [
    ("It's a fine film — truly fine!", "good"),
    ("Schlecht, ganz schlecht.", "bad"),
    ("סרט טוב מאוד", "good"),
    ("👍🏽 great", "good"),
    ("dull dull dull", "bad"),
    ("Crème brûlée of a film", "good"),
]
CSV = "words,verdict\n" + "".join(f'"{text}",{label}\n' for text, label in LINES)


def test_texts_of_any_language_come_in_words_and_unknown_ones_share_a_sign():
    every = DATASETS["texts"](path=written(CSV), validation=0.0, test=0.0, divided="in order").load()
    assert said(every) == [
        ("it's a fine film — truly fine !", "good"),
        ("schlecht , ganz schlecht .", "bad"),
        ("סרט טוב מאוד", "good"),
        ("👍 🏽 great", "good"),
        ("dull dull dull", "bad"),
        ("crème brûlée of a film", "good"),
    ]
    assert every.notes == ("'words' holds the texts, 'verdict' the classes.",)
    few = DATASETS["texts"](path=written(CSV), validation=0.0, test=0.0, vocabulary=3, divided="in order").load()
    assert set(few.words) == {"", "dull", "a", "�"}  # of those that come twice, the one that came first
    assert said(few)[4][0] == "dull dull dull"
    held = DATASETS["texts"](path=written(CSV), validation=0.0, test=0.34, divided="in order").load()
    assert said(held, "test")[1][0].split() == [
        "�",
        "�",
        "�",
        "a",
        "film",
    ]  # of what it never learned, nothing is known


@pytest.mark.parametrize(("cut", "left"), [("the end", "it's a"), ("the beginning", "fine !")])
def test_long_texts_lose_the_end_that_is_chosen(cut, left):
    dataset = DATASETS["texts"](
        path=written(CSV), longest=2, cut=cut, validation=0.0, test=0.0, divided="in order"
    ).load()
    assert said(dataset)[0][0] == left
    assert dataset.sizes == (2,)


def test_letters_are_read_one_by_one_and_capitals_if_asked():
    dataset = DATASETS["texts"](
        path=written(CSV), reads="letters", lower=False, validation=0.0, test=0.0, divided="in order"
    ).load()
    assert said(dataset, between="")[1][0] == "Schlecht, ganz schlecht."
    assert said(dataset, between="")[5][0] == "Crème brûlée of a film"


def test_letters_with_accents_apart_are_brought_together():
    apart = "text,kind\ncafe\u0301,a\ncafé,b\n"
    dataset = DATASETS["texts"](path=written(apart), validation=0.0, test=0.0).load()
    assert set(dataset.words) == {"", "café", "�"}


def test_words_are_cut_as_people_would():
    assert in_pieces("Don't stop—it’s 3.5 o'clock", "words") == ["Don't", "stop", "—", "it’s", "3", ".", "5", "o'clock"]
    assert in_pieces("one\ntwo", "words", lines=True) == ["one", "\n", "two"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("text,kind\nonly this,a\nand that,a\n", "only one class, 'a'"),
        ("text,kind\n", "needs a column of texts"),
        ("text\nhello\n", "needs a column of texts"),
        ("text,kind\n ,a\n,b\n", "No line has both"),
        ("text,kind\nhello,a\nthere\n", "Line 3 .* has not 2 columns"),
        (b"text,kind\nhe\0llo,a\n", "is no text"),
    ],
)
def test_odd_files_of_texts_are_refused_in_words(text, words):
    with pytest.raises(VitrineError, match=words):
        DATASETS["texts"](path=written(text)).load()


def test_holes_are_left_out_and_said_and_windows_letters_are_read():
    text = "kind;text\na;caf\xe9 noir\n;nothing\nb;th\xe9 vert\n".encode("cp1252")
    dataset = DATASETS["texts"](path=written(text), validation=0.0, test=0.0, divided="in order").load()
    assert [words for words, _ in said(dataset)] == ["café noir", "thé vert"]
    assert dataset.notes[1] == "1 of 3 lines have no text or no class, and are left out."
    assert "is not in UTF-8: its letters are read as Windows wrote them" in dataset.notes[2]
    with pytest.raises(VitrineError, match="cannot be both"):
        DATASETS["texts"](path=written(text), text="text", target="text").load()


def test_what_a_browser_brings_lies_under_home_by_what_it_holds(tmp_path, monkeypatch):
    monkeypatch.delenv("VITRINE_DATA")
    path = kept(b"abc", ".txt")
    assert path == kept(b"abc", ".txt")
    assert opened(path, "file").read_bytes() == b"abc"
    assert opened(path, "file").is_relative_to(tmp_path / "home" / "data" / "own")
    for outside in ("../../secret.txt", "own/../../../secret.txt"):
        (tmp_path / "secret.txt").write_text("secret")
        with pytest.raises(VitrineError, match="Data are read from"):
            opened(outside, "file")


def test_own_text_is_read_in_windows_by_letters_or_by_words():
    text = "To be, or not to be:\nthat is the question.\n" * 60
    letters = DATASETS["writing"](pasted=text, window=10, length=2000, validation=0.0, test=0.0).load()
    row = "".join(letters.words[t] for t in letters.train.inputs[1].tolist())
    assert row == text[10:20]
    assert "".join(letters.classes[t] for t in letters.train.targets[1].tolist()) == text[11:21]
    assert letters.foretells
    words = DATASETS["writing"](path=written(text, ".txt"), reads="words", window=6, validation=0.0, test=0.0).load()
    assert [words.words[t] for t in words.train.inputs[1].tolist()] == ["be", ":", "\n", "that", "is", "the"]
    with pytest.raises(VitrineError, match="The text is empty"):
        DATASETS["writing"](path=written(" \n", ".txt")).load()
    with pytest.raises(VitrineError, match="No file is chosen"):
        DATASETS["writing"]().load()
    assert not DATASETS["writing"]().here()


def placed(kind, name, content):
    """Place a file by hand where a dataset looks for it."""
    folder = place_of(kind)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def test_film_sentences_are_read_from_two_files():
    assert not DATASETS["rt-polarity"]().here()
    with pytest.raises(VitrineError, match="is not here yet"):
        DATASETS["rt-polarity"]().load()
    placed("rt-polarity", "rt-polarity.pos", "a caf\xe9 comedy \nlovely \n".encode("latin-1") * 10)
    placed("rt-polarity", "rt-polarity.neg", b"dull \nflat , flat \n\n" * 10)
    dataset = DATASETS["rt-polarity"]().load()
    every = {pair for split in dataset.splits() for pair in said(dataset, split)}
    assert every == {("a café comedy", "kind"), ("lovely", "kind"), ("dull", "unkind"), ("flat , flat", "unkind")}


def test_reviews_come_out_of_their_archive_and_nothing_else_does():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:

        def add(name, text):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))

        for split in ("train", "test"):
            for number in range(10):
                add(f"aclImdb/{split}/pos/{number}_9.txt", b"Great.<br /><br />Go " + str(number).encode())
                add(f"aclImdb/{split}/neg/{number}_2.txt", b"Awful " + split.encode())
            add(f"aclImdb/{split}/unsup/0_0.txt", b"unlabelled")
        add("aclImdb/README", b"readme")
    placed("imdb", "aclImdb_v1.tar.gz", packed.getvalue())
    dataset = DATASETS["imdb"]().load()
    assert [len(split) for split in dataset.splits().values()] == [18, 2, 20]
    assert set(said(dataset, "test")) == {
        *((f"great . go {number}", "kind") for number in range(10) if str(number) in dataset.words),
        *(("great . go �", "kind") for number in range(10) if str(number) not in dataset.words),
        ("awful �", "unkind"),
    }
    placed("imdb", "aclImdb_v1.tar.gz", b"no archive")
    with pytest.raises(VitrineError, match="cannot be unpacked"):
        DATASETS["imdb"]().load()


def test_names_begin_and_end_with_the_same_sign():
    placed("names", "names.txt", b"emma\nava\n" * 20)
    dataset = DATASETS["names"](validation=0.0, test=0.0).load()
    pairs = set()
    for tokens, labels in zip(dataset.train.inputs.tolist(), dataset.train.targets.tolist(), strict=True):
        read = "".join(dataset.words[t] for t in tokens if t)
        pairs.add((read, "".join(dataset.classes[t] for t in labels if t >= 0)))
    assert pairs == {("\nemma", "emma\n"), ("\nava", "ava\n")}
    assert dataset.foretells


def test_shakespeare_is_one_text_from_one_file():
    text = "ROMEO:\nBut, soft!\n" * 100
    placed("tiny-shakespeare", "input.txt", text.encode())
    dataset = DATASETS["tiny-shakespeare"](window=20, validation=0.0, test=0.0).load()
    read = "".join(dataset.words[t] for t in dataset.train.inputs.flatten().tolist())
    assert text.startswith(read)
    assert len(text) - len(read) <= 20


# -- series ------------------------------------------------------------------------------------------------------


def whole(dataset):
    """Return a series again from windows of one number over all of it."""
    mean, deviation = dataset.scale
    return mean + deviation * np.append(dataset.train.inputs[:, 0, 0].numpy(), float(dataset.train.targets[-1, 0]))


def read(text, **options):
    """Return all numbers of a file, and what was done to them."""
    dataset = DATASETS["series"](path=written(text), window=1, validation=0.0, test=0.0, **options).load()
    return whole(dataset), dataset.notes


def test_days_that_are_missing_or_come_twice_are_mended_and_that_is_said():
    days = ["2024-01-05", "2024-01-01", "2024-01-02", "2024-01-02", "2024-01-09", "2024-01-10", "2024-01-11"]
    numbers = [3.0, 1.0, 4.0, 6.0, 7.0, 2.0, 5.0]
    text = "day,value\n" + "".join(f"{d},{v}\n" for d, v in zip(days, numbers, strict=True))
    values, notes = read(text)
    frame = pd.Series(numbers, index=pd.to_datetime(days)).groupby(level=0).mean().asfreq("D").interpolate()
    np.testing.assert_allclose(values, frame.to_numpy(), rtol=1e-6)
    assert notes == (
        "'value' in the order of 'day', by days.",
        "1 moment stands there more than once: the mean is taken.",
        "5 moments are missing: their numbers lie on a line between those around.",
    )


def test_months_hours_and_lines_without_a_date():
    months = pd.date_range("2001-11-01", periods=8, freq="MS")
    text = "month,a,b\n" + "".join(f"{m:%Y-%m},{i},{i * i}\n" for i, m in enumerate(months) if i != 4)
    values, notes = read(text, value="b")
    np.testing.assert_allclose(values, [0, 1, 4, 9, 17, 25, 36, 49], atol=1e-5)
    assert notes[0] == "'b' in the order of 'month', by months."
    hours = pd.date_range("2024-03-01 22:00", periods=6, freq="h")
    values, notes = read("at,v\n" + "".join(f"{h.isoformat()},{i}\n" for i, h in enumerate(hours) if i != 2))
    np.testing.assert_allclose(values, [0, 1, 2, 3, 4, 5], atol=1e-5)
    assert "by seconds" in notes[0]
    values, notes = read("what,v\nx,1\ny,5\nz,2\n")
    np.testing.assert_allclose(values, [1, 5, 2], atol=1e-6)
    assert notes == ("No column is taken for dates: the lines are taken in their order.",)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("day,v\n2024-01-01,1\n2024-01-02,1\n", {}, "always the same"),
        ("day,v\n2024-01-01,1\nyesterday,2\n", {"date": "day"}, "Line 3, column 'day' holds 'yesterday'"),
        ("day,v\n2024-01-01,1\n2024-01-02,much\n", {}, "'much', which is no number"),
        ("day,v\n", {}, "There are no numbers"),
        ("", {}, "There are no numbers"),
        ("\ufeff", {}, "There are no numbers"),
        ("day,v\n2024-01-01,1\n2024-01-02,1e300\n", {}, "numbers beyond 1e"),
        ("day,v\n2024-01-01,1\n2024-01-02,3\n", {"value": "w"}, "There is no column 'w'"),
        ("day,v\n0001-01-01,1\n0001-01-02,2\n9000-01-01,3\n", {}, "holes that are too large"),
    ],
)
def test_odd_series_are_refused_in_words(text, options, words):
    with pytest.raises(VitrineError, match=words):
        DATASETS["series"](path=written(text), window=1, **options).load()


def test_dates_are_read_as_they_are_written():
    for text in ("2024-01-31", "2024/01/31", "31.01.2024", "20240131"):
        _, notes = read(f"d,v\n{text},1\n2024-02-01,2\n")
        assert "by days" in notes[0], text


def rising(months=100):
    """Return a series that rises and has seasons."""
    at = np.arange(months)
    return 100 + 2.0 * at + 20 * np.sin(2 * np.pi * at / 12) + np.random.default_rng(1).normal(0, 3, months)


@pytest.mark.parametrize(("tells", "lag"), [("changes since the last", 1), ("changes since a season ago", 12)])
def test_changes_are_told_from_numbers_that_are_known_by_then(tells, lag):
    series, ahead, window = rising(140), 15, 6
    text = "v\n" + "".join(f"{v:.10f}\n" for v in series)
    path = written("i," + text.replace("\n", "\n0,")[:-2])
    dataset = DATASETS["series"](path=path, tells=tells, window=window, ahead=ahead, value="v").load()
    mean, deviation = dataset.scale
    changes = series[lag:] - series[:-lag]
    learned = changes[: len(changes) - round(0.15 * len(changes))]
    learned = learned[: len(learned) - round(0.15 * len(learned))]
    assert mean == pytest.approx(learned.mean(), rel=1e-6)
    assert deviation == pytest.approx(learned.std(ddof=1), rel=1e-6)
    for split in dataset.splits().values():
        for row in range(len(split)):
            seen = mean + deviation * split.inputs[row, :, 0].numpy()
            now = next(
                i for i in range(len(series)) if series[i] == pytest.approx(float(split.bases[row, -1]), rel=1e-9)
            )
            np.testing.assert_allclose(
                seen, [series[i] - series[i - lag] for i in range(now - window + 1, now + 1)], atol=1e-4
            )
            for step in range(ahead):
                place = now + 1 + step
                base = place
                while base > now:
                    base -= lag
                told = mean + deviation * float(split.targets[row, step]) + series[base]
                assert told == pytest.approx(series[place], abs=1e-3)


@pytest.mark.parametrize("tells", ["the numbers", "changes since the last", "changes since a season ago"])
def test_a_forecast_is_in_numbers_of_the_series_whatever_is_told(tells):
    series = rising()
    path = written("i,v\n" + "".join(f"0,{v:.10f}\n" for v in series))
    data = DATASETS["series"](path=path, tells=tells, window=8, ahead=2, value="v", validation=0.25)
    dataset, lag = data.load(), data.lag
    graph = chain(series=Input(sizes=(8, 1)), gru=GRU(units=4), out=Dense(units=2))
    experiment = Experiment("own", {"network": graph}, data, Regress(), Recipe(epochs=20, batch=16, rate=0.02))
    learner = Learner(experiment, dataset)
    for _ in learn(learner):
        pass
    session = Session(experiment, learner.step, DraftRecord(learner), learner)
    frame = VIEWS["forecast"](split="validation", ahead=1, linear=4, season=None).compute(session)
    many, mean, deviation = len(dataset.validation), *dataset.scale
    changes = series[lag:] - series[:-lag] if lag else series
    first = len(dataset.train) + 9 + 8 + lag  # where the first number stands that is told
    np.testing.assert_allclose(frame["truth"], series[first : first + many], rtol=1e-5)
    with torch.no_grad():
        answers = mean + deviation * session.module(dataset.validation.inputs).numpy()
    told = answers[:, 0] + (series[first - lag : first - lag + many] if lag else 0)
    np.testing.assert_allclose(frame["told"], told, rtol=1e-5)
    names = frame.words["names"]
    assert names[:2] == ["network", "last value again"]
    last = np.sqrt(np.mean((series[first - 1 : first - 1 + many] - series[first : first + many]) ** 2))
    assert frame["errors"][1, 0] == pytest.approx(last, rel=1e-5)
    if lag == 12:
        year = np.sqrt(np.mean((series[first - 12 : first - 12 + many] - series[first : first + many]) ** 2))
        assert frame["errors"][names.index("last season again"), 0] == pytest.approx(year, rel=1e-5)
    rows = np.stack([changes[i : i + 4] for i in range(4, len(dataset.train) + 4)])
    right = changes[8 : len(dataset.train) + 8]
    fitted = LinearRegression().fit(rows, right)
    asked = np.stack([changes[first - lag + i - 4 : first - lag + i] for i in range(many)])
    sums = fitted.predict(asked) + (series[first - lag : first - lag + many] if lag else 0)
    wanted = np.sqrt(np.mean((sums - series[first : first + many]) ** 2))
    assert frame["errors"][names.index("sum of the last 4"), 0] == pytest.approx(wanted, rel=1e-4)
    known = list(series[:first])
    while len(known) < first + many:  # what it said itself is what it reads next
        past = np.array(known)
        read = past[lag:] - past[:-lag] if lag else past
        with torch.no_grad():
            rows = torch.tensor((read[-8:] - mean) / deviation, dtype=torch.float32)[None, :, None]
            said = mean + deviation * session.module(rows)[0].numpy()
        for change in said[: lag or 2]:
            known.append(float(change + (known[-lag] if lag else 0)))
    limit = np.abs(np.array(known[first : first + many]) - series[first - 1]) < 3 * np.ptp(
        series[first : first + many + 1]
    )
    np.testing.assert_allclose(frame["alone"][limit], np.array(known[first : first + many])[limit], rtol=1e-4)
    assert limit.sum() > 3


def test_the_airlines_file_has_months_and_is_told_by_changes_since_last_year():
    lines = "".join(f'"{y}-{m:02}",{100 + 10 * (y - 1949) + m}\n' for y in range(1949, 1961) for m in range(1, 13))
    placed("airline", "airline-passengers.csv", ('"Month","Passengers"\n' + lines).encode())
    dataset = DATASETS["airline"]().load()
    assert dataset.notes == ("'Passengers' in the order of 'Month', by months.",)
    assert dataset.scale == (pytest.approx(10.0), 1.0)  # which never varies, and is only centred
    assert dataset.season == 12
    assert len(dataset.test) > 8


# -- grammars ----------------------------------------------------------------------------------------------------


FORMS = ("%d %B %Y", "%B %d, %Y", "%b %d %Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%b-%Y")


def understood(text):
    """Return the day that a text names, by Python's own reading of dates."""
    for form in FORMS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    plain = text
    for ending in ("st", "nd", "rd", "th"):
        for digit in "0123456789":
            plain = plain.replace(digit + ending, digit)
    for form in ("%A, the %d of %B %Y", "%Y, %B %d"):
        try:
            return datetime.strptime(plain, form)
        except ValueError:
            continue
    raise AssertionError(text)


def test_dates_say_what_python_understands():
    dataset = DATASETS["dates"](number=500, asks="ISO 8601").load()
    for split in dataset.splits().values():
        for tokens, labels in zip(split.inputs.tolist(), split.targets.tolist(), strict=True):
            signs = "".join(dataset.words[t] for t in tokens if t)
            text = signs.rstrip("→")
            assert len(signs) == len(text) + 10
            answer = "".join(dataset.classes[t] for t in labels if t >= 0)
            assert answer == understood(text).date().isoformat()
            assert labels[: len(text)] == [-1] * len(text)
            assert all(t >= 0 for t in labels[len(text) : len(text) + 10])


def test_parts_of_dates_are_where_they_are_said_to_be():
    dataset = DATASETS["dates"](number=500).load()
    for tokens, labels in zip(dataset.train.inputs.tolist(), dataset.train.targets.tolist(), strict=True):
        signs = [dataset.words[t] for t in tokens if t]
        day = understood("".join(signs))
        found = dict.fromkeys(dataset.classes, "")
        for sign, label in zip(signs, labels, strict=False):
            found[dataset.classes[label]] += sign
        assert found["year"] == str(day.year)
        assert int("".join(sign for sign in found["day"] if sign.isdigit())) == day.day
        assert found["month"] in (day.strftime("%B"), day.strftime("%b"), day.strftime("%m"))
        assert set(labels[len(signs) :]) <= {-1}


def agrees(words):
    """Return whether every verb of a sentence is like its noun, read from the front by hand."""
    nouns = dict.fromkeys(("dog", "cat", "child", "teacher", "bird", "farmer"), False)
    nouns |= dict.fromkeys(("dogs", "cats", "children", "teachers", "birds", "farmers"), True)
    verbs = {w: w[-1] != "s" for w in ["sleeps", "sleep", "sings", "sing", "runs", "run", "waits", "wait"]}
    verbs |= {w: w[-1] != "s" for w in ["sees", "see", "likes", "like", "follows", "follow", "hears", "hear"]}
    at = 0

    def somebody():
        nonlocal at
        article = words[at]
        assert article in ("the", "a")
        at += 1 + (words[at + 1] in ("young", "small", "happy", "quiet"))
        many = nouns[words[at]]
        assert not (many and article == "a")
        at += 1
        return many

    many = somebody()
    good = True
    while words[at] in ("that", "near"):
        which, at = words[at], at + 1
        other = somebody()
        if which == "that":
            good &= verbs[words[at]] == other
            at += 1
    good &= verbs[words[at]] == many
    at += 1
    if words[at] != ".":
        somebody()
    return good and words[at:] == ["."]


def test_every_verb_agrees_with_its_noun_however_far():
    dataset = DATASETS["sentences"](number=800, inside=0.8).load()
    assert dataset.foretells
    lengths = set()
    for tokens, labels in zip(dataset.train.inputs.tolist(), dataset.train.targets.tolist(), strict=True):
        read = [dataset.words[t] for t in tokens if t]
        next_ones = [dataset.classes[t] for t in labels if t >= 0]
        assert read[0] == "."
        assert read[1:] == next_ones[:-1]
        assert agrees(next_ones)
        lengths.add(len(read))
    assert len(lengths) > 8


# -- what was found on reading again -----------------------------------------------------------------------------


def test_prices_are_no_years_and_lines_may_be_taken_as_they_come():
    prices = [1537, 1541, 1530, 1537]
    values, notes = read("open,close\n" + "".join(f"{p},{i}\n" for i, p in enumerate(prices)))
    np.testing.assert_allclose(values, [0, 1, 2, 3], atol=1e-6)
    assert notes == ("No column is taken for dates: the lines are taken in their order.",)
    values, notes = read("year,v\n1990,5\n1991,7\n1993,1\n")
    np.testing.assert_allclose(values, [5, 7, 4, 1], atol=1e-5)
    assert "in the order of 'year'" in notes[0]
    values, notes = read("year,v\n1993,1\n1991,7\n1990,5\n")  # as many tables have it, the newest first
    np.testing.assert_allclose(values, [5, 7, 4, 1], atol=1e-5)
    values, _ = read("day,v\n2024-01-03,1\n2024-01-01,2\n2024-01-02,3\n", date="-")
    np.testing.assert_allclose(values, [1, 2, 3], atol=1e-6)


def test_zones_and_parts_of_seconds_are_kept():
    values, notes = read("t,v\n2024-10-27T02:30:00+02:00,1\n2024-10-27T02:30:00+01:00,2\n2024-10-27T03:30:00+01:00,4\n")
    np.testing.assert_allclose(values, [1, 2, 4], atol=1e-6)
    assert len(notes) == 1
    values, notes = read("t,v\n" + "".join(f"2024-01-01T00:00:00.{i}00000,{i}\n" for i in range(5)))
    np.testing.assert_allclose(values, [0, 1, 2, 3, 4], atol=1e-6)
    assert "by microseconds" in notes[0]


def test_seasons_of_a_short_file_are_bounded_before_anything_is_made():
    text = "i,v\n" + "".join(f"0,{i % 7}\n" for i in range(50_000))
    with pytest.raises(VitrineError, match=r"would hold 35,401,000 numbers"):
        DATASETS["series"](
            path=written(text), value="v", window=1, tells="changes since a season ago", season=1000
        ).load()


def test_names_that_are_too_long_for_any_file_are_refused_in_words():
    assert not DATASETS["texts"](path="x" * 3000).here()
    with pytest.raises(VitrineError, match="Data are read from"):
        DATASETS["texts"](path="x" * 3000).load()


def test_the_same_file_may_be_brought_by_many_at_once():
    content = b"y" * 3_000_000
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: kept(content, ".txt"), range(32)))
    assert len(set(paths)) == 1
    assert opened(paths[0], "file").read_bytes() == content


def test_a_text_of_ones_own_loses_the_end_that_the_data_lose():
    data = DATASETS["texts"](
        path=written(CSV), longest=2, cut="the beginning", validation=0.0, test=0.0, divided="in order"
    )
    dataset = data.load()
    graph = chain(
        words=Input(sizes=(2,), values="tokens", sequence=True),
        embed=Embedding(vocabulary=len(dataset.words), features=3),
        gru=GRU(units=3),
        out=Dense(units=2),
    )
    learner = Learner(Experiment("cut", {"network": graph}, data, recipe=Recipe(batch=2)), dataset)
    values, done = Tokens().brought(learner, "text", "fine film ganz dull dull")
    assert [dataset.words[t] for t in values.tolist()] == ["dull", "dull"]
    assert done.startswith("cut to the last 2")


def test_vowel_signs_stay_with_their_letters():
    assert in_pieces("हिन्दी भाषा", "words") == ["हिन्दी", "भाषा"]


def test_a_cell_may_hold_a_long_text():
    long = "word " * 40_000
    dataset = DATASETS["texts"](path=written(f"text,kind\n{long},a\nshort,b\n"), validation=0.0, test=0.0).load()
    assert dataset.sizes == (60,)


def test_of_a_long_text_no_more_is_cut_than_is_used():
    text = "ab " * 400_000
    dataset = DATASETS["writing"](path=written(text, ".txt"), reads="words", length=1000, window=10).load()
    assert sum(len(split) for split in dataset.splits().values()) <= 100


def test_as_many_letters_are_used_as_are_asked_for_however_they_are_written():
    text = unicodedata.normalize("NFD", "각난닫랄" * 800)
    dataset = DATASETS["writing"](path=written(text, ".txt"), length=2000, window=10, validation=0.0, test=0.0).load()
    assert len(dataset.train) == 199
    many = DATASETS["texts"](path=written("text,kind\n" + "a b,x\nc d,y\n" * 6000), longest=5000).load()
    assert many.sizes == (2,)


@pytest.mark.parametrize("tells", ["the numbers", "changes since the last"])
@pytest.mark.parametrize("fold", [0, 2])
def test_each_fold_is_scaled_by_its_own_past_alone(tells, fold):
    series = rising(200)
    path = written("i,v\n" + "".join(f"0,{v:.10f}\n" for v in series))
    whole = DATASETS["series"](path=path, tells=tells, window=6, ahead=2, value="v").load()
    found = folded(whole, Recipe(folds=3, fold=fold))
    lag = 0 if tells == "the numbers" else 1
    told = series[lag:] - series[:-lag] if lag else series
    learned = told[: len(found.train) + 7 - lag]  # what its windows see, and are asked about behind the last
    assert found.scale == (pytest.approx(learned.mean(), rel=1e-5), pytest.approx(learned.std(ddof=1), rel=1e-5))
    mean, deviation = found.scale
    for split in (found.train, found.validation, found.test):
        before = whole.splits()["test"] if split is found.test else None
        values = mean + deviation * split.inputs[:, :, 0].numpy()
        at = [int(np.abs(told[: len(told) - 6] - row[0]).argmin()) for row in values[:3]]
        for place, row in zip(at, values, strict=False):
            np.testing.assert_allclose(row, told[place : place + 6], atol=1e-3)
        if before is not None:
            assert len(before) == len(split)
