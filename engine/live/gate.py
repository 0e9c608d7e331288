"""Gate: what every request and socket of the app passes first: host and origin, who asks, and what pages may load."""

import hashlib
import html
import ipaddress
import os
import platform
from base64 import b64encode
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from engine.home import home
from engine.live.visitor import HEADER, Visitor, keys, signing_in

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
SAFE = ("GET", "HEAD", "OPTIONS")
A_MONTH = 30 * 24 * 3600
WORD, NAME = "token", "name"  # in an address that lets somebody in

ELSEWHERE = """This address is not one of Vitrine's own. Whoever runs it can add the name in VITRINE_HOSTS."""

SIGN_IN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Vitrine</title>
<meta name="viewport" content="width=device-width">
<style>body{font:16px system-ui;max-width:22rem;margin:18vh auto;padding:0 1rem;color:#1c2329;background:#fbfbf9}
input,button{font:inherit;display:block;width:100%%;box-sizing:border-box;padding:.6rem;margin:.3rem 0 1rem}
button{background:#0b6b8a;color:#fff;border:0;border-radius:.5rem}
@media(prefers-color-scheme:dark){body{color:#e4e8ea;background:#11161b}}</style>
<h1>Vitrine</h1><p>%s</p><form method="get">%s<label>The word from your invitation
<input name="token" type="password" required autofocus></label>
<label>Your name, if you like<input name="name" maxlength="40"></label><button>Come in</button></form></html>"""


def trusted(host: str, origin: str | None) -> bool:
    """Return whether a connection comes from a page of ours: a page elsewhere must not reach us through a browser.

    Numbers and names of this machine are trusted, and those of VITRINE_HOSTS; a name that somebody else's server
    lets point here is not.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        comes_from = host if origin is None else urlsplit(origin).netloc
    except ValueError:  # an address that is none
        return False
    known = {"localhost", platform.node().lower(), *os.environ.get("VITRINE_HOSTS", "").lower().split(",")} - {""}
    return (name in known or _is_number(name)) and comes_from == host


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def policy(page: Path) -> str:
    """Return what pages may load and run: what this server sends, and no script that stands in a page's own text.

    Streamlit hands components over as blobs, styles itself inline, and has one script in its page, known by its hash.
    """
    text = page.read_text(encoding="utf-8")
    inside = [part.partition("</script>")[0] for part in text.split("<script>")[1:]]
    own = " ".join(f"'sha256-{b64encode(hashlib.sha256(part.encode()).digest()).decode()}'" for part in inside)
    return (
        f"default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval' {own}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; media-src 'self' blob:; "
        "manifest-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    )


class Gate:
    """Stands before the whole app: pages, files, uploads and sockets, Streamlit's and ours."""

    def __init__(self, app: App, page: Path):
        self.app = app
        self.headers = [
            (b"content-security-policy", policy(page).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let pass what comes from a page of ours and, where people sign in, from somebody who has."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        host, origin = asked.headers.get("host", ""), asked.headers.get("origin")
        if not trusted(host, None if scope.get("method") in SAFE else origin):
            await self._refuse(scope, receive, send, PlainTextResponse(ELSEWHERE, 403))
            return
        passed = [(name, value) for name, value in scope["headers"] if name.lower() != HEADER.encode()]
        if signing_in():
            visitor = self._known(asked)
            if scope["type"] == "http" and asked.query_params.get(WORD):
                await self._admit(scope, asked, visitor)(scope, receive, send)
                return
            if visitor is None:
                words = "This Vitrine is open to those who were invited."
                await self._refuse(scope, receive, send, sign_in(words, 401, scope))
                return
            passed.append((HEADER.encode(), keys().sealed(visitor).encode()))
            if asked.headers.get("sec-fetch-dest") == "document":  # whoever keeps coming is known for longer
                renewed = Response()
                _mark(renewed, visitor)
                send = self._guarding(send, renewed.raw_headers[-1:])
        await self.app({**scope, "headers": passed}, receive, self._guarding(send))

    def _guarding(self, send: Send, more: Sequence[tuple[bytes, bytes]] = ()) -> Send:
        added = [*(more or self.headers)]

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        return guarded

    def _known(self, asked: HTTPConnection) -> Visitor | None:
        return keys().opened(asked.cookies.get(cookie(), ""))

    def _admit(self, scope: Scope, asked: HTTPConnection, before: Visitor | None) -> Response:
        """Let somebody in who has the word, and take it out of the address."""
        role = keys().role_of(asked.query_params[WORD])
        if role is None:
            return sign_in("That word lets nobody in. Ask whoever invited you.", 403, scope)
        visitor = keys().admitted(role, asked.query_params.get(NAME, ""), before)
        rest = _others(scope)
        path = "/" + quote(scope["path"].lstrip("/"))
        answer = RedirectResponse(path + (f"?{urlencode(rest)}" if rest else ""), 303)
        _mark(answer, visitor)
        return answer

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, answer: Response) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, self._guarding(send))


def _mark(answer: Response, visitor: Visitor) -> None:
    """Let a browser keep who it is."""
    answer.set_cookie(cookie(), keys().sealed(visitor), A_MONTH, httponly=True, samesite="lax", path="/")


def _others(scope: Scope) -> list[tuple[str, str]]:
    """Return what an address says besides the word and the name: what its link leads to."""
    every = parse_qsl(scope["query_string"].decode("latin-1"))
    return [(name, value) for name, value in every[:50] if name not in (WORD, NAME)]


def sign_in(words: str, status: int, scope: Scope) -> Response:
    """Return the page on which one types the word of an invitation; what the address held stays in it."""
    kept = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in _others(scope)
    )
    return HTMLResponse(SIGN_IN % (words, kept), status)


def cookie() -> str:
    """Return the cookie's name: several apps on one machine, each with a home of its own, must not share it."""
    return f"vitrine-{hashlib.sha256(str(home()).encode()).hexdigest()[:8]}"


def invitations(address: str) -> str:
    """Return what to tell people, and which of them."""
    words = keys().words
    return (
        f"  For you, who may do everything: {address}/?{WORD}={words['host']}\n"
        f"  For a class, each with own runs: {address}/?{WORD}={words['guest']}\n"
        f"  For those who only look:        {address}/?{WORD}={words['looker']}\n"
    )
