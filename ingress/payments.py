"""Payments: accept one, and read one. Handlers parse, ask, and answer; nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import NotFound
from domain.ids import Kind, public
from domain.merchant import Scope
from domain.payment import Mode, Payment
from ingress import schemas, views
from ingress.asking import caller_of, json_answer
from ingress.authentication import Caller
from ingress.backing import Reading
from ingress.checkout import Checkouts
from ingress.payment_operations import payment_of
from ingress.problems import MEDIA_TYPE
from ingress.showing import Showing
from ingress.waiting import Waiting
from ops.store.accept import Accepted
from ops.telemetry import metrics


@dataclass(frozen=True, slots=True)
class Payments:
    """The payment handlers and what they stand on."""

    checkouts: Checkouts
    reads: Reading
    waiting: Waiting
    show: Showing
    new_id: Callable[[], UUID]
    fingerprint_key: bytes = field(repr=False)

    def routes(self) -> list[Route]:
        """Return the routes. `checkout` and `payments` are one command under two names."""
        return [
            Route("/checkout", self.accept, methods=["POST"]),
            Route("/payments", self.accept, methods=["POST"]),
            Route("/payments/{id}", self.read, methods=["GET"]),
            Route("/tx/{id}", self.read, methods=["GET"]),
            Route("/payments/{id}/status", self.status, methods=["GET"]),
            Route("/payments/{id}/attempts", self.attempts, methods=["GET"]),
        ]

    async def accept(self, request: Request) -> Response:
        """Write a checkout down once per key, and answer 202; with `Prefer: wait`, the outcome."""
        caller = caller_of(request, Scope.WRITE)
        checkout, key = schemas.parse_order(
            await request.body(), request.headers, caller.mode, self.fingerprint_key, self.new_id
        )
        accepted = await self.checkouts.accept(caller, checkout, key, request.state.request_id)
        count_accepted(caller.mode, accepted)
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
            if views.settled(payment) and payment.confirmed:
                return json_answer(await self.show.one(payment), headers=headers)
        return Response(accepted.recorded.body, 202, headers, "application/json")

    async def read(self, request: Request) -> Response:
        """Show a payment; `?wait=` holds the answer until it settles or, with an ETag, changes."""
        caller, id_ = caller_of(request, Scope.READ), payment_of(request, "id")
        known = request.headers.get("if-none-match")
        wait_s = schemas.parse_wait(None, request.query_params.get("wait"))

        def enough(payment: Payment) -> bool:
            return views.settled(payment) if known is None else self._etag(payment) != known

        payment = await self.waiting.until(id_, wait_s, lambda: self._read(caller, id_), enough)
        headers = {"ETag": self._etag(payment)}
        if known == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return json_answer(await self.show.one(payment), headers=headers)

    async def status(self, request: Request) -> Response:
        """Show the few fields that pollers need."""
        caller, id_ = caller_of(request, Scope.READ), payment_of(request, "id")
        wait_s = schemas.parse_wait(None, request.query_params.get("wait"))
        return json_answer(views.status_json(await self._settled(caller, id_, wait_s)))

    async def attempts(self, request: Request) -> Response:
        """Show each attempt with the proof of what it did."""
        caller, id_ = caller_of(request, Scope.READ), payment_of(request, "id")
        found = await self.reads.attempts(id_, caller.merchant_id, caller.mode)
        if not found:
            await self._read(caller, id_)  # none yet is an empty list; another's is not there
        return json_answer({"data": [views.attempt_json(attempt) for attempt in found]})

    def _etag(self, payment: Payment) -> str:
        closed = ".closed" if self.show.closed(payment) else ""
        return f'"{payment.id.hex}.{payment.version}{closed}"'

    async def _read(self, caller: Caller, id_: UUID) -> Payment:
        payment = await self.reads.payment(id_, caller.merchant_id, caller.mode)
        if payment is None:
            raise NotFound("payment")
        return payment

    async def _settled(self, caller: Caller, id_: UUID, wait_s: float) -> Payment:
        return await self.waiting.until(id_, wait_s, lambda: self._read(caller, id_), views.settled)


def count_accepted(mode: Mode, accepted: Accepted) -> None:
    """Count a payment that was accepted, or its answer that was given again."""
    if accepted.replayed:
        metrics.PAYMENTS_REPLAYED.labels(mode.value).inc()
    elif accepted.recorded.status == 202:
        metrics.PAYMENTS_ACCEPTED.labels(mode.value).inc()
