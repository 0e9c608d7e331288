"""Experiments as text short enough for a link."""

import base64
import binascii
import zlib

from engine.errors import VitrineError
from engine.training.experiment import MOST_BYTES, Experiment, dump, load

MOST_LINK = 16_000  # what browsers, servers and chat programs pass on untouched


def to_link(experiment: Experiment) -> str:
    """Return the experiment as text that may stand in an address."""
    return base64.urlsafe_b64encode(zlib.compress(dump(experiment).encode(), 9)).decode().rstrip("=")


def from_link(text: str) -> Experiment:
    """Make an experiment from a link's text, or say in one sentence what is wrong with it."""
    if len(text) > 4 * MOST_LINK:
        raise VitrineError(f"The link has {len(text):,} characters: at most {4 * MOST_LINK:,} fit.")
    broken = VitrineError("The link is damaged: it cannot be unpacked.", cure="Copy the whole address once more.")
    try:
        packed = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpacking = zlib.decompressobj()
        unpacked = unpacking.decompress(packed, MOST_BYTES + 1)
    except (binascii.Error, zlib.error, UnicodeEncodeError, ValueError):
        raise broken from None
    if len(unpacked) <= MOST_BYTES and not unpacking.eof:
        raise broken
    return load(unpacked)
