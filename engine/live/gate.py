"""Gate: what every request and socket of the app passes first: host and origin, who asks, and what pages may load."""

import hashlib
import html
import ipaddress
import os
import platform
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from engine.home import home
from engine.live.accounts import LEAVE, PASSAGES, Accounts, called, holder
from engine.live.visitor import HEADER, ROLES, Visitor, keys, signing_in

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
SAFE = ("GET", "HEAD", "OPTIONS")
A_MONTH = 30 * 24 * 3600
WORD, NAME = "token", "name"  # in an address that lets somebody in
ENTER, WITH, TO = "/enter", "with", "to"  # where signing in with an account begins, with whose, and to go where
MOST_WAY = 3000  # signs of an address that a browser keeps on the way through a provider's pages

ELSEWHERE = """This address is not one of Vitrine's own. Whoever runs it can add the name in VITRINE_HOSTS."""

SIGN_IN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Vitrine</title>
<meta name="viewport" content="width=device-width">
<style>html{color-scheme:light dark}
body{font:16px system-ui;max-width:22rem;margin:18vh auto;padding:0 1rem;color:#1c2329;background:#fbfbf9}
input,button,.way{font:inherit;display:block;width:100%%;box-sizing:border-box;padding:.6rem;margin:.3rem 0 1rem}
button,.way{background:#0b6b8a;color:#fff;border:0;border-radius:.5rem;text-align:center;text-decoration:none}
@media(prefers-color-scheme:dark){body{color:#e4e8ea;background:#11161b}}</style>
<h1>Vitrine</h1><p>%s</p>%s<form method="get">%s<label>The word from your invitation
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

    def __init__(self, app: App, page: Path, accounts: Accounts | None = None):
        self.app, self.accounts = app, accounts
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
            if answer := self._on_the_way(asked, visitor):
                await answer(scope, receive, self._guarding(send))
                return
            underway = self.accounts is not None and scope["path"] in PASSAGES
            if visitor is None and not underway:
                await self._refuse(scope, receive, send, self._stranger(scope, asked))
                return
            if visitor is not None:
                passed.append((HEADER.encode(), keys().sealed(visitor).encode()))
            # Whoever keeps coming by an invitation is known for longer.
            if visitor is not None and not visitor.account and asked.headers.get("sec-fetch-dest") == "document":
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
        """Return who asks: as what their account or their invitation lets them, whichever lets them do more."""
        claims = self._claims(asked)
        found = [holder(claims) if claims else None, keys().opened(asked.cookies.get(cookie(), ""))]
        return min(filter(None, found), key=lambda visitor: ROLES.index(visitor.role), default=None)

    def _claims(self, asked: HTTPConnection) -> Mapping[str, Any] | None:
        return self.accounts.claims(asked.cookies, asked.headers.get("host", "")) if self.accounts else None

    def _on_the_way(self, asked: HTTPConnection, visitor: Visitor | None) -> Response | None:
        """Send somebody to their provider, or, back from there, to where the link led that they came by."""
        if self.accounts is None or asked.scope["type"] != "http":
            return None
        way = f"{cookie()}-way"
        if asked.scope["path"] == ENTER:
            wanted = asked.query_params.get(WITH, "")
            if wanted not in self.accounts.providers():
                return PlainTextResponse("There is no such account to sign in with.", 404)
            answer = RedirectResponse(self.accounts.passage(wanted), 303)
            answer.set_cookie(way, quote(asked.query_params.get(TO, "")[:MOST_WAY]), 600, httponly=True, samesite="lax")
            return answer
        if visitor is None or asked.scope["path"] != "/" or way not in asked.cookies:
            return None
        target = urlsplit(unquote(asked.cookies[way]))
        inside = "/" + quote(target.path.lstrip("/\\"))
        answer = RedirectResponse(inside + (f"?{target.query}" if target.query else ""), 303)
        answer.delete_cookie(way)
        return answer

    def _stranger(self, scope: Scope, asked: HTTPConnection) -> Response:
        """Return the page for somebody who is not known, or whose account is not meant."""
        ways = self.accounts.providers() if self.accounts else ()
        if claims := self._claims(asked):
            words = f"{called(claims)} is not among those who were invited. Ask whoever runs this Vitrine."
            return sign_in(words, 403, scope, {"Sign out": LEAVE})
        words = "This Vitrine is open to those who were invited."
        query = scope["query_string"].decode("latin-1")
        to = scope["path"] + (f"?{query}" if query else "")
        return sign_in(words, 401, scope, {_with(way): f"{ENTER}?{urlencode({WITH: way, TO: to})}" for way in ways})

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


def _with(provider: str) -> str:
    return f"Sign in with {'your account' if provider == 'default' else provider.capitalize()}"


def sign_in(words: str, status: int, scope: Scope, ways: Mapping[str, str] | None = None) -> Response:
    """Return the page on which one types the word of an invitation; what the address held stays in it."""
    links = "".join(
        f'<a class="way" href="{html.escape(to)}">{html.escape(way)}</a>' for way, to in (ways or {}).items()
    )
    kept = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in _others(scope)
    )
    return HTMLResponse(SIGN_IN % (html.escape(words), links, kept), status)


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
