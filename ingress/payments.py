"""Payments: accept, read, list, cancel. Handlers parse, ask, and answer; nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
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
from ingress.backing import Reading
from ingress.intake import Intake
from ingress.problems import MEDIA_TYPE
from ingress.waiting import Waiting
from ops.store.accept import Accepted, Ask
from ops.telemetry import metrics

Cancel = Callable[[UUID, UUID, Mode, str], Awaitable[Payment]]

#: The scopes of an API key that these routes ask for.
READ, WRITE = "payments:read", "payments:write"


@dataclass(frozen=True, slots=True)
class Payments:
    """The payment handlers and what they stand on."""

    intake: Intake
    reads: Reading
    waiting: Waiting
    cancel: Cancel
    new_id: Callable[[], UUID]
    fingerprint_key: bytes = field(repr=False)

    def routes(self) -> list[Route]:
        """Return the routes. `checkout` and `payments` are one command under two names."""
        return [
            Route("/checkout", self.accept, methods=["POST"]),
            Route("/payments", self.accept, methods=["POST"]),
            Route("/payments", self.page, methods=["GET"]),
            Route("/payments/{id}", self.read, methods=["GET"]),
            Route("/tx/{id}", self.read, methods=["GET"]),
            Route("/payments/{id}/status", self.status, methods=["GET"]),
            Route("/payments/{id}/attempts", self.attempts, methods=["GET"]),
            Route("/payments/{id}/cancel", self.cancelled, methods=["POST"]),
        ]

    async def accept(self, request: Request) -> Response:
        """Write a checkout down once per key, and answer 202; with `Prefer: wait`, the outcome."""
        caller = _caller(request, WRITE)
        checkout, key = schemas.parse_order(
            await request.body(), request.headers, caller.mode, self.fingerprint_key, self.new_id
        )
        ask = Ask(
            merchant_id=caller.merchant_id,
            mode=caller.mode,
            key=key,
            key_id=caller.key_id,
            checkout=checkout,
            fingerprint=checkout.fingerprint(),
            request_id=request.state.request_id,
            payment_id=self.new_id(),
        )
        accepted = await self.intake.accept(ask)
        _count(caller.mode, accepted)
        id_ = public(Kind.PAYMENT, accepted.payment_id)
        request.state.transaction_id = id_
        headers = {"Idempotency-Key": key}
        if accepted.replayed:
            headers["Idempotent-Replayed"] = "true"
        if accepted.recorded.status != 202:
            return Response(accepted.recorded.body, accepted.recorded.status, headers, MEDIA_TYPE)
        headers["Location"] = f"/v1/payments/{id_}"
        if wait_s := schemas.parse_wait(request.headers.get("prefer"), None):
            headers["Preference-Applied"] = f"wait={wait_s:g}"
            payment = await self._settled(caller, accepted.payment_id, wait_s)
            if payment.status not in views.UNSETTLED:
                return _json(views.payment_json(payment), headers)
        return Response(accepted.recorded.body, 202, headers, "application/json")

    async def read(self, request: Request) -> Response:
        """Show a payment; `?wait=` holds the answer until it settles or, with an ETag, changes."""
        caller, id_ = _asked(request, READ)
        known = request.headers.get("if-none-match")
        wait_s = schemas.parse_wait(None, request.query_params.get("wait"))

        def enough(payment: Payment) -> bool:
            if known is not None:
                return _etag(payment) != known
            return payment.status not in views.UNSETTLED

        payment = await self.waiting.until(id_, wait_s, lambda: self._read(caller, id_), enough)
        headers = {"ETag": _etag(payment)}
        if known == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return _json(views.payment_json(payment), headers)

    async def status(self, request: Request) -> Response:
        """Show the few fields that pollers need."""
        caller, id_ = _asked(request, READ)
        wait_s = schemas.parse_wait(None, request.query_params.get("wait"))
        return _json(views.status_json(await self._settled(caller, id_, wait_s)))

    async def attempts(self, request: Request) -> Response:
        """Show each attempt with the proof of what it did."""
        caller, id_ = _asked(request, READ)
        found = await self.reads.attempts(id_, caller.merchant_id, caller.mode)
        if not found:
            await self._read(caller, id_)  # none yet is an empty list; another's is not there
        return _json({"data": [views.attempt_json(attempt) for attempt in found]})

    async def page(self, request: Request) -> Response:
        """List the merchant's payments, newest first."""
        caller = _caller(request, READ)
        asked = schemas.parse_page(request.query_params)
        found = await self.reads.page(
            caller.merchant_id,
            caller.mode,
            before=asked.before,
            limit=asked.limit + 1,  # one more than shown tells whether there is more
            status=asked.status,
            order_id=asked.order_id,
        )
        shown, more = found[: asked.limit], len(found) > asked.limit
        return _json(
            {
                "data": [views.payment_json(payment) for payment in shown],
                "has_more": more,
                "next_cursor": schemas.cursor(shown[-1].id) if more else None,
            }
        )

    async def cancelled(self, request: Request) -> Response:
        """Cancel at once (200), or ask the provider to let go first (202)."""
        caller, id_ = _asked(request, WRITE)
        payment = await self.cancel(id_, caller.merchant_id, caller.mode, f"key:{caller.key_id}")
        asked = payment.cancel_requested_at is not None and not payment.final
        return _json(views.payment_json(payment), status=202 if asked else 200)

    async def _read(self, caller: Caller, id_: UUID) -> Payment:
        payment = await self.reads.payment(id_, caller.merchant_id, caller.mode)
        if payment is None:
            raise NotFound("payment")
        return payment

    async def _settled(self, caller: Caller, id_: UUID, wait_s: float) -> Payment:
        return await self.waiting.until(
            id_,
            wait_s,
            lambda: self._read(caller, id_),
            lambda payment: payment.status not in views.UNSETTLED,
        )


def _caller(request: Request, scope: str) -> Caller:
    caller: Caller = request.state.caller
    caller.require(scope)
    return caller


def _asked(request: Request, scope: str) -> tuple[Caller, UUID]:
    caller, id_ = _caller(request, scope), parse(Kind.PAYMENT, request.path_params["id"])
    request.state.transaction_id = public(Kind.PAYMENT, id_)
    return caller, id_


def _count(mode: Mode, accepted: Accepted) -> None:
    if accepted.replayed:
        metrics.PAYMENTS_REPLAYED.labels(mode.value).inc()
    elif accepted.recorded.status == 202:
        metrics.PAYMENTS_ACCEPTED.labels(mode.value).inc()


def _etag(payment: Payment) -> str:
    return f'"{payment.id.hex}.{payment.version}"'


def _json(content: object, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, headers, "application/json")
