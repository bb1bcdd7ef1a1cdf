"""Sizes: what is larger than anything we mean is refused before it is read."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingress.paths import is_webhook

#: The largest request a merchant has reason to send: metadata of 27 KB, doubled by escapes.
MERCHANT_BYTES: Final = 64 * 1024
#: What providers promise to stay below.
PROVIDER_BYTES: Final = 1024 * 1024
#: The server behind us takes a megabyte of headers without a word.
HEADER_BYTES: Final = 16 * 1024
TARGET_BYTES: Final = 8 * 1024


class Sizes:
    """Refuses oversized headers, targets and bodies with 431, 414 and 413."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; its body is counted as it arrives, whatever it claims to be."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if len(scope["path"]) + len(scope["query_string"]) > TARGET_BYTES:
            raise HTTPException(414, "the path is too long")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
            raise HTTPException(431, "the headers are too large")
        most = PROVIDER_BYTES if is_webhook(scope) else MERCHANT_BYTES
        if _claimed(scope) > most:
            raise HTTPException(413)
        left = most

        async def received() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413)
            return message

        await self._app(scope, received, send)


def _claimed(scope: Scope) -> int:
    """Return the Content-Length; 0 for a body in chunks, or a number that the server has judged."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0
