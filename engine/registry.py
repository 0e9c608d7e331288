"""One registry for everything that a person can choose by name."""

import difflib
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Generic, TypeVar

from engine.errors import VitrineError

T = TypeVar("T")


class Registry(Generic[T]):
    """Things by name, with an answer for names that nobody has."""

    def __init__(self, noun: str):
        self.noun = noun
        self._things: dict[str, T] = {}

    def add(self, name: str, thing: T) -> T:
        """Keep the thing under its name, which must be new."""
        if name in self._things:
            raise ValueError(f"two {self.noun}s are called {name!r}")
        self._things[name] = thing
        return thing

    def __getitem__(self, name: str) -> T:
        try:
            return self._things[name]
        except (KeyError, TypeError):
            raise VitrineError(f"There is no {self.noun} {shortened(name)}.{self._near(name)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)

    def items(self):
        """Return all pairs of name and thing, in the order they came."""
        return self._things.items()

    def values(self):
        """Return all things, in the order they came."""
        return self._things.values()

    def _near(self, name: object) -> str:
        return did_you_mean(name, self._things)


def did_you_mean(name: object, names) -> str:
    """Return ' Did you mean …?' where a known name is close, else nothing."""
    near = difflib.get_close_matches(str(name)[:80].lower(), list(names), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def shortened(value: object, most: int = 60) -> str:
    """Return the value as it would be typed, cut where it grows long."""
    try:
        text = repr(value[: most + 1] if isinstance(value, str) else value)
    except RecursionError:
        return "something that lies too deep in itself"
    return text if len(text) <= most else text[: most - 1] + "…"


def printable(text: str) -> str:
    """Return a name that somebody gave without signs that nobody sees, which could break files, lines and terminals."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def import_all(package: str) -> None:
    """Import every module of the package and of the packages within, so that each can register what it holds."""
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(module.name)
