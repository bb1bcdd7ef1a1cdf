"""Payments: accept, read, list, cancel. Handlers parse, ask, and answer; nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import NotFound
from domain.ids import Kind, parse, public
from domain.payment import Mode, Payment
from ingress import schemas, views
from ingress.authentication import Caller
from ingress.intake import Intake
from ingress.problems import MEDIA_TYPE
from ingress.waiting import Waiting
from ops.store.accept import Ask
from ops.store.reads import Reads

Cancel = Callable[[UUID, UUID, Mode, str], Awaitable[Payment]]


def routes(
    intake: Intake,
    reads: Reads,
    waiting: Waiting,
    cancel: Cancel,
    new_id: Callable[[], UUID],
    fingerprint_key: bytes,
) -> list[Route]:
    """Return the payment routes. `checkout` and `payments` are one command under two names."""

    async def accept(request: Request) -> Response:
        caller = _caller(request, WRITE)
        checkout, key = schemas.parse_order(
            await request.body(), request.headers, caller.mode, fingerprint_key, new_id
        )
        ask = Ask(
            merchant_id=caller.merchant_id,
            mode=caller.mode,
            key=key,
            key_id=caller.key_id,
            checkout=checkout,
            fingerprint=checkout.fingerprint(),
            request_id=request.state.request_id,
            payment_id=new_id(),
        )
        accepted = await intake.accept(ask)
        id_ = public(Kind.PAYMENT, accepted.payment_id)
        headers = {"Location": f"/v1/payments/{id_}", "Idempotency-Key": key}
        if accepted.replayed:
            headers["Idempotent-Replayed"] = "true"
        wait_s = schemas.parse_wait(request.headers.get("prefer"), None)
        if accepted.recorded.status == 202 and wait_s:
            payment = await _settled(caller, accepted.payment_id, wait_s)
            headers["Preference-Applied"] = f"wait={wait_s:g}"
            if payment.status not in views.UNSETTLED:
                return _json(views.payment_json(payment), headers)
        media = "application/json" if accepted.recorded.status == 202 else MEDIA_TYPE
        return Response(accepted.recorded.body, accepted.recorded.status, headers, media)

    async def read(request: Request) -> Response:
        caller, id_ = _asked(request, READ)
        known = request.headers.get("if-none-match")
        wait_s = schemas.parse_wait(None, request.query_params.get("wait"))

        def enough(payment: Payment) -> bool:
            if known is not None:
                return _etag(payment) != known
            return payment.status not in views.UNSETTLED

        payment = await waiting.until(id_, wait_s, lambda: _read(caller, id_), enough)
        headers = {"ETag": _etag(payment)}
        if known == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return _json(views.payment_json(payment), headers)

    async def status(request: Request) -> Response:
        caller, id_ = _asked(request, READ)
        wait_s = schemas.parse_wait(None, request.query_params.get("wait"))
        return _json(views.status_json(await _settled(caller, id_, wait_s)))

    async def attempts(request: Request) -> Response:
        caller, id_ = _asked(request, READ)
        found = await reads.attempts(id_, caller.merchant_id, caller.mode)
        if not found:
            await _read(caller, id_)  # none yet is an empty list; another merchant's is not there
        return _json({"data": [views.attempt_json(attempt) for attempt in found]})

    async def page(request: Request) -> Response:
        caller = _caller(request, READ)
        asked = schemas.parse_page(request.query_params)
        found = await reads.page(
            caller.merchant_id,
            caller.mode,
            before=asked.before,
            limit=asked.limit + 1,
            status=asked.status,
            order_id=asked.order_id,
        )
        shown = found[: asked.limit]
        more = len(found) > asked.limit
        return _json(
            {
                "data": [views.payment_json(payment) for payment in shown],
                "has_more": more,
                "next_cursor": schemas.cursor(shown[-1].id) if more else None,
            }
        )

    async def cancelled(request: Request) -> Response:
        caller, id_ = _asked(request, WRITE)
        payment = await cancel(id_, caller.merchant_id, caller.mode, f"key:{caller.key_id}")
        asked = payment.cancel_requested_at is not None and not payment.final
        return _json(views.payment_json(payment), status=202 if asked else 200)

    async def _read(caller: Caller, id_: UUID) -> Payment:
        payment = await reads.payment(id_, caller.merchant_id, caller.mode)
        if payment is None:
            raise NotFound("payment")
        return payment

    async def _settled(caller: Caller, id_: UUID, wait_s: float) -> Payment:
        return await waiting.until(
            id_,
            wait_s,
            lambda: _read(caller, id_),
            lambda payment: payment.status not in views.UNSETTLED,
        )

    return [
        Route("/checkout", accept, methods=["POST"]),
        Route("/payments", accept, methods=["POST"]),
        Route("/payments", page, methods=["GET"]),
        Route("/payments/{id}", read, methods=["GET"]),
        Route("/tx/{id}", read, methods=["GET"]),
        Route("/payments/{id}/status", status, methods=["GET"]),
        Route("/payments/{id}/attempts", attempts, methods=["GET"]),
        Route("/payments/{id}/cancel", cancelled, methods=["POST"]),
    ]


#: The scopes of an API key that these routes ask for.
READ, WRITE = "payments:read", "payments:write"


def _caller(request: Request, scope: str) -> Caller:
    caller: Caller = request.state.caller
    caller.require(scope)
    return caller


def _asked(request: Request, scope: str) -> tuple[Caller, UUID]:
    return _caller(request, scope), parse(Kind.PAYMENT, request.path_params["id"])


def _etag(payment: Payment) -> str:
    return f'"{payment.id.hex}.{payment.version}"'


def _json(content: object, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, headers, "application/json")
