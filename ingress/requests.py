"""Request ids and the access log: what every request carries, and the one line it leaves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.ids import HEX_CHARACTERS, Kind, public
from ingress.operations import operation_of, template_of
from ops.telemetry import logs, metrics

REQUEST_ID: Final = b"x-request-id"
#: Longer or stranger ids could forge log lines, so they are replaced.
_ACCEPTED: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_PAYMENT_ID: Final = re.compile(rf"{Kind.PAYMENT.value}_[0-9a-f]{{{HEX_CHARACTERS}}}")
#: Asked every few seconds by machines: counted, but a line only when they fail.
_QUIET: Final = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
#: What the log shows when a request ended without any answer.
_NO_ANSWER: Final = 500


class RequestIds:
    """Gives every request an id: the caller's if it is well formed, else a new one."""

    def __init__(self, app: ASGIApp, new_id: Callable[[], str]) -> None:
        self._app = app
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the id into the scope's state, the answer and every log line in between."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == REQUEST_ID), b"")
        id_ = given.decode() if _ACCEPTED.fullmatch(given) else self._new_id()
        scope.setdefault("state", {})["request_id"] = id_

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (REQUEST_ID, id_.encode())]
            await send(message)

        logs.bind(request_id=id_)  # each request is a task of its own
        await self._app(scope, receive, sent)


class AccessLog:
    """Writes one line per request, and counts it under its route's template.

    The line names ids only: no path, no query, no header, no body. A handler may name the payment
    it made in `request.state.transaction_id`; otherwise the id in the path is taken.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, then tell what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = _NO_ANSWER

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        try:
            await self._app(scope, receive, sent)
        finally:
            _tell(scope, status, time.perf_counter() - began)


def _tell(scope: Scope, status: int, seconds: float) -> None:
    template = template_of(scope)
    metrics.observe_request(scope["method"], template, status, seconds)
    if template in _QUIET and status < 400:
        return
    state = scope["state"]
    caller = state.get("caller")
    logs.operation(
        operation_of(scope),
        status=status,
        duration_ms=seconds * 1e3,
        request_id=state["request_id"],
        partner_id=public(Kind.MERCHANT, caller.merchant_id) if caller else None,
        transaction_id=state.get("transaction_id") or _payment_in(scope),
    )


def _payment_in(scope: Scope) -> str | None:
    """Return the payment that the path names, if it is a name that could be ours."""
    id_ = scope.get("path_params", {}).get("id", "")
    return id_ if _PAYMENT_ID.fullmatch(id_) else None
