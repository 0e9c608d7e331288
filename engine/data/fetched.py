"""Datasets that are fetched on request, or placed by hand; of pictures MNIST and its kin, CIFAR."""

import hashlib
import tarfile
import time
import urllib.request
import zlib
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import ClassVar

import torch

from engine.data.dataset import SEED, VALIDATION, Dataset, Portion, Seed, Source, Split, source
from engine.data.formats import read_cifar, read_idx
from engine.data.splitting import hold_out
from engine.errors import VitrineError
from engine.home import home
from engine.registry import printable

MOST_FETCHED = 2**31  # bytes of one file
PATIENCE = 30  # seconds without a byte, after which fetching gives up
LIMIT = 3600  # seconds in all
Told = Callable[[str, int, int], None]  # file, bytes so far, bytes in all (0 where nobody says)


def place_of(kind: str) -> Path:
    """Return the folder where a dataset's files lie."""
    return home() / "data" / kind


class Fetched(Source):
    """A dataset of files at an address, each with its checksum."""

    fetched = True
    address: ClassVar[str] = ""
    files: ClassVar[dict[str, str]] = {}  # name: MD5

    def _found(self) -> bool:
        folder = place_of(self.kind)
        return all((folder / name).exists() for name in self.files)

    def here(self) -> bool:
        """Return whether all files are in place."""
        return self._found()

    def fetch(self, told: Told | None = None) -> None:
        """Fetch the files that are not here, going on where an earlier attempt ended."""
        folder = place_of(self.kind)
        for name, checksum in self.files.items():
            if not (folder / name).exists():
                download(f"{self.address}{name}", folder / name, checksum, told)

    def opened(self) -> Path:
        """Return the folder of the files, all of which are there."""
        if not self.here():
            raise self._missing()
        return place_of(self.kind)

    def _missing(self) -> VitrineError:
        folder, names = place_of(self.kind), ", ".join(self._wanted())
        cure = f"Fetch it with `vitrine data {self.kind} --fetch`, or place {names} in {folder}."
        return VitrineError(f"{self.title} is not here yet.", cure=cure)

    def _wanted(self) -> tuple[str, ...]:
        return tuple(self.files)


class _Pictures(Fetched):
    """Pictures of which some are for the test."""

    validation: Portion = VALIDATION
    seed: Seed = SEED

    def _dataset(self, train: Split, test: Split, classes: tuple[str, ...]) -> Dataset:
        highest = int(max(train.targets.max(), test.targets.max()))
        if highest >= len(classes):
            words = f"{self.title} has {len(classes)} classes, and an example is of the {highest + 1}th."
            raise VitrineError(words, cure="Fetch its files again.")
        kept, validation = hold_out(train, self)
        return Dataset(self.title, "image", classes, kept, validation, test, self.divided)


def download(address: str, target: Path, checksum: str, told: Told | None = None) -> None:
    """Fetch one file beside its place, check it, and put it there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            goes_on = answer.status == 206
            total = int(answer.headers.get("Content-Length") or 0) + (have if goes_on else 0)
            with part.open("ab" if goes_on else "wb") as file:
                while piece := answer.read(1 << 18):
                    file.write(piece)
                    if told:
                        told(target.name, file.tell(), total)
                    if time.monotonic() - began > LIMIT:
                        raise TimeoutError("it took more than an hour")
                    if file.tell() > MOST_FETCHED:
                        raise OSError("it sends more than any of these files holds")
                if file.tell() < total:
                    raise ConnectionError(f"the connection ended after {file.tell():,} of {total:,} bytes")
    except (OSError, HTTPException, ValueError) as error:  # a server may answer anything, or nothing that is HTTP
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise VitrineError(
            f"{target.name} could not be fetched ({reason}).",
            cure=f"Try again, which goes on where it ended, or place the file in {target.parent}.",
        ) from None
    if hashlib.md5(part.read_bytes(), usedforsecurity=False).hexdigest() != checksum:
        part.unlink()
        raise VitrineError(f"{target.name} is not the file it should be: its checksum differs.", cure="Fetch it again.")
    part.replace(target)


class _Idx(_Pictures):
    """MNIST's four files."""

    names: ClassVar[tuple[str, ...]] = tuple("0123456789")

    def load(self):
        """Read the four files."""
        folder = self.opened()
        images, labels, test_images, test_labels = (read_idx(folder / name) for name in self.files)
        same = images.shape[1:] == test_images.shape[1:]
        for x, y in ((images, labels), (test_images, test_labels)):
            bytes_only = x.dtype == y.dtype == torch.uint8
            if not (bytes_only and same and x.dim() == 3 and y.dim() == 1 and len(x) == len(y) > 0):
                raise VitrineError(f"The files of {self.title} do not belong together.", cure="Fetch them again.")
        train = Split(images.unsqueeze(1), labels.long())
        return self._dataset(train, Split(test_images.unsqueeze(1), test_labels.long()), self.names)


def _four(*checksums: str) -> dict[str, str]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return {f"{name}-ubyte.gz": checksum for name, checksum in zip(names, checksums, strict=True)}


@source("mnist")
class Mnist(_Idx):
    """70,000 handwritten digits, 28×28."""

    title, licence, origin = "MNIST", "CC BY-SA 3.0", "Y. LeCun, C. Cortes, C. Burges"
    address = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    files = _four(
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    )


@source("fashion-mnist")
class FashionMnist(_Idx):
    """70,000 pictures of clothes, 28×28."""

    title, licence, origin = "Fashion-MNIST", "MIT", "Zalando Research"
    names = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
    address = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
    files = _four(
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    )


@source("kmnist")
class Kmnist(_Idx):
    """70,000 handwritten Japanese characters, 28×28."""

    title, licence, origin = "KMNIST", "CC BY-SA 4.0", "Center for Open Data in the Humanities"
    names = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    address = "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"
    files = _four(
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
    )


class _Cifar(_Pictures):
    """CIFAR's binary files, from its archive or placed by hand."""

    address = "https://www.cs.toronto.edu/~kriz/"
    labels: ClassVar[int] = 1
    trains: ClassVar[tuple[str, ...]] = ()
    test: ClassVar[str] = ""
    meta: ClassVar[str] = ""

    def here(self) -> bool:
        """Return whether the test file and at least one training file, or the archive, are in place."""
        folder = place_of(self.kind)
        unpacked = (folder / self.test).exists() and any((folder / name).exists() for name in self.trains)
        return unpacked or self._found()

    def load(self):
        """Read as many of the training files as are there, and the test file."""
        folder = self.opened()
        if not (folder / self.test).exists():
            self._unpack(folder)
        parts = [read_cifar(folder / name, self.labels) for name in self.trains if (folder / name).exists()]
        train = Split(torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts]))
        classes = self._classes(folder) or tuple(map(str, range(10 if self.labels == 1 else 100)))
        return self._dataset(train, Split(*read_cifar(folder / self.test, self.labels)), classes)

    def _classes(self, folder: Path) -> tuple[str, ...]:
        """Return the names of the classes, where a file tells them."""
        try:
            text = (folder / self.meta).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError):
            raise VitrineError(f"{self.meta} cannot be read as text.", cure="Remove it, or fetch it again.") from None
        return tuple(printable(name) for name in text.split())

    def _unpack(self, folder: Path) -> None:
        """Take just the files that are wanted out of the archive, by their last names; links are none of them."""
        (archive,) = self.files
        try:
            with tarfile.open(folder / archive) as packed:
                for member in packed:
                    name = Path(member.name).name
                    if member.isfile() and name in (*self.trains, self.test, self.meta) and member.size < 2**28:
                        content = packed.extractfile(member)
                        assert content
                        (folder / name).write_bytes(content.read())
        except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
            words = f"{archive} cannot be unpacked ({type(error).__name__})."
            raise VitrineError(words, cure="Remove it, and fetch it again.") from None
        if not (folder / self.test).exists() or not any((folder / name).exists() for name in self.trains):
            raise VitrineError(f"{archive} does not hold {self.title}'s files.", cure="Remove it, and fetch it again.")

    def _wanted(self) -> tuple[str, ...]:
        return (*self.trains, self.test)


@source("cifar-10")
class Cifar10(_Cifar):
    """60,000 colour photographs of ten kinds of thing, 32×32."""

    title, licence, origin = "CIFAR-10", "not stated", "A. Krizhevsky"
    files = {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"}
    trains, test, meta = tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin", "batches.meta.txt"


@source("cifar-100")
class Cifar100(_Cifar):
    """60,000 colour photographs of a hundred kinds of thing, 32×32."""

    title, licence, origin, labels = "CIFAR-100", "not stated", "A. Krizhevsky", 2
    files = {"cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8"}
    trains, test, meta = ("train.bin",), "test.bin", "fine_label_names.txt"
