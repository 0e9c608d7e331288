"""Streamlit's own sign-in with accounts (OpenID Connect): what its settings offer, and what its cookie says."""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from streamlit import auth_util
from streamlit.errors import StreamlitAuthError
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from engine.errors import VitrineError

DEFAULT = "default"


class StreamlitAccounts:
    """The providers of `[auth]` in Streamlit's secrets, and who came by one of them."""

    def __init__(self) -> None:
        section = auth_util.get_secrets_auth_section()
        self.origin = auth_util.get_origin_from_redirect_uri() or ""
        named = [name for name, part in section.items() if isinstance(part, Mapping) and name != "client_kwargs"]
        self._providers = [*([DEFAULT] if section.get("client_id") else []), *named]
        for provider in self._providers:
            try:
                auth_util.validate_auth_credentials(provider)
            except StreamlitAuthError as error:
                words = " ".join(str(error).split())
                raise VitrineError(f"The sign-in with accounts is not set up: {words}") from error
        if self._providers and importlib.util.find_spec("authlib") is None:
            raise VitrineError("Signing in with accounts needs Authlib.", cure="pip install -e '.[accounts]'")

    @property
    def host(self) -> str:
        """Return the name under which people reach the app, as the provider is told."""
        return urlsplit(self.origin).hostname or ""

    def providers(self) -> Sequence[str]:
        """Return the names of those whose accounts let in."""
        return self._providers

    def passage(self, provider: str) -> str:
        """Return the address at which signing in begins; it is good for two minutes."""
        return f"/auth/login?provider={quote(auth_util.encode_provider_token(provider))}"

    def claims(self, cookies: Mapping[str, str], host: str) -> Mapping[str, Any] | None:
        """Return what the provider said of whoever asks, if Streamlit has signed it for this very app."""

        def signed(name: str) -> bytes | None:
            return decode_signed_value(get_cookie_secret(), name, cookies.get(name, "").encode("latin-1", "replace"))

        said = auth_util.get_cookie_with_chunks(signed, USER_COOKIE_NAME)
        found = json.loads(said) if said else None
        if not isinstance(found, dict) or found.get("is_logged_in") is not True:
            return None
        return found if found.get("origin") == self.origin and urlsplit(self.origin).netloc == host else None


def accounts() -> StreamlitAccounts | None:
    """Return the sign-in with accounts, or None where none is set up."""
    found = StreamlitAccounts() if auth_util.get_secrets_auth_section() else None
    return found if found and found.providers() else None
