"""Progress: how far reading has come that takes long, told to whoever asked for it, who may end it."""

import contextlib
from collections.abc import Callable, Generator
from contextvars import ContextVar

Told = Callable[[float], None]  # given the share that is done; what it raises ends the reading
_told: ContextVar[Told | None] = ContextVar("told", default=None)


@contextlib.contextmanager
def telling(told: Told) -> Generator[None]:
    """While entered, whoever is asked in here is told how far reading has come."""
    token = _told.set(told)
    try:
        yield
    finally:
        _told.reset(token)


def done(share: float) -> None:
    """Tell that this share is read."""
    if told := _told.get():
        told(share)
