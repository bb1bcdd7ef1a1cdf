"""Asking: what the handlers about people share: who asks, what is there to ask, how it is said."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import Unavailable
from domain.people import Asker
from ingress.authentication import Caller
from ops.store.people import People


def caller_of(request: Request, scope: str) -> Caller:
    """Return who asks. Raises `Forbidden` for a key without the scope."""
    caller: Caller = request.state.caller
    caller.require(scope)
    return caller


def asker(request: Request, scope: str) -> Asker:
    """Return on whose behalf the books are asked. Raises `Forbidden`."""
    caller = caller_of(request, scope)
    return Asker(caller.merchant_id, caller.mode, caller.key_id, request.state.request_id)


def kept(people: People | None) -> People:
    """Return the books about people; without any (USE_MOCK_DB) raises `Unavailable`: a 503."""
    if people is None:
        raise Unavailable("nothing about people is kept without a database")
    return people


def json_answer(
    content: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return an answer in JSON."""
    return Response(msgspec.json.encode(content), status, headers, "application/json")
