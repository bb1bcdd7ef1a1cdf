"""Armour: the headers that tell browsers and caches what they must not do, and CORS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Put on every answer that does not say otherwise itself.
HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
#: Two years, as browsers' preload lists ask for.
HSTS: Final = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
#: Headers of ours that a page from an allowed origin may read.
EXPOSED: Final = (
    "ETag",
    "Idempotency-Key",
    "Idempotent-Replayed",
    "Location",
    "Preference-Applied",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
)
ACCEPTED: Final = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Prefer",
    "X-Api-Key",
    "X-Request-ID",
)
#: How long a browser may remember the answer to a preflight request.
PREFLIGHT_S: Final = 600


class SecurityHeaders:
    """Adds the security headers, and what inner guards left in `state["answer_headers"]`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [*message.get("headers", ()), *scope["state"].get("answer_headers", ())]
                names = {name.lower() for name, _ in own}
                own += [header for header in HEADERS if header[0] not in names]
                if scope.get("scheme") == "https":
                    own.append(HSTS)
                message["headers"] = own
            await send(message)

        await self._app(scope, receive, sent)


def dressing(origins: Sequence[str]) -> Callable[[ASGIApp], ASGIApp]:
    """Return what puts security headers, and CORS for the allowed origins, around an application."""

    def dress(app: ASGIApp) -> ASGIApp:
        if not origins:
            return SecurityHeaders(app)
        cors = CORSMiddleware(
            app,
            allow_origins=list(origins),
            allow_methods=["GET", "POST"],
            allow_headers=list(ACCEPTED),
            expose_headers=list(EXPOSED),
            max_age=PREFLIGHT_S,
        )
        return SecurityHeaders(cors)

    return dress
