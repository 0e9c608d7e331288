"""Ahead: what a page will need is named with its first answer, so that a browser fetches it while the page begins."""

from collections.abc import MutableMapping, Sequence
from typing import Any

from engine.live.gate import App, Receive, Scope, Send

START = "/"  # which shows its loops without any of it


class Ahead:
    """Names scripts in the answer to whoever opens a page other than Start."""

    def __init__(self, app: App, scripts: Sequence[str], modules: Sequence[str]):
        named = [f"<{path}>; rel=preload; as=script" for path in scripts]
        named += [f"<{path}>; rel=modulepreload" for path in modules]
        self.app, self.header = app, (b"link", ", ".join(named).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the header where a document is asked for."""
        opened = scope["type"] == "http" and (b"sec-fetch-dest", b"document") in scope["headers"]
        if not opened or scope["path"] == START:
            await self.app(scope, receive, send)
            return

        async def adding(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), self.header]}
            await send(message)

        await self.app(scope, receive, adding)
