"""Deposits: checkouts of another kind, under the noun and in the forms of trading platforms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import NotFound
from domain.ids import Kind, parse, public
from domain.merchant import Scope
from domain.payment import Payment
from ingress import dialects, views
from ingress.asking import caller_of
from ingress.authentication import Caller
from ingress.backing import Reading
from ingress.checkout import Checkouts
from ingress.payments import count_accepted
from ingress.schemas import choose_key, parse_wait
from ingress.transfers_in import DEPOSIT, KIND, read_deposit
from ingress.transfers_out import deposit_json
from ingress.waiting import Waiting

#: What an answer in XML consists of.
ROOT: Final = "depositResponse"


def accepted(payment: Payment, checkout_url: views.CheckoutUrl) -> bytes:
    """Return the body of the 202 of a deposit or of any other checkout; the key records it."""
    if payment.kind == KIND:
        return msgspec.json.encode(deposit_json(payment, checkout_url))
    return views.accepted(payment, checkout_url)


@dataclass(frozen=True, slots=True)
class Deposits:
    """The deposit handlers and what they stand on."""

    checkouts: Checkouts
    reads: Reading
    waiting: Waiting
    checkout_url: views.CheckoutUrl
    new_id: Callable[[], UUID]
    fingerprint_key: bytes = field(repr=False)

    def routes(self) -> list[Route]:
        """Return the versioned routes."""
        return [
            Route("/deposits", self.accept, methods=["POST"]),
            Route("/deposits/{id}", self.read, methods=["GET"]),
            Route("/deposit", self.accept, methods=["POST"]),
        ]

    def older_routes(self) -> list[Route]:
        """Return the route from before there were versions."""
        return [Route("/deposit", self.accept, methods=["POST"])]

    async def accept(self, request: Request) -> Response:
        """Write a deposit down once per key, and answer 202; with `Prefer: wait`, the outcome."""
        caller = caller_of(request, Scope.WRITE)
        fields = await dialects.read(request, DEPOSIT)
        deposit, in_body = read_deposit(fields, caller.mode, self.fingerprint_key)
        key = choose_key(request.headers, in_body, caller.mode, self.new_id)
        made = await self.checkouts.accept(caller, deposit, key, request.state.request_id)
        count_accepted(caller.mode, made)
        id_ = public(Kind.PAYMENT, made.payment_id)
        request.state.transaction_id = id_
        headers = {"Idempotency-Key": key}
        if made.replayed:
            headers["Idempotent-Replayed"] = "true"
        if made.recorded.status != 202:
            return dialects.problem(
                request.scope, made.recorded.body, made.recorded.status, headers
            )
        headers["Location"] = f"/v1/deposits/{id_}"
        if wait_s := parse_wait(request.headers.get("prefer"), None):
            headers["Preference-Applied"] = f"wait={wait_s:g}"
            payment = await self._settled(caller, made.payment_id, wait_s)
            if views.settled(payment):
                return self._shown(request, payment, headers)
        return dialects.answer(request, made.recorded.body, ROOT, 202, headers)

    async def read(self, request: Request) -> Response:
        """Show a deposit; `?wait=` holds the answer until it settles."""
        caller, id_ = caller_of(request, Scope.READ), parse(Kind.PAYMENT, request.path_params["id"])
        request.state.transaction_id = public(Kind.PAYMENT, id_)
        wait_s = parse_wait(None, request.query_params.get("wait"))
        return self._shown(request, await self._settled(caller, id_, wait_s))

    def _shown(
        self, request: Request, payment: Payment, headers: dict[str, str] | None = None
    ) -> Response:
        said = deposit_json(payment, self.checkout_url)
        return dialects.answer(request, said, ROOT, headers=headers)

    async def _read(self, caller: Caller, id_: UUID) -> Payment:
        payment = await self.reads.payment(id_, caller.merchant_id, caller.mode)
        if payment is None or payment.kind != KIND:
            raise NotFound("deposit")
        return payment

    async def _settled(self, caller: Caller, id_: UUID, wait_s: float) -> Payment:
        return await self.waiting.until(id_, wait_s, lambda: self._read(caller, id_), views.settled)
