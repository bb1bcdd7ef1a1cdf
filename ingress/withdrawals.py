"""Withdrawals, which are payouts under an older name: taken, read, listed, in JSON, XML and SOAP."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import DomainError, NotFound
from domain.flows.withdraw import Counter, Order, Taken, Withdrawal, withdraw
from domain.ids import Kind, parse, public
from domain.merchant import Scope
from domain.payout import Payout
from ingress import dialects
from ingress.asking import caller_of
from ingress.authentication import Caller
from ingress.backing import PayoutReading
from ingress.backlog import Backlog, unbounded
from ingress.beside import Beside
from ingress.directory import Directory, check, check_preference
from ingress.queries import Query
from ingress.schemas import choose_key, cursor, parse_wait
from ingress.transfers_in import WITHDRAWAL, read_payouts_wanted, read_withdrawal
from ingress.transfers_out import payout_json
from ingress.waiting import Waiting

#: What an answer in XML consists of.
ROOT: Final = "withdrawalResponse"
LIST_ROOT: Final = "withdrawalList"


def accepted(payout: Payout) -> bytes:
    """Return the body of the 202, which is also the recorded answer of the key."""
    return msgspec.json.encode(payout_json(payout))


@dataclass(frozen=True, slots=True)
class Withdrawals:
    """The withdrawal handlers and what they stand on."""

    counter: Counter
    reads: PayoutReading
    waiting: Waiting
    directory: Directory
    backlog: Backlog = field(default_factory=unbounded)
    _beside: Beside = field(default_factory=Beside)

    def routes(self) -> list[Route]:
        """Return the versioned routes: the same under both nouns."""
        return [
            Route("/withdrawals", self.accept, methods=["POST"]),
            Route("/withdrawals", self.page, methods=["GET"]),
            Route("/withdrawals/{id}", self.read, methods=["GET"]),
            Route("/withdrawal", self.accept, methods=["POST"]),
            Route("/payouts", self.accept, methods=["POST"]),
            Route("/payouts", self.page, methods=["GET"]),
            Route("/payouts/{id}", self.read, methods=["GET"]),
        ]

    def older_routes(self) -> list[Route]:
        """Return the route from before there were versions."""
        return [Route("/withdrawal", self.accept, methods=["POST"])]

    async def accept(self, request: Request) -> Response:
        """Write a withdrawal down once per key, and answer 202; with `Prefer: wait`, the outcome."""
        caller = caller_of(request, Scope.PAYOUTS)
        withdrawal, in_body = read_withdrawal(await dialects.read(request, WITHDRAWAL))
        order = Order(
            withdrawal=withdrawal,
            merchant_id=caller.merchant_id,
            mode=caller.mode,
            actor_id=f"key:{caller.key_id}",
            key=choose_key(request.headers, in_body, caller.mode, self.counter.new_id),
            request_id=request.state.request_id,
            refusal=await self._refusal(caller, withdrawal),
        )
        taken = await self._taken(order)
        id_ = public(Kind.PAYOUT, taken.payout_id)
        request.state.transaction_id = id_
        headers = {"Idempotency-Key": order.key, "Location": f"/v1/withdrawals/{id_}"}
        if taken.replayed:
            headers["Idempotent-Replayed"] = "true"
        if wait_s := parse_wait(request.headers.get("prefer"), None):
            headers["Preference-Applied"] = f"wait={wait_s:g}"
            payout = await self._settled(caller, taken.payout_id, wait_s)
            if payout.over:
                return dialects.answer(request, payout_json(payout), ROOT, headers=headers)
        return dialects.answer(request, taken.recorded.body, ROOT, 202, headers)

    async def read(self, request: Request) -> Response:
        """Show a withdrawal; `?wait=` holds the answer until it is over."""
        caller, id_ = caller_of(request, Scope.READ), parse(Kind.PAYOUT, request.path_params["id"])
        request.state.transaction_id = public(Kind.PAYOUT, id_)
        wait_s = parse_wait(None, request.query_params.get("wait"))
        payout = await self._settled(caller, id_, wait_s)
        return dialects.answer(request, payout_json(payout), ROOT)

    async def page(self, request: Request) -> Response:
        """List the merchant's withdrawals, newest first."""
        caller = caller_of(request, Scope.READ)
        query = Query(request.query_params, "payouts")
        wanted, part = read_payouts_wanted(query)
        found = await self.reads.payouts(
            caller,
            wanted,
            limit=part.limit + 1,  # one more than shown tells whether there is more
            before=part.before,
        )
        shown, more = found[: part.limit], len(found) > part.limit
        said = {
            "data": [payout_json(payout) for payout in shown],
            "has_more": more,
            "next_cursor": cursor(shown[-1].id, query.scope) if more else None,
        }
        return dialects.answer(request, said, LIST_ROOT)

    async def _taken(self, order: Order) -> Taken:
        id_ = (order.merchant_id, order.mode.value, order.key)
        before = await self.backlog.answered(id_, order.withdrawal.fingerprint())
        if before is not None:
            return Taken(before.recorded, before.resource_id, replayed=True)
        return await self._beside(partial(withdraw, order, self.counter))

    async def _refusal(self, caller: Caller, asked: Withdrawal) -> DomainError | None:
        """Return why this house does not send this amount, or not there, or not by them."""
        directory = await self.directory()
        try:
            check(directory, asked.amount, asked.currency, asked.country)
            check_preference(directory, asked.preference, caller.merchant_id, caller.mode)
        except DomainError as refusal:
            return refusal
        return None

    async def _read(self, caller: Caller, id_: UUID) -> Payout:
        payout = await self.reads.payout(caller, id_)
        if payout is None:
            raise NotFound("payout")
        return payout

    async def _settled(self, caller: Caller, id_: UUID, wait_s: float) -> Payout:
        return await self.waiting.until(
            id_, wait_s, lambda: self._read(caller, id_), lambda payout: payout.over
        )
