"""Throttle: callers have a rate, and strangers may be refused only so often."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import RateLimited
from ingress import problems
from ingress.limits import Limits


class Throttle:
    """Counts each caller's requests, and the refused ones of those who are no callers."""

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        ip_rate_per_minute: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._limits = limits
        self._ip_rate = ip_rate_per_minute
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 429."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller = scope["state"].get("caller")
        if caller is None:
            await self._app(scope, receive, self._watched(scope, receive, send))
            return
        allowance = await self._limits.called(caller.key_id, caller.rate_limit_per_minute)
        scope["state"]["answer_headers"] = allowance.headers(self._clock())
        if allowance.allowed:
            await self._app(scope, receive, send)
            return
        refusal = problems.respond(scope, RateLimited(allowance.retry_after_s))
        await refusal(scope, receive, send)

    def _watched(self, scope: Scope, receive: Receive, send: Send) -> Send:
        """Return a `send` that turns a refusal into a 429 once its address had too many."""
        replaced = False

        async def sent(message: Message) -> None:
            nonlocal replaced
            if replaced:
                return
            if message["type"] == "http.response.start" and 400 <= message["status"] < 500:
                allowance = await self._limits.refused(scope["state"]["client_ip"], self._ip_rate)
                if not allowance.allowed:
                    replaced = True
                    refusal = problems.respond(scope, RateLimited(allowance.retry_after_s))
                    await refusal(scope, receive, send)
                    return
            await send(message)

        return sent
