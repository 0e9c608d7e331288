"""Files in the formats of well-known datasets, read with distrust."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import torch

from engine.errors import VitrineError

IDX_TYPES = {0x08: np.uint8, 0x09: np.int8, 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_AXES = 4
MOST_BYTES = 2**31  # unpacked; MNIST's largest file has 47 MB


def read_idx(path: Path) -> torch.Tensor:
    """Read an IDX file, gzipped or not."""
    data = _unpacked(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in IDX_TYPES:
        raise VitrineError(f"{path.name} is no IDX file.", cure="Fetch it again, or place the original file there.")
    axes = data[3]
    if not 1 <= axes <= MOST_AXES:
        raise VitrineError(
            f"{path.name} has {axes} axes, and such files have 1 to {MOST_AXES}.", cure="Fetch it again."
        )
    start = 4 + 4 * axes
    sizes = struct.unpack(f">{axes}I", data[4:start]) if len(data) >= start else ()
    dtype = np.dtype(IDX_TYPES[data[2]])
    wanted = math.prod(sizes) * dtype.itemsize
    if not sizes or len(data) - start != wanted:
        raise VitrineError(f"{path.name} is cut short or damaged.", cure="Fetch it again.")
    values = np.frombuffer(data, dtype, offset=start).reshape(sizes)
    return torch.from_numpy(np.ascontiguousarray(values.astype(dtype.newbyteorder("="))))


def _unpacked(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise VitrineError(f"{path.name} cannot be read ({error}).", cure="Fetch it again.") from None
    if len(data) > MOST_BYTES:
        raise VitrineError(f"{path.name} unpacks to more than 2 GiB, which no such file does.")
    return data


def read_cifar(path: Path, labels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Read a CIFAR binary file, whose records have one label (CIFAR-10) or two (CIFAR-100, the fine one last)."""
    data = np.frombuffer(_unpacked(path), np.uint8)
    record = labels + 3 * 32 * 32
    if not len(data) or len(data) % record:
        raise VitrineError(
            f"{path.name} is no CIFAR binary file: its length is no multiple of {record:,}.", cure="Fetch it again."
        )
    records = torch.from_numpy(data.reshape(-1, record).copy())
    return records[:, labels:].reshape(-1, 3, 32, 32), records[:, labels - 1].long()
