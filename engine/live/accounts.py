"""Accounts: people who sign in with an account of their school or firm, beside those who were invited by a word."""

import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from engine.live.visitor import Visitor, keys

Claims = Mapping[str, Any]  # what a provider says of somebody
TEACHERS, MEMBERS = "VITRINE_TEACHERS", "VITRINE_MEMBERS"
PASSAGES = ("/auth/login", "/auth/logout", "/oauth2callback")  # on which somebody who is not known yet is underway
LEAVE = "/auth/logout"


class Accounts(Protocol):
    """The sign-in that the app's frame offers."""

    def providers(self) -> Sequence[str]:
        """Return the names of those whose accounts let in."""

    def passage(self, provider: str) -> str:
        """Return the address at which signing in with one of them begins."""

    def claims(self, cookies: Mapping[str, str], host: str) -> Claims | None:
        """Return what was said of whoever asks, by what their browser keeps."""


def holder(claims: Claims) -> Visitor | None:
    """Return as whom the holder of an account comes in, or None for somebody who is not meant.

    Teachers are hosts. Members are guests; where no members are named, everybody is whom the provider lets in.
    The same account has the same runs in every browser.
    """
    known = _known_as(claims)
    if not known:
        return None
    teachers, members = _listed(TEACHERS), _listed(MEMBERS)
    name = str(claims.get("name") or claims.get("email") or "")
    if known & teachers:
        return replace(keys().admitted("host", name), account=True)
    if members and not known & members:
        return None
    account = f"{claims.get('provider')} {claims.get('iss')} {claims['sub']}"
    key = hmac.new(keys().seal, account.encode(), hashlib.sha256).hexdigest()[:16]
    return replace(keys().admitted("guest", name, before=Visitor("guest", key)), account=True)


def membership() -> str:
    """Return who may come in with an account, and as what, for whoever starts the app."""
    teachers, members = _listed(TEACHERS), _listed(MEMBERS)
    hosts = f"{len(teachers)} named in {TEACHERS} may do everything" if teachers else f"nobody is named in {TEACHERS}"
    guests = f"{len(members)} named in {MEMBERS}" if members else f"everybody with one ({MEMBERS} names none)"
    return f"  There {hosts}; guests are {guests}."


def called(claims: Claims) -> str:
    """Return by what a list can name the holder of an account, for people."""
    names = sorted(_known_as(claims), key=lambda name: ("@" not in name, name.startswith("@"), name))
    return names[0] if names else "an account without a name"


def _known_as(claims: Claims) -> set[str]:
    """Return every name for somebody: the provider's own, and the address and its @domain where they are verified.

    An address that nobody has verified can be anybody's, and is not believed.
    """
    subject, address = claims.get("sub"), claims.get("email")
    if not isinstance(subject, str) or not subject:
        return set()
    verified = claims.get("email_verified") is True and isinstance(address, str) and "@" in address
    found = {subject}
    if verified:
        address = str(address).lower()
        found |= {address, f"@{address.rpartition('@')[2]}"}
    return found


def _listed(variable: str) -> set[str]:
    named = (name.strip() for name in os.environ.get(variable, "").split(","))
    return {name.lower() if "@" in name else name for name in named if name}
