"""Visitors: who looks at an app that others can reach, and what each may do."""

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from engine.errors import VitrineError
from engine.home import home

Role = Literal["host", "guest", "looker"]
ROLES: tuple[Role, ...] = ("host", "guest", "looker")
HEADER = "x-vitrine-visitor"  # in which the gate hands on who asks
MOST_NAME = 40
ON = "VITRINE_SIGN_IN"  # set, by the app itself, where others can reach it


@dataclass(frozen=True)
class Visitor:
    """Somebody at a browser: the host may do everything, a guest what concerns own runs, a looker only look."""

    role: Role = "host"
    key: str = ""  # by which a guest's runs are known
    name: str = ""
    account: bool = False  # known by an account, not by an invitation

    @property
    def rules(self) -> bool:
        """Return whether everything here is this visitor's to decide."""
        return self.role == "host"

    def may_act(self) -> str:
        """Return why this visitor may not begin or bring anything, or nothing."""
        return "You came by a link that only lets you look." if self.role == "looker" else ""

    @property
    def mark(self) -> str | None:
        """Return what a run keeps of who began it: the key, and the name for people; nothing of the host."""
        return f"{self.key} {self.name or 'guest'}" if self.key else None

    def owns(self, row: Mapping[str, Any]) -> bool:
        """Return whether a run is this visitor's to stop, change and delete."""
        return self.rules or (self.role == "guest" and (row.get("owner") or "").split(" ")[0] == self.key)

    def check(self, row: Mapping[str, Any]) -> None:
        """Refuse what is not this visitor's to decide."""
        if words := self.may_act():
            raise VitrineError(words)
        if not self.owns(row):
            raise VitrineError("This run is somebody else's.", cure="Train one of your own, or branch off from it.")


HOST = Visitor()
NOBODY = Visitor("looker", "nobody")


def signing_in() -> bool:
    """Return whether visitors must show that they were invited."""
    return os.environ.get(ON) == "1"


class Keys:
    """The three words that let people in, and the seal on what their browsers keep; made once, kept at home."""

    def __init__(self, path: Path | None = None):
        self.path = path or home() / "keys.json"
        kept = self._kept()
        self.seal = bytes.fromhex(kept["seal"])
        self.words: dict[Role, str] = {"host": kept["host"], "guest": kept["guest"], "looker": kept["looker"]}

    def _kept(self) -> dict[str, str]:
        with contextlib.suppress(OSError, orjson.JSONDecodeError):
            kept = orjson.loads(self.path.read_bytes())
            if isinstance(kept, dict) and all(len(str(kept.get(name, ""))) >= 16 for name in ("seal", *ROLES)):
                return kept
        made = {"seal": secrets.token_hex(32)} | {role: secrets.token_urlsafe(18) for role in ROLES}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(f".{os.getpid()}.part")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(made))
        aside.replace(self.path)
        return made

    def role_of(self, word: str) -> Role | None:
        """Return the role that a word lets somebody in as, or None."""
        found: Role | None = None
        for role, known in self.words.items():  # all are compared, so that the time tells nothing
            if hmac.compare_digest(known.encode(), word.encode()):
                found = role
        return found

    def admitted(self, role: Role, name: str = "", before: Visitor | None = None) -> Visitor:
        """Return a visitor of this role; a guest who was here before keeps runs and name, by whatever link."""
        name = "".join(sign for sign in " ".join(name.split()) if sign.isprintable())[:MOST_NAME]
        if before and before.key and role != "host":
            return Visitor(role, before.key, name or before.name)
        return Visitor(role, "" if role == "host" else secrets.token_hex(8), name)

    def sealed(self, visitor: Visitor) -> str:
        """Return what a browser keeps, which nobody else can make."""
        text = base64.urlsafe_b64encode(orjson.dumps(asdict(visitor))).decode().rstrip("=")
        return f"{text}.{self._mark(text)}"

    def opened(self, kept: str) -> Visitor | None:
        """Return who a browser says it is, if that was sealed here."""
        text, _, mark = kept.partition(".")
        if not hmac.compare_digest(self._mark(text).encode(), mark.encode()):
            return None
        with contextlib.suppress(ValueError, binascii.Error, TypeError):
            return Visitor(**orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))
        return None

    def _mark(self, text: str) -> str:
        return hmac.new(self.seal, text.encode(), hashlib.sha256).hexdigest()


_known: dict[Path, Keys] = {}


def keys() -> Keys:
    """Return the keys of this home."""
    path = home() / "keys.json"
    if path not in _known:
        _known[path] = Keys(path)
    return _known[path]


def visitor_of(headers: Mapping[str, str]) -> Visitor:
    """Return who asks, by the header that the gate has set; whoever sits at this machine where nobody signs in."""
    if not signing_in():
        return HOST
    return keys().opened(headers.get(HEADER, "")) or NOBODY
