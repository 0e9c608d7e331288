"""Datasets: seeded, split without overlap, and what they say they are."""

import functools
import gzip
import hashlib
import http.server
import io
import os
import resource
import shutil
import socket
import struct
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from engine.data import DATASETS, Dataset, Split
from engine.data.dataset import UNKNOWN, copies
from engine.data.fetched import download
from engine.data.formats import read_idx
from engine.data.images import fitted
from engine.data.pictures import brought
from engine.data.places import permit
from engine.data.progress import telling
from engine.data.scenes import COLOURS
from engine.errors import VitrineError
from engine.training.device import place
from engine.training.folds import fewer, folded
from engine.training.material import Material
from engine.training.recipe import Recipe

OFFLINE = [kind for kind, source in DATASETS.items() if not source.fetched and source.licence != "yours"]


@pytest.mark.parametrize("kind", OFFLINE)
def test_a_dataset_is_what_it_says(kind):
    source = DATASETS[kind]()
    found = source.load()
    assert source.help().endswith(".")
    assert source.licence
    assert source.origin
    for split in found.splits().values():
        assert len(split.inputs) == len(split.targets)
        if found.classes:
            named = range(UNKNOWN if found.goal == "labels" else 0, len(found.classes))
            assert set(split.targets.flatten().tolist()) <= set(named)
    if found.example == "image":
        assert found.train.inputs.dtype == torch.uint8
        assert found.train.inputs.dim() == 4
        assert found.train.inputs.float().std() > 20


@pytest.mark.parametrize("kind", [kind for kind in OFFLINE if "seed" in DATASETS[kind].model_fields])
def test_the_same_seed_draws_the_same_and_another_seed_otherwise(kind):
    one, same, other = (DATASETS[kind](seed=seed).load() for seed in (3, 3, 4))
    assert torch.equal(one.train.inputs, same.train.inputs)
    assert torch.equal(one.test.targets, same.test.targets)
    assert not torch.equal(one.train.inputs, other.train.inputs)


def test_the_digits_are_those_of_scikit_learn():
    whole = DATASETS["digits"](size=8).load()
    ours = torch.cat([split.inputs for split in (whole.train, whole.validation, whole.test)])[:, 0]
    named = torch.cat([split.targets for split in (whole.train, whole.validation, whole.test)])
    theirs = load_digits()
    wanted = (torch.from_numpy(theirs.images).float() / 16 * 255).round().to(torch.uint8)
    assert sorted(zip(map(bytes, ours.numpy()), named.tolist(), strict=True)) == sorted(
        zip(map(bytes, wanted.numpy()), theirs.target.tolist(), strict=True)
    )


def test_splits_do_not_overlap_and_leave_nothing_out():
    found = DATASETS["glyphs"](number=300).load()
    every = torch.cat([split.inputs.flatten(1).float() for split in found.splits().values()])
    assert len(every) == 300
    assert len(torch.unique(every, dim=0)) == 300


@pytest.mark.parametrize("shape", ["gauss", "circle", "xor", "spiral", "moons"])
def test_classes_of_points_are_balanced_and_finite(shape):
    found = DATASETS["points"](shape=shape, number=2000, noise=0.2).load()
    assert 0.4 < found.train.targets.float().mean() < 0.6
    assert found.train.inputs.isfinite().all()


def test_nothing_left_to_train_on_is_told():
    with pytest.raises(VitrineError, match="Nothing is left to train on"):
        DATASETS["points"](number=10, test=0.9, validation=0.9).load()


REAL = Path(os.environ.get("VITRINE_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
needs_real = pytest.mark.skipif(not REAL.exists(), reason=f"there is no folder of real test data at {REAL}")


def placed(home, kind, files):
    folder = home / "data" / kind
    folder.mkdir(parents=True)
    for name, origin in files.items():
        (folder / name).symlink_to(origin)
    return folder


@needs_real
def test_real_mnist_is_read_and_is_the_file_it_should_be(home):
    folder = placed(home, "mnist", {name: REAL / "mnist" / name for name in DATASETS["mnist"].files})
    found = DATASETS["mnist"]().load()
    assert (len(found.train) + len(found.validation), len(found.test)) == (60_000, 10_000)
    assert found.test.targets[:5].tolist() == [7, 2, 1, 0, 4]
    for name, checksum in DATASETS["mnist"].files.items():
        assert hashlib.md5((folder / name).read_bytes()).hexdigest() == checksum


@needs_real
def test_real_cifar_is_read_in_part(home):
    origin = REAL / "cifar10_sample"
    files = {"data_batch_1.bin": "data_batch_1_first_1000.bin", "test_batch.bin": "test_batch_first_1000.bin"}
    files["batches.meta.txt"] = "batches.meta.txt"
    placed(home, "cifar-10", {name: origin / real for name, real in files.items()})
    found = DATASETS["cifar-10"]().load()
    assert found.sizes == (3, 32, 32)
    assert found.classes[3] == "cat"
    assert found.test.targets[:4].tolist() == [3, 8, 8, 0]


@pytest.mark.parametrize("kind", ["mnist", "cifar-10", "cifar-100"])
def test_what_is_not_here_says_which_files_go_where(home, kind):
    with pytest.raises(VitrineError) as caught:
        DATASETS[kind]().load()
    assert str(home / "data" / kind) in str(caught.value)
    assert "--fetch" in str(caught.value)


@pytest.mark.parametrize("damage", [b"", b"\0\0\x08", b"\0\0\x08\x03\0\0\0\1\0\0\0\1\0\0\0\2x", b"GIF89a"])
def test_damaged_idx_files_are_told(tmp_path, damage):
    file = tmp_path / "x-ubyte"
    file.write_bytes(damage)
    with pytest.raises(VitrineError, match=r"no IDX file|cut short"):
        read_idx(file)


def test_fetching_goes_on_where_it_ended_and_checks_what_came(tmp_path):
    content = bytes(range(256)) * 400
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "file.bin").write_bytes(content)
    good = hashlib.md5(content).hexdigest()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "site")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/file.bin"
        told = []
        download(address, tmp_path / "a.bin", good, lambda *news: told.append(news))
        assert (tmp_path / "a.bin").read_bytes() == content
        assert told[-1] == ("a.bin", len(content), len(content))
        (tmp_path / "b.bin.part").write_bytes(content[:1000])
        download(address, tmp_path / "b.bin", good)  # this server knows no ranges: all of it comes anew
        assert (tmp_path / "b.bin").read_bytes() == content
        with pytest.raises(VitrineError, match="checksum differs"):
            download(address, tmp_path / "c.bin", "0" * 32)
        assert not list(tmp_path.glob("c.bin*"))
        with pytest.raises(VitrineError, match="could not be fetched"):
            download(address + "x", tmp_path / "d.bin", good)
        server.shutdown()


def painted(mode="RGB", size=(40, 30), value=90):
    buffer = io.BytesIO()
    Image.new(mode, size, value if mode in ("L", "I;16", "F") else None).save(buffer, "TIFF" if mode == "F" else "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16", "F", "LA"])
def test_images_of_any_mode_become_squares(mode):
    assert fitted(painted(mode), "x", 16, grey=False).shape == (3, 16, 16)
    assert fitted(painted(mode), "x", 16, grey=True).shape == (1, 16, 16)


def test_a_folder_and_a_zip_of_it_are_the_same_dataset(tmp_path):
    for label, value in (("dark", 20), ("light", 220)):
        (tmp_path / "set" / label).mkdir(parents=True)
        for number in range(8):
            (tmp_path / "set" / label / f"{number}.png").write_bytes(painted("L", value=value + number))
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "set")
    one, two = (DATASETS["images"](path=str(p), size=8, colour="grey").load() for p in (tmp_path / "set", packed))
    assert one.classes == two.classes == ("dark", "light")
    assert torch.equal(one.train.inputs, two.train.inputs)
    assert (one.train.inputs.float().mean(dim=(1, 2, 3)) > 128).long().tolist() == one.train.targets.tolist()


def test_many_images_lie_in_a_file_and_are_the_same(tmp_path, monkeypatch, home):
    for label, value in (("dark", 20), ("light", 220)):
        (tmp_path / "set" / label).mkdir(parents=True)
        for number in range(10):
            (tmp_path / "set" / label / f"{number}.png").write_bytes(painted("L", value=value + number))
    source = DATASETS["images"](path=str(tmp_path / "set"), size=8)
    plain = source.load()
    monkeypatch.setattr("engine.data.images.IN_MEMORY", 100)
    mapped = source.load()
    assert (home / "cache").exists()
    assert not list((home / "cache").iterdir())  # the file has no name: nothing is left behind
    for name, split in plain.splits().items():
        assert torch.equal(split.inputs, mapped.splits()[name].inputs)
        assert torch.equal(split.targets, mapped.splits()[name].targets)


def zipped(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("UP", ".."), content)
    return str(path)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"UP__UP__evil.png": b"x"}, "points out of the archive"),
        ({"a__x.png": b"no image", "b__y.png": b"none"}, "cannot be read as an image"),
        ({"a__x.png": painted()}, "images of one class"),
        ({"a__x.png": painted(size=(9000, 9000)), "b__y.png": painted(size=(9000, 9000))}, "pixels"),
        ({"a__x.png": b"\0" * (65 * 2**20), "b__y.png": b"\0" * (65 * 2**20)}, "larger than 64 MiB"),
    ],
    ids=["climbing", "fake", "one class", "giant", "bomb"],
)
def test_hostile_archives_are_refused(tmp_path, members, words):
    with pytest.raises(VitrineError, match=words):
        DATASETS["images"](path=zipped(tmp_path / "x.zip", **members)).load()


def table(tmp_path, text, **options):
    file = tmp_path / "t.csv"
    file.write_text(text)
    return DATASETS["table"](path=str(file), **options)


def taken(dataset):
    """Return a dataset as networks take it."""
    return Material(dataset, place(Recipe(device="cpu")))


def test_a_column_that_never_varies_in_training_stays_small_elsewhere(tmp_path):
    train = Split(torch.tensor([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]], dtype=torch.double), torch.tensor([0, 1, 0]))
    test = Split(torch.tensor([[2.0, 7.0]], dtype=torch.double), torch.tensor([0]))
    found = taken(Dataset("x", "numbers", ("a", "b"), train, train.take(torch.tensor([])[:0].long()), test))
    assert found.splits["test"].inputs.tolist() == [[0.0, 2.0]]


def test_seconds_since_1970_keep_their_differences(tmp_path):
    rows = "".join(f"{1_700_000_000 + 10 * i},{i % 2}\n" for i in range(144))
    found = taken(table(tmp_path, "time,y\n" + rows).load())
    assert sum(len(split.inputs.unique()) for split in found.splits.values()) == 144


def test_the_last_column_is_told_even_where_another_has_its_name(tmp_path):
    rows = "".join(f"{i},{i % 7},{'even' if i % 2 == 0 else 'odd'}\n" for i in range(20))
    assert table(tmp_path, "y,b,y\n" + rows).load().classes == ("even", "odd")
    with pytest.raises(VitrineError, match="2 columns are called 'y'"):
        table(tmp_path, "y,b,y\n" + rows, target="y").load()


def test_spaces_around_a_class_are_no_other_class_and_empty_is_none(tmp_path):
    text = "a,y\n1, x\n2,x\n3,x \n4,z\n5,z\n"
    assert table(tmp_path, text).load().classes == ("x", "z")
    with pytest.raises(VitrineError, match="Line 7, column 'y' is empty"):
        table(tmp_path, text + "6, \n").load()


def test_nothing_of_held_out_rows_is_in_what_is_learned(tmp_path):
    """Held-out rows are far off: were they part of mean and deviation, the rest would not have 0 and 1."""
    rows = "".join(f"{i if i < 95 else 1e6},{i % 2}\n" for i in range(100))
    dataset = table(tmp_path, "a,y\n" + rows, test=0.0, validation=0.0).load()
    for recipe in (Recipe(folds=5, fold=1), Recipe(folds=5, fold=1, examples=30), Recipe(examples=20)):
        part = fewer(folded(dataset, recipe), recipe)
        expected = StandardScaler().fit(part.train.inputs.numpy())
        found = taken(part).splits["train"].inputs.double()
        torch.testing.assert_close(
            found, torch.from_numpy(expected.transform(part.train.inputs.numpy())), atol=3e-2, rtol=3e-2
        )


@pytest.mark.parametrize("kind", ["digits", "glyphs", "points"])
def test_every_split_has_its_share_of_every_class(kind):
    found = DATASETS[kind]().load()
    pool = torch.cat([split.targets for split in found.splits().values()])
    shares = pool.bincount() / len(pool)
    for split in found.splits().values():
        assert (
            (split.targets.bincount(minlength=len(shares)) / len(split) - shares).abs() < 1.5 / len(split) + 1e-9
        ).all()
    assert not torch.equal(found.train.inputs, DATASETS[kind](divided="at random").load().train.inputs)


def test_folds_and_fewer_examples_have_their_share_of_every_class_too():
    dataset = DATASETS["digits"]().load()
    for fold in range(10):
        part = folded(dataset, Recipe(folds=10, fold=fold))
        assert part.validation.targets.bincount(minlength=10).min() >= 12
    assert fewer(dataset, Recipe(examples=100)).train.targets.bincount(minlength=10).tolist() == pytest.approx(
        [10] * 10, abs=1
    )


def test_copies_in_the_test_set_are_counted():
    images = torch.arange(60, dtype=torch.uint8).reshape(10, 1, 2, 3)
    whole = Split(images, torch.zeros(10, dtype=torch.long))
    test = Split(torch.cat([images[:3], images[:1] + 100]), torch.zeros(4, dtype=torch.long))
    assert copies(Dataset("x", "image", ("a", "b"), whole, whole, test)) == 3
    assert copies(DATASETS["digits"]().load()) == 0


LAYOUTS = {
    "deep": (["dark/a/b/1", "dark/2", "light/x/3", "light/4"], None),
    "held by one folder": (["set/inner/dark/1", "set/inner/dark/2", "set/inner/light/3", "set/inner/light/4"], None),
    "split": (
        ["train/dark/1", "train/light/2", "train/light/5", "train/dark/6", "test/dark/3", "test/light/4"],
        (4, 0, 2),
    ),
    "split in one folder": (["set/Train/dark/1", "set/Train/light/2", "set/val/dark/3", "set/test/light/4"], (2, 1, 1)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_folders_and_zips_are_understood_alike_however_deep_they_lie(tmp_path, layout):
    names, sizes = LAYOUTS[layout]
    for number, name in enumerate(names):
        file = tmp_path / "all" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(painted("L", value=20 + number if "dark" in name else 220 + number))
    (tmp_path / "all" / "notes.txt").write_text("beside the classes")
    (tmp_path / "all" / "dark").mkdir(exist_ok=True)
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "all")
    options = {"size": 8, "colour": "grey", "validation": 0.0, "test": 0.25}
    one, two = (DATASETS["images"](path=str(p), **options).load() for p in (tmp_path / "all", packed))
    assert one.classes == two.classes == ("dark", "light")
    for split, other in zip((one.train, one.validation, one.test), (two.train, two.validation, two.test), strict=True):
        assert torch.equal(split.inputs, other.inputs)
        assert torch.equal(split.targets, other.targets)
        assert (split.inputs.float().mean(dim=(1, 2, 3)) > 128).long().tolist() == split.targets.tolist()
    assert sum(map(len, one.splits().values())) == len(names)
    if sizes:
        assert (len(one.train), len(one.validation), len(one.test)) == sizes


def test_paths_that_nobody_at_this_machine_named_are_refused_without_a_word_of_them(tmp_path, home, monkeypatch):
    monkeypatch.delenv("VITRINE_DATA")
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    (secret / "people.csv").write_text("name,salary\n1,2\n3,4\n")
    (home / "data").mkdir(parents=True)
    (home / "data" / "link.csv").symlink_to(secret / "people.csv")
    for kind in ("table", "images"):
        said = set()
        for path in (
            secret / "people.csv",
            secret / "missing.csv",
            "/etc",
            "/root/x",
            home / "data" / ".." / "vitrine.db",
        ):
            with pytest.raises(VitrineError) as caught:
                DATASETS[kind](path=str(path)).load()
            said.add(str(caught.value))
            assert not DATASETS[kind](path=str(path)).here()
        assert len(said) == 1
    with pytest.raises(VitrineError, match="are read from"):
        DATASETS["table"](path=str(home / "data" / "link.csv")).load()
    (home / "data" / "mine.csv").write_text("a,y\n" + "1,x\n2,z\n" * 10)
    assert DATASETS["table"](path=str(home / "data" / "mine.csv")).load().classes == ("x", "z")
    permit(str(secret / "people.csv"))
    with pytest.raises(VitrineError, match="Nothing is left"):
        DATASETS["table"](path=str(secret / "people.csv"), validation=0.9, test=0.9).load()


def test_a_table_is_read_and_scaled(tmp_path):
    rows = "".join(f"{i},{i * i},{'even' if i % 2 == 0 else 'odd'}\n" for i in range(40))
    found = table(tmp_path, "a,b,parity\n" + rows).load()
    assert found.classes == ("even", "odd")
    assert found.sizes == (2,)
    scaler = StandardScaler().fit(found.train.inputs.numpy())
    for name, split in taken(found).splits.items():
        expected = scaler.transform(found.splits()[name].inputs.numpy())
        torch.testing.assert_close(split.inputs.double(), torch.from_numpy(expected), atol=1e-1, rtol=2e-2)
    number = table(
        tmp_path, "a,b,parity\n" + rows.replace("even", "0").replace("odd", "1"), target="b", goal="number"
    ).load()
    assert number.train.targets.shape[1:] == (1,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least two columns"),
        ("a,b\n1,x\n,y\n", "Line 3, column 'a' is empty"),
        ("a,b\n1,x\nten,y\n", "holds 'ten', which is no number"),
        ("a,b\n1,x\nnan,y\n", "no number"),
        ("a,b\n1,x\n2\n", "has not 2 columns"),
        ("a,b\n1,x\n2,x\n", "holds 1 classes"),
    ],
)
def test_tables_with_holes_are_told(tmp_path, text, words):
    with pytest.raises(VitrineError, match=words):
        table(tmp_path, text).load()


def test_scenes_know_everything_that_is_in_them():
    for one in DATASETS["scenes"](number=60, things=4).scenes():
        assert 1 <= len(one.things) <= 4
        assert sum(one.counts.values()) == len(one.things)
        for thing in one.things:
            left, top, right, bottom = thing.box
            assert thing.mask[top:bottom, left:right].sum() == thing.mask.sum() > 0
            assert f"{thing.colour} {thing.shape}" in one.sentence
            seen = one.image[:, thing.mask].mean(axis=1)
            nearest = min(COLOURS, key=lambda name: abs(seen - COLOURS[name]).sum())
            assert nearest == thing.colour
        masks = sum(thing.mask.astype(int) for thing in one.things)
        assert masks.max() == 1  # what is hidden belongs to nobody


# -- files and servers that are not what they should be --------------------------------------------------------------


def idx(values, sizes, kind=8):
    return b"\0\0" + bytes([kind, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + bytes(values)


def packed(content):
    return gzip.compress(content, mtime=0)


GARBAGE = packed(idx(range(256), (4, 8, 8)))[:-20] + b"\xff" * 40
ODD_MNIST = {
    "255 axes": ("train-images-idx3-ubyte.gz", packed(b"\0\0\x08\xff" + b"\0" * 2000), "255 axes"),
    "garbage inside": ("train-images-idx3-ubyte.gz", GARBAGE, "cannot be read"),
    "no gzip": ("train-images-idx3-ubyte.gz", b"hello", "cannot be read"),
    "labels beyond the classes": ("train-labels-idx1-ubyte.gz", packed(idx([0, 1, 2, 77] * 5, (20,))), "78th"),
    "another size in the test": (
        "t10k-images-idx3-ubyte.gz",
        packed(idx([7] * 20 * 36, (20, 6, 6))),
        "belong together",
    ),
    "fewer labels": ("t10k-labels-idx1-ubyte.gz", packed(idx([1] * 7, (7,))), "belong together"),
    "labels that are no bytes": ("train-labels-idx1-ubyte.gz", packed(idx([0] * 80, (20,), 0x0C)), "belong together"),
    "no examples": ("t10k-images-idx3-ubyte.gz", packed(idx([], (0, 8, 8))), "belong together|cut short"),
}


@pytest.mark.parametrize("odd", ODD_MNIST)
def test_odd_files_of_mnist_end_in_words(home, odd):
    folder = home / "data" / "mnist"
    folder.mkdir(parents=True)
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(packed(idx([7] * 20 * 64, (20, 8, 8))))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(packed(idx([0, 1, 2, 9] * 5, (20,))))
    assert len(DATASETS["mnist"]().load().test) == 20
    name, content, words = ODD_MNIST[odd]
    (folder / name).write_bytes(content)
    with pytest.raises(VitrineError, match=words):
        DATASETS["mnist"]().load()


def tarred(**members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"cifar/{name.replace('__', '.')}")
            if content is None:
                entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


RECORD = bytes([3]) + bytes(3072)
WHOLE = {"data_batch_1__bin": RECORD * 4, "test_batch__bin": RECORD * 2, "batches__meta__txt": b"a b c d"}
ODD_CIFAR = {
    "cut short": (tarred(**WHOLE)[:-60], "cannot be unpacked|does not hold"),
    "garbage": (os.urandom(2000), "cannot be unpacked"),
    "without a test part": (tarred(data_batch_1__bin=RECORD), "does not hold"),
    "a link": (tarred(**WHOLE | {"test_batch__bin": None}), "does not hold"),
    "no whole records": (tarred(**WHOLE | {"test_batch__bin": RECORD[:-5]}), "no CIFAR binary file"),
    "names that are no text": (tarred(**WHOLE | {"batches__meta__txt": b"\xff\xfe\x00\xd8"}), "cannot be read as text"),
    "labels beyond the classes": (tarred(**WHOLE | {"batches__meta__txt": b"a b"}), "4th"),
}


@pytest.mark.parametrize("odd", ODD_CIFAR)
def test_odd_archives_of_cifar_end_in_words(home, odd):
    content, words = ODD_CIFAR[odd]
    folder = home / "data" / "cifar-10"
    folder.mkdir(parents=True)
    (folder / "cifar-10-binary.tar.gz").write_bytes(content)
    with pytest.raises(VitrineError, match=words):
        DATASETS["cifar-10"]().load()


def test_a_whole_archive_of_cifar_is_read(home):
    folder = home / "data" / "cifar-10"
    folder.mkdir(parents=True)
    (folder / "cifar-10-binary.tar.gz").write_bytes(tarred(**WHOLE))
    assert DATASETS["cifar-10"]().load().classes == ("a", "b", "c", "d")


def test_a_stream_that_is_broken_inside_a_zip_ends_in_words(tmp_path):
    path = Path(zipped(tmp_path / "x.zip", a__x=b"", **{"a__y.png": painted(), "b__z.png": os.urandom(5000)}))
    whole = bytearray(path.read_bytes())
    tried = refused = 0
    for at in range(40, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(bytes(whole[:at]) + b"\xa5" + bytes(whole[at + 1 :]))
        tried += 1
        try:
            DATASETS["images"](path=str(path), size=8).load()
        except VitrineError:
            refused += 1
    assert tried >= 60
    assert refused > 50


ANSWERS = {
    "cut": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 400,
        "ended after 400 of 1,000 bytes|IncompleteRead",
    ),
    "a false length": (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nxx", "could not be fetched|checksum"),
    "a broken chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nxx", "could not be fetched"),
    "no http": (b"hello there\r\n\r\n", "could not be fetched"),
    "nothing": (b"", "could not be fetched"),
}


@pytest.mark.parametrize("odd", ANSWERS)
def test_servers_that_answer_oddly_end_in_words_and_what_came_is_kept(tmp_path, odd):
    answer, words = ANSWERS[odd]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            caller, _ = server.accept()
            with caller:
                caller.recv(65536)
                caller.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(VitrineError, match=words):
            download(f"http://127.0.0.1:{server.getsockname()[1]}/f.bin", tmp_path / "f.bin", "0" * 32)
        thread.join()
    assert not (tmp_path / "f.bin").exists()
    if odd == "cut":
        assert (tmp_path / "f.bin.part").stat().st_size == 400  # the next try goes on from here


def test_images_tell_how_far_they_are_read_and_can_be_ended(tmp_path):
    for label in ("a", "b"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for number in range(10):
            (tmp_path / "set" / label / f"{number}.png").write_bytes(painted("L"))
    shares = []

    def tell(share):
        shares.append(share)
        if share >= 0.5:
            raise VitrineError("Enough.")

    with pytest.raises(VitrineError, match="Enough"), telling(tell):
        DATASETS["images"](path=str(tmp_path / "set"), size=8).load()
    assert shares == pytest.approx([place / 20 for place in range(11)])


def test_pictures_have_a_limit_of_dots_together(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.data.images.MOST_PIXELS", 5 * 40 * 30)
    for label in ("a", "b"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for number in range(5):
            (tmp_path / "set" / label / f"{number}.png").write_bytes(painted("L"))
    with pytest.raises(VitrineError, match="pixels together"):
        DATASETS["images"](path=str(tmp_path / "set"), size=8).load()


def test_a_large_picture_is_read_apart_within_memory_and_time(monkeypatch):
    buffer = io.BytesIO()
    Image.new("RGBA", (6000, 6000), (10, 200, 30, 255)).save(buffer, "PNG")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = brought(buffer.getvalue(), "large.png")
    assert found.image.size == (1024, 1024)
    assert found.image.getpixel((5, 5)) == (10, 200, 30)
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    )  # kilobytes; decoded here, 137,000 alone
    with pytest.raises(VitrineError, match="cannot be read as an image"):
        brought(buffer.getvalue()[:5000] + os.urandom(10), "broken.png")
    monkeypatch.setattr("engine.data.pictures.SECONDS", 0.01)
    with pytest.raises(VitrineError, match="took more than"):
        brought(buffer.getvalue(), "slow.png")
