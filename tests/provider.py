"""A small provider of accounts (OpenID Connect) for tests: it says of everybody what it was told to say."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.serving import listening

CLIENT, SECRET = "vitrine", "a secret between the two"


class Provider:
    """Signs everybody in at once, as whoever `claims` says."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.claims: dict[str, Any] = {"sub": "1"}
        self.address = ""
        self.codes: dict[str, str] = {}
        self.left = 0

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/openid-configuration", self.configuration),
            Route("/keys", self.keys),
            Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]),
            Route("/leave", self.leave),
        ]

    async def configuration(self, _: Request) -> Response:
        told = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "end_session_endpoint": f"{self.address}/leave",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return JSONResponse(told)

    async def keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        asked = request.query_params
        self.codes[code := secrets.token_hex(8)] = asked.get("nonce", "")
        return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}", 302)

    async def token(self, request: Request) -> Response:
        nonce = self.codes.pop(str((await request.form())["code"]))
        claims = {"iss": self.address, "aud": CLIENT, "exp": int(time.time()) + 600, "iat": int(time.time())}
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, {**claims, "nonce": nonce, **self.claims}, self.key)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": signed, "expires_in": 600})

    async def leave(self, request: Request) -> Response:
        self.left += 1
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], 302)


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve a provider for as long as a test takes."""
    made = Provider()
    with listening(*made.routes()) as port:
        made.address = f"http://127.0.0.1:{port}"
        yield made


def secrets_for(made: Provider, port: int) -> str:
    """Return what Streamlit is told of the provider."""
    return f"""[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "{secrets.token_hex(16)}"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "{made.address}/.well-known/openid-configuration"
"""
