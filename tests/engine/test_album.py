"""Pictures that come by browsers, class by class: kept, looked through, bounded; and what a dataset is like."""

import http.client
import io
import json
import os
import time
import zipfile
from contextlib import contextmanager
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from starlette.routing import Route

from engine.data import DATASETS
from engine.data.about import in_words, labels_of, means, rows, spread, twins
from engine.data.album import MOST_SIDE, Album, labelled, under_way
from engine.data.dataset import Dataset, Split
from engine.data.images import fitted
from engine.data.places import kept, permit
from engine.data.table import goal_of
from engine.errors import VitrineError
from engine.home import home
from engine.live.albums import ALBUMS, albums
from engine.live.limits import FILES
from engine.live.visitor import Visitor
from tests.serving import listening

JUNK = b"this is no picture"


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "home"))
    ALBUMS.clear()


def picture(value, size=(20, 16), form="PNG", **more):
    buffer = io.BytesIO()
    shades = np.random.default_rng(value).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(shades).save(buffer, form, **more)
    return buffer.getvalue()


def filled(bad=True):
    """Return an album of two classes with five pictures each, and, if wished, what is none among them."""
    album = Album()
    for place in range(5):
        for label in ("cat", "dog"):
            assert album.add(picture(place if label == "cat" else 100 + place), f"{place}.png", label) == ""
    if bad:
        assert "cannot be read as an image" in album.add(JUNK, "broken.png", "cat")
        assert "there already" in album.add(picture(0), "again.png", "cat")
    return album


def test_an_album_becomes_a_dataset_that_names_what_was_left_out():
    path = filled().done()
    dataset = DATASETS["images"](path=path, size=16).load()
    assert dataset.classes == ("cat", "dog")
    assert sum(len(split) for split in dataset.splits().values()) == 10
    (note,) = dataset.notes
    assert note.startswith("Left out when they came, 2: broken.png cannot be read")
    assert "again.png is there already" in note
    assert list(under_way().iterdir()) == []


def test_the_same_pictures_are_the_same_dataset_with_what_was_left_out_of_it():
    assert filled(bad=False).done() == filled(bad=False).done()
    assert filled().done() != filled(bad=False).done()  # or somebody would be told of another's pictures


def test_what_hides_behind_a_picture_is_not_kept():
    album = Album()
    assert album.add(picture(1) + b"\0" * 5_000_000, "a.png", "one") == ""
    (file,) = (album.place / "one").iterdir()
    assert file.stat().st_size < 5000


def test_pictures_without_a_split_are_for_training_where_others_have_one():
    album = Album()
    for place, (split, label) in enumerate((s, c) for s in ("train", "test", "") for c in ("cat", "dog")):
        album.add(picture(place), "x.png", label, split)
    dataset = DATASETS["images"](path=album.done(), size=8, validation=0.0).load()
    assert dataset.classes == ("cat", "dog")
    assert len(dataset.test) == 2
    assert len(dataset.train) + len(dataset.validation) == 4


def test_nothing_comes_into_an_album_that_is_done():
    album = filled()
    album.done()
    with pytest.raises(VitrineError, match="a dataset already"):
        album.add(picture(77), "late.png", "cat")


def test_small_pictures_are_kept_as_they_came_and_large_ones_made_smaller():
    album, small = Album(), picture(1, form="JPEG")
    album.add(small, "a.jpg", "one")
    album.add(picture(2, (1500, 900)), "b.png", "two")
    place = home() / "data" / album.done()
    (file,) = (place / "one").iterdir()
    assert file.read_bytes() == small
    with Image.open(next((place / "two").iterdir())) as image:
        assert image.size == (MOST_SIDE, round(MOST_SIDE * 900 / 1500))


def test_a_photograph_on_its_side_is_kept_upright():
    side = Image.new("RGB", (40, 20), "red")
    side.paste("blue", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by a quarter
    buffer = io.BytesIO()
    side.save(buffer, "JPEG", exif=exif, quality=95)
    album = Album()
    album.add(buffer.getvalue(), "a.jpg", "one")
    album.add(picture(1), "b.png", "two")
    (file,) = (home() / "data" / album.done() / "one").iterdir()
    with Image.open(file) as image:
        assert image.size == (20, 40)
        assert image.getpixel((10, 5))[2] > 200  # what was at the left is above now


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("a/b", "a-b"),
        ("../up", "-up"),
        (" cat. ", "cat"),
        ("x" * 99, "x" * 60),
        ("naïve 猫", "naïve 猫"),
        ("a\0b", "a b"),
    ],
)
def test_names_of_classes_never_lead_elsewhere(given, wanted):
    assert labelled(given) == wanted


@pytest.mark.parametrize("given", ["", "  ", "..", "."])
def test_a_class_without_a_name_is_refused(given):
    with pytest.raises(VitrineError, match="needs a name"):
        labelled(given)


def test_one_class_is_not_enough_and_old_albums_go():
    album = Album()
    album.add(picture(1), "a.png", "only")
    with pytest.raises(VitrineError, match="one class: at least 2"):
        album.done()
    old = time.time() - 2 * 24 * 3600
    os.utime(album.place, (old, old))
    Album()
    assert not album.place.exists()


def test_folders_for_training_and_test_stay_apart():
    album = Album()
    for place in range(4):
        for number, (split, label) in enumerate((s, c) for s in ("train", "test") for c in ("cat", "dog")):
            album.add(picture(10 * place + number), f"{place}.png", label, split)
    dataset = DATASETS["images"](path=album.done(), size=8).load()
    assert len(dataset.test) == 8
    assert len(dataset.train) + len(dataset.validation) == 8
    assert "no split" in album.add(picture(1), "x.png", "cat", "elsewhere")


def test_what_cannot_be_read_in_a_folder_is_left_out_and_all_else_is_as_without_it(tmp_path):
    for label in ("a", "b"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for place in range(10):
            (tmp_path / "set" / label / f"{place}.png").write_bytes(picture(place + 50 * (label == "b")))
    source = DATASETS["images"](path=str(tmp_path / "set"), size=8)
    permit(str(tmp_path / "set"))
    clean = source.load()
    for name in ("a/00.png", "b/5x.png"):
        (tmp_path / "set" / name).write_bytes(JUNK)
    (tmp_path / "set" / "a" / "cut.png").write_bytes(picture(3)[:200])
    dirty = source.load()
    assert clean.notes == ()
    assert dirty.notes[0].startswith("Left out, 3: ")
    for split in ("train", "validation", "test"):
        one, other = getattr(clean, split), getattr(dirty, split)
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.targets, other.targets)


def test_pictures_that_fail_one_after_another_are_all_left_out(tmp_path, monkeypatch):
    for label in ("a", "b"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for place in range(6):
            (tmp_path / "set" / label / f"{place}.png").write_bytes(picture(place + 50 * (label == "b")))
    permit(str(tmp_path / "set"))
    (tmp_path / "set" / "a" / "0.png").write_bytes(JUNK)
    seen = []

    def failing(content, name, size, grey):
        seen.append(name)
        if len(seen) > 12 and name == "5.png":  # in the second round another one has gone
            raise VitrineError("5.png has gone.")
        return fitted(content, name, size, grey)

    monkeypatch.setattr("engine.data.images.fitted", failing)
    (note,) = DATASETS["images"](path=str(tmp_path / "set"), size=8).load().notes
    assert note.startswith("Left out, 3: ")
    assert len(seen) == 12 + 11 + 9


# -- by the channel -------------------------------------------------------------------------------------------------


@contextmanager
def asking(headers=None):
    with listening(Route("/live/album", albums, methods=["POST"])) as port:

        def ask(body=b"", **query):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("POST", f"/live/album?{urlencode(query)}", body, headers or {})
            answer = connection.getresponse()
            told = json.loads(answer.read())
            connection.close()
            return answer.status, told

        yield ask


def archived(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("UP", ".."), content)
    return buffer.getvalue()


def test_pictures_sent_one_by_one_become_a_dataset():
    with asking() as ask:
        _, begun = ask(do="begin")
        for place in range(4):
            for label in ("x", "y"):
                sent = picture(place + 10 * (label == "y"))
                assert ask(sent, do="picture", album=begun["album"], name="p.png", label=label) == (200, {"left": ""})
        status, told = ask(JUNK, do="picture", album=begun["album"], name="bad.png", label="x")
        assert status == 200
        assert "bad.png cannot be read" in told["left"]
        status, told = ask(do="done", album=begun["album"])
        assert told["classes"] == {"x": 4, "y": 4}
        assert DATASETS["images"](path=told["path"], size=8).load().classes == ("x", "y")
        assert ask(do="done", album=begun["album"])[0] == 400  # it is over


def test_an_archive_is_taken_with_what_is_wrong_in_it_named():
    members = {f"all__{label}__{n}.png": picture(n + 10 * (label == "b")) for label in "ab" for n in range(4)}
    with asking() as ask:
        _, begun = ask(do="begin")
        content = archived(**members, **{"all__a__bad.png": JUNK, "all__notes.txt": b"hi"})
        status, told = ask(content, do="archive", album=begun["album"], name="pictures.zip")
        assert status == 200
        assert told["classes"] == {"a": 4, "b": 4}
        assert len(told["left"]) == 1
        assert ask(do="done", album=begun["album"])[0] == 200


@pytest.mark.parametrize(
    ("content", "words"),
    [(JUNK, "no zip file"), (archived(**{"UP__evil.png": JUNK}), "points out of the archive")],
    ids=["no archive", "climbing"],
)
def test_hostile_archives_are_refused_and_leave_nothing(content, words):
    with asking() as ask:
        _, begun = ask(do="begin")
        status, told = ask(content, do="archive", album=begun["album"], name="pictures.zip")
        assert status == 400
        assert words in told["problem"]
        assert [one.name for one in under_way().iterdir()] == [begun["album"]]


@pytest.mark.parametrize(
    "query", [{}, {"do": "picture", "album": "x"}, {"do": "done", "album": "../.."}, {"do": "else"}]
)
def test_odd_requests_are_refused_in_words(query):
    with asking() as ask:
        status, told = ask(JUNK, **query)
        assert status == 400
        assert told["problem"]


def test_pages_elsewhere_cannot_send_pictures():
    with asking({"Origin": "https://evil.example"}) as ask:
        assert ask(do="begin")[0] == 403


def test_a_visitor_has_few_albums_under_way_and_never_reaches_anothers():
    others = Album()
    ALBUMS[others.token] = ("somebody", others)
    with asking() as ask:
        first, *_ = (ask(do="begin")[1]["album"] for _ in range(4))
        assert len(ALBUMS) == 4
        assert not (under_way() / first).exists()
        for token in (first, others.token):
            assert ask(picture(1), do="picture", album=token, name="a", label="b")[0] == 400
    assert others.place.is_dir()


def test_the_bytes_of_guests_are_counted_as_they_are_kept(monkeypatch):
    guest = Visitor("guest", "me")
    monkeypatch.setattr("engine.live.albums.visitor_of", lambda headers: guest)
    monkeypatch.setenv("VITRINE_GUEST_FILES", "0.1")  # MiB
    FILES.clear()
    many = archived(**{f"{label}__{n}.png": picture(n, (90, 90)) for label in "ab" for n in range(3)})
    with asking() as ask:
        _, begun = ask(do="begin")
        status, told = ask(many, do="archive", album=begun["album"], name="much.zip")
        assert status == 400
        assert "as much as one visitor may" in told["problem"]
        assert ask(picture(1), do="picture", album=begun["album"], name="a.png", label="a") == (200, {"left": ""})
        assert 0 < FILES["me"] < 0.1 * 2**20
    FILES.clear()


# -- what a dataset is like -----------------------------------------------------------------------------------------


def test_classes_and_means_of_the_digits_are_scikit_learns(monkeypatch):
    dataset, theirs = DATASETS["digits"](size=8).load(), load_digits()
    found = spread(dataset)
    for kind in range(10):
        assert sum(split[str(kind)] for split in found.values()) == int((theirs.target == kind).sum())
    train = dataset.train
    meant = {name: mean.numpy() for name, mean in means(dataset).items()}
    for kind in range(10):
        mine = train.inputs[train.targets == kind].numpy().astype(float).mean(axis=0)
        assert np.abs(meant[str(kind)].astype(float) - mine).max() <= 0.5
    assert in_words(dataset) == "1,797 examples of 10 classes, 174 to 183 of each."
    assert rows(train).shape == (1000, 64)
    monkeypatch.setattr("engine.data.about.A_PIECE", 8 * 64 * 7)  # seven pictures at once
    assert all(np.array_equal(mean.numpy(), meant[name]) for name, mean in means(dataset).items())
    monkeypatch.setattr("engine.data.about.MOST_COMPARED", 1000)
    assert twins(dataset) is None


def test_twins_are_those_that_a_comparison_of_every_two_finds():
    inputs = torch.tensor([[[0, 1]], [[2, 3]], [[0, 1]], [[4, 5]], [[2, 3]], [[0, 1]]], dtype=torch.uint8)[:, None]
    targets = torch.tensor([0, 1, 0, -1, 1, 1])
    parts = [Split(inputs[a:b], targets[a:b]) for a, b in ((0, 3), (3, 5), (5, 6))]
    dataset = Dataset("x", "image", ("no", "yes"), *parts)
    named = [(name, place) for name, split in dataset.splits().items() for place in range(len(split))]
    every = {at: dataset.splits()[at[0]].inputs[at[1]] for at in named}
    wanted = {frozenset(b for b in named if torch.equal(every[a], every[b])) for a in named}
    assert {frozenset(group) for group in twins(dataset)} == {group for group in wanted if len(group) > 1}
    assert labels_of(dataset, dataset.validation) == ["not known", "yes"]
    assert spread(dataset)["validation"] == {"no": 0, "yes": 1, "not known": 1}


@pytest.mark.parametrize(
    ("values", "goal"),
    [
        ([f"{n}.5" for n in range(30)], "number"),
        ([str(n % 3) for n in range(30)], "class"),
        (["red", "blue"] * 15, "class"),
        ([*(str(n) for n in range(29)), "unknown"], "class"),
    ],
)
def test_a_table_says_by_itself_whether_its_target_is_a_number(values, goal):
    text = "x,y\n" + "\n".join(f"{place},{value}" for place, value in enumerate(values))
    assert goal_of(kept(text.encode(), ".csv"), "") == goal
