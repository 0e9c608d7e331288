"""Frame: what a view computed at one step, as arrays and words."""

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from safetensors.numpy import load, save

LARGE = 2**16  # bytes from which on a frame is made smaller; for less, that takes longer than it saves
PLAIN = b"\0"  # how a frame begins that was left as it is
WORDS = "words"  # the array under which a packed frame holds its words


@dataclass(frozen=True)
class Frame:
    """Arrays by name, and plain values that explain them."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    words: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    @property
    def whole(self) -> bool:
        """Return whether nothing of it is still to come."""
        return self.words.get("progress", 1.0) >= 1.0

    @property
    def bare(self) -> bool:
        """Return whether it only tells how far something is: there is nothing to draw yet."""
        return not self.whole and not self.arrays

    def pack(self) -> bytes:
        """Return the frame as bytes, for a database or a wire."""
        words = np.frombuffer(orjson.dumps(self.words, option=orjson.OPT_SERIALIZE_NUMPY), np.uint8)
        arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays.items()}
        body = save({WORDS: words} | arrays)
        return zlib.compress(body, 1) if len(body) > LARGE else PLAIN + body

    @classmethod
    def unpack(cls, body: bytes) -> "Frame":
        """Return the frame that was packed."""
        arrays = load(body[1:] if body.startswith(PLAIN) else zlib.decompress(body))
        return cls(arrays, orjson.loads(arrays.pop(WORDS).tobytes()))
